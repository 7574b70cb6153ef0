"""Vietnamese first, English second; the choice stays on the machine in a cookie and with the person."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from babel.support import NullTranslations
from flask import Flask, g, request
from flask_babel import Babel, Domain, get_domain
from markupsafe import Markup
from werkzeug.wrappers import Response

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
DEFAULT = "vi"
_SAID: WeakKeyDictionary[NullTranslations, dict[str, Markup]] = WeakKeyDictionary()
"""The texts of the templates by catalogue; as many as stand in it."""
COOKIE = "accessctl_language"
COOKIE_AGE = 365 * 24 * 3600  # seconds


def register(app: Flask) -> None:
    """Translations come from our own folder; the province's time zone is for display only."""
    babel = Babel(
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
    app.jinja_env.globals.update(_=said, gettext=said)
    babel.domain_instance = _Domain()  # the words of the tables too: looked up once for each page
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES, "here": here()})


class _Domain(Domain):
    """Flask-Babel's own, which asks for the reader anew at each word."""

    def get_translations(self) -> NullTranslations:
        return catalogue()

    def load(self) -> NullTranslations:
        """The catalogue of the reader's language, read once per process."""
        found: NullTranslations = super().get_translations()
        return found


def catalogue() -> NullTranslations:
    """The reader's catalogue, looked up once for each page: a page has hundreds of texts."""
    if not g:  # nobody reads
        return NullTranslations()
    here = g._get_current_object()
    found: NullTranslations | None = here.get("catalogue")
    if found is None:
        here.catalogue = found = get_domain().load()
    return found


def said(text: str, **values: object) -> Markup:
    """A text of a template in the reader's language, as Jinja's own `_` gives it; looked up once in each language."""
    here = g._get_current_object()
    known: dict[str, Markup] | None = here.get("said")
    if known is None:
        here.said = known = _SAID.setdefault(catalogue(), {})
    words = known.get(text)
    if words is None:
        words = known[text] = Markup(catalogue().ugettext(text))  # noqa: S704 - our own words
    return words % values if values or "%" in words else words


def language() -> str:
    """The reader's language: the person's own choice, else the machine's.

    A browser's own preference does not count: machines are often set to English.
    """
    here = g._get_current_object()
    person = here.get("actor")
    for_whom, code = here.get("reads", (here, ""))
    if for_whom is not person:  # nobody asked before, or before it was known who reads
        chosen = (person.language if person else None) or request.cookies.get(COOKIE, DEFAULT)
        code = chosen if chosen in LANGUAGES else DEFAULT
        here.reads = (person, code)
    return str(code)


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
