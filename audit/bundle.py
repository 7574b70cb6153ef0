"""How an export lies on disk, and how to read one without trusting its sizes or its paths."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Protocol

from audit.errors import AuditError

FORMAT = "accessctl-audit-bundle/1"
EVENTS = "events.jsonl"
UNSEQUENCED = "unsequenced.jsonl"
MANIFEST = "bundle.json"
CHECKPOINT = "checkpoint"
CHECKPOINTS = "checkpoints"
PROOFS = "proofs"
KEY = "verifier-key"
POLICY = "witness-policy"
SUMS = "SHA256SUMS"
README = "README.vi.md"

CHUNK = 1 << 18  # bytes
MAX_LINE = 1 << 20  # bytes; a record has at most 65,535
MAX_SMALL_FILE = 1 << 20  # bytes; keys, notes, proofs, policies


class Unreadable(AuditError):
    """A file that is missing, no regular file, too big for its kind, or not text."""


class LineTooLong(AuditError):
    """No newline for a mebibyte: not a file of records."""


class Digest(Protocol):
    """What hashlib gives."""

    def update(self, data: bytes, /) -> None: ...


def regular(folder: Path, name: str) -> Path:
    """A regular file inside the folder; links and devices are refused: a bundle must not point elsewhere."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise Unreadable(f"{name}: outside the bundle")
    path = folder.joinpath(*pure.parts)
    try:
        if path.is_symlink() or not path.is_file():
            raise Unreadable(f"{name}: no such file")
    except (OSError, ValueError) as error:
        raise Unreadable(f"{name}: {error}") from error
    return path


def read_small(path: Path) -> str:
    """A small UTF-8 file, newlines untouched."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SMALL_FILE + 1)
        if len(data) > MAX_SMALL_FILE:
            raise Unreadable(f"{path.name}: too big")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name}: {error}") from error


def read_manifest(folder: Path) -> dict[str, object]:
    """What the exporter said about the bundle; signed by nobody."""
    try:
        manifest = json.loads(read_small(regular(folder, MANIFEST)))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{MANIFEST}: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise Unreadable(f"{MANIFEST}: not {FORMAT}")
    return manifest


def read_sums(folder: Path) -> dict[str, str]:
    """SHA256SUMS as {relative path: hex digest}."""
    sums: dict[str, str] = {}
    try:
        lines = regular(folder, SUMS).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{SUMS}: {error}") from error
    for line in lines:
        digest, gap, name = line[:64], line[64:66], line[66:]
        if gap != "  " or not name or set(digest) - set("0123456789abcdef"):
            raise Unreadable(f"{SUMS}: not in the form of sha256sum")
        sums[name] = digest
    return sums


def file_digest(path: Path) -> str:
    """SHA-256 in hex, read in pieces."""
    digest = sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise Unreadable(f"{path.name}: {error.strerror}") from error
    return digest.hexdigest()


class Lines:
    """The records of a `.jsonl` file as exact bytes; afterwards `cut` says that the last had no newline."""

    def __init__(self, path: Path, digest: Digest | None = None) -> None:
        self._path = path
        self._digest = digest
        self.read = 0
        self.cut = False

    def __iter__(self) -> Iterator[bytes]:
        tail = b""
        try:
            with self._path.open("rb", buffering=0) as file:
                while chunk := file.read(CHUNK):
                    self.read += len(chunk)
                    if self._digest is not None:
                        self._digest.update(chunk)
                    lines = (tail + chunk).split(b"\n")
                    tail = lines.pop()
                    if len(tail) > MAX_LINE:
                        raise LineTooLong(self._path.name)
                    yield from lines
        except OSError as error:
            raise Unreadable(f"{self._path.name}: {error.strerror}") from error
        if tail:
            self.cut = True
            yield tail


def record(folder: Path, index: int) -> bytes:
    """The exact bytes of record `index` of a bundle."""
    for number, leaf in enumerate(Lines(regular(folder, EVENTS))):
        if number == index:
            return leaf
    raise Unreadable(f"{EVENTS}: no record {index}")
