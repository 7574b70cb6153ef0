"""Collecting what an office database wrote down itself: logins, acts, ends of leases (access.md §5)."""

from __future__ import annotations

import time
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName
from accessctl.domain.events import Event
from accessctl.domain.leases import EndReason, LeaseState
from accessctl.domain.permissions import Permission
from accessctl.officedb import witness
from accessctl.services import accounts, closing, findings, ledger, matching
from accessctl.services.actor import Actor, Origin, actor_by_id
from accessctl.services.control import transaction
from accessctl.services.matching import TRIGGER, Mark, keep_login, mark_of, move_mark
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Act, Lease, Login

ACTIONS = {
    Permission.REISSUE_VIEW: Event.REISSUE_VIEWED,
    Permission.CARD_REISSUE: Event.CARD_REISSUED,
    Permission.HOLDER_VIEW: Event.HOLDER_VIEWED,
    Permission.HOLDER_CORRECT: Event.HOLDER_CORRECTED,
}

_SAY_AGAIN = 2.0
"""Seconds after which a host with nothing new is noted as read all the same: absence of a login is evidence too."""


class Collector:
    """Reads one host's witness tables; any number of processes may do so, each batch is taken once."""

    def __init__(self, rt: Runtime, host: str) -> None:
        self._rt = rt
        self._host = host
        self._said_at = 0.0

    def turn(self) -> int:
        """Fetch, then take over in the control database; returns how many rows were new."""
        rt, host = self._rt, self._host
        with transaction(rt) as session:
            marks = [mark_of(session, f"{host}:{table}") for table in ("login", "act", "lease_end")]
        with rt.offices.witness(host) as connection:
            server = witness.system_identifier(connection)
            logins = witness.logins_since(connection, marks[0].position)
            acts = witness.acts_since(connection, marks[1].position)
            ends = witness.lease_ends_since(connection, marks[2].position)
            running = witness.sessions(connection)
        if running:
            self._see_alive({session.role for session in running})
        quiet = not (any(row.managed for row in logins.rows) or acts.rows or ends.rows)
        if quiet and time.monotonic() - self._said_at < _SAY_AGAIN:
            return 0
        new = self._take_logins(marks[0], logins, server) + self._take_acts(marks[1], acts)
        self._take_ends(marks[2], ends)
        self._said_at = time.monotonic()
        return new

    def _take_logins(self, mark: Mark, batch: witness.Batch[witness.Login], server: str) -> int:
        with transaction(self._rt) as session:
            if not move_mark(self._rt, session, mark, batch.mark):
                return 0
            return sum(self._take_login(session, row, server) for row in batch.rows if row.managed)

    def _take_login(self, session: Session, row: witness.Login, server: str) -> bool:
        rt = self._rt
        identity = keep_login(
            session, source=TRIGGER, server=server, host=self._host, at=row.at, role=row.role, lease_id=row.lease_id,
            pid=row.pid, started=row.backend_start or row.at, outcome="ok", application=row.application_name,
            client_addr=str(row.client_addr) if row.client_addr else None, client_port=row.client_port,
        )  # fmt: skip
        if identity is None:
            return False
        login = session.get_one(Login, identity)
        lease = matching.explained(session, row.lease_id, row.role)
        if lease is None:
            matching.unexplained(rt, session, login, why="no_such_lease")
            return True
        login.matched = True
        origin = Origin("db", login.client_addr, login.client_port, lease.correlation)
        details = {"pid": row.pid, "application": row.application_name, "at": row.at.isoformat()}
        record(
            rt,
            session,
            Event.DB_LOGIN,
            actor=_holder(rt, session, lease, origin),
            lease=lease,
            details=details,
        )
        if lease.client:
            lease.seen_at = rt.now()
        return True

    def _take_acts(self, mark: Mark, batch: witness.Batch[witness.Act]) -> int:
        with transaction(self._rt) as session:
            if not move_mark(self._rt, session, mark, batch.mark):
                return 0
            return sum(self._take_act(session, row) for row in batch.rows)

    def _take_act(self, session: Session, row: witness.Act) -> bool:
        rt = self._rt
        lease = matching.explained(session, row.lease_id, row.role)
        known = lease is not None and _logged_in(session, row, self._host)
        statement = insert(Act).values(
            host=self._host, host_id=row.id, at=row.at, lease_id=row.lease_id, officer=row.officer or "",
            action=row.action, subject=lease.subject if lease else None, outcome=row.outcome, matched=known,
        )  # fmt: skip
        if session.execute(statement.on_conflict_do_nothing().returning(Act.id)).scalar() is None:
            return False
        if lease is None or not known:
            self._strange_act(session, row)
        elif lease.client:  # the desk records what it does itself; a person's own client is recorded here
            origin = Origin("db", correlation=lease.correlation)
            done = row.outcome == "ok"
            record(
                rt, session, ACTIONS[Permission(row.action)], actor=_holder(rt, session, lease, origin), lease=lease,
                failed=not done, reason=None if done else f"act.{row.outcome}",
                details={"act": row.id, "at": row.at.isoformat()},
            )  # fmt: skip
        return True

    def _strange_act(self, session: Session, row: witness.Act) -> None:
        details = {"act": row.id, "role": row.role, "action": row.action, "at": row.at.isoformat()}
        account = session.scalars(select(Account).where(Account.role == row.role)).first()
        findings.raise_finding(
            self._rt, session, findings.Kind.UNEXPLAINED_ACT, key=f"{self._host}:{row.id}", severity=1,
            account=account, office=None if account else self._host, details=details,
        )  # fmt: skip
        if account is not None:
            accounts.lock_for(
                self._rt, session, ledger.lock_account(session, account.name), "unexplained_act"
            )

    def _take_ends(self, mark: Mark, batch: witness.Batch[witness.LeaseEnd]) -> None:
        """The host is sure that a lease is over: settle what the ledger may have missed while it was down."""
        for row in batch.rows:
            with transaction(self._rt) as session:
                lease = matching.explained(session, row.lease_id, row.account)
                missed = lease is not None and lease.state_ in (LeaseState.OPENING, LeaseState.ACTIVE)
                if lease is not None and row.changed:
                    findings.raise_finding(
                        self._rt, session, findings.Kind.SELF_CHANGE, key=row.lease_id, severity=2,
                        account=lease.account, lease=lease,
                    )  # fmt: skip
            if missed:
                closing.settle(self._rt, row.lease_id, row.sessions, EndReason(row.reason))
        with transaction(self._rt) as session:
            move_mark(self._rt, session, mark, batch.mark)

    def _see_alive(self, roles: set[str]) -> None:
        """A client lease whose holder has a session open is not abandoned."""
        with transaction(self._rt) as session:
            held = select(Lease).where(
                Lease.host == self._host, Lease.state == LeaseState.ACTIVE, Lease.client
            )
            for lease in session.scalars(held.with_for_update(skip_locked=True, of=Lease)):
                if AccountName.parse(lease.account_name).role in roles:
                    lease.seen_at = self._rt.now()


def _holder(rt: Runtime, session: Session, lease: Lease, origin: Origin) -> Actor:
    return actor_by_id(session, lease.officer_id, origin, rt.now())


def _logged_in(session: Session, row: witness.Act, host: str) -> bool:
    """Whether the very session that acted had logged in under the same lease."""
    started: datetime | None = row.backend_start
    found = select(Login.id).where(
        Login.source == TRIGGER, Login.host == host, Login.lease_id == row.lease_id, Login.pid == row.pid,
        Login.started == started,
    )  # fmt: skip
    return session.scalars(found.limit(1)).first() is not None
