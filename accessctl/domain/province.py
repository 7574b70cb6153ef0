"""Reading `province.toml`, strictly (form: `examples/daknong/`); `officers.csv` is read by `staff_file`.

Every complaint is a ProvinceError that names file, line and what is wrong. Neither file holds a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from accessctl.domain.calendar import OpeningHours, Span
from accessctl.domain.custody import Department
from accessctl.domain.offices import (
    DatabaseAddress,
    LegalBasis,
    Level,
    Office,
    OfficerEntry,
    Province,
    Wording,
    department_name,
)
from accessctl.domain.province_file import ProvinceError, Table
from accessctl.domain.staff_file import COLUMNS, OFFICERS_FILE, parse_officers

__all__ = [
    "COLUMNS",
    "OFFICERS_FILE",
    "PROVINCE_FILE",
    "DatabaseAddress",
    "LegalBasis",
    "Level",
    "Office",
    "OfficerEntry",
    "Province",
    "ProvinceError",
    "Wording",
    "department_name",
    "parse_officers",
    "parse_province",
]

PROVINCE_FILE = "province.toml"

_HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|/[\w./-]{1,100}"
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_COMMON = "common"  # stands for the province's hours where an office names none


def parse_province(text: str) -> Province:
    """Read province.toml, strictly. Raises ProvinceError with the line."""
    root = Table.parse(text, file=PROVINCE_FILE)
    head = root.table("province")
    hours = _spans(head, head.texts("hours"))
    province = Province(
        code=head.text("code", pattern=r"[0-9]{2}"),
        name=_wording(head, "name"),
        agency=_wording(head, "agency"),
        legal_basis=_legal_basis(root.table("legal_basis")),
        effective_from=head.day("effective_from"),
        timezone=_timezone(head),
        offices=_offices(root.tables("office"), hours),
    )
    _assert_count(root, head, len(province.offices))
    head.done()
    root.done()
    return province


def _assert_count(root: Table, head: Table, offices: int) -> None:
    """The number of accounts is derived (n-1) and must be the one that the founders wrote down (A1)."""
    key = "accounts_per_office_and_kind"
    asserted = head.whole(key, 1, 99)
    if offices < 2:
        raise root.error("province.too_few_offices", str(offices), "office")
    if asserted != offices - 1:
        raise head.error("province.count_mismatch", f"{key} = {asserted}, n-1 = {offices - 1}", key)


def _wording(table: Table, key: str) -> Wording:
    both = table.table(key)
    wording = Wording(both.text("vi"), both.text("en"))
    both.done()
    return wording


def _legal_basis(table: Table) -> LegalBasis:
    basis = LegalBasis(table.text("number", limit=60), table.day("date"), _wording(table, "title"))
    table.done()
    return basis


def _timezone(table: Table) -> str:
    name = table.text("timezone", limit=60)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise table.error("province.bad_value", f"timezone = {name}", "timezone") from None
    return name


def _spans(table: Table, written: list[str]) -> tuple[Span, ...]:
    """Spans such as "07:30-11:30", in order and apart from each other."""
    spans: list[Span] = []
    for text in written:
        match = _SPAN.fullmatch(text)
        if match is None:
            raise table.error("province.bad_hours", text[:60], "hours")
        span = Span(time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4])))
        if span.opens >= span.closes or (spans and span.opens < spans[-1].closes):
            raise table.error("province.bad_hours", text, "hours")
        spans.append(span)
    return tuple(spans)


def _offices(tables: list[Table], hours: tuple[Span, ...]) -> tuple[Office, ...]:
    seen: set[tuple[str, str]] = set()
    offices = []
    for table in tables:
        office = _office(table, hours)
        for key, value in _unique(office):
            if (key, value) in seen:
                raise table.error("province.duplicate", f"{key} = {value}", key)
            seen.add((key, value))
        offices.append(office)
    return tuple(offices)


def _unique(office: Office) -> Iterator[tuple[str, str]]:
    """What no two offices may share; a shared database would make guest and host the same."""
    yield "code", office.code
    yield "slug", office.slug
    yield "name", office.name.vi
    if office.gso_code is not None:
        yield "gso_code", office.gso_code
    yield "database", f"{office.database.host}:{office.database.port}/{office.database.dbname}"


def _office(table: Table, hours: tuple[Span, ...]) -> Office:
    own = table.texts("hours", default=[_COMMON])
    gso_code = table.text("gso_code", pattern=r"[0-9]{3}|", default="", empty_ok=True)
    office = Office(
        code=table.text("code", pattern=r"[A-Z]{3}"),
        slug=table.text("slug", pattern=r"[a-z][a-z0-9-]{1,30}"),
        gso_code=gso_code or None,
        name=_wording(table, "name"),
        level=_level(table),
        departments=_departments(table),
        hours=OpeningHours(
            hours if own == [_COMMON] else _spans(table, own), table.flag("always_open", default=False)
        ),
        local_pool=table.whole("local_pool", 0, 99),
        database=_database(table.table("database")),
    )
    table.done()
    return office


def _level(table: Table) -> Level:
    text = table.text("level", limit=20)
    try:
        return Level(text)
    except ValueError:
        raise table.error("province.bad_value", f"level = {text}", "level") from None


def _departments(table: Table) -> tuple[Department, ...]:
    """Every office needs the departments that use and keep the accounts (R32)."""
    codes = table.texts("departments")
    for code in codes:
        if code not in set(Department):
            raise table.error("province.unknown_department", code[:60], "departments")
    if len(set(codes)) != len(codes):
        raise table.error("province.duplicate", f"departments = {codes}", "departments")
    for needed in (Department.COLLECTION, Department.CARD, Department.RECEPTION):
        if needed not in codes:
            raise table.error("province.missing_department", needed, "departments")
    return tuple(Department(code) for code in codes)


def _database(table: Table) -> DatabaseAddress:
    address = DatabaseAddress(
        host=table.text("host", pattern=_HOST),
        port=table.whole("port", 1, 65535, default=5432),
        dbname=table.text("dbname", pattern=r"[a-z_][a-z0-9_]{0,62}"),
    )
    table.done()
    return address
