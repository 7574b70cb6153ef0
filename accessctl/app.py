"""The only place where the web service is wired together: settings → runtime → Flask."""

from __future__ import annotations

import sys
from datetime import timedelta

import structlog
from flask import Flask
from structlog.tracebacks import ExceptionDictTransformer
from werkzeug.middleware.proxy_fix import ProxyFix

from accessctl import web
from accessctl.config import Settings
from accessctl.errors import Invalid
from accessctl.services.runtime import Runtime, build_runtime
from accessctl.web.headers import LARGEST_REQUEST


def create_app(settings: Settings | None = None, *, runtime: Runtime | None = None) -> Flask:
    """The WSGI application. Without settings they come from the environment; connects to nothing yet.

    HTTPS is taken for granted outside a demo (`ACCESSCTL_HTTPS=no` says otherwise in so many words); headers
    of proxies count only when `ACCESSCTL_TRUSTED_PROXIES` says how many stand before us.
    """
    settings = settings or Settings.load()
    _log_as_json()
    app = Flask("accessctl", template_folder="web/templates", static_folder=None)
    app.config.update(_configuration(settings))
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.extensions["accessctl"] = runtime or build_runtime(settings)
    web.register(app)
    _say_if_everything_is_denied(app.extensions["accessctl"])
    if proxies := _proxies(settings):
        app.wsgi_app = ProxyFix(app.wsgi_app, proxies, proxies, proxies)  # type: ignore[method-assign]
    return app


def _say_if_everything_is_denied(runtime: Runtime) -> None:
    """A policy that cannot be used does not stop the pages: each says so, and the operator reads it here at start."""
    if (trouble := runtime.gate.broken) is not None:
        structlog.get_logger("accessctl").error("policy.broken", everything_denied=True, detail=str(trouble))


def _configuration(settings: Settings) -> dict[str, object]:
    https = settings.flag("ACCESSCTL_HTTPS", default=not settings.demo)
    return {
        "SECRET_KEY": settings.web_secret,
        "DEMO": settings.demo,
        "SECOND_FACTOR_REQUIRED": settings.second_factor_required,
        "SESSION_COOKIE_NAME": "__Host-accessctl" if https else "accessctl",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PREFERRED_URL_SCHEME": "https" if https else "http",
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "MAX_CONTENT_LENGTH": LARGEST_REQUEST,
        "MAX_FORM_MEMORY_SIZE": LARGEST_REQUEST,
        "WTF_CSRF_TIME_LIMIT": None,  # a form lives as long as the session that it was made in
        "TRUSTED_HOSTS": settings.env.get("ACCESSCTL_HOSTS", "").split() or None,
    }


def _proxies(settings: Settings) -> int:
    text = settings.env.get("ACCESSCTL_TRUSTED_PROXIES", "0").strip()
    if not text.isdigit():
        raise Invalid("config.missing", name="ACCESSCTL_TRUSTED_PROXIES")
    return int(text)


def _log_as_json() -> None:
    """The application log, one JSON object a line on standard error. It is not the audit log."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
