"""One deviation, as found, shown, repaired and kept."""

from __future__ import annotations

from dataclasses import dataclass

EXTRA, MISSING = "extra", "missing"

_RANKS = ("attribute", "trigger", "setting", "membership", "member", "owner", "definer", "account")


@dataclass(frozen=True, slots=True)
class Drift:
    """One deviation.

    what: attribute, grant, public, owner, membership, member, missing, trigger, setting, default, definer, account,
    wanted, effect. `repair` is the SQL that ends it, None where a person has to look; `who` can run it: broker,
    admin or None. direction: extra, missing. severity 1 (open to somebody) or 2.
    """

    role: str
    what: str
    object: str
    repair: str | None
    direction: str = EXTRA
    severity: int = 1
    who: str | None = None
    privileges: tuple[str, ...] = ()
    vi: str = ""
    en: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """What makes two looks see the same deviation."""
        return f"{self.role}:{self.what}:{self.object}"

    @property
    def rank(self) -> int:
        """The order of repair: roles first, then what hangs on them; what is given comes after what is taken."""
        if self.direction == MISSING and self.what != "trigger":
            return len(_RANKS) + (2 if self.who == "broker" else 1)
        return _RANKS.index(self.what) if self.what in _RANKS else len(_RANKS)
