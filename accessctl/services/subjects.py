"""Pseudonyms of participants: the log holds a keyed hash, a side table the number (audit.md §2.8).

The table's row is written with the loan, `store.lending`; it can be erased without touching the log.
"""

from __future__ import annotations

import hashlib
import hmac

from accessctl.services.runtime import Runtime

_VERSION = "p1"


def pseudonym(rt: Runtime, bhxh_no: str) -> str:
    """`p1:` + HMAC-SHA256 of the number, 32 hex characters; the key is versioned and never rotated."""
    digest = hmac.new(rt.settings.pseudonym_key, bhxh_no.encode(), hashlib.sha256).hexdigest()
    return f"{_VERSION}:{digest[:32]}"


def masked(bhxh_no: str) -> str:
    """For a screen: the last four digits."""
    return f"••••••{bhxh_no[-4:]}"
