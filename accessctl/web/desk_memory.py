"""What was typed at the desk and not carried out: kept for its owner when a lease ends in the middle (S30).

Sealed in the signed cookie, bound to the person, the dossier and the act; it fills the form again when the person
works on the same dossier once more, and goes as soon as the act is done, the person signs out or half an hour is over.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from enum import StrEnum

from flask import session

from accessctl.services import sealing
from accessctl.services.sealing import Purpose
from accessctl.web.context import actor, now, runtime

_AT_MOST = 1400  # signs of one form
_ROOM = 3000  # signs of all that is kept in the cookie, which browsers cut off at 4,096
_STAYS = 30 * 60  # seconds


class Step(StrEnum):
    """Which form it was."""

    BORROW = "borrow"
    REISSUE = "reissue"
    CORRECT = "correct"


_KEYS = {Step.BORROW: "typed_before", Step.REISSUE: "typed", Step.CORRECT: "typed"}
_ALL_KEYS = ("typed_before", "typed", "kept")
FIELDS: dict[Step, tuple[str, ...]] = {
    Step.BORROW: ("dossier", "subject", "reason"),
    Step.REISSUE: ("reason", "blank_serial"),
    Step.CORRECT: ("full_name", "birth_date", "sex", "address", "id_no", "initial_care"),
}
"""What of each form is kept."""


def keep(step: Step, dossier: str, typed: Mapping[str, str]) -> bool:
    """Keep what was typed; False when there was nothing, or more than a cookie holds."""
    fields = {name: typed[name] for name in FIELDS[step] if typed.get(name, "").strip()}
    said = {"step": step, "dossier": dossier, "at": int(now().timestamp()), "fields": fields}
    packed = zlib.compress(json.dumps(said, ensure_ascii=False).encode("utf-8", "replace"), 9)
    sealed = sealing.seal_text(runtime().settings.lease_keys, Purpose.FORM, _owner(), packed)
    others = sum(len(session.get(key, "")) for key in _ALL_KEYS if key != _KEYS[step])
    if not fields or len(sealed) > _AT_MOST or len(sealed) + others > _ROOM:
        return False
    session[_KEYS[step]] = sealed
    return True


def recall(step: Step, dossier: str | None = None) -> dict[str, str]:
    """What was typed in this form for this dossier (None: for any); empty when there is nothing."""
    if (sealed := session.get(_KEYS[step])) is None:
        return {}
    try:
        keys = runtime().settings.lease_keys
        said = json.loads(zlib.decompress(sealing.unseal_text(keys, Purpose.FORM, _owner(), sealed)))
    except ValueError:
        forget(step)
        return {}
    if now().timestamp() - said["at"] > _STAYS:
        forget(step)
        return {}
    fits = said["step"] == step and dossier in (None, said["dossier"])
    return dict(said["fields"]) if fits else {}


def waits(dossier: str) -> bool:
    """Whether something typed for this dossier waits to be taken up again."""
    return any(recall(step, dossier) for step in (Step.REISSUE, Step.CORRECT))


def forget(step: Step) -> None:
    """It is done, or no longer wanted."""
    session.pop(_KEYS[step], None)


def _owner() -> str:
    return f"desk {actor().id}"
