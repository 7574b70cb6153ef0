"""Text as it enters: NFC, one line, bounded. Vietnamese in NFC and NFD look the same and hash differently."""

from __future__ import annotations

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class BadText(ValueError):
    """Text that is empty, too long or holds control characters; `why` ∈ empty, too_long, control."""

    def __init__(self, why: str, limit: int) -> None:
        super().__init__(why)
        self.why = why
        self.limit = limit


def one_line(text: str, *, limit: int = 200, empty_ok: bool = False) -> str:
    """NFC, trimmed, inner white space folded; at most `limit` characters.

    Raises BadText instead of cutting: a reason that was shortened is not the reason that was given.
    """
    if len(text) > limit * 4:  # before any work is spent on it
        raise BadText("too_long", limit)
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    if not tidy and not empty_ok:
        raise BadText("empty", limit)
    if len(tidy) > limit:
        raise BadText("too_long", limit)
    if _CONTROL.search(tidy):
        raise BadText("control", limit)
    return tidy


def plain_line(text: str) -> str:
    """NFC on one line whatever it was: control characters become blanks. For what must never fail to be shown."""
    return " ".join(_CONTROL.sub(" ", unicodedata.normalize("NFC", text)).split())


def folded(text: str) -> str:
    """For searching: lower case, without diacritics, đ as d, so that "Dak Nong" finds "Đăk Nông" and "Đắk Nông"."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def by_given_name(full_name: str) -> tuple[str, str, str]:
    """Sort key of a person: given name (last word) first, then the rest, as Vietnamese lists do (§13)."""
    words = full_name.split()
    given = words[-1] if words else ""
    return (folded(given), folded(" ".join(words[:-1])), full_name)
