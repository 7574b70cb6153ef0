"""The accounts a person may ask for, arranged as a counter thinks: by task, then by the managing office."""

from __future__ import annotations

from dataclasses import dataclass

from accessctl.services.desk import AccountChoice

_OWN_POOL = {"TKCL": "LOCAL_CL", "TKHCTT": "LOCAL_HC"}


@dataclass(frozen=True, slots=True)
class Task:
    """One task with the own office first (its best pool account) and the other offices after it."""

    kind: str
    own: AccountChoice | None
    others: tuple[AccountChoice, ...]


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
    return (choice.state != "ACTIVE", choice.holder_name is not None, choice.queue, choice.account)
