"""Findings: a log that cannot be written (S35), an intent without an outcome, who sees what was found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest

from accessctl.domain.findings import FindingState, NoSuchStep, Step, after, steps_from
from accessctl.errors import AccessError, Unavailable, catalogue
from accessctl.jobs.worker import SETTLED_AFTER, Worker
from accessctl.services import desk, finding_steps, findings, leasing, watching
from accessctl.services.control import transaction
from accessctl.services.findings import Kind
from tests.common.evidence import alive, collect_rows, custodian_of, finishing_turn, found
from tests.common.world import World

ACCOUNT, ROLE, HOLDER = "TKCL-CJT-DML", "tkcl_cjt_dml", "cjt.the1"


@contextmanager
def unwritable_log(world: World) -> Iterator[None]:
    """The application may not write into the inbox any more."""
    with world.admin_control() as admin:
        admin.execute("REVOKE INSERT ON audit_inbox FROM accessctl_app")
        yield
        admin.execute("GRANT INSERT ON audit_inbox TO accessctl_app")


def test_S35_while_the_log_cannot_be_written_nothing_is_lent_and_a_finding_says_so(world: World) -> None:
    with unwritable_log(world):
        for number in (1, 2):
            with pytest.raises(Unavailable) as raised:
                world.lend(HOLDER, ACCOUNT, number=number)
            assert raised.value.code == "audit.unavailable"
            assert raised.value.exit_status == 3
    assert world.roles_with_login() == set()
    (finding,) = found(world, Kind.AUDIT_UNAVAILABLE)
    assert (finding["severity"], finding["times"]) == (1, 2)
    assert finding["details"]["unrecorded"] is True  # type: ignore[index]
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM access.lease").fetchone() == (0,)
    assert world.lend(HOLDER, ACCOUNT, number=3).state == "ACTIVE"


def test_S35_closing_works_without_the_log_and_the_ledger_is_settled_afterwards(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client, unwritable_log(world):
        done = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
        assert (done.state, done.end_reason, done.sessions_ended) == ("CLOSED", "returned", 1)
        assert not alive(client)
    assert world.roles_with_login() == set()
    assert not world.records("lease.closing")
    collect_rows(world, "DML")
    shown = leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (shown.state, shown.end_reason) == ("CLOSED", "returned")
    for event in ("lease.closing", "lease.closed"):
        (leaf,) = world.records(event)
        assert (leaf["lease"], leaf["details"]["end_reason"]) == (lease.lease, "returned")


def test_S35_with_a_dead_sequencer_nothing_is_lent_and_a_lease_can_still_be_returned(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    world.stop_sequencer()
    with pytest.raises(Unavailable) as raised:
        world.lend("cjt.the2", "TKCL-CJT-GNG", number=2)
    assert raised.value.code == "audit.late"
    assert world.roles_with_login() == {ROLE}
    (finding,) = found(world, Kind.AUDIT_UNAVAILABLE)
    assert finding["severity"] == 1
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        done = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
        assert (done.state, done.sessions_ended) == ("CLOSED", 1)
        assert not alive(client)
    world.start_sequencer()
    world.settle()
    with world.admin_control() as admin:
        states = dict(admin.execute("SELECT account_name, state FROM lease").fetchall())
    assert states == {ACCOUNT: "CLOSED", "TKCL-CJT-GNG": "CLOSED"}
    assert world.lend("cjt.the2", "TKCL-CJT-GNG", number=3).state == "ACTIVE"


def test_a_log_that_falls_behind_is_one_alarm_however_often_one_looks(world: World) -> None:
    world.stop_sequencer()
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO audit_inbox (at, leaf) VALUES (now() - interval '10 s', convert_to(%s, 'UTF8'))",
            ('{"at":"2018-04-24T00:44:00Z","event":"audit.anchor","outcome":"ok"}',),
        )
    for _ in range(3):
        with transaction(world.rt) as session:
            assert watching.log_late(world.rt, session)
    (finding,) = found(world, Kind.AUDIT_UNAVAILABLE)
    assert (finding["severity"], finding["times"]) == (1, 1)
    assert len(world.records("finding.raised")) == 1, "looking again and again fills no log"
    world.start_sequencer()
    world.settle()
    with transaction(world.rt) as session:
        assert not watching.log_late(world.rt, session)


def test_what_was_written_while_no_worker_ran_is_no_alarm_until_the_new_one_has_had_its_time(
    world: World,
) -> None:
    world.stop_sequencer()
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO audit_inbox (at, leaf) VALUES (now() - interval '10 s', convert_to(%s, 'UTF8'))",
            ('{"at":"2018-04-24T00:44:00Z","event":"audit.anchor","outcome":"ok"}',),
        )
    worker = Worker(world.settings)
    worker._alarms()
    assert found(world, Kind.AUDIT_UNAVAILABLE) == []
    worker._since -= SETTLED_AFTER
    worker._alarms()
    assert len(found(world, Kind.AUDIT_UNAVAILABLE)) == 1
    worker.rt.close()
    world.start_sequencer()


def test_an_act_whose_outcome_could_not_be_written_is_a_finding_after_a_minute(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    with world.admin_control() as admin:
        # the log breaks between the intent and the outcome of one act
        admin.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            ' IF convert_from(NEW.leaf, \'UTF8\') LIKE \'%"reissue.viewed"%"outcome":"ok"%\''
            " THEN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END IF; RETURN NEW; END $$"
        )
        admin.execute(
            "CREATE TRIGGER full_disk BEFORE INSERT ON audit_inbox FOR EACH ROW EXECUTE FUNCTION full_disk()"
        )
        with pytest.raises(AccessError):
            desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease)
        admin.execute("DROP TRIGGER full_disk ON audit_inbox")
    world.settle()
    with transaction(world.rt) as session:
        assert watching.intents_without_outcome(world.rt, session) == 0, "a minute has not gone by"
    world.shift = timedelta(seconds=61)
    for new in (1, 0):
        with transaction(world.rt) as session:
            assert watching.intents_without_outcome(world.rt, session) == new
    world.shift = timedelta()
    (finding,) = found(world, Kind.INTENT_WITHOUT_OUTCOME)
    assert finding["details"]["event"] == "reissue.viewed"  # type: ignore[index]
    assert desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease).outcome == "ok"


def test_an_opening_that_nobody_carries_out_is_ended_and_leaves_nothing(world: World) -> None:
    class Died(BaseException):
        """The process is gone at this point."""

    def die(step: str) -> None:
        if step == "opening.lent":
            raise Died

    dying = world.runtime()
    dying.step = die
    with pytest.raises(Died):
        leasing.open_lease(dying, world.actor(HOLDER), world.request(ACCOUNT))
    dying.close()
    with world.admin_office("DML") as admin:
        lent = {row[0] for row in admin.execute("SELECT account FROM access.lease")}
    assert world.roles_with_login() == lent == {ROLE}, "a login stands only beside its lease"
    world.shift = timedelta(seconds=13)
    finishing_turn(world, "DML")
    world.shift = timedelta()
    assert world.roles_with_login() == set()
    (closed,) = world.records("lease.closed")
    assert closed["details"]["end_reason"] == "abandoned"


def test_every_kind_of_finding_has_its_words_why_it_matters_and_what_to_do() -> None:
    for part in ("", ".why", ".todo"):
        assert {f"finding.{kind}{part}" for kind in Kind} <= catalogue().keys()


def closed_again(world: World, kind: Kind, *, count: bool) -> tuple[str, bool]:
    """A finding that was closed and is seen once more: its state, and whether that counted as new."""
    with transaction(world.rt) as session:
        findings.raise_finding(world.rt, session, kind, key="x", severity=1, office="CJT", count=count)
    head = world.actor("cjt.gd")
    with transaction(world.rt) as session:
        (row,) = findings.recent(world.rt, session, head)
        finding_steps.step(world.rt, session, head, row.id, Step.TAKE, words="", version=1)
        finding_steps.step(world.rt, session, head, row.id, Step.CLOSE, words="Xong", version=2)
    with transaction(world.rt) as session:
        new = findings.raise_finding(world.rt, session, kind, key="x", severity=1, office="CJT", count=count)
    (found_now,) = found(world)
    return str(found_now["state"]), new


def test_what_was_closed_and_happens_again_is_open_again_without_an_owner(world: World) -> None:
    assert closed_again(world, Kind.UNEXPLAINED_LOGIN, count=True) == ("OPEN", True)
    (finding,) = found(world)
    assert (finding["owner_id"], finding["closed_at"], finding["times"]) == (None, None, 2)
    assert [r["details"].get("again") for r in world.records("finding.raised")] == [None, True]


def test_a_state_that_lasts_cannot_be_closed_for_good(world: World) -> None:
    assert closed_again(world, Kind.DRIFT, count=False) == ("OPEN", True)


def test_an_event_that_is_only_looked_at_again_stays_closed(world: World) -> None:
    assert closed_again(world, Kind.INTENT_WITHOUT_OUTCOME, count=False) == ("CLOSED", False)


def test_nothing_is_closed_that_nobody_has_taken() -> None:
    for step in (Step.ANSWER, Step.CLOSE, Step.REOPEN, Step.NOTE, Step.AGAIN):
        with pytest.raises(NoSuchStep):
            after(FindingState.OPEN, step)
    for state in FindingState:
        assert all(after(state, step) in FindingState for step in steps_from(state))


# Who sees a finding


def seen_by(world: World, username: str) -> list[str]:
    """The kinds of finding on this person's list."""
    with transaction(world.rt) as session:
        return [row.kind for row in findings.recent(world.rt, session, world.actor(username))]


def test_a_finding_is_for_the_own_head_the_own_custodian_it_auditor_and_directors(world: World) -> None:
    with transaction(world.rt) as session:
        account = session.get_one(findings.Account, ACCOUNT)
        findings.raise_finding(
            world.rt, session, Kind.UNEXPLAINED_LOGIN, key="x", severity=1, account=account, details={}
        )
    for username in (
        "cjt.gd",
        custodian_of(world, "CJT", "TKCL"),
        "vpt.cntt1",
        "vpt.ktra1",
        "vpt.gd",
        "vpt.pgd",
    ):
        assert seen_by(world, username) == ["unexplained_login"], username
    for username in (
        "gng.gd",
        custodian_of(world, "CJT", "TKHCTT"),
        custodian_of(world, "GNG", "TKCL"),
        "cjt.tn1",
    ):
        assert seen_by(world, username) == [], username


def test_a_finding_of_the_whole_province_is_not_for_one_office(world: World) -> None:
    with transaction(world.rt) as session:
        findings.raise_finding(world.rt, session, Kind.AUDIT_UNAVAILABLE, key="x", severity=1, details={})
    assert seen_by(world, "vpt.gd") == ["audit_unavailable"]
    assert seen_by(world, "cjt.gd") == []


def test_the_same_thing_found_again_counts_up_and_is_recorded_once(world: World) -> None:
    for _ in range(3):
        with transaction(world.rt) as session:
            findings.raise_finding(
                world.rt, session, Kind.CLOCK_SKEW, key="DML", severity=1, office="DML", details={}
            )
    (finding,) = found(world)
    assert finding["times"] == 3
    assert [leaf["reason"] for leaf in world.records("finding.raised")] == ["finding.clock_skew"]


def test_a_host_whose_clock_is_off_lends_nothing_and_is_a_finding(world: World) -> None:
    world.shift = timedelta(seconds=30)
    with pytest.raises(Unavailable) as raised:
        world.lend(HOLDER, ACCOUNT)
    assert raised.value.code == "officedb.clock_skew"
    assert world.roles_with_login() == set()
    (finding,) = found(world, Kind.CLOCK_SKEW)
    assert (finding["severity"], finding["office"]) == (1, "DML")
