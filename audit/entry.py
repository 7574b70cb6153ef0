"""Canonical leaf bytes: the bytes that are hashed are the bytes that are stored.

The form is RFC 8785 (JCS) restricted to what an act needs: UTF-8 JSON object, keys sorted by UTF-16 code
unit, no white space, no floats, NFC text, I-JSON integers. A record is therefore always one line.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import NoReturn, TypeAlias

from audit.errors import EntryError

JsonValue: TypeAlias = "bool | int | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_BYTES = 65_535  # bytes; C2SP tlog-tiles entry bundles carry a 16-bit length
MAX_INT = 2**53 - 1  # RFC 7493 §2.2: what every JSON reader keeps exactly
MAX_DEPTH = 8

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":"))


def encode(fields: Mapping[str, object]) -> bytes:
    """The one byte string for these fields; EntryError for what has no single form (audit.md §2.1)."""
    data = _dump(_object(fields, 1))
    if len(data) > MAX_BYTES:
        raise EntryError(f"record of {len(data)} bytes, at most {MAX_BYTES}")
    return data


def decode(data: bytes) -> dict[str, JsonValue]:
    """The fields of a leaf; EntryError unless `encode` would give back exactly these bytes."""
    if len(data) > MAX_BYTES:
        raise EntryError(f"record of {len(data)} bytes, at most {MAX_BYTES}")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_float=_refuse, parse_constant=_refuse
        )
    except EntryError:
        raise
    except (ValueError, RecursionError) as error:
        raise EntryError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise EntryError("a record is a JSON object")
    if encode(value) != data:
        raise EntryError("not in canonical form")
    return value


def _dump(value: JsonValue) -> bytes:
    try:
        return _ENCODER.encode(value).encode("utf-8")
    except UnicodeEncodeError as error:
        raise EntryError("text with a lone surrogate is not Unicode") from error


def _plain(value: object, depth: int) -> JsonValue:
    # By type first: nearly every value of a record is one of these, and a record is on the path of a request.
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _integer(int(value))
    if isinstance(value, datetime):
        return _instant(value)
    if depth >= MAX_DEPTH:
        raise EntryError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return _object(value, depth + 1)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        raise EntryError("floats have no single form: use an integer of a smaller unit")
    raise EntryError(f"{type(value).__name__} has no canonical form")


def _object(fields: Mapping[str, object], depth: int) -> JsonValue:
    plain: dict[str, JsonValue] = {}
    for key, value in fields.items():
        if not isinstance(key, str):
            raise EntryError(f"a key is text, not {type(key).__name__}")
        name = _text(key)
        if name in plain:
            raise EntryError(f"key {name!r} twice after NFC")
        plain[name] = _plain(value, depth)
    ascii_only = all(map(str.isascii, plain))
    return {name: plain[name] for name in (sorted(plain) if ascii_only else sorted(plain, key=_utf16))}


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _text(value: str) -> str:
    exact = str.__str__(value)  # a StrEnum member becomes its plain text
    return exact if exact.isascii() else unicodedata.normalize("NFC", exact)


def _integer(value: int) -> int:
    if abs(value) > MAX_INT:
        raise EntryError(f"integer {value} is beyond 2^53-1: write it as text")
    return value


def _instant(value: datetime) -> str:
    if value.utcoffset() is None:
        raise EntryError("a time without a zone does not name an instant")
    try:
        # Always six digits: nothing shorter or longer can come back from a database (audit.md §4, ns->µs).
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except OverflowError as error:
        raise EntryError("a time outside the years 1 to 9999") from error


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise EntryError("a key twice")
    return fields


def _refuse(text: str) -> NoReturn:
    raise EntryError(f"{text} is not an integer")
