"""What a change of the policy changes: decisions by role, rights of account kinds, words (policy.md §5).

Both policies are asked by the same table that decides every day; nothing is read off the lines themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from accessctl.access.loader import PolicySet
from accessctl.access.table import Table
from accessctl.access.wanted import wanted_functions, wanted_rights
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import EVERY_OFFICER, Case, Permission, Role

_PLACES = ((True, False), (True, True), (False, False), (False, True))  # own office?, head office?


@dataclass(frozen=True, slots=True)
class Shift:
    """A role gains or loses a permission: in these cases, at the own or another office, head office or not.

    `line` is the line that decides afterwards, or why there is none.
    """

    role: str
    permission: str
    gained: bool
    own: bool
    head: bool
    cases: tuple[str, ...]
    line: str


@dataclass(frozen=True, slots=True)
class KindShift:
    """An account kind gains or loses a right or a function of the office database."""

    kind: str
    what: str
    gained: bool
    function: bool

    @property
    def frozen(self) -> bool:
        """Whether it touches what a shared account may do, as the province's letter lays it down."""
        return Kind(self.kind).shared


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that two policies decide differently; `words`: labels that read otherwise."""

    decisions: tuple[Shift, ...]
    kinds: tuple[KindShift, ...]
    words: tuple[str, ...]

    @property
    def frozen(self) -> bool:
        """Whether the frozen matrix of TKCL and TKHCTT is touched."""
        return any(shift.frozen for shift in self.kinds)

    @property
    def empty(self) -> bool:
        """Whether nobody would notice anything but other files."""
        return not (self.decisions or self.kinds or self.words)


def compare(old: Table, new: Table) -> Difference:
    """What changes when `new` takes the place of `old`: every role, place, permission and case of both is asked."""
    return Difference(
        decisions=tuple(_decisions(old, new)),
        kinds=tuple(_kinds(old.policy, new.policy)),
        words=tuple(_words(old.policy, new.policy)),
    )


def _decisions(old: Table, new: Table) -> Iterable[Shift]:
    asked = _touched(old.policy, new.policy)
    for subject, permission in product((EVERY_OFFICER, *(role.value for role in Role)), Permission):
        if permission.value not in asked.get(subject, ()) and permission.value not in asked[EVERY_OFFICER]:
            continue
        roles = frozenset() if subject == EVERY_OFFICER else frozenset({subject})
        for own, head in _PLACES:
            yield from _at(old, new, subject, (roles, own, head, permission.value))


def _at(
    old: Table, new: Table, subject: str, asked: tuple[frozenset[str], bool, bool, str]
) -> Iterable[Shift]:
    """The cases in which the answer turns, gathered by direction and deciding line."""
    turned: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for case in Case:
        before, after = old.decide(*asked, case.value), new.decide(*asked, case.value)
        if before.allowed != after.allowed:
            turned[after.allowed, after.detail if after.reason != "no_rule" else ""].append(case.value)
    for (gained, line), cases in turned.items():
        yield Shift(subject, asked[3], gained, asked[1], asked[2], tuple(cases), line)


def _touched(old: PolicySet, new: PolicySet) -> dict[str, set[str]]:
    """Which permissions of which roles can be decided differently: those that a changed line speaks of.

    A changed class or group may change anything, so then everything is asked.
    """
    everything = {permission.value for permission in Permission}
    touched: dict[str, set[str]] = defaultdict(set)
    if (old.links, old.words, old.head_offices) != (new.links, new.words, new.head_offices):
        touched[EVERY_OFFICER] = everything
        return touched
    before, after = ({rule.values(): rule for rule in policy.rules} for policy in (old, new))
    for values in before.keys() ^ after.keys():
        rule = before.get(values) or after[values]
        touched[rule.sub] |= {p for p in everything if rule.perm in (p, new.classes[p].value)}
    return touched


def _kinds(old: PolicySet, new: PolicySet) -> Iterable[KindShift]:
    for kind in Kind:
        for function, read in ((False, wanted_rights), (True, wanted_functions)):
            before, after = ({str(one) for one in read(kind, policy)} for policy in (old, new))
            for what in sorted(before ^ after):
                yield KindShift(kind.value, what, what in after, function)


def _words(old: PolicySet, new: PolicySet) -> Iterable[str]:
    for word in sorted(old.labels.keys() | new.labels.keys()):
        if old.labels.get(word) != new.labels.get(word):
            yield word


@dataclass(frozen=True, slots=True)
class Told:
    """One permission that a role gains or loses; `where` ∈ any, own, foreign, head, some; `cases` None: all."""

    permission: str
    gained: bool
    where: str
    cases: tuple[str, ...] | None
    line: str


def by_role(shifts: Iterable[Shift]) -> list[tuple[str, list[Told]]]:
    """The shifts of each role, those at several places told as one."""
    places: dict[tuple[str, str, bool, tuple[str, ...], str], set[tuple[bool, bool]]] = defaultdict(set)
    for shift in shifts:
        told = (shift.role, shift.permission, shift.gained, shift.cases, shift.line)
        places[told].add((shift.own, shift.head))
    found: dict[str, list[Told]] = defaultdict(list)
    for (role, permission, gained, cases, line), where in places.items():
        every = None if len(cases) == len(Case) else cases
        found[role].append(Told(permission, gained, _where(where), every, line))
    return list(found.items())


def _where(places: set[tuple[bool, bool]]) -> str:
    own, foreign = ({head for mine, head in places if mine is wanted} for wanted in (True, False))
    if len(own) == len(foreign) == 2:
        return "any"
    if {head for _, head in places} == {True}:
        return "head"
    if not foreign and len(own) == 2:
        return "own"
    return "foreign" if not own and len(foreign) == 2 else "some"
