"""Collecting what an office database wrote down itself: logins, acts, ends of leases (access.md §5)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
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
from accessctl.services.matching import TRIGGER, Mark, mark_of, move_mark
from accessctl.services.recording import record, record_all
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Act, Lease, Login

ACTIONS = {
    Permission.REISSUE_VIEW: Event.REISSUE_VIEWED,
    Permission.CARD_REISSUE: Event.CARD_REISSUED,
    Permission.HOLDER_VIEW: Event.HOLDER_VIEWED,
    Permission.HOLDER_CORRECT: Event.HOLDER_CORRECTED,
}

_TABLES = ("login", "act", "lease_end")
_NEED_NOT_LAST = text("SET LOCAL synchronous_commit = off")
_ALIVE_AGAIN = 5.0
"""Seconds between two looks at who is still in there: an account is abandoned after more than a minute of silence."""
_SAY_AGAIN = 2.0
"""Seconds after which a host with nothing new is noted as read all the same: absence of a login is evidence too."""

_Marks = tuple[Mark, Mark, Mark]
"""Of logins, acts and ends."""
_Leases = Mapping[tuple[str | None, str], Lease]
"""By lease id and role, as evidence names them."""


class Collector:
    """Reads one host's witness tables; any number of processes may do so, each batch is taken once."""

    def __init__(self, rt: Runtime, host: str) -> None:
        self._rt = rt
        self._host = host
        self._said_at = self._alive_at = 0.0
        self._marks: _Marks | None = None

    def turn(self) -> int:
        """Fetch, then take over in the control database; returns how many rows were new."""
        marks = self._marks or self._read_marks()
        began = self._rt.now()
        positions = [mark.position for mark in marks]
        with self._rt.offices.witness(self._host) as connection:
            seen = witness.glance(connection, *positions)
            news = witness.read_on(connection, *positions) if seen.news else None
        if seen.running:
            self._see_alive(seen.running)
        if news is None:
            self._say_quiet(marks, seen.mark, began)
            return 0
        self._marks = None
        new = self._take(marks, news, began)
        self._said_at = time.monotonic()
        return new

    def _read_marks(self) -> _Marks:
        with transaction(self._rt) as session:
            login, act, end = (mark_of(session, f"{self._host}:{table}") for table in _TABLES)
        self._marks = login, act, end
        return self._marks

    def _say_quiet(self, marks: _Marks, horizon: int, began: datetime) -> None:
        """Note now and then that the host was read; lost in a crash, it is only said again."""
        if time.monotonic() - self._said_at < _SAY_AGAIN:
            return
        login, act, end = marks
        with transaction(self._rt) as session:
            session.execute(_NEED_NOT_LAST)
            moved = move_mark(session, login, horizon, read_at=began)
        self._said_at = time.monotonic()
        self._marks = (replace(login, position=horizon), act, end) if moved else None

    def _take(self, marks: _Marks, news: witness.News, began: datetime) -> int:
        """What is new, under its marks; the ends that the ledger missed are settled afterwards."""
        new = 0
        managed = [row for row in news.logins if row.managed]
        with transaction(self._rt) as session:
            named = [(row.lease_id, row.role) for row in managed]
            named += [(row.lease_id, row.role) for row in news.acts]
            named += [(row.lease_id, row.account) for row in news.ends]
            leases = matching.explained_all(session, named)
            if move_mark(session, marks[0], news.mark, read_at=began):
                new += self._take_logins(session, managed, news.server, leases)
            if news.acts and move_mark(session, marks[1], news.mark, read_at=began):
                new += sum(
                    self._take_act(session, row, leases.get((row.lease_id, row.role))) for row in news.acts
                )
            missed = self._take_ends(session, news.ends, leases)
            if news.ends and not missed:
                move_mark(session, marks[2], news.mark, read_at=began)
        for row in missed:
            closing.settle(self._rt, row.lease_id, row.sessions, EndReason(row.reason))
        if missed:  # only now: whoever is stopped in between settles them again
            with transaction(self._rt) as session:
                move_mark(session, marks[2], news.mark, read_at=began)
        return new

    def _take_logins(
        self, session: Session, rows: Sequence[witness.Login], server: str, leases: _Leases
    ) -> int:
        rt = self._rt
        kept = matching.keep_logins(session, [self._values(row, server, leases) for row in rows])
        holders: dict[int, Actor] = {}
        told: list[dict[str, Any]] = []
        for login in kept:
            lease = leases.get((login.lease_id, login.role))
            if lease is None:
                matching.unexplained(rt, session, login, why="no_such_lease")
                continue
            origin = Origin("db", login.client_addr, login.client_port, lease.correlation)
            if lease.officer_id not in holders:
                holders[lease.officer_id] = _holder(rt, session, lease, origin)
            actor = replace(holders[lease.officer_id], origin=origin)
            details = {"pid": login.pid, "application": login.application, "at": login.at.isoformat()}
            told.append({"event": Event.DB_LOGIN, "actor": actor, "lease": lease, "details": details})
            if lease.client:
                lease.seen_at = rt.now()
        record_all(rt, session, told)
        return len(kept)

    def _values(self, row: witness.Login, server: str, leases: _Leases) -> dict[str, object]:
        return {
            "source": TRIGGER, "server": server, "host": self._host, "at": row.at, "role": row.role,
            "lease_id": row.lease_id, "pid": row.pid, "started": row.backend_start or row.at, "outcome": "ok",
            "application": row.application_name, "client_port": row.client_port,
            "client_addr": str(row.client_addr) if row.client_addr else None,
            "matched": (row.lease_id, row.role) in leases or None,
        }  # fmt: skip

    def _take_act(self, session: Session, row: witness.Act, lease: Lease | None) -> bool:
        rt = self._rt
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

    def _take_ends(
        self, session: Session, rows: Sequence[witness.LeaseEnd], leases: _Leases
    ) -> list[witness.LeaseEnd]:
        """The host is sure that a lease is over: those that the ledger has missed while it was down."""
        unsettled = (LeaseState.OPENING, LeaseState.ACTIVE)
        missed = []
        for row in rows:
            lease = leases.get((row.lease_id, row.account))
            if lease is not None and row.changed:
                findings.raise_finding(
                    self._rt, session, findings.Kind.SELF_CHANGE, key=row.lease_id, severity=2,
                    account=lease.account, lease=lease,
                )  # fmt: skip
            if lease is not None and lease.state_ in unsettled:
                missed.append(row)
        return missed

    def _see_alive(self, roles: frozenset[str]) -> None:
        """A client lease whose holder has a session open is not abandoned."""
        if time.monotonic() - self._alive_at < _ALIVE_AGAIN:
            return
        self._alive_at = time.monotonic()
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
