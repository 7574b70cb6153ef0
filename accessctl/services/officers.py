"""The staff: entering them, their details, giving a first password, the first administrator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.offices import OfficerEntry
from accessctl.domain.permissions import Permission, Role
from accessctl.domain.staff_file import FORMS, tidy
from accessctl.domain.text import BadText
from accessctl.errors import Conflict, Invalid, Refused
from accessctl.services import accounts, moves, roles, signin, substitution
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import may, require
from accessctl.services.offices import in_order
from accessctl.services.runtime import Runtime
from accessctl.services.staff import case_of, locked, of_version, place_of, tell
from accessctl.store.models import Office, Officer, OfficerRole

_DETAILS = ("full_name", "title", "phone", "email", "office_code", "department")


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A new officer as typed; the roles are entered as IT's word on each, with `reason` for all."""

    username: str
    full_name: str
    title: str
    phone: str
    email: str
    office: str
    department: str
    roles: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """What IT may correct without moving anybody; `version` is that of the page it was typed on."""

    full_name: str
    title: str
    phone: str
    email: str
    version: int


def differences(
    session: Session, entries: Iterable[OfficerEntry]
) -> list[tuple[OfficerEntry, Officer | None, list[str]]]:
    """Which lines of the staff file are not yet so: the entry, the officer if there is one, what differs."""
    known = {o.username: o for o in session.scalars(select(Officer).options(selectinload(Officer.roles)))}
    found = []
    for entry in entries:
        officer = known.get(entry.username)
        changes = ["new"] if officer is None else _changes(officer, entry)
        if changes:
            found.append((entry, officer, changes))
    return found


def wanted(entry: OfficerEntry) -> dict[str, str]:
    """The columns of an officer as a line of a staff file has them."""
    return {
        "full_name": entry.full_name,
        "title": entry.title,
        "phone": entry.phone,
        "email": entry.email,
        "office_code": entry.office,
        "department": entry.department.value,
    }


def _changes(officer: Officer, entry: OfficerEntry) -> list[str]:
    changes = [name for name, value in wanted(entry).items() if getattr(officer, name) != value]
    held = {r.role for r in officer.roles if r.revoked_at is None}
    return changes + (["roles"] if held != {role.value for role in entry.roles} else [])


def enter(
    rt: Runtime, session: Session, entry: OfficerEntry, officer: Officer | None, actor: Actor | None
) -> list[str]:
    """Bring one officer in line with the founding staff file; what changed is recorded, nothing is deleted.

    The file is the province's own word: its roles need no other. Who moves to another office or department, or
    loses a role, holds no account any more (S11): returns the leases that are ending.
    """
    if officer is None:
        officer = _new(rt, session, wanted(entry) | {"username": entry.username}, actor)
        _set_roles(rt, session, officer, entry.roles, actor)
        return []
    before = {name: getattr(officer, name) for name in _DETAILS}
    changed = [name for name in _DETAILS if before[name] != wanted(entry)[name]]
    for name in changed:
        setattr(officer, name, wanted(entry)[name])
    moved = bool({"office_code", "department"} & set(changed))
    if changed:
        officer.version += 1
        event = Event.OFFICER_TRANSFERRED if "office_code" in changed else Event.OFFICER_CHANGED
        told = {"changed": changed} | (
            {"from": before["office_code"], "to": entry.office} if "office_code" in changed else {}
        )
        tell(rt, session, event, officer, actor, told)
    lost = _set_roles(rt, session, officer, entry.roles, actor)
    ending = accounts.end_leases_of(rt, session, officer.id, "officer.moved") if lost or moved else []
    if moved:
        moves.post(rt, session, officer, actor, None)
        ending += substitution.end_all_of(rt, session, officer.id, "officer.moved", actor)
        roles.lapse(rt, session, officer, actor, "officer.moved")
    return ending


def _new(rt: Runtime, session: Session, values: Mapping[str, str], actor: Actor | None) -> Officer:
    officer = Officer(must_change=True, failures=0, version=1, roles=[], **values)
    session.add(officer)
    session.flush()
    moves.post(rt, session, officer, actor, None)
    tell(rt, session, Event.OFFICER_ADDED, officer, actor, {})
    return officer


def _set_roles(
    rt: Runtime, session: Session, officer: Officer, named: tuple[Role, ...], actor: Actor | None
) -> bool:
    """Grant and withdraw; True when a role was withdrawn."""
    held = {r.role: r for r in officer.roles if r.revoked_at is None}
    lost = held.keys() - set(named)
    for role in lost:
        held[role].revoked_at = rt.now()
        tell(rt, session, Event.ROLE_REVOKED, officer, actor, {"role": role})
    for place, role in enumerate(named):
        if role not in held:
            officer.roles.append(
                OfficerRole(
                    role=role.value,
                    shown_first=place == 0,
                    granted_at=rt.now(),
                    granted_by=actor.id if actor else None,
                )
            )
            tell(rt, session, Event.ROLE_GRANTED, officer, actor, {"role": role.value})
    if lost:
        officer.version += 1
    return bool(lost)


def add(rt: Runtime, session: Session, actor: Actor, newcomer: Newcomer) -> Officer:
    """IT adds an officer. Each first role is IT's word only: it waits for the unit head or the director.

    Raises Invalid for words that are not of the form, Conflict("officer.duplicate"), Refused("role.…").
    """
    office = place_of(session, newcomer.office, newcomer.department)
    require(rt, actor, Permission.OFFICER_ADD, office.code)
    values = _typed(
        {name: getattr(newcomer, name) for name in ("username", "full_name", "title", "phone", "email")}
    )
    if session.scalars(select(Officer.id).where(Officer.username == values["username"])).first():
        raise Conflict("officer.duplicate", officer=values["username"])
    where = {"office_code": office.code, "department": newcomer.department}
    officer = _new(rt, session, values | where, actor)
    for role in newcomer.roles:
        roles.enter(rt, session, actor, roles.Wanted(officer.username, role, newcomer.reason))
    return officer


def places(rt: Runtime, session: Session, actor: Actor) -> list[Office]:
    """The offices to which this person may add officers. Raises Refused for whoever may add none."""
    require(rt, actor, Permission.OFFICER_ADD, actor.office)
    found = sorted(session.scalars(select(Office).where(Office.active)), key=in_order)
    return [office for office in found if may(rt, actor, Permission.OFFICER_ADD, office.code)]


def before_change(rt: Runtime, session: Session, actor: Actor, username: str) -> Officer:
    """The officer whose details are to be corrected."""
    officer = officer_named(session, username)
    require(rt, actor, Permission.OFFICER_ADD, officer.office_code, case=case_of(actor, officer))
    return officer


def change(rt: Runtime, session: Session, actor: Actor, username: str, details: Details) -> Officer:
    """IT corrects name, title, telephone or e-mail; nothing ends. Raises Conflict("officer.changed_meanwhile")."""
    officer = locked(session, username)
    require(rt, actor, Permission.OFFICER_ADD, officer.office_code, case=case_of(actor, officer))
    values = _typed({name: getattr(details, name) for name in ("full_name", "title", "phone", "email")})
    of_version(officer, details.version)
    set_details(rt, session, actor, officer, values)
    return officer


def set_details(
    rt: Runtime, session: Session, actor: Actor, officer: Officer, values: Mapping[str, str]
) -> list[str]:
    """Write what differs and record which; says which."""
    changed = correct(officer, values)
    if changed:
        tell(rt, session, Event.OFFICER_CHANGED, officer, actor, {"changed": changed})
    return changed


def correct(officer: Officer, values: Mapping[str, str]) -> list[str]:
    """Write what differs; says which. Recording it is the caller's part."""
    changed = [name for name, value in values.items() if getattr(officer, name) != value]
    for name in changed:
        setattr(officer, name, values[name])
    if changed:
        officer.version += 1
    return changed


def _typed(cells: Mapping[str, str]) -> dict[str, str]:
    """NFC, tidy and of the form. Raises Invalid("officer.bad_username"), ("…_email"), ("…_phone"), ("input.…")."""
    try:
        words = tidy(dict(cells))
    except BadText as error:
        raise Invalid(f"input.{error.why}", limit=error.limit) from None
    for name, form in FORMS.items():
        if name in words and form.fullmatch(words[name]) is None:
            raise Invalid(f"officer.bad_{name}")
    return words


def set_password(
    rt: Runtime, session: Session, officer: Officer, password: str, *, must_change: bool
) -> None:
    """Store a password given by somebody else than the person; unless it is a demo's, it must be changed at once."""
    signin.keep_password(rt, session, officer, password)
    officer.must_change, officer.failures, officer.locked_until = must_change, 0, None


def give_password(rt: Runtime, session: Session, actor: Actor, username: str, password: str) -> None:
    """IT gives a first or new password, to be changed at the first sign-in; never to oneself."""
    officer = officer_named(session, username)
    case = "self" if officer.id == actor.id else "none"
    require(rt, actor, Permission.CREDENTIAL_RESET, officer.office_code, case=case)
    set_password(rt, session, officer, password, must_change=True)
    signin.end_sessions(rt, session, officer.id)  # whoever knew the old one is out
    tell(rt, session, Event.AUTH_PASSWORD_RESET, officer, actor, {})


def first_administrator(rt: Runtime, session: Session, username: str, password: str) -> None:
    """The one password that nobody signed in can give: only while no IT administrator has one."""
    able = session.scalars(
        select(Officer.id)
        .join(Officer.roles)
        .where(
            OfficerRole.role == Role.IT_ADMIN,
            OfficerRole.revoked_at.is_(None),
            Officer.password_hash.is_not(None),
        )
    ).first()
    officer = officer_named(session, username)
    held = {r.role for r in officer.roles if r.revoked_at is None}
    if able is not None or Role.IT_ADMIN not in held:
        raise Refused("officer.not_first_administrator", officer=officer.full_name)
    set_password(rt, session, officer, password, must_change=True)
    tell(rt, session, Event.AUTH_PASSWORD_RESET, officer, None, {"first_administrator": True})
