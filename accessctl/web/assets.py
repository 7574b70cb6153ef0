"""Static files: addressed by content, kept for ever by the browser, packed once in memory.

Offices may be offline and slow, so there is no CDN and no byte is sent twice.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from accessctl.web import gates
from accessctl.web.packing import takes_gzip

FOLDER = Path(__file__).parent / "static"
SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"
_TEXT = {".css", ".js", ".svg"}
_SERVED = _TEXT | {".woff2", ".png", ".ico"}
_IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent; `packed` is its gzip form where that is worth it."""

    body: bytes
    packed: bytes | None
    media: str
    digest: str


def register(app: Flask) -> None:
    """`/static/…` and the template function `asset`."""
    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=gates.public(serve))
    app.jinja_env.globals["asset"] = address
    app.jinja_env.globals["sprite"] = SPRITE


def address(name: str) -> str:
    """The file's address with its digest, so that it may be kept for ever."""
    return request.script_root + place(name)


@cache
def place(name: str) -> str:
    """The address below the service's own root, made once: a page names dozens of files and icons."""
    return f"/static/{quote(name)}?v={load(name).digest}"


def serve(filename: str) -> Response:
    """One of the files that were there at the start, never a path that somebody made up."""
    if filename not in names():
        raise NotFound
    asset = load(filename)
    packed = asset.packed is not None and takes_gzip()
    response = Response(asset.packed if packed else asset.body, content_type=asset.media)
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    if asset.packed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    lasting = request.args.get("v", asset.digest if _has_version(filename) else "") == asset.digest
    response.headers["Cache-Control"] = _IMMUTABLE if lasting else "no-cache"
    response.set_etag(asset.digest + ("-gz" if packed else ""))
    response.make_conditional(request)
    return response


def _has_version(filename: str) -> bool:
    """A font is asked for by the style sheet, under a folder that carries the version and is never changed."""
    return filename.startswith("vendor/") and filename.endswith(".woff2")


@cache
def names() -> frozenset[str]:
    """Every file that may be served."""
    files = (path for path in FOLDER.rglob("*") if path.suffix in _SERVED)
    return frozenset(path.relative_to(FOLDER).as_posix() for path in files)


@cache
def load(name: str) -> Asset:
    """Read once per process."""
    path = FOLDER / name
    body = path.read_bytes()
    text = path.suffix in _TEXT
    media = mimetypes.types_map.get(path.suffix, "application/octet-stream")
    return Asset(
        body=body,
        packed=gzip.compress(body, 9, mtime=0) if text else None,
        media=f"{media}; charset=utf-8" if text else "font/woff2" if path.suffix == ".woff2" else media,
        digest=hashlib.sha256(body).hexdigest()[:16],
    )
