"""The drift board: per office what the last look found, what can be done about it, who repaired last (policy.md §4)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.domain.permissions import Permission
from accessctl.errors import NotFound
from accessctl.officedb.drifted import Drift
from accessctl.services import drift, repair
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.runtime import Runtime
from accessctl.store.models import DriftLook

_FIELDS = {field.name for field in fields(Drift)}


@dataclass(frozen=True, slots=True)
class OfficeLook:
    """One office as it was seen last. `looked_at` None: never; `code`: why the last try failed, then it is older."""

    office: str
    drifts: tuple[Drift, ...]
    code: str | None
    tried_at: datetime | None
    looked_at: datetime | None
    repaired_at: datetime | None
    repaired_by: str | None
    repaired: int
    remaining: int

    @property
    def grave(self) -> int:
        """How many open something to somebody."""
        return sum(entry.severity == 1 for entry in self.drifts)

    @property
    def by_itself(self) -> tuple[Drift, ...]:
        """What the service may end without a database administrator."""
        return repair.by_itself(self.drifts)

    @property
    def by_admin(self) -> tuple[Drift, ...]:
        """What a database administrator ends with the statements that are shown."""
        return tuple(entry for entry in self.drifts if entry.who == "admin")

    @property
    def by_hand(self) -> tuple[Drift, ...]:
        """What no statement of ours ends."""
        return tuple(entry for entry in self.drifts if entry.who is None)


@dataclass(frozen=True, slots=True)
class OfficeRepair:
    """What a repair would do now, and the name of that plan."""

    look: OfficeLook
    seen: str


def boards(rt: Runtime, session: Session, actor: Actor) -> list[OfficeLook]:
    """Every office whose rights this person may look at, the worst first; nobody is asked now."""
    codes = [code for code in rt.offices.offices if may(rt, actor, Permission.DRIFT_VIEW, code)]
    if not codes:
        require(rt, actor, Permission.DRIFT_VIEW, actor.office)
    rows = {row.office: row for row in session.scalars(select(DriftLook).where(DriftLook.office.in_(codes)))}
    looks = [_look(code, rows.get(code)) for code in codes]
    return sorted(looks, key=lambda look: (look.code is None, -look.grave, -len(look.drifts), look.office))


def board(rt: Runtime, session: Session, actor: Actor, office: str) -> OfficeLook:
    """One office. Raises NotFound("office.unknown")."""
    _known(rt, office)
    require(rt, actor, Permission.DRIFT_VIEW, office)
    return _look(office, session.get(DriftLook, office))


def look_now(rt: Runtime, actor: Actor, office: str) -> drift.OfficeDrift:
    """Compare once more, now."""
    _known(rt, office)
    require(rt, actor, Permission.DRIFT_VIEW, office)
    return drift.look(rt, office)


def preview(rt: Runtime, session: Session, actor: Actor, office: str) -> OfficeRepair:
    """What a repair would do: decided for whoever may repair."""
    _known(rt, office)
    require(rt, actor, Permission.DRIFT_REPAIR, office)
    look = _look(office, session.get(DriftLook, office))
    return OfficeRepair(look, repair.fingerprint(look.drifts))


def apply(rt: Runtime, actor: Actor, office: str, seen: str) -> repair.Outcome:
    """Do what the service may do by itself, if the plan is still the one that was shown."""
    _known(rt, office)
    return repair.apply_seen(rt, actor, office, seen)


def _known(rt: Runtime, office: str) -> None:
    if office not in rt.offices.offices or office not in rt.office_codes():
        raise NotFound("office.unknown", office=office[:20])


def _look(office: str, row: DriftLook | None) -> OfficeLook:
    if row is None:
        return OfficeLook(office, (), None, None, None, None, None, 0, 0)
    return OfficeLook(
        office=office,
        drifts=tuple(_drift(entry) for entry in row.found),
        code=row.code,
        tried_at=row.tried_at,
        looked_at=row.looked_at,
        repaired_at=row.repaired_at,
        repaired_by=row.repaired_by,
        repaired=row.repaired or 0,
        remaining=row.remaining or 0,
    )


def _drift(entry: dict[str, object]) -> Drift:
    """As it was kept; a word that an older version kept and this one does not know is left out."""
    known = {name: value for name, value in entry.items() if name in _FIELDS}
    return Drift(**(known | {"privileges": tuple(known.get("privileges") or ())}))  # type: ignore[arg-type]
