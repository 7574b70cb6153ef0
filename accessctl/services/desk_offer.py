"""What the desk offers before anything is borrowed: every account of the own office, and in words why not.

Nothing here decides: a check-out asks everything again, under the account's lock (`checkout`, `admission`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import DateTime, Select, Text, bindparam, exists, func, literal_column, or_, select, union
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from accessctl.access.explain import holders
from accessctl.clock import PROVINCE_TIME
from accessctl.domain.accounts import AccountName, AccountState, Kind
from accessctl.domain.dossiers import BadDossier, DossierNo
from accessctl.domain.leases import HOLDS_ACCOUNT, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.errors import Refused
from accessctl.services import admission, ledger, standing_rules
from accessctl.services.account_view import rights_in_words
from accessctl.services.actor import Actor
from accessctl.services.authorize import acts, may, require
from accessctl.services.hours import closing_time
from accessctl.services.lease_view import LeaseView, view
from accessctl.services.office_names import office_names
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Approval, Custody, Lease, Office, Province, StandingRule, Subject


@dataclass(frozen=True, slots=True)
class Leave:
    """An approval outside the standing rule that this person has asked for. `state` ∈ ASKED, GIVEN."""

    id: int
    dossier: str
    state: str
    closes: datetime


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """An account that this person may borrow, and how it stands now.

    `why`: a code with its `facts`, when it cannot be borrowed just now; `leave`: an approval that lifts a rule.
    """

    account: str
    kind: str
    host: str
    host_name: str
    state: str
    holder_name: str | None
    until: datetime | None
    queue: int
    why: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    leave: Leave | None = None

    @property
    def usable(self) -> bool:
        """Whether asking for it now would open it, or get a place in its queue."""
        return self.why is None or (self.by_rule and self.leave is not None and self.leave.state == "GIVEN")

    @property
    def by_rule(self) -> bool:
        """Whether only the custodian's rule stands in the way, which an approval lifts."""
        return self.why is not None and self.why.startswith("rule.")


@dataclass(frozen=True, slots=True)
class OtherKind:
    """Accounts of the own office that this person's role does not borrow, and whose does, in either language."""

    kind: str
    who_vi: tuple[str, ...]
    who_en: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Helper:
    """The custodian in force, to be asked or called; `stands_for` names the one on leave."""

    name: str
    phone: str
    title: str
    stands_for: str | None
    myself: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed for an earlier lease, to ask for the same again."""

    dossier: str
    subject: str
    fields: tuple[str, ...]
    reason: str


def lendable(rt: Runtime, session: Session, actor: Actor) -> list[AccountChoice]:
    """The accounts of the own office that the policy lets this person borrow; own pools first, then by host.

    Of a pool, which may hold thousands, only the account to be taken first and those with an approval of one's own.
    """
    hindrances = _Hindrances(rt, session, actor)
    names = {code: name.vi for code, name in office_names(rt).items()}
    return [
        _choice(row, names, hindrances)
        for row in _offered(session, actor.office, sorted(hindrances.leaves))
        if may(rt, actor, Kind(row.kind).open_permission, row.host)
    ]


def _offered(session: Session, office: str, approved: list[str]) -> list[Any]:
    """Rows of `_OWN`, own pools first. Nearly always a pool has a free account, and one statement is enough."""
    here = {"office": office, "approved": approved}
    found = {row.name: row for row in session.execute(_OFFERED, here)}
    free = {
        row.kind
        for row in found.values()
        if row.state == AccountState.ACTIVE and row.holder is None and not row.waiting
    }
    rest = [session.execute(_LEAST_BAD, here | {"kind": kind}).first() for kind in _POOLS if kind not in free]
    return list({row.name: row for row in (*rest, *found.values()) if row is not None}.values())


_HERE = bindparam("office", type_=Text())
# The states are written out: the indexes over open leases are found by these very words.
_HOLDS = Lease.state.in_([literal_column(f"'{state.value}'") for state in sorted(HOLDS_ACCOUNT)])
_WAITS = Lease.state == literal_column(f"'{LeaseState.QUEUED.value}'")
_HELD = (
    select(Lease.account_name, Lease.officer_name, Lease.expires_at)
    .where(_HOLDS, Lease.guest == _HERE)
    .subquery("held")
)
_QUEUED = (
    select(Lease.account_name, func.count().label("waiting"))
    .where(_WAITS, Lease.guest == _HERE)
    .group_by(Lease.account_name)
    .subquery("queued")
)
_WAITING = func.coalesce(_QUEUED.c.waiting, 0)
_OWN = (
    select(
        Account.name, Account.kind, Account.guest, Account.host, Account.state, Account.reason,
        _HELD.c.officer_name.label("holder"), _HELD.c.expires_at.label("until"), _WAITING.label("waiting"),
    )
    .outerjoin(_HELD, _HELD.c.account_name == Account.name)
    .outerjoin(_QUEUED, _QUEUED.c.account_name == Account.name)
    .where(Account.guest == _HERE, Account.state != AccountState.RETIRED)
)  # fmt: skip
_ORDER = (Account.state != AccountState.ACTIVE, _HELD.c.account_name.is_not(None), _WAITING, Account.name)
"""Which account of a pool comes first: one that works, a free one, a short queue."""


_POOLS = tuple(kind.value for kind in Kind if not kind.shared)


def _free(kind: str) -> Select[Any]:
    """The first free account of a pool: found by the index, however many there are."""
    held, queued = (exists().where(Lease.account_name == Account.name, state) for state in (_HOLDS, _WAITS))
    working = _OWN.where(Account.kind == kind, Account.state == AccountState.ACTIVE)
    return select(working.where(~held, ~queued).order_by(Account.name).limit(1).subquery())


_LEAST_BAD = _OWN.where(Account.kind == bindparam("kind")).order_by(*_ORDER).limit(1)
"""Of a pool in which none is free: all of its accounts are compared."""
_NOW = bindparam("now", type_=DateTime(timezone=True))
_GROUND = select(
    Office,
    select(Province.effective_from).limit(1).scalar_subquery(),
    select(func.array_agg(Custody.kind))
    .where(Custody.office_code == _HERE, Custody.period.contains(_NOW))
    .scalar_subquery(),
).where(Office.code == _HERE)
_RULES = (
    select(
        StandingRule.kind, StandingRule.officers, StandingRule.days, StandingRule.spans, StandingRule.per_day
    )
    .where(StandingRule.office_code == _HERE)
    .ext(distinct_on(StandingRule.kind))
    .order_by(StandingRule.kind, StandingRule.version.desc())
)
_LEAVES = (
    select(Approval.account_name, Approval.id, Approval.dossier, Approval.state, Approval.closes)
    .where(
        Approval.officer_id == bindparam("officer"),
        Approval.state.in_(("ASKED", "GIVEN")),
        Approval.closes > _NOW,
    )
    .order_by(Approval.state, Approval.closes.desc())  # ASKED first: a given one then takes its place
)
_NAMED = or_(
    Account.kind.in_([kind.value for kind in Kind if kind.shared]),
    Account.name.in_(bindparam("approved", expanding=True, type_=Text())),
)
_ALL = union(_OWN.where(_NAMED), *map(_free, _POOLS)).subquery()
_OFFERED = select(_ALL).order_by(_ALL.c.host != _ALL.c.guest, _ALL.c.name)
"""Made once: it is asked at every look at the desk."""


def _choice(row: Any, names: Mapping[str, str], hindrances: _Hindrances) -> AccountChoice:
    """Of a row of `_OFFERED`."""
    why, facts = hindrances.of(row)
    return AccountChoice(
        account=row.name,
        kind=row.kind,
        host=row.host,
        host_name=names.get(row.host, row.host),
        state=row.state,
        holder_name=row.holder,
        until=row.until,
        queue=row.waiting,
        why=why,
        facts=facts,
        leave=hindrances.leaves.get(row.name),
    )


class _Hindrances:
    """Why an account cannot be borrowed now, in the order in which a check-out would say it; each asked once."""

    def __init__(self, rt: Runtime, session: Session, actor: Actor) -> None:
        self._session, self._actor, self._now = session, actor, rt.now()
        here = {"office": actor.office, "now": self._now}
        office, since, covered = session.execute(_GROUND, here).one()
        self._covered = frozenset(covered or ())
        self._closed = self._hours(office, since)
        self._rules = {row.kind: row for row in session.execute(_RULES, here)}
        self._outside: dict[str, tuple[str, dict[str, Any]] | None] = {}
        mine = session.execute(_LEAVES, {"officer": actor.id, "now": self._now})
        self.leaves = {row.account_name: Leave(row.id, row.dossier, row.state, row.closes) for row in mine}
        """The approvals that this person has or waits for, the one that is given before the one that is not."""

    def of(self, account: Any) -> tuple[str | None, Mapping[str, Any]]:
        """The code and its facts; (None, {}) when nothing stands in the way. `account`: a row of `_OFFERED`."""
        facts: dict[str, Any] = {"account": account.name, "kind": account.kind}
        if Kind(account.kind).shared and account.kind not in self._covered:
            return "lease.no_custodian", facts
        if account.state != AccountState.ACTIVE:
            return f"account.{account.state.lower()}", facts | {"why": account.reason or ""}
        if self._closed is not None:
            return self._closed[0], facts | self._closed[1]
        if account.kind not in self._outside:  # one rule for all accounts of a kind
            self._outside[account.kind] = self._asked(account)
        outside = self._outside[account.kind]
        return (outside[0], facts | outside[1]) if outside else (None, {})

    def _hours(self, office: Office, since: date | None) -> tuple[str, dict[str, Any]] | None:
        if since is None or self._now.astimezone(PROVINCE_TIME).date() < since:
            return "lease.not_in_force", {"since": since or ""}
        try:
            closing_time(self._session, office, self._now)
        except Refused as closed:
            return closed.code, dict(closed.facts)
        return None

    def _asked(self, account: Any) -> tuple[str, dict[str, Any]] | None:
        """Outside the custodian's rule, if there is one."""
        row = self._rules.get(account.kind)
        if row is None:
            return None
        kept = {"officers": row.officers, "days": row.days, "spans": row.spans, "per_day": row.per_day}
        why = standing_rules.outside(self._session, account, kept, officer=self._actor.id, at=self._now)
        return (f"rule.{why}", {"limit": row.per_day}) if why else None


def others(rt: Runtime, actor: Actor) -> list[OtherKind]:
    """The shared kinds that this person does not borrow, and who does: what the desk does not offer, in words."""
    table = rt.policy().table
    if table is None:
        return []
    found = []
    for kind in (Kind.TKCL, Kind.TKHCTT):
        permission = kind.open_permission
        hosts = [code for code in rt.office_codes() if code != actor.office]
        if not any(may(rt, actor, permission, host) for host in hosts):
            who = [holders(table.policy, permission.value, language) for language in ("vi", "en")]
            found.append(OtherKind(kind.value, *who))
    return found


def noted(actor: Actor, text: str) -> str:
    """A dossier number as somebody scanned it. Raises Refused("lease.dossier_…") like a check-out."""
    try:
        dossier = DossierNo.parse("".join(text.split()).upper())
    except BadDossier as error:
        missing = error.why == "missing"
        raise Refused("lease.dossier_missing" if missing else "lease.dossier_malformed") from None
    if dossier.office != actor.office:
        raise Refused("lease.dossier_other_office", dossier=str(dossier), office=actor.office_name)
    return str(dossier)


def helper(rt: Runtime, session: Session, actor: Actor, kind: str) -> Helper | None:
    """Who answers for the own office's accounts of this kind now; None for a local pool, or when nobody does."""
    if not Kind(kind).shared or not may(rt, actor, Permission.CUSTODIAN_VIEW, actor.office):
        return None
    row = admission.custodian_of(session, actor.office, Kind(kind), rt.now())
    if row is None:
        return None
    person, principal = row.officer, row.principal
    return Helper(
        person.full_name,
        person.phone,
        person.title,
        principal.full_name if principal else None,
        person.id == actor.id,
    )


def able(rt: Runtime, kind: str) -> tuple[tuple[str, str], ...]:
    """What the account may do, Vietnamese and English; nothing while the policy cannot be read."""
    table = rt.policy().table
    return rights_in_words(table.policy, Kind(kind)) if table else ()


def own(rt: Runtime, session: Session, actor: Actor, identity: str) -> LeaseView:
    """A lease of this person's own, running or over. Raises Refused("lease.not_yours")."""
    lease = ledger.find(session, identity)
    if lease.officer_id != actor.id:
        raise Refused("lease.not_yours")
    return view(session, lease)


def typed_before(rt: Runtime, session: Session, actor: Actor, identity: str) -> Typed:
    """What this person typed for an own lease: the full number comes back to whoever typed it, and to nobody else."""
    acts(actor)
    lease = ledger.find(session, identity)
    if lease.officer_id != actor.id:
        raise Refused("lease.not_yours")
    name = AccountName.parse(lease.account_name)
    require(rt, actor, name.kind.open_permission, name.host)
    subject = session.get(Subject, lease.subject)
    return Typed(lease.dossier, subject.bhxh_no if subject else "", tuple(lease.fields), lease.reason)
