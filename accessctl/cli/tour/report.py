"""What the tour prints: each step with its time, each check with its evidence, in Vietnamese and short English."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

Found = TypeVar("Found")


class Broken(Exception):
    """A step did not go as it should; `vi` and `en` say what was found instead."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(en)
        self.vi = vi
        self.en = en


class Report:
    """The lines on the screen, and how many steps went well."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.passed = 0
        self.failed = 0

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(text, soft_wrap=True)

    @contextmanager
    def step(self, at: str, vi: str, en: str) -> Iterator[None]:
        """One time of the day; a broken one is told and the day goes on."""
        self.say(f"\n[bold]{at}  {vi}[/bold] · {en}")
        try:
            yield
        except Broken as error:
            self.failed += 1
            self.say(f"  [red]✗ {escape(error.vi)}[/red] · {escape(error.en)}")
        else:
            self.passed += 1

    def fact(self, vi: str, en: str, *evidence: object) -> None:
        """Something that is as it should be, with what shows it."""
        shown = f"  [dim]\\[{escape(', '.join(map(str, evidence)))}][/dim]" if evidence else ""
        self.say(f"  [green]✓[/green] {escape(vi)} · {escape(en)}{shown}")

    def check(self, right: bool, vi: str, en: str, *evidence: object) -> None:
        """The same, or the step is broken with the evidence as the reason."""
        if not right:
            found = ", ".join(map(str, evidence))
            raise Broken(f"không đạt: {vi} [{found}]", f"not so: {en}")
        self.fact(vi, en, *evidence)

    def wait(self, vi: str, en: str, look: Callable[[], Found | None], *, within: float) -> Found:
        """The first thing that `look` finds; the seconds run on the screen meanwhile. Broken when out of time."""
        began = time.monotonic()
        with self._console.status(f"{vi} · {en}") as shown:
            while True:
                found = look()
                if found:
                    return found
                gone = time.monotonic() - began
                if gone > within:
                    raise Broken(
                        f"không thấy sau {within:.0f} giây: {vi}", f"not within {within:.0f} s: {en}"
                    )
                shown.update(f"{vi} · {en}  {gone:.0f}/{within:.0f} s")
                time.sleep(0.3)
