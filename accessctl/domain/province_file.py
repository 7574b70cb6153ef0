"""Founding data as written by people: read strictly, and every complaint names the line it is about.

`tomllib` forgets where a value stood; `_lines` finds it again, so that "unknown key" is as helpful as a
syntax error. Only plain TOML is located exactly: a multi-line string holding `key =` could shift a number.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from accessctl.domain.text import BadText, one_line

Path = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")


class ProvinceError(ValueError):
    """A founding file is not usable. `code` has a sentence in the catalogue that `facts` fill."""

    def __init__(self, line: int, code: str, what: str, *, file: str) -> None:
        super().__init__(f"{file}:{line}: {code}: {what}")
        self.line = line
        self.code = code
        self.what = what
        self.file = file

    @property
    def facts(self) -> dict[str, Any]:
        """What the sentence of the code needs."""
        return {"line": self.line, "what": self.what, "file": self.file}


class Table:
    """One TOML table, read key by key; `done()` refuses whatever nobody asked for."""

    def __init__(self, values: dict[str, Any], path: Path, lines: dict[Path, int], file: str) -> None:
        self._left = dict(values)
        self._path = path
        self._lines = lines
        self._file = file

    @classmethod
    def parse(cls, text: str, *, file: str) -> Table:
        """Read a whole file; raises ProvinceError("province.syntax") with the line that tomllib names."""
        text = text.removeprefix("\ufeff")
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _AT_LINE.search(str(error))
            line = int(found[1]) if found else max(1, len(text.splitlines()))
            what = _AT_LINE.sub("", str(error)).strip()
            raise ProvinceError(line, "province.syntax", what, file=file) from None
        return cls(values, (), _lines(text), file)

    def error(self, code: str, what: str, key: str | None = None) -> ProvinceError:
        """The complaint about a key of this table (or the table itself), at its line."""
        return ProvinceError(self.line(key), code, what, file=self._file)

    def line(self, key: str | None = None) -> int:
        """Where a key stands; for one that is missing, where its table begins."""
        path: Path = self._path if key is None else (*self._path, key)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def text(
        self,
        key: str,
        *,
        limit: int = 200,
        pattern: str | None = None,
        default: str | None = None,
        empty_ok: bool = False,
    ) -> str:
        """One line of NFC text, matching `pattern` as a whole where one is given."""
        value = self._take(key, str, default)
        try:
            tidy = one_line(value, limit=limit, empty_ok=empty_ok)
        except BadText as error:
            raise self.error("province.bad_value", f"{key} ({error.why})", key) from None
        if pattern is not None and re.fullmatch(pattern, tidy) is None:
            raise self.error("province.bad_value", f"{key} = {tidy[:60]}", key)
        return tidy

    def whole(self, key: str, low: int, high: int, *, default: int | None = None) -> int:
        """A whole number within the bounds, both included."""
        value = self._take(key, int, default)
        if isinstance(value, bool) or not low <= value <= high:
            raise self.error("province.bad_value", f"{key} = {value} ({low}…{high})", key)
        return int(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """true or false."""
        return bool(self._take(key, bool, default))

    def day(self, key: str) -> date:
        """A local date, without a time."""
        value = self._take(key, date, None)
        if isinstance(value, datetime):
            raise self.error("province.bad_value", f"{key} = {value}", key)
        return value  # type: ignore[no-any-return]  # _take has checked it

    def texts(self, key: str, *, default: list[str] | None = None) -> list[str]:
        """A list of strings, not empty."""
        values = self._take(key, list, default)
        if not values or not all(isinstance(value, str) for value in values):
            raise self.error("province.bad_value", key, key)
        return [str(value) for value in values]

    def table(self, key: str) -> Table:
        """A table of this one."""
        return Table(self._take(key, dict, None), (*self._path, key), self._lines, self._file)

    def tables(self, key: str) -> list[Table]:
        """The tables of a `[[key]]` list, in the order of the file; none when it is absent."""
        values = self._take(key, list, [])
        if not all(isinstance(value, dict) for value in values):
            raise self.error("province.bad_value", key, key)
        return [Table(v, (*self._path, key, i), self._lines, self._file) for i, v in enumerate(values)]

    def done(self) -> None:
        """Refuse the first key that is left: a misspelt setting must not pass for an absent one."""
        for key in self._left:
            raise self.error("province.unknown_key", key, key)

    def _take(self, key: str, kind: type, default: Any) -> Any:
        if key not in self._left:
            if default is None:
                raise self.error("province.missing_key", key)
            return default
        value = self._left.pop(key)
        if not isinstance(value, kind):
            raise self.error("province.bad_value", f"{key} = {str(value)[:60]}", key)
        return value


def _lines(text: str) -> dict[Path, int]:
    """Where each table and key is first named, by its full path; lists of tables are counted from 0."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    here: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            here = _entered(tuple(_words(header[2])), counts, repeated=header[1] == "[[")
            found.setdefault(here, number)
        elif key := _KEY.match(line):
            path = here
            for word in _words(key[1]):
                path = (*path, word)
                found.setdefault(path, number)
    return found


def _entered(words: tuple[str, ...], counts: dict[Path, int], *, repeated: bool) -> Path:
    """The path of a header, with the index of the current item after each list of tables on the way."""
    path: Path = ()
    for place, word in enumerate(words):
        path = (*path, word)
        if repeated and place == len(words) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _words(dotted: str) -> Iterator[str]:
    for word in re.findall(r"""[\w-]+|"[^"]*"|'[^']*'""", dotted):
        yield word.strip("\"'")
