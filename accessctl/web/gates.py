"""Who decides whether a page may be opened. A view without a gate stops the start of the service.

The decision itself is a service's (policy.md §2); the gate names it, so that no page can be added unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from flask import Flask

View = TypeVar("View", bound=Callable[..., Any])

PUBLIC = "public"
OWN = "own"


def public(view: View) -> View:
    """Open to anybody: sign-in, static files, health, language."""
    view.gate = PUBLIC  # type: ignore[attr-defined]
    return view


def own(view: View) -> View:
    """Open to whoever is signed in: it concerns nobody but the person."""
    view.gate = OWN  # type: ignore[attr-defined]
    return view


def decided_by(service: str) -> Callable[[View], View]:
    """Decided by a service function, written `module.function` below `accessctl.services`."""

    def mark(view: View) -> View:
        view.gate = service  # type: ignore[attr-defined]
        return view

    return mark


def gate_of(app: Flask, endpoint: str | None) -> str | None:
    """The gate of an endpoint; None for a page that does not exist."""
    view = app.view_functions.get(endpoint or "")
    return getattr(view, "gate", None)


def resolve(gate: str) -> Callable[..., Any]:
    """The service function that a gate names; raises when it does not exist."""
    module, _, function = gate.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"accessctl.services.{module}"), function)
    return found


def check(app: Flask) -> None:
    """Refuse to start with a page nobody decides about, or one whose decider does not exist."""
    for endpoint in app.view_functions:
        gate = gate_of(app, endpoint)
        if gate is None:
            raise RuntimeError(f"no gate is declared for {endpoint}")
        if gate not in (PUBLIC, OWN):
            resolve(gate)
