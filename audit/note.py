"""C2SP signed notes (c2sp.org/signed-note) with Ed25519: keys as text, signing, strict opening."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.errors import NoteError, SignatureInvalid, UnknownKey

MAX_SIGNATURES = 100
_DASH = "\u2014 "
_SIGNING_PREFIX = "PRIVATE+KEY+"


class Algorithm(IntEnum):
    """Signature type bytes of signed-note that this library knows."""

    ED25519 = 1
    COSIGNATURE = 4  # c2sp.org/tlog-cosignature: 8 bytes of POSIX time, then Ed25519


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who claims to have signed, and the bytes."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.value).decode()}"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key under a name; what must reach an outsider by a second way."""

    name: str
    public: bytes
    algorithm: Algorithm = Algorithm.ED25519

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != 32:
            raise NoteError("an Ed25519 public key has 32 bytes")

    @classmethod
    def from_text(cls, text: str) -> Verifier:
        """Read `name+keyid+base64`; NoteError when the key id does not belong to the key."""
        name, key_id, algorithm, material = _parse_key(text)
        verifier = cls(name, material, algorithm)
        if verifier.key_id != key_id:
            raise NoteError("the key id does not fit the key")
        return verifier

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ LF ‖ type ‖ key)[:4]."""
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """The verifier key (vkey) as others' tools read it."""
        return _key_text(self.name, self.key_id, self.algorithm, self.public)

    def check(self, text: str, signature: Signature) -> None:
        """Return only when this key made the signature over the text; SignatureInvalid otherwise."""
        message, value = signed_message(self.algorithm, text, signature.value)
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(value, message)
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalid(f"signature of {self.name} does not fit the text") from error


@dataclass(frozen=True, slots=True)
class Signer:
    """A secret key under a name; its text form belongs in a file with mode 0600 and nowhere else."""

    name: str
    key: Ed25519PrivateKey = field(repr=False)
    algorithm: Algorithm = Algorithm.ED25519

    @classmethod
    def generate(cls, name: str, algorithm: Algorithm = Algorithm.ED25519) -> Signer:
        """A new key. A log's key is named like the log's origin."""
        _check_name(name)
        return cls(name, Ed25519PrivateKey.generate(), algorithm)

    @classmethod
    def from_text(cls, text: str) -> Signer:
        """Read what `to_text` wrote (the form of Go's sumdb/note)."""
        if not text.startswith(_SIGNING_PREFIX):
            raise NoteError("not a signing key")
        name, key_id, algorithm, seed = _parse_key(text[len(_SIGNING_PREFIX) :])
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(seed), algorithm)
        if signer.verifier.key_id != key_id:
            raise NoteError("the key id does not fit the key")
        return signer

    def renamed(self, name: str) -> Signer:
        """The same secret under the name of the next year's log."""
        _check_name(name)
        return Signer(name, self.key, self.algorithm)

    def to_text(self) -> str:
        """`PRIVATE+KEY+name+keyid+base64`; secret."""
        seed = self.key.private_bytes_raw()
        return _SIGNING_PREFIX + _key_text(self.name, self.verifier.key_id, self.algorithm, seed)

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.key.public_key().public_bytes_raw(), self.algorithm)

    @property
    def verifier_key(self) -> str:
        """The public half as text."""
        return self.verifier.text

    def sign(self, text: str, *, timestamp: int | None = None) -> Signature:
        """Sign a note's text; a cosigner also says when (POSIX seconds)."""
        stamp = b""
        if self.algorithm is Algorithm.COSIGNATURE:
            if timestamp is None or not 0 <= timestamp < 2**63:
                raise NoteError("a cosignature carries its time")
            stamp = timestamp.to_bytes(8, "big")
        message, _ = signed_message(self.algorithm, check_text(text), stamp + bytes(64))
        return Signature(self.name, self.verifier.key_id, stamp + self.key.sign(message))


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note: text with its final newline, and the signature lines in order."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(f"{line}\n" for line in self.signatures)


def signed_message(algorithm: Algorithm, text: str, value: bytes) -> tuple[bytes, bytes]:
    """(bytes that are signed, Ed25519 signature) for a signature value of this type."""
    if algorithm is Algorithm.ED25519:
        return text.encode(), value
    if len(value) != 72 or value[0] & 0x80:
        raise SignatureInvalid("not a timestamped signature")
    stamp = int.from_bytes(value[:8], "big")
    return f"cosignature/v1\ntime {stamp}\n{text}".encode(), value[8:]


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """The note as it is stored and published."""
    return str(Note(check_text(text), tuple(signer.sign(text) for signer in signers)))


def parse_note(note: str) -> Note:
    """Split a note into text and signature lines; nothing is verified yet."""
    text, blank, block = note.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise NoteError("a note is text, an empty line and signature lines")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"more than {MAX_SIGNATURES} signatures")
    return Note(check_text(text + "\n"), tuple(_parse_signature(line) for line in lines))


def open_note(note: str, verifiers: Iterable[Verifier]) -> tuple[Note, tuple[Verifier, ...]]:
    """The note and the known keys that signed it: at least one, and none of them wrongly."""
    parsed = parse_note(note)
    signed = verified(parsed, verifiers)
    if not signed:
        raise UnknownKey("signed by no known key")
    return parsed, tuple(key for key, _ in signed)


def verified(note: Note, verifiers: Iterable[Verifier]) -> list[tuple[Verifier, Signature]]:
    """Known keys with their valid signatures; SignatureInvalid for a wrong one, unknown keys pass by."""
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    found: dict[Verifier, Signature] = {}
    for signature in note.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is not None and verifier not in found:
            verifier.check(note.text, signature)
            found[verifier] = signature
    return list(found.items())


def check_text(text: str) -> str:
    """A note's text: UTF-8, no control characters but newline, ends in newline."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise NoteError("a note is valid UTF-8") from error
    if any(char < " " and char != "\n" for char in text):
        raise NoteError("a note has no control characters")
    if not text.endswith("\n"):
        raise NoteError("a note's text ends in a newline")
    return text


def _check_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise NoteError(f"{name!r} is no key name")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise NoteError("a key name is valid UTF-8") from error


def _parse_signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise NoteError("a signature line begins with an em dash")
    _check_name(name)
    value = _base64(encoded)
    if len(value) < 5:
        raise NoteError("a signature has a key id and a value")
    return Signature(name, value[:4], value[4:])


def _parse_key(text: str) -> tuple[str, bytes, Algorithm, bytes]:
    parts = text.strip("\n").split("+", 2)
    if len(parts) != 3:
        raise NoteError("a key is name+keyid+base64")
    name, key_id, encoded = parts
    material = _base64(encoded)
    if len(key_id) != 8 or set(key_id) - set("0123456789abcdef"):
        raise NoteError("a key id is 8 hexadecimal digits")
    if len(material) != 33 or material[0] not in tuple(Algorithm):
        raise NoteError("not an Ed25519 key")
    return name, bytes.fromhex(key_id), Algorithm(material[0]), material[1:]


def _key_text(name: str, key_id: bytes, algorithm: Algorithm, material: bytes) -> str:
    return f"{name}+{key_id.hex()}+{base64.b64encode(bytes([algorithm]) + material).decode()}"


def _base64(text: str) -> bytes:
    """RFC 4648 §4, one spelling only."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteError("base64 is not canonical")
    return data
