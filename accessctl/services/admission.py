"""Whether a request for an account is admitted: every rule of a check-out that only reads (access.md §4, S25, S34)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from accessctl.clock import PROVINCE_TIME
from accessctl.domain.accounts import AccountName, AccountState, BadAccountName, Kind
from accessctl.domain.dossiers import BadDossier, DossierNo, listed_fields, subject_number
from accessctl.domain.leases import DEFAULT_PERIOD, HOLDS_ACCOUNT, LeaseState, Term
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import standing_rules
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.hours import ServingOffice, closing_time
from accessctl.services.runtime import Runtime
from accessctl.store import lending
from accessctl.store.models import Custody

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

    account: AccountName
    state: AccountState
    why: str | None
    """The reason of the state, if it has one."""
    epoch: int
    guest: ServingOffice
    host_name: str
    host_policy: str | None
    """The policy that the host's database has applied; None: none yet."""
    in_force_since: date | None
    in_custody: bool
    taken: bool
    """Somebody has the account, or waits for it."""
    earlier: tuple[str, ...]
    """The accounts that this officer has held for this dossier."""
    rule: Mapping[str, Any] | None = None
    """The custodian's standing rule as it is stored; None: everything is inside it (A4)."""


_BUSY = (*sorted(HOLDS_ACCOUNT), LeaseState.QUEUED)


def ground(
    session: Session, account: AccountName, actor: Actor, *, dossier: str, at: datetime, hold: bool
) -> Ground:
    """Lock the account and read everything that its lending depends on.

    `hold`: the officer's office and roles are still those that the request began with, and stay so until it has been
    written (S11); shared, so that two loans of one person do not wait for each other here.
    Raises NotFound("account.unknown"), Conflict("officer.moved_meanwhile").
    """
    found = lending.ground(
        session, str(account), dossier=dossier, officer=actor.id, hold_officer=hold, busy=_BUSY, at=at
    )
    if found is None:
        raise NotFound("account.unknown", account=str(account)[:60])
    if hold and (found["left"] or found["version"] != actor.version):
        raise Conflict("officer.moved_meanwhile")
    since = found["in_force_since"]
    return Ground(
        account=account,
        state=AccountState(found["state"]),
        why=found["why"],
        epoch=found["epoch"],
        guest=ServingOffice(**found["guest"]),
        host_name=found["host_name"],
        host_policy=found["host_policy"],
        in_force_since=date.fromisoformat(since) if since else None,
        in_custody=found["in_custody"],
        taken=found["taken"],
        earlier=tuple(found["earlier"]),
        rule=found["rule"],
    )


def check_account(ground: Ground) -> None:
    """The account's part: only ACTIVE is lent, and a shared one only under a custodian in force (R31)."""
    account = ground.account
    if account.kind.shared and not ground.in_custody:
        raise Refused("lease.no_custodian", kind=account.kind, account=str(account))
    if ground.state is not AccountState.ACTIVE:
        raise Refused(f"account.{ground.state.lower()}", account=str(account), why=ground.why or "")


def check_policy(ground: Ground, version: str) -> None:
    """An office whose database has not applied the policy in force lends nothing (policy.md §5)."""
    if ground.host_policy != version:
        raise Refused("policy.office_behind", office=ground.host_name)


def custodian_of(session: Session, office: str, kind: Kind, at: datetime) -> Custody | None:
    """The one custodian in force, or nobody."""
    return session.scalars(
        select(Custody)
        .where(Custody.office_code == office, Custody.kind == kind, Custody.period.contains(at))
        .options(joinedload(Custody.officer), joinedload(Custody.principal))
    ).first()


def check_separation(ground: Ground, dossier: str) -> None:
    """Who held the correcting account for a dossier does not reissue it, nor the other way round (§7.1, S23)."""
    corrects = ground.account.kind.corrects
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
    approval = standing_rules.granted(session, str(account), officer=officer, dossier=dossier, at=at)
    if approval is None:
        raise Refused(f"rule.{why}", account=str(account), kind=account.kind, limit=ground.rule["per_day"])
    return approval


def term(session: Session, ground: Ground, period: timedelta, now: datetime) -> Term:
    """When the lease would run. Raises Refused before the scheme is in force (R4) or outside hours (S34)."""
    since = ground.in_force_since
    if since is None or now.astimezone(PROVINCE_TIME).date() < since:
        raise Refused("lease.not_in_force", since=since or "")
    return Term.start(now, period, closing_time(session, ground.guest, now))
