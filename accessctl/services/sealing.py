"""Keeping a small secret in the database or with the browser: AES-256-GCM under keys derived from the lease keys.

Each use has its own label and so its own key (HKDF-SHA256); what is sealed for one purpose or person opens for
no other. A lease key that still seals something must stay in the key file (docs/operations.md).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from enum import StrEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from accessctl.config import LeaseKeys
from accessctl.errors import Unavailable

_NONCE = 12  # bytes


class Purpose(StrEnum):
    """What a derived key is for; the words are part of the key and never change."""

    FACTOR = "accessctl second factor secret v1"
    OFFER = "accessctl second factor offer v1"
    RECOVERY = "accessctl recovery code v1"
    STRANGER = "accessctl unknown user name v1"
    FORM = "accessctl kept form v1"


def _key(keys: LeaseKeys, kid: str, purpose: Purpose) -> bytes:
    if kid not in keys.keys:
        raise Unavailable("mfa.key_gone", kid=kid)
    return HKDF(SHA256(), 32, salt=None, info=purpose.value.encode()).derive(keys.keys[kid])


def seal(keys: LeaseKeys, purpose: Purpose, owner: str, plain: bytes) -> tuple[str, bytes]:
    """The id of the key and the sealed bytes; `owner` must be named again to open them."""
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(_key(keys, keys.current, purpose)).encrypt(nonce, plain, owner.encode())
    return keys.current, nonce + sealed


def unseal(keys: LeaseKeys, purpose: Purpose, owner: str, kid: str, sealed: bytes) -> bytes:
    """What was sealed. Raises Unavailable("mfa.key_gone"), or ValueError for anything changed or foreign."""
    try:
        return AESGCM(_key(keys, kid, purpose)).decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())
    except InvalidTag:
        raise ValueError("not sealed by us, or for somebody else") from None


def seal_text(keys: LeaseKeys, purpose: Purpose, owner: str, plain: bytes) -> str:
    """The same as one word of letters, figures, - and _ with a dot, for a form or a cookie."""
    kid, sealed = seal(keys, purpose, owner, plain)
    return f"{kid}.{base64.urlsafe_b64encode(sealed).decode()}"


def unseal_text(keys: LeaseKeys, purpose: Purpose, owner: str, text: str) -> bytes:
    """The inside of `seal_text`. Raises ValueError for anything that is not, whatever somebody typed."""
    kid, _, body = text.partition(".")
    try:
        return unseal(keys, purpose, owner, kid, base64.b64decode(body, altchars=b"-_", validate=True))
    except (binascii.Error, Unavailable) as error:
        raise ValueError("not sealed by us") from error


def keyed_hash(keys: LeaseKeys, purpose: Purpose, text: str, kid: str | None = None) -> bytes:
    """HMAC-SHA256 of a short word: without the key nobody can try all of them against a stolen table."""
    return hmac.digest(_key(keys, kid or keys.current, purpose), text.encode(), hashlib.sha256)


def token_hash(token: str) -> bytes:
    """SHA-256 of a random token of 256 bits, which needs no key."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
