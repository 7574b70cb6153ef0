"""The mail of the day: what each person wants told once a day, and how often others used an office's data (A11)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from accessctl import clock
from accessctl.domain.notices import NoticeKind
from accessctl.services import telling
from accessctl.services.control import transaction
from accessctl.services.notices import notify
from accessctl.services.runtime import Runtime
from accessctl.store.models import Lease, Province

_GATHER = text("""
    WITH due AS MATERIALIZED (
        SELECT n.officer_id, nextval('mail_id_seq') AS mail_id
          FROM (SELECT DISTINCT officer_id FROM notice WHERE how = 'daily' AND mail_id IS NULL AND at <= :until) n
         WHERE NOT EXISTS (SELECT FROM mail m WHERE m.officer_id = n.officer_id AND m.digest_day = :day)
    ), posted AS (
        INSERT INTO mail (id, officer_id, digest_day, made_at, state, tries, next_try_at)
        SELECT mail_id, officer_id, :day, :now, 'WAITING', 0, :now FROM due
    ), taken AS (
        UPDATE notice n SET mail_id = due.mail_id FROM due
         WHERE n.officer_id = due.officer_id AND n.how = 'daily' AND n.mail_id IS NULL AND n.at <= :until
    )
    SELECT count(*) FROM due
""")


def gather(rt: Runtime) -> int | None:
    """One mail for each person with notices up to the last set time; returns how many, None when another is at it."""
    now = rt.now()
    today, until = last_round(rt)
    with transaction(rt) as session:
        one_at_a_time = select(Province.code).limit(1).with_for_update(skip_locked=True)
        if session.scalar(one_at_a_time) is None:
            return None
        _host_use(rt, session, today, until)
        if not rt.settings.mails:
            return 0
        given = {"until": until, "day": today, "now": now}
        return session.connection().execute(_GATHER, given).scalar_one()


def last_round(rt: Runtime) -> tuple[date, datetime]:
    """The local day and the instant of the last set time that has passed: a worker that was down catches up."""
    here = clock.local(rt.now())
    today = here.date()
    if here.time() < rt.settings.digest_at:
        today -= timedelta(days=1)
    return today, datetime.combine(today, rt.settings.digest_at, clock.PROVINCE_TIME)


def _host_use(rt: Runtime, session: Session, today: date, until: datetime) -> None:
    """The office that answers for data hears how often others worked on it the day before (A11). Told once."""
    day = today - timedelta(days=1)
    begins = datetime.combine(day, datetime.min.time(), clock.PROVINCE_TIME)
    counted = (
        select(Lease.host, Lease.guest, func.count())
        .where(
            Lease.opened_at >= begins,
            Lease.opened_at < begins + timedelta(days=1),
            Lease.guest != Lease.host,
            Lease.state.in_(["ACTIVE", "CLOSING", "CLOSED"]),
        )
        .group_by(Lease.host, Lease.guest)
    )
    uses: dict[str, dict[str, int]] = defaultdict(dict)
    for host, guest, count in session.execute(counted):
        uses[host][guest] = count
    for host, by_office in uses.items():
        readers = [telling.custodians(host, None, until), telling.heads(host)]
        about = {
            "office": host,
            "day": day.isoformat(),
            "count": sum(by_office.values()),
            "by_office": by_office,
        }
        to = {officer for which in readers for officer in session.scalars(which)}
        notify(rt, session, NoticeKind.HOST_USE, to=to, about=about, at=until, once=f"host_use:{host}:{day}")
