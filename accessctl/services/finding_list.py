"""Findings as a list: filtered, worst and newest first, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from accessctl.domain.findings import FindingState
from accessctl.domain.permissions import Permission
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.findings import FindingView, office_names, view, visible
from accessctl.services.runtime import Runtime
from accessctl.store.models import Finding, Officer

PAGE = 50
UNFINISHED = "unfinished"
ORDERS = ("worst", "newest", "oldest")


@dataclass(frozen=True, slots=True)
class FindingQuery:
    """What is looked for; every part given must fit.

    `state` is a state, `unfinished` for all but the closed, or `all`. `older` in days since it was first seen.
    `owner` is `me` or `nobody`. `order` ∈ `ORDERS`.
    """

    state: str = UNFINISHED
    severity: int | None = None
    kind: str = ""
    office: str = ""
    account: str = ""
    older: int | None = None
    owner: str = ""
    order: str = "worst"
    page: int = 1


@dataclass(frozen=True, slots=True)
class FindingPage:
    """One page of `pages`; `total` findings fit."""

    rows: tuple[FindingView, ...]
    page: int
    pages: int
    total: int


def listed(rt: Runtime, session: Session, actor: Actor, query: FindingQuery) -> FindingPage:
    """The findings that fit and that this person may see; Refused where the policy shows none at all."""
    if not any(may(rt, actor, Permission.FINDING_VIEW, code) for code in rt.office_codes()):
        require(rt, actor, Permission.FINDING_VIEW, actor.office)
    fits = [visible(rt, actor), *_filters(rt, actor, query)]
    total = session.scalar(select(func.count()).select_from(Finding).where(*fits)) or 0
    pages = max(1, -(-total // PAGE))
    page = min(max(1, query.page), pages)
    rows = session.execute(
        select(Finding, Officer.full_name)
        .outerjoin(Officer, Officer.id == Finding.owner_id)
        .where(*fits)
        .order_by(*_order(query.order))
        .offset((page - 1) * PAGE)
        .limit(PAGE)
    )
    names = office_names(session)
    return FindingPage(tuple(view(row, names, owner) for row, owner in rows), page, pages, total)


def _filters(rt: Runtime, actor: Actor, query: FindingQuery) -> list[ColumnElement[bool]]:
    fits: list[ColumnElement[bool]] = []
    if query.state == UNFINISHED:
        fits.append(Finding.state != FindingState.CLOSED.value)
    elif query.state in {state.value for state in FindingState}:
        fits.append(Finding.state == query.state)
    for column, value in (
        (Finding.severity, query.severity),
        (Finding.kind, query.kind),
        (Finding.office, query.office.upper()),
        (Finding.account, query.account.upper()),
    ):
        if value:
            fits.append(column == value)
    if query.older is not None:
        fits.append(Finding.first_at < rt.now() - timedelta(days=min(max(query.older, 0), 36_500)))
    if query.owner == "me":
        fits.append(Finding.owner_id == actor.id)
    elif query.owner == "nobody":
        fits.append(Finding.owner_id.is_(None))
    return fits


def _order(order: str) -> tuple[ColumnElement[Any], ...]:
    closed = Finding.state == FindingState.CLOSED.value
    newest = (Finding.last_at.desc(), Finding.id.desc())
    if order == "oldest":
        return (Finding.first_at.asc(), Finding.id.asc())
    return newest if order == "newest" else (closed, Finding.severity.asc(), *newest)
