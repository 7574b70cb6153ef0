"""Checking every event inside the service: on request and once a day, recorded, and the wrong event named (S52)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.errors import Refused
from accessctl.services import log_check
from accessctl.services.control import transaction
from accessctl.services.log_check import CheckView
from tests.common.world import World

AUDITOR = "vpt.ktra1"


def ask(world: World, username: str = AUDITOR) -> bool:
    with transaction(world.rt) as session:
        return log_check.ask(world.rt, session, world.actor(username))


def seen(world: World) -> list[CheckView]:
    with transaction(world.rt) as session:
        return log_check.look(world.rt, session, world.actor(AUDITOR))


def as_a_dba(world: World, statement: str) -> None:
    with world.admin_control() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(statement)


def test_an_auditor_asks_the_worker_checks_and_the_outcome_is_recorded_in_the_auditors_name(
    world: World,
) -> None:
    world.settle()
    assert ask(world) is True
    assert ask(world) is False  # a second press joins the first
    (waiting,) = seen(world)
    assert (waiting.finished_at, waiting.done, waiting.sound) == (None, 0, None)
    found = log_check.turn(world.rt)
    assert found is not None
    assert found.sound
    (check,) = seen(world)
    assert check.sound is True
    assert check.done == check.size == found.size > 100
    assert check.by == world.actor(AUDITOR).full_name
    (record,) = world.records("audit.verified")
    assert (record["actor"], record["outcome"]) == (AUDITOR, "ok")
    assert record["details"] == {"size": found.size, "root": found.root}
    assert log_check.turn(world.rt) is None


def test_the_worker_checks_by_itself_once_a_day_and_takes_over_what_a_dead_one_left(world: World) -> None:
    world.settle()
    assert log_check.turn(world.rt) is not None
    world.shift += timedelta(hours=23)
    assert log_check.turn(world.rt) is None
    world.shift += timedelta(hours=1, minutes=1)
    assert log_check._claim(world.rt) is not None  # and then it dies
    assert log_check.turn(world.rt) is None
    world.shift += timedelta(minutes=3)
    assert log_check.turn(world.rt) is not None
    assert [check.by for check in seen(world)] == [None, None]
    assert len(world.records("audit.verified")) == 2


def test_a_log_of_which_nothing_was_sealed_yet_waits_but_one_that_lost_everything_does_not(
    world: World,
) -> None:
    world.settle()
    world.stop_sequencer()
    assert log_check.turn(world.rt) is not None
    as_a_dba(world, "DELETE FROM audit_log; DELETE FROM audit_checkpoint")
    world.shift += timedelta(days=1, minutes=1)
    assert log_check.turn(world.rt) is not None, "there was a log once"
    as_a_dba(world, "DELETE FROM audit_check")
    assert log_check.turn(world.rt) is None, "as on the first day"


@pytest.mark.parametrize(
    ("what", "statement"),
    [
        (
            "edit",
            "UPDATE audit_log SET leaf = replace(encode(leaf, 'escape'), '\"', '\"')::bytea || ' ' WHERE idx = 60",
        ),
        ("delete", "DELETE FROM audit_log WHERE idx = 60"),
        (
            "swap",
            "UPDATE audit_log a SET leaf = b.leaf FROM audit_log b WHERE a.idx + b.idx = 121 AND a.idx IN (60, 61)",
        ),
        ("tail", "DELETE FROM audit_log WHERE idx >= 60"),
        ("foreign signature", "UPDATE audit_checkpoint SET note = replace(note, 'accessctl', 'accesskey')"),
    ],
)
def test_S52_what_a_dba_changed_is_found_named_recorded_and_a_finding(
    world: World, what: str, statement: str
) -> None:
    world.settle()
    world.stop_sequencer()  # it would find the damage too, and stop
    as_a_dba(world, statement)
    ask(world)
    found = log_check.turn(world.rt)
    assert found is not None
    assert not found.sound, what
    assert found.bad_from is not None
    assert found.bad_to is not None
    if what != "foreign signature":
        assert found.bad_from <= 60 <= found.bad_to
    with world.admin_control() as admin:
        told = admin.execute(
            "SELECT convert_from(leaf, 'UTF8')::json ->> 'reason' FROM"
            " (SELECT leaf FROM audit_inbox UNION ALL SELECT leaf FROM audit_log WHERE idx > 61) both_of_them"
            " WHERE convert_from(leaf, 'UTF8')::json ->> 'event' = 'audit.verified.failed'"
        ).fetchall()
        kinds = admin.execute("SELECT kind, severity FROM finding WHERE kind = 'audit_damaged'").fetchall()
    assert told == [("audit.damaged",)]
    assert kinds == [("audit_damaged", 1)]


def test_nobody_but_auditor_and_director_may_ask_or_look(world: World) -> None:
    for username in ("cjt.gd", "vpt.cntt1", "cjt.the2"):
        with pytest.raises(Refused):
            ask(world, username)
    assert ask(world, "vpt.gd") is True
