"""The map file `grants.toml`: which database objects a permission of an account stands for (policy.md §4)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from accessctl.access.lines import PolicyBroken, decode, line_with

_NAME = r"[a-z_][a-z0-9_]{0,62}"
_EXECUTE = re.compile(rf"EXECUTE ({_NAME})\.({_NAME})\(((?:{_NAME}(?:,{_NAME})*)?)\)")


@dataclass(frozen=True, slots=True, order=True)
class FunctionRight:
    """EXECUTE on exactly one function; `args` are its argument types in order."""

    schema: str
    name: str
    args: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}({','.join(self.args)})"


def tables(file: str, data: bytes) -> dict[str, Any]:
    """A TOML file as plain values, under the same rules of encoding as the rule files."""
    text = decode(file, data)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise PolicyBroken("bad_toml", file, int(found[1]) if found else 0, str(error)) from None


def read_objects(file: str, data: bytes) -> Mapping[str, tuple[FunctionRight, ...]]:
    """Permission → its functions; refuses other objects, an object named twice, and an empty list."""
    content = tables(file, data)
    objects = content.get("objects")
    if set(content) != {"objects"} or not isinstance(objects, dict) or not objects:
        raise PolicyBroken("bad_map", file, 0, "holds exactly one table, [objects], and it is not empty")
    found = {perm: _rights(file, line_with(data, perm), perm, written) for perm, written in objects.items()}
    seen: dict[FunctionRight, str] = {}
    for permission, rights in found.items():
        for right in rights:
            if right in seen:
                raise PolicyBroken(
                    "duplicate",
                    file,
                    line_with(data, permission),
                    f"{right} stands under {seen[right]} and {permission}",
                )
            seen[right] = permission
    return MappingProxyType(found)


def _rights(file: str, line: int, permission: str, written: object) -> tuple[FunctionRight, ...]:
    if not isinstance(written, list) or not written:
        raise PolicyBroken("permission_without_object", file, line, f"{permission} names no database object")
    rights = []
    for text in written:
        match = _EXECUTE.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise PolicyBroken(
                "bad_object", file, line, f"{permission}: not 'EXECUTE schema.function(type,…)': {text!r}"
            )
        rights.append(FunctionRight(match[1], match[2], tuple(filter(None, match[3].split(",")))))
    return tuple(rights)
