"""Every page that can be opened by an address: time to the whole answer, small and grown, and fifty people at once."""

from __future__ import annotations

import gzip
import html
import http.client
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

from accessctl.app import create_app
from accessctl.cli.demo_folder import CONTROL, PASSWORD
from accessctl.web import gates
from bench.grown import grow
from bench.measure import Row, milliseconds, p
from bench.site import ROOT, Bench, province

PEOPLE = ("vpt.gd", "vpt.ktra1", "vpt.cntt1", "cjt.gd", "cjt.the2", "cjt.the1", "cjt.tn1")
WARM_UP, ROUNDS = 2, 12
PROCESSES = 2  # what `serve` starts; each says when all is ready that its first readers would wait for
ACCOUNTS, OFFICERS, RECORDS = 12_000, 500, 1_000_000
CLICKING, SECONDS, THINKING = 50, 20.0, (0.5, 1.5)
FIRST_PAGE, GROWTH, AT_ONCE = 200_000, 1.5, 0.250
# What streams a file or answers a script is no page.
NO_PAGE = re.compile(
    r"(static|notices\.count|check_state|public\.health|heartbeat|export|csv|xlsx|vcard|_file|pulse|live)"
)
_SAMPLES = {
    "account": "SELECT name FROM account WHERE name = 'TKCL-CJT-DML'",
    "code": "SELECT code FROM office WHERE code = 'CJT'",
    "office": "SELECT code FROM office WHERE code = 'CJT'",
    "username": "SELECT username FROM officer WHERE username = 'cjt.the1'",
    "kind": "SELECT 'TKCL'",
    "index": "SELECT min(idx) FROM audit_log",
    "idx": "SELECT min(idx) FROM audit_log",
}


@dataclass
class Person:
    """Somebody signed in, on one kept connection."""

    port: int
    username: str
    cookies: dict[str, str] = field(default_factory=dict)
    link: http.client.HTTPConnection | None = None

    def sign_in(self) -> Person:
        """Through the form."""
        _, page = self.ask("/sign-in")
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.decode())
        assert found, "the sign-in has a token"
        form = {"csrf_token": html.unescape(found[1]), "username": self.username, "password": PASSWORD}
        status, _ = self.ask("/sign-in", urlencode(form))
        assert status == 303, (self.username, status)
        return self

    def ask(self, address: str, form: str | None = None, **headers: str) -> tuple[int, bytes]:
        """Status and whole body."""
        answer, body = self._answer(address, form, headers)
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, body

    def follow(self, address: str, version: str) -> tuple[int, str]:
        """Ask whether this is still the newest version; status and the version that was answered with."""
        asked = {"HX-Request": "true", "If-None-Match": f'"{version}"'}
        answer, _ = self._answer(address, None, asked)
        return answer.status, (answer.getheader("ETag") or "").removeprefix("W/").strip('"')

    def _answer(
        self, address: str, form: str | None, headers: dict[str, str]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if self.link is None:
            self.link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self.link.connect()
            self.link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
        if form is not None:
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://127.0.0.1:{self.port}",
            }
        try:
            self.link.request("GET" if form is None else "POST", address, form, sent)
            answer = self.link.getresponse()
        except (http.client.HTTPException, ConnectionError):
            self.link = None  # the server closed a connection that was kept too long
            return self._answer(address, form, headers)
        return answer, answer.read()


def growth(bench: Bench) -> list[Row]:
    """Each page with 12,000 accounts, 500 officers and a million records, in turn with a province as it was founded."""
    grow(bench, ACCOUNTS, OFFICERS, RECORDS)
    with province() as founded, served(founded) as (port, _), served(bench) as (grown_port, _):
        people = {name: Person(port, name).sign_in() for name in PEOPLE}
        grown = {name: Person(grown_port, name).sign_in() for name in PEOPLE}
        pages = _pages(founded, list(people.values()))
        first = _transfer(people[PEOPLE[0]])
        small: dict[str, list[float]] = {page: [] for page in pages}
        large: dict[str, list[float]] = {page: [] for page in pages}
        for turn in range(-WARM_UP, ROUNDS):
            for page, person in pages.items():
                took = _time(person, page), _time(grown[person.username], page)
                if turn >= 0:
                    small[page].append(took[0])
                    large[page].append(took[1])
    ratios = {page: statistics.median(large[page]) / statistics.median(small[page]) for page in pages}
    worst = max(ratios, key=lambda page: ratios[page])
    slowest = max(pages, key=lambda page: statistics.median(large[page]))
    for page in sorted(pages, key=lambda page: -ratios[page]):
        sys.stderr.write(
            f"    {page} ({pages[page].username}): {milliseconds(small[page])} → {milliseconds(large[page])},"
            f" {ratios[page]:.2f} ×\n"
        )
    every_small = [value for taken in small.values() for value in taken]
    every_large = [value for taken in large.values() for value in taken]
    n = len(every_large)
    return [
        Row(f"{len(pages)} pages; {ACCOUNTS:,} accounts, {OFFICERS} officers, {RECORDS:,} records, against 144",
            milliseconds(every_large), milliseconds(every_small),
            f"{statistics.median(every_large) / statistics.median(every_small):.2f} × p50", f"≤ {GROWTH:g} ×",
            statistics.median(every_large) <= GROWTH * statistics.median(every_small), n),
        Row(f"the page that grew most: {worst}", milliseconds(large[worst]), milliseconds(small[worst]),
            f"{ratios[worst]:.2f} × p50", f"≤ {GROWTH:g} ×", ratios[worst] <= GROWTH, ROUNDS),
        Row(f"the slowest page then: {slowest}", milliseconds(large[slowest]), milliseconds(small[slowest]),
            f"{statistics.median(large[slowest]) * 1000:.0f} ms p50", "–", None, ROUNDS),
        Row("first page with style, script and fonts, compressed", f"{first / 1000:.0f} kB", "–",
            f"{first / 1000:.0f} kB", f"< {FIRST_PAGE // 1000} kB", first < FIRST_PAGE, 1),
    ]  # fmt: skip


def at_once(bench: Bench) -> list[Row]:
    """Fifty people, each on any page that is open to them, a new one every half to one and a half seconds."""
    with served(bench) as (port, _):
        known = [Person(port, name).sign_in() for name in PEOPLE]
        pages = _pages(bench, known)
        of = {person.username: [page for page in pages if person.ask(page)[0] == 200] for person in known}
        crowd = [
            Person(port, PEOPLE[n % len(PEOPLE)], dict(known[n % len(PEOPLE)].cookies))
            for n in range(CLICKING)
        ]
        taken: list[float] = []
        wrong: list[str] = []
        until = time.monotonic() + SECONDS

        def click(person: Person) -> None:
            time.sleep(random.uniform(0, THINKING[1]))
            while time.monotonic() < until:
                page = random.choice(of[person.username])
                began = time.perf_counter()
                status, _ = person.ask(page)
                taken.append(time.perf_counter() - began)
                if status != 200:
                    wrong.append(f"{page}: {status}")
                time.sleep(random.uniform(*THINKING))

        threads = [threading.Thread(target=click, args=(person,)) for person in crowd]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    late = p(taken, 95)
    return [
        Row(f"{CLICKING} people clicking, {len(taken) / SECONDS:.0f} pages a second", milliseconds(taken), "–",
            f"p95 {late * 1000:.0f} ms, {len(wrong)} errors", f"p95 < {AT_ONCE * 1000:.0f} ms, no error",
            late < AT_ONCE and not wrong, len(taken))
    ]  # fmt: skip


@contextmanager
def served(bench: Bench) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The service as `accessctl serve` runs it, on a free port; its process is the parent of those that answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = (bench.folder.logs / "serve.log").open("w+b")
    process = subprocess.Popen(
        [sys.executable, "-m", "accessctl.cli", "serve", "--bind", f"127.0.0.1:{port}"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        env=os.environ | {name: str(value) for name, value in bench.settings.env.items()},
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while Path(log.name).read_bytes().count(b"warm.done") < PROCESSES:
            assert time.monotonic() < until, "the service did not start"
            time.sleep(0.1)
        yield port, process
    finally:
        process.terminate()
        process.wait(30)


def _pages(bench: Bench, people: list[Person]) -> dict[str, Person]:
    """Every page of the route table whose address can be filled in, with the first of the people who may open it."""
    with bench.admin(CONTROL) as admin:
        samples = {name: (admin.execute(query).fetchone() or ("",))[0] for name, query in _SAMPLES.items()}
    app = create_app(bench.settings)
    found: dict[str, Person] = {}
    for rule in app.url_map.iter_rules():
        if (
            "GET" not in (rule.methods or ())
            or NO_PAGE.search(rule.endpoint)
            or not rule.arguments <= set(samples)
        ):
            continue
        if gates.gate_of(app, rule.endpoint) == gates.PUBLIC:
            continue
        address = rule.rule
        for name in rule.arguments:
            address = re.sub(rf"<(\w+:)?{name}>", quote(str(samples[name])), address)
        person = next((one for one in people if one.ask(address)[0] == 200), None)
        if person is not None:
            found[address] = person
    return found


def _time(person: Person, page: str) -> float:
    began = time.perf_counter()
    status, _ = person.ask(page)
    took = time.perf_counter() - began
    assert status == 200, (page, status)
    return took


def _transfer(person: Person) -> int:
    """Bytes of the start page and of all that it loads, as a browser asks for them; the head of each answer not."""
    asked = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
    _, page = person.ask("/", **asked)
    total = len(page)
    fonts: set[str] = set()
    for part in set(re.findall(r'(?:href|src)="(/static/[^"#]+)', _text(page))):
        _, body = person.ask(part, **asked)
        total += len(body)
        if part.partition("?")[0].endswith(".css"):
            folder = part.rsplit("/", 1)[0]
            fonts |= {f"{folder}/{name}" for name in re.findall(r'url\("?([^")]+woff2)', _text(body))}
    return total + sum(len(person.ask(font)[1]) for font in fonts)


def _text(body: bytes) -> str:
    return (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode()
