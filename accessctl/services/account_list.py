"""The list of the accounts: filters, order, pages; one page costs the same however many accounts there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from accessctl.domain.accounts import AccountState, Kind
from accessctl.domain.leases import HOLDS_ACCOUNT, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.domain.text import folded
from accessctl.errors import Refused
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.list_export import Taken, known_format, taken
from accessctl.services.matrix import IN_USE
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Lease, Officer

PAGE = 50
SHARED, LOCAL = "shared", "local"
WAITED_FOR = "WAITED_FOR"
SORTS = ("guest", "host", "kind", "state", "since")
_SHARED_KINDS = [kind.value for kind in Kind if kind.shared]


@dataclass(frozen=True, slots=True)
class AccountQuery:
    """What is looked for; every part given must fit.

    `kind` is a kind, `shared` or `local`; `state` an account's state, IN_USE or WAITED_FOR; `holder` part of a name,
    marks or not; `gap`: only accounts for which nobody answers.
    """

    kind: str = SHARED
    guest: str = ""
    host: str = ""
    state: str = ""
    holder: str = ""
    gap: bool = False
    sort: str = "guest"
    page: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """One account for a list. `holder` and `lease` are None where this reader may not know who it is.

    `custodian` None: nobody answers for it (of a local pool nobody has to).
    """

    account: str
    kind: str
    guest: str
    host: str
    state: str
    reason: str | None
    lease: str | None
    holder: str | None
    since: datetime | None
    until: datetime | None
    queue: int
    custodian: str | None

    @property
    def gap(self) -> bool:
        """Whether somebody ought to answer for it and nobody does."""
        return self.custodian is None and Kind(self.kind).shared and self.state != AccountState.RETIRED


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One page of `pages`; `total` accounts fit the query."""

    rows: tuple[Listed, ...]
    page: int
    pages: int
    total: int


def search(rt: Runtime, session: Session, actor: Actor, query: AccountQuery) -> AccountPage:
    """The accounts that fit and that this person may see."""
    fits = _fits(rt, session, actor, query)
    total = session.scalar(select(func.count()).select_from(Account).where(*fits)) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, query.page), pages)
    rows = _rows(rt, session, actor, query, fits, offset=(page - 1) * PAGE, limit=PAGE)
    return AccountPage(tuple(rows), page, pages, total)


def take_away(
    rt: Runtime, session: Session, actor: Actor, query: AccountQuery, form: str
) -> tuple[Listed, ...]:
    """All that fit, for a file, recorded as `audit.exported` in the caller's transaction."""
    known_format(form)
    fits = _fits(rt, session, actor, query)
    found = tuple(_rows(rt, session, actor, query, fits, offset=0, limit=None))
    asked = {name: getattr(query, name) for name in ("kind", "guest", "host", "state", "gap")}
    taken(rt, session, actor, Taken.ACCOUNTS, form=form, count=len(found), filters=asked, words=query.holder)
    return found


def may_know_who(rt: Runtime, actor: Actor, *offices: str) -> bool:
    """Whose account it is just now: known to colleagues, and to who reads an office's log or ends its leases."""
    return any(
        office == actor.office
        or may(rt, actor, Permission.LOG_VIEW, office)
        or may(rt, actor, Permission.LEASE_REVOKE, office)
        for office in offices
    )


def visible(rt: Runtime, actor: Actor) -> list[str]:
    """The offices whose accounts this person may see. Raises Refused for whoever may see none."""
    codes = [code for code in rt.office_codes() if may(rt, actor, Permission.ACCOUNT_VIEW, code)]
    if not codes:
        named = {"permission": Permission.ACCOUNT_VIEW.value, "office": actor.office, "detail": ""}
        raise Refused("policy.no_rule", **named)
    return codes


def _fits(rt: Runtime, session: Session, actor: Actor, query: AccountQuery) -> list[ColumnElement[bool]]:
    offices = visible(rt, actor)
    fits: list[ColumnElement[bool]] = [or_(Account.guest.in_(offices), Account.host.in_(offices))]
    if query.kind in (SHARED, LOCAL):
        of_shared = Account.kind.in_(_SHARED_KINDS)
        fits.append(of_shared if query.kind == SHARED else ~of_shared)
    elif query.kind:
        fits.append(Account.kind == _plain(query.kind))
    if query.guest:
        fits.append(Account.guest == _plain(query.guest))
    if query.host:
        fits.append(Account.host == _plain(query.host))
    if query.state:
        fits.append(_in_state(query.state))
    if query.holder:
        fits.append(_held_by(rt, session, actor, query.holder))
    if query.gap:
        fits += [Account.kind.in_(_SHARED_KINDS), Account.state != AccountState.RETIRED, ~_covered(rt.now())]
    return fits


def _plain(text: str) -> str:
    return text.replace("\x00", "")[:40]


_TAKEN = exists().where(Lease.account_name == Account.name, Lease.state.in_(sorted(HOLDS_ACCOUNT)))
_AWAITED = exists().where(Lease.account_name == Account.name, Lease.state == LeaseState.QUEUED)


def _in_state(state: str) -> ColumnElement[bool]:
    if state == IN_USE:
        return and_(Account.state == AccountState.ACTIVE, _TAKEN)
    if state == WAITED_FOR:
        return _AWAITED
    if state == AccountState.ACTIVE:
        return and_(Account.state == AccountState.ACTIVE, ~_TAKEN)
    return Account.state == _plain(state)


def _held_by(rt: Runtime, session: Session, actor: Actor, words: str) -> ColumnElement[bool]:
    """Held by somebody of this name, as far as the reader may know who holds what."""
    wanted = folded(" ".join(words.replace("\x00", "").split()))[:100]
    known = [code for code in rt.office_codes() if may_know_who(rt, actor, code)]
    people = select(Officer.id).where(Officer.search_name.contains(wanted, autoescape=True))
    return exists().where(
        Lease.account_name == Account.name,
        Lease.state.in_(sorted(HOLDS_ACCOUNT)),
        Lease.officer_id.in_(people),
        or_(Lease.guest.in_(known), Lease.host.in_(known)),
    )


def _covered(now: datetime) -> ColumnElement[bool]:
    return exists().where(
        Custody.office_code == Account.guest, Custody.kind == Account.kind, Custody.period.contains(now)
    )


_WORST_FIRST = case(
    (Account.state == AccountState.QUARANTINED, 0),
    (Account.state == AccountState.LOCKED, 1),
    (Account.state == AccountState.SUSPENDED, 2),
    (Account.state == AccountState.PROVISIONED, 3),
    (_TAKEN, 4),
    (Account.state == AccountState.ACTIVE, 5),
    else_=6,
)


def _order(sort: str) -> list[Any]:
    plain = [Account.kind, Account.guest, Account.host, Account.name]
    taken_at = (
        select(func.min(Lease.opened_at))
        .where(Lease.account_name == Account.name, Lease.state.in_(sorted(HOLDS_ACCOUNT)))
        .scalar_subquery()
    )
    first: dict[str, list[Any]] = {
        "host": [Account.host, Account.guest, Account.kind, Account.name],
        "kind": plain,
        "state": [_WORST_FIRST, *plain],
        "since": [taken_at.asc().nulls_last(), *plain],
    }
    return first.get(sort, [Account.guest, Account.kind, Account.host, Account.name])


def _rows(
    rt: Runtime,
    session: Session,
    actor: Actor,
    query: AccountQuery,
    fits: list[ColumnElement[bool]],
    *,
    offset: int,
    limit: int | None,
) -> Iterator[Listed]:
    wanted = select(Account).where(*fits).order_by(*_order(query.sort)).offset(offset).limit(limit)
    found = session.scalars(wanted).all()
    holding, queues = _leases(session, {account.name for account in found})
    keepers = _keepers(session, rt.now())
    named = {code for code in rt.office_codes() if may_know_who(rt, actor, code)}
    for account in found:
        lease = holding.get(account.name)
        told = bool({account.guest, account.host} & named)
        taken = lease is not None and account.state == AccountState.ACTIVE
        yield Listed(
            account=account.name,
            kind=account.kind,
            guest=account.guest,
            host=account.host,
            state=IN_USE if taken else account.state,
            reason=account.reason,
            lease=str(lease.id) if lease and told else None,
            holder=lease.officer_name if lease and told else None,
            since=lease.opened_at if lease else None,
            until=lease.expires_at if lease else None,
            queue=queues[account.name],
            custodian=keepers.get((account.guest, account.kind)),
        )


def _leases(session: Session, names: Collection[str]) -> tuple[dict[str, Lease], Counter[str]]:
    """Who has each of these accounts, and how many wait for it."""
    open_ones = select(Lease).where(Lease.state.in_([*sorted(HOLDS_ACCOUNT), LeaseState.QUEUED]))
    leases = [lease for lease in session.scalars(open_ones) if lease.account_name in names]
    holding = {lease.account_name: lease for lease in leases if lease.state in HOLDS_ACCOUNT}
    return holding, Counter(lease.account_name for lease in leases if lease.state == LeaseState.QUEUED)


def _keepers(session: Session, now: datetime) -> dict[tuple[str, str], str]:
    rows = select(Custody).where(Custody.period.contains(now)).options(joinedload(Custody.officer))
    return {(row.office_code, row.kind): row.officer.full_name for row in session.scalars(rows)}
