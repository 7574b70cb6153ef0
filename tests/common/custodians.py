"""Custodians for tests: appointing, ending, the clock that moves on, what then stands in the accounts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, message
from accessctl.services import accounts, closing, contact_list, custody, custody_watch
from accessctl.services.control import transaction
from tests.common.world import World


def contacts(world: World, username: str = "cjt.tn1") -> dict[tuple[str, str], contact_list.Contact]:
    with transaction(world.rt) as session:
        found = contact_list.current(world.rt, session, world.actor(username))
    return {(contact.office, contact.kind): contact for contact in found}


def custodian(world: World, office: str, kind: Kind) -> str:
    username = contacts(world)[office, kind].username
    assert username is not None
    return username


def appoint(
    world: World,
    head: str,
    office: str,
    kind: Kind,
    officer: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    decision: str = "02/QĐ-BHXH",
) -> custody.Custody:
    wanted = custody.Appointment(office, kind, officer, decision, since or world.now(), until)
    with transaction(world.rt) as session:
        return custody.appoint(world.rt, session, world.actor(head), wanted)


def refused(world: World, *words: Any, **more: Any) -> str:
    """The code of the refusal; nothing may have changed in who answers for what."""
    before, records = contacts(world), len(world.records())
    with pytest.raises(AccessError) as raised:
        appoint(world, *words, **more)
    assert contacts(world) == before
    assert len(world.records()) == records
    assert message(raised.value.code, "vi", **raised.value.facts) != message("internal", "vi")
    return raised.value.code


def end(world: World, head: str, office: str, kind: Kind, reason: str = "03/QĐ-BHXH") -> list[str]:
    with transaction(world.rt) as session:
        ending = custody.end(world.rt, session, world.actor(head), office, kind, reason)
    closing.finish_all(world.rt, ending)
    return ending


def time_passes(world: World, **how_long: float) -> list[str]:
    """The clock moves on and the worker's loop takes its turn."""
    world.shift += timedelta(**how_long)
    with transaction(world.rt) as session:
        ending = custody_watch.watch(world.rt, session)
    closing.finish_all(world.rt, ending)
    return ending


def states(world: World, guest: str, kind: Kind) -> list[tuple[str, str | None]]:
    with transaction(world.rt) as session:
        rows = accounts.rows(world.rt, session, world.actor("vpt.cntt1"))
    return [(row.state, row.reason) for row in rows if row.guest == guest and row.kind == kind]


def findings_of(world: World, kind: str) -> list[tuple[Any, ...]]:
    with world.admin_control() as admin:
        return admin.execute(
            "SELECT office, severity, times, details FROM finding WHERE kind = %s", (kind,)
        ).fetchall()
