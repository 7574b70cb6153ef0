"""What the frame of every page shows beside the page itself, in one look: the bell, and whether there is a strip."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BindParameter, bindparam, exists, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from accessctl.domain.leases import HOLDS_OFFICER
from accessctl.services.actor import Actor
from accessctl.services.notices import UNREAD
from accessctl.services.runtime import Runtime
from accessctl.store.models import Lease

_HOLDS: BindParameter[list[str]] = bindparam(
    "holds", sorted(HOLDS_OFFICER), expanding=True, literal_execute=True
)
"""Written out: the index over open leases is found by these very words."""
_AROUND = select(
    UNREAD.label("unread"),
    exists().where(Lease.officer_id == bindparam("officer"), Lease.state.in_(_HOLDS)).label("holds"),
)


@dataclass(frozen=True, slots=True)
class Around:
    """`unread`: notices, at most `notices.COUNTED`; `holds`: whether the person holds an account or waits for one."""

    unread: int
    holds: bool


def around(rt: Runtime, session: Session, actor: Actor) -> Around | None:
    """One's own only, so nobody is asked for leave. None where it cannot be read just now: no page fails for it."""
    try:
        return Around(*session.connection().execute(_AROUND, {"officer": actor.id}).one())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return None
