"""The accounts a person may ask for, arranged as a counter thinks: by task, then by the managing office."""

from __future__ import annotations

from dataclasses import dataclass

from accessctl.domain.text import folded
from accessctl.services.desk import AccountChoice

_OWN_POOL = {"TKCL": "LOCAL_CL", "TKHCTT": "LOCAL_HC"}
_REASONS = (("MAT", "mat", "lost"), ("HONG", "hong", "damaged"), ("THAY_DOI", "thay doi", "change"))


@dataclass(frozen=True, slots=True)
class Task:
    """One task with the own office first (its best pool account) and the other offices after it."""

    kind: str
    own: AccountChoice | None
    others: tuple[AccountChoice, ...]

    @property
    def hindered(self) -> AccountChoice | None:
        """One that stands for all, when none of the shared accounts can be used and all for the same reason."""
        shared = self.others
        same = len({choice.why for choice in shared}) == 1
        return shared[0] if shared and same and not any(c.usable for c in shared) else None


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything that may be asked for now."""

    tasks: tuple[Task, ...]

    def find(self, account: str) -> AccountChoice | None:
        """The choice of this account name."""
        offered = (c for task in self.tasks for c in (*task.others, task.own) if c is not None)
        return next((choice for choice in offered if choice.account == account), None)


def arrange(choices: list[AccountChoice]) -> Choices:
    """Tasks in the order of the dispatch: reissue, then correction."""
    tasks = []
    for kind, pool in _OWN_POOL.items():
        own = min((c for c in choices if c.kind == pool), key=_trouble, default=None)
        others = tuple(c for c in choices if c.kind == kind)
        if own or others:
            tasks.append(Task(kind, own, others))
    return Choices(tuple(tasks))


def _trouble(choice: AccountChoice) -> tuple[bool, bool, int, str]:
    """Usable before not, free before taken, short queue before long."""
    return (not choice.usable, choice.holder_name is not None, choice.queue, choice.account)


def reason_in(words: str) -> str:
    """The reason of the dispatch that the reason of the loan names already; "" when it names none, or several."""
    said = f" {folded(words)} "
    found = [code for code, *signs in _REASONS if any(f" {sign} " in said for sign in signs)]
    return found[0] if len(found) == 1 else ""
