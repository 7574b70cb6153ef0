"""Invented participants: who they are, and how they come into an office's database."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path

import psycopg
import pytest

from accessctl.errors import Conflict, Invalid
from accessctl.officedb import people, synthetic

TABLES = Path(people.__file__).parent / "sql" / "0005_bhyt_tables.sql"
TODAY = date(2026, 6, 1)


@pytest.fixture
def office(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA bhyt")
        conn.execute(TABLES.read_bytes())
        yield conn


def made(office: str = "CJT", count: int = 2000, seed: int = 7) -> list[synthetic.SyntheticPerson]:
    return list(synthetic.people(office, count, seed))


def contents(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    rows = conn.execute("SELECT * FROM bhyt.participant p JOIN bhyt.card c USING (bhxh_no) ORDER BY bhxh_no")
    return rows.fetchall()


def test_the_same_seed_gives_the_same_people_and_another_seed_gives_others() -> None:
    assert made(seed=7) == made(seed=7)
    assert made(seed=7) != made(seed=8)


def test_a_person_does_not_depend_on_how_many_are_made_or_from_where() -> None:
    assert made(count=300)[:100] == made(count=100)
    assert list(synthetic.people("CJT", 300, 7, start=250)) == made(count=300)[249:]


def test_numbers_are_unique_in_the_province_and_stand_in_the_fake_block() -> None:
    numbers = [p.bhxh_no for office in synthetic.SIZES for p in synthetic.people(office, 50, 7)]
    assert len(set(numbers)) == len(numbers) == 450
    assert all(re.fullmatch(r"6799[0-8][0-9]{5}", number) for number in numbers)
    blocks = [size.block for size in synthetic.SIZES.values()]
    assert sorted(blocks) == list(range(9))
    assert all(size.load <= synthetic.LARGEST for size in synthetic.SIZES.values())


def test_no_identity_paper_is_held_twice() -> None:
    papers = [p.id_no for office in ("CJT", "DML") for p in made(office) if p.id_no is not None]
    assert len(set(papers)) == len(papers)


def test_cards_have_fifteen_characters_made_of_category_benefit_province_and_number() -> None:
    for p in made():
        assert re.fullmatch(r"[A-Z]{2}[1-5]67[0-9]{10}", p.card_no)
        assert p.card_no == f"{p.category}{p.benefit}67{p.bhxh_no}"


def test_text_is_nfc_and_names_and_addresses_are_tidy() -> None:
    for p in made():
        for text in (p.full_name, p.address):
            assert unicodedata.is_normalized("NFC", text)
            assert text == " ".join(text.split())


def test_categories_agree_with_participation_and_about_a_third_take_part_in_both() -> None:
    employees = {"DN", "HC", "HX", "CH", "NN", "TK", "XK"}
    both = [p for p in made() if p.participation == "BHXH_BHYT"]
    assert all((p.category in employees) == (p.participation == "BHXH_BHYT") for p in made())
    assert 0.25 < len(both) / 2000 < 0.35


def test_R110_a_small_childs_card_ends_at_seventy_two_months_and_the_child_has_no_papers() -> None:
    children = [p for p in made() if p.category == "TE"]
    assert children
    for p in children:
        assert p.id_no is None
        assert (p.valid_to.year, p.valid_to.month) == (p.birth_date.year + 6, p.birth_date.month)


def test_some_cards_are_out_of_force_and_every_validity_is_possible() -> None:
    everyone = made()
    ended = [p for p in everyone if p.valid_to < TODAY]
    assert 0.02 < len(ended) / len(everyone) < 0.12
    assert all(p.valid_from <= p.valid_to and p.birth_date <= p.valid_to for p in everyone)


@pytest.mark.parametrize("office", synthetic.SIZES)
@pytest.mark.parametrize("seed", [1, 20180401])
def test_the_first_twelve_of_every_office_are_the_documented_ones(office: str, seed: int) -> None:
    first = {n: synthetic.person(office, n, seed) for n in range(1, 13)}
    plain, both, ended = (
        first[n] for n in (synthetic.BHYT_ONLY, synthetic.BHXH_BHYT, synthetic.OUT_OF_FORCE)
    )
    assert plain.bhxh_no.endswith("00001")
    assert (plain.participation, plain.valid_to > TODAY) == ("CHI_BHYT", True)
    assert (both.participation, both.valid_to > TODAY) == ("BHXH_BHYT", True)
    assert (ended.participation, ended.valid_to < TODAY) == ("CHI_BHYT", True)
    assert (first[4].full_name, first[4].birth_date) == (first[5].full_name, first[5].birth_date)
    assert first[4].bhxh_no != first[5].bhxh_no
    assert (first[6].birth_year_only, first[6].birth_date.month, first[6].birth_date.day) == (True, 1, 1)
    assert (first[7].birth_date.month, first[7].birth_date.day) == (2, 29)
    assert [first[n].full_name for n in (8, 9, 10, 11)] == ["Điểu Krứ", "Y Bluê Niê", "H'Bia Êban", "K'Tiêng"]
    assert len(first[11].full_name.split()) == 1
    assert len(first[12].full_name.split()) == 5


@pytest.mark.parametrize(("office", "sequence"), [("ZZZ", 1), ("CJT", 0), ("CJT", 100_000)])
def test_numbers_outside_an_offices_block_are_refused(office: str, sequence: int) -> None:
    with pytest.raises(ValueError, match="no synthetic number"):
        synthetic.number(office, sequence)


def test_making_people_streams() -> None:
    begun = time.perf_counter()
    assert len(list(islice(synthetic.people("DML", 95_000, 7), 10))) == 10
    assert time.perf_counter() - begun < 1


def test_filling_puts_every_person_with_a_card_into_the_database(office: psycopg.Connection) -> None:
    seen: list[int] = []
    assert people.fill(office, "CJT", 200, 7, seen.append) == 200
    assert seen[-1] == 200
    rows = contents(office)
    assert len(rows) == 200
    third = synthetic.person("CJT", 3, 7)
    row = next(r for r in rows if r[0] == third.bhxh_no)
    assert row[1:4] == (third.full_name, third.birth_date, False)
    assert third.card_no in row


def test_filling_again_with_the_same_seed_changes_nothing(office: psycopg.Connection) -> None:
    people.fill(office, "CJT", 150, 7)
    before = contents(office)
    assert people.fill(office, "CJT", 150, 7) == 0
    assert people.fill(office, "CJT", 100, 7) == 0
    assert contents(office) == before


def test_a_larger_count_tops_up_and_a_correction_made_meanwhile_stays(office: psycopg.Connection) -> None:
    people.fill(office, "CJT", 20, 7)
    office.execute("UPDATE bhyt.participant SET full_name = 'Tên mới' WHERE bhxh_no = '6799300013'")
    office.execute("DELETE FROM bhyt.card WHERE bhxh_no = '6799300015'")
    office.execute("DELETE FROM bhyt.participant WHERE bhxh_no = '6799300015'")
    assert people.fill(office, "CJT", 60, 7) == 41
    assert len(contents(office)) == 60
    name = office.execute("SELECT full_name FROM bhyt.participant WHERE bhxh_no = '6799300013'").fetchone()
    assert name == ("Tên mới",)


def test_people_of_another_seed_are_refused_and_nothing_is_added(office: psycopg.Connection) -> None:
    people.fill(office, "CJT", 100, 7)
    with pytest.raises(Conflict) as refused:
        people.fill(office, "CJT", 200, 8)
    assert refused.value.code == "people.other_seed"
    assert len(contents(office)) == 100


@pytest.mark.parametrize(("code", "count"), [("ZZZ", 10), ("CJT", -1), ("CJT", 100_000)])
def test_a_count_or_office_without_a_block_is_refused(
    office: psycopg.Connection, code: str, count: int
) -> None:
    with pytest.raises(Invalid) as refused:
        people.fill(office, code, count, 7)
    assert refused.value.code == "people.bad_count"
    assert contents(office) == []


def test_a_failure_in_the_middle_leaves_nothing_behind(office: psycopg.Connection) -> None:
    def fail(seen: int) -> None:
        raise RuntimeError(seen)

    with pytest.raises(RuntimeError):
        people.fill(office, "CJT", 30, 7, fail)
    assert contents(office) == []
