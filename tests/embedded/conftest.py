"""Clusters of a test's own, for what the shared one must not suffer."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from accessctl.embedded import Cluster

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change to another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user can pass through (pytest's own are closed to all but us)."""
    made = Path(tempfile.mkdtemp(prefix="accessctl-embedded-"))
    made.chmod(0o711)
    yield made / "cluster"
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def own(folder: Path) -> Iterator[Cluster]:
    """A running cluster that the test may kill."""
    server = Cluster(folder, fast=True)
    server.start()
    yield server
    Cluster(folder).destroy()
    server.stop()
