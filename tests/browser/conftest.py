"""A real Chromium in front of a real server on a real province."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server
from werkzeug.test import Cookie
from werkzeug.wrappers import Request, Response

from tests.common.application import application
from tests.common.world import PASSWORD, World
from tests.web.conftest import Visitor

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW, HEIGHT = 1280, 390, 900
AXE = """async () => (await axe.run({resultTypes: ["violations"], elementRef: false, preload: false})).violations
    .map(v => v.id + ": " + v.nodes[0].html.slice(0, 200) + " " + v.nodes[0].failureSummary)"""
CHECKER = "/tests-only/axe.js"  # a file like any other, so that the browser reads and compiles it once
BLANK = "/tests-only/blank"  # of the pages' own origin: about:blank would be another process, and so would what follows
QUICK = (Path(__file__).parent / "quick_axe.js").read_text(encoding="utf-8").split("/* axe */")
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def objections(page: Page, *, back: bool = True) -> list[str]:
    """What axe finds at both widths, and what is wider than the window.

    The width that the window has comes first, and `back` leaves it as it was: each change paints everything anew.
    """
    size, found = page.viewport_size, []
    assert size is not None
    page.wait_for_load_state()  # of what a click has begun, too
    page.add_script_tag(url=CHECKER)
    for width in (NARROW, WIDE) if size["width"] == NARROW else (WIDE, NARROW):
        if width != size["width"]:
            page.set_viewport_size({"width": width, "height": HEIGHT})
        if (wider := page.evaluate(WIDER)) > 0:
            found.append(f"{width} px: wider than the window by {wider}")
        found += [f"{width} px: {line}" for line in page.evaluate(AXE)]
    if back:
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
    return found


@pytest.fixture(scope="session")
def browser_type_launch_args(chromium: str) -> dict[str, Any]:
    """The machine's own browser; none is ever downloaded."""
    return {"executable_path": chromium, "args": FLAGS}


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """The service on a free port of loopback, and beside it the program that looks for what is not accessible."""
    served = DispatcherMiddleware(application(world), {CHECKER: _checker, BLANK: _blank})
    server = make_server("127.0.0.1", 0, served, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


@Request.application
def _checker(request: Request) -> Response:
    lasting = {"Cache-Control": "max-age=86400, immutable"}
    return Response(QUICK[0] + AXE_SCRIPT + QUICK[1], mimetype="text/javascript", headers=lasting)


@Request.application
def _blank(request: Request) -> Response:
    headers = {"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "max-age=86400"}
    return Response("<!doctype html><title>blank</title>", mimetype="text/html", headers=headers)


def session_of(app: Flask, username: str) -> Cookie:
    """What the browser of somebody holds who has signed in."""
    visitor = Visitor(app.test_client())
    visitor.sign_in(username)
    cookie = visitor.client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return cookie


class Desk:
    """One officer's window. Anything that the browser complains about is kept in `complaints`."""

    def __init__(self, context: BrowserContext, address: str, app: Flask) -> None:
        self._app = app
        self.context = context
        self.address = address
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._heard)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and "status of 4" not in message.text:
            self.complaints.append(message.text)

    def go(self, path: str) -> None:
        """Open a page by its address."""
        self.page.goto(self.address + path)

    def sign_in(self, username: str, *, by_hand: bool = False) -> None:
        """Comes through the door without the browser, and opens the start page in it."""
        if by_hand:
            self._types(username)
        else:
            cookie = session_of(self._app, username)
            self.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": self.address}])
            self.go("/")
        expect(self.page.locator("h1")).to_contain_text(re.compile("Kính chào|Welcome"))

    def _types(self, username: str) -> None:
        """With the keyboard only: the cursor stands where typing starts."""
        self.go("/sign-in")
        expect(self.page.locator("#username")).to_be_focused()
        self.page.keyboard.type(username)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(PASSWORD)
        self.page.keyboard.press("Enter")

    def borrow(self, account: str, dossier: str, subject: str, *fields: str) -> None:
        """Through the form."""
        self.go(f"/desk/borrow/{account}")
        self.page.fill("#dossier", dossier)
        self.page.fill("#subject", subject)
        for name in fields:
            self.page.check(f"input[name=fields][value={name}]")
        self.page.fill("#reason", "Cấp lại thẻ do mất")
        self.press("main button.btn-primary")

    def press(self, button: str) -> None:
        """Press the button of a form and wait for the page that answers; the desk asks first for the network."""
        with self.page.expect_event("framenavigated"):
            self.page.click(button)
        self.page.wait_for_load_state()

    def is_sound(self) -> None:
        """At both widths no axe violation and no sideways scrolling; no complaint of the browser."""
        assert not objections(self.page), self.page.url
        assert not self.complaints


OpenDesk = Callable[..., Desk]


@pytest.fixture
def open_desk(browser: Browser, address: str, world: World) -> Iterator[OpenDesk]:
    """`open_desk(width=1280, language="vi", scripts=True)`: a new window without cookies."""
    made: list[BrowserContext] = []

    def make(width: int = WIDE, language: str = "vi", *, scripts: bool = True) -> Desk:
        size = {"width": width, "height": HEIGHT}
        context = browser.new_context(viewport=size, java_script_enabled=scripts)
        context.add_cookies([{"name": "accessctl_language", "value": language, "url": address}])
        made.append(context)
        return Desk(context, address, application(world))

    yield make
    for context in made:
        context.close()
