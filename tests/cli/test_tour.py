"""The demo as a newcomer meets it: it starts, a day is played on it, sabotage shows, it stops and starts again."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from accessctl.cli import cli
from accessctl.cli.tour import outside
from tests.common.commands import Commands
from tests.common.demo import Demo, free_port, listens, run

pytestmark = pytest.mark.xdist_group("demo")  # one demo for all of them: it takes longest to start


def verdicts(output: str) -> dict[str, bool]:
    """Time of each step → whether it went well (no ✗ under it)."""
    parts = re.split(r"^(\d\d:\d\d)  ", output, flags=re.MULTILINE)[1:]
    return {at: "✗" not in text for at, text in zip(parts[::2], parts[1::2], strict=True)}


STEPS = ("07:44", "09:10", "09:40", "11:00", "15:30", "17:00")


def test_the_tour_says_so_when_no_demo_is_running(tmp_path: Path) -> None:
    played = CliRunner().invoke(cli, ["demo", "--tour", "--data", str(tmp_path)])
    assert played.exit_code == 3
    assert "no demo is running" in played.stdout


@pytest.fixture
def warm(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tour's commands are processes of their own, but import nothing: that took two thirds of its time."""

    def call(line: outside.CommandLine, username: str, *words: str) -> outside.Answer:
        shared = ["--json", "--data", str(line.data), "--as", username]
        done = commands(*words, *shared, password=line.passwords[username])
        error = json.loads(done.stderr) if done.stderr else {}
        value = json.loads(done.stdout) if done.stdout else None
        return outside.Answer(done.returncode, value, error.get("code", ""), error.get("message", ""))

    monkeypatch.setattr(outside.CommandLine, "__call__", call)


@pytest.mark.usefixtures("warm")
def test_a_day_is_played_through_the_public_interfaces_and_every_step_holds(demo: Demo) -> None:
    played = CliRunner().invoke(cli, ["demo", "--tour", "--quick", "--data", str(demo.data)])
    assert played.exit_code == 0, played.output
    assert verdicts(played.stdout) == dict.fromkeys(STEPS, True)
    assert "6/6" in played.stdout
    bundle = next(demo.data.glob("tour-*"))
    assert (bundle / "events.jsonl").stat().st_size > 0


def test_a_command_of_the_tour_is_a_program_of_its_own_and_told_as_it_ended(demo: Demo) -> None:
    passwords = {who["username"]: who["password"] for who in demo.known()["people"]}
    accessctl = outside.CommandLine(demo.data, passwords)
    listed = accessctl("vpt.cntt1", "accounts", "list")
    assert (listed.status, len(listed.value), listed.code) == (0, 144, "")
    refused = accessctl("vpt.ktra1", "accounts", "lock", "TKCL-CJT-DML", "--reason", "x")
    assert (refused.status, refused.value, refused.code) == (1, None, "policy.denied_by_rule")
    assert "Không được phép" in refused.said


@pytest.mark.long
def test_the_whole_tour_as_it_is_typed_with_the_two_minutes_of_an_abandoned_lease(demo: Demo) -> None:
    played = run("demo", "--tour", "--data", str(demo.data))
    assert played.returncode == 0, played.stdout + played.stderr
    assert verdicts(played.stdout) == dict.fromkeys(STEPS, True)
    assert "phiên bỏ dở đã được hệ thống kết thúc" in played.stdout


@contextmanager
def sabotaged(demo: Demo) -> Iterator[None]:
    """An account locked in the morning, and the gate of an office without its login trigger."""
    account, reason = "TKCL-CJT-KNO", ("--reason", "Thử nghiệm")
    assert demo.command("vpt.cntt1", "accounts", "lock", account, *reason).returncode == 0
    with psycopg.connect(demo.known()["offices"]["DRL"]["admin_dsn"], autocommit=True) as admin:
        ((trigger,),) = admin.execute("SELECT evtname FROM pg_event_trigger").fetchall()
        name = psycopg.sql.Identifier(trigger)
        admin.execute(psycopg.sql.SQL("ALTER EVENT TRIGGER {} DISABLE").format(name))
        try:
            yield
        finally:
            admin.execute(psycopg.sql.SQL("ALTER EVENT TRIGGER {} ENABLE ALWAYS").format(name))
            custodian = next(
                who["username"] for who in demo.known()["people"]
                if who["office"] == "CJT" and "custodian_tkcl" in who["roles"]
            )  # fmt: skip
            assert demo.command(custodian, "accounts", "ask-unlock", account, *reason).returncode == 0
            assert demo.command("vpt.cntt1", "accounts", "unlock", account, *reason).returncode == 0


@pytest.mark.usefixtures("warm")
def test_played_on_a_sabotaged_demo_the_tour_names_the_broken_steps_and_exits_non_zero(demo: Demo) -> None:
    with sabotaged(demo):
        played = CliRunner().invoke(cli, ["demo", "--tour", "--quick", "--data", str(demo.data)])
        assert played.exit_code == 1, played.output
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
    link = HTTPConnection("127.0.0.1", demo.port, timeout=5)
    link.request("GET", "/healthz")
    assert link.getresponse().getheader("Connection") == "close", (
        "each request goes to the process that is free"
    )
    assert demo.stop(signal.SIGINT) == 0
    assert (listens(demo.port), listens(server), demo.left_behind()) == (False, False, [])
    demo.start()
    demo.wait_until_up()
    found = demo.command("vpt.ktra1", "audit", "search", "--event", "account.provisioned")
    assert found.returncode == 0, found.stderr
    known = json.loads(found.stdout)
    assert len(known["rows"]) == 50
    assert known["older"] is not None, "the accounts of before, more than one page of them"
    assert (demo.stop(signal.SIGTERM), listens(demo.port), demo.left_behind()) == (0, False, [])


def test_when_a_process_of_the_demo_dies_everything_ends_and_says_so(demo: Demo) -> None:
    worker = next(pid for pid, words in demo.children().items() if "accessctl.jobs" in words)
    os.kill(worker, signal.SIGKILL)
    assert demo.ended() == 3
    assert "stopped unexpectedly" in demo.output.read_text(encoding="utf-8")
    assert (listens(demo.port), demo.left_behind()) == (False, [])
