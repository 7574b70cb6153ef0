"""The command line of a test's own province."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.common.command_line import CommandLine
from tests.common.world import World


@pytest.fixture
def accessctl(world: World, tmp_path: Path) -> CommandLine:
    """The command line of this test's province."""
    return CommandLine(tmp_path, dict(world.settings.env))
