"""The RFC 6962 tree: hashes, a frontier that appends in O(log n) memory, and the two kinds of proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import sha256
from typing import TypeAlias

from audit.errors import ProofError

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()

Nodes: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> root of the perfect subtree over leaves [index << level, (index + 1) << level)."""


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256(0x00 ‖ leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


def fold(nodes: Iterable[bytes]) -> bytes:
    """The root over perfect subtrees of falling size, left to right."""
    result: bytes | None = None
    for node in reversed(list(nodes)):
        result = node if result is None else node_hash(node, result)
    return EMPTY_ROOT if result is None else result


class Frontier:
    """All that must be kept to append: one hash per set bit of the size. `append` changes it in place."""

    __slots__ = ("nodes", "size")

    def __init__(self, size: int, nodes: list[bytes]) -> None:
        if size < 0 or len(nodes) != size.bit_count() or any(len(node) != HASH_BYTES for node in nodes):
            raise ProofError(f"{len(nodes)} hashes are no frontier of size {size}")
        self.size = size
        self.nodes = nodes

    @classmethod
    def empty(cls) -> Frontier:
        """Of a log without records."""
        return cls(0, [])

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """What `to_bytes` wrote; ProofError for anything else."""
        size, rest = int.from_bytes(data[:8], "big"), data[8:]
        if len(data) < 8 or len(rest) != HASH_BYTES * size.bit_count():
            raise ProofError("not the bytes of a frontier")
        return cls(size, [rest[at : at + HASH_BYTES] for at in range(0, len(rest), HASH_BYTES)])

    def to_bytes(self) -> bytes:
        """Size as 8 bytes big-endian, then the hashes, widest subtree first."""
        return self.size.to_bytes(8, "big") + b"".join(self.nodes)

    def copy(self) -> Frontier:
        """One that may grow on its own."""
        return Frontier(self.size, list(self.nodes))

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf (32 bytes, from `leaf_hash`)."""
        if len(leaf) != HASH_BYTES:
            raise ProofError("a leaf hash has 32 bytes")
        trailing = self.size
        nodes = self.nodes
        while trailing & 1:
            leaf = sha256(b"\x01" + nodes.pop() + leaf).digest()
            trailing >>= 1
        nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """RFC 6962 Merkle tree hash of everything appended so far."""
        return fold(self.nodes)


def root(hashes: Iterable[bytes]) -> bytes:
    """The tree hash over these leaf hashes."""
    frontier = Frontier.empty()
    for item in hashes:
        frontier.append(item)
    return frontier.root()


def nodes_from(leaf: Callable[[int], bytes]) -> Nodes:
    """Inner nodes computed from an accessor of leaf hashes (a list's `__getitem__` will do), each once."""

    @cache
    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaf(index)
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def range_root(nodes: Nodes, start: int, end: int) -> bytes:
    """Tree hash of D[start:end]; start must be a multiple of the next power of two of the width."""
    parts: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start & ((1 << level) - 1):
            raise ProofError(f"[{start}, {end}) is no subtree")
        parts.append(nodes(level, start >> level))
        start += 1 << level
    return fold(parts)


def _split(width: int) -> int:
    """RFC 6962 §2.1: the largest power of two below the width."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """RFC 6962 §2.1.1 PATH, the leaf's sibling first."""
    if not 0 <= index < size:
        raise ProofError(f"no record {index} in a tree of {size}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_root(nodes, middle, end))
            end = middle
        else:
            path.append(range_root(nodes, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """RFC 6962 §2.1.2 PROOF; from size 0 there is nothing to prove and it is refused."""
    if not 0 < old <= new:
        raise ProofError(f"no consistency proof from {old} to {new}")
    start, end, path = 0, new, []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_root(nodes, middle, end))
            end = middle
        else:
            path.append(range_root(nodes, start, middle))
            start = middle
    if start > 0:
        path.append(range_root(nodes, start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, expected: bytes, path: Sequence[bytes]) -> None:
    """RFC 9162 §2.1.3.2; returns only when the leaf hash is record `index` of the tree `expected`."""
    if not 0 <= index < size:
        raise ProofError(f"no record {index} in a tree of {size}")
    at, last, result = index, size - 1, leaf
    for item in _hashes(path):
        if last == 0:
            raise ProofError("inclusion proof too long")
        if at & 1 or at == last:
            result = node_hash(item, result)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            result = node_hash(result, item)
        at, last = at >> 1, last >> 1
    if last != 0 or result != expected:
        raise ProofError("inclusion proof does not lead to the root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> None:
    """RFC 9162 §2.1.4.2; returns only when the tree `old` is a prefix of `new`. Size 0 is refused."""
    if not 0 < old <= new:
        raise ProofError(f"no consistency proof from {old} to {new}")
    hashes = _hashes(path)
    if old == new:
        if hashes or old_root != new_root:
            raise ProofError("two different trees of one size")
        return
    if old & (old - 1) == 0:
        hashes = [old_root, *hashes]
    if not hashes:
        raise ProofError("consistency proof is empty")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0]
    for item in hashes[1:]:
        if last == 0:
            raise ProofError("consistency proof too long")
        if at & 1 or at == last:
            first, second = node_hash(item, first), node_hash(item, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, item)
        at, last = at >> 1, last >> 1
    if last != 0 or first != old_root or second != new_root:
        raise ProofError("the older tree is no prefix of the newer one")


def _hashes(path: Sequence[bytes]) -> list[bytes]:
    if any(len(item) != HASH_BYTES for item in path):
        raise ProofError("a proof hash has 32 bytes")
    return list(path)
