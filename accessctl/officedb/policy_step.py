"""Bringing one office's database to another policy: taken away first, given later (policy.md §5).

What is given is given by the installation's own steps (install.py), which a DBA runs again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.domain.accounts import Kind
from accessctl.errors import Refused, Unavailable

Pair = tuple[str, str]
"""A kind of account and the signature of a function that it may execute."""


def written(conn: psycopg.Connection[Any]) -> set[Pair]:
    """What this database was told that each kind may do; read by broker or witness."""
    return {
        (kind, signature) for kind, signature in conn.execute("SELECT kind, signature FROM access.wanted")
    }


def take_back_sql(pairs: Collection[Pair]) -> list[sql.Composed]:
    """The statements that end these rights, for people to read and for `take_back` to run."""
    return [
        sql.SQL("REVOKE EXECUTE ON FUNCTION {} FROM {}").format(
            sql.SQL(signature), sql.Identifier(Kind(kind).group)
        )
        for kind, signature in sorted(pairs)
    ]


def give_sql(pairs: Collection[Pair]) -> list[sql.Composed]:
    """The statements that give these rights, for people to read; the installation's steps run them."""
    return [
        sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(
            sql.SQL(signature), sql.Identifier(Kind(kind).group)
        )
        for kind, signature in sorted(pairs)
    ]


def take_back(admin_dsn: str, office: str, pairs: Collection[Pair]) -> None:
    """End these rights in one transaction with a DBA's connection, and read that they have ended.

    Sessions that are open lose them with their next statement. Raises Unavailable ("officedb.down",
    "officedb.install_incomplete"), Refused("officedb.not_superuser").
    """
    dsn = make_conninfo(admin_dsn, connect_timeout=5, application_name="accessctl policy")
    try:
        with psycopg.connect(dsn) as conn:
            for kind, signature in sorted(pairs):
                _end(conn, office, kind, signature)
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused("officedb.not_superuser", office=office) from error
    except psycopg.OperationalError as error:
        raise Unavailable("officedb.down", office=office) from error


def _end(conn: psycopg.Connection[Any], office: str, kind: str, signature: str) -> None:
    conn.execute("DELETE FROM access.wanted WHERE kind = %s AND signature = %s", (kind, signature))
    group = Kind(kind).group
    row = conn.execute("SELECT to_regprocedure(%s) IS NOT NULL", (signature,)).fetchone()
    if row is None or not row[0]:
        return  # the function went with the office's own software
    (statement,) = take_back_sql([(kind, signature)])
    conn.execute(statement)
    left = conn.execute("SELECT has_function_privilege(%s, %s, 'EXECUTE')", (group, signature)).fetchone()
    if left is None or left[0]:
        raise Unavailable("officedb.install_incomplete", office=office, step=statement.as_string(conn))
