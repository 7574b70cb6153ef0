"""Changing the access policy under four eyes: IT proposes files, everybody concerned reads what would change in words,
the director approves (policy.md §5). Nothing is decided by a proposal until then; the roll-out is policy_rollout.py's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer, joinedload

from accessctl.access import in_force
from accessctl.access.compare import Difference, compare
from accessctl.access.lines import PolicyBroken
from accessctl.access.lint import Remark, Severity, lint
from accessctl.access.lint_meaning import points
from accessctl.access.loader import FILES, PolicySet, parse, read_files
from accessctl.access.table import Table
from accessctl.domain.events import Event
from accessctl.domain.notices import NoticeKind
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from accessctl.officedb import policy_step
from accessctl.services import policy_rollout, telling
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.notices import notify
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.staff import why
from accessctl.store.models import PolicyChange

WAITING, APPROVED, DECLINED, WITHDRAWN = "WAITING", "APPROVED", "DECLINED", "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file that only one of the two policies has; `sign` is "+" or "-"."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change in the history. `in_force`: it is the policy that decides now."""

    id: int
    state: str
    version: str
    reason: str
    frozen: bool
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    done_at: datetime | None
    in_force: bool


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change with everything that it changes; `revokes` and `grants` are the SQL for every office database,
    `remarks` what the linter has against the files.
    """

    row: ChangeRow
    difference: Difference
    files: Mapping[str, tuple[Line, ...]]
    revokes: tuple[str, ...]
    grants: tuple[str, ...]
    remarks: tuple[Remark, ...]
    base_moved: bool
    may_approve: bool
    may_withdraw: bool


def listed(rt: Runtime, session: Session, actor: Actor) -> list[ChangeRow]:
    """Every change that was ever proposed, newest first."""
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    current = _current(session)
    without_files = _whole().options(defer(PolicyChange.files), defer(PolicyChange.before))
    rows = session.scalars(without_files.order_by(PolicyChange.id.desc()).limit(500))
    return [_row(row, current) for row in rows]


def show(rt: Runtime, session: Session, actor: Actor, number: str) -> ChangeView:
    """One change: who gains and who loses what, where. Raises NotFound("policy.no_change")."""
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    row = _found(session, number)
    old, new = _parsed(row.before), _parsed(row.files)
    difference = compare(_table(rt, old), _table(rt, new))
    lost, won = _functions(difference, gained=False), _functions(difference, gained=True)
    waits = row.state == WAITING
    return ChangeView(
        row=_row(row, _current(session)),
        difference=difference,
        files=_line_by_line(row.before, row.files),
        revokes=tuple(f"{line.as_string()};" for line in policy_step.take_back_sql(lost)),
        grants=tuple(f"{line.as_string()};" for line in policy_step.give_sql(won)),
        remarks=rt.kept(f"lint:{row.version}", 600, lambda: _judged(row.files)),
        base_moved=waits and rt.policy().version != row.base,
        may_approve=waits
        and row.proposed_by != actor.id
        and may(rt, actor, Permission.POLICY_APPROVE, actor.office),
        may_withdraw=waits and row.proposed_by == actor.id,
    )


def before_approve(rt: Runtime, session: Session, actor: Actor, number: str) -> ChangeView:
    """What approving would do; raises what approving would raise but for the acknowledgement."""
    _may_approve(rt, actor, _found(session, number))
    return show(rt, session, actor, number)


def before_decline(rt: Runtime, session: Session, actor: Actor, number: str) -> ChangeView:
    """Which proposal would end; raises what declining would raise."""
    _may_decline(rt, actor, _found(session, number))
    return show(rt, session, actor, number)


def before_propose(rt: Runtime, actor: Actor) -> tuple[str, ...]:
    """The names of the files that can be proposed; raises what proposing would raise."""
    require(rt, actor, Permission.POLICY_PROPOSE, actor.office)
    policy_rollout.state_folder(rt)
    return FILES


def propose(
    rt: Runtime,
    session: Session,
    actor: Actor,
    files: Mapping[str, bytes],
    reason: str,
    *,
    frozen: bool = False,
) -> PolicyChange:
    """Put changed files forward; the others stay as they are in force. `frozen`: "yes, it changes TKCL or TKHCTT".

    Raises Invalid ("policy.file_unknown", "policy.file_broken", "policy.same", "policy.not_frozen"),
    Refused ("policy.frozen", "policy.guard_lost"), Conflict("policy.one_waits").
    """
    require(rt, actor, Permission.POLICY_PROPOSE, actor.office)
    policy_rollout.state_folder(rt)
    words = why(reason)
    if unknown := sorted(set(files) - set(FILES)):
        raise Invalid("policy.file_unknown", file=unknown[0][:60], known=", ".join(FILES))
    base, before = _base(rt)
    after = before | dict(files)
    new = _checked(after, rt)
    if new.version == base.version:
        raise Invalid("policy.same")
    if lost := [point for point in points(new) if point.code == "guard_lost"]:
        raise Refused("policy.guard_lost", guard=lost[0].vi["guard"])
    touches = compare(_table(rt, base), Table(new)).frozen
    if touches and not frozen:
        raise Refused("policy.frozen")
    row = PolicyChange(
        state=WAITING,
        version=new.version,
        base=base.version,
        files=_texts(after),
        before=_texts(before),
        reason=words,
        frozen=touches,
        proposed_by=actor.id,
        proposed_at=rt.now(),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("policy.one_waits") from None
    _tell(rt, session, Event.POLICY_PROPOSED, row, actor, words)
    return row


def approve(
    rt: Runtime, session: Session, actor: Actor, number: str, *, frozen: bool = False, note: str = ""
) -> PolicyChange:
    """The director's word. The edge commits, then calls `policy_rollout.follow` and `roll_out`.

    Raises Refused ("policy.…", "policy.frozen", "policy.own_proposal"), Conflict ("policy.decided",
    "policy.base_moved"), Unavailable("policy.broken_now") while the files on disk are broken: nothing new is
    approved on such ground.
    """
    row = _found(session, number, lock=True)
    _may_approve(rt, actor, row)
    if row.frozen and not frozen:
        raise Refused("policy.frozen")
    policy_rollout.state_folder(rt)
    _parsed(row.files)  # what was kept is still a policy
    row.state, row.decided_by, row.decided_at = APPROVED, actor.id, rt.now()
    row.decision = why(note) if note.strip() else None
    _tell(rt, session, Event.POLICY_APPROVED, row, actor, row.decision)
    return row


def decline(rt: Runtime, session: Session, actor: Actor, number: str, reason: str) -> None:
    """The director's no, or the proposer's own withdrawal. Raises Refused, Conflict("policy.decided")."""
    row = _found(session, number, lock=True)
    _may_decline(rt, actor, row)
    row.state = WITHDRAWN if row.proposed_by == actor.id else DECLINED
    row.decided_by, row.decided_at, row.decision = actor.id, rt.now(), why(reason)
    _tell(rt, session, Event.POLICY_APPROVED, row, actor, row.decision, failed=True)


def _may_approve(rt: Runtime, actor: Actor, row: PolicyChange) -> None:
    own = row.proposed_by == actor.id
    require(rt, actor, Permission.POLICY_APPROVE, actor.office, case="self" if own else "none")
    if own:
        raise Refused("policy.own_proposal")
    gate = rt.policy()
    if gate.alarm is not None or gate.broken is not None:
        raise Unavailable("policy.broken_now", detail=str(gate.alarm or gate.broken))
    _waits(row)
    if gate.version != row.base:
        raise Conflict("policy.base_moved")


def _may_decline(rt: Runtime, actor: Actor, row: PolicyChange) -> None:
    own = row.proposed_by == actor.id
    require(rt, actor, Permission.POLICY_PROPOSE if own else Permission.POLICY_APPROVE, actor.office)
    _waits(row)


def _base(rt: Runtime) -> tuple[PolicySet, dict[str, bytes]]:
    """The policy in force with its bytes. Raises Unavailable("policy.broken_now") when the files are not it."""
    gate = rt.policy()
    folder, _ = in_force.folder_of(rt.settings.policies, rt.settings.policy_state)
    try:
        contents = read_files(folder)
        policy = parse(contents)
    except PolicyBroken as error:
        raise Unavailable("policy.broken_now", detail=str(error)) from None
    if gate.table is None or gate.table.policy.version != policy.version:
        raise Unavailable("policy.broken_now", detail=str(gate.alarm or gate.broken or ""))
    return gate.table.policy, contents


def _checked(contents: Mapping[str, bytes], rt: Runtime) -> PolicySet:
    try:
        return parse(contents, offices=rt.office_codes())
    except PolicyBroken as error:
        raise Invalid("policy.file_broken", file=error.file, line=error.line, detail=error.message) from None


def _parsed(files: Mapping[str, str]) -> PolicySet:
    return parse({name: text.encode() for name, text in files.items()})


def _judged(files: Mapping[str, str]) -> tuple[Remark, ...]:
    """What the linter says of these files: it reads a folder, as it does for whoever writes them."""
    with tempfile.TemporaryDirectory(prefix="accessctl-policy-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_bytes(text.encode())
        found = lint(Path(folder)).remarks
    return tuple(remark for remark in found if remark.severity is not Severity.NOTE)


def _texts(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: data.decode("utf-8") for name, data in contents.items()}


def _table(rt: Runtime, policy: PolicySet) -> Table:
    """The table in force where it is that policy: it has most answers already."""
    table = rt.policy().table
    if table is not None and table.policy.version == policy.version:
        return table
    return rt.kept(f"policy:{policy.version}", 600, lambda: Table(policy))


def _functions(difference: Difference, *, gained: bool) -> list[policy_step.Pair]:
    return [(s.kind, s.what) for s in difference.kinds if s.function and s.gained is gained]


def _line_by_line(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[Line, ...]]:
    """File → the lines that only one side has, as they stand in it."""
    found = {}
    for name in FILES:
        old, new = before.get(name, "").splitlines(), after.get(name, "").splitlines()
        was, will = set(old), set(new)
        lines = [Line("-", text) for text in old if text not in will]
        lines += [Line("+", text) for text in new if text not in was]
        if lines:
            found[name] = tuple(lines)
    return found


def _current(session: Session) -> int | None:
    return policy_rollout.in_force_number(session)


def _whole():  # type: ignore[no-untyped-def]
    return select(PolicyChange).options(joinedload(PolicyChange.proposer), joinedload(PolicyChange.decider))


def _found(session: Session, number: str, *, lock: bool = False) -> PolicyChange:
    whole = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    wanted = _whole().where(PolicyChange.id == whole)
    row: PolicyChange | None = session.scalars(
        wanted.with_for_update(of=PolicyChange) if lock else wanted
    ).first()
    if row is None:
        raise NotFound("policy.no_change")
    return row


def _waits(row: PolicyChange) -> None:
    if row.state != WAITING:
        raise Conflict("policy.decided")


def _row(row: PolicyChange, current: int | None) -> ChangeRow:
    return ChangeRow(
        id=row.id,
        state=row.state,
        version=row.version,
        reason=row.reason,
        frozen=row.frozen,
        proposed_by=row.proposer.full_name,
        proposed_at=row.proposed_at,
        decided_by=row.decider.full_name if row.decider else None,
        decided_at=row.decided_at,
        decision=row.decision,
        done_at=row.done_at,
        in_force=row.id == current,
    )


def _tell(
    rt: Runtime,
    session: Session,
    event: Event,
    row: PolicyChange,
    actor: Actor,
    reason: str | None,
    *,
    failed: bool = False,
) -> None:
    details = {"change": row.id, "version": row.version, "base": row.base, "frozen": row.frozen}
    record(rt, session, event, actor=actor, reason=reason, failed=failed, details=details)
    # The director hears of a proposal that waits; IT, who sees to it that the offices follow, of the outcome.
    waits = event is Event.POLICY_PROPOSED
    readers = set(session.scalars(telling.holders(Role.DIRECTOR if waits else Role.IT_ADMIN))) - {actor.id}
    kind = NoticeKind.POLICY_WAITS if waits else NoticeKind.POLICY_DECIDED
    notify(rt, session, kind, to=readers, about={"by": actor.full_name, "change": row.id})
