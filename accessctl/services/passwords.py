"""Passwords of officers: argon2id, and the rules of the profile in force (ui pages and CLI share them)."""

from __future__ import annotations

from functools import cache

from passlib.context import CryptContext

from accessctl.domain.text import folded
from accessctl.errors import Invalid

_SHORTEST = {"tcvn14423-l3": 14, "asvs5-l2": 12, "test": 14}
_LONGEST = 200


@cache
def context(profile: str) -> CryptContext:
    """Argon2id at the library's defaults; the profile `test` is cheap and used by the test suite only."""
    cost = (
        {"argon2__time_cost": 1, "argon2__memory_cost": 1024, "argon2__parallelism": 1}
        if profile == "test"
        else {}
    )
    return CryptContext(schemes=["argon2"], argon2__type="ID", **cost)


def hashed(profile: str, password: str, *, username: str) -> str:
    """The hash to keep. Raises Invalid("auth.password_*") for a password that the profile refuses."""
    check(profile, password, username=username)
    return str(context(profile).hash(password))


def check(profile: str, password: str, *, username: str) -> None:
    """Length decides, not character classes; the own user name inside is refused."""
    shortest = _SHORTEST.get(profile, 14)
    if len(password) < shortest:
        raise Invalid("auth.password_too_short", shortest=shortest)
    if len(password) > _LONGEST:
        raise Invalid("auth.password_too_long", longest=_LONGEST)
    if folded(username) in folded(password) or len(set(password)) < 5:
        raise Invalid("auth.password_too_simple")


def matches(profile: str, password: str, stored: str | None) -> bool:
    """Whether the password is the stored one. Costs the same for an unknown person as for a known one."""
    if len(password) > _LONGEST:
        return False
    if stored is None:
        context(profile).dummy_verify()
        return False
    return bool(context(profile).verify(password, stored))
