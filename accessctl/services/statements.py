"""The daily statements: every login of a day against the leases, day by day, and one day as a sheet (S57)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as wall

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from accessctl.clock import PROVINCE_TIME, local
from accessctl.domain.events import Event, failed
from accessctl.domain.permissions import Permission
from accessctl.errors import Invalid
from accessctl.services import reconciliation
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.reconciliation import Statement
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditIndex, AuditLog, EvidenceMark

DAYS = 31
_EARLIEST = date(2018, 4, 1)  # R4: nothing was lent before

# One session has up to two witnesses; the login is explained by the trigger's row, and by none that says otherwise.
_BY_DAY = text(
    "SELECT day, count(*), count(*) FILTER (WHERE explained AND NOT strange), count(*) FILTER (WHERE strange)"
    " FROM (SELECT (at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day,"
    "              bool_or(source = 'trigger' AND coalesce(matched, false)) AS explained,"
    "              bool_or(matched IS NOT DISTINCT FROM false) AS strange"
    "         FROM login WHERE at >= :since AND at < :until AND outcome = 'ok'"
    "        GROUP BY day, server, pid, date_trunc('second', started)) AS sessions GROUP BY day"
)


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day: database logins, those that a lease explains, those that none does; who reconciled it last, and when."""

    day: date
    logins: int
    matched: int
    unexplained: int
    done_at: datetime | None
    done_by: str | None

    @property
    def clean(self) -> bool:
        """Whether every login is explained."""
        return self.unexplained == 0


@dataclass(frozen=True, slots=True)
class DaySheet:
    """A day's statement as the evidence read so far gives it; `read_at` says how far each office was read."""

    statement: Statement
    line: DayLine
    read_at: dict[str, datetime | None]


def days(rt: Runtime, session: Session, actor: Actor) -> list[DayLine]:
    """The last `DAYS` days, newest first; about all offices, so for whom all findings are open."""
    _require(rt, actor)
    today = local(rt.now()).date()
    return _lines(session, today - timedelta(days=DAYS - 1), today)


def offered(rt: Runtime, session: Session, actor: Actor) -> DayLine | None:
    """Today's line, for whom the statements are; None for anybody else."""
    if not all(may(rt, actor, Permission.FINDING_VIEW, office) for office in rt.office_codes()):
        return None
    today = local(rt.now()).date()
    return _lines(session, today, today)[0]


def day_sheet(rt: Runtime, session: Session, actor: Actor, day: date) -> DaySheet:
    """One day from what has been read; reading to the end is `reconcile_day`. Raises
    Invalid("reconciliation.no_day").
    """
    _require(rt, actor)
    _existing(rt, day)
    marks = select(EvidenceMark.name, EvidenceMark.read_at).where(EvidenceMark.name.endswith(":login"))
    read = {name.partition(":")[0]: at for name, at in session.execute(marks)}
    return DaySheet(
        statement=reconciliation.statement_of(session, day, {}),
        line=_lines(session, day, day)[0],
        read_at={code: read.get(code) for code in rt.offices.offices},
    )


def reconcile_day(rt: Runtime, actor: Actor, day: date) -> Statement:
    """The same as `accessctl reconcile --day`: read every witness to its end, compare, record."""
    _require(rt, actor)
    _existing(rt, day)
    return reconciliation.reconcile(rt, actor, day)


def _require(rt: Runtime, actor: Actor) -> None:
    for office in sorted(rt.office_codes()):
        require(rt, actor, Permission.FINDING_VIEW, office)


def _existing(rt: Runtime, day: date) -> None:
    if not _EARLIEST <= day <= local(rt.now()).date():
        raise Invalid("reconciliation.no_day", day=f"{day:%d/%m/%Y}")


def _lines(session: Session, first: date, last: date) -> list[DayLine]:
    since = datetime.combine(first, wall(), PROVINCE_TIME)
    until = datetime.combine(last, wall(), PROVINCE_TIME) + timedelta(days=1)
    counted = {row[0]: row[1:] for row in session.execute(_BY_DAY, {"since": since, "until": until})}
    done = _done(session, since)
    lines = []
    for number in range((last - first).days + 1):
        day = last - timedelta(days=number)
        logins, matched, strange = counted.get(day, (0, 0, 0))
        at, who = done.get(day.isoformat(), (None, None))
        lines.append(DayLine(day, logins, matched, strange, at, who))
    return lines


def _done(session: Session, since: datetime) -> dict[str, tuple[datetime, str]]:
    """Day → when and by whom it was reconciled last, as the log says."""
    tags = (Event.RECONCILIATION_DONE.value, failed(Event.RECONCILIATION_DONE))
    rows = session.execute(
        select(AuditIndex.at, AuditLog.leaf)
        .join(AuditLog, AuditLog.idx == AuditIndex.idx)
        .where(AuditIndex.event.in_(tags), AuditIndex.at >= since)
        .order_by(AuditIndex.idx.desc())
        .limit(1000)
    )
    found: dict[str, tuple[datetime, str]] = {}
    for at, leaf in rows:
        said = json.loads(bytes(leaf))
        found.setdefault(said["details"]["day"], (at, said.get("actor_name", said["actor"])))
    return found
