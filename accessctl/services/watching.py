"""Alarms about ourselves: a log that falls behind, an intent without an outcome, a policy that cannot be used."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from accessctl.access.lines import PolicyBroken
from accessctl.domain.events import Event, failed
from accessctl.services import findings
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditInbox, AuditIndex

LATE = timedelta(seconds=5)
OUTCOME_WITHIN = timedelta(seconds=60)
_LOOKED_BACK = timedelta(minutes=30)


def log_late(rt: Runtime, session: Session) -> bool:
    """A record that waits for more than 5 s: nothing is lent until the sequencer is back (audit.md §2.3)."""
    now = rt.now()
    oldest = session.scalar(select(func.min(AuditInbox.at)))
    if oldest is None or now - oldest < LATE:
        return False
    new = findings.raise_finding(
        rt, session, findings.Kind.AUDIT_UNAVAILABLE, key=f"late:{now:%Y-%m-%dT%H}", severity=1,
        details={"why": "audit.late"}, count=False,
    )  # fmt: skip
    if new:
        record(rt, session, Event.AUDIT_SEQUENCER_LATE, details={"oldest": oldest.isoformat()})
    return True


def intents_without_outcome(rt: Runtime, session: Session) -> int:
    """An act in another database that was announced and of which nothing more is known; returns how many are new."""
    now, outcome = rt.now(), aliased(AuditIndex)
    intents = select(AuditIndex).where(
        AuditIndex.outcome == "intent",
        AuditIndex.at > now - _LOOKED_BACK,
        AuditIndex.at < now - OUTCOME_WITHIN,
    )
    count = 0
    for intent in session.scalars(intents):
        known = select(outcome.idx).where(
            outcome.lease == intent.lease,
            outcome.idx > intent.idx,
            outcome.event.in_([intent.event, failed(Event(intent.event))]),
            outcome.outcome != "intent",
        )
        if session.scalars(known.limit(1)).first() is None:
            count += findings.raise_finding(
                rt, session, findings.Kind.INTENT_WITHOUT_OUTCOME, key=str(intent.idx), severity=2,
                office=intent.guest, details={"index": intent.idx, "event": intent.event}, count=False,
            )  # fmt: skip
    return count


def policy_trouble(rt: Runtime, session: Session) -> PolicyBroken | None:
    """What is wrong with the policy files, if anything; recorded once for each fault."""
    gate = rt.policy()
    trouble: PolicyBroken | None = gate.broken or gate.alarm
    if trouble is None:
        return None
    details = {"file": trouble.file, "line": trouble.line, "why": trouble.code}
    new = findings.raise_finding(
        rt, session, findings.Kind.POLICY_BROKEN, key=f"{trouble.file}:{trouble.line}:{trouble.code}", severity=1,
        details=details, count=False,
    )  # fmt: skip
    if new:
        record(rt, session, Event.POLICY_BROKEN, reason=trouble.code, failed=True, details=details)
    return trouble
