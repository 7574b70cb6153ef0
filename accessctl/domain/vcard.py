"""Contacts as other programs take them: vCard 3.0 (RFC 2426), lines of at most 75 bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One person in one function; `uid` stays the same when the person changes."""

    uid: str
    full_name: str
    organisation: str
    title: str
    phone: str
    email: str
    note: str


def vcards(cards: Iterable[Card]) -> str:
    """All cards in one file, CRLF lines."""
    return "".join(f"{_folded(line)}\r\n" for card in cards for line in _lines(card))


def _lines(card: Card) -> list[str]:
    family, _, given = card.full_name.partition(" ")
    middle, _, last = given.rpartition(" ")
    name = ";".join(map(_escaped, (family, last, middle, "", "")))
    return [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{_escaped(card.uid)}",
        f"N:{name}",
        f"FN:{_escaped(card.full_name)}",
        f"ORG:{_escaped(card.organisation)}",
        f"TITLE:{_escaped(card.title)}",
        f"TEL;TYPE=WORK,VOICE:{_escaped(card.phone)}",
        f"EMAIL;TYPE=INTERNET:{_escaped(card.email)}",
        f"NOTE:{_escaped(card.note)}",
        "END:VCARD",
    ]


def _escaped(text: str) -> str:
    """No text can end its line and begin another property."""
    for plain, safe in (
        ("\\", "\\\\"),
        (";", "\\;"),
        (",", "\\,"),
        ("\r\n", "\\n"),
        ("\n", "\\n"),
        ("\r", "\\n"),
    ):
        text = text.replace(plain, safe)
    return text


def _folded(line: str) -> str:
    """Broken before the 75th byte, never inside a letter."""
    parts, part, size = [], "", 0
    for letter in line:
        width = len(letter.encode())
        if size + width > 74:
            parts.append(part)
            part, size = "", 0
        part, size = part + letter, size + width
    return "\r\n ".join([*parts, part])
