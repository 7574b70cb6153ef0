"""The Vietnamese and English names of every word of the policy (`labels.toml`, glossary domain.md §13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from accessctl.access.lines import PolicyBroken, line_with
from accessctl.access.objects import tables
from accessctl.domain.permissions import (
    EVERY_OFFICER,
    Case,
    CaseClass,
    OfficeClass,
    Permission,
    PermissionClass,
    Role,
    Scope,
)

_TABLES: dict[str, tuple[str, ...]] = {
    "roles": (*Role, EVERY_OFFICER),
    "permissions": tuple(Permission),
    "cases": tuple(Case),
    "scopes": tuple(Scope),
    "classes": tuple(PermissionClass),
    "groups": (*CaseClass, *OfficeClass),
}


@dataclass(frozen=True, slots=True)
class Label:
    """What a word of the policy is called, Vietnamese first."""

    vi: str
    en: str


def read_labels(file: str, data: bytes) -> Mapping[str, Label]:
    """Word → label; each word of the policy has both names and no other word has one."""
    content = tables(file, data)
    _same_words(file, data, "tables", content, _TABLES)
    found: dict[str, Label] = {}
    for table, words in _TABLES.items():
        _same_words(file, data, table, content[table], words)
        for word in words:
            found[f"{table}.{word}"] = _label(file, data, word, content[table][word])
    return MappingProxyType(found)


def _same_words(file: str, data: bytes, table: str, found: object, wanted: Iterable[str]) -> None:
    words = set(found) if isinstance(found, dict) else set()
    if odd := sorted(words ^ set(wanted)):
        line = line_with(data, odd[0]) or line_with(data, f"[{table}]")
        raise PolicyBroken(
            "labels_incomplete", file, line, f"[{table}] lacks or does not know: {', '.join(odd)}"
        )


def _label(file: str, data: bytes, word: str, pair: object) -> Label:
    if isinstance(pair, dict) and set(pair) == {"vi", "en"}:
        vi, en = pair["vi"], pair["en"]
        if isinstance(vi, str) and isinstance(en, str) and vi.strip() and en.strip():
            return Label(vi, en)
    raise PolicyBroken("labels_incomplete", file, line_with(data, word), f"{word} needs a vi and an en name")
