"""The log's head in one line: sound, tampered with, late, or not to be checked here; and who verified last."""

from __future__ import annotations

from datetime import timedelta

from accessctl.config import Settings
from accessctl.domain.events import Event
from accessctl.services.control import transaction
from accessctl.services.log_head import LogHead, log_head
from accessctl.services.recording import record
from accessctl.services.runtime import build_runtime
from tests.common.world import World


def head(world: World) -> LogHead:
    with transaction(world.rt) as session:
        return log_head(world.rt, session)


def as_a_dba(world: World, statement: str) -> None:
    """What somebody with the database's own keys could do."""
    with world.admin_control() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(statement)


def test_the_newest_checkpoint_agrees_with_the_log(world: World):
    world.settle()
    found = head(world)
    assert found.sound is True
    assert found.size > 100
    assert found.signed_at is not None
    assert (found.waiting, found.late, found.verified_at) == (0, False, None)


def test_S52_a_cut_log_a_foreign_signature_and_a_changed_frontier_are_seen(world: World):
    world.settle()
    world.stop_sequencer()
    size = head(world).size
    as_a_dba(world, f"DELETE FROM audit_log WHERE idx = {size - 1}")  # noqa: S608 - a number of ours
    assert head(world).sound is False
    as_a_dba(world, "UPDATE audit_checkpoint SET note = replace(note, 'accessctl', 'accesskey')")
    assert head(world).sound is False


def test_a_changed_frontier_no_longer_fits_the_signed_root(world: World):
    world.settle()
    world.stop_sequencer()
    as_a_dba(
        world, "UPDATE audit_checkpoint SET frontier = set_byte(frontier, 20, get_byte(frontier, 20) # 1)"
    )
    assert head(world).sound is False


def test_records_that_wait_for_more_than_five_seconds_make_it_late(world: World):
    world.settle()
    world.stop_sequencer()
    with transaction(world.rt) as session:
        record(world.rt, session, Event.PROVINCE_APPLIED)
    assert (head(world).waiting, head(world).late) == (1, False)
    world.shift += timedelta(seconds=6)
    assert head(world).late is True


def test_the_last_verification_of_every_event_is_named_with_its_outcome(world: World):
    with transaction(world.rt) as session:
        record(world.rt, session, Event.AUDIT_VERIFIED)
    world.settle()
    assert head(world).verified_well is True
    with transaction(world.rt) as session:
        record(world.rt, session, Event.AUDIT_VERIFIED, failed=True, reason="audit.broken")
    world.settle()
    found = head(world)
    assert found.verified_at is not None
    assert found.verified_well is False


def test_without_the_key_nothing_is_claimed(world: World):
    world.settle()
    env = {k: v for k, v in world.settings.env.items() if k != "ACCESSCTL_VERIFIER_KEY"}
    rt = build_runtime(Settings(env), pool=2)
    try:
        with transaction(rt) as session:
            assert log_head(rt, session).sound is None
    finally:
        rt.close()
