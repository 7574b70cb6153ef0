"""The tour."""

from __future__ import annotations

from pathlib import Path


def tour(data: Path) -> int:
    """Being written."""
    return 3
