"""Pages are sent packed to our own readers: half of what the first page would weigh is its text.

A length can betray a page's secrets (BREACH) to whoever sees the traffic and can make the reader's browser ask,
from another site, again and again for a page that repeats chosen words. Such a question carries
`Sec-Fetch-Site: cross-site`, which no page can forge: it is answered unpacked, and so is a browser that does not
say where it comes from (ADR 0020).
"""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

_LEVEL = 6  # level 9 costs three times the time for one hundredth of the size
_AT_LEAST = 1024  # bytes: less fits into one packet as it is
_OURS = frozenset({"same-origin", "none"})  # followed from our page, or typed into the address bar


def register(app: Flask) -> None:
    """After every other hand but the headers' own."""
    app.after_request(_pack)


def takes_gzip() -> bool:
    """Whether who asks can unpack; `gzip;q=0` says no."""
    return request.accept_encodings.quality("gzip") > 0


def _pack(response: Response) -> Response:
    if not _is_page(response):
        return response
    response.vary.update(("Accept-Encoding", "Sec-Fetch-Site"))
    if takes_gzip() and request.headers.get("Sec-Fetch-Site") in _OURS:
        response.set_data(gzip.compress(response.get_data(), _LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _is_page(response: Response) -> bool:
    """Text made for this request; nothing that streams, is compared by its tag (the matrix), or is packed already."""
    return (
        request.method in ("GET", "HEAD")
        and response.mimetype == "text/html"
        and not response.is_streamed
        and "ETag" not in response.headers
        and "Content-Encoding" not in response.headers
        and (response.calculate_content_length() or 0) >= _AT_LEAST
    )
