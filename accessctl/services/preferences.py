"""What a person chose about the pages: the language and which role is shown first. Neither decides anything."""

from __future__ import annotations

from sqlalchemy.orm import Session

from accessctl.domain.permissions import Role
from accessctl.errors import Invalid, Refused
from accessctl.services.actor import Actor
from accessctl.services.runtime import Runtime
from accessctl.store.models import Officer

LANGUAGES = ("vi", "en")


def speak(rt: Runtime, session: Session, actor: Actor, language: str) -> None:
    """Keep the language with the person, for the next machine. Raises Invalid("frame.language")."""
    if language not in LANGUAGES:
        raise Invalid("frame.language")
    session.get_one(Officer, actor.id).language = language


def show_first(rt: Runtime, session: Session, actor: Actor, role: str) -> Role:
    """Show the pages of one of the own roles first. Raises Refused("frame.not_your_role"); rights stay as they are."""
    chosen = next((held for held in actor.roles if held == role), None)
    if chosen is None:
        raise Refused("frame.not_your_role")
    session.get_one(Officer, actor.id).shown_role = chosen
    return chosen
