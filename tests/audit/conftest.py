"""A small log in files, written by the library's own exporter; every attack starts from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from audit.checkpoint import cosign, sign_checkpoint
from audit.entry import encode
from audit.export import write_bundle
from audit.merkle import Frontier, leaf_hash
from audit.note import Algorithm, Signer
from audit.policy import WitnessPolicy

ORIGIN = "accessctl/daknong/2026"
START = datetime(2026, 7, 1, 2, 10, tzinfo=UTC)


def leaves_of(size: int) -> list[bytes]:
    """Records as the service writes them."""
    return [
        encode(
            {
                "time": START + timedelta(seconds=i),
                "event": "lease.checkout",
                "lease": f"L{i:04d}",
                "actor": "Hoà",
            }
        )
        for i in range(size)
    ]


@dataclass
class Log:
    """A log in memory, its key, and a checkpoint after each batch."""

    signer: Signer
    leaves: list[bytes]
    notes: list[str]
    witnesses: tuple[Signer, ...] = ()

    @classmethod
    def build(
        cls,
        size: int,
        *,
        batch: int = 50,
        signer: Signer | None = None,
        leaves: list[bytes] | None = None,
        witnesses: tuple[Signer, ...] = (),
    ) -> Log:
        signer = signer or Signer.generate(ORIGIN)
        leaves = leaves_of(size) if leaves is None else leaves
        frontier, notes = Frontier.empty(), []
        for leaf in leaves:
            frontier.append(leaf_hash(leaf))
            if frontier.size % batch == 0 or frontier.size == len(leaves):
                note = sign_checkpoint(signer, signer.name, frontier.size, frontier.root())
                for witness in witnesses:
                    note = cosign(note, witness, 1_782_871_800 + frontier.size)
                notes.append(note)
        return cls(signer, leaves, notes, witnesses)

    def write(self, folder: Path, *, step: int = 1, **options: object) -> Path:
        policy = WitnessPolicy.k_of_n(len(self.witnesses), [witness.verifier for witness in self.witnesses])
        arguments: dict[str, object] = {"witness_policy": policy, "checkpoint_step": step, **options}
        write_bundle(
            folder,
            leaves=self.leaves,
            checkpoints=self.notes,
            verifier_key=self.signer.verifier_key,
            **arguments,  # type: ignore[arg-type]
        )
        return folder


@pytest.fixture
def make_log() -> Callable[..., Log]:
    return Log.build


@pytest.fixture
def log() -> Log:
    """620 records under a checkpoint each 50: full and partial tiles on two levels."""
    return Log.build(620)


@pytest.fixture
def bundle(log: Log, tmp_path: Path) -> Path:
    return log.write(tmp_path / "bundle", proofs_for=[0, 299, 619])


@pytest.fixture
def witness() -> Signer:
    return Signer.generate("witness.example/krn", Algorithm.COSIGNATURE)


@pytest.fixture
def tamper() -> Callable[..., None]:
    return rewrite_lines


@pytest.fixture
def reseal() -> Callable[[Path], None]:
    return rewrite_sums


@pytest.fixture
def forge(tmp_path: Path) -> Callable[..., Path]:
    return lambda bundle, leaves, **options: forge_bundle(bundle, leaves, tmp_path / "forged", **options)


def rewrite_lines(bundle: Path, change: Callable[[list[bytes]], Iterable[bytes]]) -> None:
    """Change the bodies on disk, and nothing else."""
    path = bundle / "events.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1]
    path.write_bytes(b"".join(line + b"\n" for line in change(lines)))


def rewrite_sums(bundle: Path) -> None:
    """What every attacker does next: make the hash file right again."""
    files = sorted(path for path in bundle.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [f"{sha256(p.read_bytes()).hexdigest()}  {p.relative_to(bundle).as_posix()}\n" for p in files]
    (bundle / "SHA256SUMS").write_text("".join(lines), "utf-8")


def forge_bundle(bundle: Path, leaves: list[bytes], target: Path, *, signer: Signer | None = None) -> Path:
    """Rewrite all that can be recomputed: bodies, tiles, manifest, sums; sign again when there is a key."""
    notes = [path.read_text("utf-8") for path in sorted((bundle / "checkpoints").iterdir())]
    key = (bundle / "verifier-key").read_text("utf-8")
    if signer is not None:
        notes, key = Log.build(0, leaves=leaves, signer=signer).notes, signer.verifier_key
    write_bundle(target, leaves=leaves, checkpoints=notes, verifier_key=key, checkpoint_step=1)
    shutil.rmtree(bundle)
    return target
