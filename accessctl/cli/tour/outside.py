"""What an outsider has of a running demo: its command line, PostgreSQL's own client, its pages. Nothing inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs, unquote, urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, Request, build_opener, urlopen

_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended: exit status, the JSON it printed (None without), its error's code and sentence."""

    status: int
    value: Any
    code: str
    said: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`accessctl …` as a program of its own, one process for each command, always as somebody."""

    data: Path
    passwords: dict[str, str]

    def __call__(self, username: str, *words: str) -> Answer:
        """Run a command as this officer."""
        program = [sys.executable, "-m", "accessctl.cli", *words]
        shared = ["--json", "--data", str(self.data), "--as", username]
        environment = os.environ | {"ACCESSCTL_PASSWORD": self.passwords[username]}
        done = subprocess.run(
            [*program, *shared], env=environment, capture_output=True, text=True, timeout=_PATIENCE
        )
        error = _json(done.stderr) or {}
        said = error.get("message") or done.stderr.strip()[-400:]
        return Answer(done.returncode, _json(done.stdout), error.get("code", ""), said)


def verify(folder: Path) -> Answer:
    """`python -m audit verify` on an export."""
    program = [sys.executable, "-m", "audit", "verify", str(folder)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=_PATIENCE)
    return Answer(done.returncode, None, "", (done.stdout or done.stderr).strip())


@dataclass(frozen=True, slots=True)
class Psql:
    """PostgreSQL's own client on the connection string that a lease revealed; one run is one login."""

    program: Path

    def __call__(
        self,
        dsn: str,
        statements: Sequence[str],
        told: Mapping[str, str] | None = None,
        *,
        via: int | None = None,
        password: str | None = None,
    ) -> Answer:
        """Run the statements, each of which answers one JSON value; `told` are psql variables.

        `via`: through this local port instead.
        """
        known = urlsplit(dsn)
        address = {
            "PGHOST": known.hostname or "",
            "PGPORT": str(via or known.port),
            "PGUSER": known.username or "",
            "PGPASSWORD": password or unquote(known.password or ""),
            "PGDATABASE": unquote(known.path.lstrip("/")),
            "PGAPPNAME": parse_qs(known.query).get("application_name", ["psql"])[0],
            "PGCONNECT_TIMEOUT": "10",
        }
        given = [word for name, value in (told or {}).items() for word in ("-v", f"{name}={value}")]
        done = subprocess.run(
            [self.program, "-XAtq", "-v", "ON_ERROR_STOP=1", *given],
            input="".join(f"{statement};\n" for statement in statements),
            env=os.environ | address,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
        )
        rows = [json.loads(line) for line in done.stdout.splitlines() if line]
        return Answer(done.returncode, rows, "", done.stderr.strip()[-400:])


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages, as a browser without scripts sees them."""

    url: str

    def alive(self) -> bool:
        """Whether the service answers."""
        try:
            with urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310 - the address in demo.json
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def as_seen_by(self, username: str, password: str, path: str) -> str:
        """Sign in, open one page, sign out. Raises URLError where a page is refused."""
        browser = build_opener(HTTPCookieProcessor(CookieJar()))
        browser.addheaders = [("Origin", self.url)]
        with browser.open(f"{self.url}/sign-in", timeout=20) as door:
            token = _between(door.read().decode(), 'name="csrf_token"', 'value="', '"')
        form = {"csrf_token": token, "username": username, "password": password}
        browser.open(Request(f"{self.url}/sign-in", urlencode(form).encode()), timeout=20).close()  # noqa: S310
        with browser.open(self.url + path, timeout=20) as page:
            text: str = page.read().decode()
        form = {"csrf_token": _between(text, 'name="csrf_token"', 'value="', '"')}
        browser.open(Request(f"{self.url}/sign-out", urlencode(form).encode()), timeout=20).close()  # noqa: S310
        return text


def _between(text: str, after: str, start: str, end: str) -> str:
    return text.partition(after)[2].partition(start)[2].partition(end)[0]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
