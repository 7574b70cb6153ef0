"""Connections that stay open from test to test: a login costs more than most tests ask of a database.

Each is asked before the next test gets it, and only one that rests is spared when a control database is restored.
What a test broke, left in a transaction or listened to is ended with the test.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Engine, QueuePool, text
from sqlalchemy.exc import DBAPIError

from accessctl.officedb.connection import OfficeDatabases, _Kept
from accessctl.services.runtime import Runtime
from accessctl.store.base import sessions
from accessctl.store.sequencing import Sequencer

_LONG_AGO = float("-inf")


@dataclass
class Connections:
    """What ended worlds left for the next: engines and sequencers by control database, and the offices'."""

    engines: dict[str, Engine] = field(default_factory=dict)
    sequencers: dict[str, Sequencer] = field(default_factory=dict)
    offices: list[OfficeDatabases] = field(default_factory=list)

    def lend(self, rt: Runtime) -> None:
        """Give this runtime what there is. An engine brings what was compiled for it besides."""
        if (engine := self.engines.pop(rt.settings.database_url, None)) is not None:
            rt.engine, rt.sessions = engine, sessions(engine)
        if self.offices:
            for key, entries in self.offices.pop()._idle.items():
                rt.offices._idle[key] = [_Kept(entry.conn, _LONG_AGO) for entry in entries]

    def sequencer(self, url: str) -> Sequencer | None:
        """An elected one, as of the log's last checkpoint."""
        if (found := self.sequencers.pop(url, None)) is not None:
            found.resume()
        return found

    def keep(self, rt: Runtime, sequencer: Sequencer | None) -> list[int]:
        """Take them back; the server's process ids of the control database's connections that stay open."""
        if rt.engine.dispatch.before_cursor_execute:  # somebody listens to it
            rt.close()
            return _resting(self.sequencers, rt.settings.database_url, sequencer)
        self.offices.append(rt.offices)
        self.engines[rt.settings.database_url] = rt.engine
        return _idle(rt.engine) + _resting(self.sequencers, rt.settings.database_url, sequencer)

    def forget(self, url: str) -> None:
        """The control database is gone."""
        if (engine := self.engines.pop(url, None)) is not None:
            engine.dispose()
        if (sequencer := self.sequencers.pop(url, None)) is not None:
            sequencer.connection.invalidate()
            sequencer.close()

    def close(self) -> None:
        """End them all."""
        for engine in self.engines.values():
            engine.dispose()
        for sequencer in self.sequencers.values():
            sequencer.close()
        for offices in self.offices:
            offices.close()


def _idle(engine: Engine) -> list[int]:
    """The process ids of the pool's connections, each asked; all are closed when one is out or does not answer."""
    pool, taken = cast(QueuePool, engine.pool), []
    if pool.checkedout():
        engine.dispose()
        return []
    try:
        taken = [engine.connect() for _ in range(pool.checkedin())]
        return [connection.execute(_WHO).scalar_one() for connection in taken]
    except DBAPIError:
        engine.dispose()
        return []
    finally:
        for connection in taken:
            connection.close()


_WHO = text("SELECT pg_backend_pid()")


def _resting(sequencers: dict[str, Sequencer], url: str, sequencer: Sequencer | None) -> list[int]:
    if sequencer is None:
        return []
    try:
        found: int = sequencer.connection.execute(_WHO).scalar_one()
        sequencer.connection.rollback()
    except DBAPIError:
        sequencer.close()
        return []
    sequencers[url] = sequencer
    return [found]
