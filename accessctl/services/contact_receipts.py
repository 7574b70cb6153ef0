"""Who has read which version of the contact list: the other offices, the departments of the head office (R34)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict, NotFound, Refused
from accessctl.services import contact_readers
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.contact_list import last_told, offices_in_order
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import ContactPublication, ContactReceipt, Office


@dataclass(frozen=True, slots=True)
class Receipt:
    """Whether another office, or a department of the head office, has read a version; who of it and when."""

    office: str
    office_name: str
    reader: str | None = None
    read_at: datetime | None = None
    department: str | None = None
    """None: the office itself."""
    awaited: tuple[str, ...] = ()
    """Who can give the receipt of a department, by full name; () when nobody can."""


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
    """Of the other offices."""
    latest: bool
    departments: tuple[Receipt, ...] = ()
    """Of the departments of the head office that the dispatch addresses."""
    mine: tuple[Receipt, ...] = ()
    """Those of the office and the department of whoever looks."""
    waits: bool = False
    """Whether a receipt is lacking that this very person gives."""

    @property
    def received(self) -> int:
        """How many offices have acknowledged."""
        return sum(1 for receipt in self.receipts if receipt.read_at is not None)

    @property
    def received_in_departments(self) -> int:
        """How many departments have acknowledged."""
        return sum(1 for receipt in self.departments if receipt.read_at is not None)

    def receipt_of(self, office: str) -> Receipt | None:
        """The receipt of one office; None for the publishing office itself."""
        return next((receipt for receipt in self.receipts if receipt.office == office), None)


def acknowledge(rt: Runtime, session: Session, actor: Actor, read: Iterable[tuple[str, int]]) -> int:
    """The head of another office, or whoever reads for a department, has read these (office, version).

    Returns how many lists got a new receipt. Raises Conflict("contactlist.superseded") when an office has told a newer
    version: that one wants reading.
    """
    place = contact_readers.head_office(session)
    signs = contact_readers.signs(rt, session, actor, place)
    if not signs:  # refuses with the policy's own reason
        require(rt, actor, Permission.CONTACTLIST_ACKNOWLEDGE, actor.office)
    given = 0
    for office, version in read:
        parts = _parts(signs, place, office, actor.office)
        if not parts:
            raise Refused("contactlist.own")
        last = _newest(session, office, version)
        given += any([_receive(rt, session, actor, last, part) for part in parts])
    return given


def _parts(signs: Sequence[str | None], place: Office | None, publishing: str, own: str) -> list[str | None]:
    """For which of these a list of that office is to be read: not in the office itself, not where it was told."""
    departments = contact_readers.addressed(place, publishing)
    return [part for part in signs if (part in departments if part else publishing != own)]


def _newest(session: Session, office: str, version: int) -> ContactPublication:
    last = last_told(session, [office]).get(office)
    if last is None or version > last.version or version < 1:
        raise NotFound("contactlist.unknown", office=office[:20])
    if last.version != version:
        raise Conflict("contactlist.superseded", version=last.version)
    return last


def _receive(
    rt: Runtime, session: Session, actor: Actor, last: ContactPublication, department: str | None
) -> bool:
    receipt = {
        "publication_id": last.id,
        "office_code": actor.office,
        "department": department,
        "officer_id": actor.id,
        "read_at": rt.now(),
    }
    new = insert(ContactReceipt).values(receipt).on_conflict_do_nothing().returning(ContactReceipt.id)
    if session.execute(new).one_or_none() is None:
        return False
    said = {"version": last.version} | ({"department": department} if department else {})
    record(rt, session, Event.CONTACTLIST_READ, actor=actor, guest=last.office_code, details=said)
    return True


def published(rt: Runtime, session: Session, actor: Actor) -> list[Publication]:
    """The newest version of every office that has told one, with the receipts of the others."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    readers = _readers(rt, session, actor)
    rows = last_told(session, list(readers.names))
    return _views(session, [rows[code] for code in readers.names if code in rows], readers, latest=True)


def versions(rt: Runtime, session: Session, actor: Actor, office: str) -> list[Publication]:
    """Every version of one office, newest first. Raises NotFound("office.unknown")."""
    require(rt, actor, Permission.CUSTODIAN_VIEW, actor.office)
    readers = _readers(rt, session, actor)
    if office not in readers.names and office not in readers.closed:
        raise NotFound("office.unknown", office=office[:20])
    rows = session.scalars(
        select(ContactPublication)
        .where(ContactPublication.office_code == office)
        .order_by(ContactPublication.version.desc())
        .options(joinedload(ContactPublication.publisher))
    ).all()
    newest = _views(session, rows[:1], readers, latest=True)
    return newest + _views(session, rows[1:], readers, latest=False)


@dataclass(frozen=True, slots=True)
class _Readers:
    """Who is to read lists: the offices by name, the head office with its departments; and who looks."""

    names: Mapping[str, str]
    closed: Mapping[str, str]
    place: Office | None
    awaited: Mapping[str, tuple[str, ...]]
    office: str
    department: str
    signs: tuple[str | None, ...]


def _readers(rt: Runtime, session: Session, actor: Actor) -> _Readers:
    offices = offices_in_order(session, closed=True)
    place = next((office for office in offices if contact_readers.is_head_office(office)), None)
    return _Readers(
        names={office.code: office.name for office in offices if office.active},
        closed={office.code: office.name for office in offices if not office.active},
        place=place,
        awaited=contact_readers.awaited(session, place),
        office=actor.office,
        department=actor.department,
        signs=contact_readers.signs(rt, session, actor, place),
    )


def _views(
    session: Session, rows: Sequence[ContactPublication], readers: _Readers, *, latest: bool
) -> list[Publication]:
    given: dict[int, list[ContactReceipt]] = {}
    receipts = select(ContactReceipt).where(ContactReceipt.publication_id.in_([row.id for row in rows]))
    for receipt in session.scalars(receipts.options(joinedload(ContactReceipt.officer))):
        given.setdefault(receipt.publication_id, []).append(receipt)
    return [_view(row, readers, given.get(row.id, []), latest=latest) for row in rows]


def _view(
    row: ContactPublication, readers: _Readers, given: Sequence[ContactReceipt], *, latest: bool
) -> Publication:
    read = {(receipt.office_code, receipt.department): receipt for receipt in given}
    offices = [_receipt(readers, read, code, None) for code in readers.names if code != row.office_code]
    place = readers.place
    parts = [
        _receipt(readers, read, place.code if place else "", part)
        for part in contact_readers.addressed(place, row.office_code)
    ]
    mine = [
        receipt
        for receipt in (*offices, *parts)
        if receipt.office == readers.office and receipt.department in (None, readers.department)
    ]
    return Publication(
        office=row.office_code,
        office_name=readers.names.get(row.office_code)
        or readers.closed.get(row.office_code, row.office_code),
        version=row.version,
        published_at=row.published_at,
        publisher=row.publisher.full_name if row.publisher else None,
        entries=tuple(row.entries),
        receipts=tuple(offices),
        latest=latest,
        departments=tuple(parts),
        mine=tuple(mine),
        waits=latest and any(one.read_at is None and one.department in readers.signs for one in mine),
    )


def _receipt(
    readers: _Readers,
    read: Mapping[tuple[str, str | None], ContactReceipt],
    office: str,
    department: str | None,
) -> Receipt:
    found = read.get((office, department))
    return Receipt(
        office,
        readers.names.get(office, office),
        found.officer.full_name if found else None,
        found.read_at if found else None,
        department,
        readers.awaited.get(department, ()) if department else (),
    )


def receipts_pending(rt: Runtime, session: Session, actor: Actor) -> int:
    """How many lists wait for a receipt that this very person gives: for a start page."""
    place = contact_readers.head_office(session)
    signs = contact_readers.signs(rt, session, actor, place)
    if not signs:
        return 0
    newest = last_told(session, [office.code for office in offices_in_order(session)])
    receipts = select(ContactReceipt.publication_id, ContactReceipt.department).where(
        ContactReceipt.office_code == actor.office,
        ContactReceipt.publication_id.in_([row.id for row in newest.values()]),
    )
    given = {(publication, department) for publication, department in session.execute(receipts)}
    return sum(
        any((row.id, part) not in given for part in _parts(signs, place, code, actor.office))
        for code, row in newest.items()
    )
