"""The policy as a table for people: every permission and role, where and in which cases, as the table decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from accessctl.access.explain import label
from accessctl.access.in_force import POINTER
from accessctl.access.lint import Linted, lint
from accessctl.access.loader import FILES, PolicySet
from accessctl.access.table import Decision, Table
from accessctl.domain.permissions import EVERY_OFFICER, Case, CaseClass, Permission, Role
from accessctl.domain.text import folded
from accessctl.errors import Unavailable
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.runtime import Runtime

GROUPS: Mapping[str, tuple[str, ...]] = {
    "business": ("card", "reissue", "holder"),
    "leases": ("lease",),
    "accounts": ("account",),
    "custody": ("custodian", "contactlist"),
    "people": ("officer", "role", "credential", "session"),
    "offices": ("office", "hours", "calendar", "officedb"),
    "dossiers": ("dossier",),
    "blanks": ("blank",),
    "evidence": ("log", "subject", "finding"),
    "reports": ("report",),
    "policy": ("policy", "drift", "waiver"),
    "service": ("incident", "feedback", "duty", "notice"),
}
"""Which permissions are told together, by the first word of their names (policy.md §2)."""
COLUMNS: tuple[str, ...] = (
    EVERY_OFFICER, Role.RECEPTION, Role.COLLECTION, Role.CARD, Role.BLANK_KEEPER, Role.CUSTODIAN_TKCL,
    Role.CUSTODIAN_TKHCTT, Role.UNIT_HEAD, Role.IT_ADMIN, Role.AUDITOR, Role.DIRECTOR, Role.DEPUTY_DIRECTOR,
    Role.PUBLICITY, Role.FINANCE_VIEWER,
)  # fmt: skip
_KEPT = 3600.0  # seconds; a changed policy has another name
_WORDS = 60  # signs of a search
_OWN, _OWN_HEAD, _FOREIGN, _FOREIGN_HEAD = (True, False), (True, True), (False, False), (False, True)
_WHERE = {
    frozenset({_OWN, _OWN_HEAD, _FOREIGN, _FOREIGN_HEAD}): "any",
    frozenset({_OWN, _OWN_HEAD}): "own",
    frozenset({_FOREIGN, _FOREIGN_HEAD}): "foreign",
    frozenset({_OWN_HEAD}): "head",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Where, and in which cases; `where` ∈ any, own, foreign, head (the own office, if it is the head office), some.

    `note`: the number under which the cases are explained, 0 for every case. `lines` of the policy decide.
    """

    where: str
    cases: tuple[str, ...]
    lines: tuple[int, ...]
    note: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """What one role may; `never`: a guard forbids it always, whatever other roles are held beside it."""

    role: str
    parts: tuple[Part, ...]
    never: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One permission through all columns."""

    permission: str
    group: str
    name_vi: str
    name_en: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Cases that stand in cells under a number."""

    number: int
    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows and columns; nothing given: all."""

    words: str = ""
    role: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The policy in force. `since`: when its files were last written here; `alarm`: the files now there are broken."""

    version: str
    since: datetime | None
    allow: int
    deny: int
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    notes: tuple[Note, ...]
    alarm: str | None
    warnings: int
    errors: int


def matrix(rt: Runtime, actor: Actor, query: Query) -> Matrix:
    """The rows and columns that are asked for. Raises Refused, Unavailable("policy.policy_broken")."""
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    gate = rt.policy()
    table = gate.table
    if table is None:
        raise Unavailable("policy.policy_broken")
    policy = table.policy
    whole, notes = _kept_whole(rt, table)
    columns = tuple(c for c in COLUMNS if query.role in ("", c)) or COLUMNS
    rows = tuple(_of_columns(row, columns, query) for row in whole if _fits(row, query))
    rows = tuple(row for row in rows if not query.role or any(c.parts or c.never for c in row.cells))
    shown = {part.note for row in rows for cell in row.cells for part in cell.parts}
    judged = _kept_lint(rt, table)
    severities = [remark.severity.value for remark in judged.remarks]
    return Matrix(
        version=policy.version,
        since=_since(rt),
        allow=sum(rule.eft == "allow" for rule in policy.rules),
        deny=sum(rule.eft == "deny" for rule in policy.rules),
        rows=rows,
        columns=columns,
        notes=tuple(note for note in notes if note.number in shown),
        alarm=str(gate.alarm) if gate.alarm else None,
        warnings=severities.count("warning"),
        errors=severities.count("error"),
    )


def prepare(rt: Runtime) -> None:
    """Make what every reader of the table needs, before one comes; nothing where there is no policy."""
    if (table := rt.policy().table) is not None:
        _kept_whole(rt, table)
        _kept_lint(rt, table)


def _kept_whole(rt: Runtime, table: Table) -> tuple[tuple[Row, ...], tuple[Note, ...]]:
    return rt.kept(f"policy_matrix {table.policy.version}", _KEPT, lambda: _whole(table))


def _kept_lint(rt: Runtime, table: Table) -> Linted:
    return rt.kept(f"policy_lint {table.policy.version}", _KEPT, lambda: lint(rt.gate.folder))


def group_of(permission: str) -> str:
    """The group that a permission is told in."""
    first = permission.partition(":")[0]
    return next(group for group, words in GROUPS.items() if first in words)


def _since(rt: Runtime) -> datetime | None:
    try:
        pointer = rt.settings.policy_state and rt.settings.policy_state / POINTER
        if pointer is not None and pointer.exists():  # an approved change: since it decides
            return datetime.fromtimestamp(pointer.stat().st_mtime, UTC)
        written = max((rt.gate.folder / name).stat().st_mtime for name in FILES)
    except OSError:
        return None
    return datetime.fromtimestamp(written, UTC)


def _fits(row: Row, query: Query) -> bool:
    wanted = folded(" ".join(query.words.replace("\x00", "").split()))[:_WORDS]
    said = (row.permission, folded(row.name_vi), folded(row.name_en))
    return query.group in ("", row.group) and (not wanted or any(wanted in words for words in said))


def _of_columns(row: Row, columns: tuple[str, ...], query: Query) -> Row:
    if len(columns) == len(COLUMNS) and not query.role:
        return row
    cells = tuple(cell for cell in row.cells if cell.role in columns)
    return Row(row.permission, row.group, row.name_vi, row.name_en, cells)


def _whole(table: Table) -> tuple[tuple[Row, ...], tuple[Note, ...]]:
    """All rows; the numbers of the notes come in the order in which a reader meets them."""
    numbers: dict[tuple[str, ...], int] = {tuple(case.value for case in Case): 0}
    rows = []
    for group in GROUPS:
        for permission in (p.value for p in Permission if group_of(p.value) == group):
            cells = tuple(_cell(table, role, permission, numbers) for role in COLUMNS)
            vi, en = (label(table.policy, "permissions", permission, language) for language in ("vi", "en"))
            rows.append(Row(permission, group, vi, en, cells))
    notes = tuple(
        Note(number, cases_in_words(table.policy, cases, "vi"), cases_in_words(table.policy, cases, "en"))
        for cases, number in numbers.items()
        if number
    )
    return tuple(rows), notes


def _cell(table: Table, role: str, permission: str, numbers: dict[tuple[str, ...], int]) -> Cell:
    roles = frozenset[str]() if role == EVERY_OFFICER else frozenset({role})
    places: dict[tuple[tuple[str, ...], tuple[int, ...]], set[tuple[bool, bool]]] = {}
    never = True
    for place in (_OWN, _OWN_HEAD, _FOREIGN, _FOREIGN_HEAD):
        answers: dict[str, Decision] = {
            case.value: table.decide(roles, *place, permission, case.value) for case in Case
        }
        never &= all(answer.reason == "denied_by_rule" for answer in answers.values())
        allowed = tuple(case for case, answer in answers.items() if answer.allowed)
        if allowed:
            lines = tuple(dict.fromkeys(answers[case].line for case in allowed))
            places.setdefault((allowed, lines), set()).add(place)
    parts = tuple(
        Part(_WHERE.get(frozenset(where), "some"), cases, lines, numbers.setdefault(cases, len(numbers)))
        for (cases, lines), where in places.items()
    )
    return Cell(role, parts, never)


def cases_in_words(policy: PolicySet, cases: tuple[str, ...], language: str) -> str:
    """By the name of the group that holds exactly these cases, as all but a few, else one by one."""
    for group in CaseClass:
        if {word for word, name in policy.links if name == group} == set(cases):
            return label(policy, "groups", group.value, language)
    few = [case.value for case in Case if case not in cases]
    if len(few) <= 2:
        every, but = label(policy, "groups", CaseClass.ANY, language), "trừ" if language == "vi" else "but"
        return f"{every} {but}: " + ", ".join(label(policy, "cases", case, language) for case in few)
    return ", ".join(label(policy, "cases", case, language) for case in cases)
