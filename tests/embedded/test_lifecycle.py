"""Starting, stopping, finding again, and what can be wrong on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from accessctl.embedded import Cluster, ClusterError, Problem, postmaster
from accessctl.embedded.problems import from_output

_STARTER = """
import signal, sys, time
from pathlib import Path
import psycopg
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
from accessctl.embedded import Cluster
server = Cluster(Path(sys.argv[1]), fast=True, guarded=sys.argv[2] == "guarded")
server.start()
try:
    print(server.port, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    with psycopg.connect(server.dsn()) as session:
        print(session.execute("SELECT 'still there'").fetchone()[0], flush=True)
"""


Starter = Callable[[Path, str], "subprocess.Popen[str]"]


@pytest.fixture
def starter() -> Iterator[Starter]:
    """`starter(folder, "guarded")`: a process that starts the server there and then waits; killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path, how: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", _STARTER, str(folder), how],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:  # closes its pipe and waits for it
            process.kill()


def _eventually(check, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def test_a_restart_keeps_port_password_and_data(own: Cluster) -> None:
    before = own.dsn()
    with psycopg.connect(before) as session:
        session.execute("CREATE TABLE kept ()")
    own.stop()
    assert not own.running()
    again = Cluster(own.folder, fast=True)
    again.start()
    assert again.dsn() == before
    with psycopg.connect(again.dsn()) as session:
        session.execute("SELECT FROM kept")
    again.stop()


def test_a_running_server_of_the_folder_is_taken_over(own: Cluster) -> None:
    pid = postmaster.running_in(own.data_folder)
    other = Cluster(own.folder)
    other.start()
    assert postmaster.running_in(own.data_folder) == pid
    assert other.dsn() == own.dsn()


def test_stopping_twice_and_stopping_what_never_ran_is_no_error(own: Cluster, tmp_path: Path) -> None:
    own.stop()
    own.stop()
    Cluster(tmp_path / "never").stop()
    assert not (tmp_path / "never").exists()


def test_a_killed_server_is_started_again_with_its_data(own: Cluster) -> None:
    with psycopg.connect(own.dsn()) as session:
        session.execute("CREATE TABLE survives ()")
    server = postmaster.running_in(own.data_folder)
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    assert _eventually(lambda: not own.running())
    assert (own.data_folder / "postmaster.pid").exists()
    own.start()
    with psycopg.connect(own.dsn()) as session:
        session.execute("SELECT FROM survives")


def test_a_stale_postmaster_pid_that_names_another_program_is_no_obstacle(own: Cluster) -> None:
    own.stop()
    (own.data_folder / "postmaster.pid").write_text(f"{os.getpid()}\n{own.data_folder}\n0\n{own.port}\n\n\n")
    assert not own.running()
    own.start()
    assert own.running()


def test_a_kept_port_that_somebody_took_is_replaced(own: Cluster) -> None:
    before = own.port
    own.stop()
    with socket.create_server(("127.0.0.1", before)):
        own.start()
        assert own.port != before
        assert own.running()


def test_a_port_asked_for_that_is_taken_is_a_clear_refusal(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"port {port} .* is taken") as refused:
            Cluster(folder, port=port, fast=True).start()
    assert refused.value.problem is Problem.PORT_TAKEN
    Cluster(folder).destroy()


def test_a_running_server_does_not_change_its_port(own: Cluster) -> None:
    with pytest.raises(ClusterError, match="runs already, on port"):
        Cluster(own.folder, port=own.port + 1).start()


def test_two_processes_that_start_one_folder_at_once_get_one_server(folder: Path, starter: Starter) -> None:
    both = [starter(folder, "unguarded") for _ in range(2)]
    ports = set()
    for process in both:
        assert process.stdout is not None
        ports.add(process.stdout.readline())
    for process in both:
        process.kill()
        process.communicate()
    Cluster(folder).destroy()
    assert len(ports) == 1
    assert "" not in ports


def test_control_c_in_the_terminal_passes_the_server_by(folder: Path, starter: Starter) -> None:
    """The service still has leases to close when the person presses it."""
    process = starter(folder, "unguarded")
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=20)
    assert told == "still there\n"
    Cluster(folder).destroy()


def test_a_guarded_server_goes_with_the_process_that_was_killed(folder: Path, starter: Starter) -> None:
    process = starter(folder, "guarded")
    assert process.stdout is not None
    process.stdout.readline()
    data = Cluster(folder).data_folder
    server = postmaster.running_in(data)
    assert server is not None
    process.kill()
    process.communicate()
    assert _eventually(lambda: postmaster.running_in(data) is None)
    assert _eventually(lambda: not folder.exists())
    Cluster(folder).destroy()


def test_an_interrupted_making_begins_anew(own: Cluster) -> None:
    own.stop()
    (own.data_folder.parent / "belongs-to").unlink()
    again = Cluster(own.folder, fast=True)
    again.start()
    assert again.dsn() != own.dsn() or again.port == own.port
    with psycopg.connect(again.dsn()) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    again.stop()


def test_data_of_another_version_are_refused_untouched(own: Cluster) -> None:
    own.stop()
    (own.data_folder / "PG_VERSION").write_text("17\n")
    with pytest.raises(ClusterError, match="made by PostgreSQL 17, the programs are 18") as refused:
        own.start()
    assert refused.value.problem is Problem.WRONG_VERSION
    assert (own.data_folder / "PG_VERSION").read_text() == "17\n"


def test_data_without_their_record_are_refused(own: Cluster) -> None:
    own.stop()
    kept = (own.folder / "cluster.json").read_text()
    (own.folder / "cluster.json").unlink()
    (own.folder / "data").mkdir(exist_ok=True)
    with pytest.raises(ClusterError, match=r"cluster\.json beside it does not"):
        Cluster(own.folder).start()
    (own.folder / "cluster.json").write_text(kept)


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"port": "x"})])
def test_a_damaged_record_is_refused_and_left(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "cluster.json").write_text(text)
    with pytest.raises(ClusterError, match="is damaged") as refused:
        Cluster(folder).start()
    assert refused.value.problem is Problem.DAMAGED
    assert (folder / "cluster.json").read_text() == text


def test_a_folder_that_cannot_be_made_is_a_clear_refusal() -> None:
    with pytest.raises(ClusterError, match="cannot be written") as refused:
        Cluster(Path("/proc/accessctl")).start()
    assert refused.value.problem is Problem.FOREIGN_FOLDER


def test_a_setting_that_the_server_does_not_know_fails_with_its_own_words(folder: Path) -> None:
    server = Cluster(folder, settings={"no_such_setting": "1"}, fast=True)
    with pytest.raises(ClusterError, match="no_such_setting"):
        server.start()
    server.destroy()


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("initdb: error: could not write to file: No space left on device", Problem.DISK_FULL),
        ('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use', Problem.PORT_TAKEN),
        ("FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use", Problem.STILL_IN_USE),
        ("FATAL:  data directory has wrong ownership", Problem.FOREIGN_FOLDER),
        (
            "initdb: error: could not look up effective user ID 1234",
            Problem.NO_SYSTEM_USER,
        ),
        ("something nobody has seen", Problem.FAILED),
    ],
)
def test_what_postgresql_says_becomes_a_sentence_with_its_evidence(output: str, problem: Problem) -> None:
    error = from_output("start", Path("/data"), output)
    assert error.problem is problem
    assert str(error).startswith("start: ")
    assert output in str(error)
