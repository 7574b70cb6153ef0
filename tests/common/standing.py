"""A superuser's connection that stays open from test to test: a login costs more than most of what is asked."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

Question = str | sql.Composable


class Standing:
    """One autocommit session with a database; opened when first used, and anew after a test has ended it."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._session: psycopg.Connection[Any] | None = None

    def connection(self) -> psycopg.Connection[Any]:
        """The session, alive at this moment."""
        if self._session is not None and not self._alive(self._session):
            self.close()
        if self._session is None:
            self._session = psycopg.connect(self._dsn, autocommit=True, application_name="accessctl tests")
        return self._session

    @staticmethod
    def _alive(session: psycopg.Connection[Any]) -> bool:
        try:
            session.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    def ask(self, question: Question, values: Any = None) -> list[tuple[Any, ...]]:
        """Rows of the answer."""
        return self._execute(question, values).fetchall()

    def tell(self, statement: Question, values: Any = None) -> None:
        """Carry out a statement without an answer."""
        self._execute(statement, values)

    def _execute(self, statement: Question, values: Any) -> psycopg.Cursor[Any]:
        """To a session that a test has ended the statement never came: it is told again."""
        if self._session is not None:
            try:
                return self._session.execute(statement, values)  # type: ignore[arg-type]
            except psycopg.OperationalError:
                if not self._session.closed:
                    raise
        return self.connection().execute(statement, values)  # type: ignore[arg-type]

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            self._session.close()
        self._session = None
