"""What one request knows: the runtime, where it came from, and the code to quote when asking for help."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, g, request

from accessctl.services.actor import Actor, Origin
from accessctl.services.runtime import Runtime, one_look

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

_SPEAKABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # no 0/O, 1/I/L, U: it is read out over the telephone

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Of requests that change nothing."""


def register(app: Flask) -> None:
    """A request that only shows looks at the policy's files once: the policy of its beginning answers all of it."""
    serve = app.wsgi_app

    def once(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in SAFE_METHODS:
            return serve(environ, start)
        with one_look():
            return serve(environ, start)

    app.wsgi_app = once  # type: ignore[method-assign, assignment]


def runtime() -> Runtime:
    """The one runtime that `create_app` wired."""
    return cast(Runtime, current_app.extensions["accessctl"])


def new_correlation() -> str:
    """Twelve random symbols (59 bits) in three groups, `7K3M-9QWD-2F6X`."""
    symbols = [secrets.choice(_SPEAKABLE) for _ in range(12)]
    return "-".join("".join(symbols[i : i + 4]) for i in (0, 4, 8))


def correlation() -> str:
    """This request's code: in its answer, in the application log and in every audit record it causes."""
    if "correlation" not in g:
        g.correlation = new_correlation()
    return cast(str, g.correlation)


def origin() -> Origin:
    """Channel, address and port of the client as the (configured) proxies vouch for them."""
    port = request.environ.get("REMOTE_PORT")
    return Origin(
        channel="web",
        address=request.remote_addr,
        port=int(port) if port and str(port).isdigit() else None,
        correlation=correlation(),
    )


def actor() -> Actor:
    """The officer of this request; only pages behind a gate may ask."""
    return cast(Actor, g.actor)


def now() -> datetime:
    """The service's clock, the one that leases are judged by."""
    return runtime().now()


def wants_fragment() -> bool:
    """True for a part of a page asked for by htmx."""
    return request.headers.get("HX-Request") == "true"
