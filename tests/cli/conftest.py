"""The command line of a test's own province, and one demo for all tests that want a whole one."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.common.command_line import CommandLine
from tests.common.commands import Commands
from tests.common.demo import Demo, free_port
from tests.common.world import World


@pytest.fixture
def accessctl(world: World, tmp_path: Path) -> Iterator[CommandLine]:
    """The command line of this test's province."""
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.__stderr__)
    )  # the world's own threads
    yield CommandLine(tmp_path, dict(world.settings.env))
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """`accessctl`, imported once."""
    made = Commands()
    yield made
    made.close()


@pytest.fixture(scope="session")
def one_demo(commands: Commands) -> Iterator[Demo]:
    """`demo-data`, built once; as root the server's own user has to pass through its folder."""
    folder = Path(tempfile.mkdtemp(prefix="accessctl-demo-"))
    folder.chmod(0o711)
    started = Demo(folder / "demo-data", free_port(), commands)
    try:
        yield started
    finally:
        started.stop()
        shutil.rmtree(folder)


@pytest.fixture
def demo(one_demo: Demo) -> Demo:
    """The demo, up; a test may end it, but leaves nothing in it that another day could not begin with."""
    if not one_demo.running():
        one_demo.start()
    one_demo.wait_until_up()
    return one_demo
