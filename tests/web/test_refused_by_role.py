"""Every page refuses every role that the policy refuses: from the route table and the policy, nothing by hand (S54)."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import pytest
from flask import Flask

from accessctl.domain.permissions import Permission, Role
from accessctl.services import authorize
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_gates import FILTERED, MINE, OWN, PUBLIC, address_of

PEOPLE = {
    Role.CARD: "cjt.the1",
    Role.COLLECTION: "cjt.thu1",
    Role.CUSTODIAN_TKCL: "cjt.the2",
    Role.CUSTODIAN_TKHCTT: "cjt.thu2",
    Role.UNIT_HEAD: "cjt.gd",
    Role.IT_ADMIN: "vpt.cntt1",
    Role.AUDITOR: "vpt.ktra1",
    Role.DIRECTOR: "vpt.gd",
}


class Questions:
    """What was asked of the policy during a request by `require`, which does not go on when the answer is no."""

    def __init__(self) -> None:
        self.asked: list[tuple[Permission, str, bool]] = []

    def listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every question of the services goes through `authorize.decide`."""
        decide = authorize.decide

        def heard(rt: Any, actor: Any, permission: Permission, office: str, *, case: str = "none") -> Any:
            answer = decide(rt, actor, permission, office, case=case)
            if sys._getframe(1).f_code is authorize.require.__code__:
                self.asked.append((permission, office, answer.allowed))
            return answer

        monkeypatch.setattr(authorize, "decide", heard)


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> Questions:
    heard = Questions()
    heard.listen(monkeypatch)
    return heard


@pytest.mark.usefixtures("refused_in_short")
def test_S54_every_page_refuses_every_role_that_the_policy_refuses(
    quiet_world: World, quiet_app: Flask, questions: Questions
):
    asked: dict[tuple[str, str], set[tuple[Permission, str]]] = defaultdict(set)
    answers: dict[tuple[str, str], dict[Role, int]] = defaultdict(dict)
    for role, person in PEOPLE.items():
        visitor = Visitor(quiet_app.test_client())
        visitor.sign_in(person)
        visitor.get("/help/")
        token = visitor.token
        for rule in quiet_app.url_map.iter_rules():
            if rule.endpoint in PUBLIC | OWN | MINE | FILTERED:
                continue
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                form = {"csrf_token": token} if method == "POST" else None
                questions.asked.clear()
                answer = visitor.client.open(address_of(rule), method=method, data=form)
                page = (rule.endpoint, method)
                answers[page][role] = answer.status_code
                asked[page] |= {(permission, office) for permission, office, _ in questions.asked}
                assert answer.status_code < 500, (page, role)
                denied = [question for question in questions.asked if not question[2]]
                assert not denied or answer.status_code >= 400, (page, role, denied)

    wrong, refusals = [], 0
    actors = {role: quiet_world.actor(person) for role, person in PEOPLE.items()}
    for page, found in answers.items():
        for role, status in found.items():
            may = [
                authorize.decide(quiet_world.rt, actors[role], *question).allowed for question in asked[page]
            ]
            if asked[page] and not any(may):
                refusals += 1
                # An empty form may be refused as a form before anybody asks who sent it; a page never.
                if status < 400 or (page[1] == "GET" and status not in (403, 404)):
                    wrong.append((page, role, status))
    assert not wrong, wrong
    assert refusals > 150
    unasked = sorted(page for page, questions_ in asked.items() if not questions_)
    # These are decided row by row: the test of the policy that gives nothing (test_gates.py) sees to them.
    assert len(unasked) < len(asked) / 2, unasked
