"""A list as a file that the browser keeps: CSV or XLSX, with a last line that says where it ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flask import Response, stream_with_context
from flask_babel import gettext as _

from accessctl import clock
from accessctl.services import sheets
from accessctl.services.sheets import Cell
from accessctl.web.context import now

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Sheet:
    """What goes into the file; `stem` begins its name, `cut` when only the first `count` lines are in it."""

    stem: str
    title: str
    header: list[str]
    lines: Iterable[list[Cell]]
    count: int
    cut: bool = False


def answer(sheet: Sheet, form: str) -> Response:
    """The file in the form asked for; a service has judged the form."""
    name = f"{sheet.stem}-{clock.local(now()):%Y%m%d-%H%M%S}.{form}"
    if form == "xlsx":
        made = sheets.xlsx_file(sheet.header, _closed(sheet), sheet=sheet.title)
        return download(stream_with_context(made), name, XLSX)
    text = sheets.csv_file(sheet.header, _closed(sheet))
    return download(stream_with_context(text), name, "text/csv; charset=utf-8")


def download(body: str | bytes | Iterator[str] | Iterator[bytes], name: str, media: str) -> Response:
    """Something to keep, under a name of its own."""
    made = Response(body, content_type=media)
    made.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return made


def _closed(sheet: Sheet) -> Iterator[list[Cell]]:
    """The lines, and a last one: a file broken off on its way lacks it."""
    yield from sheet.lines
    yield [_("Hết: %(n)s dòng", n=sheet.count)]
    if sheet.cut:
        yield [_("Chỉ gồm %(n)s dòng đầu; cần thu hẹp điều kiện lọc để lấy phần còn lại.", n=sheet.count)]
