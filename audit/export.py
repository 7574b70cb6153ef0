"""Write a bundle that an outsider can verify offline: streaming, and all or nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from string import Template

from audit import bundle
from audit.checkpoint import Checkpoint, parse_checkpoint
from audit.errors import ExportError, NoteError
from audit.merkle import leaf_hash
from audit.note import Verifier
from audit.policy import WitnessPolicy, parse_policy
from audit.proof import prove
from audit.tiles import WIDTH, TileBuilder, bundle_entries, entries_path, tile_nodes, tile_path, tile_width


@dataclass(frozen=True, slots=True)
class Written:
    """What was exported; `checkpoint` is the newest readable one."""

    folder: Path
    size: int
    root: bytes
    checkpoints: int
    unsequenced: int
    checkpoint: Checkpoint | None


def write_bundle(
    folder: Path | str,
    *,
    leaves: Iterable[bytes],
    checkpoints: Iterable[str],
    verifier_key: str,
    witness_policy: WitnessPolicy | str | None = None,
    unsequenced: int | Iterable[bytes] = 0,
    proofs_for: Iterable[int] = (),
    checkpoint_step: int = WIDTH,
    entry_bundles: bool = False,
    at: datetime | None = None,
) -> Written:
    """Export a log; the folder appears complete or not at all, and an existing non-empty one is refused.

    Takes leaves in index order and signed notes by ascending size, from one snapshot. Writes what it is
    given: a log that was tampered with is exported as it is, so that the verifier can show it. Of the
    checkpoints, the last (and the last cosigned) of each `checkpoint_step` records is kept; 1 keeps all.
    """
    target = Path(folder)
    keys = [Verifier.from_text(line) for line in verifier_key.split("\n") if line]
    if not keys:
        raise ExportError("no verifier key")
    policy = _policy(witness_policy, keys)
    _refuse_existing(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        writer = _Writer(temporary)
        writer.leaves(leaves, entry_bundles=entry_bundles)
        writer.checkpoints(checkpoints, max(1, checkpoint_step))
        writer.unsequenced(unsequenced)
        writer.proofs(proofs_for)
        writer.papers(keys, policy, at or datetime.now(UTC))
        written = writer.finish(target)
        os.rename(temporary, target)  # fails when the target has meanwhile been filled
    except BaseException:
        shutil.rmtree(temporary)
        raise
    return written


def _refuse_existing(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ExportError(f"{target} is not a folder")
    if target.exists() and any(target.iterdir()):
        raise ExportError(f"{target} is not empty")


def _policy(given: WitnessPolicy | str | None, keys: list[Verifier]) -> str:
    if isinstance(given, str):
        return given if parse_policy(given) else ""
    text = (given or WitnessPolicy()).text
    logs = "" if given and given.logs else "".join(f"log {key.text}\n" for key in keys)
    return logs + text


class _Writer:
    """One bundle being written; remembers the digest of each file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sums: dict[str, str] = {}
        self._tree = TileBuilder(self._tile)
        self._checkpoints = 0
        self._unsequenced = 0
        self._latest: tuple[Checkpoint, str] | None = None

    def leaves(self, leaves: Iterable[bytes], *, entry_bundles: bool) -> None:
        """Bodies, tiles and, when asked for, entry bundles, in one pass."""
        pending: list[bytes] = []
        digest = sha256()
        with (self._folder / bundle.EVENTS).open("wb") as file:
            for leaf in leaves:
                line = _line(leaf, f"record {self._tree.size}")
                file.write(line)
                digest.update(line)
                self._tree.append(leaf_hash(leaf))
                if entry_bundles:
                    pending.append(leaf)
                    if len(pending) == WIDTH:
                        self._entries(pending)
                        pending.clear()
        if pending:
            self._entries(pending)
        self._sums[bundle.EVENTS] = digest.hexdigest()
        self._tree.finish()

    def checkpoints(self, notes: Iterable[str], step: int) -> None:
        """Keep the last note, and the last cosigned note, of each stretch of `step` records."""
        unreadable = stretch = 0
        kept: dict[bool, tuple[int, str]] = {}
        for note in notes:
            try:
                head, parsed = parse_checkpoint(note)
            except NoteError:
                unreadable += 1  # evidence, not rubbish: the verifier names it
                name = f"{bundle.CHECKPOINTS}/unreadable-{unreadable:06d}.note"
                self._write(name, note.encode("utf-8", "replace"))
                continue
            if self._latest and head.size <= self._latest[0].size:
                raise ExportError(f"checkpoint {head.size} after {self._latest[0].size}")
            if (head.size - 1) // step != stretch:
                self._flush(kept)
                stretch = (head.size - 1) // step
            cosigned = len(parsed.signatures) > 1
            kept[cosigned] = (head.size, note)
            self._latest = (head, note)
        self._flush(kept)
        if self._latest:
            self._write(bundle.CHECKPOINT, self._latest[1].encode())

    def _flush(self, kept: dict[bool, tuple[int, str]]) -> None:
        for size, note in kept.values():
            self._write(f"{bundle.CHECKPOINTS}/{size:012d}.note", note.encode())
            self._checkpoints += 1
        kept.clear()

    def unsequenced(self, rows: int | Iterable[bytes]) -> None:
        """Records that were accepted but are under no checkpoint yet; their number is always told."""
        if isinstance(rows, int):
            self._unsequenced = rows
            return
        lines = [_line(row, f"unsequenced record {number}") for number, row in enumerate(rows)]
        self._unsequenced = len(lines)
        self._write(bundle.UNSEQUENCED, b"".join(lines))

    def proofs(self, indices: Iterable[int]) -> None:
        """A `.tlog-proof` for each record asked for, under the newest checkpoint."""
        nodes = tile_nodes(self._folder, self._tree.size)
        for index in indices:
            if self._latest is None or not 0 <= index < self._latest[0].size <= self._tree.size:
                raise ExportError(f"record {index} is under no checkpoint")
            proof = prove(nodes, index, self._latest[1])
            self._write(f"{bundle.PROOFS}/{index}.tlog-proof", proof.text.encode())

    def papers(self, keys: list[Verifier], policy: str, at: datetime) -> None:
        """Key, policy, manifest and the instructions."""
        head = self._latest[0] if self._latest else None
        size = self._tree.size
        manifest = {
            "checkpoint_size": head.size if head else None,
            "checkpoints": self._checkpoints,
            "exported_at": at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "format": bundle.FORMAT,
            "origin": keys[-1].name,
            "root": self._tree.root().hex(),
            "size": size,
            "unsequenced": self._unsequenced,
        }
        self._write(bundle.KEY, "".join(f"{key.text}\n" for key in keys).encode())
        self._write(bundle.POLICY, policy.encode())
        self._write(bundle.MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")
        template = Template(Path(__file__).with_name("bundle_readme.vi.md").read_text("utf-8"))
        first_tile = tile_path(0, 0, tile_width(size, 0, 0)) if size else "tile/0/000"
        words = {"origin": keys[-1].name, "size": size, "tile": first_tile, "at": manifest["exported_at"]}
        self._write(bundle.README, template.substitute(words).encode())

    def finish(self, target: Path) -> Written:
        """SHA256SUMS last: it names every other file."""
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(self._sums.items()))
        (self._folder / bundle.SUMS).write_bytes(lines.encode())
        head = self._latest[0] if self._latest else None
        root = self._tree.root()
        return Written(target, self._tree.size, root, self._checkpoints, self._unsequenced, head)

    def _tile(self, level: int, index: int, data: bytes) -> None:
        self._write(tile_path(level, index, len(data) // 32), data)

    def _entries(self, leaves: list[bytes]) -> None:
        index = (self._tree.size - 1) // WIDTH
        if any(len(leaf) >= 1 << 16 for leaf in leaves):
            raise ExportError("an entry bundle holds records of at most 65,535 bytes")
        self._write(entries_path(index, len(leaves)), bundle_entries(leaves))

    def _write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self._sums[name] = sha256(data).hexdigest()


def _line(leaf: bytes, what: str) -> bytes:
    if b"\n" in leaf:
        raise ExportError(f"{what} is more than one line: not a canonical record")
    return leaf + b"\n"
