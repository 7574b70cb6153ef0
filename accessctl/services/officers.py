"""The staff: entering them, giving a first password, the first administrator."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from accessctl.domain.events import Event
from accessctl.domain.offices import OfficerEntry
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Refused
from accessctl.services import accounts, passwords, signin
from accessctl.services.actor import Actor, officer_named
from accessctl.services.authorize import require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Officer, OfficerRole

_DETAILS = ("full_name", "title", "phone", "email", "office_code", "department")


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


def _wanted(entry: OfficerEntry) -> dict[str, str]:
    return {
        "full_name": entry.full_name,
        "title": entry.title,
        "phone": entry.phone,
        "email": entry.email,
        "office_code": entry.office,
        "department": entry.department.value,
    }


def _changes(officer: Officer, entry: OfficerEntry) -> list[str]:
    changes = [name for name, value in _wanted(entry).items() if getattr(officer, name) != value]
    held = {r.role for r in officer.roles if r.revoked_at is None}
    return changes + (["roles"] if held != {role.value for role in entry.roles} else [])


def enter(
    rt: Runtime, session: Session, entry: OfficerEntry, officer: Officer | None, actor: Actor | None
) -> list[str]:
    """Bring one officer in line with the staff file; what changed is recorded, nothing is deleted.

    Who moves to another office or department, or loses a role, holds no account any more (S11): returns the
    leases that are ending.
    """
    if officer is None:
        officer = Officer(username=entry.username, must_change=True, failures=0, roles=[], **_wanted(entry))
        session.add(officer)
        session.flush()
        _tell(rt, session, Event.OFFICER_ADDED, officer, actor, {})
        _set_roles(rt, session, officer, entry.roles, actor)
        return []
    changed = [name for name in _DETAILS if getattr(officer, name) != _wanted(entry)[name]]
    for name in changed:
        setattr(officer, name, _wanted(entry)[name])
    if changed:
        event = Event.OFFICER_TRANSFERRED if "office_code" in changed else Event.OFFICER_CHANGED
        _tell(rt, session, event, officer, actor, {"changed": changed})
    lost = _set_roles(rt, session, officer, entry.roles, actor)
    if lost or {"office_code", "department"} & set(changed):
        return accounts.end_leases_of(rt, session, officer.id, "officer.moved")
    return []


def _set_roles(
    rt: Runtime, session: Session, officer: Officer, roles: tuple[Role, ...], actor: Actor | None
) -> bool:
    """Grant and withdraw; True when a role was withdrawn."""
    held = {r.role: r for r in officer.roles if r.revoked_at is None}
    lost = held.keys() - set(roles)
    for role in lost:
        held[role].revoked_at = rt.now()
        _tell(rt, session, Event.ROLE_REVOKED, officer, actor, {"role": role})
    for place, role in enumerate(roles):
        if role not in held:
            officer.roles.append(
                OfficerRole(
                    role=role.value,
                    shown_first=place == 0,
                    granted_at=rt.now(),
                    granted_by=actor.id if actor else None,
                )
            )
            _tell(rt, session, Event.ROLE_GRANTED, officer, actor, {"role": role.value})
    return bool(lost)


def _tell(
    rt: Runtime,
    session: Session,
    event: Event,
    officer: Officer,
    actor: Actor | None,
    more: dict[str, object],
) -> None:
    about = {"officer": officer.username, "officer_name": officer.full_name, **more}
    record(rt, session, event, actor=actor, guest=officer.office_code, details=about)


def set_password(
    rt: Runtime, session: Session, officer: Officer, password: str, *, must_change: bool
) -> None:
    """Store a password given by somebody else than the person; unless it is a demo's, it must be changed at once."""
    officer.password_hash = passwords.hashed(
        rt.settings.password_profile, password, username=officer.username
    )
    officer.must_change, officer.failures, officer.locked_until = must_change, 0, None


def give_password(rt: Runtime, session: Session, actor: Actor, username: str, password: str) -> None:
    """IT gives a first or new password, to be changed at the first sign-in; never to oneself."""
    officer = officer_named(session, username)
    case = "self" if officer.id == actor.id else "none"
    require(rt, actor, Permission.CREDENTIAL_RESET, officer.office_code, case=case)
    set_password(rt, session, officer, password, must_change=True)
    signin.end_sessions(rt, session, officer.id)  # whoever knew the old one is out
    _tell(rt, session, Event.AUTH_PASSWORD_RESET, officer, actor, {})


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
    roles = {r.role for r in officer.roles if r.revoked_at is None}
    if able is not None or Role.IT_ADMIN not in roles:
        raise Refused("officer.not_first_administrator", officer=officer.full_name)
    set_password(rt, session, officer, password, must_change=True)
    _tell(rt, session, Event.AUTH_PASSWORD_RESET, officer, None, {"first_administrator": True})
