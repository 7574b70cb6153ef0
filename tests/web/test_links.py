"""Every link that a role is shown leads to a page that opens: a crawl of a province in which everything has happened.

Breadth first from the start page of each role and its examples (tests/common/busy.py), without a browser. Of pages
that differ only in a name or number each person opens two; the same page under filters, sorted or turned is opened by
the first two people who are shown that link. The first two of each kind are looked over: sound HTML, ids, labels.
"""

from __future__ import annotations

import html
import re
from collections import Counter, deque
from urllib.parse import urljoin, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException

from tests.common.busy import EVERYBODY, HEAD, IT, PAGES, Busy, busy_week, unknown
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over

MORE = ("vpt.pgd", "vpt.tpcst", "cjt.phoi1", "dml.gd")
"""The deputy, the head of a department, the role of the fewest pages, the head of another office."""
UNLINKED = {"public.sign_in", "resets.use"}
"""Where no link of somebody signed in leads: the door, and the link that is handed over."""
LINK = re.compile(r'<a\b[^>]*?\shref="([^"]*)"')


class Crawl:
    """What one province shows to one person after another; what does not open is gathered with where it stood."""

    def __init__(self, app: Flask, busy: Busy, language: str) -> None:
        self._app, self._busy, self._language = app, busy, language
        self._filtered, self._looked_over = Counter[str](), Counter[str]()
        self.linked: set[str] = set()
        self.wrong: list[str] = []
        self.opened = 0

    def walk(self, who: str) -> None:
        """Everything that this person can click on, from the start page and the examples on."""
        visitor = Visitor(self._app.test_client())
        visitor.sign_in(who)
        visitor.client.set_cookie("accessctl_language", self._language)
        seen = Counter[str]()
        waiting = deque([("/", "the start")])
        waiting += [(a, "the list of examples") for e in PAGES for w, a in self._busy.visits(e) if w == who]
        found = {address for address, _ in waiting}
        while waiting:
            address, where = waiting.popleft()
            kind = self._kind(address)
            count = seen if kind.endswith("?") else self._filtered
            count[kind] += 1
            if count[kind] > 2 and "example" not in where:
                continue
            for link in self._open(visitor, address, kind, f"{who}: {address}, a link on {where}"):
                self.linked.add(self._kind(link).partition("?")[0])
                if link not in found and not self._kind(link).startswith("static"):
                    found.add(link)
                    waiting.append((link, address))

    def _kind(self, address: str) -> str:
        """The page, whatever it is about, and the names of its filters."""
        parts = urlsplit(address)
        try:
            endpoint, _ = self._app.url_map.bind("localhost").match(parts.path)
        except HTTPException:
            endpoint = "nothing"
        return f"{endpoint}?" + "&".join(sorted({pair.partition("=")[0] for pair in parts.query.split("&")}))

    def _open(self, visitor: Visitor, address: str, kind: str, named: str) -> set[str]:
        answer = visitor.get(address)
        self.opened += 1
        if answer.status_code != 200:
            self.wrong.append(f"{named}, answers {answer.status_code}")
        if answer.status_code != 200 or answer.mimetype != "text/html":
            answer.get_data()  # a file is read to its end
            return set()
        self._looked_over[kind] += 1
        try:
            assert f'<html lang="{self._language}">' in answer.text, "another language"
            if self._looked_over[kind] <= 2:
                look_over(visitor)
        except AssertionError as error:
            self.wrong.append(f"{named}: {error}")
        links = {
            urljoin(visitor.path, html.unescape(href)).partition("#")[0] for href in LINK.findall(answer.text)
        }
        return {link for link in links if link.startswith("/")}


def test_S54_every_link_that_anybody_is_shown_opens_and_every_page_is_sound_in_both_languages(
    app: Flask, world: World
):
    assert unknown(app) == set(), "name an example for each new route in tests/common/busy.py"
    busy = busy_week(world)
    crawl, english = Crawl(app, busy, "vi"), Crawl(app, busy, "en")
    for who in (*EVERYBODY, *MORE):
        crawl.walk(who)
    for who in (HEAD, IT):  # who see the most
        english.walk(who)
    assert not crawl.wrong + english.wrong, "\n".join(crawl.wrong + english.wrong)
    assert PAGES.keys() - crawl.linked == UNLINKED
    assert crawl.opened > 300
    assert english.opened > 100
