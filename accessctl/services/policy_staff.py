"""Everybody who serves now with all roles in force, custody included: three looks, however many there are."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, union_all
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from accessctl.access.enforcer import Subject
from accessctl.domain.permissions import Role
from accessctl.store.models import Custody, Office, Officer, OfficerRole


@dataclass(frozen=True, slots=True)
class Person:
    """One officer as the policy sees him or her, and what lists show."""

    id: int
    username: str
    full_name: str
    title: str
    office: str
    office_name: str
    level: str
    department: str
    roles: frozenset[Role]

    @property
    def subject(self) -> Subject:
        """Whom the gate is asked about."""
        return Subject(self.username, self.roles, self.office)


def everybody(session: Session, now: datetime, *, username: str | None = None) -> list[Person]:
    """The officers who have not left, by given name; only the one named, when one is."""
    people = (
        select(
            Officer.id, Officer.username, Officer.full_name, Officer.title, Officer.office_code, Office.name,
            Office.level, Officer.department,
        )
        .join(Office, Office.code == Officer.office_code)
        .where(Officer.left_at.is_(None))
        .order_by(Officer.sort_name, Officer.id)
    )  # fmt: skip
    entered = select(OfficerRole.officer_id, OfficerRole.role).where(OfficerRole.revoked_at.is_(None))
    appointed = select(Custody.officer_id, Custody.kind).where(Custody.period.contains(now))
    if username is not None:
        people = people.where(Officer.username == username)
        whose = select(Officer.id).where(Officer.username == username).scalar_subquery()
        entered = entered.where(OfficerRole.officer_id == whose)
        appointed = appointed.where(Custody.officer_id == whose)
    roles: dict[int, set[Role]] = defaultdict(set)
    for officer, role in session.execute(entered):
        roles[officer].add(Role(role))
    for officer, kind in session.execute(appointed):
        roles[officer].add(Role(f"custodian_{kind.lower()}"))
    return [Person(*row, frozenset(roles[row[0]])) for row in session.execute(people)]


def role_sets(session: Session, now: datetime) -> set[frozenset[Role]]:
    """Every distinct set of roles of the staff, no role at all, and each role alone."""
    entered = select(OfficerRole.officer_id, OfficerRole.role).where(OfficerRole.revoked_at.is_(None))
    appointed = select(Custody.officer_id, func.concat("custodian_", func.lower(Custody.kind))).where(
        Custody.period.contains(now)
    )
    held = union_all(entered, appointed).subquery()
    together = func.array_agg(aggregate_order_by(held.c.role, held.c.role))
    rows = session.scalars(select(together).group_by(held.c.officer_id).distinct())
    found = {frozenset(map(Role, row)) for row in rows}
    return found | {frozenset(), *(frozenset({role}) for role in Role)}
