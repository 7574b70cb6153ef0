"""Headers of every answer, and the second line against forged requests beside the CSRF token."""

from __future__ import annotations

import time

import structlog
from flask import Flask, Response, current_app, g, request
from flask_wtf import CSRFProtect

from accessctl.errors import Refused
from accessctl.services.staff_import import LARGEST
from accessctl.web.context import SAFE_METHODS, correlation

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)
LARGEST_REQUEST = 128 * 1024  # bytes: no page of ours sends more
LARGER = {"officers.look": LARGEST + 64 * 1024}
"""Bytes, for the pages that take a file."""

log = structlog.get_logger("accessctl.web")


def register(app: Flask) -> None:
    """First guard in, last hand out."""
    app.before_request(_begin)
    app.before_request(_refuse_other_sites)
    CSRFProtect(app)
    app.after_request(_finish)


def _begin() -> None:
    g.began = time.perf_counter()
    if larger := LARGER.get(request.endpoint or ""):
        request.max_content_length = larger
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(correlation=correlation())


def _refuse_other_sites() -> None:
    """A changing request must come from our own pages: Sec-Fetch-Site, or Origin where a browser lacks it."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("Sec-Fetch-Site")
    source = request.headers.get("Origin")
    foreign = site not in ("same-origin", "none") if site else source is not None and not _is_ours(source)
    if foreign:
        raise Refused("web.cross_site")


def _is_ours(source: str) -> bool:
    return source.rstrip("/") == request.host_url.rstrip("/")


def _finish(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = correlation()
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    _write_access_line(response)
    return response


def _write_access_line(response: Response) -> None:
    """One line per request for operators: no query string, no names, no numbers of people.

    Nothing of what a page asks by itself and finds unchanged: the matrix asks more than once in two seconds.
    """
    if request.endpoint != "static" and response.status_code != 304:
        log.info(
            "request",
            method=request.method,
            page=request.endpoint,
            status=response.status_code,
            ms=round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1),
        )
