"""One hundred people with the matrix open: what following it costs, and how soon all of them see a change."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accessctl.cli.demo_folder import CONTROL
from bench.measure import Row, milliseconds
from bench.pages import PEOPLE, Person, served
from bench.site import Bench

VIEWERS, PACE, BEFORE, AFTER = 100, 1.3, 8.0, 4.0
"""The pace of matrix.js; seconds that they look before and after the change."""
WITHIN = 2.0
_CHANGED = "TKCL-CJT-DML"


class _Viewer(Person):
    """A page of the matrix that asks for what has changed."""

    version = ""
    news_at = 0.0

    def look(self) -> float:
        """Seconds that one question took; `news_at` is when it last told of something new."""
        began = time.perf_counter()
        status, tag = self.follow("/matrix/changes?kind=TKCL", self.version)
        took = time.perf_counter() - began
        if status == 200 and self.version:
            self.news_at = time.monotonic()
        self.version = tag or self.version
        return took


def rows(bench: Bench) -> list[Row]:
    """All look at their own pace; once somebody suspends an account."""
    with served(bench) as (port, process):
        known = [Person(port, name).sign_in() for name in PEOPLE]
        crowd = [
            _Viewer(port, PEOPLE[n % len(PEOPLE)], dict(known[n % len(known)].cookies))
            for n in range(VIEWERS)
        ]
        taken: list[float] = []
        with _looking(crowd, taken):
            time.sleep(BEFORE / 2)
            spent, asked, began = _processor(process.pid), len(taken), time.monotonic()
            time.sleep(BEFORE / 2)
            spent, asked = _processor(process.pid) - spent, len(taken) - asked
            share = spent / (time.monotonic() - began)
            changed_at = _change(bench, "LOCKED")
            time.sleep(AFTER)
        _change(bench, "ACTIVE")
    seen = [one.news_at - changed_at for one in crowd if one.news_at > changed_at]
    latest = max(seen, default=float("inf"))
    everybody = len(seen) == VIEWERS
    return [
        Row(f"{VIEWERS} people follow the matrix: until all of them see a change", milliseconds(seen), "–",
            f"{latest:.2f} s, {len(seen)} of {VIEWERS}", f"< {WITHIN:g} s", everybody and latest < WITHIN, len(seen)),
        Row(f"the same while nothing changes, {asked / BEFORE * 2:.0f} questions a second", milliseconds(taken), "–",
            f"{share * 100:.0f} % of a processor, {spent / asked * 1000:.1f} ms each", "–", None, asked),
    ]  # fmt: skip


@contextmanager
def _looking(crowd: list[_Viewer], taken: list[float]) -> Iterator[None]:
    over = threading.Event()

    def follow(viewer: _Viewer) -> None:
        over.wait(random.uniform(0, PACE))
        while not over.is_set():
            taken.append(viewer.look())
            over.wait(PACE)

    threads = [threading.Thread(target=follow, args=(viewer,)) for viewer in crowd]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _change(bench: Bench, state: str) -> float:
    """Put the account into that state behind everybody's back; returns when it was there."""
    with bench.admin(CONTROL) as admin:
        admin.execute("UPDATE account SET state = %s WHERE name = %s", (state, _CHANGED))
    return time.monotonic()


def _processor(pid: int) -> float:
    """Seconds that a process and its children have computed (proc(5): utime and stime)."""
    family, ticks = {pid}, 0
    for entry in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        if entry in family or int(fields[1]) in family:
            family.add(entry)
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
