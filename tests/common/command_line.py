"""`accessctl` against a test's own province: settings in a folder, in this process or as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from accessctl.cli import cli
from tests.common.world import PASSWORD

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the machine form, of a command that was carried out."""
        assert self.status == 0, (self.status, self.err)
        assert self.err == ""
        return json.loads(self.out)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Exit status, code and sentence of a refusal under --json; nothing on standard output."""
        assert self.out == ""
        said = json.loads(self.err)
        assert set(said) == {"code", "message"}, said
        assert said["message"].strip()
        return self.status, said["code"], said["message"]


class CommandLine:
    """`accessctl`, told where the settings are."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.write(env)

    def write(self, env: dict[str, str]) -> None:
        """The settings from now on."""
        self.env = env
        path = self.folder / "accessctl.env"
        path.write_text("".join(f"{name}={value}\n" for name, value in env.items()), encoding="utf-8")
        path.chmod(0o600)

    def _arguments(self, words: tuple[str, ...], who: str | None, *, plain: bool) -> list[str]:
        return [
            *words,
            *([] if plain else ["--json"]),
            "--data",
            str(self.folder),
            *(["--as", who] if who else []),
        ]

    def __call__(
        self, *words: str, who: str | None = None, password: str | None = PASSWORD, env: dict[str, str] | None = None,
        stdin: str | None = None, plain: bool = False,
    ) -> Answer:  # fmt: skip
        """In this process; `plain`: as people are told it. An exception that is no refusal is raised."""
        given = {"ACCESSCTL_PASSWORD": password, "ACCESSCTL_NEW_PASSWORD": None, **(env or {})}
        done = CliRunner().invoke(
            cli, self._arguments(words, who, plain=plain), env=given, input=stdin, catch_exceptions=False
        )
        return Answer(done.exit_code, done.stdout, done.stderr)

    def program(self, *words: str | bytes, who: str | None = None, plain: bool = False) -> Answer:
        """As a program of its own."""
        fixed = [] if plain else ["--json", "--data", str(self.folder), *(["--as", who] if who else [])]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ACCESSCTL_")}
        done = subprocess.run(
            [sys.executable, "-m", "accessctl.cli", *words, *fixed],
            env=kept | {"ACCESSCTL_PASSWORD": PASSWORD},
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())
