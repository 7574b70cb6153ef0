"""Moving the inbox into the log: dense indexes, one signed checkpoint for each batch (audit.md §2.2).

Runs as the database role `sequencer`, the only one that may move rows, in the one process that holds the
advisory lock and the signing key. A crash is a rollback: rows are in the inbox or in the log, never in both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from accessctl.store.journal import WAKE, wait_for_notice
from audit.checkpoint import open_checkpoint, sign_checkpoint
from audit.merkle import Frontier, leaf_hash
from audit.note import Signer, Verifier

BATCH = 256
"""Records under one checkpoint at most: a proof is made from frontiers and from the leaves of a batch or two."""
INDEX_BATCH = 2000
LOCK = 0x6163_6375  # "accu": one sequencer for one control database
CLOCK_LEEWAY = timedelta(seconds=60)

_TAKE = text(
    "WITH moved AS (DELETE FROM audit_inbox WHERE id IN (SELECT id FROM audit_inbox ORDER BY id LIMIT :batch)"
    " RETURNING id, at, leaf) SELECT id, at, leaf FROM moved ORDER BY id"
)
_APPEND = text(
    "WITH appended AS (INSERT INTO audit_log (idx, at, leaf, inbox_id)"
    " SELECT * FROM unnest(CAST(:idx AS bigint[]), CAST(:at AS timestamptz[]), CAST(:leaf AS bytea[]),"
    " CAST(:inbox AS bigint[])))"
    " INSERT INTO audit_checkpoint (size, frontier, note, at) VALUES (:size, :frontier, :note, :signed_at)"
)
_LAST = text("SELECT size, frontier, note, at FROM audit_checkpoint ORDER BY size DESC LIMIT 1")


class LogCorrupt(Exception):
    """The stored checkpoint, frontier and log do not agree; nothing is signed until a person has looked."""


class Sequencer:
    """The state between two batches: the frontier after the last checkpoint that was committed."""

    def __init__(self, connection: Connection, signer: Signer, origin: str) -> None:
        self.connection = connection
        self.signer = signer
        self.origin = origin
        self.frontier = Frontier.empty()

    @classmethod
    def connect(cls, url: str, signer: Signer, origin: str) -> Sequencer:
        """With a connection of its own, as the database role that may move rows."""
        arguments = {"connect_timeout": 3, "application_name": "accessctl sequencer"}
        return cls(create_engine(url, poolclass=NullPool, connect_args=arguments).connect(), signer, origin)

    def elected(self) -> bool:
        """Try to become the one sequencer, and listen for those who wait; kept until the connection ends."""
        won = self.connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}).scalar_one()
        if won:
            self.connection.execute(text(f"LISTEN {WAKE}"))
        self.connection.commit()
        return bool(won)

    def wait(self, seconds: float) -> None:
        """Until somebody wakes us or the time is over."""
        wait_for_notice(self.connection, seconds)

    def close(self) -> None:
        """Give the election up."""
        self.connection.close()

    def resume(self) -> None:
        """Read the last checkpoint, open it with our own key and compare it with the log. Raises LogCorrupt."""
        last = self.connection.execute(_LAST).one_or_none()
        size = self.connection.execute(text("SELECT coalesce(max(idx) + 1, 0) FROM audit_log")).scalar_one()
        self.connection.commit()
        if last is None:
            if size:
                raise LogCorrupt(f"{size} records and no checkpoint")
            return
        frontier = Frontier.from_bytes(bytes(last.frontier))
        signed = open_checkpoint(last.note, [Verifier.from_text(self.signer.verifier_key)])
        if not signed.size == frontier.size == last.size == size or signed.root != frontier.root():
            raise LogCorrupt(f"checkpoint {signed.size}, frontier {frontier.size}, log {size}")
        self.frontier = frontier

    def run_once(self, now: datetime) -> tuple[int, list[str]]:
        """Move one batch; returns how many records, and the event of each whose clock was off by > 60 s."""
        rows = self.connection.execute(_TAKE, {"batch": BATCH}).all()
        if not rows:
            self.connection.rollback()
            return 0, []
        frontier = self.frontier.copy()
        first = frontier.size
        for row in rows:
            frontier.append(leaf_hash(bytes(row.leaf)))
        note = sign_checkpoint(self.signer, self.origin, frontier.size, frontier.root())
        signed = {"size": frontier.size, "frontier": frontier.to_bytes(), "note": note, "signed_at": now}
        self._append(first, rows, signed)
        self.connection.commit()
        self.frontier = frontier
        return len(rows), [json.loads(bytes(r.leaf))["event"] for r in rows if abs(r.at - now) > CLOCK_LEEWAY]

    def _append(self, first: int, rows: Sequence[Any], signed: dict[str, Any]) -> None:
        self.connection.execute(
            _APPEND,
            {
                **signed,
                "idx": list(range(first, first + len(rows))),
                "at": [row.at for row in rows],
                "leaf": [bytes(row.leaf) for row in rows],
                "inbox": [row.id for row in rows],
            },
        )


_UNINDEXED = text(
    "SELECT idx, at, leaf FROM audit_log WHERE idx > (SELECT coalesce(max(idx), -1) FROM audit_index)"
    " ORDER BY idx LIMIT :batch"
)
_INDEXED = (
    "event", "outcome", "actor", "office", "account", "kind", "lease", "dossier", "guest", "host", "subject",
    "correlation",
)  # fmt: skip
_INDEX = text(
    f"INSERT INTO audit_index (idx, at, {', '.join(_INDEXED)})"  # noqa: S608 - names of our own columns
    " SELECT * FROM unnest(CAST(:idx AS bigint[]), CAST(:at AS timestamptz[]), "
    + ", ".join(f"CAST(:{name} AS text[])" for name in _INDEXED)
    + ") ON CONFLICT DO NOTHING"
)


def index_new(connection: Connection) -> int:
    """Bring the search index up to the log; returns how many records were added. Never part of a proof."""
    rows = connection.execute(_UNINDEXED, {"batch": INDEX_BATCH}).all()
    if rows:
        leaves = [json.loads(bytes(row.leaf)) for row in rows]
        found = {name: [leaf.get(name) for leaf in leaves] for name in _INDEXED}
        connection.execute(
            _INDEX, {"idx": [row.idx for row in rows], "at": [row.at for row in rows], **found}
        )
    connection.commit()
    return len(rows)
