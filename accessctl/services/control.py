"""A transaction or a look in the control database, with its loss told apart from a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from accessctl.errors import Invalid, Unavailable
from accessctl.services.runtime import Runtime


@contextmanager
def transaction(rt: Runtime) -> Iterator[Session]:
    """Commit at the end, roll back on any error. Raises Unavailable("control.down") when the database is lost."""
    with _lost_told(), rt.sessions.begin() as session:
        yield session


@contextmanager
def looking(rt: Runtime) -> Iterator[Session]:
    """For single statements that only read: no BEGIN and no COMMIT, so two trips to the database fewer.

    Each statement sees what is committed at its moment; nothing may be changed here. Raises like `transaction`.
    """
    with _lost_told(), rt.sessions() as session:
        session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        yield session


@contextmanager
def _lost_told() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, TimeoutError) as error:
        raise Unavailable("control.down") from error
    except DataError as error:  # a NUL in some text: what no column can hold is nobody's name and no reason
        raise Invalid("input.control") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("control.down") from error
        raise
