"""Reference databases for the demo, the tests and load: made empty, filled with invented participants."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql

from accessctl.officedb.people import fill


def create_database(admin_dsn: str, dbname: str) -> bool:
    """Create an office's database on a server of ours; False when it is there already."""
    with psycopg.connect(admin_dsn, autocommit=True) as conn:
        if conn.execute("SELECT FROM pg_database WHERE datname = %s", (dbname,)).fetchone() is not None:
            return False
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
        conn.execute(statement.format(sql.Identifier(dbname)))
    return True


def fill_people(
    admin_dsn: str, office: str, count: int, seed: int, progress: Callable[[int], None] | None = None
) -> int:
    """Bring the office's participants up to `count`; returns how many were added."""
    with psycopg.connect(admin_dsn) as conn:
        return fill(conn, office, count, seed, progress)
