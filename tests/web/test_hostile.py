"""Words that no person types: NUL, broken UTF-8, control characters, overlong addresses. Never a fault of ours."""

from __future__ import annotations

from urllib.parse import quote_from_bytes

import pytest

from tests.web.conftest import Visitor

HOSTILE = [
    "\x00",
    "a\x00b",
    "\u202e",
    "\ud800",
    "x" * 10_240,
    "'; DROP TABLE lease; --",
    "%s%n%(x)s{0}{{7*7}}",
    "٣" * 10,
]
ADDRESSES = [
    "/journal/?person=%00",
    "/journal/?account=%00&dossier=%00&event=%00&office=%00",
    "/journal/?person=%ff%fe",
    "/journal/?page=-1&since=%00",
    "/me/acts?page=%00",
    "/leases/%00",
    "/leases/%ff/revoke",
    "/desk/borrow/%00",
    "/desk/borrow/TKCL-CJT-DML%00",
    "/sign-in?next=%00",
    "/static/%00",
    "/" + "x" * 8000,
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_is_a_fault(reader: Visitor, address: str):
    for person in ("cjt.the1", "vpt.ktra1"):
        reader.client.delete_cookie("accessctl")
        reader.sign_in(person)
        assert reader.get(address).status_code < 500, person


@pytest.mark.parametrize("words", HOSTILE)
def test_no_word_in_a_form_is_a_fault(reader: Visitor, words: str):
    words = words.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    raw = words.encode("utf-8", "surrogateescape")
    assert reader.sign_in("cjt.the1", anew=True).status_code == 200
    forms = {
        "/desk/borrow/TKCL-CJT-DML": ["dossier", "subject", "reason", "fields", "client"],
        "/desk/reissue": ["reason", "blank_serial"],
        "/desk/correct": ["full_name", "old_full_name"],
        "/leases/00000000-0000-4000-8000-000000000000/revoke": ["reason"],
        "/me/password": ["old", "new", "again"],
        "/language/vi": ["next"],
    }
    for address, fields in forms.items():
        reader.get("/help/")
        body = "&".join(
            [f"csrf_token={reader.token}", *(f"{name}={quote_from_bytes(raw)}" for name in fields)]
        )
        answer = reader.client.post(address, data=body, content_type="application/x-www-form-urlencoded")
        assert answer.status_code < 500, (address, answer.status_code)
        assert "<script>" not in answer.text


@pytest.mark.parametrize("words", HOSTILE[:3])
def test_no_user_name_is_a_fault(reader: Visitor, words: str):
    assert reader.sign_in(words, words).status_code == 401
