"""Rights that differ from the policy: found in the catalogues, repaired by the exact statements that are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from accessctl.errors import Unavailable
from accessctl.officedb.status import public_findings, trigger_enabled

Session = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Drift:
    """One deviation. `what`: attribute, grant, owner, membership, member, missing, public, trigger.

    `repair` is the SQL that ends it, None where a person has to look.
    """

    role: str
    what: str
    object: str
    repair: str | None


def office_drift(conn: Session) -> list[Drift]:
    """Every deviation in this database, as broker or witness; a group's is listed once."""
    rows = conn.execute(
        "SELECT DISTINCT d.role_name, d.what, d.object, d.repair FROM access.account a,"
        " LATERAL access.account_drift(a.role) d ORDER BY 1, 2, 3"
    )
    found = [Drift(*row) for row in rows]
    found += [Drift("PUBLIC", "public", place, None) for place in public_findings(conn)]
    if not trigger_enabled(conn):
        found.append(Drift("-", "trigger", "accessctl_login", None))
    return found


def repair(admin_dsn: str, drifts: Sequence[Drift]) -> list[Drift]:
    """Execute the repairs in one transaction with a DBA's connection, read again; what is left.

    A broker's REVOKE of a DBA's grant "succeeds" and changes nothing, so it is never tried. Raises
    Unavailable("officedb.down").
    """
    try:
        with psycopg.connect(admin_dsn, connect_timeout=5, application_name="accessctl repair") as conn:
            for drift in drifts:
                if drift.repair is not None:
                    conn.execute(sql.SQL(drift.repair))  # made by the database itself, from its own names
            conn.commit()
            return office_drift(conn)
    except psycopg.OperationalError as error:
        raise Unavailable("officedb.down") from error
