"""That one record stands in the log under the newest signed checkpoint: made, checked, handed out (audit.md §2).

The tree is not stored. What is stored with every checkpoint is its frontier, and every left node of the tree
stands in the frontier of the checkpoints made while its right neighbour grew; a right node is the hash of its two
children. So a proof costs some dozen rows and the records of a batch or two, however long the log is. Nothing of
it is trusted: the finished proof must lead to the signed root. What has led there once is kept in memory where it
stands for many records: a subtree that is full never changes, and most proofs of a long log share their upper part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from accessctl.errors import AccessError, Unavailable
from accessctl.services.runtime import Runtime
from accessctl.store.models import AuditCheckpoint
from audit.errors import AuditError
from audit.merkle import Frontier, leaf_hash, node_hash
from audit.note import Verifier
from audit.proof import prove, verify_proof

_MOST_LEAVES = 65_536
"""A sequencer's batch holds 256 records; where so many stand under one checkpoint, it was not ours that wrote."""
_KEPT_FROM, _KEPT_AT_MOST = 8, 4096
"""Levels (subtrees of 256 records and more) and number of the nodes that are kept; near its leaf each proof looks."""
_SMALL = 6
"""Levels: so small a subtree (64 records) is read whole when no frontier holds it."""
Place = tuple[int, int]
"""(level, index) of a node: the root over leaves [index << level, (index + 1) << level)."""

_FRONTIERS = text(
    "SELECT w.level, w.node, c.frontier"
    " FROM unnest(CAST(:levels AS bigint[]), CAST(:nodes AS bigint[])) AS w(level, node)"
    " CROSS JOIN LATERAL (SELECT frontier FROM audit_checkpoint"
    " WHERE size >= (w.node + 1) << w.level::int AND size < (w.node + 2) << w.level::int"
    " ORDER BY size LIMIT 1) c"
)
_LEAVES = text("SELECT idx, leaf FROM audit_log WHERE idx = ANY(CAST(:places AS bigint[]))")


@dataclass(frozen=True, slots=True)
class RecordProof:
    """Place and hashes in hexadecimal digits; `sound` only after the audit library has checked all of it.

    `text` is the `.tlog-proof` file; empty, and `why` a code, where no proof could be made.
    """

    index: int
    leaf_hash: str
    size: int
    root: str
    origin: str
    signed_at: datetime | None
    path: tuple[str, ...]
    text: str
    sound: bool
    why: str | None


def proof_of(rt: Runtime, session: Session, index: int, leaf: bytes) -> RecordProof:
    """Prove these exact bytes to be record `index` under the newest checkpoint, and check the proof."""
    digest = leaf_hash(leaf).hex()
    newest = session.execute(
        select(AuditCheckpoint.size, AuditCheckpoint.note, AuditCheckpoint.at)
        .order_by(AuditCheckpoint.size.desc())
        .limit(1)
    ).first()
    if newest is None or newest.size <= index:
        return RecordProof(index, digest, 0, "", "", None, (), "", sound=False, why="journal.not_sealed")
    kept: dict[Place, bytes] = rt.kept("nodes of the log", math.inf, dict)
    try:
        tree = Tree(session, newest.size, index, kept)
        made = prove(tree.node, index, newest.note)
        key = Verifier.from_text(rt.settings.need("ACCESSCTL_VERIFIER_KEY"))
        _, head = verify_proof(made.text, leaf, [key])
    except (AuditError, AccessError) as error:
        why = error.code if isinstance(error, AccessError) else "journal.proof_broken"
        return RecordProof(index, digest, newest.size, "", "", newest.at, (), "", sound=False, why=why)
    if len(kept) > _KEPT_AT_MOST:
        kept.clear()
    kept |= tree.upper()
    path = tuple(item.hex() for item in made.path)
    return RecordProof(
        index,
        digest,
        head.size,
        head.root.hex(),
        head.origin,
        newest.at,
        path,
        made.text,
        sound=True,
        why=None,
    )


class Tree:
    """The nodes that the proof of one record needs, fetched in a few statements and computed from what came."""

    def __init__(self, session: Session, size: int, index: int, kept: Mapping[Place, bytes]) -> None:
        self._session = session
        self._wanted = frozenset(_siblings(size, index))
        self._known = {place: node for place in self._wanted if (node := kept.get(place))}
        self._fetch(set(self._wanted - self._known.keys()))

    def upper(self) -> dict[Place, bytes]:
        """The nodes of the path that stand for many records: to be kept once the proof has been checked."""
        return {place: self.node(*place) for place in self._wanted if place[0] >= _KEPT_FROM}

    def node(self, level: int, index: int) -> bytes:
        """The hash of a node, as `audit.merkle` asks for it."""
        place = (level, index)
        if place not in self._known:
            self._known[place] = node_hash(
                self.node(level - 1, 2 * index), self.node(level - 1, 2 * index + 1)
            )
        return self._known[place]

    def _fetch(self, wanted: set[Place]) -> None:
        """What no frontier holds is wanted as its two children, in the end as leaves.

        No frontier ever holds a right node, so all that one is made of is asked for at once. A small subtree that
        is not there is read from its records: asking for its parts one level after the other costs more.
        """
        leaves: set[int] = set()
        while wanted:
            parts = {part for place in wanted for part in _parts(place)}
            leaves |= {index for level, index in parts if level == 0}
            self._from_frontiers({place for place in parts if place[0]})
            missing = {place for place in parts if place[0] and place not in self._known}
            small = {place for place in missing if place[0] <= _SMALL}
            leaves.update(*(range(index << level, index + 1 << level) for level, index in small))
            wanted = {child for place in missing - small for child in _children(place)}
            if len(leaves) + len(wanted) > _MOST_LEAVES:
                raise Unavailable("journal.proof_too_long")
        self._from_log(sorted(leaves))

    def _from_frontiers(self, places: set[Place]) -> None:
        if not places:
            return
        levels, nodes = zip(*sorted(places), strict=True)
        for level, node, data in self._session.execute(
            _FRONTIERS, {"levels": list(levels), "nodes": list(nodes)}
        ):
            frontier = Frontier.from_bytes(bytes(data))
            above = (frontier.size >> level + 1).bit_count()  # wider subtrees stand before it
            if frontier.size >> level & 1:
                self._known[(level, node)] = frontier.nodes[above]

    def _from_log(self, leaves: list[int]) -> None:
        if not leaves:
            return
        rows = self._session.execute(_LEAVES, {"places": leaves})
        self._known |= {(0, idx): leaf_hash(bytes(leaf)) for idx, leaf in rows}
        if not all((0, index) in self._known for index in leaves):
            raise Unavailable("journal.record_missing")


def _siblings(size: int, index: int) -> Iterator[Place]:
    """Every node that the audit path is folded from (RFC 6962 §2.1.1)."""
    start, end = 0, size
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        here = index < middle
        yield from _perfect(middle, end) if here else _perfect(start, middle)
        start, end = (start, middle) if here else (middle, end)


def _perfect(start: int, end: int) -> Iterator[Place]:
    """The perfect subtrees that make up [start, end)."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _parts(place: Place) -> Iterator[Place]:
    """A left node is one; a right node is the left ones along its right edge, and its last leaf."""
    level, index = place
    while level and index % 2:
        level, index = level - 1, 2 * index + 1
        yield level, index - 1
    yield level, index


def _children(place: Place) -> tuple[Place, Place]:
    level, index = place
    return (level - 1, 2 * index), (level - 1, 2 * index + 1)
