"""Pseudonyms of participants: the log holds a keyed hash, a side table the number (audit.md §2.8)."""

from __future__ import annotations

import hashlib
import hmac

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from accessctl.services.runtime import Runtime
from accessctl.store.models import Subject

_VERSION = "p1"


def pseudonym(rt: Runtime, bhxh_no: str) -> str:
    """`p1:` + HMAC-SHA256 of the number, 32 hex characters; the key is versioned and never rotated."""
    digest = hmac.new(rt.settings.pseudonym_key, bhxh_no.encode(), hashlib.sha256).hexdigest()
    return f"{_VERSION}:{digest[:32]}"


def remember(rt: Runtime, session: Session, bhxh_no: str) -> str:
    """The pseudonym, with the number kept in the side table from which it can be erased."""
    name = pseudonym(rt, bhxh_no)
    session.execute(insert(Subject).values(pseudonym=name, bhxh_no=bhxh_no).on_conflict_do_nothing())
    return name


def masked(bhxh_no: str) -> str:
    """For a screen: the last four digits."""
    return f"••••••{bhxh_no[-4:]}"
