"""accessctl: named, exclusive, minutes-long, logged loans of shared database accounts."""

from __future__ import annotations

__version__ = "0.1.0"
