"""The daily statement: every database login of a day against the leases (S57, domain.md §14 17:00)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as wall
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.clock import PROVINCE_TIME
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.evidence import Collector
from accessctl.services.matching import CLOCKS, TRIGGER
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.services.server_evidence import ServerLogs
from accessctl.store.models import Act, Lease, Login

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Statement:
    """One day, local time. `unexplained` names each login that no lease explains; `unread` hosts were out of reach."""

    day: date
    leases: int
    logins: int
    matched: int
    acts: int
    refused: int
    failed: int
    admin_logins: int
    unexplained: tuple[dict[str, Any], ...]
    unread: dict[str, str]


def reconcile(rt: Runtime, actor: Actor, day: date, *, progress: Progress | None = None) -> Statement:
    """Read every witness to its end, then compare; what does not match becomes a finding and a locked account."""
    for office in sorted(rt.office_codes()):  # the statement is about all of them
        require(rt, actor, Permission.FINDING_VIEW, office)
    unread = collect(rt, progress=progress)
    with transaction(rt) as session:
        statement = statement_of(session, day, unread)
        details = {"day": day.isoformat(), "logins": statement.logins, "matched": statement.matched}
        clean = not statement.unexplained
        record(rt, session, Event.RECONCILIATION_DONE, actor=actor, failed=not clean, details=details,
               reason=None if clean else "finding.unexplained_login")  # fmt: skip
    return statement


def collect(rt: Runtime, *, progress: Progress | None = None) -> dict[str, str]:
    """Bring all evidence in, up to this moment; returns the hosts that could not be read, with the reason.

    A login in a server's log is certain only seconds later (the trigger may still refuse it), so the logs are read
    until what was there at the start is certain.
    """
    unread: dict[str, str] = {}
    hosts = rt.offices.offices
    logs = ServerLogs(rt)
    until = rt.now() + CLOCKS + timedelta(seconds=1)
    while True:
        for number, host in enumerate(hosts, start=1):
            try:
                Collector(rt, host).turn()
                unread.pop(host, None)
            except AccessError as error:
                unread[host] = error.code
            if progress is not None:
                progress(host, number, len(hosts))
        logs.turn()
        if rt.now() > until:
            return unread
        with transaction(rt) as session:
            if not _uncertain(session) and rt.now() > until - timedelta(seconds=3):
                return unread
        time.sleep(0.5)


def _uncertain(session: Session) -> bool:
    waiting = select(Login.id).where(Login.matched.is_(None), Login.outcome == "ok")
    return session.scalars(waiting.limit(1)).first() is not None


def statement_of(session: Session, day: date, unread: dict[str, str]) -> Statement:
    """The comparison alone, of what has been read so far."""
    start = datetime.combine(day, wall(), PROVINCE_TIME)
    end = start + timedelta(days=1)
    logins = session.scalars(select(Login).where(Login.at >= start, Login.at < end).order_by(Login.at)).all()
    sessions: dict[tuple[str, int, int], list[Login]] = {}
    for login in logins:
        if login.outcome == "ok":
            sessions.setdefault((login.server, login.pid, int(login.started.timestamp())), []).append(login)
    strange = [seen for seen in sessions.values() if any(login.matched is False for login in seen)]
    explained = [seen for seen in sessions.values() if _explained(seen)]
    leases = session.scalars(select(Lease.id).where(Lease.opened_at >= start, Lease.opened_at < end)).all()
    acts = session.scalars(select(Act.id).where(Act.at >= start, Act.at < end)).all()
    return Statement(
        day=day,
        leases=len(leases),
        logins=len(sessions),
        matched=len(explained),
        acts=len(acts),
        refused=sum(login.outcome == "refused" for login in logins),
        failed=sum(login.outcome == "failed" for login in logins),
        admin_logins=sum(login.outcome == "admin" for login in logins),
        unexplained=tuple(_told(seen) for seen in strange),
        unread=unread,
    )


def _explained(seen: list[Login]) -> bool:
    return any(login.source == TRIGGER and login.matched for login in seen) and not any(
        login.matched is False for login in seen
    )


def _told(seen: list[Login]) -> dict[str, Any]:
    login = next(entry for entry in seen if entry.matched is False)
    return {
        "at": login.at,
        "host": login.host,
        "role": login.role,
        "lease": login.lease_id,
        "pid": login.pid,
        "address": login.client_addr,
        "application": login.application,
        "witnesses": sorted({entry.source for entry in seen}),
    }
