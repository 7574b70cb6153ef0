"""Policy files with one line fewer, as somebody would edit them: the closing line counts anew."""

from __future__ import annotations

import re

_ALLOWS = re.compile(r"(# end of policy: )([0-9]+)( allow)")


def without(data: bytes, start: str, word: str) -> bytes:
    """The file without the one allow line that starts so and names this word."""
    lines = data.decode().splitlines(keepends=True)
    (line,) = [line for line in lines if line.startswith(start) and word in line.replace(",", " ").split()]
    text = "".join(one for one in lines if one is not line)
    return _ALLOWS.sub(lambda found: f"{found[1]}{int(found[2]) - 1}{found[3]}", text).encode()
