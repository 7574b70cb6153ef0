"""What the embedded server lets in, and what it writes down."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from accessctl.embedded import Cluster


def _one(cluster: Cluster, query: str) -> Any:
    with psycopg.connect(cluster.dsn()) as session:
        row = session.execute(query).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def _connect(cluster: Cluster, *, user: str, password: str) -> None:
    psycopg.connect(
        host=cluster.host, port=cluster.port, user=user, password=password, dbname="postgres"
    ).close()


def test_it_listens_on_loopback_and_on_no_unix_socket(cluster: Cluster) -> None:
    assert _one(cluster, "SHOW listen_addresses") == "127.0.0.1"
    assert _one(cluster, "SHOW unix_socket_directories") == ""


def test_another_address_of_this_machine_is_not_served(cluster: Cluster) -> None:
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex(("127.0.0.2", cluster.port)) != 0


def test_nobody_is_trusted(cluster: Cluster) -> None:
    methods = _one(cluster, "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules")
    assert sorted(methods) == ["reject", "scram-sha-256"]


@pytest.mark.parametrize("password", ["", "wrong"], ids=["none", "wrong"])
def test_without_the_right_password_nobody_enters(cluster: Cluster, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        _connect(cluster, user="postgres", password=password)


def test_each_cluster_has_a_password_of_its_own_that_only_we_can_read(cluster: Cluster, own: Cluster) -> None:
    assert cluster.dsn().split("@")[0] != own.dsn().split("@")[0]
    for path in own.folder.iterdir():
        if path.is_file() and "password" in path.read_text():
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_first_password_is_left_in_no_other_file(own: Cluster) -> None:
    secret = own.dsn().split(":")[2].split("@")[0]
    holding = [
        path for path in own.folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()
    ]
    assert holding == [own.folder / "cluster.json"]


def test_text_is_utf8_and_time_is_utc(cluster: Cluster) -> None:
    assert _one(cluster, "SELECT upper('đăk nông')") == "ĐĂK NÔNG"
    assert _one(cluster, "SHOW server_encoding") == "UTF8"
    assert _one(cluster, "SHOW timezone") == "UTC"
    assert _one(cluster, "SHOW log_timezone") == "UTC"


def _logged(folder: Path, name: str) -> list[dict[str, object]]:
    """All lines of the sessions in which this application or user name occurs."""
    lines = [line for path in sorted(folder.glob("*.json")) for line in path.read_text().splitlines()]
    entries = [json.loads(line) for line in lines]
    sessions = {e["session_id"] for e in entries if name in (e.get("application_name"), e.get("user"))}
    return [e for e in entries if e["session_id"] in sessions]


def test_a_login_and_its_end_are_in_the_json_log(cluster: Cluster) -> None:
    with psycopg.connect(cluster.dsn(), application_name="seen-in-log"):
        pass
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        words = " ".join(str(entry["message"]) for entry in _logged(cluster.log_folder, "seen-in-log"))
        if "disconnection" in words:
            break
        time.sleep(0.05)
    assert "connection authorized" in words
    assert "disconnection" in words


def test_a_refused_login_is_in_the_json_log_with_its_sqlstate(cluster: Cluster) -> None:
    with pytest.raises(psycopg.OperationalError):
        _connect(cluster, user="stranger", password="x")
    deadline = time.monotonic() + 5
    while not (entries := [e for e in _logged(cluster.log_folder, "stranger") if e.get("state_code")]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert entries[0]["state_code"] == "28P01"
    assert entries[0]["remote_host"] == "127.0.0.1"


def test_log_and_data_stand_apart(cluster: Cluster) -> None:
    assert cluster.data_folder not in [cluster.log_folder, *cluster.log_folder.parents]
    assert _one(cluster, "SHOW log_directory") == str(cluster.log_folder)


def test_psql_of_the_same_version_is_at_hand_as_an_outside_client(cluster: Cluster) -> None:
    told = subprocess.run(
        [cluster.client("psql"), "-XAt", cluster.dsn(), "-c", "SHOW server_version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip().startswith("18.")


def test_fresh_databases_are_empty_and_apart(fresh_database) -> None:
    first, second = fresh_database(), fresh_database()
    with psycopg.connect(first) as session:
        session.execute("CREATE TABLE only_here ()")
    with psycopg.connect(second) as session:
        assert session.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
        tables = session.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
        assert tables == (0,)


def test_a_fresh_database_can_be_a_copy(fresh_database) -> None:
    first = fresh_database()
    with psycopg.connect(first) as session:
        session.execute("CREATE TABLE copied AS SELECT 42 AS answer")
    with psycopg.connect(fresh_database(first.rsplit("/", 1)[1])) as session:
        assert session.execute("SELECT answer FROM copied").fetchone() == (42,)
