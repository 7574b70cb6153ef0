"""A change of the policy in words: by role what is gained and lost, where, in which cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask
from flask_babel import lazy_gettext as _l

from accessctl.access.compare import Shift
from accessctl.domain.permissions import Case
from accessctl.errors import message
from accessctl.services.policy_change import ChangeRow
from accessctl.web.display import Status, place
from accessctl.web.i18n import language

STATES = {
    "IN_FORCE": Status("circle-check", _l("Đang có hiệu lực"), "good"),
    "WAITING": Status("clock", _l("Chờ Giám đốc phê duyệt"), "warn"),
    "APPROVED": Status("history", _l("Đã được bản khác thay thế"), "quiet"),
    "DECLINED": Status("ban", _l("Không được phê duyệt"), "quiet"),
    "WITHDRAWN": Status("arrow-back-up", _l("Đã rút lại"), "quiet"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """One permission that a role gains or loses; `where` is a word of PLACES, `cases` None for every case."""

    permission: str
    gained: bool
    where: str
    cases: tuple[str, ...] | None
    line: str


def register(app: Flask) -> None:
    """Names for the templates."""
    app.jinja_env.globals.update(CHANGE_STATES=STATES, change_state=change_state)
    app.jinja_env.filters.update(by_role=by_role, trouble_words=trouble_words)


def change_state(row: ChangeRow) -> Status:
    """How a change stands."""
    return STATES["IN_FORCE" if row.in_force else row.state]


def trouble_words(code: str, office: str) -> str:
    """Why an office has not applied the policy in force."""
    return message(code, language(), office=place(office))


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
