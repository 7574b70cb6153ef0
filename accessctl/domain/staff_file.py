"""Reading `officers.csv`, strictly, line by line: every wrong line can be named at once, not only the first.

A complaint is a ProvinceError that names file, line and what is wrong. The file holds no secret.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from accessctl.domain import separation
from accessctl.domain.custody import Department
from accessctl.domain.offices import OfficerEntry, Province
from accessctl.domain.permissions import Role
from accessctl.domain.province_file import ProvinceError
from accessctl.domain.text import BadText, one_line

OFFICERS_FILE = "officers.csv"
COLUMNS = ("username", "full_name", "title", "office", "department", "roles", "phone", "email")

FORMS = {
    "username": re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*"),
    "email": re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,180}[A-Za-z0-9])?"),
    "phone": re.compile(r"0[0-9]{9}"),
}
"""What a cell must look like as a whole, once it is tidy."""
LIMITS = {"username": 32, "office": 10, "department": 10, "phone": 20}
"""Characters; 120 for the others."""


class Place(Protocol):
    """What the reader must know of an office."""

    @property
    def code(self) -> str: ...
    @property
    def departments(self) -> Collection[str]: ...
    @property
    def provincial(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """Every good line and every complaint, in the order of the file."""

    entries: tuple[OfficerEntry, ...]
    errors: tuple[ProvinceError, ...]


def parse_officers(text: str, province: Province) -> tuple[OfficerEntry, ...]:
    """Read officers.csv against the province. Raises ProvinceError for the first wrong line."""
    reading = read_officers(text, province.offices)
    if reading.errors:
        raise reading.errors[0]
    return reading.entries


def read_officers(text: str, places: Iterable[Place], *, file: str = OFFICERS_FILE) -> Reading:
    """Read a staff file against the offices; what is wrong with it stands in `errors`, nothing is raised."""
    entries: list[OfficerEntry] = []
    errors: list[ProvinceError] = []
    known = {place.code: place for place in places}
    seen: set[str] = set()
    for line, cells in _rows(text.removeprefix("\ufeff"), errors, file):
        try:
            entry = _entry(line, cells, known, file)
            if entry.username in seen:
                raise ProvinceError(line, "officers.duplicate", entry.username, file=file)
        except ProvinceError as error:
            errors.append(error)
            continue
        seen.add(entry.username)
        entries.append(entry)
    if not entries and not errors:
        errors.append(ProvinceError(1, "officers.empty", "0", file=file))
    return Reading(tuple(entries), tuple(errors))


def _rows(text: str, errors: list[ProvinceError], file: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with the line each ends on; blank lines are passed over, a broken file ends where it breaks."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            errors.append(ProvinceError(1, "officers.header", ",".join(header)[:200], file=file))
            return
        for row in reader:
            if len(row) not in (0, len(COLUMNS)):
                what = f"{len(row)} ≠ {len(COLUMNS)}"
                errors.append(ProvinceError(reader.line_num, "officers.columns", what, file=file))
            elif row:
                yield reader.line_num, dict(zip(COLUMNS, row, strict=True))
    except csv.Error as error:
        errors.append(ProvinceError(max(1, reader.line_num), "officers.syntax", str(error), file=file))


def _entry(line: int, cells: dict[str, str], places: dict[str, Place], file: str) -> OfficerEntry:
    def wrong(code: str, what: str) -> ProvinceError:
        return ProvinceError(line, f"officers.{code}", what, file=file)

    try:
        words = tidy(cells)
    except BadText as error:
        raise wrong(f"cell_{error.why}", _column_of(cells)) from None
    place = places.get(words["office"])
    if place is None:
        raise wrong("unknown_office", words["office"])
    if words["department"] not in place.departments:
        raise wrong("unknown_department", words["department"])
    for key, form in FORMS.items():
        if form.fullmatch(words[key]) is None:
            raise wrong("bad_value", f"{key} = {words[key]}")
    try:
        roles = _roles(words, place)
    except _BadRole as error:
        raise wrong(error.code, error.what) from None
    return OfficerEntry(
        username=words["username"],
        full_name=words["full_name"],
        title=words["title"],
        office=place.code,
        department=Department(words["department"]),
        roles=roles,
        phone=words["phone"],
        email=words["email"],
        line=line,
    )


def _column_of(cells: dict[str, str]) -> str:
    """The first column whose cell is refused as a text."""
    for column, value in cells.items():
        try:
            tidy({column: value})
        except BadText:
            return column
    return ""


def tidy(cells: dict[str, str]) -> dict[str, str]:
    """NFC, trimmed, bounded; a telephone number loses the spaces that people write into it. Raises BadText."""
    words = {key: one_line(value, limit=LIMITS.get(key, 120)) for key, value in cells.items()}
    if "phone" in words:
        words["phone"] = re.sub(r"[ .-]", "", words["phone"])
    return words


class _BadRole(ValueError):
    def __init__(self, code: str, what: str) -> None:
        super().__init__(code)
        self.code = code
        self.what = what


def _roles(words: dict[str, str], place: Place) -> tuple[Role, ...]:
    """The roles as listed: known, once each, right for the department, and compatible (domain.md §7.1)."""
    named = [name.strip() for name in words["roles"].split(";")]
    for name in named:
        if name not in set(Role):
            raise _BadRole("unknown_role", name[:60])
    roles = tuple(Role(name) for name in named)
    if len(set(roles)) != len(roles):
        raise _BadRole("bad_value", f"roles = {words['roles']}")
    for role in roles:
        if role in separation.BY_APPOINTMENT:
            raise _BadRole("role_by_appointment", role)
        if not separation.belongs(role, words["department"], provincial=place.provincial):
            raise _BadRole("role_elsewhere", f"{role} ({place.code}, {words['department']})")
    if clash := separation.incompatible(roles):
        raise _BadRole("separation", " + ".join(clash))
    return roles
