"""The gate answers every question, denies without a usable policy, follows a change at the next request."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accessctl.access import explain
from accessctl.access.enforcer import Decision, Gate, Subject
from accessctl.access.loader import CONSOLE_RULES, default_folder, load
from accessctl.domain.permissions import Case, Permission, Role

pytestmark = pytest.mark.xdist_group("policies")  # one table for all of them: it remembers its answers
Spoil = Callable[..., None]
OFFICES = frozenset({"VPT", "CJT", "DML"})
CLERK = Subject("tran.binh", frozenset({Role.CARD}), "CJT")
LINE = "p, card,             foreign, any-office,  lease:open.tkcl,         servable-case,  allow\n"


def borrow(gate: Gate) -> Decision:
    return gate.decide(CLERK, "lease:open.tkcl", "DML", case="lost")


def test_a_decision_carries_its_reason_its_line_and_the_version_of_the_policy(gate: Gate) -> None:
    allowed = borrow(gate)
    assert (allowed.allowed, allowed.reason, allowed.policy_version) == (True, "allowed", gate.version)
    number = int(allowed.detail.split(":")[1])
    assert (default_folder() / CONSOLE_RULES).read_text(encoding="utf-8").splitlines()[
        number - 1
    ] + "\n" == LINE
    refused = gate.decide(CLERK, "lease:open.tkhctt", "DML")
    assert (refused.allowed, refused.reason) == (False, "no_rule")
    assert "collection (foreign" in refused.detail


def test_a_decision_can_be_said_in_vietnamese_and_in_english(gate: Gate) -> None:
    refused = gate.decide(CLERK, "lease:open.tkhctt", "DML")
    assert explain.sentence(refused).startswith("Không được phép: chính sách không giao quyền này cho ông/bà")
    assert explain.sentence(refused, "en").startswith("Not allowed")
    policy = load()
    assert explain.holders(policy, "lease:open.tkcl") == ("Bộ phận Cấp sổ, thẻ (đơn vị khác)",)
    assert explain.label(policy, "permissions", "account:lock") == "Khóa tài khoản"
    assert explain.label(policy, "permissions", "nonsense") == "nonsense"


def test_without_a_signed_in_officer_nothing_is_allowed(gate: Gate) -> None:
    for nobody in (None, Subject("", frozenset(Role), "CJT")):
        for permission in Permission:
            assert gate.decide(nobody, permission, "CJT").reason == "not_authenticated"


ANYTHING = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=30),
    st.lists(st.text(max_size=3)),
    st.sampled_from(list(Permission)),
)


@settings(max_examples=150, deadline=None)
@given(permission=ANYTHING, office=ANYTHING, case=ANYTHING, home=ANYTHING, roles=st.sets(st.text(max_size=8)))
def test_whatever_is_asked_the_gate_answers_and_does_not_allow(
    gate: Gate, permission: Any, office: Any, case: Any, home: Any, roles: Any
) -> None:
    assert not gate.decide(CLERK, permission, office, case=case).allowed
    assert not gate.decide(CLERK, "log:view.own", "CJT", case=case).allowed or case in tuple(Case)
    assert not gate.decide(Subject("an", frozenset({Role.CARD}), home), "log:view.own", "CJT").allowed
    unknown = gate.decide(Subject("an", frozenset({"card", "root", *roles}), "CJT"), "log:view.own", "CJT")  # type: ignore[arg-type]
    assert (unknown.allowed, unknown.reason) == (False, "unknown_word")


def test_an_office_outside_the_province_is_unknown_and_offices_may_come_from_a_call() -> None:
    province = {"CJT"}
    gate = Gate(offices=lambda: province)
    assert borrow(gate).reason == "unknown_word"
    province.add("DML")
    assert borrow(gate).allowed


def test_when_the_offices_cannot_be_read_the_answer_is_no() -> None:
    def unreachable() -> set[str]:
        raise ConnectionError("the control database is down")

    decision = borrow(Gate(offices=unreachable))
    assert (decision.allowed, decision.reason) == (False, "unknown_word")


def break_the_effect(folder: Path) -> None:
    path = folder / CONSOLE_RULES
    path.write_text(path.read_text(encoding="utf-8").replace("  deny\n", "  Deny\n", 1), encoding="utf-8")


def empty_every_file(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"")


def empty_the_folder(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize("damage", [break_the_effect, empty_every_file, empty_the_folder, shutil.rmtree])
def test_at_start_a_broken_empty_or_missing_policy_denies_everything_and_says_so(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    gate = Gate(folder, OFFICES)
    assert gate.broken is not None
    assert gate.version == ""
    for role in Role:
        for permission in Permission:
            answer = gate.decide(Subject("an", frozenset({role}), "CJT"), permission, "CJT")
            assert (answer.allowed, answer.reason) == (False, "policy_broken")


def test_a_policy_that_breaks_while_running_leaves_the_last_good_one_and_raises_the_alarm(
    folder: Path, spoil: Spoil
) -> None:
    gate = Gate(folder, OFFICES)
    version = gate.version
    break_the_effect(folder)
    gate.refresh()
    assert gate.alarm is not None
    assert gate.alarm.code == "unknown_effect"
    assert gate.broken is None
    assert (borrow(gate).allowed, gate.version) == (True, version)
    spoil("Deny\n", "deny\n")
    gate.refresh()
    assert gate.alarm is None


@pytest.mark.parametrize("remove", [empty_the_folder, shutil.rmtree])
def test_taking_the_policy_away_denies_everything_at_the_next_request_and_putting_it_back_allows_again(
    folder: Path, remove: Callable[[Path], None]
) -> None:
    gate = Gate(folder, OFFICES)
    assert borrow(gate).allowed
    remove(folder)
    gate.refresh()
    assert borrow(gate).reason == "policy_broken"
    shutil.copytree(default_folder(), folder, dirs_exist_ok=True)
    gate.refresh()
    assert (borrow(gate).allowed, gate.broken) == (True, None)


def test_a_change_of_the_policy_holds_at_the_next_request(folder: Path, spoil: Spoil) -> None:
    gate = Gate(folder, OFFICES)
    before = gate.version
    assert borrow(gate).allowed
    spoil(LINE, "")
    gate.refresh()
    assert (borrow(gate).reason, gate.version != before) == ("no_rule", True)


def test_a_change_of_same_length_and_same_file_time_is_noticed(folder: Path, spoil: Spoil) -> None:
    gate = Gate(folder, OFFICES)
    stat = (folder / CONSOLE_RULES).stat()
    spoil(LINE, LINE.replace("foreign, any-office", "own,     any-office"))
    os.utime(folder / CONSOLE_RULES, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert (folder / CONSOLE_RULES).stat().st_size == stat.st_size
    gate.refresh()
    assert not borrow(gate).allowed


def test_an_unchanged_folder_is_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(folder, OFFICES)
    monkeypatch.setattr("accessctl.access.enforcer._SETTLED_AFTER", 0)
    gate.refresh()
    table = gate.table
    monkeypatch.setattr("accessctl.access.enforcer.load", lambda folder: pytest.fail("read again"))
    gate.refresh()
    assert gate.table is table


def test_a_right_withdrawn_from_a_person_is_gone_at_the_next_question(gate: Gate) -> None:
    assert borrow(gate).allowed
    assert not gate.decide(
        Subject("tran.binh", frozenset(), "CJT"), "lease:open.tkcl", "DML", case="lost"
    ).allowed
    moved = Subject("tran.binh", frozenset({Role.CARD}), "DML")
    assert not gate.decide(moved, "lease:open.tkcl", "DML", case="lost").allowed


def test_under_busy_threads_every_answer_is_right_for_the_version_it_names(
    folder: Path, spoil: Spoil
) -> None:
    gate = Gate(folder, OFFICES)
    with_rule = gate.version
    assert gate.broken is None, gate.broken
    contents = (folder / CONSOLE_RULES).read_bytes()
    spoil(LINE, "")
    without_rule = load(folder).version
    changed = (folder / CONSOLE_RULES).read_bytes()
    answers: list[Decision] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            gate.refresh()
            answers.append(borrow(gate))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(12):
        (folder / "next").write_bytes((contents, changed)[number % 2])
        (folder / "next").replace(folder / CONSOLE_RULES)
        gate.refresh()
        assert borrow(gate).allowed == (number % 2 == 0)
    stop.set()
    for thread in threads:
        thread.join(timeout=30)
    assert {answer.policy_version for answer in answers} == {with_rule, without_rule}
    assert all(answer.allowed == (answer.policy_version == with_rule) for answer in answers)


def test_warming_makes_every_answer_ahead_and_changes_none() -> None:
    gate, cold = Gate(offices=OFFICES), Gate(offices=OFFICES)
    assert gate.table is not None
    assert gate.table.warm([frozenset({"publicity"})]) == 4 * len(Permission) * len(Case)
    subject = Subject("an", frozenset({Role.PUBLICITY}), "VPT")
    for permission in list(Permission)[::7]:
        assert gate.decide(subject, permission, "DML") == cold.decide(subject, permission, "DML")
