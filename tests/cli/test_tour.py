"""The demo as a newcomer meets it: it starts, a day is played on it, sabotage shows, it stops and starts again."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.common.demo import Demo, free_port, listens, run


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A demo that is up, twelve participants an office; as root the server's own user has to pass through."""
    folder = Path(tempfile.mkdtemp(prefix="accessctl-tour-"))
    folder.chmod(0o711)
    started = Demo(folder / "demo", free_port())
    try:
        started.wait_until_up()
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder)


def verdicts(output: str) -> dict[str, bool]:
    """Time of each step → whether it went well (no ✗ under it)."""
    parts = re.split(r"^(\d\d:\d\d)  ", output, flags=re.MULTILINE)[1:]
    return {at: "✗" not in text for at, text in zip(parts[::2], parts[1::2], strict=True)}


STEPS = ("07:44", "09:10", "09:40", "11:00", "15:30", "17:00")


def test_the_tour_says_so_when_no_demo_is_running(tmp_path: Path) -> None:
    played = run("demo", "--tour", "--data", str(tmp_path))
    assert played.returncode == 3
    assert "no demo is running" in played.stdout


def test_a_day_is_played_through_the_public_interfaces_and_every_step_holds(demo: Demo) -> None:
    played = run("demo", "--tour", "--quick", "--data", str(demo.data))
    assert played.returncode == 0, played.stdout + played.stderr
    assert verdicts(played.stdout) == dict.fromkeys(STEPS, True)
    assert "6/6" in played.stdout
    bundle = next(demo.data.glob("tour-*"))
    assert (bundle / "events.jsonl").stat().st_size > 0


def test_played_on_a_sabotaged_demo_the_tour_names_the_broken_steps_and_exits_non_zero(demo: Demo) -> None:
    reason = ("--reason", "Thử nghiệm")
    assert demo.command("vpt.cntt1", "accounts", "lock", "TKCL-CJT-KNO", *reason).returncode == 0
    with psycopg.connect(demo.known()["offices"]["DRL"]["admin_dsn"], autocommit=True) as admin:
        triggers = [row[0] for row in admin.execute("SELECT evtname FROM pg_event_trigger")]
        assert len(triggers) == 1
        admin.execute(
            psycopg.sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(psycopg.sql.Identifier(triggers[0]))
        )
    played = run("demo", "--tour", "--quick", "--data", str(demo.data))
    assert played.returncode == 1, played.stdout + played.stderr
    broken = {at for at, well in verdicts(played.stdout).items() if not well}
    assert broken == {"09:10", "15:30", "17:00"}, played.stdout
    assert "account.locked" in played.stdout
    holders = demo.command("vpt.cntt1", "accounts", "list")
    assert '"holder": "' not in holders.stdout, "a broken step leaves nothing borrowed"


def test_a_second_start_in_the_same_folder_or_on_a_taken_port_is_refused_and_the_first_goes_on(
    demo: Demo, tmp_path: Path
) -> None:
    again = run("demo", "--data", str(demo.data), "--port", str(free_port()))
    assert (again.returncode, str(demo.data) in again.stderr) == (1, True), again.stderr
    beside = run("demo", "--data", str(tmp_path / "other"), "--port", str(demo.port))
    assert (beside.returncode, str(demo.port) in beside.stderr) == (1, True), beside.stderr
    assert not (tmp_path / "other" / "postgres").exists(), "refused before anything was built"
    assert demo.answers()
    assert demo.command("vpt.cntt1", "accounts", "list").returncode == 0


def test_stopped_the_demo_leaves_nothing_running_and_started_again_it_knows_what_was(demo: Demo) -> None:
    server = demo.known()["offices"]["DML"]["port"]
    assert demo.stop(signal.SIGINT) == 0
    assert (listens(demo.port), listens(server), demo.left_behind()) == (False, False, [])
    again = Demo(demo.data, demo.port)
    try:
        again.wait_until_up()
        found = again.command("vpt.ktra1", "audit", "search", "--event", "account.provisioned")
        assert found.returncode == 0, found.stderr
        assert len(json.loads(found.stdout)["rows"]) == 50
    finally:
        status = again.stop(signal.SIGTERM)
    assert (status, listens(again.port), again.left_behind()) == (0, False, [])


def test_when_a_process_of_the_demo_dies_everything_ends_and_says_so(demo: Demo) -> None:
    worker = next(pid for pid, words in demo.children().items() if "accessctl.jobs" in words)
    os.kill(worker, signal.SIGKILL)
    assert demo.ended() == 3
    assert "stopped unexpectedly" in demo.output.read_text(encoding="utf-8")
    assert (listens(demo.port), demo.left_behind()) == (False, [])
