"""Addresses and icons made once: the same as Flask and the sprite would give anew."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask, url_for

from accessctl.domain.accounts import Kind
from accessctl.web import addresses


@pytest.mark.parametrize(
    ("endpoint", "values"),
    [
        ("home.index", {}),
        ("accounts.show", {"name": "TKCL-CJT-DML"}),
        ("accounts.index", {"page": 1}),
        ("accounts.index", {"page": True}),
        ("accounts.index", {"page": "1", "kind": Kind.TKCL}),
        ("accounts.index", {"kind": None, "words": "Cư Jút & Đắk Mil"}),
        ("accounts.index", {"state": ["LOCKED", "ACTIVE"]}),
        ("databases.day", {"day": date(2026, 11, 22)}),
        (".index", {}),
        ("home.index", {"_external": True}),
        ("home.index", {"_anchor": "main"}),
    ],
)
def test_an_address_is_flask_s_own_and_knows_the_root_it_stands_under(
    quiet_app: Flask, endpoint: str, values: dict
) -> None:
    for root in ("", "/so-bao-hiem"):
        with quiet_app.test_request_context("/leases/", base_url=f"http://localhost{root}"):
            for _ in range(2):
                assert addresses.address(endpoint, **values) == url_for(endpoint, **values)


def test_what_reads_equal_but_is_written_differently_has_two_addresses(quiet_app: Flask) -> None:
    with quiet_app.test_request_context("/"):
        assert addresses.address("accounts.index", page=1) != addresses.address("accounts.index", page=True)


def test_an_icon_is_silent_without_a_label_and_escapes_the_one_it_has(quiet_app: Flask) -> None:
    with quiet_app.test_request_context("/"):
        silent, said = addresses.icon("lock"), addresses.icon("lock", '"Khóa" <b>')
    assert 'aria-hidden="true"' in silent
    assert '#lock"></use></svg>' in silent
    assert 'role="img" aria-label="&#34;Khóa&#34; &lt;b&gt;"' in said
