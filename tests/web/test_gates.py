"""Deny by default: every page names who decides about it, and nobody gets in unnamed."""

from __future__ import annotations

import pytest
from flask import Flask

from accessctl.web import gates
from tests.web.conftest import Visitor

PUBLIC = {
    "static", "public.sign_in", "public.enter", "public.code", "public.confirm", "public.language", "public.health",
    "resets.use", "resets.used",
}  # fmt: skip
OWN = {"public.sign_out", "home.index", "me.password", "me.second_factor"}


def test_the_pages_open_to_anybody_and_to_anybody_signed_in_are_exactly_these(quiet_app: Flask):
    found = {endpoint: gates.gate_of(quiet_app, endpoint) for endpoint in quiet_app.view_functions}
    assert {endpoint for endpoint, gate in found.items() if gate == gates.PUBLIC} == PUBLIC
    assert {endpoint for endpoint, gate in found.items() if gate == gates.OWN} == OWN
    assert len(found) > len(PUBLIC | OWN) + 15


def test_every_other_page_names_a_service_function_that_takes_the_actor(quiet_app: Flask):
    for endpoint in set(quiet_app.view_functions) - PUBLIC - OWN:
        function = gates.resolve(gates.gate_of(quiet_app, endpoint) or "")
        assert "actor" in function.__annotations__, endpoint


def test_a_page_without_a_gate_or_with_an_unknown_one_stops_the_start(quiet_app: Flask):
    quiet_app.add_url_rule("/open", endpoint="open", view_func=lambda: "x")
    with pytest.raises(RuntimeError, match="open"):
        gates.check(quiet_app)
    quiet_app.view_functions["open"] = gates.decided_by("desk.no_such_function")(lambda: "x")
    with pytest.raises(AttributeError):
        gates.check(quiet_app)


def test_S54_without_a_session_no_page_answers_with_anything_but_the_sign_in(
    quiet_app: Flask, reader: Visitor
):
    tried = 0
    for rule in quiet_app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        address = rule.rule.replace("<lease_id>", "1").replace("<account>", "TKCL-CJT-DML")
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            reader.get("/sign-in")
            answer = reader.client.open(address, method=method, data={"csrf_token": reader.token})
            assert answer.status_code == 303, (method, address)
            assert answer.headers["Location"].startswith("/sign-in"), (method, address)
            tried += 1
    assert tried > 20
