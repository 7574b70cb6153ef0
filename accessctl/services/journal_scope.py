"""Which part of the log a person may read (domain.md §7.1), as alternatives that an index can walk each.

An OR over several columns cannot be read newest first; one ordered walk for each alternative can. So the page
of a log with a million records costs what that of a small one does.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, literal_column, or_, text, true

from accessctl.domain.events import Event, failed
from accessctl.domain.permissions import Permission, Role
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditIndex

WIDER = frozenset({Role.UNIT_HEAD, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR})
"""Roles that see more of an office than the accounts of one kind."""
TECHNICAL = frozenset(
    tag for event in Event if event.technical for tag in (event.value, failed(event))
)  # computed once: the vocabulary is closed

_PLAIN: ColumnElement[bool] = literal_column(
    "CASE WHEN audit_index.dossier IS NULL THEN 1 ELSE 0 END"
) == text("1")
"""The same as `dossier IS NULL`, in the words that the statistics `audit_index_plain` know: no parameter among them."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One alternative; `tags` None where every event may be read, `guest` where all of it is one serving office's."""

    where: ColumnElement[bool]
    tags: frozenset[str] | None = None
    guest: str | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        """The whole alternative as one condition."""
        if self.tags is None:
            return self.where
        return and_(self.where, AuditIndex.event.in_(sorted(self.tags)))


def scopes(rt: Runtime, actor: Actor, asked: Collection[str] = ()) -> list[Scope]:
    """Own acts; the own kind or the whole office; technical events for IT; everything for the province's eyes.

    `asked`: offices of which each record found is anyway. Whoever sees all of one of them needs no other condition.
    """
    known = rt.office_codes()
    offices = sorted(code for code in known if may(rt, actor, Permission.LOG_VIEW, code))
    kinds = own_kinds(actor)
    if offices and not kinds and (set(offices) >= known or set(offices) & set(asked)):
        return [Scope(true())]
    found: list[Scope] = []
    if may(rt, actor, Permission.LOG_VIEW_OWN, actor.office):
        found.append(Scope(AuditIndex.actor == actor.username))
    for code in offices:
        found += _of_office(code, kinds)
    if known and all(may(rt, actor, Permission.OFFICEDB_VIEW, code) for code in known):
        # Events of systems, accounts and staff: what those who run the databases need, without dossiers.
        found.append(Scope(and_(AuditIndex.dossier.is_(None), _PLAIN), TECHNICAL))
    return found


def visible(rt: Runtime, actor: Actor) -> ColumnElement[bool]:
    """The same as one condition, for looking at a single record."""
    found = [scope.condition for scope in scopes(rt, actor)]
    return or_(*found) if found else AuditIndex.idx < 0


def own_kinds(actor: Actor) -> list[str]:
    """The kinds that a custodian without a wider role is held to."""
    if actor.roles & WIDER:
        return []
    return sorted(r.removeprefix("custodian_").upper() for r in actor.roles if r.startswith("custodian_"))


def _of_office(code: str, kinds: list[str]) -> list[Scope]:
    if kinds:
        return [Scope(and_(AuditIndex.guest == code, AuditIndex.kind == kind), guest=code) for kind in kinds]
    return [Scope(AuditIndex.guest == code), Scope(AuditIndex.office == code), Scope(AuditIndex.host == code)]
