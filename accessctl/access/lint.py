"""What is wrong, or not needed, in a folder of policy files: every fault with file, line and reason.

The loader stops at the first fault, since it must not use such a policy. The linter mends that one in its own copy
and reads on, so that whoever edits sees all of them at once. Nothing that it mends is ever used.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from accessctl.access.labels import read_labels
from accessctl.access.lines import PolicyBroken, line_with, rules, seal_of
from accessctl.access.lint_meaning import Point, points
from accessctl.access.loader import (
    ACCOUNT_RULES,
    CONSOLE_RULES,
    DATA_SUFFIXES,
    FILES,
    LABELS,
    MODELS,
    OBJECTS,
    PolicySet,
    account_part,
    console_part,
    default_folder,
    known_model,
    objects_match,
    parse,
)
from accessctl.access.objects import read_objects
from accessctl.errors import message

MOST = 100
"""Faults told of one folder; who has more should begin with these."""
_TEXT = 160  # signs of a line that are shown
_SEALS = ("no_seal", "wrong_count")
_FOLLOW_FROM_A_LINE = ("unclassified", "undeclared", "wrong_group", "empty", *_SEALS)
_UNSEEN = ("Cc", "Cf", "Co", "Cn", "Zl", "Zp")


class Severity(StrEnum):
    """An error is refused; a warning asks for a look; a note only says how something is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Remark:
    """One row of the linter. `file` and `line` are None where the staff or the whole folder is meant."""

    severity: Severity
    code: str
    file: str | None
    line: int | None
    vi: str
    en: str
    text: str = ""
    """The line itself, cut, with signs that cannot be seen written out."""
    detail: str = ""
    """Of a fault that the loader refuses: its own words, in English, which name what is wrong."""
    officer: str | None = None


@dataclass(frozen=True, slots=True)
class Linted:
    """Everything found, errors first; `policy` is None when the files cannot be used."""

    remarks: tuple[Remark, ...]
    policy: PolicySet | None

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return not any(remark.severity is Severity.ERROR for remark in self.remarks)


def lint(folder: Path | None = None, *, offices: Collection[str] | None = None) -> Linted:
    """Judge a folder of policy files by themselves. Never raises for what stands in them."""
    contents, remarks = _present(folder or default_folder())
    for part in _parts(contents, offices):
        remarks += _faults(contents, *part)
    policy = None
    if not remarks:
        try:
            policy = parse(contents, offices=offices)
        except PolicyBroken as error:  # what lies between two files
            remarks.append(_fault(contents, error))
        else:
            remarks = [_remark(contents, point) for point in points(policy)]
    order = list(Severity)
    remarks.sort(key=lambda r: (order.index(r.severity), r.file or "", r.line or 0))
    return Linted(tuple(remarks[:MOST]), policy)


def _present(folder: Path) -> tuple[dict[str, bytes], list[Remark]]:
    """The files that are there, and a remark for each that is missing, cannot be read, or is nobody's."""
    try:
        there = {path.name for path in folder.iterdir() if path.suffix in DATA_SUFFIXES}
    except OSError as error:
        return {}, [_plain("no_folder", folder.name, error.strerror or "")]
    contents: dict[str, bytes] = {}
    remarks = [_plain("unknown_file", name, "") for name in sorted(there - set(FILES))]
    for name in FILES:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            code = "unreadable" if name in there else "no_file"
            remarks.append(_plain(code, name, error.strerror or ""))
    return contents, remarks


Read = Callable[[bytes], object]


def _parts(contents: dict[str, bytes], offices: Collection[str] | None) -> list[tuple[str, Read]]:
    """Each file that is there with its own strict reader; the last looks at two of them together."""

    def together(data: bytes) -> None:
        try:
            account, objects = account_part(contents[ACCOUNT_RULES]), read_objects(OBJECTS, data)
        except PolicyBroken:
            return  # told of the file that it is in
        objects_match(account, objects)

    readers: list[tuple[str, Read]] = [
        *((name, lambda data, name=name: known_model(name, data)) for name in sorted(MODELS)),
        (CONSOLE_RULES, lambda data: console_part(data, offices)),
        (ACCOUNT_RULES, account_part),
        (OBJECTS, lambda data: read_objects(OBJECTS, data)),
        (LABELS, lambda data: read_labels(LABELS, data)),
    ]
    if ACCOUNT_RULES in contents:
        readers.append((OBJECTS, together))
    return [(name, read) for name, read in readers if name in contents]


def _faults(contents: dict[str, bytes], name: str, read: Read) -> list[Remark]:
    """All faults of one file: each is told, mended in our copy, and the file read again."""
    data, lines = contents[name], set[int]()
    found: list[Remark] = []
    while len(found) < MOST:
        try:
            read(data)
            break
        except PolicyBroken as error:
            mended = _mended(data, error)
            follows = bool(lines) and error.code in _FOLLOW_FROM_A_LINE
            if not follows and (error.line == 0 or error.line not in lines):
                found.append(_fault(contents, error))
            if mended is None or mended == data:
                break
            if error.code not in _SEALS:
                lines.add(error.line)
            data = mended
    return found


def _mended(data: bytes, error: PolicyBroken) -> bytes | None:
    """The same file without this fault, None where nothing sensible is left to read."""
    if error.code == "byte_order_mark":
        return data.removeprefix(b"\xef\xbb\xbf")
    if error.code == "not_utf8":
        return data.decode("utf-8", errors="replace").encode()
    if error.code == "hidden_character":
        text = data.decode("utf-8")
        return "".join(s for s in text if s == "\n" or unicodedata.category(s) not in _UNSEEN).encode()
    if error.code == "not_nfc":
        return unicodedata.normalize("NFC", data.decode("utf-8")).encode()
    if error.code == "cut_off":
        return data + b"\n"
    if error.code in _SEALS:
        return _sealed(error.file, data)
    if error.line and error.file in (CONSOLE_RULES, ACCOUNT_RULES):
        lines = data.split(b"\n")
        lines[error.line - 1] = b""
        return b"\n".join(lines)
    return None


def _sealed(file: str, data: bytes) -> bytes | None:
    """With a closing line that counts what is there."""
    kept = [line for line in data.split(b"\n")[:-1] if not line.startswith(b"# end of policy")]
    body = b"\n".join(kept) + b"\n"
    return body + seal_of(rules(file, body)).encode() + b"\n"


def _fault(contents: dict[str, bytes], error: PolicyBroken) -> Remark:
    data = contents.get(error.file, b"")
    line = error.line or _line_meant(error, data)
    return Remark(
        Severity.ERROR,
        error.code,
        error.file,
        line or None,
        message(f"lint.{error.code}", "vi"),
        message(f"lint.{error.code}", "en"),
        _shown(data, line),
        error.message,
    )


def _line_meant(error: PolicyBroken, data: bytes) -> int:
    """The line of a word that the reason names, in the files of names; 0 when there is none."""
    if error.file not in (OBJECTS, LABELS):
        return 0
    try:
        found = (line_with(data, word) for word in re.findall(r"[a-z]+:[a-z.]+", error.message))
        return next(filter(None, found), 0)
    except UnicodeDecodeError:
        return 0


def _remark(contents: dict[str, bytes], point: Point) -> Remark:
    return Remark(
        Severity(point.severity),
        point.code,
        point.file,
        point.line,
        message(f"lint.{point.code}", "vi", **point.vi),
        message(f"lint.{point.code}", "en", **point.en),
        _shown(contents[point.file], point.line or 0),
    )


def _plain(code: str, file: str, why: str) -> Remark:
    return Remark(
        Severity.ERROR,
        code,
        file,
        None,
        message(f"lint.{code}", "vi"),
        message(f"lint.{code}", "en"),
        detail=why,
    )


def _shown(data: bytes, line: int) -> str:
    lines = data.split(b"\n")
    if not 0 < line <= len(lines):
        return ""
    text = lines[line - 1].decode("utf-8", errors="replace")[:_TEXT]
    return "".join(s if unicodedata.category(s) not in _UNSEEN else f"\\u{ord(s):04x}" for s in text)
