"""The demo as a newcomer starts it: a program of its own on free ports, in a folder of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tests.common.commands import Commands

_UP_WITHIN = 240.0
_DOWN_WITHIN = 60.0


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def listens(port: int) -> bool:
    """Whether anybody accepts connections there."""
    with socket.socket() as tried:
        tried.settimeout(2)
        return tried.connect_ex(("127.0.0.1", port)) == 0


class Demo:
    """`accessctl demo` in a folder, from start to end, and again."""

    def __init__(self, data: Path, port: int, accessctl: Commands) -> None:
        self.data = data
        self._accessctl = accessctl
        self.port = port
        self.output = data.with_suffix(".out")
        self.start()

    def start(self) -> None:
        """Start it, at first or once more after it has ended."""
        words = ["demo", "--data", str(self.data), "--port", str(self.port)]
        words += [] if (self.data / "built").exists() else ["--people", "12"]
        with self.output.open("ab") as output:
            self._said_before = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "accessctl.cli", *words],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    def wait_until_up(self) -> None:
        """Return once it says that the pages answer; the output is in the failure otherwise."""
        until = time.monotonic() + _UP_WITHIN
        while b"Ctrl-C" not in self.output.read_bytes()[self._said_before :] or not self.answers():
            assert self._process.poll() is None, self.output.read_text(encoding="utf-8")
            assert time.monotonic() < until, self.output.read_text(encoding="utf-8")
            time.sleep(0.1)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def answers(self) -> bool:
        """Whether the pages are there."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def known(self) -> dict[str, Any]:
        """demo.json."""
        described: dict[str, Any] = json.loads((self.data / "demo.json").read_text(encoding="utf-8"))
        return described

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        """As Ctrl-C does; the exit status."""
        if self._process.poll() is None:
            self._process.send_signal(with_signal)
        return self._process.wait(_DOWN_WITHIN)

    def ended(self) -> int:
        """Wait until it ends by itself; the exit status."""
        return self._process.wait(_DOWN_WITHIN)

    def children(self) -> dict[int, str]:
        """The processes it started itself, with their command lines."""
        return {pid: words for pid, parent, words in _processes() if parent == self._process.pid}

    def left_behind(self) -> list[str]:
        """Command lines of processes that still have to do with this demo's folder."""
        folder = str(self.data)
        return [words for pid, _, words in _processes() if folder in words or folder in _environment(pid)]

    def command(self, username: str, *words: str) -> subprocess.CompletedProcess[str]:
        """`accessctl … --as username` on this demo."""
        password = {who["username"]: who["password"] for who in self.known()["people"]}[username]
        return self._accessctl(
            *words, "--json", "--data", str(self.data), "--as", username, password=password
        )


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """`accessctl …` as a program of its own."""
    program = [sys.executable, "-m", "accessctl.cli", *words]
    return subprocess.run(program, capture_output=True, text=True, timeout=600)


def _processes() -> list[tuple[int, int, str]]:
    """Every process: id, parent's id, command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it has ended meanwhile
            continue
        found.append((int(folder.name), parent, words))
    return found


def _environment(pid: int) -> str:
    """What a process was started with; nothing where we may not look or it has ended."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
