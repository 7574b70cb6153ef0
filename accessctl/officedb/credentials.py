"""Secrets are derived, not stored (access.md §4): who holds the lease key computes one again after a crash.

Verifiers are computed here, so the clear secret never reaches a server or its log (RFC 5802, RFC 7677).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

PERSON_ITERATIONS = 4096  # some drivers insist on it
SERVICE_ITERATIONS = 1  # a 256-bit random secret needs no stretching (ADR 0006)
_BLOCK = 64  # bytes, SHA-256


def derive_secret(key: bytes, lease_id: str, account: str, nonce: bytes, epoch: int) -> str:
    """The account's password for one lease: 43 characters of base64url, 256 bits.

    `nonce` is random on the control row; raising `epoch` makes every earlier secret void.
    """
    parts = (b"secret", lease_id.encode(), account.encode(), nonce, str(epoch).encode())
    return base64.urlsafe_b64encode(_keyed(key, parts)).decode().rstrip("=")


def derive_subject_key(key: bytes, lease_id: str) -> bytes:
    """The key under which a lease knows its subject, 32 bytes; the office has it while the lease is open."""
    return _keyed(key, (b"subject", lease_id.encode()))


def subject_hash(subject_key: bytes, bhxh_no: str) -> bytes:
    """HMAC-SHA256 of a person's number, as `access.lease.subject` and `access.act.subject` hold it."""
    return hmac.digest(subject_key, bhxh_no.encode(), "sha256")


def subject_pads(subject_key: bytes) -> bytes:
    """The key as its two padded blocks (RFC 2104), inner then outer, so that SQL needs only sha256()."""
    block = subject_key.ljust(_BLOCK, b"\0")
    return bytes(b ^ 0x36 for b in block) + bytes(b ^ 0x5C for b in block)


def scram_verifier(secret: str, iterations: int = PERSON_ITERATIONS, *, salt: bytes | None = None) -> str:
    """What PostgreSQL stores for a password of ASCII characters: SCRAM-SHA-256 with a fresh 16-byte salt."""
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", secret.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return f"SCRAM-SHA-256${iterations}:{_b64(salt)}${_b64(stored)}:{_b64(server)}"


def verifier_matches(verifier: str | None, secret: str) -> bool:
    """Whether a stored verifier is one of this password; False for any other form."""
    try:
        scheme, rounds, _ = (verifier or "").split("$")
        iterations, salt = rounds.split(":")
        expected = scram_verifier(secret, int(iterations), salt=base64.b64decode(salt))
    except ValueError:
        return False
    return scheme == "SCRAM-SHA-256" and hmac.compare_digest(expected, verifier or "")


def _keyed(key: bytes, parts: tuple[bytes, ...]) -> bytes:
    """HMAC-SHA256 over length-prefixed parts: no two different lists of parts give the same message."""
    if len(key) < 32:
        raise ValueError("the lease key must be 32 bytes or more")
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hmac.digest(key, message, "sha256")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
