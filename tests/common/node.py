"""Whether the check against node-casbin can run here: Node itself, and what `make node-casbin` installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "policies" / "node" / "decide.mjs"
_OLDEST = 20


def node() -> str | None:
    """The program, by `ACCESSCTL_NODE` or on the PATH."""
    return os.environ.get("ACCESSCTL_NODE") or shutil.which("node")


@cache
def why_not() -> str | None:
    """Why the cross-check cannot run, None when it can."""
    program = node()
    if program is None:
        return "no Node on this machine"
    try:
        said = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return f"{program} does not run"
    major = said.strip().lstrip("v").partition(".")[0]
    if not major.isdigit() or int(major) < _OLDEST:
        return f"Node {said.strip()} is older than {_OLDEST}"
    if not (PROGRAM.parent / "node_modules" / "casbin" / "package.json").is_file():
        return "node-casbin is not installed: make node-casbin"
    return None
