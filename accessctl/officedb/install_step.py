"""The plan of an installation and its single step, with the few words of SQL that steps are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from accessctl.domain.accounts import Kind

Statement = sql.SQL | sql.Composed


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """Everything an installation needs to know.

    `grants`: for each kind the functions it may execute, `schema.name(type,type)`. `keep_connect`: roles that
    keep CONNECT on a database of the server when PUBLIC loses it (the control database's, another program's).
    """

    office: str
    dbname: str
    grants: Mapping[Kind, Sequence[str]]
    broker_password: str = field(repr=False)
    witness_password: str = field(repr=False)
    keep_connect: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `done` is a query that answers true when there is nothing (more) to do."""

    vi: str
    en: str
    statement: Statement
    done: Statement
    database: str | None = None  # None: the office's own
    version: int | None = None  # of the office schema; `done` cannot be asked before version 1
    password_of: str | None = None  # `done` then answers the stored verifier; the statement is never shown


def granted(vi: str, en: str, statement: str, done: str) -> Step:
    return Step(vi, en, sql.SQL(statement), q("SELECT {}", sql.SQL(done)))


def connects(dbname: str, role: str) -> sql.Composed:
    return q(
        "SELECT EXISTS (SELECT FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = {}"
        " AND a.grantee = to_regrole({}) AND a.privilege_type = 'CONNECT')",
        dbname, role,
    )  # fmt: skip


def q(template: str, *parts: object) -> sql.Composed:
    return sql.SQL(template).format(*parts)


def ident(name: str) -> sql.Identifier:
    return sql.Identifier(name)


def names(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)
