"""Build .venv from the pinned, hashed requirements. Quick and silent when nothing has changed.

`make setup` runs it with the Python that .venv shall have. Standard library only: it runs before
anything is installed. The stamp inside .venv names what it was built from; any difference (other
pins, another Python asked for, a moved checkout) brings it up to date again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".built-from"
PINS = ROOT / "requirements" / "dev.txt"
OLDEST = (3, 11)
TAIL = 25  # lines of pip's output shown when it fails


def main() -> int:
    """Bring .venv up to date; 0 when it is, 1 with a sentence on stderr when it cannot be."""
    try:
        with _one_at_a_time():
            if STAMP.is_file() and STAMP.read_text() == _wanted():
                return 0
            _build()
            STAMP.write_text(_wanted())
    except PermissionError as error:
        print(
            f"make setup: {error.filename} cannot be written by this user; "
            f"remove {VENV} or run as the user who owns the checkout",
            file=sys.stderr,
        )
        return 1
    except SetupFailed as error:
        print(f"make setup: {error}", file=sys.stderr)
        return 1
    return 0


class SetupFailed(Exception):
    """Carries the one sentence that the person reads."""


def _one_at_a_time():  # type: ignore[no-untyped-def]  # a file object, used as a context manager only
    """Two `make` at once must not build the same .venv; the lock ends with the file object.

    A checkout that this user may only read needs no lock: nothing will be written.
    """
    try:
        lock = open(ROOT / ".setup-lock", "w")  # noqa: SIM115  # closed by the caller's `with`
    except PermissionError:
        lock = open(os.devnull, "w")  # noqa: SIM115
        return lock
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _wanted() -> str:
    """What an up-to-date .venv was built from, one fact a line."""
    pins = hashlib.sha256(PINS.read_bytes()).hexdigest()
    project = hashlib.sha256(_project_table()).hexdigest()
    return f"folder {ROOT}\npython {_python()}\npins {pins}\nproject {project}\n"


def _project_table() -> bytes:
    """The part of pyproject.toml that an installation depends on (tool settings do not matter)."""
    import tomllib

    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return repr((data["build-system"], data["project"], data["tool"]["setuptools"])).encode()


def _python() -> str:
    """Major.minor: the one asked for by name, else the one that .venv has already, else ours."""
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if os.environ.get("PYTHON_ASKED_FOR") or not STAMP.is_file():
        return ours
    kept = [line.split()[1] for line in STAMP.read_text().splitlines() if line.startswith("python ")]
    return kept[0] if kept and (VENV / "bin" / f"python{kept[0]}").exists() else ours


def _build() -> None:
    started = time.monotonic()
    if not _venv_usable():
        _make_venv()
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    count = sum("==" in line and not line.startswith((" ", "#")) for line in PINS.read_text().splitlines())
    _run_with_progress(
        [*pip, "install", "--require-hashes", "--no-input", "-r", str(PINS)], count, "packages"
    )
    # compat: one .pth line with the checkout, so that new top-level folders need no new installation.
    options = ["--no-deps", "--no-build-isolation", "--no-input", "--config-settings", "editable_mode=compat"]
    _run_with_progress([*pip, "install", *options, "-e", str(ROOT)], 0, "accessctl")
    print(f"make setup: .venv is ready ({time.monotonic() - started:.0f} s)", flush=True)


def _venv_usable() -> bool:
    """A venv of the Python wanted, made in this folder (scripts in a moved venv point elsewhere)."""
    python = VENV / "bin" / f"python{_python()}"
    return python.exists() and STAMP.is_file() and f"folder {ROOT}\n" in STAMP.read_text()


def _make_venv() -> None:
    if sys.version_info < OLDEST:
        raise SetupFailed(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]} ({sys.executable}); "
            "name another one: make setup PYTHON=python3.12"
        )
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        raise SetupFailed(
            f"{sys.executable} cannot make virtual environments: its modules venv and ensurepip are missing "
            f"(on Debian and Ubuntu: apt-get install python3.{sys.version_info[1]}-venv), "
            "or name another Python: make setup PYTHON=…"
        )
    if VENV.exists():
        shutil.rmtree(VENV)
    print(f"make setup: new .venv with Python {sysconfig.get_python_version()}", flush=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode != 0:
        raise SetupFailed(f"python -m venv failed: {(made.stdout + made.stderr).strip()}")


def _run_with_progress(command: list[str], total: int, what: str) -> None:
    """Run pip and show how far it is, on one line on a terminal, else a line now and then."""
    env = {name: value for name, value in os.environ.items() if name != "PIP_REQUIRE_HASHES"}
    lines: list[str] = []
    seen = 0
    terminal = sys.stdout.isatty()
    print(f"make setup: installing {total or ''} {what} …".replace("  ", " "), flush=True)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=ROOT
    )
    for line in process.stdout or ():
        lines.append(line.rstrip())
        if line.startswith(("Collecting ", "Requirement already satisfied: ")) and total:
            seen += 1
            if terminal:
                print(f"\r  {seen}/{total} {_name(line):<40.40}", end="", flush=True)
            elif seen % 20 == 0:
                print(f"  {seen}/{total}", flush=True)
        elif line.startswith("Installing collected packages"):
            print(("\r" if terminal else "") + f"  {'unpacking':<50}", flush=True)
    if process.wait() != 0:
        raise SetupFailed("pip failed:\n  " + "\n  ".join(lines[-TAIL:]))


def _name(line: str) -> str:
    return line.split(":")[-1].replace("Collecting", "").split("==")[0].strip()


if __name__ == "__main__":
    sys.exit(main())
