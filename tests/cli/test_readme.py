"""What the documents tell a reader to type is typed here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from accessctl.cli import cli
from tests.common.demo import Demo

ROOT = Path(__file__).resolve().parent.parent.parent
READMES = (ROOT / "README.md", ROOT / "README.vi.md")
DOCUMENTS = sorted([*READMES, *ROOT.glob("docs/**/*.md")])

NOT_RUN = {
    "make demo": "what it calls, `accessctl demo`, is what this test runs the other commands on",
    "make test": "this test is part of it",
    ". .venv/bin/activate": "the tests run in an environment of their own choice",
    "accessctl demo --tour": "played in test_tour.py, step by step; without --quick it waits two minutes more",
    "psql": "the connection string in it is a placeholder; test_tour.py runs psql on real ones",
}

_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LEASE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def commands(page: Path) -> list[str]:
    """Every line of the page's shell blocks, without notes; a trailing backslash joins lines."""
    blocks = _FENCE.findall(page.read_text(encoding="utf-8"))
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [tidy for line in lines if (tidy := re.sub(r"(^|\s+)#.*$", "", line).strip())]


def why_not(command: str) -> str | None:
    """The reason for which a command is not run here."""
    return next((reason for start, reason in NOT_RUN.items() if command.startswith(start)), None)


def test_both_readmes_show_the_same_commands() -> None:
    english, vietnamese = (commands(page) for page in READMES)
    assert english == vietnamese
    assert len(english) > 15


def test_no_reason_is_given_for_a_command_that_is_not_there() -> None:
    shown = commands(READMES[0])
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in shown)] == []


@pytest.mark.xdist_group("demo")
def test_every_command_of_the_readme_works_in_the_order_in_which_it_stands(demo: Demo) -> None:
    environment = dict(os.environ) | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(ROOT)
    lease = ""
    for command in commands(READMES[0]):
        if why_not(command):
            continue
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            environment[name] = value
            continue
        line = re.sub(r"\bLEASE\b", lease, command)
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=demo.data.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        if command.startswith("accessctl lease open"):
            lease = _LEASE.findall(done.stdout)[0]
    assert lease


def _typed() -> list[tuple[str, str]]:
    """Page and command, for every `accessctl …` in the shell blocks of every document."""
    found = [(str(page.relative_to(ROOT)), line) for page in DOCUMENTS for line in commands(page)]
    return [(page, line[line.index("accessctl ") :]) for page, line in found if "accessctl " in line]


@pytest.mark.parametrize(("document", "line"), _typed())
def test_every_accessctl_command_in_the_documents_exists_with_its_options(document: str, line: str) -> None:
    words = shlex.split(line.partition("|")[0])[1:]
    command: click.Command = cli
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"{document}: {line}"
        command = found
    known = {option for parameter in command.params for option in parameter.opts}
    assert [word for word in words if word.startswith("--") and word.partition("=")[0] not in known] == []
