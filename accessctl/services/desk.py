"""Working in the host's database with the lease one holds: view, reissue, correct (R21–R26).

Every act is two records around one call: the intent before, the outcome after. The secret never leaves here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName
from accessctl.domain.dossiers import Field, ReissueReason
from accessctl.domain.events import Event
from accessctl.domain.leases import EndReason, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import AccessError, Conflict, Invalid, Refused
from accessctl.officedb import desk as host_desk
from accessctl.services import checkout, ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.desk_offer import AccountChoice, lendable
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Lease, Subject

__all__ = ["AccountChoice", "correct_holder", "lendable", "reissue_card", "view_holder", "view_reissue"]

Result = TypeVar(
    "Result", host_desk.ReissueView, host_desk.Reissued, host_desk.HolderView, host_desk.Corrected
)


def view_reissue(rt: Runtime, actor: Actor, identity: str) -> host_desk.ReissueView:
    """What is needed to reissue the card, and earlier reissues, of the lease's subject only."""
    return _act(
        rt,
        actor,
        identity,
        Permission.REISSUE_VIEW,
        Event.REISSUE_VIEWED,
        lambda work: host_desk.view_reissue(work.connection, work.subject),
    )


def reissue_card(
    rt: Runtime, actor: Actor, identity: str, reason: str, blank_serial: str
) -> host_desk.Reissued:
    """Reissue once for the dossier; asked again (lost answer, double click) it says `already` (S31)."""
    try:
        why = ReissueReason(reason)
        serial = one_line(blank_serial, limit=20)
    except BadText as error:
        raise Invalid(
            "act.blank_missing" if error.why == "empty" else f"input.{error.why}", limit=20
        ) from None
    except ValueError:
        raise Invalid("act.reason_unknown") from None
    return _act(
        rt,
        actor,
        identity,
        Permission.CARD_REISSUE,
        Event.CARD_REISSUED,
        lambda work: host_desk.reissue_card(
            work.connection, work.subject, why, serial, f"{work.lease.dossier}:reissue"
        ),
        details={"reason": why.value, "blank": serial},
    )


def view_holder(rt: Runtime, actor: Actor, identity: str) -> host_desk.HolderView:
    """The holder's information, of BHYT-only people."""
    return _act(
        rt,
        actor,
        identity,
        Permission.HOLDER_VIEW,
        Event.HOLDER_VIEWED,
        lambda work: host_desk.view_holder(work.connection, work.subject),
    )


def correct_holder(
    rt: Runtime, actor: Actor, identity: str, changes: Mapping[str, str]
) -> host_desk.Corrected:
    """Correct the listed fields; the log holds which fields, never their values."""
    tidy = _changes(changes)
    digest = hashlib.sha256(json.dumps(tidy, sort_keys=True).encode()).hexdigest()[:16]
    return _act(
        rt,
        actor,
        identity,
        Permission.HOLDER_CORRECT,
        Event.HOLDER_CORRECTED,
        lambda work: host_desk.correct_holder(
            work.connection, work.subject, tidy, f"{work.lease.dossier}:correct:{digest}"
        ),
        details={"fields": sorted(tidy)},
    )


def _changes(changes: Mapping[str, str]) -> dict[Field, str]:
    try:
        tidy = {Field(name): one_line(value, limit=300) for name, value in changes.items()}
    except BadText as error:
        raise Invalid(f"input.{error.why}", limit=error.limit) from None
    except ValueError:
        raise Invalid("lease.field_unknown") from None
    if not tidy:
        raise Invalid("act.nothing_to_change")
    return tidy


@dataclass(frozen=True, slots=True)
class Work:
    """What one act needs: the session in the host's database as the account, the subject, the lease."""

    connection: Any
    subject: str
    lease: Lease


def _act(
    rt: Runtime,
    actor: Actor,
    identity: str,
    permission: Permission,
    event: Event,
    call: Callable[[Work], Result],
    details: dict[str, Any] | None = None,
) -> Result:
    """Decide, record the intent, act in the host as the account, record the outcome."""
    with transaction(rt) as session:
        lease = _in_hand(rt, session, actor, identity)
        require(rt, actor, permission, lease.host)
        subject = session.get_one(Subject, lease.subject).bhxh_no
        record(rt, session, event, actor=actor, lease=lease, intent=True, details=details)
    outcome = "act.unknown"
    try:
        role = AccountName.parse(lease.account_name).role
        secret = checkout.secret_of(rt, lease)
        with rt.offices.as_account(lease.host, role, secret, checkout.application_name(lease)) as connection:
            result = call(Work(connection, subject, lease))
        outcome = result.outcome.value
        return result
    except AccessError as error:
        outcome = error.code
        raise
    finally:
        with transaction(rt) as session:
            done = outcome == "ok"
            record(
                rt,
                session,
                event,
                actor=actor,
                lease=lease,
                failed=not done,
                reason=None if done else _reason(outcome),
                details=details,
            )


def _reason(outcome: str) -> str:
    """A code with words: an outcome of the host is `act.<outcome>`."""
    return outcome if "." in outcome else f"act.{outcome}"


def _in_hand(rt: Runtime, session: Session, actor: Actor, identity: str) -> Lease:
    lease = ledger.find(session, identity)
    if lease.officer_id != actor.id:
        raise Refused("lease.not_yours")
    if lease.end_reason == EndReason.REVOKED:
        raise Conflict("lease.revoked")
    ended = lease.state_ is not LeaseState.ACTIVE and lease.end_reason != EndReason.EXPIRED
    if ended or lease.expires_at is None:
        raise Conflict("lease.over")
    if lease.state_ is not LeaseState.ACTIVE or lease.expires_at <= rt.now():
        raise Conflict("lease.expired", at=lease.expires_at)
    return lease
