"""The tree as files: the layout of c2sp.org/tlog-tiles, written while streaming and read back for proofs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from audit.errors import ProofError
from audit.merkle import HASH_BYTES, Frontier, Nodes, fold, root

HEIGHT = 8
WIDTH = 1 << HEIGHT

Sink: TypeAlias = Callable[[int, int, bytes], None]
"""Takes (level, tile index, concatenated hashes); fewer than 256 hashes make a partial tile."""


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """`tile/<L>/<N>[.p/<W>]`."""
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """`tile/entries/<N>[.p/<W>]`."""
    return f"tile/entries/{_number(index)}{_partial(width)}"


def _number(index: int) -> str:
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    return "/".join(reversed(parts))


def _partial(width: int) -> str:
    if not 1 <= width <= WIDTH:
        raise ProofError(f"no tile of width {width}")
    return "" if width == WIDTH else f".p/{width}"


def tile_width(size: int, level: int, index: int) -> int:
    """How many hashes this tile has in a log of `size` records; 0 for none."""
    return max(0, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def bundle_entries(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: each leaf behind its 16-bit big-endian length."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


class TileBuilder:
    """Streams leaf hashes into tiles; O(log n) memory, and the root is at hand at every size."""

    __slots__ = ("_frontiers", "_hashes", "_sink", "_tiles", "size")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hashes: list[list[bytes]] = [[]]
        self._frontiers = [Frontier.empty()]
        self._tiles = [0]
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Add the hash of the next leaf."""
        hashes = self._hashes[0]
        hashes.append(leaf)
        self._frontiers[0].append(leaf)
        self.size += 1
        if len(hashes) == WIDTH:
            self._carry(0)

    def _carry(self, level: int) -> None:
        top = self._frontiers[level].nodes[0]
        self._emit(level)
        self._tiles[level] += 1
        self._hashes[level] = []
        self._frontiers[level] = Frontier.empty()
        if level + 1 == len(self._hashes):
            self._hashes.append([])
            self._frontiers.append(Frontier.empty())
            self._tiles.append(0)
        self._hashes[level + 1].append(top)
        self._frontiers[level + 1].append(top)
        if len(self._hashes[level + 1]) == WIDTH:
            self._carry(level + 1)

    def _emit(self, level: int) -> None:
        self._sink(level, self._tiles[level], b"".join(self._hashes[level]))

    def root(self) -> bytes:
        """Tree hash of everything appended so far, in O(log n)."""
        return fold(node for frontier in reversed(self._frontiers) for node in frontier.nodes)

    def finish(self) -> None:
        """Hand out the partial tiles; call once, at the end."""
        for level, hashes in enumerate(self._hashes):
            if hashes:
                self._emit(level)


def split_tile(data: bytes) -> list[bytes]:
    """The hashes of a tile."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def tile_nodes(folder: Path, size: int) -> Nodes:
    """Inner nodes from the tiles of a log of `size` records; ProofError when a tile is missing or cut."""

    @lru_cache(maxsize=64)
    def tile(level: int, index: int) -> bytes:
        width = tile_width(size, level, index)
        if width == 0:
            raise ProofError(f"a log of {size} has no tile {level}/{index}")
        path = folder / tile_path(level, index, width)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ProofError(f"cannot read {path.name}: {error.strerror}") from error
        if len(data) != width * HASH_BYTES:
            raise ProofError(f"tile {level}/{index} is not {width} hashes wide")
        return data

    def node(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, HEIGHT)
        number, offset = divmod(index << height, WIDTH)
        data = tile(tile_level, number)[offset * HASH_BYTES : (offset + (1 << height)) * HASH_BYTES]
        if len(data) != HASH_BYTES << height:
            raise ProofError(f"a log of {size} has no node {level}/{index}")
        return root(split_tile(data))

    return node
