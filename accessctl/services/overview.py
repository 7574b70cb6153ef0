"""The start page by role (ui.md): what the first screen answers, read in a handful of statements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.clock import local
from accessctl.domain.accounts import Kind
from accessctl.domain.findings import FindingState
from accessctl.domain.permissions import Permission, Role
from accessctl.services import contact_receipts, findings, ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.findings import FindingView
from accessctl.services.log_head import LogHead, log_head
from accessctl.services.matrix import Picture, Wanted, look
from accessctl.services.month_use import Month, month
from accessctl.services.runtime import Runtime
from accessctl.services.standing_now import (
    Ages,
    DatabaseNow,
    KindStanding,
    Use,
    databases_now,
    finding_ages,
    own_kinds,
    use_of,
)
from accessctl.store.models import Approval, Lease

SHARED = (Kind.TKCL, Kind.TKHCTT)
_NEWEST = 5


@dataclass(frozen=True, slots=True)
class Done:
    """One of the own loans of today."""

    lease: str
    account: str
    dossier: str
    opened_at: datetime
    closed_at: datetime | None
    end_reason: str | None


@dataclass(frozen=True, slots=True)
class StartPage:
    """`view` names the page; a part that does not belong to it is None, one that is empty says so."""

    view: str
    kinds: tuple[KindStanding, ...] = ()
    use: Use | None = None
    today: tuple[Done, ...] | None = None
    findings: tuple[FindingView, ...] | None = None
    ages: Ages | None = None
    approvals: int | None = None
    lists: int = 0
    """Contact lists of which this person is to say that they were read."""
    squares: tuple[Picture, ...] = ()
    databases: tuple[DatabaseNow, ...] = ()
    log: LogHead | None = None
    month: Month | None = None


def start_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """The page of the role that the person has put first; each part only where the policy allows its own page."""
    make = _PAGES.get(actor.role) if actor.role else None
    return make(rt, session, actor) if make else _office_page(rt, session, actor)


def _office_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """Reception, collection, card and whoever else serves: can people be served, who has what, what did I do."""
    borrows = [kind for kind in SHARED if _may_borrow(rt, actor, kind)]
    kinds = own_kinds(rt, session, actor, borrows or SHARED)
    lent = [kind for kind in Kind if kind.shared or borrows]
    return StartPage(
        view="clerk",
        kinds=kinds,
        use=use_of(rt, session, actor, lent),
        today=_today(rt, session, actor) if borrows else None,
        lists=contact_receipts.receipts_pending(rt, session, actor),
    )


def _may_borrow(rt: Runtime, actor: Actor, kind: Kind) -> bool:
    return any(may(rt, actor, kind.open_permission, code) for code in rt.office_codes() - {actor.office})


def _custodian_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """Who uses my accounts, who waits, what is odd, what I have to decide."""
    kinds = _answered_for(session, actor)
    return StartPage(
        view="custodian",
        kinds=own_kinds(rt, session, actor, kinds),
        use=use_of(rt, session, actor, kinds),
        findings=_newest(rt, session, actor),
        approvals=_asked(session, actor, kinds),
    )


def _head_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """Are both custodians in place, are the accounts healthy, does anybody wait too long."""
    kinds = _answered_for(session, actor)
    return StartPage(
        view="head",
        kinds=own_kinds(rt, session, actor, kinds),
        use=use_of(rt, session, actor, kinds),
        findings=_newest(rt, session, actor),
        ages=_ages(rt, session, actor),
        approvals=_asked(session, actor, kinds),
        lists=contact_receipts.receipts_pending(rt, session, actor),
    )


def _it_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """The square of both kinds, the databases, what deviates, findings by age."""
    seen = SHARED if may(rt, actor, Permission.ACCOUNT_VIEW, actor.office) else ()
    return StartPage(
        view="it",
        squares=tuple(look(rt, session, actor, Wanted(kind)) for kind in seen),
        databases=databases_now(rt, session, actor),
        findings=_newest(rt, session, actor),
        ages=_ages(rt, session, actor),
        lists=contact_receipts.receipts_pending(rt, session, actor),
    )


def _auditor_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """Is the log intact and signed until when; what is new."""
    return StartPage(
        view="auditor",
        log=log_head(rt, session) if may(rt, actor, Permission.LOG_VERIFY, actor.office) else None,
        findings=_newest(rt, session, actor),
        ages=_ages(rt, session, actor),
    )


def _director_page(rt: Runtime, session: Session, actor: Actor) -> StartPage:
    """One page, fit for print: use by office, exceptions, what is overdue, integrity in one line."""
    everywhere = all(may(rt, actor, Permission.LOG_VIEW, code) for code in rt.office_codes())
    return StartPage(
        view="director",
        month=month(rt, session, actor) if everywhere and rt.office_codes() else None,
        log=log_head(rt, session) if may(rt, actor, Permission.LOG_VERIFY, actor.office) else None,
        ages=_ages(rt, session, actor),
    )


_PAGES: dict[Role, Callable[[Runtime, Session, Actor], StartPage]] = {
    Role.CUSTODIAN_TKCL: _custodian_page,
    Role.CUSTODIAN_TKHCTT: _custodian_page,
    Role.UNIT_HEAD: _head_page,
    Role.IT_ADMIN: _it_page,
    Role.AUDITOR: _auditor_page,
    Role.DIRECTOR: _director_page,
    Role.DEPUTY_DIRECTOR: _director_page,
}


def _answered_for(session: Session, actor: Actor) -> list[Kind]:
    return [kind for kind in SHARED if ledger.answers_for(session, actor, kind, actor.office)]


def _newest(rt: Runtime, session: Session, actor: Actor) -> tuple[FindingView, ...] | None:
    if not may(rt, actor, Permission.FINDING_VIEW, actor.office):
        return None
    newest = findings.recent(rt, session, actor, limit=_NEWEST)  # open ones first
    return tuple(found for found in newest if found.state != FindingState.CLOSED)


def _ages(rt: Runtime, session: Session, actor: Actor) -> Ages | None:
    if not may(rt, actor, Permission.FINDING_VIEW, actor.office):
        return None
    return finding_ages(rt, session, actor, _midnight(rt))


def _asked(session: Session, actor: Actor, kinds: list[Kind]) -> int:
    """How many requests outside the rule wait for a decision."""
    asked = select(func.count()).where(
        Approval.office_code == actor.office, Approval.state == "ASKED", Approval.kind.in_(kinds)
    )
    return session.scalar(asked) or 0


def _today(rt: Runtime, session: Session, actor: Actor) -> tuple[Done, ...]:
    mine = session.scalars(
        select(Lease)
        .where(Lease.officer_id == actor.id, Lease.opened_at >= _midnight(rt))
        .order_by(Lease.opened_at.desc())
        .limit(_NEWEST)
    )
    return tuple(
        Done(str(x.id), x.account_name, x.dossier, x.opened_at, x.closed_at, x.end_reason)
        for x in mine
        if x.opened_at is not None
    )


def _midnight(rt: Runtime) -> datetime:
    """The beginning of the province's day."""
    return local(rt.now()).replace(hour=0, minute=0, second=0, microsecond=0)
