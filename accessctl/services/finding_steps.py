"""One finding: what is known of it, what was said and done, and the next step (AU-4)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.domain.events import Event
from accessctl.domain.findings import FindingState, NoSuchStep, Step, after, steps_from
from accessctl.domain.permissions import Case, Permission
from accessctl.domain.text import BadText, one_line
from accessctl.errors import Conflict, Invalid, NotFound
from accessctl.services import journal, ledger
from accessctl.services.actor import Actor
from accessctl.services.authorize import decide, require
from accessctl.services.findings import STANDING, FindingView, Kind, office_names, view, visible
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditLog, Finding, FindingRemark, Officer

WORDS_LIMIT = 500  # characters
_EVENTS = {
    Step.TAKE: Event.FINDING_TAKEN,
    Step.ANSWER: Event.FINDING_HANDLED,
    Step.CLOSE: Event.FINDING_CLOSED,
    Step.REOPEN: Event.FINDING_REOPENED,
    Step.NOTE: Event.FINDING_ANNOTATED,
}


@dataclass(frozen=True, slots=True)
class Remark:
    """One line of the history; `name` None for the service itself."""

    at: datetime
    name: str | None
    what: Step
    words: str


@dataclass(frozen=True, slots=True)
class FindingDetail:
    """One finding with its history, oldest first, and what this person may do about it.

    `record` is the place in the log where it was told, `evidence` that of the record it is about; None when there
    is none or this person may not see it. `standing`: it comes back by itself while the cause is there.
    """

    finding: FindingView
    remarks: tuple[Remark, ...]
    steps: tuple[Step, ...]
    may_note: bool
    mine: bool
    record: int | None
    evidence: int | None
    lease: bool
    standing: bool


def shown(rt: Runtime, session: Session, actor: Actor, identity: int) -> FindingDetail:
    """One finding at its own address. Raises NotFound("finding.unknown"), for one that may not be seen too."""
    row = _found(rt, session, actor, identity)
    remarks = session.scalars(
        select(FindingRemark).where(FindingRemark.finding_id == row.id).order_by(FindingRemark.id)
    )
    handles = _may(rt, session, actor, Permission.FINDING_HANDLE, row)
    index = row.details.get("index")
    return FindingDetail(
        finding=_view(session, row),
        remarks=tuple(Remark(r.at, r.officer_name, Step(r.what), r.words) for r in remarks),
        steps=steps_from(FindingState(row.state)) if handles else (),
        may_note=_may(rt, session, actor, Permission.FINDING_ANNOTATE, row),
        mine=row.owner_id == actor.id,
        record=_seen(rt, session, actor, _place(session, row.inbox_id)),
        evidence=_seen(rt, session, actor, index) if isinstance(index, int) else None,
        lease=row.lease_id is not None and decide(rt, actor, Permission.LOG_VIEW, row.office or "").allowed,
        standing=row.kind in STANDING,
    )


def step(
    rt: Runtime, session: Session, actor: Actor, identity: int, what: Step, *, words: str, version: int
) -> FindingView:
    """Take, answer, close or reopen. `version` is what the person saw: Conflict("finding.moved_on") tells the second.

    The same step sent twice by the same person is one.
    """
    row = _found(rt, session, actor, identity, lock=True)
    _require(rt, session, actor, Permission.FINDING_HANDLE, row)
    said = _words(words, needed=what is not Step.TAKE)
    last = _last(session, row)
    if row.version != version:
        if last is not None and (last.officer_id, last.what, last.words) == (actor.id, what, said):
            return _view(session, row)
        raise Conflict("finding.moved_on", who=_who(last), at=last.at if last else row.last_at)
    try:
        row.state = after(FindingState(row.state), what).value
    except NoSuchStep:
        raise Conflict("finding.wrong_state") from None
    row.version += 1
    row.closed_at = rt.now() if what is Step.CLOSE else None
    if what is Step.TAKE:
        row.owner_id = actor.id
    elif what is Step.REOPEN:
        row.owner_id = None
    _remark(rt, session, actor, row, what, said)
    return _view(session, row)


def note(rt: Runtime, session: Session, actor: Actor, identity: int, words: str) -> None:
    """Say something about it; two at once are both kept, the same words sent twice are one."""
    row = _found(rt, session, actor, identity, lock=True)
    _require(rt, session, actor, Permission.FINDING_ANNOTATE, row)
    said = _words(words, needed=True)
    last = _last(session, row)
    if last is None or (last.officer_id, last.what, last.words) != (actor.id, Step.NOTE, said):
        _remark(rt, session, actor, row, Step.NOTE, said)


def _remark(rt: Runtime, session: Session, actor: Actor, row: Finding, what: Step, words: str) -> None:
    session.add(
        FindingRemark(
            finding_id=row.id, at=rt.now(), officer_id=actor.id, officer_name=actor.full_name, what=what.value,
            words=words,
        )
    )  # fmt: skip
    account = None
    with suppress(BadAccountName):
        account = AccountName.parse(row.account or "")
    details = {"finding": row.id, "kind": row.kind, "severity": row.severity, "state": row.state}
    record(
        rt, session, _EVENTS[what], actor=actor, account=account, reason=words or None, details=details,
        guest=None if account else row.office,
    )  # fmt: skip


def _found(rt: Runtime, session: Session, actor: Actor, identity: int, *, lock: bool = False) -> Finding:
    wanted = select(Finding).where(Finding.id == min(identity, 2**62), visible(rt, actor))
    row = session.scalars(wanted.with_for_update(of=Finding) if lock else wanted).first()
    if row is None:
        raise NotFound("finding.unknown")
    return row


def _case(session: Session, actor: Actor, row: Finding) -> Case:
    """Whether it is about this very person's own doing: then somebody else deals with it."""
    if row.details.get("custodian") == actor.username:
        return Case.SELF
    if row.lease_id is not None:
        with suppress(NotFound):
            return Case.SELF if ledger.find(session, row.lease_id).officer_id == actor.id else Case.NONE
    return Case.NONE


def _places(rt: Runtime, row: Finding) -> list[str]:
    """Where the right is needed: at the finding's office; everywhere for one of the whole province."""
    known = rt.office_codes()
    return [row.office] if row.office in known else sorted(known)


def _may(rt: Runtime, session: Session, actor: Actor, permission: Permission, row: Finding) -> bool:
    case = _case(session, actor, row)
    return all(decide(rt, actor, permission, code, case=case).allowed for code in _places(rt, row))


def _require(rt: Runtime, session: Session, actor: Actor, permission: Permission, row: Finding) -> None:
    case = _case(session, actor, row)
    for code in _places(rt, row):
        require(rt, actor, permission, code, case=case)


def _words(words: str, *, needed: bool) -> str:
    try:
        return one_line(words, limit=WORDS_LIMIT, empty_ok=not needed)
    except BadText as error:
        code = "finding.words_missing" if error.why == "empty" else f"input.{error.why}"
        raise Invalid(code, limit=error.limit) from None


def _last(session: Session, row: Finding) -> FindingRemark | None:
    ordered = (
        select(FindingRemark).where(FindingRemark.finding_id == row.id).order_by(FindingRemark.id.desc())
    )
    return session.scalars(ordered.limit(1)).first()


def _who(last: FindingRemark | None) -> str:
    return (last.officer_name if last else None) or "accessctl"


def _place(session: Session, inbox_id: int | None) -> int | None:
    if inbox_id is None:
        return None
    return session.scalars(select(AuditLog.idx).where(AuditLog.inbox_id == inbox_id).limit(1)).first()


def _seen(rt: Runtime, session: Session, actor: Actor, index: int | None) -> int | None:
    if index is None or journal.visible_record(rt, session, actor, index) is None:
        return None
    return index


def _view(session: Session, row: Finding) -> FindingView:
    owner = session.get(Officer, row.owner_id) if row.owner_id else None
    return view(row, office_names(session), owner.full_name if owner else None)


__all__ = ["FindingDetail", "Kind", "Remark", "note", "shown", "step"]
