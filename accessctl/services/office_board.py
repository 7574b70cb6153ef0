"""The office databases for those who run them: up or down, installed, watched, used, cut off, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountState
from accessctl.domain.findings import FindingState
from accessctl.domain.leases import HOLDS_ACCOUNT
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError, NotFound
from accessctl.officedb.status import Status
from accessctl.services import drift, office_links
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.control import transaction
from accessctl.services.evidence import Collector
from accessctl.services.findings import Kind
from accessctl.services.lookout import Look, look, lookout
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, EvidenceMark, Finding, Lease, Office, OfficeLink


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session of a shared or pool account that is open now; `lease` only for whom the lease's page is open."""

    account: str
    kind: str
    since: datetime
    address: str | None
    application: str
    holder: str | None
    lease: str | None


@dataclass(frozen=True, slots=True)
class CutOff:
    """A quarantined account: why, since when, and when closing it is tried again."""

    account: str
    reason: str | None
    since: datetime | None
    tries: int
    next_try_at: datetime | None
    finding: int | None


@dataclass(frozen=True, slots=True)
class OfficeBoard:
    """One office. `up` is the present look; `since` of that state; `late` when the look shown is an older one.

    `evidence_at`: when its own tables were read last. `drifts`: open findings of rights that differ, `drift_at` the
    last comparison.
    """

    office: str
    up: bool
    code: str | None
    since: datetime | None
    tried_at: datetime
    seen_at: datetime | None
    late: bool
    status: Status | None
    sessions: tuple[SessionRow, ...]
    cut_off: tuple[CutOff, ...]
    evidence_at: datetime | None
    drifts: int
    drift_at: datetime | None

    @property
    def sound(self) -> bool:
        """Whether accounts of this office are lent now."""
        return self.up and self.status is not None and self.status.sound


def boards(rt: Runtime, actor: Actor) -> list[OfficeBoard]:
    """Every office whose database this person may look at (`officedb:view`), asked at once, within a second."""
    codes = [code for code in rt.offices.offices if may(rt, actor, Permission.OFFICEDB_VIEW, code)]
    if not codes:
        require(rt, actor, Permission.OFFICEDB_VIEW, actor.office)
    looks = lookout(rt).looks(rt, codes)
    return _boards(rt, actor, looks)


def board(rt: Runtime, actor: Actor, office: str) -> OfficeBoard:
    """One office. Raises NotFound("office.unknown")."""
    _view(rt, actor, office)
    return _boards(rt, actor, lookout(rt).looks(rt, [office]))[0]


def check_now(rt: Runtime, actor: Actor, office: str) -> OfficeBoard:
    """Knock with all patience, read its evidence, compare its rights; what does not fit becomes a finding."""
    _view(rt, actor, office)
    found = look(rt, office)
    with transaction(rt) as session:
        office_links.note_try(rt, session, office, found.code)
    if found.code is None:
        try:
            Collector(rt, office).turn()
        except AccessError as error:
            found = Look(office, rt.now(), None, (), error.code)
        if may(rt, actor, Permission.DRIFT_VIEW, office):
            drift.look(rt, office)
    return _boards(rt, actor, {office: found})[0]


def _view(rt: Runtime, actor: Actor, office: str) -> None:
    if office not in rt.offices.offices or office not in rt.office_codes():
        raise NotFound("office.unknown", office=office[:20])
    require(rt, actor, Permission.OFFICEDB_VIEW, office)


def _boards(rt: Runtime, actor: Actor, looks: dict[str, Look]) -> list[OfficeBoard]:
    with transaction(rt) as session:
        _keep_changes(rt, session, looks)
        links = office_links.links(session)
        seen = _Ledger(rt, session, actor, looks)
        return [_board(found, links.get(office), seen) for office, found in looks.items()]


def _keep_changes(rt: Runtime, session: Session, looks: dict[str, Look]) -> None:
    """What this look found out anew is kept at once; the worker keeps the rest."""
    known = office_links.links(session)
    for office, found in looks.items():
        link = known.get(office)
        if (
            not found.late
            and office in rt.office_codes()
            and (link is None or link.up != (found.code is None))
        ):
            office_links.note_try(rt, session, office, found.code)


def _board(found: Look, link: OfficeLink | None, seen: _Ledger) -> OfficeBoard:
    office = found.office
    return OfficeBoard(
        office=office,
        up=found.code is None,
        code=found.code,
        since=link.since if link else None,
        tried_at=found.at,
        seen_at=found.at if found.code is None else link.seen_at if link else None,
        late=found.late,
        status=found.status,
        sessions=seen.sessions(found),
        cut_off=seen.cut_off(office),
        evidence_at=seen.evidence.get(office),
        drifts=seen.drifts.get(office, 0),
        drift_at=link.drift_at if link else None,
    )


class _Ledger:
    """What the control database knows of these offices, read once for all of them: only accounts to be shown."""

    def __init__(self, rt: Runtime, session: Session, actor: Actor, looks: Mapping[str, Look]) -> None:
        self._rt, self._session, self._actor = rt, session, actor
        offices = looks.keys()
        logged_in = {one.role for found in looks.values() for one in found.sessions}
        shown = or_(Account.role.in_(logged_in), Account.state == AccountState.QUARANTINED.value)
        found = session.scalars(select(Account).where(Account.host.in_(offices), shown))
        self._accounts = {account.role: account for account in found}
        open_leases = select(Lease).where(Lease.host.in_(offices), Lease.state.in_(HOLDS_ACCOUNT))
        self._leases = {lease.account_name: lease for lease in session.scalars(open_leases)}
        self.evidence = self._evidence()
        self.drifts = self._drifts()

    def sessions(self, found: Look) -> tuple[SessionRow, ...]:
        """The sessions of one look; to those who run the database the holder is no secret, the dossier is."""
        rows = []
        for session in found.sessions:
            account = self._accounts.get(session.role)
            lease = self._leases.get(account.name) if account else None
            open_to = lease is not None and may(self._rt, self._actor, Permission.LOG_VIEW, lease.guest)
            rows.append(
                SessionRow(
                    account.name if account else session.role, account.kind if account else "", session.backend_start,
                    str(session.client_addr) if session.client_addr else None, session.application_name,
                    lease.officer_name if lease else None, str(lease.id) if lease and open_to else None,
                )
            )  # fmt: skip
        return tuple(rows)

    def cut_off(self, office: str) -> tuple[CutOff, ...]:
        """The quarantined accounts of an office."""
        names = [
            a
            for a in self._accounts.values()
            if a.host == office and a.state == AccountState.QUARANTINED.value
        ]
        return tuple(self._cut_off(account) for account in sorted(names, key=lambda a: a.name))

    def _cut_off(self, account: Account) -> CutOff:
        finding = self._session.scalars(
            select(Finding)
            .where(Finding.account == account.name, Finding.kind == Kind.QUARANTINED.value)
            .order_by(Finding.last_at.desc())
        ).first()
        lease = self._leases.get(account.name)
        return CutOff(
            account=account.name,
            reason=account.reason,
            since=finding.last_at if finding else None,
            tries=lease.tries if lease else 0,
            next_try_at=lease.next_try_at if lease else None,
            finding=finding.id if finding else None,
        )

    def _evidence(self) -> dict[str, datetime]:
        """Office → when its own tables were read last."""
        rows = self._session.execute(
            select(EvidenceMark.name, EvidenceMark.read_at).where(EvidenceMark.name.endswith(":login"))
        )
        return {name.partition(":")[0]: at for name, at in rows}

    def _drifts(self) -> dict[str, int]:
        """Open findings of drift by the office whose database it is: the account's host, else the finding's own."""
        host = func.coalesce(Account.host, Finding.office)
        rows = self._session.execute(
            select(host, func.count())
            .select_from(Finding)
            .outerjoin(Account, Account.name == Finding.account)
            .where(Finding.kind == Kind.DRIFT.value, Finding.state != FindingState.CLOSED.value)
            .group_by(host)
        )
        return dict(rows.all())


def names(session: Session) -> dict[str, str]:
    """Code → name of every office."""
    return dict(session.execute(select(Office.code, Office.name)).all())
