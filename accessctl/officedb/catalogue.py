"""What the catalogues of an office's server say about who may do what there: read in one round trip."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import psycopg
from psycopg import sql

from accessctl.officedb import roles

Session = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of `sql/catalogue.sql`. Names in `object`, `part`, `grantor` and `owner` are quoted as SQL needs them.

    fact: account, here, database, written, right, lacks, future, member, role, setting, thing, holds, trigger, effect.
    """

    fact: str
    role: str
    cls: str
    object: str
    part: str | None
    privilege: str
    options: str
    grantor: str
    owner: str
    note: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All facts of one database at one moment; `dbname` quoted."""

    dbname: str
    facts: dict[str, tuple[Fact, ...]]

    def of(self, fact: str) -> tuple[Fact, ...]:
        """The facts of one sort."""
        return self.facts.get(fact, ())

    @property
    def accounts(self) -> dict[str, str]:
        """Role → kind of the accounts of this database whose role exists."""
        return {fact.role: fact.cls for fact in self.of("account")}


@cache
def _query() -> sql.SQL:
    text = files("accessctl.officedb").joinpath("sql/catalogue.sql").read_text(encoding="utf-8")
    return sql.SQL(text)  # a file of this package


def read(conn: Session, elsewhere: Collection[str] = ()) -> Catalogue:
    """Look, as witness, broker or DBA. `elsewhere`: accounts of other offices whose databases stand on this server."""
    rows = conn.execute(_query(), {"service": list(roles.OURS), "elsewhere": list(elsewhere)})
    sorted_: dict[str, list[Fact]] = {}
    for row in rows:
        sorted_.setdefault(row[0], []).append(Fact(*row))
    return Catalogue(sorted_["here"][0].object, {name: tuple(found) for name, found in sorted_.items()})
