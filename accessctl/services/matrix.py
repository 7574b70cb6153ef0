"""The province as a square: who serves (rows) at whose database (columns), and how each account stands now (ui.md).

One reading serves everybody who looks within a third of a second, so a hundred open pages cost little more than one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountState, Kind
from accessctl.domain.leases import HOLDS_ACCOUNT, OVER, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Lease, Office

IN_USE = "IN_USE"
MISSING = "MISSING"
SIDE = 12  # offices that fit on one side; a larger province is looked at in blocks of nine
BLOCK = 9
_KEPT = 0.3  # seconds


@dataclass(frozen=True, slots=True)
class Cell:
    """One account: `state` is the account's own, IN_USE while somebody has it, MISSING when there is none.

    `holder` is None where this reader may not know who it is; `queue` is how many wait.
    """

    account: str
    guest: str
    host: str
    state: str
    reason: str | None = None
    lease: str | None = None
    holder: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    queue: int = 0

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to say about it: ready, and nobody waits."""
        return self.state == AccountState.ACTIVE and not self.queue


@dataclass(frozen=True, slots=True)
class Head:
    """One office at the edge: how many of its accounts of the kind are in use, and how many cannot be used."""

    code: str
    in_use: int
    unusable: int
    of: int


@dataclass(frozen=True, slots=True)
class Picture:
    """The square of one kind, or one block of it. `version` changes when anything that is shown changes."""

    kind: str
    rows: tuple[Head, ...]
    columns: tuple[Head, ...]
    cells: Mapping[tuple[str, str], Cell]
    totals: Mapping[str, int]
    waiting: int
    blocks: int
    row_block: int
    column_block: int
    version: str

    @property
    def busy(self) -> list[Cell]:
        """The cells of which there is something to say, in the order of the square."""
        order = [(row.code, column.code) for row in self.rows for column in self.columns]
        return [self.cells[place] for place in order if place in self.cells and not self.cells[place].quiet]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which square: the kind, and for a large province which block of rows and of columns (from 1)."""

    kind: Kind = Kind.TKCL
    rows: int = 1
    columns: int = 1


def look(rt: Runtime, session: Session, actor: Actor, wanted: Wanted) -> Picture:
    """The square as this person may see it. Raises Refused where the policy shows no account of any office."""
    codes = rt.office_codes()
    visible = frozenset(code for code in codes if may(rt, actor, Permission.ACCOUNT_VIEW, code))
    if not visible:
        require(rt, actor, Permission.ACCOUNT_VIEW, actor.office)
    named = frozenset(code for code in codes if _may_know_who(rt, actor, code))
    own = actor.office if named < codes else ""
    key = f"matrix:{wanted}:{sorted(visible) if visible < codes else 'all'}:{sorted(named)}:{own}"
    return rt.kept(key, _KEPT, lambda: _seen_by(_read(rt, session, wanted), visible, named, own))


def own_row(rt: Runtime, session: Session, actor: Actor, kinds: Collection[Kind]) -> list[Cell]:
    """The shared accounts of the own office, in the order of the square; none where the policy shows none."""
    if not may(rt, actor, Permission.ACCOUNT_VIEW, actor.office):
        return []
    here = {"office": actor.office, "kinds": list(kinds)}
    unfinished = session.execute(_OWN_LEASES, here).all()
    holding = {lease.account_name: lease for lease in unfinished if lease.state in HOLDS_ACCOUNT}
    queues = Counter(lease.account_name for lease in unfinished if lease.state == LeaseState.QUEUED)
    accounts = session.execute(_OWN_ACCOUNTS, here)
    return [_cell(account, holding.get(account.name), queues[account.name]) for account in accounts]


_LEASED = (
    Lease.id, Lease.account_name, Lease.guest, Lease.host, Lease.state, Lease.officer_name, Lease.opened_at,
    Lease.expires_at,
)  # fmt: skip
_SHOWN = (Account.name, Account.guest, Account.host, Account.state, Account.reason)
"""What a cell shows of a lease and of an account."""
_OWN_LEASES = select(*_LEASED).where(Lease.guest == bindparam("office"), Lease.state.not_in(sorted(OVER)))
_OWN_ACCOUNTS = (
    select(*_SHOWN)
    .join(Office, Office.code == Account.host)
    .where(
        Account.guest == bindparam("office"),
        Account.kind.in_(bindparam("kinds", expanding=True)),
        Account.state != AccountState.RETIRED,
    )
    .order_by(Account.kind, Office.level != "province", Office.gso_code, Office.code)
)


def _may_know_who(rt: Runtime, actor: Actor, office: str) -> bool:
    """Who reads an office's log, or may end its leases, knows who works for it or in its database."""
    return may(rt, actor, Permission.LOG_VIEW, office) or may(rt, actor, Permission.LEASE_REVOKE, office)


def _read(rt: Runtime, session: Session, wanted: Wanted) -> Picture:
    return rt.kept(f"matrix:{wanted}", _KEPT, lambda: _draw(session, wanted))


def _draw(session: Session, wanted: Wanted) -> Picture:
    offices = list(
        session.scalars(
            select(Office.code)
            .where(Office.active)
            .order_by(Office.level != "province", Office.gso_code, Office.code)
        )
    )
    blocks = (
        [offices] if len(offices) <= SIDE else [offices[i : i + BLOCK] for i in range(0, len(offices), BLOCK)]
    )
    row, column = (min(max(1, n), len(blocks)) for n in (wanted.rows, wanted.columns))
    shown_rows, shown_columns = blocks[row - 1], blocks[column - 1]
    leases = _unfinished(session, wanted.kind)
    holding = {lease.account_name: lease for lease in leases if lease.state in HOLDS_ACCOUNT}
    queues = Counter(lease.account_name for lease in leases if lease.state == LeaseState.QUEUED)
    unusable = session.execute(
        select(Account.name, Account.guest, Account.host, Account.state).where(
            Account.kind == wanted.kind, Account.state != AccountState.ACTIVE
        )
    ).all()
    out = {account.name for account in unusable}
    used = [lease for name, lease in holding.items() if name not in out]
    cells = {
        (account.guest, account.host): _cell(account, holding.get(account.name), queues[account.name])
        for account in session.execute(
            select(*_SHOWN).where(
                Account.kind == wanted.kind, Account.guest.in_(shown_rows), Account.host.in_(shown_columns)
            )
        )
    }
    return Picture(
        kind=wanted.kind.value,
        rows=_heads(shown_rows, len(offices), [u.guest for u in used], [u.guest for u in unusable]),
        columns=_heads(shown_columns, len(offices), [u.host for u in used], [u.host for u in unusable]),
        cells=cells,
        totals=_totals(len(offices), Counter(u.state for u in unusable), len(used)),
        waiting=queues.total(),
        blocks=len(blocks),
        row_block=row,
        column_block=column,
        version="",
    )


def _unfinished(session: Session, kind: Kind) -> Sequence[Any]:
    found = select(*_LEASED).where(
        Lease.state.not_in(sorted(OVER)),
        Lease.account_name.startswith(f"{kind}-", autoescape=True),
    )
    return session.execute(found).all()


def _cell(account: Any, lease: Any, queue: int) -> Cell:
    """Of rows with the columns of `_SHOWN` and `_LEASED`."""
    taken = lease is not None and account.state == AccountState.ACTIVE
    return Cell(
        account=account.name,
        guest=account.guest,
        host=account.host,
        state=IN_USE if taken else account.state,
        reason=account.reason,
        lease=str(lease.id) if lease else None,
        holder=lease.officer_name if lease else None,
        since=lease.opened_at if lease else None,
        until=lease.expires_at if lease else None,
        queue=queue,
    )


def _heads(codes: list[str], offices: int, used: list[str], unusable: list[str]) -> tuple[Head, ...]:
    in_use, out = Counter(used), Counter(unusable)
    return tuple(Head(code, in_use[code], out[code], max(0, offices - 1)) for code in codes)


def _totals(offices: int, unusable: Counter[str], in_use: int) -> dict[str, int]:
    """How many accounts of the kind stand in which state, over the whole province."""
    ready = offices * (offices - 1) - unusable.total() - in_use
    counted = {AccountState.ACTIVE.value: max(0, ready), IN_USE: in_use, **unusable}
    return {
        state: count for state, count in counted.items() if count or state in (AccountState.ACTIVE, IN_USE)
    }


def _seen_by(picture: Picture, visible: frozenset[str], named: frozenset[str], own: str) -> Picture:
    """Without the accounts that may not be seen, and without the names of others than colleagues (`own`)."""
    cells = {
        place: cell if place[0] == own or set(place) & named else replace(cell, holder=None, lease=None)
        for place, cell in picture.cells.items()
        if set(place) & visible
    }
    shown = replace(picture, cells=cells)
    return replace(shown, version=hashlib.sha256(repr(shown).encode()).hexdigest()[:20])
