"""Invented participants for demos, tests and load: seeded, streaming, the same everywhere (domain.md §17).

Nobody here exists: numbers stand in the block 6799…, identity papers in ranges that were never issued.
A person depends on (seed, office, sequence) only, so any of them can be made without the others.

The first twelve of every office are the same in kind whatever the seed, BHYT only and in force but for two:
1 plain · 2 BHXH and BHYT · 3 out of force · 4 and 5 same name and birth date · 6 only the birth year known ·
7 born on 29/02 · 8 to 11 names as M'Nông and Ê Đê people have them · 12 a name of five words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import accumulate
from random import Random

from accessctl.officedb import synthetic_names

AS_OF = date(2026, 1, 1)
"""Ages are counted to this day; a fixed one, so that the same seed gives the same people next year."""

OPEN_END = date(2099, 12, 31)
"""A card printed with a beginning only."""

BHYT_ONLY, BHXH_BHYT, OUT_OF_FORCE = 1, 2, 3
"""Sequence numbers of the people that demos and tests count on."""

WELL_KNOWN = 12
LARGEST = 99_999


@dataclass(frozen=True, slots=True)
class Size:
    """An office's block of numbers, and how many people its database holds in a demo and under load."""

    block: int
    demo: int
    load: int


SIZES: dict[str, Size] = {
    "VPT": Size(0, 300, 60_000),
    "GNG": Size(1, 200, 55_000),
    "DGL": Size(2, 150, 60_000),
    "CJT": Size(3, 200, 90_000),
    "DML": Size(4, 200, 95_000),
    "KNO": Size(5, 150, 70_000),
    "DSG": Size(6, 150, 70_000),
    "DRL": Size(7, 150, 80_000),
    "TDC": Size(8, 100, 50_000),
}


@dataclass(frozen=True, slots=True)
class SyntheticPerson:
    """A row of bhyt.participant and its row of bhyt.card."""

    bhxh_no: str
    full_name: str
    birth_date: date
    birth_year_only: bool
    sex: str
    address: str
    id_no: str | None
    initial_care: str
    category: str
    participation: str
    valid_from: date
    valid_to: date
    benefit: int

    @property
    def card_no(self) -> str:
        """Category, benefit, province 67, number: 15 characters (domain.md §11.2)."""
        return f"{self.category}{self.benefit}67{self.bhxh_no}"


def number(office: str, sequence: int) -> str:
    """The mã số BHXH of an office's n-th person, n from 1: 6799, block, five digits."""
    if office not in SIZES or not 1 <= sequence <= LARGEST:
        raise ValueError(f"no synthetic number {sequence} at {office}")
    return f"6799{SIZES[office].block}{sequence:05d}"


def people(office: str, count: int, seed: int, *, start: int = 1) -> Iterator[SyntheticPerson]:
    """The office's people number `start` … `count`, one by one."""
    for sequence in range(start, count + 1):
        yield person(office, sequence, seed)


def person(office: str, sequence: int, seed: int) -> SyntheticPerson:
    """The n-th person of an office, n from 1. Raises ValueError outside the office's block."""
    bhxh_no = number(office, sequence)
    rng = Random(f"{seed}/{office}/{sequence}")  # noqa: S311  invented people, not secrets
    membership = _membership(rng, sequence)
    who = _who(rng, membership, office, sequence, seed)
    begins, ends = _validity(rng, membership.category, who.born, sequence)
    return SyntheticPerson(
        bhxh_no=bhxh_no,
        full_name=who.full_name,
        birth_date=who.born,
        birth_year_only=who.year_only,
        sex=who.sex,
        address=_nfc(synthetic_names.address(rng, office)),
        id_no=_id_no(rng, bhxh_no, who),
        initial_care=f"67{rng.randrange(1, 90):03d}",
        category=membership.category,
        participation=membership.participation,
        valid_from=begins,
        valid_to=ends,
        benefit=membership.benefit,
    )


@dataclass(frozen=True, slots=True)
class _Membership:
    participation: str
    category: str
    benefit: int
    youngest: int
    oldest: int


@dataclass(frozen=True, slots=True)
class _Who:
    full_name: str
    sex: str
    born: date
    year_only: bool


# category, benefit digit, youngest and oldest age in years, weight (§11.3: letters are a cross-check only)
_ONLY_BHYT = (
    ("GD", 4, 1, 95, 34),
    ("HN", 2, 0, 95, 14),
    ("CN", 3, 0, 95, 10),
    ("TE", 1, 0, 5, 12),
    ("HS", 4, 6, 18, 16),
    ("SV", 4, 18, 23, 4),
    ("BT", 2, 60, 95, 5),
    ("CC", 1, 40, 95, 2),
    ("CK", 2, 40, 95, 2),
    ("HG", 2, 20, 70, 1),
)
_WITH_BHXH = (
    ("DN", 4, 18, 60, 45),
    ("HC", 4, 22, 60, 30),
    ("CH", 4, 22, 60, 10),
    ("HX", 4, 25, 60, 5),
    ("NN", 4, 25, 60, 3),
    ("TK", 4, 20, 60, 4),
    ("XK", 4, 30, 65, 3),
)
_ONLY_WEIGHTS = tuple(accumulate(row[4] for row in _ONLY_BHYT))
_WITH_WEIGHTS = tuple(accumulate(row[4] for row in _WITH_BHXH))


def _membership(rng: Random, sequence: int) -> _Membership:
    """Participation first (about 30 % BHXH and BHYT), then a category that fits it."""
    if sequence <= WELL_KNOWN:
        if sequence == BHXH_BHYT:
            return _Membership("BHXH_BHYT", "DN", 4, 20, 55)
        return _Membership("CHI_BHYT", "GD", 4, 20, 70)
    both = rng.random() < 0.3
    table, weights = (_WITH_BHXH, _WITH_WEIGHTS) if both else (_ONLY_BHYT, _ONLY_WEIGHTS)
    category, benefit, youngest, oldest, _ = rng.choices(table, cum_weights=weights)[0]
    return _Membership("BHXH_BHYT" if both else "CHI_BHYT", category, benefit, youngest, oldest)


def _who(rng: Random, membership: _Membership, office: str, sequence: int, seed: int) -> _Who:
    sex = rng.choice(("M", "F"))
    name = _nfc(synthetic_names.full_name(rng, sex))
    born = AS_OF - timedelta(days=rng.randrange(membership.youngest * 366 + 1, membership.oldest * 365 + 364))
    if sequence <= WELL_KNOWN:
        return _well_known(_Who(name, sex, born, False), office, sequence, seed)
    if AS_OF.year - born.year > 45 and rng.random() < 0.06:  # old papers that name a year only
        return _Who(name, sex, born.replace(month=1, day=1), True)
    return _Who(name, sex, born, False)


_EDGE_NAMES = {
    8: ("Điểu Krứ", "M"),
    9: ("Y Bluê Niê", "M"),
    10: ("H'Bia Êban", "F"),
    11: ("K'Tiêng", "M"),
    12: ("Nguyễn Thị Ngọc Thu Hà", "F"),
}


def _well_known(who: _Who, office: str, sequence: int, seed: int) -> _Who:
    """The edge cases among the first twelve, as the module's docstring promises them."""
    if sequence == 5:
        twin = person(office, 4, seed)
        return _Who(twin.full_name, twin.sex, twin.birth_date, False)
    if sequence == 6:
        return replace(who, born=date(1954, 1, 1), year_only=True)
    if sequence == 7:
        return replace(who, born=date(1996, 2, 29))
    if sequence in _EDGE_NAMES:
        name, sex = _EDGE_NAMES[sequence]
        return replace(who, full_name=_nfc(name), sex=sex)
    return who


def _validity(rng: Random, category: str, born: date, sequence: int) -> tuple[date, date]:
    """From and to: a child's card ends at 72 months (R110), about 5 % of the others have ended."""
    begins = max(date(2018, 1, 1), born.replace(day=1))
    if sequence <= WELL_KNOWN:
        return begins, date(2019, 12, 31) if sequence == OUT_OF_FORCE else OPEN_END
    if category == "TE":
        day = 28 if (born.month, born.day) == (2, 29) else born.day
        return begins, date(born.year + 6, born.month, day)
    ended = date(rng.randrange(2019, AS_OF.year), 12, 31)
    return begins, ended if rng.random() < 0.06 and ended > begins else OPEN_END


def _id_no(rng: Random, bhxh_no: str, who: _Who) -> str | None:
    """Nine old or twelve new digits in ranges that were never issued; children have none."""
    if AS_OF.year - who.born.year < 15:
        return None
    serial = bhxh_no[4:]
    if rng.random() < 0.4:
        return f"999{serial}"
    return f"067{'8' if who.sex == 'M' else '9'}{who.born.year % 100:02d}{serial}"


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)
