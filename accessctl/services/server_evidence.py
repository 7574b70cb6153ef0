"""Collecting from the servers' own JSON logs: what no trigger can hide (S32, S33, S57)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from accessctl.domain.events import Event
from accessctl.errors import AccessError
from accessctl.officedb import witness
from accessctl.officedb.server_events import EventKind, ServerEvent
from accessctl.officedb.server_log import LogBatch, LogMark, read_log
from accessctl.services import findings, matching
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from accessctl.services.evidence import Collector
from accessctl.services.matching import CLOCKS, LOG, TRIGGER, Mark, keep_logins, mark_of, move_mark
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, EvidenceMark, Login, Office

_OUTCOMES = {
    EventKind.LOGIN_OK: "ok",
    EventKind.LOGIN_FAILED: "failed",
    EventKind.LOGIN_REFUSED: "refused",
    EventKind.ADMIN_LOGIN: "admin",
}


class ServerLogs:
    """Reads the log of every server once, whichever offices live on it."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._servers: dict[str, str] = {}
        self._marks: dict[str, Mark] = {}

    def turn(self) -> None:
        """One batch of each server; then look whether every login of the logs is one that a trigger saw."""
        for host in self._rt.offices.offices:
            server = self._servers.get(host)
            if server is None or server not in {self._servers[h] for h in self._servers if h < host}:
                self._read(host)
        with transaction(self._rt) as session:
            compare(self._rt, session)

    def _read(self, host: str) -> None:
        """Read through this office's witness; an office out of reach leaves the others their turn."""
        try:
            with self._rt.offices.witness(host) as connection:
                server = self._servers[host] = witness.system_identifier(connection)
                first = min(h for h, s in self._servers.items() if s == server)
                while first == host and self._batch(connection, server, host):
                    continue
        except AccessError as error:
            self._rt.step(f"server_log.unread:{host}:{error.code}")

    def _batch(self, connection: witness.Session, server: str, host: str) -> bool:
        """Take one batch over; True when there is more to read at once."""
        mark = self._marks.get(server) or self._read_mark(server)
        since = LogMark(server, mark.detail, mark.position) if mark.detail else None
        began = self._rt.now()
        batch = read_log(connection, since)
        if batch.mark is None or (batch.mark == since and not batch.troubles):
            return False
        self._know_sessions(batch)
        self._marks.pop(server, None)
        with transaction(self._rt) as session:
            if not move_mark(session, mark, batch.mark.offset, batch.mark.file, read_at=began):
                return False
            self._take(session, batch, server, host)
        return batch.more

    def _read_mark(self, server: str) -> Mark:
        with transaction(self._rt) as session:
            self._marks[server] = mark_of(session, f"log:{server}")
        return self._marks[server]

    def _know_sessions(self, batch: LogBatch) -> None:
        """Read the logins of hosts that refused an act first: by them alone it is known whose act it was."""
        dbnames = {event.dbname for event in batch.events if event.kind is EventKind.DENIED}
        if not dbnames:
            return
        with transaction(self._rt) as session:
            codes = session.scalars(select(Office.code).where(Office.dbname.in_(dbnames))).all()
        for code in codes:
            try:
                Collector(self._rt, code).turn()
            except AccessError as error:
                self._rt.step(f"evidence.unread:{code}:{error.code}")

    def _take(self, session: Session, batch: LogBatch, server: str, host: str) -> None:
        for trouble in batch.troubles:
            findings.raise_finding(
                self._rt, session, findings.Kind.SERVER_LOG_GAP, key=f"{server}:{trouble.file}:{trouble.kind}",
                severity=1, office=host, details={"file": trouble.file, "trouble": trouble.kind.value},
            )  # fmt: skip
        hosts = {dbname: code for code, dbname in session.execute(select(Office.code, Office.dbname))}
        self._take_logins(session, batch.events, server, hosts, host)
        for event in batch.events:
            if event.kind is EventKind.DENIED:
                self._denied(session, event, server)
            elif event.kind is EventKind.TRIGGER_DISABLED:
                findings.raise_finding(
                    self._rt, session, findings.Kind.TRIGGER_TOUCHED, key=f"{event.session_id}", severity=1,
                    office=hosts.get(event.dbname, host), details={"role": event.role, "at": event.at.isoformat()},
                )  # fmt: skip

    def _take_logins(
        self,
        session: Session,
        events: Sequence[ServerEvent],
        server: str,
        hosts: Mapping[str, str],
        host: str,
    ) -> None:
        seen = [
            {"source": LOG, "server": server, "host": hosts.get(event.dbname, host), "at": event.at,
             "role": event.role, "lease_id": None, "pid": event.pid, "started": _started(event.session_id),
             "outcome": _OUTCOMES[event.kind], "application": event.app_name, "client_addr": event.addr,
             "client_port": event.port}
            for event in events
            if event.kind is EventKind.ADMIN_LOGIN or (event.managed and event.kind in _OUTCOMES)
        ]  # fmt: skip
        kept = keep_logins(session, seen)
        known = select(Account).where(Account.role.in_({login.role for login in kept}))
        accounts = {account.role: account for account in session.scalars(known)} if kept else {}
        for login in kept:
            self._login(session, login, accounts.get(login.role))

    def _login(self, session: Session, login: Login, account: Account | None) -> None:
        if account is None:
            if login.outcome == "ok":
                matching.unexplained(self._rt, session, login, why="unknown_account")
        elif login.outcome == "failed":
            matching.failed_login(self._rt, session, login, account)
        elif login.outcome == "refused":
            origin = Origin("db", login.client_addr, login.client_port)
            record(
                self._rt, session, Event.DB_REFUSED, account=account, origin=origin, reason="db.no_open_lease"
            )

    def _denied(self, session: Session, event: ServerEvent, server: str) -> None:
        """The database refused an act of an account: whoever held it tried more than the policy gives (S03)."""
        started = _started(event.session_id)
        login = session.scalars(
            select(Login).where(
                Login.source == TRIGGER,
                Login.server == server,
                Login.pid == event.pid,
                func.date_trunc("second", Login.started) == started,
            )
        ).first()
        lease = matching.explained(session, login.lease_id, event.role) if login else None
        origin = Origin("db", event.addr, event.port)
        account = (
            None if lease else session.scalars(select(Account).where(Account.role == event.role)).first()
        )
        details = {"at": event.at.isoformat(), "what": event.message[:200], "pid": event.pid}
        record(
            self._rt, session, Event.DB_DENIED, lease=lease, account=account, origin=origin, reason="db.42501",
            details=details,
        )  # fmt: skip


def _started(session_id: str) -> datetime:
    """The start of a session from PostgreSQL's id for it, `<seconds in hex>.<pid in hex>`, to the second."""
    return datetime.fromtimestamp(int(session_id.partition(".")[0], 16), UTC)


def compare(rt: Runtime, session: Session) -> None:
    """Every login in a server's log must be one that a trigger saw; what is not, once the host was read, is not."""
    waiting = select(Login).where(_WAITING)
    if session.scalars(waiting.limit(1)).first() is None:
        return
    same = aliased(Login)
    seen = exists().where(
        same.source == TRIGGER,
        same.server == Login.server,
        same.pid == Login.pid,
        same.role == Login.role,
        func.date_trunc("second", same.started) == Login.started,
    )
    session.execute(update(Login).where(_WAITING, seen).values(matched=True))
    for login in session.scalars(
        waiting.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    ):
        if _host_was_read(session, login):
            matching.unexplained(rt, session, login, why="no_trigger_row")


_WAITING = and_(Login.matched.is_(None), Login.source == LOG, Login.outcome == "ok")


def _host_was_read(session: Session, login: Login) -> bool:
    read = session.get(EvidenceMark, f"{login.host}:login")
    return read is not None and read.read_at > login.at + CLOCKS
