"""What a password must be, in two profiles: TCVN 14423 level 3 (default) and OWASP ASVS 5 level 2. Pure rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from accessctl.domain.common_passwords import COMMON
from accessctl.domain.text import folded

LONGEST = 200
_TOO_SHORT_TO_NAME = 3  # a shorter word ("an", "ha") stands in many a good password
_LETTERS_OF_ONES_OWN = 6
_LOOKALIKES = str.maketrans("@$01!3457", "asoiieast")
_AGENCY = ("accessctl", "bhxh", "bhyt", "baohiemxahoi", "baohiemyte", "daknong", "tkcl", "tkhctt", "cntt")


@dataclass(frozen=True, slots=True)
class PasswordProfile:
    """One set of rules; lengths in characters. No profile asks for classes of signs or for a change by date."""

    name: str
    shortest: int
    shortest_with_second_factor: int
    recommended: int
    idle: timedelta
    idle_admin: timedelta
    failures: int = 5
    locked_for: timedelta = timedelta(minutes=15)
    cheap: bool = False
    """Hashed at almost no cost: the test suite's, never a deployment's."""

    def shortest_for(self, *, second_factor: bool) -> int:
        """The least length for somebody with or without a second factor."""
        return self.shortest_with_second_factor if second_factor else self.shortest


_TCVN = PasswordProfile(
    name="tcvn14423-l3",
    shortest=14,
    shortest_with_second_factor=8,
    recommended=14,
    idle=timedelta(minutes=15),
    idle_admin=timedelta(minutes=5),
)
_ASVS = PasswordProfile(
    name="asvs5-l2",
    shortest=8,
    shortest_with_second_factor=8,
    recommended=15,
    idle=timedelta(minutes=30),
    idle_admin=timedelta(minutes=15),
)
_TEST = PasswordProfile("test", 14, 8, 14, timedelta(minutes=15), timedelta(minutes=5), cheap=True)

PROFILES = {profile.name: profile for profile in (_TCVN, _ASVS, _TEST)}


@dataclass(frozen=True, slots=True)
class Weakness:
    """Why a password is refused: `why` ∈ too_short, too_long, too_simple, too_common; `limit` for a length."""

    why: str
    limit: int = 0


def weakness(
    profile: PasswordProfile, password: str, *, names: Iterable[str] = (), second_factor: bool = False
) -> Weakness | None:
    """What is wrong with a password, or None. `names`: user name first, then the person's and the office's."""
    shortest = profile.shortest_for(second_factor=second_factor)
    if len(password) < shortest:
        return Weakness("too_short", shortest)
    if len(password) > LONGEST:
        return Weakness("too_long", LONGEST)
    plain = folded(password)
    names = [folded(name) for name in names]
    if len(set(plain)) < 5 or (names and names[0] and names[0] in plain):
        return Weakness("too_simple")
    if _common(plain) or _made_of_names(plain, names):
        return Weakness("too_common")
    return None


def _common(plain: str) -> bool:
    """On the list, also with other case, accents, look-alike signs, figures at the ends, or written twice."""
    core = _letters(plain.strip("0123456789!@#$%^&*()_+-=.,?~ "))
    forms = {_squeezed(plain), _squeezed(plain.translate(_LOOKALIKES)), core}
    halves = {form[: len(form) // 2] for form in forms if form == form[: len(form) // 2] * 2}
    return bool((forms | halves) & COMMON)


def _made_of_names(plain: str, names: Iterable[str]) -> bool:
    """Little is left of it without the names of the agency, the office and the person, figures and signs."""
    words = {_letters(word) for name in names for word in (name, *re.split(r"[\s.,()'-]+", name))}
    known = sorted({*_AGENCY, *words}, key=len, reverse=True)
    rest = _letters(plain)
    said = False
    for word in known:
        if len(word) >= _TOO_SHORT_TO_NAME and word in rest:
            rest, said = rest.replace(word, " "), True
    return said and len(rest.replace(" ", "")) < _LETTERS_OF_ONES_OWN


def _squeezed(text: str) -> str:
    return re.sub(r"[\s._-]+", "", text)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]+", "", text)
