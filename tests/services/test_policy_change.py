"""A change of the policy: proposed by IT, read in words, approved by the director, rolled out office by office."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accessctl.access import in_force
from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, LABELS, default_folder
from accessctl.domain.events import Event, failed
from accessctl.domain.leases import LeaseState
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError, Conflict, Invalid, Refused, Unavailable
from accessctl.officedb.connection import OfficeAddress
from accessctl.services import leasing, policy_change, policy_rollout
from accessctl.services.authorize import may
from accessctl.services.control import transaction
from accessctl.services.policy_change import ChangeView
from accessctl.store.models import Office
from tests.common.policies import without
from tests.common.world import World

IT, OTHER_IT, DIRECTOR, CLERK, AUDITOR = "vpt.cntt1", "vpt.cntt2", "vpt.gd", "cjt.the1", "vpt.ktra1"
REASON = "Theo công văn 12/BHXH-CNTT"
ACCOUNT = "TKCL-CJT-DML"


@contextmanager
def refused(kind: type[AccessError], code: str) -> Iterator[None]:
    """This kind of error with this code."""
    with pytest.raises(kind) as error:
        yield
    assert error.value.code == code


def shipped(name: str) -> str:
    return (default_folder() / name).read_text(encoding="utf-8")


HEADS_READ_NO_MORE = {CONSOLE_RULES: without(shipped(CONSOLE_RULES).encode(), "p, unit_head", "policy:view")}
OTHER_LABEL = {LABELS: shipped(LABELS).replace('"Xem chính sách', '"Đọc chính sách').encode()}


def propose(world: World, files: dict[str, bytes], *, who: str = IT, frozen: bool = False) -> str:
    with transaction(world.rt) as session:
        return str(
            policy_change.propose(world.rt, session, world.actor(who), files, REASON, frozen=frozen).id
        )


def approve(world: World, number: str, *, who: str = DIRECTOR, frozen: bool = False) -> list[str]:
    """What the edges do: the word, the switch, the roll-out."""
    with transaction(world.rt) as session:
        policy_change.approve(world.rt, session, world.actor(who), number, frozen=frozen)
    policy_rollout.follow(world.rt)
    return policy_rollout.roll_out(world.rt)


def look(world: World, number: str, who: str = DIRECTOR) -> ChangeView:
    with transaction(world.rt) as session:
        return policy_change.show(world.rt, session, world.actor(who), number)


def test_a_change_is_read_in_words_approved_by_another_and_decides_at_the_next_question(world: World):
    head = world.actor("cjt.gd")
    assert may(world.rt, head, Permission.POLICY_VIEW, "CJT")
    number = propose(world, HEADS_READ_NO_MORE)
    view = look(world, number)
    assert {(s.role, s.permission, s.gained) for s in view.difference.decisions} == {
        ("unit_head", "policy:view", False)
    }
    assert {(s.own, s.head) for s in view.difference.decisions} == {
        (a, b) for a in (True, False) for b in (True, False)
    }
    assert (view.difference.kinds, view.revokes, view.grants) == ((), (), ())
    assert [line.sign for line in view.files[CONSOLE_RULES]] == ["-", "-", "+"]  # the line, and the seal
    assert may(world.rt, head, Permission.POLICY_VIEW, "CJT"), "nothing is decided by a proposal"

    other = world.runtime()  # another process on this machine
    assert approve(world, number) == []
    assert not may(world.rt, head, Permission.POLICY_VIEW, "CJT")
    assert not may(other, head, Permission.POLICY_VIEW, "CJT")
    assert world.lend(CLERK, ACCOUNT).state == LeaseState.ACTIVE
    version = world.rt.policy().version
    said = [r["host"] for r in world.records("policy.applied") if r["details"]["version"] == version]
    assert sorted(said) == list(world.rt.offices.offices)
    assert world.records("lease.checkout")[-1]["policy"] == version
    with transaction(world.rt) as session:
        (row,) = policy_change.listed(world.rt, session, world.actor(AUDITOR))
    assert (row.state, row.in_force, row.version) == ("APPROVED", True, version)
    assert row.done_at is not None
    other.close()


def test_only_IT_proposes_only_the_director_approves_and_nobody_both(world: World):
    for nobody in (CLERK, "cjt.gd", AUDITOR, DIRECTOR):
        with pytest.raises(Refused):
            propose(world, OTHER_LABEL, who=nobody)
    number = propose(world, OTHER_LABEL)
    for nobody in (IT, CLERK, AUDITOR, "cjt.gd"):
        with pytest.raises(Refused):
            approve(world, number, who=nobody)
    assert look(world, number).row.state == "WAITING"
    assert not look(world, number, IT).may_approve
    assert look(world, number).may_approve


def test_what_touches_TKCL_or_TKHCTT_needs_to_be_said_by_both(world: World):
    fewer = without(shipped(ACCOUNT_RULES).encode(), "p, TKCL", "reissue:view")
    with refused(Refused, "policy.frozen"):
        propose(world, {ACCOUNT_RULES: fewer})
    number = propose(world, {ACCOUNT_RULES: fewer}, frozen=True)
    view = look(world, number)
    assert view.row.frozen
    assert {(k.kind, k.what, k.gained) for k in view.difference.kinds if not k.function} == {
        ("TKCL", "reissue:view", False)
    }
    assert view.revokes == ('REVOKE EXECUTE ON FUNCTION bhyt.view_reissue(text) FROM "tkcl";',)
    assert all(shift.kind == "TKCL" for shift in view.difference.kinds)
    with refused(Refused, "policy.frozen"):
        approve(world, number)
    late = approve(world, number, frozen=True)
    assert late == list(world.rt.offices.offices), "each waits for its administrator"
    with refused(Refused, "policy.office_behind"):
        world.lend(CLERK, ACCOUNT)
    with transaction(world.rt) as session:
        troubles = {row.trouble for row in policy_rollout.standing(world.rt, session, world.actor(AUDITOR))}
    assert troubles == {policy_rollout.NEEDS_ADMIN}


def test_broken_files_name_file_line_and_reason_and_nothing_is_kept(world: World):
    for files, code in (
        ({CONSOLE_RULES: b"p, card, own\n"}, "policy.file_broken"),
        ({CONSOLE_RULES: b"\xef\xbb\xbf" + shipped(CONSOLE_RULES).encode()}, "policy.file_broken"),
        (
            {
                CONSOLE_RULES: HEADS_READ_NO_MORE[CONSOLE_RULES].replace(
                    b"info_other,     deny\n", b"info_other,     Deny\n", 1
                )
            },
            "policy.file_broken",
        ),
        ({"other.csv": b"x"}, "policy.file_unknown"),
        ({}, "policy.same"),
    ):
        with refused(Invalid, code):
            propose(world, files)
    with transaction(world.rt) as session:
        assert policy_change.listed(world.rt, session, world.actor(IT)) == []


def test_no_proposal_loses_a_guard_that_must_stand(world: World):
    text = shipped(CONSOLE_RULES)
    guard = next(
        one for one in text.splitlines() if one.startswith("p, it_admin") and "class:business" in one
    )
    denies = int(text.split("# end of policy: ")[1].split(" deny")[0].split(" ")[-1])
    fewer = text.replace(guard + "\n", "").replace(f", {denies} deny", f", {denies - 1} deny")
    with refused(Refused, "policy.guard_lost"):
        propose(world, {CONSOLE_RULES: fewer.encode()})


def test_one_waits_at_a_time_and_a_decided_one_stays_decided(world: World):
    number = propose(world, OTHER_LABEL)
    with refused(Conflict, "policy.one_waits"):
        propose(world, HEADS_READ_NO_MORE)
    with transaction(world.rt) as session:
        policy_change.decline(world.rt, session, world.actor(IT), number, "Gửi nhầm")
    assert look(world, number).row.state == "WITHDRAWN"
    with refused(Conflict, "policy.decided"):
        approve(world, number)
    second = propose(world, OTHER_LABEL)
    with transaction(world.rt) as session:
        policy_change.decline(world.rt, session, world.actor(DIRECTOR), second, "Chưa cần")
    assert look(world, second).row.state == "DECLINED"
    ended = world.records(failed(Event.POLICY_APPROVED))
    assert [(r["actor"], r["outcome"], r["reason"]) for r in ended] == [
        (IT, "failed", "Gửi nhầm"), (DIRECTOR, "failed", "Chưa cần"),
    ]  # fmt: skip


def test_a_proposal_on_a_policy_that_is_no_longer_in_force_has_to_be_made_anew(world: World):
    first = propose(world, OTHER_LABEL)
    with transaction(world.rt) as session:
        row = policy_change._found(session, first)
        row.base = "0" * 64
    assert look(world, first).base_moved
    with refused(Conflict, "policy.base_moved"):
        approve(world, first)


def test_nothing_is_approved_while_the_files_on_disk_are_broken_and_the_last_good_policy_stays(world: World):
    approve(world, propose(world, OTHER_LABEL))
    state = policy_rollout.state_folder(world.rt)
    version = world.rt.policy().version
    rules = state / version / CONSOLE_RULES
    good = rules.read_bytes()
    number = propose(world, HEADS_READ_NO_MORE)
    rules.write_bytes(good.replace(b"info_other,     deny\n", b"info_other,     Deny\n", 1))
    with refused(Unavailable, "policy.broken_now"):
        approve(world, number)
    assert world.rt.policy().alarm is not None
    assert world.rt.policy().version == version
    assert world.lend(CLERK, ACCOUNT).state == LeaseState.ACTIVE
    rules.write_bytes(good)
    assert approve(world, number) == []


def test_files_that_somebody_changed_without_approval_decide_nothing_however_sound_they_are(world: World):
    approve(world, propose(world, OTHER_LABEL))
    state = policy_rollout.state_folder(world.rt)
    version = world.rt.policy().version
    (state / version / CONSOLE_RULES).write_bytes(HEADS_READ_NO_MORE[CONSOLE_RULES])
    assert world.rt.policy().version == version
    assert world.rt.gate.alarm is not None
    assert world.rt.gate.alarm.code == "not_approved"
    started = world.runtime(
        ACCESSCTL_POLICIES=str(default_folder())
    )  # a process that starts now has no last good one
    assert started.gate.broken is not None
    assert started.gate.broken.code == "not_approved"
    assert not may(started, world.actor(IT), Permission.POLICY_VIEW, "VPT")
    started.close()


def test_an_office_out_of_reach_lends_nothing_until_it_has_caught_up_and_the_others_go_on(world: World):
    number = propose(world, OTHER_LABEL)
    addresses = world.rt.offices._addresses
    there = addresses["DML"]
    nowhere = "postgresql://accessctl_witness:x@127.0.0.1:1/bhyt_dml"
    world.rt.offices.close()
    addresses["DML"] = OfficeAddress(broker=nowhere, witness=nowhere)
    assert approve(world, number) == ["DML"]
    with transaction(world.rt) as session:
        standing = policy_rollout.standing(world.rt, session, world.actor(AUDITOR))
    assert {one.office: one.trouble for one in standing if not one.current} == {"DML": "officedb.down"}
    addresses["DML"] = there
    with refused(Refused, "policy.office_behind"):
        world.lend(CLERK, ACCOUNT)
    assert world.lend(CLERK, "TKCL-CJT-DRL").state == LeaseState.ACTIVE
    policy_rollout.watch(world.rt)  # the worker's next turn
    assert world.lend("cjt.the2", ACCOUNT).state == LeaseState.ACTIVE


def test_a_process_that_decides_by_another_policy_than_the_approved_one_rolls_nothing_out(world: World):
    assert approve(world, propose(world, OTHER_LABEL)) == []
    stray = world.runtime(ACCESSCTL_POLICIES=str(default_folder()), ACCESSCTL_POLICY_STATE="")
    assert stray.policy().version != world.rt.policy().version
    policy_rollout.watch(stray)
    with transaction(world.rt) as session:
        assert {row.policy_version for row in session.query(Office)} == {world.rt.policy().version}
    with refused(Refused, "policy.office_behind"):
        leasing.open_lease(stray, world.actor(CLERK), world.request(ACCOUNT, client=True))
    stray.close()


def test_an_approval_that_cannot_be_kept_on_the_disk_says_so_and_is_finished_when_it_can(world: World):
    number = propose(world, OTHER_LABEL)
    with transaction(world.rt) as session:
        version = policy_change.approve(world.rt, session, world.actor(DIRECTOR), number).version
    state = policy_rollout.state_folder(world.rt)
    state.mkdir(parents=True)
    in_the_way = state / version
    in_the_way.write_text("a file where the folder should be")
    with refused(Unavailable, "policy.not_kept"):
        policy_rollout.follow(world.rt)
    assert world.rt.policy().version != version
    in_the_way.unlink()
    policy_rollout.watch(world.rt)
    assert world.rt.policy().version == version


@pytest.mark.parametrize(
    "fault", ["the set is gone", "the pointer cannot be read", "the pointer says nothing"]
)
def test_a_lost_set_or_pointer_raises_the_alarm_and_denies_everything_only_at_start(world: World, fault: str):
    approve(world, propose(world, OTHER_LABEL))
    state = policy_rollout.state_folder(world.rt)
    version = world.rt.policy().version
    if fault == "the set is gone":
        (state / version).rename(state / "elsewhere")
    else:
        (state / in_force.POINTER).unlink()
        if fault == "the pointer cannot be read":
            (state / in_force.POINTER).mkdir()
        else:
            (state / in_force.POINTER).write_text("../policies")
    assert world.rt.policy().version == version
    assert world.rt.gate.alarm is not None
    started = world.runtime(ACCESSCTL_POLICIES=str(default_folder()))
    assert started.gate.broken is not None
    started.close()


@pytest.mark.parametrize("broken_off_after", ["approve", "keep"])
def test_a_roll_out_that_was_broken_off_is_finished_by_the_worker(world: World, broken_off_after: str):
    number = propose(world, OTHER_LABEL)
    with transaction(world.rt) as session:
        row = policy_change.approve(world.rt, session, world.actor(DIRECTOR), number)
        version, files = row.version, {name: text.encode() for name, text in row.files.items()}
    if broken_off_after == "keep":
        in_force.keep(policy_rollout.state_folder(world.rt), version, files)
    assert world.rt.policy().version != version
    policy_rollout.watch(world.rt)
    assert world.rt.policy().version == version
    assert world.lend(CLERK, ACCOUNT).state == LeaseState.ACTIVE


def test_a_set_is_kept_whole_or_not_at_all(tmp_path: Path):
    files = {"a.csv": b"1"}
    in_force.keep(tmp_path, "a" * 64, files)
    in_force.keep(tmp_path, "a" * 64, {"a.csv": b"2"})
    assert (tmp_path / ("a" * 64) / "a.csv").read_bytes() == b"1"
    assert in_force.pointed(tmp_path) is None
    in_force.point(tmp_path, "a" * 64)
    assert in_force.pointed(tmp_path) == "a" * 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a" * 64, "in-force"]
    with pytest.raises(ValueError, match="version"):
        in_force.keep(tmp_path, "../x", files)


def test_without_a_place_to_keep_it_nothing_can_be_proposed(world: World):
    rt = world.runtime(ACCESSCTL_POLICY_STATE="")
    with refused(Invalid, "config.missing"), transaction(rt) as session:
        policy_change.propose(rt, session, world.actor(IT), OTHER_LABEL, REASON)
    rt.close()


def test_the_director_hears_of_a_proposal_and_IT_of_its_outcome(world: World):
    number = propose(world, OTHER_LABEL)
    approve(world, number)
    rows = world.database.session.ask(
        "SELECT o.username, n.kind FROM notice n JOIN officer o ON o.id = n.officer_id"
        " WHERE n.kind LIKE 'policy_%' ORDER BY 1, 2"
    )
    assert rows == [(IT, "policy_decided"), (OTHER_IT, "policy_decided"), (DIRECTOR, "policy_waits")]


def test_a_proposal_shows_what_the_linter_has_against_it(world: World):
    text = shipped(CONSOLE_RULES)
    twice = next(
        line for line in text.splitlines() if line.startswith("p, unit_head") and "policy:view" in line
    )
    narrower = twice.replace("any, ", "own, ", 1)
    assert narrower != twice
    allows = int(text.split("# end of policy: ")[1].split(" ")[0])
    more = text.replace(twice, f"{twice}\n{narrower}").replace(f": {allows} allow", f": {allows + 1} allow")
    view = look(world, propose(world, {CONSOLE_RULES: more.encode()}))
    assert view.difference.empty
    assert [(remark.file, remark.severity.value) for remark in view.remarks] == [(CONSOLE_RULES, "warning")]
