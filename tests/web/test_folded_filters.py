"""Lists begin with the filters that are used most; the others unfold, and stand open where one of them is in force."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Visitor

LISTS = [
    ("/accounts/", "sort=host", "state=LOCKED"),
    ("/findings/", "owner=me", "severity=1"),
    ("/journal/", "event=auth.login", "words=cjt"),
    ("/leases/", "kind=TKCL", "person=minh"),
    ("/officers/", "role=unit_head", "name=minh"),
]


@pytest.mark.parametrize(("page", "hidden", "seen"), LISTS)
def test_a_filter_in_force_is_never_folded_away(reader: Visitor, page: str, hidden: str, seen: str) -> None:
    reader.sign_in("vpt.cntt1")
    folds = {
        query: _fold(reader.get(f"{page}?{query}").get_data(as_text=True)) for query in ("", hidden, seen)
    }
    assert folds == {"": "folded", hidden: "open", seen: "folded"}


def _fold(page: str) -> str:
    found = re.search(r'<details class="more"\s*(open)?\s*>', page)
    assert found is not None, "the list has filters that unfold"
    return "open" if found[1] else "folded"
