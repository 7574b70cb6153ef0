"""A private copy of the policy folder that a test may spoil, and the nine offices of the province."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from accessctl.access.enforcer import Gate
from accessctl.access.loader import CONSOLE_RULES, default_folder

NINE = ("VPT", "CJT", "DML", "KNO", "DSG", "DRL", "DGL", "TDC", "GNG")
Spoil = Callable[..., None]


@pytest.fixture(scope="session")
def offices() -> frozenset[str]:
    return frozenset(NINE)


@pytest.fixture(scope="session")
def gate(offices: frozenset[str]) -> Gate:
    """The gate over the policy as it is in the repository; shared, since nothing in it can change."""
    return Gate(offices=offices)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the policy folder."""
    return Path(shutil.copytree(default_folder(), tmp_path / "policies"))


@pytest.fixture
def spoil(folder: Path) -> Spoil:
    """Replace text in a file of the copy, once, and make its closing count right again unless told not to."""

    def change(old: str, new: str, *, file: str = CONSOLE_RULES, recount: bool = True) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        text = text.replace(old, new, 1)
        path.write_text(_recounted(text) if recount else text, encoding="utf-8", newline="")

    return change


def _recounted(text: str) -> str:
    rules = [line for line in text.splitlines() if re.match(r"[a-zA-Z]", line)]
    rights = [line for line in rules if re.match(r"p\s*,", line)]
    allow = sum(line.endswith("allow") for line in rights)
    deny = sum(line.endswith("deny") for line in rights)
    seal = f"# end of policy: {allow} allow, {deny} deny, {len(rules) - len(rights)} words"
    return re.sub(r"# end of policy: .*", seal, text)
