"""The linter over the files and the real staff: who holds together what one person may not (domain.md §7.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.access import explain
from accessctl.access import lint as files
from accessctl.access.lint import Linted, Remark, Severity
from accessctl.access.loader import PolicySet
from accessctl.domain import separation
from accessctl.domain.accounts import Kind
from accessctl.domain.custody import WaivableRule
from accessctl.domain.permissions import Permission, Role
from accessctl.errors import message
from accessctl.services import custody_judge
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.policy_staff import Person, everybody
from accessctl.services.runtime import Runtime
from accessctl.store.models import Custody


def without_staff(folder: Path | None, code: str) -> Linted:
    """The files alone, and a note that says why nobody's roles were judged."""
    found = files.lint(folder)
    note = Remark(
        Severity.NOTE, code, None, None, message(f"lint.{code}", "vi"), message(f"lint.{code}", "en")
    )
    return Linted((*found.remarks, note), found.policy)


def lint(rt: Runtime, session: Session, actor: Actor, folder: Path | None = None) -> Linted:
    """A folder of policy files (the one in force when none is named) and the staff that this person may see."""
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    offices = rt.office_codes()
    found = files.lint(folder or rt.policy().folder, offices=offices)
    visible = {code for code in offices if may(rt, actor, Permission.OFFICER_VIEW, code)}
    table = rt.gate.table
    named = found.policy or (table.policy if table else None)
    people = list(staff(session, rt.now(), named, visible))
    if visible < offices:
        people.append(_remark(Severity.NOTE, "staff_partly", None))
    order = list(Severity)
    remarks = sorted((*found.remarks, *people), key=lambda remark: order.index(remark.severity))
    return Linted(tuple(remarks), found.policy)


def staff(
    session: Session, now: datetime, policy: PolicySet | None, offices: set[str] | None = None
) -> Iterator[Remark]:
    """What is wrong with the roles of the staff of these offices (of all, when none are named)."""
    custody: dict[int, list[Custody]] = defaultdict(list)
    for row in session.scalars(select(Custody).where(Custody.period.contains(now))):
        custody[row.officer_id].append(row)
    for person in everybody(session, now):
        if offices is None or person.office in offices:
            rests = _waived(session, now, person, custody[person.id])
            yield from _together(person, policy, rests)
            yield from _elsewhere(person, policy, rests)
            yield from _by_himself(person, custody[person.id], rests)
            if rests:
                yield _remark(Severity.NOTE, "staff_waived", person)


def _waived(session: Session, now: datetime, person: Person, held: list[Custody]) -> set[str]:
    """The rules that the director has lifted for the custody that this person holds now."""
    rows = (custody_judge.waivers(session, c.office_code, Kind(c.kind), now, person.id) for c in held)
    return {waiver.rule for found in rows for waiver in found}


def _together(person: Person, policy: PolicySet | None, rests: set[str]) -> Iterator[Remark]:
    """Two roles that one person may not hold together, by the very rule that refuses them at entry."""
    for pair in combinations([role for role in Role if role in person.roles], 2):
        if separation.incompatible(pair) is None:
            continue
        if set(pair) != separation.BY_APPOINTMENT:
            yield _remark(Severity.ERROR, "staff_incompatible", person, policy, role=pair[0], other=pair[1])
        elif WaivableRule.BOTH_KINDS not in rests:
            yield _remark(Severity.ERROR, "staff_both_kinds", person)


def _elsewhere(person: Person, policy: PolicySet | None, rests: set[str]) -> Iterator[Remark]:
    """A role that does not belong where the person serves (R32); a waiver of custody lifts that, too (ADR 21)."""
    for role in Role:
        if role not in person.roles or (role in separation.BY_APPOINTMENT and rests):
            continue
        if not separation.belongs(role, person.department, provincial=person.level == "province"):
            yield _remark(Severity.ERROR, "staff_elsewhere", person, policy, role=role)


def _by_himself(person: Person, held: list[Custody], rests: set[str]) -> Iterator[Remark]:
    for row in held:
        if row.appointed_by == person.id and WaivableRule.SELF not in rests:
            yield _remark(Severity.ERROR, "staff_self_appointed", person, kind=row.kind)


def _remark(
    severity: Severity, code: str, person: Person | None, policy: PolicySet | None = None, **words: str
) -> Remark:
    """`role` and `other` are named as the policy's labels name them."""
    said = []
    for language in ("vi", "en"):
        facts = {
            name: explain.label(policy, "roles", word, language) if policy and name != "kind" else str(word)
            for name, word in words.items()
        }
        if person is not None:
            facts |= {"name": person.full_name, "office": person.office_name}
        said.append(message(f"lint.{code}", language, **facts))
    return Remark(severity, code, None, None, said[0], said[1], officer=person.username if person else None)
