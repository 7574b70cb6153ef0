"""Writing to the audit log from a use case: who, on what, with which outcome (domain.md §8.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName
from accessctl.domain.events import Event
from accessctl.domain.events import failed as failed_twin
from accessctl.errors import AccessError, Unavailable
from accessctl.services.actor import Actor, Origin
from accessctl.services.runtime import Runtime
from accessctl.store import journal
from accessctl.store.models import Account, Lease

LEAF_VERSION = 1


def record(
    rt: Runtime,
    session: Session,
    event: Event,
    *,
    actor: Actor | None = None,
    origin: Origin | None = None,
    account: Account | AccountName | None = None,
    lease: Lease | None = None,
    reason: str | None = None,
    failed: bool = False,
    intent: bool = False,
    **facts: Any,
) -> int:
    """Leave one record in the caller's transaction; returns its inbox id. The words: `described`."""
    fields = described(
        rt, event, actor=actor, origin=origin, account=account, lease=lease, reason=reason, failed=failed,
        intent=intent, **facts,
    )  # fmt: skip
    return journal.leave(session, at=rt.now(), fields=fields)


def record_all(rt: Runtime, session: Session, told: Iterable[Mapping[str, Any]]) -> None:
    """The same for many at once; each of `told` holds what `record` takes, with `event`."""
    fields = [described(rt, **each) for each in told]
    journal.leave_all(session, at=rt.now(), fields=fields)


def described(
    rt: Runtime,
    event: Event,
    *,
    actor: Actor | None = None,
    origin: Origin | None = None,
    account: Account | AccountName | None = None,
    lease: Lease | None = None,
    reason: str | None = None,
    failed: bool = False,
    intent: bool = False,
    **facts: Any,
) -> dict[str, Any]:
    """The fields of a record.

    `intent` marks the first of two records around an act elsewhere. `failed` makes it the event's failed twin,
    `reason` is a stable code or a person's words. `facts` go in as they are: office, host, guest, dossier,
    subject (a pseudonym), details (a mapping).
    """
    origin = origin or (actor.origin if actor else Origin("worker"))
    fields: dict[str, Any] = {
        "v": LEAF_VERSION,
        "event": failed_twin(event) if failed else event.value,
        "outcome": _outcome(event, failed=failed, intent=intent),
        "reason": reason,
        "channel": origin.channel,
        "address": origin.address,
        "port": origin.port,
        "correlation": origin.correlation,
        "policy": rt.gate.version,
    }
    fields |= _who(actor) | _account(account) | _lease(lease)
    return fields | {name: value for name, value in facts.items() if value is not None}


_DENIALS = frozenset({Event.ACCESS_DENIED, Event.LEASE_DENIED})


def _outcome(event: Event, *, failed: bool, intent: bool) -> str:
    if event in _DENIALS:
        return "denied"
    return "failed" if failed else "intent" if intent else "ok"


def _who(actor: Actor | None) -> dict[str, Any]:
    if actor is None:
        return {"actor": "system"}
    return {
        "actor": actor.username,
        "actor_id": actor.id,
        "actor_name": actor.full_name,
        "roles": sorted(actor.roles),
        "office": actor.office,
    }


def _account(account: Account | AccountName | None) -> dict[str, Any]:
    if account is None:
        return {}
    name = account if isinstance(account, AccountName) else account.parsed
    return {"account": str(name), "kind": name.kind.value, "guest": name.guest, "host": name.host}


def _lease(lease: Lease | None) -> dict[str, Any]:
    if lease is None:
        return {}
    return {
        "lease": str(lease.id),
        "account": lease.account_name,
        "kind": lease.account_name.split("-")[0],
        "guest": lease.guest,
        "host": lease.host,
        "dossier": lease.dossier,
        "subject": lease.subject,
        "for": lease.reason,
        "asked": lease.correlation,
    }


def quoted(text: str, limit: int) -> str:
    """What somebody typed, for a record: cut, and without NUL, which PostgreSQL's JSON cannot read back."""
    return text[:limit].replace("\x00", "\ufffd")


def record_refusal(
    rt: Runtime,
    actor: Actor | None,
    origin: Origin,
    error: AccessError,
    *,
    what: str,
    event: Event = Event.ACCESS_DENIED,
    **facts: Any,
) -> bool:
    """Record a refusal in a transaction of its own (the refused one has rolled back), once for each error.

    Returns False when even that was impossible (control database down): the caller's error stands either way.
    """
    if error.recorded:
        return True
    said = {name: quoted(str(value), 200) for name, value in error.facts.items()}
    details = {"what": what[:120], **said}
    twin = event not in _DENIALS
    try:
        with rt.sessions.begin() as session:
            record(
                rt,
                session,
                event,
                actor=actor,
                origin=origin,
                reason=error.code,
                failed=twin,
                details=details,
                **facts,
            )
    except (SQLAlchemyError, Unavailable):
        return False
    error.recorded = True
    return True
