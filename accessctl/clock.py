"""The one source of time: UTC inside, Asia/Ho_Chi_Minh only where a person reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PROVINCE_TIME = ZoneInfo("Asia/Ho_Chi_Minh")

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present instant, timezone-aware UTC, microseconds."""
    return datetime.now(UTC)


def local(at: datetime) -> datetime:
    """The same instant as a clock on an office wall shows it."""
    return at.astimezone(PROVINCE_TIME)


def rfc3339(at: datetime) -> str:
    """RFC 3339 in UTC with a Z, as every machine-readable output carries it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
