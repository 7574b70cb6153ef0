"""Canonical records: one form for one set of fields, and nothing else is accepted."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import MAX_BYTES, MAX_INT, decode, encode
from audit.errors import EntryError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def nfc(value: object) -> object:
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [nfc(item) for item in value]
    if isinstance(value, dict):
        return {nfc(key): nfc(item) for key, item in value.items()}
    return value


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_what_is_encoded_is_read_back_and_has_one_form(fields: dict[str, object]) -> None:
    try:
        data = encode(fields)
    except EntryError as error:
        assert "twice" in str(error) or "nested" in str(error)  # noqa: PT017 - rare inputs, both legitimate
        return
    assert decode(data) == nfc(fields)
    assert encode(decode(data)) == data
    assert b"\n" not in data
    assert encode(dict(reversed(fields.items()))) == data


def test_a_record_has_sorted_keys_no_spaces_and_readable_vietnamese() -> None:
    fields = {"b": 1, "a": {"z": None, "y": [True, "Đắk Nông"]}, "€": 2, "\U0001f600": 3, "\uffee": 4}
    expected = '{"a":{"y":[true,"Đắk Nông"],"z":null},"b":1,"€":2,"\U0001f600":3,"'
    text = encode(fields).decode()
    assert text.startswith(
        expected
    )  # RFC 8785 §3.2.3: UTF-16 order puts the emoji before U+FFEE and after the euro
    assert list(json.loads(text)) == ["a", "b", "€", "\U0001f600", "\uffee"]


def test_R_one_name_in_two_unicode_forms_is_one_record() -> None:
    assert encode({"tên": "Hoà"}) == encode(
        {unicodedata.normalize("NFD", "tên"): unicodedata.normalize("NFD", "Hoà")}
    )


def test_one_key_in_two_unicode_forms_is_refused() -> None:
    with pytest.raises(EntryError, match="twice"):
        encode({"tên": 1, unicodedata.normalize("NFD", "tên"): 2})


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 7, 1, 9, 10, tzinfo=timezone(timedelta(hours=7))), "2026-07-01T02:10:00.000000Z"),
        (datetime(2026, 7, 1, 2, 10, 0, 5, tzinfo=UTC), "2026-07-01T02:10:00.000005Z"),
        (datetime(2026, 7, 1, 2, 10, 0, 120000, tzinfo=UTC), "2026-07-01T02:10:00.120000Z"),
        (date(2026, 7, 1), "2026-07-01"),
    ],
)
def test_a_time_is_utc_with_six_digits_whatever_zone_it_came_in(moment: date, text: str) -> None:
    assert decode(encode({"t": moment})) == {"t": text}


def test_enum_members_are_written_as_their_values() -> None:
    class Event(StrEnum):
        CHECKOUT = "lease.checkout"

    class Level(IntEnum):
        HIGH = 3

    assert encode({"e": Event.CHECKOUT, "l": Level.HIGH}) == b'{"e":"lease.checkout","l":3}'


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        Decimal(1),
        b"x",
        {1, 2},
        2**53,
        -(2**53),
        "\ud800",
        datetime(2026, 7, 1),
        {1: 2},
        range(3),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
        [[[[[[[[[[1]]]]]]]]]],
    ],
    ids=repr,
)
def test_what_has_no_single_form_is_refused(value: object) -> None:
    with pytest.raises(EntryError):
        encode({"v": value})


def test_a_record_has_a_size_cap() -> None:
    room = MAX_BYTES - len(encode({"v": ""}))
    assert len(encode({"v": "x" * room})) == MAX_BYTES
    with pytest.raises(EntryError, match="at most"):
        encode({"v": "x" * (room + 1)})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"a":1} ',
        b' {"a":1}',
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":9007199254740992}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b"\xef\xbb\xbf{}",
        '{"a":"Hoa\u0300"}'.encode(),
        b'{"a":' + b"9" * 5000 + b"}",
        b"[" * 50_000,
        b'{"a":1}\n',
        b'{"a":"\x00"}',
    ],
)
def test_bytes_that_are_not_canonical_are_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        decode(data)
