"""The list of the leases: who holds what now, and who held it: filters, order, pages (ui.md, principle 7).

What runs is seen by whoever may end it, what is over by whoever reads the office's log (domain.md §7.1): custodians
their own kind, IT nothing that is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import Kind
from accessctl.domain.leases import HOLDS_OFFICER, OVER, EndReason, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.domain.text import folded
from accessctl.services import ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.journal_scope import own_kinds
from accessctl.services.lease_view import LeaseView, Names, shown
from accessctl.services.list_export import MOST, Taken, known_format, taken
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Lease, Office, Officer

PAGE = 50
RUNNING, ENDED, ALL = "running", "ended", "all"
SORTS = ("newest", "oldest", "account", "person", "ends")
_RUNS = sorted([*HOLDS_OFFICER, LeaseState.CLOSING])
_REASONS = frozenset(reason.value for reason in EndReason)


@dataclass(frozen=True, slots=True)
class LeaseQuery:
    """What is looked for; every part given must fit.

    `state`: running, ended, all, a state of a lease or how it ended. `office`: tiếp nhận or đang quản lý. `person`:
    part of a name, marks or not. `since`, `until`: when it was asked for, aware UTC, the second excluded.
    """

    state: str = RUNNING
    office: str = ""
    kind: str = ""
    person: str = ""
    account: str = ""
    dossier: str = ""
    since: datetime | None = None
    until: datetime | None = None
    sort: str = SORTS[0]
    page: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """One lease for a list; `revocable`: this reader may end it now."""

    lease: LeaseView
    closed_at: datetime | None
    revocable: bool


@dataclass(frozen=True, slots=True)
class LeasePage:
    """One page of `pages`; `total` leases fit. `past`: this reader sees some that are over, too."""

    rows: tuple[Listed, ...]
    page: int
    pages: int
    total: int
    past: bool


@dataclass(frozen=True, slots=True)
class LeaseFile:
    """What will be handed out; `cut` when there were more than MOST."""

    rows: tuple[Listed, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class _Sight:
    """Pairs of serving office and kind of account: of which the running, of which all may be seen."""

    revocable: frozenset[tuple[str, str]]
    read: frozenset[tuple[str, str]]

    def condition(self) -> ColumnElement[bool]:
        runs = and_(_of(self.revocable), Lease.state.in_(_RUNS))
        return or_(runs, _of(self.read))


def search(rt: Runtime, session: Session, actor: Actor, query: LeaseQuery) -> LeasePage:
    """The leases that fit and that this person may see. Raises Refused for whoever may see nobody's."""
    sight = _sight(rt, session, actor)
    fits = [sight.condition(), *_filters(query)]
    total = session.scalar(select(func.count()).select_from(Lease).join(Lease.account).where(*fits)) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, query.page), pages)
    rows = _rows(session, sight, query, fits, offset=(page - 1) * PAGE, limit=PAGE)
    return LeasePage(tuple(rows), page, pages, total, bool(sight.read))


def take_away(rt: Runtime, session: Session, actor: Actor, query: LeaseQuery, form: str) -> LeaseFile:
    """All that fit, at most MOST, recorded as `audit.exported` in the caller's transaction."""
    known_format(form)
    sight = _sight(rt, session, actor)
    fits = [sight.condition(), *_filters(query)]
    found = _rows(session, sight, query, fits, offset=0, limit=MOST + 1)
    made = LeaseFile(tuple(found[:MOST]), len(found) > MOST)
    asked = {name: getattr(query, name) for name in ("state", "office", "kind", "account", "since", "until")}
    taken(
        rt, session, actor, Taken.LEASES, form=form, count=len(made.rows), cut=made.cut, filters=asked,
        words=query.person,
    )  # fmt: skip
    return made


def _sight(rt: Runtime, session: Session, actor: Actor) -> _Sight:
    kinds = own_kinds(actor) or [kind.value for kind in Kind]
    codes = rt.office_codes()
    read = {(code, kind) for code in codes if may(rt, actor, Permission.LOG_VIEW, code) for kind in kinds}
    revocable = {
        (code, kind.value)
        for code in codes
        if may(rt, actor, Permission.LEASE_REVOKE, code)
        for kind in Kind
        if ledger.answers_for(session, actor, kind, code)
    }
    require(rt, actor, Permission.LOG_VIEW if read else Permission.LEASE_REVOKE, actor.office)
    return _Sight(frozenset(revocable), frozenset(read))


def _of(pairs: frozenset[tuple[str, str]]) -> ColumnElement[bool]:
    """The leases of these offices' accounts: one condition for each set of kinds, not for each office."""
    offices: dict[frozenset[str], list[str]] = {}
    for code in sorted({code for code, _ in pairs}):
        offices.setdefault(frozenset(kind for at, kind in pairs if at == code), []).append(code)
    found = [
        and_(Lease.guest.in_(codes), Account.kind.in_(sorted(kinds))) for kinds, codes in offices.items()
    ]
    return or_(*found) if found else Lease.place < 0


def _filters(query: LeaseQuery) -> list[ColumnElement[bool]]:
    fits = _in_state(query.state)
    if query.office:
        fits.append(or_(Lease.guest == _plain(query.office), Lease.host == _plain(query.office)))
    if query.kind:
        fits.append(Account.kind == _plain(query.kind))
    if words := folded(" ".join(_plain(query.person).split())):
        people = select(Officer.id).where(Officer.search_name.contains(words, autoescape=True))
        fits.append(Lease.officer_id.in_(people))
    if query.account:
        fits.append(Lease.account_name.contains(_plain(query.account).upper(), autoescape=True))
    if query.dossier:
        fits.append(Lease.dossier.contains(_plain(query.dossier).upper(), autoescape=True))
    if query.since:
        fits.append(Lease.requested_at >= query.since)
    if query.until:
        fits.append(Lease.requested_at < query.until)
    return fits


def _in_state(state: str) -> list[ColumnElement[bool]]:
    if state == ALL:
        return []
    if state == RUNNING:
        return [Lease.state.in_(_RUNS)]
    if state == ENDED:
        return [Lease.state.in_(sorted(OVER))]
    if state in _REASONS:
        return [Lease.end_reason == state, Lease.state == LeaseState.CLOSED]
    return [Lease.state == _plain(state)]


def _plain(text: str) -> str:
    return text.replace("\x00", "")[:100]


def _order(sort: str) -> list[Any]:
    newest = [Lease.requested_at.desc(), Lease.place.desc()]
    first: dict[str, list[Any]] = {
        "oldest": [Lease.requested_at, Lease.place],
        "account": [Lease.account_name, *newest],
        "person": [Officer.sort_name, Officer.id, *newest],
        "ends": [Lease.expires_at.asc().nulls_last(), *newest],
    }
    return first.get(sort, newest)


def _rows(
    session: Session,
    sight: _Sight,
    query: LeaseQuery,
    fits: Sequence[ColumnElement[bool]],
    *,
    offset: int,
    limit: int,
) -> list[Listed]:
    """One look for the leases and one each for names and queues, however many there are."""
    wanted = (
        select(Lease, Officer.username, Account.kind)
        .join(Lease.officer)
        .join(Lease.account)
        .where(*fits)
        .order_by(*_order(query.sort))
        .offset(offset)
        .limit(limit)
    )
    found = session.execute(wanted).all()
    offices = dict(session.execute(select(Office.code, Office.name)).all())
    places = _places(session) if any(lease.state_ is LeaseState.QUEUED for lease, *_ in found) else {}
    made = []
    for lease, username, kind in found:
        names = Names(
            offices.get(lease.guest, lease.guest), offices.get(lease.host, lease.host), username, None
        )
        view = replace(shown(lease, names, position=places.get(lease.place)), kind=kind)
        able = lease.state in HOLDS_OFFICER and (lease.guest, kind) in sight.revocable
        made.append(Listed(view, lease.closed_at, able))
    return made


def _places(session: Session) -> dict[int, int]:
    """Of everybody who waits the position in the account's queue, from 1."""
    rank = func.row_number().over(partition_by=Lease.account_name, order_by=Lease.place)
    waiting = select(Lease.place, rank).where(Lease.state == LeaseState.QUEUED)
    return dict(session.execute(waiting).all())
