"""From the words of a search to the places in the log that fit, in the order of the log."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text, union
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.domain.dossiers import BadDossier, DossierNo
from accessctl.domain.event_groups import tags_of
from accessctl.domain.text import BadText, folded, one_line
from accessctl.services.actor import Actor
from accessctl.services.journal_scope import Scope, scopes
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditIndex, Officer

Condition = ColumnElement[bool]

_LONGEST = 100  # characters of one filter; nothing in the log that is searched for is longer
_SLACK = timedelta(days=1)
"""Records stand in the order in which they were sequenced. One is written some seconds after the time it names;
a day is far beyond that, so that a search by time walks the days asked for and no other."""
_SAMPLE = 1000
_PLANNING = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('random_page_cost', '1', true)"
)
_CORRELATION = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2}")


@dataclass(frozen=True, slots=True)
class JournalQuery:
    """What is looked for; every part given must fit.

    `office` is an office's code in any part, `guest` the serving and `host` the managing one. `event` is a tag
    (its failed twin comes with it) or `group:<key>`. `words` is one search field over everything. `number` is a
    record's place in the log; `before` and `after` are places too: older than, newer than.
    """

    words: str = ""
    person: str = ""
    account: str = ""
    kind: str = ""
    office: str = ""
    guest: str = ""
    host: str = ""
    dossier: str = ""
    event: str = ""
    outcome: str = ""
    lease: str = ""
    correlation: str = ""
    number: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None
    after: int | None = None


def indexes(rt: Runtime, session: Session, actor: Actor, query: JournalQuery, *, limit: int) -> list[int]:
    """The first `limit` places that fit and that this person may see, newest first.

    With `query.after` those next above it, still newest first.
    """
    wanted = tidy(query)
    if wanted is None:
        return []
    window = _window(session, wanted)
    fits = _filters(session, wanted)
    if window is None or fits is None:
        return []
    upwards = wanted.after is not None
    walks = [
        _walk([scope.where, *window, *fits, *chosen], limit, upwards=upwards)
        for scope in scopes(rt, actor, {wanted.office, wanted.guest, wanted.host})
        for chosen in _alternatives(wanted, scope)
    ]
    if not walks:
        return []
    # A plan for unknown words would read the whole log for a rare one; planning anew takes a millisecond.
    # The index is in memory: to fetch by place costs no more there than to read on, so that an index which holds
    # exactly what is asked for wins against walking the whole log in the hope that something fits.
    session.execute(_PLANNING)
    found = session.scalars(_together(walks, limit, upwards=upwards)).all()
    return sorted(found, reverse=True)


def tidy(query: JournalQuery) -> JournalQuery | None:
    """The query with NFC words in their written form; None when a part can fit nothing at all."""
    changes: dict[str, Any] = {}
    for part in fields(query):
        value = getattr(query, part.name)
        if not isinstance(value, str) or not value:
            continue
        try:
            changes[part.name] = one_line(value, limit=_LONGEST, empty_ok=True)
        except BadText:
            return None
    for name in ("account", "kind", "office", "guest", "host", "dossier"):
        changes[name] = changes.get(name, "").upper()
    changes["lease"] = changes.get("lease", "").lower()
    return _understood(replace(query, **changes))


def _understood(query: JournalQuery) -> JournalQuery | None:
    """What somebody means who types one word: a record's number, a dossier, an account, a lease, else a person."""
    said = query.words
    if not said:
        return query
    number = _number(said)
    if number is not None:
        return replace(query, words="", number=number)
    for name, reading in (
        ("dossier", _dossier(said)),
        ("account", _account(said)),
        ("lease", _lease(said)),
        ("correlation", said.upper() if _CORRELATION.fullmatch(said.upper()) else None),
    ):
        if reading is not None:
            changes: dict[str, Any] = {"words": "", name: reading}
            return replace(query, **changes) if getattr(query, name) in ("", reading) else None
    return query


def _number(said: str) -> int | None:
    """As the pages write it, `1.234`, too."""
    digits = said.replace(".", "").replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None


def _dossier(said: str) -> str | None:
    try:
        return str(DossierNo.parse(said.upper()))
    except BadDossier:
        return None


def _account(said: str) -> str | None:
    try:
        return str(AccountName.parse(said.upper()))
    except BadAccountName:
        return None


def _lease(said: str) -> str | None:
    try:
        return str(uuid.UUID(said)) if len(said) == 36 else None
    except ValueError:
        return None


def _window(session: Session, query: JournalQuery) -> list[Condition] | None:
    """The stretch of the log to walk; None when it is empty."""
    stretch: list[Condition] = []
    if query.before is not None:
        stretch.append(AuditIndex.idx < query.before)
    if query.after is not None:
        stretch.append(AuditIndex.idx > query.after)
    if query.since is not None:
        near = select(AuditIndex.idx).where(AuditIndex.at >= query.since - _SLACK).order_by(AuditIndex.at)
        first = session.scalar(select(func.min(near.limit(_SAMPLE).subquery().c.idx)))
        if first is None:
            return None
        stretch += [AuditIndex.at >= query.since, AuditIndex.idx >= first]
    if query.until is not None:
        near = (
            select(AuditIndex.idx).where(AuditIndex.at < query.until + _SLACK).order_by(AuditIndex.at.desc())
        )
        last = session.scalar(select(func.max(near.limit(_SAMPLE).subquery().c.idx)))
        if last is None:
            return None
        stretch += [AuditIndex.at < query.until, AuditIndex.idx <= last]
    return stretch


_EQUAL = ("account", "kind", "guest", "host", "dossier", "outcome", "lease", "correlation")


def _filters(session: Session, query: JournalQuery) -> list[Condition] | None:
    """What every record found must fit, whoever asks; None when nothing can."""
    fits = [getattr(AuditIndex, name) == value for name in _EQUAL if (value := getattr(query, name))]
    if query.number is not None:
        fits.append(AuditIndex.idx == query.number)
    for words in (query.person, query.words):
        if words:
            people = people_named(session, words)
            if not people:
                return None
            fits.append(AuditIndex.actor.in_(people))
    return fits


def people_named(session: Session, words: str) -> list[str]:
    """The officer of exactly this user name, or all whose user or full name holds the words, diacritics or not."""
    wanted = folded(words.strip())
    if wanted in ("system", "he thong"):
        return ["system"]
    people = session.execute(select(Officer.username, Officer.full_name)).all()
    exact = [name for name, _ in people if name == words.strip()]
    return exact or [n for n, full_name in people if wanted in folded(n) or wanted in folded(full_name)]


def _alternatives(query: JournalQuery, scope: Scope) -> list[list[Condition]]:
    """Choices that an index cannot walk at once: an office in one of three parts, an event and its twin."""
    choices: list[list[Condition]] = []
    if query.office and query.office != scope.guest:
        parts = (AuditIndex.guest, AuditIndex.host, AuditIndex.office)
        choices.append([part == query.office for part in parts])
    wanted = tags_of(query.event) if query.event else None
    if scope.tags is not None:
        wanted = scope.tags if wanted is None else wanted & scope.tags
    if wanted is not None:
        few = sorted(wanted)
        choices.append(
            [AuditIndex.event == tag for tag in few] if len(few) < 3 else [AuditIndex.event.in_(few)]
        )
    return [list(chosen) for chosen in product(*choices)]


def _walk(conditions: list[Condition], limit: int, *, upwards: bool) -> Select[int]:
    order = AuditIndex.idx.asc() if upwards else AuditIndex.idx.desc()
    return select(AuditIndex.idx).where(*conditions).order_by(order).limit(limit)


def _together(walks: list[Select[int]], limit: int, *, upwards: bool) -> Select[int]:
    if len(walks) == 1:
        return walks[0]
    each = [select(part.c.idx) for part in (walk.subquery() for walk in walks)]
    found = union(*each).subquery()
    return select(found.c.idx).order_by(found.c.idx.asc() if upwards else found.c.idx.desc()).limit(limit)
