"""Permission drift: what the office databases give beyond, or short of, the policy (S05, policy.md §4)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError
from accessctl.officedb import drift as host
from accessctl.officedb.drift import Drift
from accessctl.services import findings, office_links
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, EvidenceMark


@dataclass(frozen=True, slots=True)
class OfficeDrift:
    """One office's deviations; `code` says why it could not be looked at."""

    office: str
    drifts: tuple[Drift, ...]
    code: str | None = None


def look(rt: Runtime, office: str) -> OfficeDrift:
    """Compare one office's database with the policy; each deviation becomes one finding."""
    try:
        with rt.offices.witness(office) as connection:
            drifts = tuple(host.office_drift(connection))
    except AccessError as error:
        return OfficeDrift(office, (), error.code)
    with transaction(rt) as session:
        _looked(rt, session, office, len(drifts))
        for drift in drifts:
            _report(rt, session, office, drift)
    return OfficeDrift(office, drifts)


def _looked(rt: Runtime, session: Session, office: str, found: int) -> None:
    """Keep when an office was last looked at and how much there was: pages say how fresh their answer is."""
    values = {"position": found, "read_at": rt.now()}
    office_links.note_drift(rt, session, office, found)
    first = insert(EvidenceMark).values(name=mark_of(office), **values)
    session.execute(first.on_conflict_do_update(index_elements=["name"], set_=values))


def mark_of(office: str) -> str:
    """Under which name the last look at an office is kept among the evidence marks."""
    return f"{office}:drift"


def _report(rt: Runtime, session: Session, office: str, drift: Drift) -> None:
    account = session.scalars(select(Account).where(Account.role == drift.role)).first()
    details = {"role": drift.role, "what": drift.what, "object": drift.object}
    new = findings.raise_finding(
        rt, session, findings.Kind.DRIFT, key=f"{office}:{drift.role}:{drift.what}:{drift.object}"[:300], severity=1,
        account=account, office=None if account else office, details=details, count=False,
    )  # fmt: skip
    if new:
        record(rt, session, Event.POLICY_DRIFT, account=account, host=office, details=details)


def scan(rt: Runtime, actor: Actor, offices: list[str]) -> list[OfficeDrift]:
    """Look at these offices on somebody's behalf."""
    for office in offices:
        require(rt, actor, Permission.DRIFT_VIEW, office)
    return [look(rt, office) for office in offices]


def watch(rt: Runtime) -> None:
    """Look at every office; the findings say what there is."""
    for office in rt.offices.offices:
        look(rt, office)


def repair(rt: Runtime, actor: Actor, office: str, admin_dsn: str) -> OfficeDrift:
    """Take back what the policy does not give, with a DBA's connection; what is left needs a person."""
    require(rt, actor, Permission.DRIFT_REPAIR, office)
    found = look(rt, office)
    with transaction(rt) as session:
        record(rt, session, Event.POLICY_REPAIRED, actor=actor, host=office, intent=True,
               details={"count": len(found.drifts)})  # fmt: skip
    left = tuple(host.repair(admin_dsn, found.drifts))
    with transaction(rt) as session:
        record(rt, session, Event.POLICY_REPAIRED, actor=actor, host=office, failed=bool(left),
               reason="officedb.drift_left" if left else None,
               details={"repaired": len(found.drifts) - len(left), "left": len(left)})  # fmt: skip
    return OfficeDrift(office, left)
