"""The office databases by code: short use of kept connections, and every failure under a stable code."""

from __future__ import annotations

import ipaddress
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType, TracebackType
from typing import Any, Self

import psycopg
from psycopg import errors as e
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accessctl.errors import AccessError, Unavailable
from accessctl.officedb.server import check_schema, check_server

Connection = psycopg.Connection[tuple[Any, ...]]

_SERVICES = ("broker", "witness")
_STALE = 5.0  # seconds unused after which a kept connection is asked whether it lives
_KEPT = 4  # connections per office and service


@dataclass(frozen=True, slots=True)
class OfficeAddress:
    """How to reach one office's database as broker and as witness; the addresses hold passwords."""

    broker: str = field(repr=False)
    witness: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds after which an office counts as down (connect) or slow (statement)."""

    connect: int = 3
    statement: float = 5.0


@dataclass(frozen=True, slots=True)
class _Kept:
    conn: Connection
    since: float


class OfficeDatabases:
    """Every office's database. Thread-safe; a process that was forked off makes its own connections.

    Not loopback ⇒ sslmode=verify-full, unless `plaintext_ok` says otherwise in so many words.
    """

    def __init__(
        self,
        addresses: Mapping[str, OfficeAddress],
        *,
        limits: Limits | None = None,
        plaintext_ok: bool = False,
    ) -> None:
        self._addresses = dict(addresses)
        self._limits = limits or Limits()
        self._plaintext_ok = plaintext_ok
        self._idle: dict[tuple[str, str], list[_Kept]] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    @property
    def offices(self) -> tuple[str, ...]:
        """The codes of the offices with an address, sorted."""
        return tuple(sorted(self._addresses))

    @contextmanager
    def broker(self, code: str) -> Iterator[Connection]:
        """A kept autocommit connection of the broker; failures come out as Unavailable("officedb.…")."""
        with self._kept(code, "broker") as conn:
            yield conn

    @contextmanager
    def witness(self, code: str) -> Iterator[Connection]:
        """A kept autocommit connection of the witness."""
        with self._kept(code, "witness") as conn:
            yield conn

    @contextmanager
    def as_account(self, code: str, role: str, secret: str, application_name: str) -> Iterator[Connection]:
        """A fresh autocommit session of an account under its lease; closed at the end."""
        with worded(code):
            conn = self._connect(self.account_dsn(code, role), password=secret, name=application_name)
            with conn:
                yield conn

    def account_dsn(self, code: str, role: str) -> str:
        """The address for an account of this office, without a password: what client mode shows."""
        known = _known(self._secured(self._address(code).broker))
        names = ("host", "hostaddr", "port", "dbname", "sslmode", "sslrootcert")
        kept = {name: known[name] for name in names if name in known}
        return make_conninfo("", user=role, **kept)

    def place(self, code: str) -> tuple[str, int, str]:
        """Host, port and database name of an office."""
        known = _known(self._address(code).broker)
        return str(known.get("host") or ""), int(known.get("port") or 5432), str(known.get("dbname") or "")

    def close(self) -> None:
        """Close every kept connection; the registry may be used again."""
        with self._lock:
            kept = [entry.conn for entries in self._idle.values() for entry in entries]
            self._idle.clear()
        for conn in kept:
            conn.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _kept(self, code: str, service: str) -> Iterator[Connection]:
        with worded(code):
            conn = self._take(code, service)
            try:
                yield conn
            except AccessError:  # a refusal is an answer: the connection is sound
                self._give_back(code, service, conn)
                raise
            except BaseException:
                conn.close()
                raise
            self._give_back(code, service, conn)

    def _take(self, code: str, service: str) -> Connection:
        while (kept := self._pop(code, service)) is not None:
            if time.monotonic() - kept.since < _STALE or _alive(kept.conn):
                return kept.conn
        conn = self._connect(getattr(self._address(code), service), name=f"accessctl {service}")
        try:
            check_server(conn, code)
            check_schema(conn, code)
        except BaseException:
            conn.close()
            raise
        return conn

    def _pop(self, code: str, service: str) -> _Kept | None:
        with self._lock:
            if self._pid != os.getpid():  # forked: the parent's connections are not ours
                self._idle, self._pid = {}, os.getpid()
            entries = self._idle.get((code, service), [])
            return entries.pop() if entries else None

    def _give_back(self, code: str, service: str, conn: Connection) -> None:
        if conn.closed or conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            conn.close()
            return
        with self._lock:
            entries = self._idle.setdefault((code, service), [])
            if len(entries) < _KEPT:
                entries.append(_Kept(conn, time.monotonic()))
                return
        conn.close()

    def _address(self, code: str) -> OfficeAddress:
        try:
            return self._addresses[code]
        except KeyError:
            raise Unavailable("officedb.no_address", office=code) from None

    def _connect(self, dsn: str, *, name: str, password: str | None = None) -> Connection:
        statement = int(self._limits.statement * 1000)
        extra: dict[str, Any] = {
            **_known(self._secured(dsn)),
            "application_name": name,
            "connect_timeout": self._limits.connect,
            "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
            "tcp_user_timeout": 15_000,
            "options": f"-c timezone=UTC -c jit=off -c statement_timeout={statement}",  # all of it is short
        }  # fmt: skip
        if password is not None:
            extra["password"] = password
        return psycopg.connect(autocommit=True, **extra)

    def _secured(self, dsn: str) -> str:
        known = _known(dsn)
        host = str(known.get("hostaddr") or known.get("host") or "")
        if self._plaintext_ok or is_loopback(host):
            return dsn
        return make_conninfo(dsn, sslmode="verify-full")


@lru_cache(maxsize=1024)
def _known(dsn: str) -> Mapping[str, Any]:
    """A connection string taken apart once: libpq takes as long for it as for a short query."""
    return MappingProxyType(conninfo_to_dict(dsn))


def parts(dsn: str) -> dict[str, str]:
    """A connection string taken apart: user, password, host, port, dbname and what else it names."""
    return {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}


def is_loopback(host: str) -> bool:
    """Whether an address never leaves this machine: a Unix socket, localhost, 127.0.0.0/8, ::1."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


@contextmanager
def worded(office: str) -> Iterator[None]:
    """A database failure as `Unavailable` with a stable code and the office; its own facts are kept."""
    try:
        yield
    except AccessError as error:
        error.facts.setdefault("office", office)
        raise
    except psycopg.Error as error:
        raise Unavailable(_code(error), office=office) from error


def _code(error: psycopg.Error) -> str:
    match error:
        case e.DiskFull() | e.OutOfMemory() | e.ConfigurationLimitExceeded():
            return "officedb.disk_full"
        case e.ConnectionTimeout() | e.QueryCanceled() | e.LockNotAvailable():
            return "officedb.slow"
        case e.IdleInTransactionSessionTimeout():  # we ourselves were held up between two statements
            return "officedb.slow"
        case e.UndefinedTable() | e.UndefinedFunction() | e.InvalidSchemaName():
            return "officedb.not_installed"
        case e.InsufficientPrivilege():
            return "officedb.broker_rights"
        case e.InvalidPassword() | e.InvalidAuthorizationSpecification():
            return "officedb.login_refused"
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return _at_connecting(str(error))
        case _:
            return "officedb.failed"


def _at_connecting(text: str) -> str:
    """A refusal before the session stands has no SQLSTATE in libpq, only its sentence."""
    if "password authentication failed" in text or "accessctl: no open lease" in text:
        return "officedb.login_refused"
    if "permission denied for database" in text:
        return "officedb.broker_rights"
    return "officedb.slow" if "timeout" in text else "officedb.down"


def _alive(conn: Connection) -> bool:
    """Ask a connection that lay unused; the answer 'no' closes it."""
    try:
        conn.execute("SELECT 1")
    except psycopg.Error:
        conn.close()
    return not conn.closed
