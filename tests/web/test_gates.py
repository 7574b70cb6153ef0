"""Deny by default: every page names who decides about it, and nobody gets in unnamed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.routing import Rule

from accessctl.app import create_app
from accessctl.config import Settings
from accessctl.services.runtime import Runtime, build_runtime
from accessctl.web import gates
from tests.common.world import World
from tests.web.conftest import Visitor

PUBLIC = {
    "static", "public.sign_in", "public.enter", "public.code", "public.confirm", "public.language", "public.health",
    "resets.use", "resets.used",
}  # fmt: skip
OWN = {"public.sign_out", "home.index", "me.password", "me.second_factor", "help.index", "help.show"}


def test_the_pages_open_to_anybody_and_to_anybody_signed_in_are_exactly_these(quiet_app: Flask):
    found = {endpoint: gates.gate_of(quiet_app, endpoint) for endpoint in quiet_app.view_functions}
    assert {endpoint for endpoint, gate in found.items() if gate == gates.PUBLIC} == PUBLIC
    assert {endpoint for endpoint, gate in found.items() if gate == gates.OWN} == OWN
    assert len(found) > len(PUBLIC | OWN) + 15


def test_every_other_page_names_a_service_function_that_takes_the_actor(quiet_app: Flask):
    for endpoint in set(quiet_app.view_functions) - PUBLIC - OWN:
        function = gates.resolve(gates.gate_of(quiet_app, endpoint) or "")
        assert "actor" in function.__annotations__, endpoint


def test_a_page_without_a_gate_or_with_an_unknown_one_stops_the_start(quiet_world: World):
    app = create_app(quiet_world.settings, runtime=quiet_world.rt)
    app.add_url_rule("/open", endpoint="open", view_func=lambda: "x")
    with pytest.raises(RuntimeError, match="open"):
        gates.check(app)
    app.view_functions["open"] = gates.decided_by("desk.no_such_function")(lambda: "x")
    with pytest.raises(AttributeError):
        gates.check(app)


def address_of(rule: Rule) -> str:
    """An address that the rule matches: numbers are 1, names are those of somebody or something that is there."""
    known = {
        "account": "TKCL-CJT-DML",
        "username": "cjt.the1",
        "office": "CJT",
        "code": "CJT",
        "name": "TKCL-CJT-DML",
    }
    # one of a converter's own words where it lists them: <any(give,decline):answer>
    return re.sub(
        r"<(?:any\((\w+)[^)]*\):|\w+(?:\([^)]*\))?:)?(\w+)>",
        lambda m: m[1] or known.get(m[2], "1"),
        rule.rule,
    )


FILTERED = {"home.search", "journal.index", "me.acts", "desk.index", "findings.index"}
"""Pages that a person without any right may open and finds empty: each row is decided on its own."""


@pytest.mark.usefixtures("refused_in_short")
@pytest.mark.parametrize("person", ["cjt.the2", "cjt.gd", "vpt.cntt1"])
def test_S54_no_page_shows_or_does_anything_under_a_policy_that_gives_nothing(
    quiet_world: World, tmp_path: Path, person: str, request: pytest.FixtureRequest
):
    rt = _deny_all(quiet_world, tmp_path)
    request.addfinalizer(rt.close)
    visitor = Visitor(create_app(rt.settings, runtime=rt).test_client())
    visitor.sign_in(person)
    opened, token = set(), visitor.token
    for rule in visitor.client.application.url_map.iter_rules():
        if rule.endpoint in PUBLIC | OWN:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            form = {"csrf_token": token} if method == "POST" else None
            answer = visitor.client.open(address_of(rule), method=method, data=form)
            assert answer.status_code < 500, (method, rule.rule)
            if answer.status_code < 400:
                opened.add(rule.endpoint)
    assert opened <= FILTERED | MINE, sorted(opened - FILTERED - MINE)


MINE = {
    "me.index",
    "me.sessions",
    "me.end_session",
    "me.end_other_sessions",
    "me.tokens",
    "me.enrol",
    "me.issue_token",
    "me.renew_codes",
    "me.revoke_token",
    "notices.count",
    "notices.index",
    "notices.show",
    "notices.follow",
    "notices.read",
    "notices.read_all",
    "notices.preferences",
    "notices.choose",
    "policy.ask",
    "policy.person",  # the own rights; of others the service asks (test_policy.py)
}
"""What concerns nobody but the person, and is decided by a service all the same."""


def _deny_all(world: World, folder: Path) -> Runtime:
    """The province under a policy whose only line gives a right that no page asks for."""
    policies = folder / "policies"
    shutil.copytree(world.settings.policies, policies)
    path = policies / "console.policy.csv"
    *lines, seal = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("p,")]
    only = "p, publicity, own, any-office, notice:publish, not-self, allow"
    seal = re.sub(r"\d+ allow, \d+ deny", "1 allow, 0 deny", seal)
    path.write_text("\n".join([*kept, only, seal, ""]), encoding="utf-8")
    env = dict(world.settings.env) | {"ACCESSCTL_POLICIES": str(policies)}
    rt = build_runtime(Settings(env), pool=2)
    assert rt.gate.broken is None, rt.gate.broken
    return rt


def test_S54_without_a_session_no_page_answers_with_anything_but_the_sign_in(
    quiet_app: Flask, reader: Visitor
):
    tried = 0
    name = quiet_app.config["SESSION_COOKIE_NAME"]
    reader.get("/sign-in")
    nobody = reader.client.get_cookie(name)
    assert nobody is not None
    for rule in quiet_app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        address = address_of(rule)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            reader.client.set_cookie(name, nobody.value)  # as one who comes from the sign-in page
            answer = reader.client.open(address, method=method, data={"csrf_token": reader.token})
            assert answer.status_code == 303, (method, address)
            assert answer.headers["Location"].startswith("/sign-in"), (method, address)
            tried += 1
    assert tried > 20
