"""What happens to a finding: somebody takes it, answers it, closes it with a reason; what comes back is open again."""

from __future__ import annotations

from enum import StrEnum


class FindingState(StrEnum):
    """OPEN: nobody has it. TAKEN: somebody has. ANSWERED: explained, somebody else may look. CLOSED: done with."""

    OPEN = "OPEN"
    TAKEN = "TAKEN"
    ANSWERED = "ANSWERED"
    CLOSED = "CLOSED"


class Step(StrEnum):
    """What can be said or done about a finding; a note changes no state; `again` and `gone` are the service's own."""

    TAKE = "take"
    ANSWER = "answer"
    CLOSE = "close"
    REOPEN = "reopen"
    NOTE = "note"
    AGAIN = "again"
    GONE = "gone"


_STEPS: dict[Step, tuple[frozenset[FindingState], FindingState]] = {
    Step.TAKE: (
        frozenset({FindingState.OPEN, FindingState.TAKEN, FindingState.ANSWERED}),
        FindingState.TAKEN,
    ),
    Step.ANSWER: (frozenset({FindingState.TAKEN}), FindingState.ANSWERED),
    Step.CLOSE: (frozenset({FindingState.TAKEN, FindingState.ANSWERED}), FindingState.CLOSED),
    Step.REOPEN: (frozenset({FindingState.CLOSED}), FindingState.OPEN),
}
"""From where to where. Nothing is closed that nobody has taken: every finding has had an owner."""


class NoSuchStep(ValueError):
    """This step does not lead on from this state."""


def after(state: FindingState, step: Step) -> FindingState:
    """The state that a step leads to. Raises NoSuchStep."""
    origins, goal = _STEPS.get(step, (frozenset(), state))
    if state not in origins:
        raise NoSuchStep(f"{step} from {state}")
    return goal


def steps_from(state: FindingState) -> tuple[Step, ...]:
    """What may follow, in the order in which a page offers it."""
    return tuple(step for step, (origins, _) in _STEPS.items() if state in origins)
