"""A staff file carried out: what a single act does for one officer, for thousands in a handful of statements.

The same rows and records as `officers.add`, `officers.change` and `roles.enter` leave; whoever has a word on the new
roles hears of them once for the file, not once for each role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.domain.granting import Word, missing
from accessctl.domain.offices import OfficerEntry
from accessctl.domain.permissions import Role
from accessctl.services import officers, roles, telling
from accessctl.services.actor import Actor
from accessctl.services.recording import record_all
from accessctl.services.runtime import Runtime
from accessctl.services.staff import about
from accessctl.store.models import Office, Officer, Posting, RoleProposal

EXISTING = ("full_name", "title", "phone", "email")
"""What a file corrects of somebody who is there already."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line: who, the officer if there is one already, the roles that it adds, and the reason for all of it."""

    entry: OfficerEntry
    officer: Officer | None
    roles: tuple[str, ...]
    reason: str


def carry_out(rt: Runtime, session: Session, actor: Actor, steps: Sequence[Step]) -> None:
    """Add and correct all of these, judged already, in the caller's transaction. Raises IntegrityError for a twin."""
    made = _added(rt, session, actor, [step.entry for step in steps if step.officer is None])
    records = [_record(Event.OFFICER_ADDED, officer, {}) for officer in made.values()]
    people = [step.officer or made[step.entry.username] for step in steps]
    for step, officer in zip(steps, people, strict=True):
        if step.officer is None:
            continue
        values = officers.wanted(step.entry)
        changed = officers.correct(officer, {name: values[name] for name in EXISTING})
        if changed:
            records.append(_record(Event.OFFICER_CHANGED, officer, {"changed": changed}))
    wanted = [
        (officer, role, step.reason)
        for step, officer in zip(steps, people, strict=True)
        for role in step.roles
    ]
    records += _entered(rt, session, actor, wanted)
    record_all(rt, session, [{"actor": actor, **each} for each in records])


def _added(
    rt: Runtime, session: Session, actor: Actor, entries: Iterable[OfficerEntry]
) -> dict[str, Officer]:
    made = {
        entry.username: Officer(
            must_change=True,
            failures=0,
            version=1,
            roles=[],
            username=entry.username,
            **officers.wanted(entry),
        )
        for entry in entries
    }
    session.add_all(made.values())
    session.flush()
    session.add_all(
        Posting(
            officer_id=officer.id,
            office_code=officer.office_code,
            department=officer.department,
            title=officer.title,
            since=rt.now(),
            entered_by=actor.id,
        )
        for officer in made.values()
    )
    return made


def _entered(
    rt: Runtime, session: Session, actor: Actor, wanted: Sequence[tuple[Officer, str, str]]
) -> list[dict[str, Any]]:
    """IT's word on each role. Where the head's stands already the role comes into force, by the way of a single act."""
    proposed = _proposed(session, {officer.id for officer, _, _ in wanted})
    fresh: list[tuple[Officer, RoleProposal]] = []
    for officer, role, reason in wanted:
        if (officer.id, role) in proposed:
            roles.enter(rt, session, actor, roles.Wanted(officer.username, role, reason))
        else:
            fresh.append((officer, _proposal(rt, actor, officer, role, reason)))
    session.add_all(proposal for _, proposal in fresh)
    session.flush()
    provincial = {office.code for office in session.scalars(select(Office)) if office.level == "province"}
    records, waiting = [], []
    for officer, proposal in fresh:
        lacking = missing(
            Role(proposal.role),
            officer.department,
            provincial=officer.office_code in provincial,
            given=[Word.IT],
        )
        told = {"role": proposal.role, "proposal": proposal.id, "waits_for": sorted(lacking)}
        records.append(_record(Event.ROLE_ENTERED, officer, told, proposal.reason))
        waiting.append((officer, lacking))
    telling.roles_wait(rt, session, waiting, actor)
    return records


def _proposed(session: Session, who: set[int]) -> set[tuple[int, str]]:
    rows = session.execute(
        select(RoleProposal.officer_id, RoleProposal.role).where(
            RoleProposal.officer_id.in_(who), RoleProposal.state == roles.WAITING
        )
    )
    return {(officer_id, role) for officer_id, role in rows}


def _proposal(rt: Runtime, actor: Actor, officer: Officer, role: str, reason: str) -> RoleProposal:
    return RoleProposal(
        officer_id=officer.id,
        role=role,
        office_code=officer.office_code,
        state=roles.WAITING,
        reason=reason,
        opened_by=actor.id,
        opened_at=rt.now(),
        entered_by=actor.id,
        entered_at=rt.now(),
    )


def _record(
    event: Event, officer: Officer, more: Mapping[str, object], reason: str | None = None
) -> dict[str, Any]:
    """What `record` would be told of it."""
    return {"event": event, "guest": officer.office_code, "reason": reason, "details": about(officer, more)}
