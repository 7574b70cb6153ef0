"""The custodian contact list: told to all other offices in versions, read and acknowledged there (R34)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import rfc3339
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.domain.text import folded
from accessctl.errors import Conflict, NotFound, Refused
from accessctl.services import telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import ContactPublication, ContactReceipt, Custody, Office

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


@dataclass(frozen=True, slots=True)
class Receipt:
    """Whether another office has read a version; who of it and when."""

    office: str
    office_name: str
    reader: str | None = None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """One version of an office's list; `publisher` None when a change was told by itself."""

    office: str
    office_name: str
    version: int
    published_at: datetime
    publisher: str | None
    entries: tuple[Mapping[str, Any], ...]
    receipts: tuple[Receipt, ...]
    latest: bool

    @property
    def received(self) -> int:
        """How many offices have acknowledged."""
        return sum(1 for receipt in self.receipts if receipt.read_at is not None)

    def receipt_of(self, office: str) -> Receipt | None:
        """The receipt of one office; None for the publishing office itself."""
        return next((receipt for receipt in self.receipts if receipt.office == office), None)


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
    last = _last(session, [office.code]).get(office.code)
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
    found, last = _in_force(session, rt.now()), _last(session, [office.code for office in offices])
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


def _last(session: Session, offices: Sequence[str]) -> dict[str, ContactPublication]:
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
    last = _last(session, [office]).get(office)
    if (last.version if last else 0) != seen:
        raise Conflict("contactlist.superseded", version=last.version if last else 0)
    return _write(rt, session, actor, office, last, _entries(office, _in_force(session, rt.now()))).version


def acknowledge(rt: Runtime, session: Session, actor: Actor, read: Iterable[tuple[str, int]]) -> int:
    """The head of another office has read these (office, version); returns how many receipts are new.

    Raises Conflict("contactlist.superseded") when an office has told a newer version: that one wants reading.
    """
    require(rt, actor, Permission.CONTACTLIST_ACKNOWLEDGE, actor.office)
    given = 0
    for office, version in read:
        given += _receive(rt, session, actor, office, version)
    return given


def _receive(rt: Runtime, session: Session, actor: Actor, office: str, version: int) -> int:
    if office == actor.office:
        raise Refused("contactlist.own")
    last = _last(session, [office]).get(office)
    if last is None or version > last.version or version < 1:
        raise NotFound("contactlist.unknown", office=office[:20])
    if last.version != version:
        raise Conflict("contactlist.superseded", version=last.version)
    receipt = {
        "publication_id": last.id,
        "office_code": actor.office,
        "officer_id": actor.id,
        "read_at": rt.now(),
    }
    new = insert(ContactReceipt).values(receipt).on_conflict_do_nothing().returning(ContactReceipt.id)
    if session.execute(new).one_or_none() is None:
        return 0
    record(rt, session, Event.CONTACTLIST_READ, actor=actor, guest=office, details={"version": version})
    return 1


def published(rt: Runtime, session: Session, actor: Actor) -> list[Publication]:
    """The newest version of every office that has told one, with the receipts of the others."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    offices = offices_in_order(session)
    rows = _last(session, [office.code for office in offices])
    return _views(session, [rows[o.code] for o in offices if o.code in rows], latest=True)


def versions(rt: Runtime, session: Session, actor: Actor, office: str) -> list[Publication]:
    """Every version of one office, newest first. Raises NotFound("office.unknown")."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    if session.get(Office, office) is None:
        raise NotFound("office.unknown", office=office[:20])
    rows = session.scalars(
        select(ContactPublication)
        .where(ContactPublication.office_code == office)
        .order_by(ContactPublication.version.desc())
        .options(joinedload(ContactPublication.publisher))
    ).all()
    newest = _views(session, rows[:1], latest=True)
    return newest + _views(session, rows[1:], latest=False)


def _views(session: Session, rows: Sequence[ContactPublication], *, latest: bool) -> list[Publication]:
    names = {office.code: office.name for office in offices_in_order(session)}
    closed = dict(session.execute(select(Office.code, Office.name).where(~Office.active)).all())
    given: dict[int, list[ContactReceipt]] = {}
    receipts = select(ContactReceipt).where(ContactReceipt.publication_id.in_([row.id for row in rows]))
    for receipt in session.scalars(receipts.options(joinedload(ContactReceipt.officer))):
        given.setdefault(receipt.publication_id, []).append(receipt)
    return [_view(row, names, closed, given.get(row.id, []), latest=latest) for row in rows]


def _view(
    row: ContactPublication,
    names: Mapping[str, str],
    closed: Mapping[str, str],
    given: Sequence[ContactReceipt],
    *,
    latest: bool,
) -> Publication:
    read = {receipt.office_code: receipt for receipt in given}
    return Publication(
        office=row.office_code,
        office_name=names.get(row.office_code) or closed.get(row.office_code, row.office_code),
        version=row.version,
        published_at=row.published_at,
        publisher=row.publisher.full_name if row.publisher else None,
        entries=tuple(row.entries),
        receipts=tuple(
            Receipt(code, name, read[code].officer.full_name, read[code].read_at)
            if code in read
            else Receipt(code, name)
            for code, name in names.items()
            if code != row.office_code
        ),
        latest=latest,
    )


def receipts_pending(session: Session, office: str) -> int:
    """How many versions of other offices this office has not acknowledged: for a start page."""
    newest = (
        select(ContactPublication.office_code, func.max(ContactPublication.version).label("version"))
        .where(ContactPublication.office_code != office)
        .group_by(ContactPublication.office_code)
        .subquery()
    )
    waiting = (
        select(func.count())
        .select_from(ContactPublication)
        .join(
            newest,
            (newest.c.office_code == ContactPublication.office_code)
            & (newest.c.version == ContactPublication.version),
        )
        .outerjoin(
            ContactReceipt,
            (ContactReceipt.publication_id == ContactPublication.id) & (ContactReceipt.office_code == office),
        )
        .where(ContactReceipt.id.is_(None))
    )
    return session.scalar(waiting) or 0
