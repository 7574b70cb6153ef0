"""A QR code as inline SVG: no request, no style attribute, sharp on paper."""

from __future__ import annotations

import segno
from flask_babel import gettext as _
from markupsafe import Markup


def picture(text: str) -> Markup:
    """The code for these words, sized by the style sheet."""
    made = segno.make(text, error="m", micro=False)
    return Markup(  # noqa: S704 - segno's own drawing of modules; the words are not in it as text
        made.svg_inline(
            border=3,
            omitsize=True,
            svgclass="qr",
            lineclass=None,
            title=str(_("Mã QR để quét bằng điện thoại")),
        )
    )
