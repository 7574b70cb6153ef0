"""A single record that can be checked offline without the rest of the log: c2sp.org/tlog-proof@v1."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from audit.checkpoint import Checkpoint, cosignatures, open_checkpoint, parse_checkpoint
from audit.errors import NoteError, ProofError
from audit.merkle import HASH_BYTES, Nodes, inclusion_proof, leaf_hash, verify_inclusion
from audit.note import Verifier
from audit.policy import WitnessPolicy

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PATH = 63


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Index, audit path and signed checkpoint of one record. `extra` is not authenticated by anything."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    @property
    def text(self) -> str:
        """The `.tlog-proof` file."""
        extra = [] if self.extra is None else [f"extra {_encode(self.extra)}"]
        lines = [HEADER, *extra, f"index {self.index}", *map(_encode, self.path), "", ""]
        return "\n".join(lines) + self.checkpoint


def prove(nodes: Nodes, index: int, checkpoint: str) -> TlogProof:
    """The proof of record `index` under this signed checkpoint."""
    head, _ = parse_checkpoint(checkpoint)
    return TlogProof(index, tuple(inclusion_proof(nodes, index, head.size)), checkpoint)


def parse_proof(text: str) -> TlogProof:
    """Read a `.tlog-proof` file in its one canonical form; nothing is verified yet."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines.pop(0) != HEADER:
        raise ProofError("not a tlog-proof")
    extra = _decode(lines.pop(0)[6:]) if lines and lines[0].startswith("extra ") else None
    if not lines or not lines[0].startswith("index "):
        raise ProofError("a tlog-proof names its index")
    number = lines.pop(0)[6:]
    if not number.isascii() or not number.isdecimal() or len(number) > 19 or len(lines) > MAX_PATH:
        raise ProofError("not a tlog-proof")
    proof = TlogProof(int(number), tuple(map(_decode, lines)), checkpoint, extra)
    if any(len(item) != HASH_BYTES for item in proof.path) or proof.text != text:
        raise ProofError("tlog-proof is not in canonical form")
    return proof


def check_path(proof: TlogProof, leaf: bytes, head: Checkpoint) -> None:
    """Return only when the leaf *hash* is the record that the proof names under `head`."""
    verify_inclusion(leaf, proof.index, head.size, head.root, proof.path)


def verify_proof(
    text: str, leaf: bytes, verifiers: Iterable[Verifier], policy: WitnessPolicy | None = None
) -> tuple[int, Checkpoint]:
    """(index, checkpoint) once these exact bytes are proved to be in the log; ProofError or NoteError."""
    proof = parse_proof(text)
    head = open_checkpoint(proof.checkpoint, verifiers)
    if policy is not None:
        seen = cosignatures(proof.checkpoint, policy.witnesses.values())
        if not policy.satisfied(seen.keys()):
            raise NoteError("the witnesses' quorum is not reached")
    check_path(proof, leaf_hash(leaf), head)
    return proof.index, head


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError as error:
        raise ProofError("not base64") from error
