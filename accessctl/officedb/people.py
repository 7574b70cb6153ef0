"""Filling an office's reference schema with invented participants, for the demo, the tests and load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import psycopg
from psycopg.rows import tuple_row

from accessctl.errors import Conflict, Invalid
from accessctl.officedb import synthetic
from accessctl.officedb.synthetic import SyntheticPerson

BATCH = 5_000

Connection = psycopg.Connection[tuple[object, ...]]


def fill(
    conn: Connection, office_code: str, count: int, seed: int, progress: Callable[[int], None] | None = None
) -> int:
    """Make the office's database hold the people number 1 … `count` of the seed; returns how many were added.

    Idempotent: who is there stays, corrections included; a larger count tops up. All or nothing, in one
    transaction (a savepoint inside the caller's). `progress` is told the people seen so far, out of `count`.
    Refuses people of another seed (Conflict "people.other_seed"), and counts outside the office's block.
    """
    if office_code not in synthetic.SIZES or not 0 <= count <= synthetic.LARGEST:
        raise Invalid("people.bad_count", office=office_code, count=count, largest=synthetic.LARGEST)
    added = 0
    with conn.transaction():
        present = _present(conn, office_code)
        made = synthetic.people(office_code, count, seed)
        for first in range(1, count + 1, BATCH):
            batch = list(islice(made, BATCH))
            _same_seed(batch, present, office_code)
            added += _copy(conn, [person for person in batch if person.bhxh_no not in present])
            if progress is not None:
                progress(first - 1 + len(batch))
    return added


def _present(conn: Connection, office_code: str) -> dict[str, tuple[str, int]]:
    """What is there of the office's block: category and benefit, which no correction ever changes (§7.2)."""
    with conn.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(
            "SELECT p.bhxh_no, p.category, c.benefit FROM bhyt.participant p JOIN bhyt.card c USING (bhxh_no)"
            " WHERE p.bhxh_no BETWEEN %s AND %s",
            (synthetic.number(office_code, 1), synthetic.number(office_code, synthetic.LARGEST)),
        )
        return {number: (category, benefit) for number, category, benefit in cursor}


def _same_seed(batch: list[SyntheticPerson], present: dict[str, tuple[str, int]], office_code: str) -> None:
    for person in batch:
        there = present.get(person.bhxh_no)
        if there is not None and there != (person.category, person.benefit):
            raise Conflict("people.other_seed", office=office_code, number=person.bhxh_no)


def _copy(conn: Connection, people: list[SyntheticPerson]) -> int:
    if not people:
        return 0
    with conn.cursor() as cursor:
        with cursor.copy(
            "COPY bhyt.participant (bhxh_no, full_name, birth_date, birth_year_only, sex, address, id_no,"
            " initial_care, category, participation) FROM STDIN"
        ) as copy:
            for row in _participants(people):
                copy.write_row(row)
        with cursor.copy(
            "COPY bhyt.card (card_no, bhxh_no, valid_from, valid_to, benefit) FROM STDIN"
        ) as copy:
            for p in people:
                copy.write_row((p.card_no, p.bhxh_no, p.valid_from, p.valid_to, p.benefit))
    return len(people)


def _participants(people: list[SyntheticPerson]) -> Iterator[tuple[object, ...]]:
    for p in people:
        yield (
            p.bhxh_no,
            p.full_name,
            p.birth_date,
            p.birth_year_only,
            p.sex,
            p.address,
            p.id_no,
            p.initial_care,
            p.category,
            p.participation,
        )
