"""Every way in which an action ends without being done: a stable code, an HTTP status, an exit status.

The words for a code stand in ``messages.toml`` (Vietnamese and English); `message` puts the facts in.
Nothing but an `AccessError` may reach an edge; each edge has one handler that words and records it.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any


class AccessError(Exception):
    """A refusal or failure with a stable code; `facts` fill the placeholders of its sentence."""

    status = 500
    exit_status = 1

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts
        self.recorded = False
        """Set once the refusal stands in the log, so that no edge writes it twice."""

    def __str__(self) -> str:
        return message(self.code, "vi", **self.facts)


class Refused(AccessError):
    """The policy, a rule or a state says no. Recorded, explained, nothing changed."""

    status = 403


class NotSignedIn(Refused):
    """Nobody is known behind the request, or the sign-in failed."""

    status = 401


class NotFound(AccessError):
    """What was named does not exist (or may not be known to this person)."""

    status = 404


class Conflict(AccessError):
    """The state has moved on: someone else was first, or the thing is already done."""

    status = 409


class Invalid(AccessError):
    """The words given are not of the form asked for."""

    status = 422
    exit_status = 2


class Unavailable(AccessError):
    """Something needed is out of reach; nothing was done and it may be tried again."""

    status = 503
    exit_status = 3


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Every code with its sentences, `{code: {"vi": …, "en": …}}`."""
    text = (Path(__file__).parent / "messages.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def message(code: str, language: str = "vi", **facts: Any) -> str:
    """The sentence for a code. An unknown code is worded as an internal error and keeps the code to quote."""
    sentences = catalogue().get(code) or catalogue()["internal"]
    facts.setdefault("code", code)
    return sentences[language].format_map(_Facts(facts))


class _Facts(dict[str, Any]):
    """A missing fact shows as an ellipsis: an error message must never fail itself."""

    def __missing__(self, key: str) -> str:
        return "…"
