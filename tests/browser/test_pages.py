"""Every page there is, in Chromium: full, empty and refused, wide and 390 px, Vietnamese and English (ui.md, Checks).

The pages come from the route table (tests/common/busy.py); a route without an example fails here. Each is opened by
whoever sees most of it, the start page by one of every role: at both widths axe finds nothing and
nothing scrolls sideways, no request fails and the console is silent. `make browser` opens each page
in both languages; ACCESSCTL_LONG=yes alone opens every other one in English and the rest in Vietnamese. `make test`,
which has to be quick, leaves these rounds out and says so in its header.
Every role × every page × language would be some 2,000 visits and tell little more: what another role sees of a page
is a part of what is seen here, and is crawled without a browser (tests/web/test_links.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Response, TimeoutError

from accessctl.app import create_app
from tests.browser.conftest import BLANK, HEIGHT, WIDE, objections, session_of
from tests.common.busy import (
    AUDITOR,
    CLERK,
    EVERYBODY,
    FREE,
    HEAD,
    IT,
    KEEPER,
    PAGES,
    RECEPTION,
    busy_week,
    unknown,
)
from tests.common.world import World

pytestmark = [pytest.mark.browser, pytest.mark.long]

LANGUAGES = ("vi", "en")
IN_BOTH = os.environ.get("ACCESSCTL_PAGES_IN_BOTH_LANGUAGES") == "yes"
PARTS = 3
Visit = tuple[str, str, int]
"""Who, the address, the status of the answer."""


def in_turn(visits: Sequence[Visit]) -> list[tuple[str, Visit]]:
    """With the languages in which each is opened; a person who sits at the window sees all of theirs."""
    found = [
        (language, visit)
        for place, visit in enumerate(visits)
        for language in (LANGUAGES if IN_BOTH else (LANGUAGES[place % 2],))
    ]
    return sorted(found, key=lambda one: (one[1][0], one[0]))


SEND_EMPTY = """() => {
  const typed = "input[type=text], input:not([type]), input[type=password], textarea";
  const form = [...document.querySelectorAll("main form[method=post]")].find(f => f.querySelector(typed));
  if (!form) return false;
  form.querySelectorAll(typed).forEach(field => { field.value = ""; });
  form.noValidate = true;
  form.requestSubmit();
  return true;
}"""
EMPTY = (
    *((who, "/") for who in EVERYBODY),
    ("vpt.tt1", "/"),
    (HEAD, "/leases/"), (KEEPER, "/approvals/"), (HEAD, "/findings/"), (AUDITOR, "/findings/?state=all"),
    (AUDITOR, "/journal/?person=khong-co-ai"), (RECEPTION, "/me/acts"), ("dsg.tn1", "/notices/"),
    (IT, "/notices/mail"), (IT, "/roles/"), (HEAD, "/search?q=khong-co-ai"), (IT, "/accounts/?q=khong-co-ai"),
    (IT, "/officers/?q=khong-co-ai"), (KEEPER, "/me/tokens"), (AUDITOR, "/databases/days"),
    (HEAD, "/custodians/on?day=01/01/2018"), (FREE, "/desk/"), (FREE, "/rules/DML/tkcl"), (HEAD, "/offices/CJT"),
)  # fmt: skip
"""What a page says when there is nothing: the province as it was founded, and searches for nobody."""
FORMS = (
    *sorted(name for name in PAGES if name.endswith("_form") and name != "officers.import_form"),
    "findings.show", "me.password", "me.tokens", "resets.ask", "public.sign_in", "resets.use",
)  # fmt: skip
REFUSED = (
    (CLERK, "/nowhere", 404), (HEAD, "/officers/p/khong-co-ai", 404), (CLERK, "/databases/", 403),
    (RECEPTION, "/desk/borrow/TKCL-CJT-DML", 404), (AUDITOR, "/journal/?since=31/02/2026", 200),
    (HEAD, "/custodians/on?day=x", 200), (FREE, "/desk/?dossier=x", 200), ("", "/reset/khong-co", 404),
    (HEAD, "/journal/999999", 404), (HEAD, "/findings/999999", 404), (IT, "/databases/days/x", 422),
)  # fmt: skip
"""What is said when an address or a filter makes no sense, or is for somebody else."""


class Rounds:
    """One window, in which one person after another looks; what was not in order is gathered and told at once.

    A window for each person would read and compile the same files anew for each. It stays as wide as the last look
    left it, so that every other page is opened in a narrow window.
    """

    def __init__(self, browser: Browser, address: str, app: Flask) -> None:
        self._address, self._app = address, app
        self._context = browser.new_context(viewport={"width": WIDE, "height": HEIGHT})
        self._page = self._context.new_page()
        self._page.set_default_timeout(15_000)
        self._page.on("pageerror", lambda error: self._complain(str(error)))
        self._page.on("console", lambda said: self._complain(said.text) if _bad(said) else None)
        self._page.on("requestfailed", self._failed)
        self._page.on("response", self._answered)
        self._sessions: dict[str, str] = {}
        self._seated: tuple[str, str] | None = None
        self.wrong: list[str] = []
        self._where = ""

    def close(self) -> None:
        """The window is shut."""
        self._context.close()

    def _sits_down(self, who: str, language: str) -> None:
        """Somebody who has come through the door once, without the browser; nobody is ""."""
        if self._seated == (who, language):
            return
        self._seated = who, language
        if who and who not in self._sessions:
            self._sessions[who] = session_of(self._app, who).value
        self._page.goto(self._address + BLANK)  # what was open stops asking for news
        self._context.clear_cookies()
        wanted = {"accessctl_language": language} | ({"accessctl": self._sessions[who]} if who else {})
        self._context.add_cookies([{"name": n, "value": v, "url": self._address} for n, v in wanted.items()])

    def visit(self, who: str, address: str, language: str, *, status: int) -> None:
        """Open a page and look at it at both widths."""
        self._sits_down(who, language)
        self._where = f"{who} {address} [{language}]"
        answer = self._page.goto(self._address + address)
        if answer is None or answer.status != status:
            self._complain(f"answered {answer and answer.status}")
        if self._page.locator("html").get_attribute("lang") != language:
            self._complain("is in another language")
        self._look()

    def refused(self, who: str, address: str, language: str) -> None:
        """Send the form of a page with nothing in it: it is refused, and the page that says so is sound too."""
        self._sits_down(who, language)
        self._where = f"{who} {address} sent empty [{language}]"
        self._page.goto(self._address + address)
        if not self._page.evaluate(SEND_EMPTY):
            self._complain("has no form to type into")
            return
        try:
            self._page.locator("#refused").wait_for(state="attached")
        except TimeoutError:
            self._complain(f"says nothing about what is missing, but {self._page.title()}")
        self._look()

    def _look(self) -> None:
        """axe, and nothing wider than the window."""
        for line in objections(self._page, back=False):
            self._complain(line)

    def _complain(self, words: str) -> None:
        self.wrong.append(f"{self._where}: {words}")

    def _failed(self, request: Any) -> None:
        if "ERR_ABORTED" not in (request.failure or ""):  # a page that is left stops asking
            self._complain(f"{request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self._complain(f"{response.url} answered {response.status}")


def _bad(said: Any) -> bool:
    return said.type in ("error", "warning") and "status of 4" not in said.text


@pytest.fixture
def rounds(browser: Browser, address: str, world: World) -> Iterator[Rounds]:
    """Nobody has a window yet."""
    made = Rounds(browser, address, create_app(world.settings, runtime=world.rt))
    yield made
    made.close()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_of_a_busy_province_is_sound(rounds: Rounds, world: World, part: int):
    assert unknown(rounds._app) == set(), "name an example for each new route in tests/common/busy.py"
    busy = busy_week(world)
    visits = [(*visit, 200) for endpoint in sorted(PAGES)[part::PARTS] for visit in busy.visits(endpoint)]
    for language, (who, address, status) in in_turn(visits):
        rounds.visit(who, address, language, status=status)
    assert not rounds.wrong, "\n".join(rounds.wrong)


def test_every_form_sent_empty_is_refused_on_a_sound_page(rounds: Rounds, world: World):
    busy = busy_week(world)
    before = len(world.records())
    for language, (who, address, _) in in_turn([(*busy.visits(endpoint)[0], 422) for endpoint in FORMS]):
        rounds.refused(who, address, language)
    assert len(world.records()) >= before
    assert not rounds.wrong, "\n".join(rounds.wrong)


def test_every_page_with_nothing_on_it_and_every_refusal_is_sound(rounds: Rounds):
    asked = [*((who, address, 200) for who, address in EMPTY), *REFUSED]
    for language, (who, address, status) in in_turn(asked):
        rounds.visit(who, address, language, status=status)
    assert not rounds.wrong, "\n".join(rounds.wrong)
