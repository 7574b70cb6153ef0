"""Ending permission drift: what the broker may do by itself, and what needs a DBA's connection, given once (S05)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import update

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError, Conflict
from accessctl.officedb import repair as host
from accessctl.officedb.drift_sql import BROKER
from accessctl.officedb.drifted import Drift
from accessctl.officedb.repair import Left
from accessctl.services import drift, grants
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import DriftLook

AdminDsn = Callable[[str], str]
"""A DBA's connection for an office, asked for when it is needed and kept nowhere."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one office's repair went: `drifts` are left over, `left` says why; `code` why it could not be reached."""

    office: str
    drifts: tuple[Drift, ...]
    code: str | None = None
    repaired: tuple[Drift, ...] = ()
    left: tuple[Left, ...] = ()


def by_itself(drifts: Iterable[Drift]) -> tuple[Drift, ...]:
    """Those that the broker can end without a DBA."""
    return tuple(entry for entry in drifts if entry.who == BROKER)


def fingerprint(drifts: Iterable[Drift]) -> str:
    """Names a plan, so that what is carried out is what was looked at."""
    text = "\n".join(sorted(f"{entry.key} {entry.repair}" for entry in drifts))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def apply(rt: Runtime, actor: Actor, offices: list[str], admin_dsn: AdminDsn | None = None) -> list[Outcome]:
    """Repair one office after the other; one that is out of reach leaves the others their turn.

    Without `admin_dsn` only what the broker may do. Every office is asked about before the first is touched.
    """
    for office in offices:
        require(rt, actor, Permission.DRIFT_REPAIR, office)
    return [_office(rt, actor, office, admin_dsn) for office in offices]


def apply_seen(rt: Runtime, actor: Actor, office: str, seen: str) -> Outcome:
    """What the broker may do, if the plan is still the one that was shown. Raises Conflict("drift.moved_on")."""
    require(rt, actor, Permission.DRIFT_REPAIR, office)
    found = drift.look(rt, office)
    if found.code is None and fingerprint(found.drifts) != seen:
        raise Conflict("drift.moved_on", office=office)
    return _office(rt, actor, office, None)


def _office(rt: Runtime, actor: Actor, office: str, admin_dsn: AdminDsn | None) -> Outcome:
    found = drift.look(rt, office)
    if found.code is not None:
        return Outcome(office, (), found.code)
    dsn = admin_dsn(office) if admin_dsn is not None else None  # whoever gives none has announced nothing
    with transaction(rt) as session:
        record(rt, session, Event.POLICY_REPAIRED, actor=actor, host=office, intent=True,
               details={"count": len(found.drifts)})  # fmt: skip
    try:
        done = _repaired(rt, office, dsn)
    except AccessError as error:
        _recorded(rt, actor, office, None, error.code)
        return Outcome(office, found.drifts, error.code)
    _recorded(rt, actor, office, done, "officedb.drift_left" if done.left else None)
    drift.look(rt, office)
    return Outcome(office, tuple(entry.drift for entry in done.left), None, done.done, done.left)


def _repaired(rt: Runtime, office: str, dsn: str | None) -> host.Repaired:
    check = grants.inspection(rt, office)
    if dsn is None:
        with rt.offices.broker(office) as connection:
            return host.as_broker(connection, check)
    return host.as_admin(dsn, rt.offices.place(office)[2], check)


def _recorded(rt: Runtime, actor: Actor, office: str, done: host.Repaired | None, reason: str | None) -> None:
    repaired, left = (len(done.done), len(done.left)) if done else (0, 0)
    with transaction(rt) as session:
        record(rt, session, Event.POLICY_REPAIRED, actor=actor, host=office, failed=reason is not None,
               reason=reason, details={"repaired": repaired, "left": left} if done else None)  # fmt: skip
        if done is not None:
            said = {
                "repaired_at": rt.now(),
                "repaired_by": actor.full_name,
                "repaired": repaired,
                "remaining": left,
            }
            session.execute(update(DriftLook).where(DriftLook.office == office).values(said))
