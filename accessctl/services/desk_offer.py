"""What the desk offers before anything is borrowed: every account of the own office, and in words why not.

Nothing here decides: a check-out asks everything again, under the account's lock (`checkout`, `admission`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
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
    """The accounts of the own office that the policy lets this person borrow; own pools first, then by host."""
    names = dict(session.execute(select(Office.code, Office.name)).all())
    holding = {
        lease.account_name: lease
        for lease in session.scalars(
            select(Lease).where(Lease.state.in_(HOLDS_ACCOUNT), Lease.guest == actor.office)
        )
    }
    waiting = dict(
        session.execute(
            select(Lease.account_name, func.count())
            .where(Lease.state == LeaseState.QUEUED, Lease.guest == actor.office)
            .group_by(Lease.account_name)
        ).all()
    )
    own = session.scalars(
        select(Account)
        .where(Account.guest == actor.office, Account.state != AccountState.RETIRED)
        .order_by(Account.host != actor.office, Account.name)
    )
    hindrances = _Hindrances(rt, session, actor)
    return [
        _choice(account, names, holding.get(account.name), waiting.get(account.name, 0), hindrances)
        for account in own
        if may(rt, actor, Kind(account.kind).open_permission, account.host)
    ]


def _choice(
    account: Account, names: Mapping[str, str], lease: Lease | None, queue: int, hindrances: _Hindrances
) -> AccountChoice:
    why, facts = hindrances.of(account)
    return AccountChoice(
        account=account.name,
        kind=account.kind,
        host=account.host,
        host_name=names.get(account.host, account.host),
        state=account.state,
        holder_name=lease.officer_name if lease else None,
        until=lease.expires_at if lease else None,
        queue=queue,
        why=why,
        facts=facts,
        leave=hindrances.leaves.get(account.name),
    )


class _Hindrances:
    """Why an account cannot be borrowed now, in the order in which a check-out would say it; each asked once."""

    def __init__(self, rt: Runtime, session: Session, actor: Actor) -> None:
        self._session, self._actor, self._now = session, actor, rt.now()
        covered = select(Custody.kind).where(
            Custody.office_code == actor.office, Custody.period.contains(self._now)
        )
        self._covered = frozenset(session.scalars(covered))
        self._closed = self._hours()
        self._rules: dict[str, tuple[str, dict[str, Any]] | None] = {}
        self.leaves = self._leaves()

    def of(self, account: Account) -> tuple[str | None, Mapping[str, Any]]:
        """The code and its facts; (None, {}) when nothing stands in the way."""
        facts: dict[str, Any] = {"account": account.name, "kind": account.kind}
        if account.kind_.shared and account.kind not in self._covered:
            return "lease.no_custodian", facts
        if account.state != AccountState.ACTIVE:
            return f"account.{account.state.lower()}", facts | {"why": account.reason or ""}
        if self._closed is not None:
            return self._closed[0], facts | self._closed[1]
        outside = self._outside(account)
        return (outside[0], facts | outside[1]) if outside else (None, {})

    def _hours(self) -> tuple[str, dict[str, Any]] | None:
        province = self._session.scalars(select(Province)).first()
        if province is None or self._now.astimezone(PROVINCE_TIME).date() < province.effective_from:
            return "lease.not_in_force", {"since": province.effective_from if province else ""}
        try:
            closing_time(self._session, self._session.get_one(Office, self._actor.office), self._now)
        except Refused as closed:
            return closed.code, dict(closed.facts)
        return None

    def _outside(self, account: Account) -> tuple[str, dict[str, Any]] | None:
        """Outside the custodian's rule, which is one for all accounts of a kind."""
        if account.kind not in self._rules:
            self._rules[account.kind] = self._asked(account)
        return self._rules[account.kind]

    def _asked(self, account: Account) -> tuple[str, dict[str, Any]] | None:
        latest = (
            select(StandingRule)
            .where(StandingRule.office_code == account.guest, StandingRule.kind == account.kind)
            .order_by(StandingRule.version.desc())
            .limit(1)
        )
        row = self._session.scalars(latest).first()
        if row is None:
            return None
        kept = {"officers": row.officers, "days": row.days, "spans": row.spans, "per_day": row.per_day}
        why = standing_rules.outside(self._session, account, kept, officer=self._actor.id, at=self._now)
        return (f"rule.{why}", {"limit": row.per_day}) if why else None

    def _leaves(self) -> dict[str, Leave]:
        """The approvals that this person has or waits for, the one that is given before the one that is not."""
        rows = self._session.scalars(
            select(Approval)
            .where(
                Approval.officer_id == self._actor.id,
                Approval.state.in_(("ASKED", "GIVEN")),
                Approval.closes > self._now,
            )
            .order_by(Approval.state, Approval.closes.desc())  # ASKED first: a given one then takes its place
        )
        return {row.account_name: Leave(row.id, row.dossier, row.state, row.closes) for row in rows}


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
