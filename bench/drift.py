"""The comparison of rights with the policy: 1, 9 and 30 databases; by databases, not by participants."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.access.wanted import wanted_functions
from accessctl.domain.accounts import AccountName, Kind, local_pool
from accessctl.officedb import catalogue, roles
from accessctl.officedb.accounts import ensure_accounts
from accessctl.officedb.connection import parts
from accessctl.officedb.drift import Server, compare
from accessctl.officedb.grants import wanted
from accessctl.officedb.install import InstallPlan, install
from accessctl.officedb.reference import create_database, fill_people
from accessctl.services import drift
from bench.measure import Row, milliseconds, p
from bench.site import OFFICES, PLAIN, Bench, runtime

_TIMES = 3
_MANY = 20_000
"""Participants put into one database to show that they do not count."""


@dataclass(frozen=True)
class _Witnessed:
    """A database with its witness's connection."""

    dbname: str
    conn: psycopg.Connection


def rows(bench: Bench) -> list[Row]:
    """The whole service's scan of nine; the bare comparison at 1, 9 and 30 databases; one with many people in it."""
    rt = runtime(bench.folder.path)
    with bench.admin("postgres") as admin:  # the database to compare with was made after the gates closed
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(PLAIN)))
    try:
        nine = [_timed(lambda: drift.watch(rt)) for _ in range(_TIMES)]
        found_wrong = [entry.en for office in OFFICES for entry in drift.look(rt, office).drifts]
        assert not found_wrong, found_wrong
    finally:
        rt.close()
    found = [Row("drift: scan of 9 databases, findings kept", milliseconds(nine), "–", f"{p(nine, 50):.2f} s", "< 3 s",
                 p(nine, 95) < 3, _TIMES)]  # fmt: skip
    dbnames = [bench.site.dbnames[office] for office in OFFICES] + _extra(bench, 21)
    held = [_Witnessed(name, psycopg.connect(_witness(bench, name), autocommit=True)) for name in dbnames]
    try:
        return found + _growth(held) + [_people(bench, held[0])]
    finally:
        for entry in held:
            entry.conn.close()
        _taken_away(bench, dbnames[len(OFFICES) :])


def _growth(held: Sequence[_Witnessed]) -> list[Row]:
    each: dict[int, float] = {}
    made = []
    for count in (1, 9, 30):
        _compared(held[:count])  # once before, so that connections and catalogues are warm
        took = [_timed(lambda count=count: _compared(held[:count])) for _ in range(_TIMES)]  # type: ignore[misc]
        each[count] = p(took, 50) / count
        ratio = each[count] / each[1]
        limit = 1.5
        made.append(
            Row(f"drift: comparison of {count} databases", milliseconds(took), f"{each[1] * 1000:.1f} ms for 1",
                f"{each[count] * 1000:.1f} ms each, {ratio:.2f} ×", f"≤ {limit:g} × each", ratio <= limit, _TIMES)
        )  # fmt: skip
    return made


def _people(bench: Bench, one: _Witnessed) -> Row:
    few = [_timed(lambda: _compared([one])) for _ in range(_TIMES * 2)]
    fill_people(bench.cluster.dsn(one.dbname), OFFICES[0], _MANY, 2018)
    many = [_timed(lambda: _compared([one])) for _ in range(_TIMES * 2)]
    ratio = min(many) / min(few)  # the fastest: so many new rows make the server busy by itself for a while
    return Row(f"drift: {_MANY} participants instead of 12", milliseconds(many), milliseconds(few), f"{ratio:.2f} ×",
               "≤ 1.3 ×", ratio <= 1.3, len(many))  # fmt: skip


def _compared(held: Sequence[_Witnessed]) -> None:
    for entry in held:
        found = catalogue.read(entry.conn)
        elsewhere = _others(found)
        compare(found, wanted(found.dbname, _functions(), found.accounts), Server(None, elsewhere))


def _others(found: catalogue.Catalogue) -> dict[str, str]:
    """Members of the groups that are not of this database: accounts of the others on this server."""
    members = {fact.role for fact in found.of("member") if fact.object in roles.GROUPS}
    return dict.fromkeys(members - set(found.accounts) - set(roles.OURS), "postgres")


@cache
def _functions() -> Mapping[Kind, tuple[str, ...]]:
    return {kind: tuple(str(right) for right in wanted_functions(kind)) for kind in Kind}


def _extra(bench: Bench, count: int) -> list[str]:
    """More databases with the gate and a pool of accounts of their own."""
    broker, witness = (parts(bench.settings.office_dsns["DML"][name]) for name in ("broker", "witness"))
    made = []
    for number in range(count):
        code, dbname = f"X{chr(65 + number // 26)}{chr(65 + number % 26)}", f"bhyt_more_{number}"
        create_database(bench.cluster.dsn(), dbname)
        plan = InstallPlan(code, dbname, _functions(), broker["password"], witness["password"])
        install(bench.cluster.dsn(dbname), plan)
        names: list[AccountName] = local_pool(code, 16)
        with psycopg.connect(
            make_conninfo(bench.settings.office_dsns["DML"]["broker"], dbname=dbname)
        ) as conn:
            ensure_accounts(conn, names)
        made.append(dbname)
    with bench.admin("postgres") as admin:  # a new database is open to everybody until its gate is installed
        for dbname in made:
            admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(dbname)))
    return made


def _taken_away(bench: Bench, dbnames: Sequence[str]) -> None:
    """So that what is measured afterwards is not measured in a province with hundreds of strange accounts."""
    for dbname in dbnames:
        with bench.admin(dbname) as admin:
            accounts = [role for (role,) in admin.execute("SELECT role FROM access.account")]
        with bench.admin("postgres") as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(dbname)))
            for role in accounts:
                admin.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def _witness(bench: Bench, dbname: str) -> str:
    """As the service connects: without JIT, which takes longer than such queries."""
    return make_conninfo(bench.settings.office_dsns["DML"]["witness"], dbname=dbname, options="-c jit=off")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
