"""Whose word a role needs before it is in force: the unit head proposes, IT enters, the director approves (§7.1).

The words may come in any order. No word of IT's alone makes anybody anything: IT can neither invent a card clerk
nor become one (policy.md §2).
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from accessctl.domain.custody import Department
from accessctl.domain.permissions import Role

NEEDS_DIRECTOR = frozenset({Role.DIRECTOR, Role.DEPUTY_DIRECTOR, Role.IT_ADMIN, Role.AUDITOR, Role.UNIT_HEAD})
"""In force only with the director's approval. A unit head too: whoever makes heads makes everybody below them."""


class Word(StrEnum):
    """Who has to say yes."""

    HEAD = "head"
    IT = "it"
    DIRECTOR = "director"


def headed(department: str, *, provincial: bool) -> bool:
    """Whether a unit head answers for this department; at the province only Collection and Card have one (A2)."""
    return not provincial or department in (Department.COLLECTION, Department.CARD)


def missing(role: Role, department: str, *, provincial: bool, given: Collection[Word]) -> frozenset[Word]:
    """The words that are still lacking; the director's stands for the head's, never the other way round."""
    needed = {Word.IT}
    if role in NEEDS_DIRECTOR or not headed(department, provincial=provincial):
        needed.add(Word.DIRECTOR)
    elif Word.DIRECTOR not in given:
        needed.add(Word.HEAD)
    return frozenset(needed - set(given))
