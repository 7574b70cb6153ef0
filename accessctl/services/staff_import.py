"""Staff from a CSV file: looked at line by line first, then applied as a whole or not at all.

An import adds people and corrects details. Nobody is moved and nobody loses a role by a file: those are acts of
their own, whose consequences are spelled out. New roles are IT's word only and wait for the others' (roles.py).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.offices import OfficerEntry
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.province_file import ProvinceError
from accessctl.domain.staff_file import OFFICERS_FILE, read_officers
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound
from accessctl.services import officers, roles, staff_bulk
from accessctl.services.actor import Actor
from accessctl.services.authorize import decide, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Office, Officer, RoleProposal, StaffImport

LARGEST = 4 * 1024 * 1024
"""Bytes of a file."""
MOST_LINES = 10_000
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How an .xlsx and an .xls begin."""
PAGE = 100
"""Lines of a preview on one page."""
KEPT = timedelta(hours=1)
NEW, CHANGED, SAME, WRONG = "new", "changed", "same", "wrong"


@dataclass(frozen=True, slots=True)
class Line:
    """What one line would do; `how` ∈ new, changed, same, wrong. `what`: fields that change; `code` when wrong."""

    line: int
    how: str
    username: str = ""
    full_name: str = ""
    office: str = ""
    department: str = ""
    roles: tuple[str, ...] = ()
    what: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    """Roles on which applying it says IT's word."""
    code: str | None = None
    facts: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some lines of a preview, `number` of `pages`."""

    rows: tuple[Line, ...]
    number: int
    pages: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The file as it would be applied now; `plan` stands for exactly these lines on exactly this state."""

    id: int
    file_name: str
    created_at: datetime
    lines: tuple[Line, ...]
    plan: str
    applied_at: datetime | None
    counts: dict[str, Any]

    @property
    def tally(self) -> Counter[str]:
        """How many lines do what."""
        return Counter(line.how for line in self.lines)

    def page(self, number: int) -> Page:
        """The lines that want a look, PAGE at a time: the wrong ones where there are any, else whatever changes."""
        wrong = self.tally[WRONG] > 0
        told = [line for line in self.lines if (line.how == WRONG if wrong else line.how != SAME)]
        pages = max(1, -(-len(told) // PAGE))
        number = min(max(1, number), pages)
        return Page(tuple(told[(number - 1) * PAGE : number * PAGE]), number, pages)

    @property
    def ready(self) -> bool:
        """Whether there is something to apply and nothing against it."""
        return not self.tally[WRONG] and self.changes > 0

    @property
    def changes(self) -> int:
        """How many lines would add or change somebody."""
        return self.tally[NEW] + self.tally[CHANGED]


def look(rt: Runtime, session: Session, actor: Actor, file_name: str, data: bytes) -> Preview:
    """Keep the file for this person and say what it would do. Raises Invalid("staff_import.…") for no readable text."""
    may_import(rt, session, actor)
    text = _decoded(data)
    _forget_old(rt, session)
    kept = StaffImport(
        officer_id=actor.id,
        file_name=_name(file_name),
        digest=hashlib.sha256(data).hexdigest(),
        content=text,
        created_at=rt.now(),
        counts={},
    )
    session.add(kept)
    session.flush()
    return _preview(rt, session, actor, kept)


def may_import(rt: Runtime, session: Session, actor: Actor) -> None:
    """Whether this person may import a staff file at all; each line's office is asked about on its own."""
    require(rt, actor, Permission.OFFICER_ADD, actor.office)


def preview(rt: Runtime, session: Session, actor: Actor, number: str) -> Preview:
    """The same look again, on the state of now. Another person's file is not found."""
    may_import(rt, session, actor)
    return _preview(rt, session, actor, _kept(session, actor, number))


def apply(rt: Runtime, session: Session, actor: Actor, number: str, plan: str) -> Preview:
    """Apply all lines or none; a second time changes nothing. Raises Conflict when anything is not as in `plan`."""
    may_import(rt, session, actor)
    kept = _kept(session, actor, number, lock=True)
    if kept.applied_at is not None:
        return _preview(rt, session, actor, kept)
    planned = _plan(rt, session, actor, kept, lock=True)
    if planned.digest != plan or planned.wrong:
        raise Conflict("staff_import.changed")
    steps = [
        staff_bulk.Step(entry, officer, line.adds, f"Theo tệp danh sách cán bộ, dòng {line.line}")
        for entry, officer, line in planned.steps
        if line.how != SAME
    ]
    try:
        with session.begin_nested():
            staff_bulk.carry_out(rt, session, actor, steps)
    except IntegrityError as error:  # somebody added the same person at this very moment
        raise Conflict("staff_import.changed") from error
    counts = {how: sum(line.how == how for line in planned.lines) for how in (NEW, CHANGED, SAME)}
    kept.applied_at, kept.counts, kept.content = rt.now(), counts, ""
    told = {"file": kept.file_name, "sha256": kept.digest, **counts}
    record(rt, session, Event.OFFICER_IMPORTED, actor=actor, details=told)
    return _preview(rt, session, actor, kept)


@dataclass(frozen=True, slots=True)
class _Plan:
    lines: tuple[Line, ...]
    steps: tuple[tuple[OfficerEntry, Officer | None, Line], ...]
    digest: str

    @property
    def wrong(self) -> bool:
        return any(line.how == WRONG for line in self.lines)


def _preview(rt: Runtime, session: Session, actor: Actor, kept: StaffImport) -> Preview:
    planned = None if kept.applied_at else _plan(rt, session, actor, kept)
    return Preview(
        id=kept.id,
        file_name=kept.file_name,
        created_at=kept.created_at,
        lines=planned.lines if planned else (),
        plan=planned.digest if planned else "",
        applied_at=kept.applied_at,
        counts=kept.counts,
    )


def _plan(rt: Runtime, session: Session, actor: Actor, kept: StaffImport, *, lock: bool = False) -> _Plan:
    offices = {office.code: office for office in _offices(session)}
    places = [_Place(o.code, tuple(o.departments), o.level == "province") for o in offices.values()]
    reading = read_officers(kept.content, places, file=kept.file_name)
    known = _known(session, [entry.username for entry in reading.entries], lock=lock)
    held, steps = _held_besides(session, known.values()), []
    for entry in reading.entries:
        officer = known.get(entry.username)
        besides = held.get(officer.id, _NOTHING) if officer else _NOTHING
        steps.append((entry, officer, _line(rt, actor, entry, officer, offices[entry.office], besides)))
    wrong = [_complaint(error) for error in reading.errors]
    lines = tuple(sorted([*wrong, *(line for _, _, line in steps)], key=lambda line: line.line))
    state = [(line.line, line.how, line.username, line.what, line.code) for line in lines]
    versions = sorted((o.username, o.version) for o in known.values())
    said = json.dumps([kept.id, kept.digest, state, versions], ensure_ascii=False)
    return _Plan(lines, tuple(steps), hashlib.sha256(said.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class _Place:
    code: str
    departments: tuple[str, ...]
    provincial: bool


def _offices(session: Session) -> Iterable[Office]:
    return session.scalars(select(Office).where(Office.active)).all()


def _known(session: Session, usernames: list[str], *, lock: bool) -> dict[str, Officer]:
    query = select(Officer).where(Officer.username.in_(usernames)).options(selectinload(Officer.roles))
    if lock:
        query = query.order_by(Officer.id).with_for_update(of=Officer)
        query = query.execution_options(populate_existing=True)
    return {officer.username: officer for officer in session.scalars(query)}


def _line(
    rt: Runtime,
    actor: Actor,
    entry: OfficerEntry,
    officer: Officer | None,
    place: Office,
    besides: _Besides,
) -> Line:
    made = partial(
        Line,
        line=entry.line,
        username=entry.username,
        full_name=entry.full_name,
        office=entry.office,
        department=entry.department.value,
        roles=tuple(role.value for role in entry.roles),
    )
    if refused := _refusal(rt, actor, entry, officer):
        return made(how=WRONG, code=refused, facts=entry.username)
    added = [role.value for role in entry.roles] if officer is None else _added(besides.said, officer, entry)
    if added and not (decision := decide(rt, actor, Permission.ROLE_ENTER, entry.office)).allowed:
        return made(how=WRONG, code=f"policy.{decision.reason}", facts=entry.username)
    if officer is None:
        return made(how=NEW, adds=tuple(added))
    for role in added:
        if refusal := roles.judged(place, officer, Role(role), besides.roles):
            return made(how=WRONG, code=refusal.code, facts=role)
    values = officers.wanted(entry)
    what = [name for name in staff_bulk.EXISTING if getattr(officer, name) != values[name]]
    what += ["roles"] * bool(added)
    return made(how=CHANGED, what=tuple(what), adds=tuple(added)) if what else made(how=SAME)


def _refusal(rt: Runtime, actor: Actor, entry: OfficerEntry, officer: Officer | None) -> str | None:
    """Why a line that is well written cannot be applied all the same."""
    case = "self" if officer is not None and officer.id == actor.id else "none"
    if officer is None or case == "none":
        decision = decide(rt, actor, Permission.OFFICER_ADD, entry.office, case=case)
        if not decision.allowed:
            return f"policy.{decision.reason}"
    if officer is None:
        return None
    if officer.left_at is not None:
        return "staff_import.left"
    if (officer.office_code, officer.department) != (entry.office, entry.department.value):
        return "staff_import.moves"
    held = {r.role for r in officer.roles if r.revoked_at is None}
    if held - {role.value for role in entry.roles}:
        return "staff_import.loses_role"
    values = officers.wanted(entry)
    differs = any(getattr(officer, name) != values[name] for name in staff_bulk.EXISTING) or len(
        entry.roles
    ) > len(held)
    return "staff_import.self" if case == "self" and differs else None


@dataclass(frozen=True, slots=True)
class _Besides:
    """What an officer has besides entered roles: custody and what waits, and of these what has IT's word already."""

    roles: frozenset[Role] = frozenset()
    said: frozenset[str] = frozenset()


_NOTHING = _Besides()


def _held_besides(session: Session, people: Iterable[Officer]) -> dict[int, _Besides]:
    """Of all these officers at once."""
    who = [officer.id for officer in people]
    waiting: dict[int, dict[str, bool]] = {}
    rows = session.execute(
        select(RoleProposal.officer_id, RoleProposal.role, RoleProposal.entered_by.is_not(None)).where(
            RoleProposal.officer_id.in_(who), RoleProposal.state == roles.WAITING
        )
    )
    for officer_id, role, entered in rows:
        waiting.setdefault(officer_id, {})[role] = entered
    custody = roles.custody_of(session, who)
    return {
        one: _Besides(
            frozenset(custody.get(one, ())) | {Role(role) for role in waiting.get(one, ())},
            frozenset(role for role, entered in waiting.get(one, {}).items() if entered),
        )
        for one in custody.keys() | waiting.keys()
    }


def _added(said: frozenset[str], officer: Officer, entry: OfficerEntry) -> list[str]:
    """Roles that the file names and that neither are in force nor have IT's word already."""
    held = {r.role for r in officer.roles if r.revoked_at is None}
    return [role.value for role in entry.roles if role.value not in held | said]


def _complaint(error: ProvinceError) -> Line:
    """A line that cannot be read; the file's own codes are worded for one line of a list."""
    return Line(error.line, WRONG, code=error.code.replace("officers.", "staff_line."), facts=error.what)


def _decoded(data: bytes) -> str:
    if not data.strip():
        raise Invalid("staff_import.no_file")
    if len(data) > LARGEST:
        raise Invalid("input.too_long", limit=LARGEST)
    if data.startswith(_WORKBOOKS):
        raise Invalid("staff_import.workbook")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("staff_import.encoding", line=data[: error.start].count(b"\n") + 1) from None
    if text.count("\n") > MOST_LINES:
        raise Invalid("staff_import.too_many", limit=MOST_LINES)
    if "\x00" in text:
        raise Invalid("staff_import.encoding", line=text[: text.index("\x00")].count("\n") + 1)
    return text


def _name(text: str) -> str:
    """The file's name for the person to recognise; it opens nothing."""
    try:
        return one_line(text.replace("\\", "/").rpartition("/")[2], limit=120)
    except BadText:
        return OFFICERS_FILE


def _kept(session: Session, actor: Actor, number: str, *, lock: bool = False) -> StaffImport:
    whole = number.isascii() and number.isdigit() and len(number) < 18
    kept = session.get(StaffImport, int(number), with_for_update=lock) if whole else None
    if kept is None or kept.officer_id != actor.id or kept.discarded_at is not None:
        raise NotFound("staff_import.unknown")
    return kept


def _forget_old(rt: Runtime, session: Session) -> None:
    """Files that nobody has applied within an hour are out of date; their names and numbers are not kept."""
    session.execute(
        update(StaffImport)
        .where(
            StaffImport.applied_at.is_(None),
            StaffImport.discarded_at.is_(None),
            StaffImport.created_at < rt.now() - KEPT,
        )
        .values(discarded_at=rt.now(), content="")
    )
