"""The province, its offices and staff as founded, and the accounts that follow from them (R1, R6, R56)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from accessctl.domain.accounts import AccountName, local_pool, shared_accounts
from accessctl.domain.calendar import OpeningHours
from accessctl.domain.custody import Department
from accessctl.domain.permissions import Role


class Level(StrEnum):
    """What kind of office: departments are called Phòng at the province, Bộ phận elsewhere (R56)."""

    PROVINCE = "province"
    DISTRICT = "district"
    TOWN = "town"


@dataclass(frozen=True, slots=True)
class Wording:
    """The same words in both languages, NFC."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where an office database listens; who may log in is configured elsewhere, never here."""

    host: str
    port: int
    dbname: str


@dataclass(frozen=True, slots=True)
class Office:
    """A place of service with a database of its own (domain.md §2.1)."""

    code: str
    slug: str
    gso_code: str | None
    name: Wording
    level: Level
    departments: tuple[Department, ...]
    hours: OpeningHours
    local_pool: int
    database: DatabaseAddress

    @property
    def provincial(self) -> bool:
        """True for the head office, where heads appoint by function (A2)."""
        return self.level is Level.PROVINCE

    @property
    def always_open(self) -> bool:
        """True where opening hours do not bind, as in the demo."""
        return self.hours.always


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """The act under which the accounts exist; printed on reports (R2)."""

    number: str
    date: date
    title: Wording


@dataclass(frozen=True, slots=True)
class Province:
    """Everything that founds the scheme; the accounts follow from the offices."""

    code: str
    name: Wording
    agency: Wording
    legal_basis: LegalBasis
    effective_from: date
    timezone: str
    offices: tuple[Office, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that opening hours and effective dates are meant in."""
        return ZoneInfo(self.timezone)

    def office(self, code: str) -> Office:
        """The office with this code; raises KeyError."""
        return {office.code: office for office in self.offices}[code]

    @property
    def shared_accounts(self) -> list[AccountName]:
        """TKCL and TKHCTT for every ordered pair of offices (R12, R14, S01)."""
        return shared_accounts([office.code for office in self.offices])

    @property
    def local_accounts(self) -> list[AccountName]:
        """Every office's own pool."""
        return [account for office in self.offices for account in local_pool(office.code, office.local_pool)]

    def open_at_all_hours(self) -> Province:
        """The same province with offices that never close: a demo can be tried at night."""
        offices = tuple(replace(o, hours=replace(o.hours, always=True)) for o in self.offices)
        return replace(self, offices=offices)

    def with_databases(self, addresses: Mapping[str, DatabaseAddress]) -> Province:
        """The same province with its office databases somewhere else, by office code."""
        offices = tuple(replace(o, database=addresses.get(o.code, o.database)) for o in self.offices)
        return replace(self, offices=offices)


@dataclass(frozen=True, slots=True)
class OfficerEntry:
    """A line of the staff file; the first role is the one shown first."""

    username: str
    full_name: str
    title: str
    office: str
    department: Department
    roles: tuple[Role, ...]
    phone: str
    email: str
    line: int


_UNIT_NAMES: dict[Department, Wording] = {
    Department.COLLECTION: Wording("Quản lý thu", "Collection"),
    Department.CARD: Wording("Cấp sổ, thẻ", "Card-and-book"),
    Department.RECEPTION: Wording("Tiếp nhận và Trả kết quả TTHC", "Reception"),
    Department.IT: Wording("Công nghệ thông tin", "IT"),
    Department.FINANCE: Wording("Kế hoạch - Tài chính", "Planning and finance"),
    Department.INSPECTION: Wording("Thanh tra - Kiểm tra", "Inspection"),
}


def department_name(department: str, level: Level) -> Wording:
    """Phòng … at the province, Bộ phận … at a district or town (R56); some are called neither."""
    unit = Department(department)
    if unit is Department.LEADERSHIP:
        return Wording("Ban Giám đốc", "Leadership")
    if unit is Department.ADMINISTRATION:
        return Wording("Văn phòng", "Administration Office")
    name = _UNIT_NAMES[unit]
    if level is Level.PROVINCE:
        return Wording(f"Phòng {name.vi}", f"{name.en} department")
    return Wording(f"Bộ phận {name.vi}", f"{name.en} section")
