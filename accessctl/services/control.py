"""One transaction in the control database, with its loss told apart from a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError
from sqlalchemy.orm import Session

from accessctl.errors import Unavailable
from accessctl.services.runtime import Runtime


@contextmanager
def transaction(rt: Runtime) -> Iterator[Session]:
    """Commit at the end, roll back on any error. Raises Unavailable("control.down") when the database is lost."""
    try:
        with rt.sessions.begin() as session:
            yield session
    except (OperationalError, InterfaceError, TimeoutError) as error:
        raise Unavailable("control.down") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("control.down") from error
        raise
