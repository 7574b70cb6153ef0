"""The accounts: provisioning, their states, locking and unlocking (domain.md §4.3, S32)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName, AccountState, Kind, may_move
from accessctl.domain.events import Event
from accessctl.domain.leases import HOLDS_ACCOUNT, EndReason, LeaseState
from accessctl.domain.notices import NoticeKind
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, Refused
from accessctl.services import admission, closing, ledger, telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Lease, Officer

NO_CUSTODIAN = "no_custodian"


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One account for a list; `holder` is the user name of who has it now."""

    account: str
    kind: str
    guest: str
    host: str
    role: str
    state: str
    holder: str | None
    reason: str | None


def rows(rt: Runtime, session: Session, actor: Actor, *, local: bool = False) -> list[AccountRow]:
    """The shared accounts, or the local pools, of the offices whose accounts this person may see."""
    holders = dict(
        session.execute(
            select(Lease.account_name, Officer.username)
            .join(Lease.officer)
            .where(Lease.state.in_(HOLDS_ACCOUNT))
        ).all()
    )
    visible = {code for code in rt.office_codes() if may(rt, actor, Permission.ACCOUNT_VIEW, code)}
    found = session.scalars(
        select(Account).order_by(Account.kind.desc(), Account.guest, Account.host, Account.name)
    )
    return [
        AccountRow(a.name, a.kind, a.guest, a.host, a.role, a.state, holders.get(a.name), a.reason)
        for a in found
        if a.kind_.shared != local and {a.guest, a.host} & visible
    ]


def provision(
    rt: Runtime, session: Session, names: Iterable[AccountName], actor: Actor | None
) -> list[Account]:
    """Enter accounts that exist in their host now; local pools are ACTIVE at once, shared ones wait for custody."""
    made = []
    for name in names:
        state = AccountState.PROVISIONED if name.kind.shared else AccountState.ACTIVE
        account = Account(
            name=str(name),
            kind=name.kind,
            guest=name.guest,
            host=name.host,
            role=name.role,
            state=state,
            epoch=0,
        )
        session.add(account)
        record(rt, session, Event.ACCOUNT_PROVISIONED, actor=actor, account=account)
        made.append(account)
    return made


def standing(account: Account) -> str:
    """How an account stands, as one word: whoever acts says which standing was before the eyes."""
    return f"{account.epoch}.{account.state}.{account.unlock_asked_by or 0}"


def _as_seen(account: Account, seen: str | None) -> None:
    """Raises Conflict("account.changed") when somebody was first; `seen` None: nothing was shown (command line)."""
    if seen is not None and seen != standing(account):
        raise Conflict("account.changed", account=account.name)


def lock(
    rt: Runtime, session: Session, actor: Actor, name: str, reason: str, *, seen: str | None = None
) -> list[str]:
    """IT locks, or the director orders it. Returns the leases that are ending; the edge finishes them after commit.

    `seen` here and below: the account's `standing` on the page that the act was sent from.
    """
    account = ledger.lock_account(session, name)
    ordered = not may(rt, actor, Permission.ACCOUNT_LOCK, account.guest)
    if ordered:
        require(rt, actor, Permission.ACCOUNT_LOCK_ORDER, account.guest)
    _as_seen(account, seen)
    if ordered:
        record(rt, session, Event.ACCOUNT_LOCK_ORDERED, actor=actor, account=account, reason=_words(reason))
    return lock_for(rt, session, account, _words(reason), actor)


def lock_for(
    rt: Runtime, session: Session, account: Account, reason: str, actor: Actor | None = None
) -> list[str]:
    """Lock whatever asked for it: a person, five failed logins, an unexplained login. Idempotent."""
    if account.state == AccountState.QUARANTINED:
        account.state_before = AccountState.LOCKED  # stays cut off, and is locked when it comes back
    elif account.state == AccountState.LOCKED:
        return []
    else:
        _move(account, AccountState.LOCKED)
    account.reason, account.unlock_asked_by = reason, None
    account.epoch += 1
    record(rt, session, Event.ACCOUNT_LOCKED, actor=actor, account=account, reason=reason)
    telling.account(rt, session, NoticeKind.ACCOUNT_LOCKED, account, actor)
    return end_leases(rt, session, [account.name], actor, "account.locked")


def ask_unlock(
    rt: Runtime, session: Session, actor: Actor, name: str, reason: str, *, seen: str | None = None
) -> None:
    """The custodian (or the unit head) asks IT to unlock; without it nobody can."""
    account = ledger.lock_account(session, name)
    require(rt, actor, Permission.ACCOUNT_UNLOCK_REQUEST, account.guest)
    if not ledger.answers_for(session, actor, account.kind_, account.guest):
        raise Refused("lease.other_kind", account=account.name)
    _as_seen(account, seen)
    if account.state != AccountState.LOCKED:
        raise Conflict("account.not_locked", account=account.name)
    if account.unlock_asked_by is not None:
        raise Conflict("account.unlock_asked_already", account=account.name)
    account.unlock_asked_by = actor.id
    record(rt, session, Event.ACCOUNT_UNLOCK_REQUESTED, actor=actor, account=account, reason=_words(reason))
    telling.account(rt, session, NoticeKind.UNLOCK_ASKED, account, actor)


def unlock(
    rt: Runtime, session: Session, actor: Actor, name: str, reason: str, *, seen: str | None = None
) -> str:
    """IT unlocks, only after the custodian's request; old credentials stay void by the new epoch (S32).

    Returns the new state: ACTIVE, or SUSPENDED where nobody answers for the account.
    """
    account = ledger.lock_account(session, name)
    require(rt, actor, Permission.ACCOUNT_UNLOCK, account.guest)
    _as_seen(account, seen)
    if account.state != AccountState.LOCKED:
        raise Conflict("account.not_locked", account=account.name)
    if account.unlock_asked_by is None:
        raise Refused("account.unlock_not_asked", account=account.name)
    account.epoch += 1
    account.unlock_asked_by = None
    _settle(session, account, rt)
    record(rt, session, Event.ACCOUNT_UNLOCKED, actor=actor, account=account, reason=_words(reason))
    telling.account(rt, session, NoticeKind.ACCOUNT_UNLOCKED, account, actor)
    return account.state


def retire(
    rt: Runtime,
    session: Session,
    actor: Actor,
    name: str,
    reason: str,
    *,
    seen: str | None = None,
    typed: str | None = None,
) -> list[str]:
    """For ever: the name is kept and never used again. Returns the leases that are ending.

    `typed`: the name once more, from a page that asks for it. Raises Invalid("account.retire_not_typed").
    """
    account = ledger.lock_account(session, name)
    require(rt, actor, Permission.ACCOUNT_RETIRE, account.guest)
    _as_seen(account, seen)
    if typed is not None and "".join(typed.split()).upper() != account.name:
        raise Invalid("account.retire_not_typed", account=account.name)
    _move(account, AccountState.RETIRED)
    account.reason = _words(reason)
    account.epoch += 1
    record(rt, session, Event.ACCOUNT_RETIRED, actor=actor, account=account, reason=account.reason)
    telling.account(rt, session, NoticeKind.ACCOUNT_RETIRED, account, actor)
    return end_leases(rt, session, [account.name], actor, "account.retired")


def void(
    rt: Runtime, session: Session, actor: Actor, name: str, reason: str, *, seen: str | None = None
) -> list[str]:
    """IT voids what was ever shown of an account; its state stays. Returns the lease that is ending.

    Whoever waits keeps the place: the next turn comes with a new credential.
    """
    account = ledger.lock_account(session, name)
    require(rt, actor, Permission.ACCOUNT_ROTATE, account.guest)
    _as_seen(account, seen)
    if account.state == AccountState.RETIRED:
        raise Conflict("account.retired", account=account.name)
    rotate(rt, session, account, actor, _words(reason))
    telling.account(rt, session, NoticeKind.ACCOUNT_ROTATED, account, actor)
    return _end(rt, session, Lease.account_name == account.name, actor, "account.rotated", waiting=False)


def rotate(
    rt: Runtime, session: Session, account: Account, actor: Actor | None, reason: str | None = None
) -> None:
    """Void what was ever shown: the epoch enters every secret (access.md §4)."""
    account.epoch += 1
    record(rt, session, Event.ACCOUNT_ROTATED, actor=actor, account=account, reason=reason)


def end_leases_of(rt: Runtime, session: Session, officer_id: int, note: str) -> list[str]:
    """An officer who moves, leaves or loses a role holds nothing any more (S11). Returns the leases that are ending."""
    return _end(rt, session, Lease.officer_id == officer_id, None, note)


def end_leases(
    rt: Runtime, session: Session, names: Sequence[str], actor: Actor | None, note: str
) -> list[str]:
    """Write the intent to end every lease of these accounts, waiting ones too; the host's part follows the commit."""
    return _end(rt, session, Lease.account_name.in_(names), actor, note)


def _end(
    rt: Runtime,
    session: Session,
    which: ColumnElement[bool],
    actor: Actor | None,
    note: str,
    *,
    waiting: bool = True,
) -> list[str]:
    states = [LeaseState.OPENING, LeaseState.ACTIVE, *([LeaseState.QUEUED] if waiting else [])]
    living = Lease.state.in_(states)
    ending = []
    for lease in session.scalars(select(Lease).where(which, living).with_for_update(of=Lease)).all():
        if lease.state_ is LeaseState.QUEUED:
            lease.state, lease.closed_at, lease.end_note = LeaseState.DENIED, rt.now(), note
            record(rt, session, Event.LEASE_DENIED, actor=actor, lease=lease, reason=note)
            telling.revoked(rt, session, lease, actor)
        else:
            closing.intend(rt, session, lease, EndReason.REVOKED, actor, note)
            ending.append(str(lease.id))
    return ending


def settle_custody(rt: Runtime, session: Session, office: str, kind: Kind, *, covered: bool) -> list[str]:
    """Bring an office's accounts of a kind in line with its custody (R31). Returns the leases that are ending."""
    accounts = session.scalars(
        select(Account).where(Account.guest == office, Account.kind == kind).with_for_update()
    ).all()
    suspended = []
    for account in accounts:
        if covered and (account.state == AccountState.PROVISIONED or _lacks_custodian(account)):
            _move(account, AccountState.ACTIVE)
            account.reason = None
            record(rt, session, Event.ACCOUNT_ACTIVATED, account=account)
        elif not covered and account.state == AccountState.ACTIVE:
            _move(account, AccountState.SUSPENDED)
            account.reason = NO_CUSTODIAN
            record(rt, session, Event.ACCOUNT_SUSPENDED, account=account, reason=NO_CUSTODIAN)
            suspended.append(account.name)
    return end_leases(rt, session, suspended, None, "account.suspended") if suspended else []


def provisioned(session: Session, office: str, kind: Kind) -> bool:
    """Whether the office has accounts of this kind that a custodian should answer for."""
    living = select(Account.name).where(
        Account.guest == office, Account.kind == kind, Account.state != AccountState.RETIRED
    )
    return session.scalars(living.limit(1)).first() is not None


def _lacks_custodian(account: Account) -> bool:
    return account.state == AccountState.SUSPENDED and account.reason == NO_CUSTODIAN


def _settle(session: Session, account: Account, rt: Runtime) -> None:
    covered = not account.kind_.shared or admission.custodian_of(
        session, account.guest, account.kind_, rt.now()
    )
    _move(account, AccountState.ACTIVE if covered else AccountState.SUSPENDED)
    account.reason = None if covered else NO_CUSTODIAN


def _move(account: Account, state: AccountState) -> None:
    if not may_move(AccountState(account.state), state):
        raise Conflict(f"account.{account.state.lower()}", account=account.name, why=account.reason or "")
    account.state = state


def _words(reason: str) -> str:
    try:
        return one_line(reason, limit=admission.REASON_LIMIT)
    except BadText as error:
        code = "lease.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Refused(code, limit=error.limit) from None
