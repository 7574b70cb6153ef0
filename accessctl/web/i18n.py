"""Vietnamese first, English second; the choice stays on the machine in a cookie and with the person."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from babel.support import Translations
from flask import Flask, g, request
from flask_babel import Babel, get_translations
from werkzeug.wrappers import Response

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
DEFAULT = "vi"
COOKIE = "accessctl_language"
COOKIE_AGE = 365 * 24 * 3600  # seconds


def register(app: Flask) -> None:
    """Translations come from our own folder; the province's time zone is for display only."""
    Babel(
        app,
        default_locale=DEFAULT,
        default_timezone="Asia/Ho_Chi_Minh",
        default_translation_directories=str(Path(__file__).parent / "translations"),
        locale_selector=language,
    )
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]  # put there by Babel's extension
        gettext=lambda text: catalogue().ugettext(text),
        ngettext=lambda one, many, n: catalogue().ungettext(one, many, n),
        pgettext=lambda context, text: catalogue().upgettext(context, text),
        newstyle=True,
    )
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES, "here": here()})


def catalogue() -> Translations:
    """The reader's catalogue, looked up once for each page: a page has hundreds of texts."""
    if "catalogue" not in g:
        g.catalogue = get_translations()
    found: Translations = g.catalogue
    return found


def language() -> str:
    """The reader's language: the person's own choice, else the machine's.

    A browser's own preference does not count: machines are often set to English.
    """
    person = g.get("actor")
    chosen = (person.language if person else None) or request.cookies.get(COOKIE, DEFAULT)
    return chosen if chosen in LANGUAGES else DEFAULT


def keep_on_machine(response: Response, code: str) -> None:
    """Let the next reader at this machine begin in the same language."""
    response.set_cookie(COOKIE, code, COOKIE_AGE, secure=request.is_secure, httponly=True, samesite="Lax")


def here() -> str:
    """The address to come back to: this page when it may be asked for again, else the start page."""
    return request.full_path.rstrip("?") if request.method == "GET" else "/"


def local_address(text: str | None) -> str:
    """An address on this site, or the start page: nobody is sent elsewhere by a link."""
    parts = urlsplit(text or "")
    outside = parts.scheme or parts.netloc or not parts.path.startswith("/") or parts.path.startswith("//")
    if text is None or outside or "\\" in text or any(ord(c) < 32 for c in text):
        return "/"
    return text
