"""A browser without a window: Flask's test client that keeps cookies and sends forms as a page has them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.local import LocalProxy
from werkzeug.test import TestResponse

from accessctl.app import create_app
from accessctl.services.control import transaction
from accessctl.store.models.officers import Officer, WebSession
from accessctl.web import errors
from tests.common.application import application
from tests.common.world import PASSWORD, Province, World, fresh_world

XHTML = "{http://www.w3.org/1999/xhtml}"
SIGNED_IN = "tests: who is in"


@dataclass
class Visitor:
    """One person at one machine."""

    client: FlaskClient
    _answer: TestResponse | None = field(default=None, repr=False)
    _seen_last: TestResponse | None = field(default=None, repr=False)
    _page: Any = None
    _objections: list[str] = field(default_factory=list)
    _first_page: bool = False
    """Signed in, and where that leads to not opened yet: nobody has looked."""

    def get(self, address: str, **more: Any) -> TestResponse:
        """Open a page, following redirects."""
        self._first_page = False
        return self._seen(self.client.get(address, follow_redirects=True, **more))

    def send(self, target: str, /, *, follow: bool = True, token: bool = True, **fields: Any) -> TestResponse:
        """Send a form with the token of the page that was seen last."""
        if token:
            fields["csrf_token"] = self.token
        self._first_page = False
        return self._seen(self.client.post(target, data=fields, follow_redirects=follow))

    def sign_in(self, username: str, password: str = PASSWORD, *, anew: bool = False) -> TestResponse:
        """Through the door. The start page behind it is opened when somebody looks at it: few tests do.

        Where nothing happens somebody who has signed in before is in already, but `anew`: that forgives failures.
        """
        kept = self._in_already()
        if kept is not None and password == PASSWORD and username in kept and not anew:
            self.client.set_cookie(self._session_name, kept[username])
            return self._at_the_start()
        fields = {"username": username, "password": password, "csrf_token": self._at_the_door()}
        answer = self.client.post("/sign-in", data=fields)
        if (answer.status_code, answer.headers.get("Location")) == (303, "/"):
            if kept is not None and (cookie := self.client.get_cookie(self._session_name)) is not None:
                kept[username] = cookie.value
            return self._at_the_start()
        if answer.location:
            return self.get(answer.location)
        return self._seen(answer)

    def _at_the_start(self) -> TestResponse:
        self._first_page = True
        return cast(TestResponse, LocalProxy(lambda: self.answer))

    @property
    def _session_name(self) -> str:
        return str(self.client.application.config["SESSION_COOKIE_NAME"])

    def _in_already(self) -> dict[str, str] | None:
        """The cookies of those who signed in where nothing happens (`quiet_app`), for one who comes with nothing."""
        if any(map(self.client.get_cookie, (self._session_name, "accessctl_language"))):
            return None
        return cast("dict[str, str] | None", self.client.application.extensions.get(SIGNED_IN))

    def _at_the_door(self) -> str:
        """The token of the sign-in form; who comes with nothing gets what the first who came so was given."""
        name = self._session_name
        given: dict[str, tuple[str, str]] = self.client.application.extensions.setdefault(
            "tests at the door", {}
        )
        comes_with_nothing = self.client.get_cookie(name) is None
        if comes_with_nothing and name in given:
            cookie, token = given[name]
            self.client.set_cookie(name, cookie)
            return token
        self.get("/sign-in")
        if comes_with_nothing and (cookie := self.client.get_cookie(name)) is not None:
            given[name] = (cookie.value, self.token)
        return self.token

    def _seen(self, answer: TestResponse) -> TestResponse:
        self._answer, self._first_page = answer, False
        if answer.mimetype == "text/html":
            self._seen_last, self._page = answer, None
        return answer

    @property
    def answer(self) -> TestResponse | None:
        """What came last."""
        if self._first_page:
            self.get("/")
        return self._answer

    @property
    def _html(self) -> TestResponse | None:
        """The last answer that was a page."""
        return self._seen_last if self.answer is not None else None

    @property
    def page(self) -> Any:
        """The tree of the last page, read when somebody asks for it: few tests look at every page on their way."""
        html = self._html
        if self._page is None and html is not None:
            parser = html5lib.HTMLParser()
            self._page = parser.parse(html.text)
            self._objections = [f"{place}: {code} {facts}" for place, code, facts in parser.errors]
        return self._page

    @property
    def objections(self) -> list[str]:
        """What a strict reader of HTML says against the last page."""
        return self._objections if self.page is not None else ["no page"]

    @property
    def token(self) -> str:
        """The CSRF token of any form of the page; the tree of the page is not needed for it."""
        html = self._html
        text = html.text if html is not None else ""
        found = re.search(r'<input[^>]* name="csrf_token"[^>]* value="([^"]+)"', text)
        assert found, "the page has no form with a token"
        return found[1]

    def all(self, tag: str, **attributes: str) -> list[Any]:
        """Elements of the last page with these attributes."""
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        found = self.page.iter(f"{XHTML}{tag}")
        return [e for e in found if all(e.get(name) == value for name, value in wanted.items())]

    def words(self, tag: str = "main") -> str:
        """The text that a reader sees in the first element of this tag, blanks folded."""
        return " ".join("".join(self.all(tag)[0].itertext()).split())

    @property
    def path(self) -> str:
        """Where the browser stands."""
        assert self.answer is not None
        return self.answer.request.path


@pytest.fixture(scope="session")
def quiet_world(province: Province) -> Iterator[World]:
    """One province for all tests that change nothing in it."""
    with fresh_world(province) as made:
        yield made


@dataclass
class SignedIn:
    """The cookies of those who have signed in where nothing happens: nobody needs to a second time."""

    cookies: dict[str, str] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)
    _ended: int = 0

    def only_good(self, ended: int) -> None:
        """Forget them all when a session was `ended` since the last look, or long before they are idle."""
        if ended != self._ended or time.monotonic() - self._since > 300:
            self.cookies.clear()
            self._since, self._ended = time.monotonic(), ended


@pytest.fixture(scope="session")
def signed_in() -> SignedIn:
    return SignedIn()


@pytest.fixture(scope="session")
def quiet_app(quiet_world: World, signed_in: SignedIn) -> Flask:
    """The application on the province in which nothing happens; a test that changes it makes one of its own."""
    app = create_app(quiet_world.settings, runtime=quiet_world.rt)
    app.extensions[SIGNED_IN] = signed_in.cookies
    return app


@pytest.fixture
def reader(quiet_app: Flask, quiet_world: World, signed_in: SignedIn) -> Iterator[Visitor]:
    """Somebody who only looks; neither a language chosen while signed in nor a session ended is left to the next."""
    yield Visitor(quiet_app.test_client())
    with transaction(quiet_world.rt) as session:
        session.execute(update(Officer).values(language=None).where(Officer.language.is_not(None)))
        ended = session.scalar(select(func.count()).where(WebSession.ended_at.is_not(None)))
    signed_in.only_good(ended or 0)


@pytest.fixture
def refused_in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refusals without the words around them, for tests of hundreds: drawing that page cannot change a status."""
    draw = errors.render_template
    monkeypatch.setattr(
        errors, "render_template", lambda name, **words: "" if name == "error.html" else draw(name, **words)
    )


@pytest.fixture
def app(world: World) -> Flask:
    """The application on the test's own province."""
    return application(world)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Somebody in front of a browser, not signed in."""
    return Visitor(app.test_client())


@pytest.fixture
def another(app: Flask) -> Visitor:
    """A second machine."""
    return Visitor(app.test_client())
