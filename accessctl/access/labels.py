"""The Vietnamese and English names of every word of the policy (`labels.toml`, glossary domain.md §13)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from accessctl.access.lines import PolicyBroken
from accessctl.access.objects import tables
from accessctl.domain.permissions import EVERY_OFFICER, Case, Permission, Role, Scope

_TABLES: dict[str, tuple[str, ...]] = {
    "roles": (*Role, EVERY_OFFICER),
    "permissions": tuple(Permission),
    "cases": tuple(Case),
    "scopes": tuple(Scope),
}


@dataclass(frozen=True, slots=True)
class Label:
    """What a word of the policy is called, Vietnamese first."""

    vi: str
    en: str


def read_labels(file: str, data: bytes) -> Mapping[str, Label]:
    """Word → label; each word of the policy has both names and no other word has one."""
    content = tables(file, data)
    _same_words(file, "tables", content, _TABLES)
    found: dict[str, Label] = {}
    for table, words in _TABLES.items():
        _same_words(file, table, content[table], words)
        for word in words:
            found[f"{table}.{word}"] = _label(file, word, content[table][word])
    return MappingProxyType(found)


def _same_words(file: str, table: str, found: object, wanted: Iterable[str]) -> None:
    words = set(found) if isinstance(found, dict) else set()
    if odd := words ^ set(wanted):
        raise PolicyBroken(
            "labels_incomplete", file, 0, f"[{table}] lacks or does not know: {', '.join(sorted(odd))}"
        )


def _label(file: str, word: str, pair: object) -> Label:
    if isinstance(pair, dict) and set(pair) == {"vi", "en"}:
        vi, en = pair["vi"], pair["en"]
        if isinstance(vi, str) and isinstance(en, str) and vi.strip() and en.strip():
            return Label(vi, en)
    raise PolicyBroken("labels_incomplete", file, 0, f"{word} needs a vi and an en name")
