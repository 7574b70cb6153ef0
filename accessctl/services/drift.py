"""Permission drift: what the office databases give beyond, or short of, the policy (S05, policy.md §4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.findings import FindingState, Step
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError
from accessctl.officedb.drift import Drift
from accessctl.services import findings, grants, office_links
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, DriftLook, Finding, FindingRemark

_KEY = 300  # characters of a finding's key
_AT_ONCE = 20  # deviations in one transaction


@dataclass(frozen=True, slots=True)
class OfficeDrift:
    """One office's deviations; `code` says why it could not be looked at."""

    office: str
    drifts: tuple[Drift, ...]
    code: str | None = None


def look(rt: Runtime, office: str) -> OfficeDrift:
    """Compare one office's database with the policy; each deviation becomes one finding."""
    try:
        check = grants.inspection(rt, office)
        with rt.offices.witness(office) as connection:
            found = OfficeDrift(office, tuple(check(connection)))
    except AccessError as error:
        found = OfficeDrift(office, (), error.code)
    _keep(rt, found)
    return found


def _keep(rt: Runtime, found: OfficeDrift) -> None:
    """Write down a look: a finding for each deviation, how fresh the answer is, and which deviations are gone.

    A few at a time: a database restored from elsewhere deviates in thousands of ways, and whoever is told of them
    must not be kept waiting. What an interrupted look has not written the next one writes.
    """
    known = found.drifts if found.code is None else ()
    for first in range(0, len(known), _AT_ONCE):
        with transaction(rt) as session:
            for drift in known[first : first + _AT_ONCE]:
                _report(rt, session, found.office, drift)
    with transaction(rt) as session:
        if found.office in rt.office_codes():
            _noted(rt, session, found)
        if found.code is None:
            _settle(rt, session, found)


def _noted(rt: Runtime, session: Session, found: OfficeDrift) -> None:
    values: dict[str, Any] = {"tried_at": rt.now(), "code": found.code}
    if found.code is None:
        values |= {"looked_at": rt.now(), "found": [asdict(drift) for drift in found.drifts]}
        office_links.note_drift(rt, session, found.office, len(found.drifts))
    first = insert(DriftLook).values(office=found.office, **({"found": []} | values))
    session.execute(first.on_conflict_do_update(index_elements=["office"], set_=values))


def _report(rt: Runtime, session: Session, office: str, drift: Drift) -> None:
    account = session.scalars(select(Account).where(Account.role == drift.role)).first()
    details = {"role": drift.role, "what": drift.what, "object": drift.object}
    new = findings.raise_finding(
        rt, session, findings.Kind.DRIFT, key=_key(office, drift), severity=drift.severity,
        account=account, office=None if account else office, details=details, count=False,
    )  # fmt: skip
    if new:
        record(rt, session, Event.POLICY_DRIFT, account=account, host=office, details=details)


def _key(office: str, drift: Drift) -> str:
    return f"{office}:{drift.key}"[:_KEY]


def _settle(rt: Runtime, session: Session, found: OfficeDrift) -> None:
    """Note on findings that are not closed what became of them: gone, or there again. Closing them is a person's."""
    prefix = f"{findings.Kind.DRIFT}:{found.office}:"
    now = {f"{findings.Kind.DRIFT}:{_key(found.office, drift)}" for drift in found.drifts}
    open_ones = session.execute(
        select(Finding.id, Finding.key).where(
            Finding.key.startswith(prefix, autoescape=True), Finding.state != FindingState.CLOSED.value
        )
    ).all()
    gone = _last_said(session, [identity for identity, _ in open_ones]) if open_ones else {}
    for identity, key in open_ones:
        there, said_gone = key in now, gone.get(identity) == Step.GONE
        if there == said_gone:
            step = Step.AGAIN if there else Step.GONE
            session.add(FindingRemark(finding_id=identity, at=rt.now(), what=step.value, words=""))


def _last_said(session: Session, identities: Iterable[int]) -> dict[int, str]:
    """What the service itself noted last on each finding."""
    own = (
        select(func.max(FindingRemark.id))
        .where(FindingRemark.finding_id.in_(list(identities)), FindingRemark.officer_id.is_(None))
        .group_by(FindingRemark.finding_id)
    )
    rows = session.execute(
        select(FindingRemark.finding_id, FindingRemark.what).where(FindingRemark.id.in_(own))
    )
    return dict(rows.all())


def scan(rt: Runtime, actor: Actor, offices: list[str]) -> list[OfficeDrift]:
    """Look at these offices on somebody's behalf."""
    for office in offices:
        require(rt, actor, Permission.DRIFT_VIEW, office)
    return [look(rt, office) for office in offices]


def watch(rt: Runtime) -> None:
    """Look at every office; the findings say what there is."""
    for office in rt.offices.offices:
        look(rt, office)
