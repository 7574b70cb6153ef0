"""Whether a request for an account is admitted: every rule of a check-out that only reads (access.md §4, S25, S34)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Text, bindparam, exists, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session, aliased

from accessctl.clock import PROVINCE_TIME
from accessctl.domain.accounts import AccountName, AccountState, BadAccountName, Kind
from accessctl.domain.dossiers import BadDossier, DossierNo, listed_fields, subject_number
from accessctl.domain.leases import DEFAULT_PERIOD, HOLDS_ACCOUNT, LeaseState, Term
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Invalid, NotFound, Refused
from accessctl.services import standing_rules
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.hours import closing_time
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Custody, Lease, Office, Province, StandingRule

REASON_LIMIT = 300


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """The words of somebody who wants to borrow. `minutes` 1–15; `client`: show me the secret."""

    account: str
    dossier: str
    subject: str
    fields: tuple[str, ...] = ()
    reason: str = ""
    minutes: int = 15
    client: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """The request once its words are understood."""

    account: AccountName
    dossier: DossierNo
    subject: str
    fields: tuple[str, ...]
    reason: str
    period: timedelta
    client: bool


def understand(actor: Actor, request: LeaseRequest) -> Wanted:
    """Parse the request's words; every refusal has its own code (S25)."""
    try:
        account = AccountName.parse(request.account)
    except BadAccountName:
        raise NotFound("account.unknown", account=request.account[:60]) from None
    try:
        dossier = DossierNo.parse(request.dossier)
        subject = subject_number(request.subject)
        fields = tuple(field.value for field in listed_fields(request.fields))
        reason = one_line(request.reason, limit=REASON_LIMIT)
    except BadDossier as error:
        raise Refused(_DOSSIER_CODES[error.why]) from None
    except BadText as error:
        raise Refused(
            "lease.reason_missing" if error.why == "empty" else f"input.{error.why}", limit=error.limit
        ) from None
    if dossier.office != actor.office:
        raise Refused("lease.dossier_other_office", dossier=str(dossier), office=actor.office_name)
    if account.kind.corrects and not fields:
        raise Refused("lease.fields_missing")
    if fields and not account.kind.corrects:
        raise Refused("lease.fields_not_wanted")
    if not 1 <= request.minutes <= DEFAULT_PERIOD // timedelta(minutes=1):
        raise Invalid("lease.minutes")
    period = timedelta(minutes=request.minutes)
    return Wanted(account, dossier, subject, fields, reason, period, request.client)


_DOSSIER_CODES = {
    "missing": "lease.dossier_missing",
    "malformed": "lease.dossier_malformed",
    "subject_malformed": "lease.subject_malformed",
    "field_unknown": "lease.field_unknown",
}


def permit(rt: Runtime, actor: Actor, account: AccountName, *, client: bool) -> str:
    """The policy's part; returns the policy version. Raises Refused."""
    decision = require(rt, actor, account.kind.open_permission, account.host)
    if account.guest != actor.office:
        raise Refused("lease.other_office_account", account=str(account))
    if client:
        if not rt.settings.reveal:
            raise Refused("lease.reveal_off")
        require(rt, actor, Permission.LEASE_REVEAL, account.host)
    return decision.policy_version


@dataclass(frozen=True, slots=True)
class Ground:
    """What a decision rests on, read under the account's lock."""

    account: Account
    guest: Office
    host_name: str
    host_policy: str | None
    """The policy that the host's database has applied; None: none yet."""
    province: Province | None
    in_custody: bool
    taken: bool
    """Somebody has the account, or waits for it."""
    earlier: tuple[str, ...]
    """The accounts that this officer has held for this dossier."""
    rule: Mapping[str, Any] | None = None
    """The custodian's standing rule as it is stored; None: everything is inside it (A4)."""


_HOST = aliased(Office)
_LOCKED = (
    select(Account, Office, _HOST.name, _HOST.policy_version, Province)
    .join(Office, Office.code == Account.guest)
    .join(_HOST, _HOST.code == Account.host)
    .outerjoin(Province, true())
    .where(Account.name == bindparam("account"))
    .limit(1)
    .with_for_update(of=Account)
)
# A statement of its own, after the lock: the one that waited for the lock still sees what was before it.
_FACTS = select(
    exists(Custody.id).where(
        Custody.office_code == bindparam("office"),
        Custody.kind == bindparam("kind"),
        Custody.period.contains(bindparam("at", type_=DateTime(timezone=True))),
    ),
    exists(Lease.id).where(
        Lease.account_name == bindparam("account"),
        Lease.state.in_([*sorted(HOLDS_ACCOUNT), LeaseState.QUEUED]),
    ),
    func.array(
        select(Lease.account_name)
        .where(
            Lease.dossier == bindparam("dossier"),
            Lease.officer_id == bindparam("officer"),
            Lease.opened_at.is_not(None),
        )
        .scalar_subquery(),
        type_=ARRAY(Text()),
    ),
    select(
        func.jsonb_build_object(
            "officers", StandingRule.officers, "days", StandingRule.days, "spans", StandingRule.spans,
            "per_day", StandingRule.per_day,
        )
    )
    .where(StandingRule.office_code == bindparam("office"), StandingRule.kind == bindparam("kind"))
    .order_by(StandingRule.version.desc())
    .limit(1)
    .scalar_subquery(),
)  # fmt: skip


def ground(session: Session, account: str, *, dossier: str, officer: int, at: datetime) -> Ground:
    """Lock the account and read everything that its lending depends on. Raises NotFound("account.unknown")."""
    found = session.execute(_LOCKED, {"account": account}).first()
    if found is None:
        raise NotFound("account.unknown", account=account[:60])
    locked, guest, host_name, host_policy, province = found
    asked = {
        "office": locked.guest, "kind": locked.kind, "at": at, "account": account, "dossier": dossier,
        "officer": officer,
    }  # fmt: skip
    custody, taken, earlier, rule = session.connection().execute(_FACTS, asked).one()
    return Ground(locked, guest, host_name, host_policy, province, custody, taken, tuple(earlier), rule)


def check_account(ground: Ground) -> None:
    """The account's part: only ACTIVE is lent, and a shared one only under a custodian in force (R31)."""
    account = ground.account
    if account.kind_.shared and not ground.in_custody:
        raise Refused("lease.no_custodian", kind=account.kind, account=account.name)
    if account.state != AccountState.ACTIVE:
        raise Refused(f"account.{account.state.lower()}", account=account.name, why=account.reason or "")


def check_policy(ground: Ground, version: str) -> None:
    """An office whose database has not applied the policy in force lends nothing (policy.md §5)."""
    if ground.host_policy != version:
        raise Refused("policy.office_behind", office=ground.host_name)


def custodian_of(session: Session, office: str, kind: Kind, at: datetime) -> Custody | None:
    """The one custodian in force, or nobody."""
    return session.scalars(
        select(Custody).where(
            Custody.office_code == office, Custody.kind == kind, Custody.period.contains(at)
        )
    ).first()


def check_separation(ground: Ground, dossier: str) -> None:
    """Who held the correcting account for a dossier does not reissue it, nor the other way round (§7.1, S23)."""
    corrects = ground.account.kind_.corrects
    if any(AccountName.parse(name).kind.corrects != corrects for name in ground.earlier):
        raise Refused("lease.separation", dossier=dossier)


def check_rule(session: Session, ground: Ground, *, dossier: str, officer: int, at: datetime) -> int | None:
    """The custodian's standing rule: None inside it, outside it the approval that this check-out uses up (A4).

    Raises Refused("rule.<why>"), which offers to ask for an approval. Costs nothing where no rule was set.
    """
    if ground.rule is None:
        return None
    account = ground.account
    why = standing_rules.outside(session, account, ground.rule, officer=officer, at=at)
    if why is None:
        return None
    approval = standing_rules.granted(session, account.name, officer=officer, dossier=dossier, at=at)
    if approval is None:
        raise Refused(f"rule.{why}", account=account.name, kind=account.kind, limit=ground.rule["per_day"])
    return approval


def term(session: Session, ground: Ground, period: timedelta, now: datetime) -> Term:
    """When the lease would run. Raises Refused before the scheme is in force (R4) or outside hours (S34)."""
    province = ground.province
    if province is None or now.astimezone(PROVINCE_TIME).date() < province.effective_from:
        raise Refused("lease.not_in_force", since=province.effective_from if province else "")
    return Term.start(now, period, closing_time(session, ground.guest, now))
