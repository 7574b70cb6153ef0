"""Control databases that are used again: what a test did is undone, which is ten times cheaper than a new one.

A row that a test wrote carries a younger transaction id than the mark, so it can be told from what was there;
a row of before that is missing shows in the count, and then the table is filled anew from a copy. A test that
changed more than rows – a column, a right, a trigger – gets its database dropped and the next one a new one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.common.standing import Standing

ROLES = ("accessctl_app", "accessctl_sequencer", "accessctl_reader")

_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.oid >= 16384 ORDER BY 1
"""
_SEQUENCES = """
    SELECT format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL
      FROM pg_sequences
"""
_YOUNGEST = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
_OTHERS = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
       AND NOT (state = 'idle' AND pid = ANY (%s))
"""
# Everything but rows, as (how many, the youngest change): tables, columns, rights, triggers, functions, …
_CATALOGS = (
    "pg_class WHERE oid >= 16384 AND relpersistence <> 't'",
    "pg_attribute WHERE attrelid >= 16384",
    "pg_proc WHERE oid >= 16384",
    "pg_trigger",
    "pg_constraint WHERE oid >= 16384",
    "pg_attrdef",
    "pg_policy",
    "pg_namespace WHERE nspname !~ '^pg_(toast_)?temp'",
    "pg_database WHERE datname = current_database()",
    "pg_db_role_setting",
    "pg_default_acl",
    "pg_event_trigger",
)
_LOOKS = (f"(SELECT (count(*), max(xmin::text::bigint))::text FROM {catalog})" for catalog in _CATALOGS)  # noqa: S608
_STRUCTURE = f"SELECT {', '.join(_LOOKS)}"


@dataclass(frozen=True, slots=True)
class AsMade:
    """The rows of every table in COPY's form, with their number; taken once from the first database."""

    rows: dict[str, tuple[int, bytes]]
    sequences: list[tuple[str, int, bool]]
    count: sql.Composed
    """The question for (table, rows, rows since the mark) of every table."""

    @classmethod
    def of(cls, database: Standing) -> AsMade:
        rows = {}
        for (table,) in database.ask(_TABLES):
            with database.connection().cursor() as cursor:
                with cursor.copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.SQL(table))) as copy:
                    content = b"".join(bytes(part) for part in copy)
                rows[table] = (cursor.rowcount, content)
        counts = [
            sql.SQL(
                "SELECT {}, count(*), count(*) FILTER (WHERE age(xmin) <= (SELECT age(%(mark)s::text::xid))) FROM {}"
            ).format(table, sql.SQL(table))
            for table in rows
        ]
        sequences = [(row[0], row[1], row[2]) for row in database.ask(_SEQUENCES)]
        return cls(rows, sequences, sql.SQL(" UNION ALL ").join(counts))


class ControlDatabase:
    """One copy of the template that tests use one after another."""

    def __init__(self, name: str, session: Standing, made: AsMade) -> None:
        self.name = name
        self.session = session
        self._made = made
        self._structure = self._look()
        self._mark = self._youngest()

    def restore(self, spared: Sequence[int] = ()) -> bool:
        """Undo what the test did; False when it did more than to write rows. `spared`: sessions that may stay."""
        self.session.ask(_OTHERS, (list(spared),))
        if self._look() != self._structure:
            return False
        strange = [
            (table, rows - since)
            for table, rows, since in self.session.ask(self._made.count, {"mark": self._mark})
            if since or rows != self._made.rows[table][0]
        ]
        connection = self.session.connection()  # not `with`: that would close it
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger, no foreign key
            for table, before in strange:
                self._restore(cursor, table, whole=before == self._made.rows[table][0])
        self._wind_back()
        self._mark = self._youngest()
        return True

    def _restore(self, cursor: psycopg.Cursor[Any], table: str, *, whole: bool) -> None:
        name = sql.SQL(table)
        if whole:
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE xmin::text::bigint >= %s").format(name), (self._mark,)
            )
            return
        cursor.execute(sql.SQL("DELETE FROM {}").format(name))
        with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(name)) as copy:
            copy.write(self._made.rows[table][1])

    def _wind_back(self) -> None:
        steps = [
            sql.SQL("setval({}, {}, {})").format(name, value, called)
            for name, value, called in self._made.sequences
        ]
        self.session.ask(sql.SQL("SELECT {}").format(sql.SQL(", ").join(steps)))

    def _look(self) -> tuple[Any, ...]:
        return self.session.ask(_STRUCTURE)[0]

    def _youngest(self) -> int:
        return int(self.session.ask(_YOUNGEST)[0][0])


class ControlDatabases:
    """Gives out control databases that are as the template is, and takes them back."""

    def __init__(self, template: str, dsn: Callable[[str], str], server: Standing) -> None:
        self._template = template
        self._dsn = dsn
        self._server = server
        self._made: AsMade | None = None
        self._free: list[ControlDatabase] = []

    def take(self) -> ControlDatabase:
        """One that nobody uses."""
        return self._free.pop() if self._free else self._new()

    def give_back(self, used: ControlDatabase, spared: Sequence[int] = ()) -> bool:
        """For the next test; dropped, and False, when it cannot be restored."""
        restored = used.restore(spared)
        if restored:
            self._free.append(used)
        else:
            used.session.close()
            self._server.tell(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(used.name)))
        return restored

    def close(self) -> None:
        """End the sessions that stood."""
        for database in self._free:
            database.session.close()

    def _new(self) -> ControlDatabase:
        name = f"c_{uuid4().hex[:10]}"
        database, template = sql.Identifier(name), sql.Identifier(self._template)
        roles = sql.SQL(", ").join(map(sql.Identifier, ROLES))
        for statement in (
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(database, template),
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database),
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, roles),
        ):
            self._server.tell(statement)
        session = Standing(self._dsn(name))
        self._made = self._made or AsMade.of(session)
        return ControlDatabase(name, session, self._made)
