"""What a process of the service holds: settings, sessions, policy, office databases, clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from accessctl import clock
from accessctl.access.enforcer import Gate, TableFile
from accessctl.config import Settings
from accessctl.errors import Invalid
from accessctl.officedb.connection import OfficeAddress, OfficeDatabases
from accessctl.store.base import engine, sessions
from accessctl.store.models import Office

Kept = TypeVar("Kept")

_OFFICES_STAY = 10.0  # seconds that the list of office codes is kept; offices change by a province plan only

_KEPT_AT_MOST = 256  # answers; past it they are read anew

_NEVER: tuple[float, object] = (0.0, None)

_LOOKED: ContextVar[bool | None] = ContextVar("looked", default=None)
"""Within `one_look`: whether the policy's files have been looked at in it. None: each question looks by itself."""


def no_step(name: str) -> None:
    """Nothing happens between two steps, unless a fault test says otherwise."""


@dataclass
class Runtime:
    """One per process; threads share it."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    offices: OfficeDatabases
    now: clock.Clock = clock.now
    step: Callable[[str], None] = no_step
    """Called with the name of each point of the lease protocol at which a crash must leave nothing behind."""
    _codes: tuple[float, frozenset[str]] = field(default=(0.0, frozenset()), repr=False)
    _kept: dict[str, tuple[float, object]] = field(default_factory=dict, repr=False)
    _keeping: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _turns: dict[str, threading.RLock] = field(default_factory=dict, repr=False)

    @cached_property
    def gate(self) -> Gate:
        """The policy in force."""
        settings = self.settings
        return Gate(settings.policies, self.office_codes, settings.policy_state, kept=_kept_table(settings))

    def policy(self) -> Gate:
        """The policy in force, looked at anew: a change holds at the next question (policy.md §3).

        Within `one_look` it is looked at once: what only reads asks hundreds of questions in a few milliseconds.
        """
        looked = _LOOKED.get()
        if not looked:
            self.gate.refresh()
            if looked is not None:
                _LOOKED.set(True)
        return self.gate

    def office_codes(self) -> frozenset[str]:
        """The closed vocabulary of offices. Empty when the control database is out of reach: all is denied."""
        read_at, codes = self._codes
        if time.monotonic() - read_at > _OFFICES_STAY or not codes:
            try:
                with self.sessions() as session:
                    codes = frozenset(session.scalars(select(Office.code).where(Office.active)))
            except SQLAlchemyError:
                return codes
            self._codes = (time.monotonic(), codes)
        return codes

    def forget_offices(self) -> None:
        """Read the offices anew at the next question (after a province plan was applied)."""
        self._codes = (0.0, frozenset())
        self._kept.clear()

    def kept(self, name: str, seconds: float, read: Callable[[], Kept]) -> Kept:
        """What `read` gave less than `seconds` ago: for what many people look at and nobody is decided by.

        Whoever finds it there waits for nobody; of several who miss the same thing one reads, for all of them.
        """
        read_at, value = self._kept.get(name, _NEVER)
        if value is not None and time.monotonic() - read_at <= seconds:
            return cast(Kept, value)
        with self._turn_of(name):
            read_at, value = self._kept.get(name, _NEVER)
            if value is None or time.monotonic() - read_at > seconds:
                value = read()
                if len(self._kept) >= _KEPT_AT_MOST:
                    self._kept.clear()
                self._kept[name] = (time.monotonic(), value)
        return cast(Kept, value)

    def _turn_of(self, name: str) -> threading.RLock:
        """The lock under which this one thing is read: a slow reading holds up nobody who wants another."""
        with self._keeping:
            if name not in self._turns and len(self._turns) >= _KEPT_AT_MOST:
                self._turns.clear()
            return self._turns.setdefault(name, threading.RLock())

    def close(self) -> None:
        """Give every connection back."""
        self.offices.close()
        self.engine.dispose()


@contextmanager
def one_look() -> Iterator[None]:
    """For the length of one request that changes nothing: the policy of its beginning answers all of its questions."""
    before = _LOOKED.set(False)
    try:
        yield
    finally:
        _LOOKED.reset(before)


def _kept_table(settings: Settings) -> TableFile | None:
    """Where the compiled table is kept, sealed with a key of the service; None where either is not there."""
    if settings.cache is None:
        return None
    try:
        keys = settings.lease_keys
    except Invalid:
        return None
    return TableFile(settings.cache / "policy-table.json", keys.keys[keys.current])


def build_runtime(settings: Settings, *, pool: int = 10, application: str = "accessctl") -> Runtime:
    """Wire a process from its settings; connects to nothing yet."""
    bind = engine(settings.database_url, pool=pool, application=application)
    return Runtime(
        settings=settings,
        engine=bind,
        sessions=sessions(bind),
        offices=OfficeDatabases(
            {code: OfficeAddress(**dsns) for code, dsns in settings.office_dsns.items()},
            plaintext_ok=settings.flag("ACCESSCTL_PLAINTEXT_OK"),
        ),
    )
