"""The command line of a test's own province."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.common.command_line import CommandLine
from tests.common.world import World


@pytest.fixture
def accessctl(world: World, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line of this test's province."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.__stderr__)
    )  # the world's own threads
    yield CommandLine(tmp_path, dict(world.settings.env))
    structlog.reset_defaults()
