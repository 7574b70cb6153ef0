"""An approval for one check-out outside the custodian's rule (A4): asked, given or declined, used exactly once.

It is bound to officer, account, dossier and window. The check-out that uses it says so in the same transaction,
under the lock of the account: one approval cannot open two leases (Vault's was good for three credentials).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.accounts import AccountName, BadAccountName, Kind
from accessctl.domain.dossiers import BadDossier, DossierNo
from accessctl.domain.events import Event
from accessctl.domain.permissions import Case, Permission, Role
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound, Refused
from accessctl.services import admission, ledger, telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Approval, Lease, StandingRule, WebSession

LONGEST = timedelta(hours=12)
_AHEAD = timedelta(days=14)
ABSENT_AFTER = timedelta(minutes=10)
"""Without an answer of the custodian for so long, or without a sign of him at a screen, the head may decide."""
PERMISSION = {Kind.TKCL: Permission.LEASE_APPROVE_TKCL, Kind.TKHCTT: Permission.LEASE_APPROVE_TKHCTT}
_CUSTODIAN = {Kind.TKCL: Role.CUSTODIAN_TKCL, Kind.TKHCTT: Role.CUSTODIAN_TKHCTT}


@dataclass(frozen=True, slots=True)
class Ask:
    """The words of an officer who wants to borrow outside the rule, between `opens` and `closes`."""

    account: str
    dossier: str
    opens: datetime
    closes: datetime
    reason: str


def ask(rt: Runtime, session: Session, actor: Actor, wanted: Ask) -> int:
    """Ask the custodian; asking again while the first is open gives the same one. Returns its id."""
    try:
        account = AccountName.parse(wanted.account)
    except BadAccountName:
        raise NotFound("account.unknown", account=wanted.account[:60]) from None
    admission.permit(rt, actor, account, client=False)
    dossier = _dossier(wanted.dossier, actor)
    _window(rt, wanted)
    if session.get(Account, str(account)) is None:
        raise NotFound("account.unknown", account=str(account))
    if not account.kind.shared or not _has_rule(session, account):
        raise Refused("approval.not_needed", account=str(account))
    row = Approval(
        office_code=account.guest,
        kind=account.kind,
        account_name=str(account),
        officer_id=actor.id,
        dossier=dossier,
        opens=wanted.opens,
        closes=wanted.closes,
        reason=_words(wanted.reason),
        state="ASKED",
        asked_at=rt.now(),
    )
    already = _open_one(rt, session, row)
    if already is not None:
        return already
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return _open_one(rt, session, row) or _gone()
    _tell(rt, session, Event.APPROVAL_ASKED, row, actor, reason=row.reason)
    telling.approval_asked(rt, session, row, actor)
    return row.id


def _gone() -> int:
    raise Conflict("approval.decided")


def _dossier(text: str, actor: Actor) -> str:
    try:
        dossier = DossierNo.parse(text)
    except BadDossier as error:
        raise Refused(
            "lease.dossier_missing" if error.why == "missing" else "lease.dossier_malformed"
        ) from None
    if dossier.office != actor.office:
        raise Refused("lease.dossier_other_office", dossier=str(dossier), office=actor.office_name)
    return str(dossier)


def _window(rt: Runtime, wanted: Ask) -> None:
    now = rt.now()
    if not wanted.opens < wanted.closes <= wanted.opens + LONGEST:
        raise Invalid("approval.bad_window")
    if wanted.closes <= now or wanted.opens > now + _AHEAD:
        raise Invalid("approval.bad_window")


def _has_rule(session: Session, account: AccountName) -> bool:
    rule = select(StandingRule.id).where(
        StandingRule.office_code == account.guest, StandingRule.kind == account.kind
    )
    return session.scalars(rule.limit(1)).first() is not None


def _open_one(rt: Runtime, session: Session, like: Approval) -> int | None:
    """The id of the same question still open; one whose window has passed is closed here."""
    found = session.scalars(
        select(Approval)
        .where(
            Approval.officer_id == like.officer_id,
            Approval.account_name == like.account_name,
            Approval.dossier == like.dossier,
            Approval.state == "ASKED",
        )
        .with_for_update(of=Approval)
    ).first()
    if found is not None and found.closes <= rt.now():
        found.state = "LAPSED"
        session.flush()
        return None
    return found.id if found else None


def decide(rt: Runtime, session: Session, actor: Actor, identity: str, *, give: bool, note: str) -> Approval:
    """Give or decline. The custodian; the head when nobody is custodian, or he is absent, or asks himself.

    Raises Refused("approval.custodian_first"), Conflict("approval.decided"), Refused("approval.lapsed").
    """
    row = find(session, identity)
    refusal = refusal_of(rt, session, actor, row)
    if refusal is not None:
        require(rt, actor, PERMISSION[row.kind_], row.office_code, case=_case(actor, row))
        raise Refused(refusal, kind=row.kind)
    if row.state != "ASKED":
        raise Conflict("approval.decided")
    if row.closes <= rt.now():
        raise Conflict("approval.lapsed")
    row.state, row.note = ("GIVEN" if give else "DECLINED"), _words(note, needed=not give)
    row.decided_by, row.decided_at = actor.id, rt.now()
    row.stood_in = None if _is_custodian(actor, row) else _stands_in(rt, session, row)
    _tell(rt, session, Event.APPROVAL_GIVEN, row, actor, reason=row.note or None, failed=not give)
    telling.approval_decided(rt, session, row, actor, given=give)
    return row


def withdraw(rt: Runtime, session: Session, actor: Actor, identity: str) -> Approval:
    """Whoever asked needs it no more; also one that was given and not used."""
    row = find(session, identity)
    admission.permit(rt, actor, AccountName.parse(row.account_name), client=False)
    if row.officer_id != actor.id:
        raise Refused("approval.not_yours")
    if row.state not in ("ASKED", "GIVEN"):
        raise Conflict("approval.decided")
    row.state = "WITHDRAWN"
    _tell(rt, session, Event.APPROVAL_ASKED, row, actor, reason="approval.withdrawn", failed=True)
    return row


def _case(actor: Actor, row: Approval) -> Case:
    return Case.SELF if row.officer_id == actor.id else Case.NONE


def _is_custodian(actor: Actor, row: Approval) -> bool:
    return actor.office == row.office_code and _CUSTODIAN[row.kind_] in actor.roles


def refusal_of(rt: Runtime, session: Session, actor: Actor, row: Approval) -> str | None:
    """Why this person may not decide this one, as a code; None when he may."""
    kind, office = row.kind_, row.office_code
    if row.officer_id == actor.id:
        return "approval.self"
    if not may(rt, actor, PERMISSION[kind], office) or not ledger.answers_for(session, actor, kind, office):
        return "approval.not_for_you"
    if _is_custodian(actor, row) or _stands_in(rt, session, row) is not None:
        return None
    return "approval.custodian_first"


def _stands_in(rt: Runtime, session: Session, row: Approval) -> str | None:
    """Why the head decides in the custodian's place; None: the custodian is there."""
    custody = admission.custodian_of(session, row.office_code, row.kind_, rt.now())
    if custody is None:
        return "no_custodian"
    if custody.officer_id == row.officer_id:
        return "asker"
    seen = session.scalar(
        select(func.max(WebSession.seen_at)).where(
            WebSession.officer_id == custody.officer_id, WebSession.ended_at.is_(None)
        )
    )
    before = rt.now() - ABSENT_AFTER
    return "absent" if seen is None or seen < before or row.asked_at < before else None


# --- used by a check-out --------------------------------------------------------------------------


def lent(rt: Runtime, session: Session, actor: Actor, lease: Lease, approval: int | None) -> None:
    """An account is about to be opened: what was approved for it is used up, and a custodian's own loan is told."""
    if approval is not None:
        _use(rt, session, actor, lease, approval)
    name = AccountName.parse(lease.account_name)
    if name.kind.shared and _CUSTODIAN[name.kind] in actor.roles:
        _record_own(rt, session, actor, lease)


def _use(rt: Runtime, session: Session, actor: Actor, lease: Lease, approval: int) -> None:
    used = (
        update(Approval)
        .where(Approval.id == approval, Approval.state == "GIVEN")
        .values(state="USED", used_at=rt.now(), lease_id=lease.id)
        .returning(Approval.id)
    )
    if session.execute(used).one_or_none() is None:
        raise Conflict("approval.decided")
    record(rt, session, Event.APPROVAL_USED, actor=actor, lease=lease, details={"approval": approval})


def _record_own(rt: Runtime, session: Session, actor: Actor, lease: Lease) -> None:
    """The custodian is controlled by nobody below him: each of his own loans is recorded as such (A4).

    The head's notice of it goes out with the hand-over, `store.lending`.
    """
    record(rt, session, Event.CUSTODIAN_BORROWED, actor=actor, lease=lease)


def find(session: Session, identity: str, *, lock: bool = True) -> Approval:
    """The approval of this number. Raises NotFound("approval.unknown")."""
    number = int(identity) if identity.isascii() and identity.isdigit() and len(identity) < 19 else 0
    statement = select(Approval).where(Approval.id == number)
    found = session.scalars(statement.with_for_update(of=Approval) if lock else statement).first()
    if found is None:
        raise NotFound("approval.unknown")
    return found


def _tell(
    rt: Runtime,
    session: Session,
    event: Event,
    row: Approval,
    actor: Actor,
    *,
    reason: str | None,
    failed: bool = False,
) -> None:
    details = {
        "approval": row.id,
        "officer": row.officer.username if row.officer else actor.username,
        "opens": rfc3339(row.opens),
        "closes": rfc3339(row.closes),
        "stood_in": row.stood_in,
    }
    record(
        rt, session, event, actor=actor, account=AccountName.parse(row.account_name), dossier=row.dossier,
        reason=reason, failed=failed, details=details,
    )  # fmt: skip


def _words(text: str, *, needed: bool = True) -> str:
    try:
        return one_line(text, limit=admission.REASON_LIMIT, empty_ok=not needed)
    except BadText as error:
        code = "lease.reason_missing" if error.why == "empty" else f"input.{error.why}"
        raise Refused(code, limit=error.limit) from None
