"""Old notices go, in small batches: read ones first, unread ones late, none whose mail has not gone out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.domain.notices import NoticeKind
from accessctl.errors import Invalid
from accessctl.jobs.mailer import Pruner
from accessctl.services import mailing, pruning
from accessctl.services.control import transaction
from accessctl.services.notices import notify
from tests.common.postbox import free_port, switch_on
from tests.common.world import World

READER = "cjt.the2"


def told(world: World, number: int, **more: str) -> None:
    with transaction(world.rt) as session:
        to = [world.actor(READER).id]
        notify(world.rt, session, NoticeKind.LEASE_REVOKED, to=to, about={"number": number}, **more)


def left(world: World) -> list[int]:
    """The notices that this test made and that are still there."""
    with world.admin_control() as admin:
        rows = admin.execute("SELECT (about->>'number')::int FROM notice WHERE about ? 'number' ORDER BY 1")
        return [number for (number,) in rows]


def read(world: World, *numbers: int) -> None:
    with world.admin_control() as admin:
        now = world.rt.now()
        admin.execute(
            "UPDATE notice SET read_at = %s WHERE (about->>'number')::int = ANY(%s)", (now, list(numbers))
        )


def later(world: World, days: int) -> list[int]:
    """So many days on, after the worker's turn."""
    world.shift += timedelta(days=days)
    Pruner(world.rt).turn()
    return left(world)


def test_read_notices_go_three_months_after_reading_unread_ones_after_a_year(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 30)  # several batches in one turn
    for number in range(7):
        told(world, number)
    told(world, 7, once="told:7")
    world.shift += timedelta(days=30)
    read(world, 0, 1, 2, 3, 4, 7)
    assert later(world, 80) == [0, 1, 2, 3, 4, 5, 6, 7]
    assert later(world, 11) == [5, 6, 7]  # 7 keeps its reader from being told the same again
    assert later(world, 200) == [5, 6, 7]
    assert later(world, 60) == []
    assert {r["event"] for r in world.records()}  # the log still says everything


def test_what_waits_for_its_mail_stays_and_a_sent_mail_goes_with_its_notice(world: World) -> None:
    switch_on(world, free_port())
    told(world, 1)
    told(world, 2)
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE mail SET state = %s, sent_at = now() WHERE id = (SELECT mail_id FROM notice"
            " WHERE about->>'number' = '2')",
            (mailing.SENT,),
        )
        mails = admin.execute("SELECT count(*) FROM mail").fetchone()
    read(world, 1, 2)
    assert later(world, 91) == [1]
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) + 1 FROM mail").fetchone() == mails


def test_a_mail_that_was_given_up_can_be_tried_again_for_three_months_then_goes_with_its_notice(
    world: World,
) -> None:
    switch_on(world, free_port())
    told(world, 1)
    told(world, 2)
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE mail SET state = %s, error = 'mail.refused', failed_at = %s WHERE id IN"
            " (SELECT mail_id FROM notice WHERE about ? 'number')",
            (mailing.GIVEN_UP, world.rt.now() + timedelta(days=60)),
        )
    read(world, 1)

    def given_up() -> int:
        with world.admin_control() as admin:
            row = admin.execute("SELECT count(*) FROM mail WHERE state = %s", (mailing.GIVEN_UP,)).fetchone()
        assert row is not None
        return int(row[0])

    assert (later(world, 100), given_up()) == ([1, 2], 2)  # given up 40 days ago
    assert (later(world, 51), given_up()) == ([2], 1)
    assert (later(world, 215), given_up()) == ([], 0)


@pytest.mark.parametrize("said", ["6", "x", "-1", "99999"])
def test_a_wrong_number_of_days_stops_the_pruning_in_words(world: World, said: str) -> None:
    rt = switch_on(world, free_port(), ACCESSCTL_NOTICES_READ_DAYS=said)
    with pytest.raises(Invalid, match="ACCESSCTL_NOTICES_READ_DAYS"):
        pruning.prune(rt)
