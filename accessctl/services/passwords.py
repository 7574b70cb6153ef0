"""Passwords of officers: argon2id, and the rules of the profile in force (ui pages and CLI share them)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from passlib.context import CryptContext

from accessctl.domain.passwords import LONGEST, PROFILES, PasswordProfile, weakness
from accessctl.errors import Invalid


def profile(name: str) -> PasswordProfile:
    """The rules of that name; raises Invalid("config.password_policy") for one that nobody wrote."""
    if name not in PROFILES:
        raise Invalid(
            "config.password_policy", name=name, known=", ".join(sorted(PROFILES.keys() - {"test"}))
        )
    return PROFILES[name]


@cache
def context(name: str) -> CryptContext:
    """Argon2id at the library's defaults; the profile `test` is cheap and used by the test suite only."""
    cost = (
        {"argon2__time_cost": 1, "argon2__memory_cost": 1024, "argon2__parallelism": 1}
        if profile(name).cheap
        else {}
    )
    return CryptContext(schemes=["argon2"], argon2__type="ID", **cost)


def hashed(
    name: str, password: str, *, username: str, names: Iterable[str] = (), second_factor: bool = False
) -> str:
    """The hash to keep. Raises Invalid("auth.password_*") for a password that the profile refuses.

    `names` are other words that a stranger would try: the person's and the office's.
    """
    found = weakness(profile(name), password, names=(username, *names), second_factor=second_factor)
    if found is not None:
        raise Invalid(f"auth.password_{found.why}", shortest=found.limit, longest=found.limit)
    return unchecked(name, password)


def unchecked(name: str, password: str) -> str:
    """The hash of a password whatever it is: for a demo, whose password is printed on its first screen."""
    return str(context(name).hash(password))


def matches(name: str, password: str, stored: str | None) -> bool:
    """Whether the password is the stored one. Costs the same for an unknown person as for a known one."""
    if len(password) > LONGEST:
        return False
    if stored is None:
        context(name).dummy_verify()
        return False
    return bool(context(name).verify(password, stored))
