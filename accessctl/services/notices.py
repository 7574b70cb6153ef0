"""Notices: somebody is told of an act, in the act's own transaction; each person reads and chooses for himself.

`notify` is the one way in. Who hears of what stands in `telling`; the words are made when somebody reads
(`notice_words`); mails go out later (`mailing`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.domain.notices import How, NoticeGroup, NoticeKind, kinds_in
from accessctl.errors import Invalid, NotFound
from accessctl.services import notice_words
from accessctl.services.actor import Actor
from accessctl.services.authorize import acts
from accessctl.services.runtime import Runtime
from accessctl.store import noticing
from accessctl.store.models import Notice, NoticeChoice, Officer

PAGE = 30
COUNTED = 100
"""The bell counts no further: `99+`."""
UNREAD = (
    select(func.count())
    .select_from(
        select(Notice.id)
        .where(Notice.officer_id == bindparam("officer"), Notice.read_at.is_(None))
        .limit(COUNTED)
        .subquery()
    )
    .scalar_subquery()
)
"""How many nobody has read; wants the parameter `officer`."""


@dataclass(frozen=True, slots=True)
class NoticeView:
    """One notice in the reader's words; `about` holds the facts that a link needs."""

    id: int
    kind: NoticeKind
    label: str
    title: str
    text: str
    at: datetime
    read_at: datetime | None
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; words that are none narrow nothing."""

    kind: str = ""
    """A kind, or `group:` and a heading."""
    unread: bool = False
    page: int = 1

    @classmethod
    def of(cls, kind: str, unread: str, page: str) -> Filter:
        """From the words of an address."""
        known = {*NoticeKind, *(f"group:{group}" for group in NoticeGroup)}
        whole = page.isascii() and page.isdigit() and len(page) < 7
        return cls(kind if kind in known else "", unread == "1", int(page) if whole else 1)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of one's own notices, unread first, newest first in each part."""

    rows: tuple[NoticeView, ...]
    total: int
    unread: int
    newest: int
    """The number of the newest there is: what is marked as read with it was there when the page was made."""
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Choice:
    """How one kind comes to this person; `fixed` cannot be changed."""

    kind: NoticeKind
    label: str
    how: How
    fixed: bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's choices by heading. `mails` False: no mail goes out here; `daily_at` is local time."""

    groups: list[tuple[str, list[Choice]]]
    email: str
    mails: bool
    daily_at: time | None


def notify(
    rt: Runtime,
    session: Session,
    kind: NoticeKind,
    *,
    to: Collection[int],
    about: Mapping[str, Any],
    mails: bool = True,
    at: datetime | None = None,
    once: str | None = None,
) -> int:
    """Tell these officers, in the caller's transaction; returns how many were told.

    `about` holds codes and names, no secret, nobody's typed reason and no participant. `mails` False keeps it in
    the page. `once`: a person who was told the same before is not told again.
    """
    if not to:
        return 0
    told = noticing.write(
        session, sorted(set(to)), kind=kind.value, usual=kind.usual.value, fixed=kind.fixed, at=at or rt.now(),
        about=about, mails=mails and rt.settings.mails, once=once,
    )  # fmt: skip
    return len(told)


def unread(rt: Runtime, session: Session, actor: Actor) -> int:
    """How many of one's own nobody has read, at most COUNTED: one look into one small index."""
    return session.scalar(select(UNREAD), {"officer": actor.id}) or 0


def mine(rt: Runtime, session: Session, actor: Actor, wanted: Filter, language: str) -> Found:
    """One's own notices; nobody sees another's."""
    narrowed = [Notice.officer_id == actor.id, *_narrowed(wanted)]
    total = session.scalar(select(func.count()).select_from(Notice).where(*narrowed)) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, wanted.page), pages)
    rows = session.scalars(
        select(Notice)
        .where(*narrowed)
        .order_by(Notice.read_at.is_not(None), Notice.id.desc())
        .limit(PAGE)
        .offset((page - 1) * PAGE)
    )
    seen = tuple(_view(rt, row, language) for row in rows)
    newest = session.scalar(select(func.max(Notice.id)).where(Notice.officer_id == actor.id)) or 0
    return Found(seen, total, unread(rt, session, actor), newest, page, pages)


def _narrowed(wanted: Filter) -> list[ColumnElement[bool]]:
    which: list[ColumnElement[bool]] = []
    if wanted.kind.startswith("group:"):
        group = NoticeGroup(wanted.kind.removeprefix("group:"))
        which.append(Notice.kind.in_([kind.value for kind in kinds_in(group)]))
    elif wanted.kind:
        which.append(Notice.kind == wanted.kind)
    if wanted.unread:
        which.append(Notice.read_at.is_(None))
    return which


def one(rt: Runtime, session: Session, actor: Actor, identity: int, language: str) -> NoticeView:
    """One of one's own. Raises NotFound("notice.unknown"), for somebody else's too."""
    return _view(rt, _own(session, actor, identity), language)


def read(rt: Runtime, session: Session, actor: Actor, identity: int, language: str) -> NoticeView:
    """Mark one as read; a second time changes nothing."""
    acts(actor)
    row = _own(session, actor, identity)
    if row.read_at is None:
        row.read_at = rt.now()
    return _view(rt, row, language)


def read_all(rt: Runtime, session: Session, actor: Actor, *, up_to: int) -> int:
    """Mark all as read that the person had before the eyes: none newer than `up_to`. Returns how many."""
    acts(actor)
    seen = update(Notice).where(
        Notice.officer_id == actor.id, Notice.read_at.is_(None), Notice.id <= min(up_to, 2**63 - 1)
    )
    return len(session.execute(seen.values(read_at=rt.now()).returning(Notice.id)).all())


def preferences(rt: Runtime, session: Session, actor: Actor, language: str) -> Preferences:
    """What a person sees before choosing: the kinds, the address, the time of the daily mail."""
    email = session.get_one(Officer, actor.id).email
    try:
        at = rt.settings.digest_at if rt.settings.mails else None
    except Invalid:  # said on the page of the queue and in the worker's log
        at = None
    return Preferences(choices(rt, session, actor, language), email, rt.settings.mails, at)


def choices(rt: Runtime, session: Session, actor: Actor, language: str) -> list[tuple[str, list[Choice]]]:
    """Heading and kinds that this person can meet with, each with the way it comes now.

    By role, or because one has come: whoever was named to read the contact lists has no role that says so (R34).
    """
    chosen = dict(
        session.execute(
            select(NoticeChoice.kind, NoticeChoice.how).where(NoticeChoice.officer_id == actor.id)
        ).all()
    )
    had = set(session.scalars(select(Notice.kind).where(Notice.officer_id == actor.id).distinct()))
    found = []
    for group in NoticeGroup:
        rows = [
            Choice(kind, notice_words.label(kind, language), _how(kind, chosen), kind.fixed)
            for kind in kinds_in(group)
            if kind.concerns(actor.roles) or kind in had
        ]
        if rows:
            found.append((notice_words.heading(group, language), rows))
    return found


def _how(kind: NoticeKind, chosen: Mapping[str, str]) -> How:
    return kind.usual if kind.fixed else How(chosen.get(kind, kind.usual))


def choose(rt: Runtime, session: Session, actor: Actor, wanted: Mapping[str, str]) -> int:
    """Keep how this person wants to be told; returns how many kinds changed. What is fixed stays as it is.

    Raises Invalid("notice.how") for a way that there is none.
    """
    acts(actor)
    changed = 0
    for _, rows in choices(rt, session, actor, "vi"):
        for row in rows:
            how = wanted.get(row.kind.value, row.how.value)
            if how not in set(How):
                raise Invalid("notice.how")
            if how != row.how and not row.fixed:
                _keep(rt, session, actor, row.kind, how)
                changed += 1
    return changed


def _keep(rt: Runtime, session: Session, actor: Actor, kind: NoticeKind, how: str) -> None:
    row = {"officer_id": actor.id, "kind": kind.value, "how": how, "chosen_at": rt.now()}
    kept = insert(NoticeChoice).values(row)
    session.execute(
        kept.on_conflict_do_update(
            index_elements=["officer_id", "kind"], set_={"how": how, "chosen_at": rt.now()}
        )
    )


def _own(session: Session, actor: Actor, identity: int) -> Notice:
    row = session.get(Notice, identity) if 0 < identity < 2**63 else None
    if row is None or row.officer_id != actor.id:
        raise NotFound("notice.unknown")
    return row


def _view(rt: Runtime, row: Notice, language: str) -> NoticeView:
    kind = NoticeKind(row.kind)
    said = notice_words.say(rt, row.kind, row.about, language)
    return NoticeView(
        row.id,
        kind,
        notice_words.label(kind, language),
        said.title,
        said.text,
        row.at,
        row.read_at,
        row.about,
    )
