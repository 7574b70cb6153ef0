"""Every refusal of this library; none of them means "the log was changed" by itself."""

from __future__ import annotations


class AuditError(ValueError):
    """Root of the tree: input that this library refuses to accept or to write."""


class EntryError(AuditError):
    """Fields or bytes that are not a canonical record."""


class NoteError(AuditError):
    """Text, key or signature that is not a C2SP signed note, or that no trusted key signed."""


class SignatureInvalid(NoteError):
    """A known key's signature does not fit the text: the text or the signature was changed."""


class UnknownKey(NoteError):
    """Well-formed, but signed by no key that the caller trusts."""


class ProofError(AuditError):
    """A Merkle proof that is malformed or proves nothing about the given roots."""


class PolicyError(AuditError):
    """A witness policy that is not well-formed C2SP tlog-policy."""


class ExportError(AuditError):
    """A bundle that cannot be written as asked; nothing is left behind."""
