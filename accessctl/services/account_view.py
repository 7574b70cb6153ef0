"""One account as its page shows it: how it stands and why, who has it, who waits, its rights, who answered for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from accessctl.access.explain import label
from accessctl.access.loader import PolicySet
from accessctl.access.wanted import wanted_functions, wanted_rights
from accessctl.domain.accounts import AccountState, Kind
from accessctl.domain.leases import HOLDS_ACCOUNT, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.errors import NotFound
from accessctl.services import accounts, ledger
from accessctl.services.account_list import may_know_who
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.findings import Kind as FindingKind
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, DriftLook, Finding, Lease, Officer


@dataclass(frozen=True, slots=True)
class Use:
    """Somebody has the account or waits for it. `lease`, `name` and `dossier` are None where that may not be known."""

    lease: str | None
    name: str | None
    dossier: str | None
    state: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Keeper:
    """Somebody who answers, answered or will answer; `until` excluded, `stands_for` names a custodian on leave."""

    name: str
    title: str
    phone: str
    email: str
    since: datetime
    until: datetime | None
    stands_for: str | None
    decision_no: str
    acknowledged: bool
    now: bool


@dataclass(frozen=True, slots=True)
class Rights:
    """What the account may do: in words of either language, and as the host's database has been told."""

    words: tuple[tuple[str, str], ...]
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The last look at the rights in the host's database. `at` None: nobody has looked; `open`: what is still wrong."""

    at: datetime | None
    open: tuple[tuple[int, str, str], ...]
    """Number of the finding, what is wrong, on which object."""


@dataclass(frozen=True, slots=True)
class AccountDetail:
    """Everything about one account that this person may see."""

    account: str
    kind: str
    guest: str
    host: str
    role: str
    state: str
    reason: str | None
    shared: bool
    standing: str
    held: Use | None
    queue: tuple[Use, ...]
    keepers: tuple[Keeper, ...]
    rights: Rights
    comparison: Comparison | None
    """None where this person does not look at databases or findings."""
    unlock_asked_by: str | None
    offers: frozenset[str] = field(default_factory=frozenset)
    """lock, order_lock, ask_unlock, unlock, rotate, retire: what this person may do to it now."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Act → code: what this person could do in general, and why not now."""

    @property
    def keeper(self) -> Keeper | None:
        """Who answers for it now."""
        return next((keeper for keeper in self.keepers if keeper.now), None)


def show(rt: Runtime, session: Session, actor: Actor, name: str) -> AccountDetail:
    """One account by its name. Raises NotFound("account.unknown")."""
    account = session.get(Account, name[:60].replace("\x00", ""))
    if account is None:
        raise NotFound("account.unknown", account=name[:60])
    if not may(rt, actor, Permission.ACCOUNT_VIEW, account.host):
        require(rt, actor, Permission.ACCOUNT_VIEW, account.guest)
    held, queue = uses(rt, session, actor, account)
    offers, withheld = _offers(rt, session, actor, account)
    asker = session.get(Officer, account.unlock_asked_by) if account.unlock_asked_by else None
    return AccountDetail(
        account=account.name,
        kind=account.kind,
        guest=account.guest,
        host=account.host,
        role=account.role,
        state=account.state,
        reason=account.reason,
        shared=account.kind_.shared,
        standing=accounts.standing(account),
        held=held,
        queue=queue,
        keepers=tuple(_keepers(session, account, rt.now())) if account.kind_.shared else (),
        rights=_rights(rt, account),
        comparison=_comparison(rt, session, actor, account),
        unlock_asked_by=asker.full_name if asker else None,
        offers=offers,
        withheld=withheld,
    )


def uses(rt: Runtime, session: Session, actor: Actor, account: Account) -> tuple[Use | None, tuple[Use, ...]]:
    """Who has the account and who waits, first come first."""
    told = may_know_who(rt, actor, account.guest, account.host)
    open_ones = session.scalars(
        select(Lease)
        .where(
            Lease.account_name == account.name,
            Lease.state.in_([*sorted(HOLDS_ACCOUNT), LeaseState.QUEUED]),
        )
        .order_by(Lease.place)
    ).all()
    shown = [_use(lease, told=told) for lease in open_ones]
    holding = next((use for use in shown if use.state != LeaseState.QUEUED), None)
    return holding, tuple(use for use in shown if use.state == LeaseState.QUEUED)


def _use(lease: Lease, *, told: bool) -> Use:
    return Use(
        lease=str(lease.id) if told else None,
        name=lease.officer_name if told else None,
        dossier=lease.dossier if told else None,
        state=lease.state,
        since=lease.opened_at or lease.requested_at,
        until=lease.expires_at,
    )


def _keepers(session: Session, account: Account, now: datetime) -> Iterable[Keeper]:
    """Everybody who ever answered for it, the latest first; an assignment called off before it began is none."""
    rows = (
        select(Custody)
        .where(
            Custody.office_code == account.guest,
            Custody.kind == account.kind,
            ~func.isempty(Custody.period),
        )
        .options(joinedload(Custody.officer), joinedload(Custody.principal))
        .order_by(func.lower(Custody.period).desc())
    )
    for row in session.scalars(rows):
        person = row.officer
        yield Keeper(
            name=person.full_name,
            title=person.title,
            phone=person.phone,
            email=person.email,
            since=row.period.lower or row.appointed_at,
            until=row.period.upper,
            stands_for=row.principal.full_name if row.principal else None,
            decision_no=row.decision_no,
            acknowledged=row.acknowledged_at is not None,
            now=now in row.period,
        )


def _rights(rt: Runtime, account: Account) -> Rights:
    """By the policy in force; nothing at all while it cannot be read."""
    table = rt.policy().table
    if table is None:
        return Rights((), ())
    return Rights(rights_in_words(table.policy, account.kind_), _grants(table.policy, account))


def rights_in_words(policy: PolicySet, kind: Kind) -> tuple[tuple[str, str], ...]:
    """The permissions of a kind of account, Vietnamese and English."""
    held = wanted_rights(kind, policy)
    return tuple(
        (label(policy, "permissions", right, "vi"), label(policy, "permissions", right, "en"))
        for right in held
    )


def _grants(policy: PolicySet, account: Account) -> tuple[str, ...]:
    """What stands in the host's database, as a DBA reads it: the group has the functions, the account the group."""
    group = account.kind_.group
    functions = wanted_functions(account.kind, policy)
    return (
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {group};" for function in functions),
        f"GRANT {group} TO {account.role} WITH INHERIT TRUE, SET FALSE;",
    )


def _comparison(rt: Runtime, session: Session, actor: Actor, account: Account) -> Comparison | None:
    looks = may(rt, actor, Permission.DRIFT_VIEW, account.host)
    if not looks and not may(rt, actor, Permission.FINDING_VIEW, account.guest):
        return None
    last = session.get(DriftLook, account.host)
    of_group = Finding.details["role"].astext == account.kind_.group
    wrong = session.scalars(
        select(Finding)
        .where(
            or_(Finding.account == account.name, (Finding.office == account.host) & of_group),
            Finding.kind == FindingKind.DRIFT,
            Finding.state != "CLOSED",
        )
        .order_by(Finding.id)
    )
    return Comparison(
        last.looked_at if last else None,
        tuple((f.id, str(f.details.get("what", "")), str(f.details.get("object", ""))) for f in wrong),
    )


def _offers(
    rt: Runtime, session: Session, actor: Actor, account: Account
) -> tuple[frozenset[str], dict[str, str]]:
    """What to offer (the acts decide again): what is possible now, and what only its standing forbids."""
    P, office = Permission, account.guest
    retired, locked = account.state == AccountState.RETIRED, account.state == AccountState.LOCKED
    answers = ledger.answers_for(session, actor, account.kind_, office)
    able = {
        "lock": may(rt, actor, P.ACCOUNT_LOCK, office),
        "order_lock": may(rt, actor, P.ACCOUNT_LOCK_ORDER, office),
        "ask_unlock": answers and locked and may(rt, actor, P.ACCOUNT_UNLOCK_REQUEST, office),
        "unlock": locked and may(rt, actor, P.ACCOUNT_UNLOCK, office),
        "rotate": may(rt, actor, P.ACCOUNT_ROTATE, office),
        "retire": may(rt, actor, P.ACCOUNT_RETIRE, office),
    }
    why = {name: "account.retired" for name in able} if retired else {}
    if locked:
        why |= dict.fromkeys(("lock", "order_lock"), "account.already_locked")
        why["unlock"] = "account.unlock_not_asked" if account.unlock_asked_by is None else ""
        why["ask_unlock"] = "account.unlock_asked_already" if account.unlock_asked_by else ""
    wanted = [name for name, allowed in able.items() if allowed]
    return (
        frozenset(name for name in wanted if not why.get(name)),
        {name: why[name] for name in wanted if why.get(name)},
    )
