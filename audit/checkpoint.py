"""Signed tree heads (C2SP tlog-checkpoint) and the cosignatures of witnesses (C2SP tlog-cosignature)."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from audit.errors import NoteError, UnknownKey
from audit.merkle import HASH_BYTES
from audit.note import Algorithm, Note, Signer, Verifier, check_text, parse_note, sign_note, verified


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log promised at one moment: this many records, with this root."""

    origin: str
    size: int
    root: bytes
    extension: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lines = (self.origin, *self.extension)
        if any(not line or "\n" in line for line in lines):
            raise NoteError("a checkpoint has no empty lines")
        if not 0 <= self.size < 2**63 or len(self.root) != HASH_BYTES:
            raise NoteError("a checkpoint has a size and a root of 32 bytes")

    @property
    def text(self) -> str:
        """The note text that is signed."""
        encoded = base64.b64encode(self.root).decode()
        return check_text("\n".join((self.origin, str(self.size), encoded, *self.extension)) + "\n")

    @classmethod
    def from_text(cls, text: str) -> Checkpoint:
        """Read a note text; NoteError unless `text` would write exactly the same."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not lines[1].isascii() or not lines[1].isdecimal() or len(lines[1]) > 19:
            raise NoteError("not a checkpoint")
        try:
            head = cls(lines[0], int(lines[1]), base64.b64decode(lines[2]), tuple(lines[3:]))
        except ValueError as error:
            raise NoteError(f"not a checkpoint: {error}") from error
        if head.text != text:
            raise NoteError("checkpoint is not in canonical form")
        return head


def parse_checkpoint(note: str) -> tuple[Checkpoint, Note]:
    """Read without trusting: no signature is looked at."""
    parsed = parse_note(note)
    return Checkpoint.from_text(parsed.text), parsed


def sign_checkpoint(signer: Signer, origin: str, size: int, root: bytes) -> str:
    """The signed note; the key must be named like the origin, as others' verifiers expect."""
    if signer.name != origin or signer.algorithm is not Algorithm.ED25519:
        raise NoteError(f"key {signer.name} does not sign for log {origin}")
    return sign_note(Checkpoint(origin, size, root).text, [signer])


def open_checkpoint(note: str, verifiers: Iterable[Verifier]) -> Checkpoint:
    """The head, once a known key of this very log signed it; UnknownKey or SignatureInvalid otherwise."""
    head, parsed = parse_checkpoint(note)
    logs = [key for key in verifiers if key.algorithm is Algorithm.ED25519 and key.name == head.origin]
    if not verified(parsed, logs):
        raise UnknownKey(f"no known key of log {head.origin} signed this checkpoint")
    return head


def cosign(note: str, witness: Signer, timestamp: int) -> str:
    """The note with one more line: the witness saw this consistent tree at `timestamp` (POSIX seconds)."""
    head, parsed = parse_checkpoint(note)
    if witness.algorithm is not Algorithm.COSIGNATURE:
        raise NoteError("a witness signs with a cosignature key")
    line = witness.sign(head.text, timestamp=timestamp)
    return str(Note(parsed.text, (*parsed.signatures, line)))


def cosignatures(note: str, witnesses: Iterable[Verifier]) -> dict[Verifier, int]:
    """Known witnesses that cosigned, with their POSIX time; SignatureInvalid for a wrong cosignature."""
    keys = [key for key in witnesses if key.algorithm is Algorithm.COSIGNATURE]
    found = verified(parse_note(note), keys)
    return {key: int.from_bytes(signature.value[:8], "big") for key, signature in found}
