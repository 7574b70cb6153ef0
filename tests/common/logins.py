"""Logins that cost little: with random secrets the 4,096 rounds of SCRAM protect nothing, and cost most of a login."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from accessctl.embedded import Cluster
from accessctl.officedb.credentials import scram_verifier


def make_cheap(cluster: Cluster, addresses: Iterable[str] = ()) -> None:
    """Store one round for the superuser and for everybody in these addresses, under the same passwords."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute("ALTER SYSTEM SET scram_iterations = 1")  # as it pretends for who has no password
        session.execute("SELECT pg_reload_conf()")
        for address in (cluster.dsn(), *addresses):
            known = conninfo_to_dict(address.replace("postgresql+psycopg://", "postgresql://", 1))
            role, verifier = str(known["user"]), scram_verifier(str(known["password"]), 1)
            session.execute(
                sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
            )
