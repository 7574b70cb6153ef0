"""What the offices are called in both languages, kept for a few seconds: every page names offices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from accessctl.services.runtime import Runtime
from accessctl.store.models import Office

_KEPT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class OfficeName:
    """One office: its code and what readers of either language call it."""

    code: str
    vi: str
    en: str
    level: str


def office_names(rt: Runtime) -> Mapping[str, OfficeName]:
    """Code → name, and the Vietnamese name → the same. Empty while the control database is out of reach."""
    return rt.kept("office_names", _KEPT, lambda: _read(rt))


def _read(rt: Runtime) -> dict[str, OfficeName]:
    columns = (Office.code, Office.name, Office.name_en, Office.level)
    try:
        with rt.sessions() as session:
            found = [OfficeName(*row) for row in session.execute(select(*columns))]
    except SQLAlchemyError:  # a page must not fail for the sake of a name
        return {}
    return {key: name for name in found for key in (name.code, name.vi)}
