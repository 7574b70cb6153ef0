"""The ground of all tests: a real PostgreSQL of their own, databases from it, and which browser there is."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql

from accessctl.embedded import Cluster
from tests.common.logins import make_cheap
from tests.common.node import why_not
from tests.common.templates import compile_once
from tests.common.world import Province, World, fresh_world

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

# The programs that tests start, dozens of them, should not each compile our sources anew, nor each run its tests.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

compile_once()

FreshDatabase = Callable[..., str]

_LONG = os.environ.get("ACCESSCTL_LONG") == "yes"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """One server for each worker process: roles belong to a whole server, so workers cannot share one."""
    folder = Path(tempfile.mkdtemp(prefix="accessctl-tests-"))
    folder.chmod(0o711)  # as root, the server's own user has to pass through
    server = Cluster(folder, fast=True)
    server.start()
    make_cheap(server)
    yield server
    server.destroy()


@pytest.fixture
def fresh_database(cluster: Cluster) -> Iterator[FreshDatabase]:
    """`fresh_database(template=None) → dsn`: new databases with names of their own, gone after the test.

    A template must have no sessions while it is copied. PUBLIC may connect to a copy even when the template
    is closed: rights on the database itself are not copied.
    """
    made: list[str] = []

    def make(template: str | None = None) -> str:
        name = f"t_{uuid4().hex[:12]}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        with psycopg.connect(cluster.dsn(), autocommit=True) as session:
            session.execute(statement)
        made.append(name)
        return cluster.dsn(name)

    yield make
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        for name in made:
            session.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(fresh_database: FreshDatabase) -> str:
    """The address of one new, empty database."""
    return fresh_database()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program; without one the test is skipped with this reason, and the header says so."""
    found = _chromium()
    if found is None:
        pytest.skip("no Chromium on this machine")
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What drives a browser says so; the longest work that one worker does alone comes first, lest others wait."""
    if not _LONG:
        long = [item for item in items if item.get_closest_marker("long")]
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker("browser")
    items.sort(key=lambda item: not any(mark.args == ("demo",) for mark in item.iter_markers("xdist_group")))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: looking through it for rubbish took a tenth of some tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_report_header() -> list[str]:
    found = _chromium()
    return [
        f"browser tests: with {found}" if found else "browser tests: NOT RUN, no Chromium on this machine",
        "long tests: run"
        if _LONG
        else "long tests: NOT RUN, they take minutes: make browser, or ACCESSCTL_LONG=yes",
        f"policy against node-casbin: NOT RUN, {reason}"
        if (reason := why_not())
        else "policy against node-casbin: run",
    ]


def _chromium() -> str | None:
    named = os.environ.get("ACCESSCTL_CHROMIUM")
    return named or next(filter(None, map(shutil.which, _BROWSERS)), None)


@pytest.fixture(scope="session")
def province(cluster: Cluster) -> Iterator[Province]:
    """Nine office databases and a control database, built once for each worker process."""
    folder = Path(tempfile.mkdtemp(prefix="accessctl-province-"))
    built = Province.build(folder, cluster)
    yield built
    built.close()
    shutil.rmtree(folder)


@pytest.fixture
def world(province: Province) -> Iterator[World]:
    """One test's own province: a fresh control database, offices without leases, a running sequencer."""
    with fresh_world(province) as made:
        yield made
