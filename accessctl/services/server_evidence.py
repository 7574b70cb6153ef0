"""Collecting from the servers' own JSON logs: what no trigger can hide (S32, S33, S57)."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from accessctl.domain.events import Event
from accessctl.errors import AccessError
from accessctl.officedb import witness
from accessctl.officedb.server_events import EventKind, ServerEvent
from accessctl.officedb.server_log import LogBatch, LogMark, read_log
from accessctl.services import findings, matching
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from accessctl.services.evidence import Collector
from accessctl.services.matching import CLOCKS, LOG, TRIGGER, keep_login, mark_of, move_mark
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
        name = f"log:{server}"
        with transaction(self._rt) as session:
            mark = mark_of(session, name)
        since = LogMark(server, mark.detail, mark.position) if mark.detail else None
        batch = read_log(connection, since)
        if batch.mark is None:
            return False
        self._know_sessions(batch)
        with transaction(self._rt) as session:
            if not move_mark(self._rt, session, mark, batch.mark.offset, batch.mark.file):
                return False
            self._take(session, batch, server, host)
        return batch.more

    def _know_sessions(self, batch: LogBatch) -> None:
        """Read the logins of hosts that refused an act first: by them alone it is known whose act it was."""
        dbnames = {event.dbname for event in batch.events if event.kind is EventKind.DENIED}
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
        for event in batch.events:
            self._event(session, event, server, hosts.get(event.dbname, host))

    def _event(self, session: Session, event: ServerEvent, server: str, host: str) -> None:
        if event.kind is EventKind.ADMIN_LOGIN or (event.managed and event.kind in _OUTCOMES):
            self._login(session, event, server, host)
        elif event.kind is EventKind.DENIED:
            self._denied(session, event, server)
        elif event.kind is EventKind.TRIGGER_DISABLED:
            findings.raise_finding(
                self._rt, session, findings.Kind.TRIGGER_TOUCHED, key=f"{event.session_id}", severity=1, office=host,
                details={"role": event.role, "at": event.at.isoformat()},
            )  # fmt: skip

    def _login(self, session: Session, event: ServerEvent, server: str, host: str) -> None:
        identity = keep_login(
            session, source=LOG, server=server, host=host, at=event.at, role=event.role, lease_id=None, pid=event.pid,
            started=_started(event.session_id), outcome=_OUTCOMES[event.kind], application=event.app_name,
            client_addr=event.addr, client_port=event.port,
        )  # fmt: skip
        if identity is None:
            return
        login = session.get_one(Login, identity)
        account = session.scalars(select(Account).where(Account.role == event.role)).first()
        if account is None:
            if event.kind is EventKind.LOGIN_OK:
                matching.unexplained(self._rt, session, login, why="unknown_account")
        elif event.kind is EventKind.LOGIN_FAILED:
            matching.failed_login(self._rt, session, login, account)
        elif event.kind is EventKind.LOGIN_REFUSED:
            origin = Origin("db", event.addr, event.port)
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
    waiting = select(Login).where(Login.source == LOG, Login.outcome == "ok", Login.matched.is_(None))
    for login in session.scalars(waiting.with_for_update(skip_locked=True)).all():
        seen = session.scalars(
            select(Login.id).where(
                Login.source == TRIGGER,
                Login.server == login.server,
                Login.pid == login.pid,
                Login.role == login.role,
                func.date_trunc("second", Login.started) == login.started,
            )
        ).first()
        if seen is not None:
            login.matched = True
        elif _host_was_read(session, login):
            matching.unexplained(rt, session, login, why="no_trigger_row")


def _host_was_read(session: Session, login: Login) -> bool:
    read = session.get(EvidenceMark, f"{login.host}:login")
    return read is not None and read.read_at > login.at + CLOCKS
