"""The ordered SQL files of the office schema; `access.version` says which of them a database has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: applied once, in order, as accessctl_owner."""

    number: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Every migration in order; the numbers run from 1 without a gap."""
    found = []
    for file in files("accessctl.officedb").joinpath("sql").iterdir():
        if match := _NAME.fullmatch(file.name):
            found.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise RuntimeError("the migrations of the office schema are not numbered from 1 without a gap")
    return tuple(found)


def newest() -> int:
    """The version of the office schema that this service works with."""
    return migrations()[-1].number
