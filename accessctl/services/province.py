"""The province as data: what a founding file would change, and changing it; twice is the same as once (S01, S02)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName
from accessctl.domain.events import Event
from accessctl.domain.offices import Office as OfficeFile
from accessctl.domain.offices import OfficerEntry, department_name
from accessctl.domain.offices import Province as ProvinceFile
from accessctl.errors import AccessError, Unavailable
from accessctl.officedb.accounts import ensure_accounts
from accessctl.services import accounts, closing, officers, policy_rollout
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from accessctl.services.recording import record, record_refusal
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Office, Province

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan: what (office, officer, account, province), which, and how it changes."""

    what: str
    name: str
    how: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did; `unreachable` offices (with the code of the error) are to be applied again."""

    changes: tuple[Change, ...]
    unreachable: dict[str, str]
    errors: tuple[AccessError, ...] = ()


def plan(rt: Runtime, founded: ProvinceFile, staff: tuple[OfficerEntry, ...]) -> list[Change]:
    """What `apply` would change in the control database. Empty when everything is so already."""
    with transaction(rt) as session:
        changes = [Change("province", founded.name.vi, "new or changed")] if _head(session, founded) else []
        for office, row in _offices(session, founded):
            if row is None or _office_values(office) != _stored(row):
                changes.append(Change("office", office.code, "new" if row is None else "changed"))
        for entry, _, differs in officers.differences(session, staff):
            changes.append(Change("officer", entry.username, ", ".join(differs)))
        for name in _missing(session, founded):
            changes.append(Change("account", str(name), "new"))
    return changes


def apply(
    rt: Runtime, founded: ProvinceFile, staff: tuple[OfficerEntry, ...], *, progress: Progress | None = None
) -> Applied:
    """Make it so: people and offices first, then the accounts of each host, one host at a time.

    An account is entered after its role exists in the host, so that a crash between the two is made good by the
    next run. Raises nothing for a host out of reach: it stands in `unreachable`.
    """
    changes = plan(rt, founded, staff)
    origin = Origin("cli")
    if any(change.what != "account" for change in changes):
        ending: list[str] = []
        with transaction(rt) as session:
            _write_offices(rt, session, founded, origin)
            for entry, officer, _ in officers.differences(session, staff):
                ending += officers.enter(rt, session, entry, officer, None)
        rt.forget_offices()
        closing.finish_all(rt, ending)
    wanted = founded.shared_accounts + founded.local_accounts
    unreachable: dict[str, str] = {}
    errors: list[AccessError] = []
    for number, office in enumerate(founded.offices, start=1):
        try:
            _provision(rt, office.code, [name for name in wanted if name.host == office.code])
        except AccessError as error:
            unreachable[office.code] = error.code
            errors.append(error)
            if not isinstance(error, Unavailable):
                record_refusal(rt, None, origin, error, what="province.apply", host=office.code)
        if progress is not None:
            progress(office.name.vi, number, len(founded.offices))
    policy_rollout.roll_out(rt)
    return Applied(tuple(changes), unreachable, tuple(errors))


def _provision(rt: Runtime, host: str, names: list[AccountName]) -> None:
    with rt.offices.broker(host) as connection:
        ensure_accounts(connection, names)
    with transaction(rt) as session:
        known = set(session.scalars(select(Account.name).where(Account.host == host)))
        accounts.provision(rt, session, [name for name in names if str(name) not in known], None)


def _missing(session: Session, founded: ProvinceFile) -> list[AccountName]:
    known = set(session.scalars(select(Account.name)))
    return [name for name in founded.shared_accounts + founded.local_accounts if str(name) not in known]


def _digest(founded: ProvinceFile) -> str:
    said = (founded.code, founded.name, founded.legal_basis, founded.effective_from, founded.timezone)
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _head(session: Session, founded: ProvinceFile) -> bool:
    row = session.get(Province, founded.code)
    return row is None or row.applied_digest != _digest(founded)


def _offices(session: Session, founded: ProvinceFile) -> list[tuple[OfficeFile, Office | None]]:
    known = {row.code: row for row in session.scalars(select(Office))}
    return [(office, known.get(office.code)) for office in founded.offices]


def _office_values(office: OfficeFile) -> dict[str, Any]:
    spans = [
        [span.opens.isoformat("minutes"), span.closes.isoformat("minutes")] for span in office.hours.spans
    ]
    return {
        "name": office.name.vi,
        "name_en": office.name.en,
        "level": office.level.value,
        "gso_code": office.gso_code,
        "departments": {code.value: department_name(code, office.level).vi for code in office.departments},
        "hours": {"always": office.always_open, "spans": spans},
        "pool_size": office.local_pool,
        "dbname": office.database.dbname,
    }


def _stored(row: Office) -> dict[str, Any]:
    names = ("name", "name_en", "level", "gso_code", "departments", "hours", "pool_size", "dbname")
    return {name: getattr(row, name) for name in names}


def _write_offices(rt: Runtime, session: Session, founded: ProvinceFile, origin: Origin) -> None:
    if _head(session, founded):
        basis = founded.legal_basis
        row = session.get(Province, founded.code) or Province(code=founded.code)
        row.name, row.effective_from = founded.name.vi, founded.effective_from
        row.legal_basis = f"{basis.number}, {basis.date:%d/%m/%Y}, {basis.title.vi}"
        row.applied_digest = _digest(founded)
        session.add(row)
        record(rt, session, Event.PROVINCE_APPLIED, origin=origin, details={"digest": row.applied_digest})
    for office, known in _offices(session, founded):
        values = _office_values(office)
        if known is None:
            session.add(Office(code=office.code, active=True, **values))
            record(
                rt,
                session,
                Event.OFFICE_ADDED,
                origin=origin,
                guest=office.code,
                details={"name": values["name"]},
            )
        elif values != _stored(known):
            changed = sorted(name for name, value in values.items() if getattr(known, name) != value)
            for name in changed:
                setattr(known, name, values[name])
            record(
                rt,
                session,
                Event.OFFICE_CHANGED,
                origin=origin,
                guest=office.code,
                details={"changed": changed},
            )
    session.flush()
