"""Every act of the services asks the policy first; what it says no to leaves nothing behind but a record (S54)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError, Refused
from accessctl.services import (
    accounts,
    authorize,
    closing,
    custody,
    exporting,
    hours,
    journal,
    leasing,
    officers,
    recording,
    resets,
    web_sessions,
)
from accessctl.services.actor import Actor
from accessctl.services.control import transaction
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
Write = Callable[[World, Session, Actor], object]


def _appoint(world: World, session: Session, actor: Actor) -> object:
    wanted = custody.Appointment("CJT", Kind.TKCL, "cjt.the2", "1/QĐ", world.now())
    return custody.appoint(world.rt, session, actor, wanted)


def _window(world: World, session: Session, actor: Actor) -> object:
    now = world.now()
    return hours.open_window(
        world.rt, session, actor, office="CJT", opens=now, closes=now + timedelta(hours=1), reason="x"
    )


WRITES: dict[str, Write] = {
    "lock": lambda w, s, a: accounts.lock(w.rt, s, a, ACCOUNT, "x"),
    "ask_unlock": lambda w, s, a: accounts.ask_unlock(w.rt, s, a, ACCOUNT, "x"),
    "unlock": lambda w, s, a: accounts.unlock(w.rt, s, a, ACCOUNT, "x"),
    "retire": lambda w, s, a: accounts.retire(w.rt, s, a, ACCOUNT, "x"),
    "rotate": lambda w, s, a: accounts.void(w.rt, s, a, ACCOUNT, "x"),
    "appoint": _appoint,
    "acknowledge": lambda w, s, a: custody.acknowledge(w.rt, s, a, "CJT", Kind.TKCL),
    "end": lambda w, s, a: custody.end(w.rt, s, a, "CJT", Kind.TKCL, "x"),
    "open_window": _window,
    "give_password": lambda w, s, a: officers.give_password(w.rt, s, a, "cjt.the1", "Mot-cum-tu-that-dai"),
    "reset_link": lambda w, s, a: resets.issue(w.rt, s, a, "cjt.the1", "password", "x"),
    "end_sessions": lambda w, s, a: web_sessions.end_of(w.rt, s, a, "cjt.the1", "x"),
}
"""Every act that changes something for the whole office or province, as the edges call it."""

MAY = {
    "vpt.ktra1": set(),
    "vpt.pgd": set(),
    "vpt.tt1": set(),
    "cjt.tn1": set(),
    "cjt.khtc1": set(),
    "cjt.thu1": set(),
    "dml.gd": set(),
    "vpt.tpthu": set(),
    "vpt.cntt1": {"lock", "unlock", "retire", "rotate", "give_password", "reset_link", "end_sessions"},
    "vpt.gd": {"lock", "appoint", "end"},
    "cjt.gd": {"ask_unlock", "appoint", "end", "open_window"},
}


def said(world: World, username: str, act: str) -> str:
    """What the service says when this person tries: the code of the refusal, or "done" (rolled back)."""
    actor = world.actor(username)
    session = world.rt.sessions()
    try:
        WRITES[act](world, session, actor)
    except AccessError as error:
        return error.code
    finally:
        session.rollback()
        session.close()
    return "done"


def test_S54_each_act_is_open_to_those_of_the_matrix_and_closed_to_everybody_else(world: World) -> None:
    records = len(world.records())
    for username, may in MAY.items():
        for act in WRITES:
            answer = said(world, username, act)
            by_policy = answer in ("policy.no_rule", "policy.denied_by_rule")
            assert by_policy != (act in may), (username, act, answer)
    assert len(world.records()) == records  # a refusal is written by the edge that words it, once
    with transaction(world.rt) as session:
        states = {row.state for row in accounts.rows(world.rt, session, world.actor("cjt.tn1"))}
    assert states == {"ACTIVE"}


def test_S54_a_refusal_is_recorded_once_with_who_what_where_and_why(world: World) -> None:
    auditor = world.actor("vpt.ktra1")
    with pytest.raises(Refused) as refused, transaction(world.rt) as session:
        accounts.lock(world.rt, session, auditor, ACCOUNT, "x")
    for _ in range(2):
        assert recording.record_refusal(
            world.rt, auditor, auditor.origin, refused.value, what="accounts lock"
        )
    told = world.records("access.denied")
    assert len(told) == 1
    assert (told[0]["actor"], told[0]["outcome"], told[0]["reason"]) == (
        "vpt.ktra1",
        "denied",
        "policy.denied_by_rule",
    )
    assert told[0]["details"]["permission"] == "account:lock.order"
    assert told[0]["details"]["office"] == "CJT"
    assert told[0]["roles"] == ["auditor"]
    assert len(told[0]["policy"]) == 64


def test_R42_S54_no_one_but_the_right_section_borrows_and_each_try_is_recorded(world: World) -> None:
    cases = {
        "vpt.gd": "TKCL-VPT-DML",
        "vpt.pgd": "TKCL-VPT-DML",
        "vpt.cntt1": "TKCL-VPT-DML",
        "vpt.ktra1": "TKCL-VPT-DML",
        "vpt.tt1": "TKCL-VPT-DML",
        "cjt.gd": ACCOUNT,
        "cjt.tn1": ACCOUNT,
        "cjt.khtc1": ACCOUNT,
        "cjt.phoi1": ACCOUNT,
        "cjt.thu1": ACCOUNT,
        "cjt.the1": "TKHCTT-CJT-DML",
    }
    for username, account in cases.items():
        before = len(world.records())
        with pytest.raises(Refused) as denied:
            world.lend(username, account)
        assert denied.value.code in ("policy.no_rule", "policy.denied_by_rule"), username
        told = world.records()[before:]
        assert [(r["event"], r["actor"], r["account"]) for r in told] == [
            ("lease.denied", username, account)
        ], username
    with pytest.raises(Refused) as denied:
        leasing.open_lease(
            world.rt, world.actor("cjt.the1"), world.request("TKCL-DML-KNO", dossier="CJT-2018-000001/CLT")
        )
    assert denied.value.code == "lease.other_office_account"
    assert world.roles_with_login() == set()
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM lease").fetchone() == (0,)


def test_S54_it_reads_no_lease_no_journal_of_dossiers_and_exports_nothing(
    world: World, tmp_path: Path
) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    world.settle()
    it = world.actor("vpt.cntt1")
    with pytest.raises(Refused) as denied:
        leasing.show_lease(world.rt, it, lease.lease)
    assert denied.value.code == "policy.no_rule"
    with transaction(world.rt) as session:
        page = journal.search(world.rt, session, it, journal.JournalQuery())
    assert page.rows
    assert {row.dossier for row in page.rows} == {None}
    assert not any(row.event.startswith("lease.") and row.outcome == "ok" for row in page.rows)
    with pytest.raises(Refused):
        exporting.export(world.rt, it, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_word_that_the_policy_does_not_know_is_a_denial(world: World) -> None:
    it = world.actor("vpt.cntt1")
    for office in ("XYZ", "", "CJT' OR '1'='1", "x" * 10_000, "cjt", "any-office"):
        decision = authorize.decide(world.rt, it, Permission.ACCOUNT_LOCK, office)
        assert (decision.allowed, decision.reason) == (False, "unknown_word"), office
    assert not authorize.decide(world.rt, it, Permission.ACCOUNT_LOCK, "CJT", case="any-case").allowed
    assert authorize.decide(world.rt, it, Permission.ACCOUNT_LOCK, "CJT").allowed
    assert not authorize.decide(world.rt, it, Permission.ACCOUNT_LOCK, "CJT", case="self").allowed


def test_without_a_policy_everything_is_denied_at_the_next_question_and_closing_still_works(
    world: World, tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(world.settings.policies, policies)
    rt = world.runtime(ACCESSCTL_POLICIES=str(policies))
    try:
        holder = world.actor("cjt.the1")
        lease = leasing.open_lease(rt, holder, world.request(ACCOUNT))
        shutil.rmtree(policies)
        with pytest.raises(Refused) as denied:
            leasing.open_lease(rt, world.actor("cjt.the2"), world.request("TKCL-CJT-KNO", number=2))
        assert denied.value.code == "policy.policy_broken"
        assert "chính sách phân quyền không sử dụng được" in str(denied.value)
        assert leasing.close_lease(rt, holder, lease.lease).state == "CLOSED"
        shutil.copytree(world.settings.policies, policies)
        again = leasing.open_lease(rt, world.actor("cjt.the2"), world.request("TKCL-CJT-KNO", number=2))
        assert again.state == "ACTIVE"
    finally:
        rt.close()


def test_S27_a_role_withdrawn_while_waiting_in_the_queue_is_asked_about_anew(world: World) -> None:
    first = world.lend("cjt.the1", ACCOUNT)
    queued = world.lend("cjt.the2", ACCOUNT, number=2)
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE officer_role r SET revoked_at = now() FROM officer o"
            " WHERE o.id = r.officer_id AND o.username = 'cjt.the2' AND r.role = 'card'"
        )
    closing.close(world.rt, first.lease, reason=closing.EndReason.RETURNED)
    assert leasing.show_lease(world.rt, world.actor("cjt.the2"), queued.lease).state == "DENIED"
    assert world.roles_with_login() == set()
    assert world.records("lease.denied")[-1]["reason"].startswith("policy.")
