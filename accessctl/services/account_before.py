"""What an act on an account would do, counted from what is so at this moment: before it is done (ui.md principle 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountState
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Conflict, Refused
from accessctl.services import account_view, admission, ledger
from accessctl.services.account_view import AccountDetail
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.ledger import POOL_DEPARTMENT
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Office, Officer, OfficerRole


class Act(StrEnum):
    """What may be done to an account by a person."""

    LOCK = "lock"
    ASK_UNLOCK = "ask-unlock"
    UNLOCK = "unlock"
    ROTATE = "rotate"
    RETIRE = "retire"


_PERMISSION = {
    Act.LOCK: Permission.ACCOUNT_LOCK,
    Act.ASK_UNLOCK: Permission.ACCOUNT_UNLOCK_REQUEST,
    Act.UNLOCK: Permission.ACCOUNT_UNLOCK,
    Act.ROTATE: Permission.ACCOUNT_ROTATE,
    Act.RETIRE: Permission.ACCOUNT_RETIRE,
}


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody whom it concerns: by name, as what (holder, waiting, custodian, head, it, auditor), and how.

    `notice`: told at once, in the page and by mail as the person chose; without it the person reads it in the log.
    """

    name: str
    as_what: str
    notice: bool


@dataclass(frozen=True, slots=True)
class Before:
    """The page before an act: how the account stands, what ends, who is told, what the state will be."""

    act: Act
    shown: AccountDetail
    ordered: bool
    """The director orders it; IT itself does not order."""
    becomes: str
    told: tuple[Told, ...]


def look(rt: Runtime, session: Session, actor: Actor, name: str, act: Act) -> Before:
    """What the act would do now. Raises what the act itself would raise: Refused, Conflict, NotFound."""
    shown = account_view.show(rt, session, actor, name)
    account = session.get_one(Account, shown.account)
    ordered = _decide(rt, session, actor, account, act)
    _possible(account, act)
    return Before(
        act=act,
        shown=shown,
        ordered=ordered,
        becomes=_becomes(rt, session, account, act),
        told=tuple(_told(session, actor, account, shown, act)),
    )


def _decide(rt: Runtime, session: Session, actor: Actor, account: Account, act: Act) -> bool:
    permission = _PERMISSION[act]
    if act is Act.LOCK and not may(rt, actor, permission, account.guest):
        require(rt, actor, Permission.ACCOUNT_LOCK_ORDER, account.guest)
        return True
    require(rt, actor, permission, account.guest)
    if act is Act.ASK_UNLOCK and not ledger.answers_for(session, actor, account.kind_, account.guest):
        raise Refused("lease.other_kind", account=account.name)
    return False


def _possible(account: Account, act: Act) -> None:
    locked = account.state == AccountState.LOCKED
    if account.state == AccountState.RETIRED:
        raise Conflict("account.retired", account=account.name)
    if act is Act.LOCK and locked:
        raise Conflict("account.already_locked", account=account.name)
    if act in (Act.ASK_UNLOCK, Act.UNLOCK) and not locked:
        raise Conflict("account.not_locked", account=account.name)
    if act is Act.UNLOCK and account.unlock_asked_by is None:
        raise Refused("account.unlock_not_asked", account=account.name)
    if act is Act.ASK_UNLOCK and account.unlock_asked_by is not None:
        raise Conflict("account.unlock_asked_already", account=account.name)


def _becomes(rt: Runtime, session: Session, account: Account, act: Act) -> str:
    if act is Act.LOCK:
        quarantined = account.state == AccountState.QUARANTINED
        return AccountState.QUARANTINED if quarantined else AccountState.LOCKED
    if act is Act.RETIRE:
        return AccountState.RETIRED
    if act is Act.UNLOCK:
        kind = account.kind_
        covered = not kind.shared or admission.custodian_of(session, account.guest, kind, rt.now())
        return AccountState.ACTIVE if covered else AccountState.SUSPENDED
    return account.state


def _told(session: Session, actor: Actor, account: Account, shown: AccountDetail, act: Act) -> list[Told]:
    """Whom it concerns, as `telling` sends it: whoever acts is not told of it."""
    told: list[Told] = []
    if act in (Act.LOCK, Act.RETIRE, Act.ROTATE) and shown.held and shown.held.name:
        told.append(Told(shown.held.name, "holder", notice=True))
    if act in (Act.LOCK, Act.RETIRE):
        told += [Told(use.name, "waiting", notice=True) for use in shown.queue if use.name]
    noticed = act is not Act.ASK_UNLOCK  # that goes to IT, whose turn it is
    if shown.keeper:
        told.append(Told(shown.keeper.name, "custodian", notice=noticed))
    told += [Told(name, "head", notice=noticed) for name in _heads(session, account)]
    told += [Told(name, "it", notice=True) for name in _with_role(session, Role.IT_ADMIN)]
    if act in (Act.LOCK, Act.RETIRE):
        told += [Told(name, "auditor", notice=False) for name in _with_role(session, Role.AUDITOR)]
    return [person for person in told if person.name != actor.full_name]


def _heads(session: Session, account: Account) -> list[str]:
    """The unit head; at the province the one whose function the account serves (A2)."""
    found = _people(Role.UNIT_HEAD).where(Officer.office_code == account.guest)
    if session.get_one(Office, account.guest).level == "province":
        found = found.where(Officer.department == POOL_DEPARTMENT[account.kind_])
    return list(session.scalars(found))


def _with_role(session: Session, role: Role) -> list[str]:
    return list(session.scalars(_people(role)))


def _people(role: Role):  # type: ignore[no-untyped-def]
    return (
        select(Officer.full_name)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(OfficerRole.role == role, OfficerRole.revoked_at.is_(None), Officer.left_at.is_(None))
        .order_by(Officer.sort_name)
    )
