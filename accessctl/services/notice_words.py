"""The words of a notice in its reader's language, made when it is read: in the page and in a mail alike."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from accessctl import clock
from accessctl.domain.accounts import AccountName, BadAccountName, Kind
from accessctl.domain.notices import NoticeGroup, NoticeKind
from accessctl.domain.text import plain_line
from accessctl.errors import message
from accessctl.services.office_names import office_names
from accessctl.services.runtime import Runtime

FILE = Path(__file__).with_name("notice_texts.toml")
_PLACE_WORDS = ("BHXH huyện ", "BHXH thị xã ", "BHXH thành phố ")
_LOCAL = {Kind.LOCAL_CL: "local_cl", Kind.LOCAL_HC: "local_hc"}


@dataclass(frozen=True, slots=True)
class Said:
    """A notice in words: one line and the sentence below it, both without line breaks."""

    title: str
    text: str


@cache
def texts() -> dict[str, Any]:
    """The file as it stands; read once."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def label(kind: NoticeKind, language: str) -> str:
    """What a kind is called in a list of kinds."""
    return str(texts()["kind"][kind.value][language]["label"])


def heading(group: NoticeGroup, language: str) -> str:
    """What a group of kinds is called."""
    return str(texts()["group"][group.value][language])


def word(key: str, language: str, **facts: Any) -> str:
    """A word or sentence around the notices."""
    return str(texts()["word"][key][language]).format_map(_Facts(facts))


def say(rt: Runtime, kind: str, about: Mapping[str, Any], language: str) -> Said:
    """Title and sentence of a stored notice; a fact that is missing shows as an ellipsis, it never fails."""
    said = texts()["kind"][kind][language]
    wanted = placeholders(said["title"]) | placeholders(said["text"])
    facts = _Facts({key: readable(rt, key, about, language) for key in wanted})
    title = said["title"].format_map(facts)
    return Said(title[:1].upper() + title[1:], said["text"].format_map(facts))


def placeholders(text: str) -> frozenset[str]:
    """The names in braces."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def readable(rt: Runtime, key: str, about: Mapping[str, Any], language: str) -> str:
    """One fact as people read it; names that were stored with a line break come without."""
    if key == "place":  # where a finding is: an account, else an office, else the service itself
        key = next((known for known in ("account", "office") if about.get(known)), "service")
    if key in ("by", "service") and not about.get(key):
        return word("system", language)
    value = about.get(key)
    if value is None or value == "":
        return "…"
    written = _WRITERS.get(key)
    return plain_line(written(rt, value, language) if written else str(value))


def office_name(rt: Runtime, code: str, language: str) -> str:
    """The whole name."""
    name = office_names(rt).get(code)
    if name is None:
        return code
    return name.en if language == "en" and name.en else name.vi


def place(rt: Runtime, code: str, language: str) -> str:
    """As people say it: `Cư Jút`."""
    name = office_names(rt).get(code)
    if name is None:
        return code
    if name.level == "province":
        return word("head_office", language)
    short = name.vi
    for words in _PLACE_WORDS:
        short = short.removeprefix(words)
    return short


def account(rt: Runtime, name: str, language: str) -> str:
    """`TKCL · Cư Jút → Đắk Mil`, never the name of a role."""
    try:
        known = AccountName.parse(name)
    except BadAccountName:
        return name
    guest = place(rt, known.guest, language)
    if known.kind.shared:
        return f"{known.kind} · {guest} → {place(rt, known.host, language)}"
    return f"{word(_LOCAL[known.kind], language)} · {guest} {known.number:02d}"


def moment(value: str | datetime) -> str:
    """`24/04/2018 07:44` on an office's wall."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return clock.local(at).strftime("%d/%m/%Y %H:%M")


def day(value: str | datetime) -> str:
    """`24/04/2018`: a local day, or that of an instant."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return (clock.local(at) if at.tzinfo else at).strftime("%d/%m/%Y")


def _by_office(rt: Runtime, counts: Mapping[str, int], language: str) -> str:
    each = [
        word("uses", language, office=place(rt, code, language), count=count)
        for code, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return ", ".join(each)


def _listed(table: str, _: Runtime, value: str, language: str) -> str:
    known = texts()[table].get(value)
    return str(known[language]) if known else value


def _instant(_: Runtime, value: str, language: str) -> str:
    return moment(value)


_WRITERS: dict[str, Callable[[Runtime, Any, str], str]] = {
    "account": account,
    "office": office_name,
    "from_office": office_name,
    "role": partial(_listed, "role"),
    "purpose": partial(_listed, "purpose"),
    "finding": lambda _, value, language: message(f"finding.{value}", language),
    "until": _instant,
    "opens": _instant,
    "closes": _instant,
    "since": lambda _, value, __: day(value),
    "day": lambda _, value, __: day(value),
    "by_office": _by_office,
}


class _Facts(dict[str, Any]):
    """A missing fact shows as an ellipsis."""

    def __missing__(self, key: str) -> str:
        return "…"
