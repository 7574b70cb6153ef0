"""The custodian contact list: who answers where now, told to all other offices in versions (R34).

Who has read which version stands in `contact_receipts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import rfc3339
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import folded
from accessctl.errors import Conflict
from accessctl.services import telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import ContactPublication, Custody, Office

SHARED = (Kind.TKCL, Kind.TKHCTT)


@dataclass(frozen=True, slots=True)
class Contact:
    """A line of the contact list (R34); `acknowledged` tells whether the custodian has confirmed."""

    office: str
    office_name: str
    kind: str
    username: str | None
    full_name: str | None
    title: str | None
    phone: str | None
    email: str | None
    since: datetime | None
    until: datetime | None
    acknowledged: bool
    decision_no: str | None
    substitutes: str | None = None
    """The full name of the custodian for whom this officer stands in."""


def current(rt: Runtime, session: Session, actor: Actor) -> list[Contact]:
    """Who answers for which accounts at each office now; gaps stand in it as such. For every officer (R34)."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    found = _in_force(session, rt.now())
    return [
        _contact(office, kind, found.get((office.code, kind)))
        for office in offices_in_order(session)
        for kind in SHARED
    ]


def offices_in_order(session: Session, *, closed: bool = False) -> list[Office]:
    """The province first, then by name as Vietnamese lists do; closed offices on request."""
    rows = session.scalars(select(Office) if closed else select(Office).where(Office.active))
    return sorted(rows, key=lambda office: (office.level != "province", folded(office.name)))


def _in_force(session: Session, now: datetime) -> dict[tuple[str, str], Custody]:
    rows = session.scalars(
        select(Custody)
        .where(Custody.period.contains(now))
        .options(joinedload(Custody.officer), joinedload(Custody.principal))
    )
    return {(custody.office_code, custody.kind): custody for custody in rows}


def _contact(office: Office, kind: Kind, custody: Custody | None) -> Contact:
    person = custody.officer if custody else None
    return Contact(
        office=office.code,
        office_name=office.name,
        kind=kind.value,
        username=person.username if person else None,
        full_name=person.full_name if person else None,
        title=person.title if person else None,
        phone=person.phone if person else None,
        email=person.email if person else None,
        since=custody.period.lower if custody else None,
        until=custody.period.upper if custody else None,
        acknowledged=bool(custody and custody.acknowledged_at),
        decision_no=custody.decision_no if custody else None,
        substitutes=custody.principal.full_name if custody and custody.principal else None,
    )


# --- published in versions ------------------------------------------------------------------------


def republish(rt: Runtime, session: Session, actor: Actor | None, office: Office) -> bool:
    """Tell the next version when the list says something else than the last one; True when it did (R34)."""
    session.execute(select(Office.code).where(Office.code == office.code).with_for_update(key_share=True))
    last = last_told(session, [office.code]).get(office.code)
    entries = _entries(office.code, _in_force(session, rt.now()))
    if last is None and not any(entry["username"] for entry in entries):
        return False
    if last is not None and last.entries == entries:
        return False
    _write(rt, session, actor, office.code, last, entries)
    return True


def settle(rt: Runtime, session: Session) -> int:
    """Tell every office's list that has changed by itself: a day has come, a telephone number is another."""
    offices = offices_in_order(session)
    found, last = _in_force(session, rt.now()), last_told(session, [office.code for office in offices])
    stale = [o for o in offices if _differs(last.get(o.code), _entries(o.code, found))]
    return sum(republish(rt, session, None, office) for office in stale)


def _differs(last: ContactPublication | None, entries: list[dict[str, Any]]) -> bool:
    return last.entries != entries if last else any(entry["username"] for entry in entries)


def _entries(office: str, found: Mapping[tuple[str, str], Custody]) -> list[dict[str, Any]]:
    return [_entry(kind, found.get((office, kind))) for kind in SHARED]


def _entry(kind: Kind, custody: Custody | None) -> dict[str, Any]:
    if custody is None:
        return {"kind": kind.value, "username": None}
    person, principal = custody.officer, custody.principal
    return {
        "kind": kind.value,
        "username": person.username,
        "full_name": person.full_name,
        "title": person.title,
        "phone": person.phone,
        "email": person.email,
        "since": rfc3339(custody.period.lower) if custody.period.lower else None,
        "substitutes": principal.full_name if principal else None,
    }


def last_told(session: Session, offices: Sequence[str]) -> dict[str, ContactPublication]:
    """The newest version of each of these offices that has told one."""
    rows = session.scalars(
        select(ContactPublication)
        .where(ContactPublication.office_code.in_(offices))
        .ext(distinct_on(ContactPublication.office_code))
        .order_by(ContactPublication.office_code, ContactPublication.version.desc())
        .options(joinedload(ContactPublication.publisher))
    )
    return {row.office_code: row for row in rows}


def _write(
    rt: Runtime,
    session: Session,
    actor: Actor | None,
    office: str,
    last: ContactPublication | None,
    entries: list[dict[str, Any]],
) -> ContactPublication:
    by_head = actor is not None and may(rt, actor, Permission.CONTACTLIST_PUBLISH, office)
    row = ContactPublication(
        office_code=office,
        version=(last.version if last else 0) + 1,
        published_at=rt.now(),
        published_by=actor.id if actor and by_head else None,
        entries=entries,
    )
    session.add(row)
    session.flush()
    said = {entry["kind"].lower(): entry["username"] for entry in entries} | {"version": row.version}
    record(rt, session, Event.CONTACTLIST_PUBLISHED, actor=actor, guest=office, details=said)
    telling.contacts_published(rt, session, office, row.version)
    return row


def publish(rt: Runtime, session: Session, actor: Actor, office: str, *, seen: int) -> int:
    """The unit head tells the list anew, changed or not; every office has to acknowledge again. Returns the version.

    `seen`: the version that the head had before the eyes (0: none); raises Conflict when there is another by now.
    """
    require(rt, actor, Permission.CONTACTLIST_PUBLISH, office)
    session.execute(select(Office.code).where(Office.code == office).with_for_update(key_share=True))
    last = last_told(session, [office]).get(office)
    if (last.version if last else 0) != seen:
        raise Conflict("contactlist.superseded", version=last.version if last else 0)
    return _write(rt, session, actor, office, last, _entries(office, _in_force(session, rt.now()))).version
