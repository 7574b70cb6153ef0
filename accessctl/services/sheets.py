"""Lists as files: CSV that a spreadsheet opens with Vietnamese letters and without running anything, and XLSX."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import IO, Any

import xlsxwriter

from accessctl.clock import local

Cell = str | int | datetime | None

BOM = "\ufeff"
_AT_ONCE = 64 * 1024  # bytes, or characters, handed out at a time
_WIDEST, _NARROWEST = 42, 8  # characters of a column
_LONGEST = 32_767  # characters of a cell (ECMA-376)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula (OWASP: CSV injection)."""
    return f"'{text}" if text.startswith(_DANGEROUS) else text


def csv_file(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """RFC 4180 with a byte order mark, in pieces; times local, `dd/mm/yyyy HH:MM:SS`."""
    line = io.StringIO(newline="")
    line.write(BOM)
    writer = csv.writer(line)
    writer.writerow(header)
    for row in rows:
        writer.writerow([_text(cell) for cell in row])
        if line.tell() > _AT_ONCE:
            yield line.getvalue()
            line.seek(0)
            line.truncate()
    yield line.getvalue()


def xlsx_file(header: Sequence[str], rows: Iterable[Sequence[Cell]], *, sheet: str) -> Iterator[bytes]:
    """One sheet with a fixed heading and filters, in pieces. Written row by row: memory does not grow with the list."""
    with tempfile.TemporaryFile() as made:
        _write(made, header, rows, sheet)
        made.seek(0)
        while piece := made.read(_AT_ONCE):
            yield piece


def _write(target: IO[bytes], header: Sequence[str], rows: Iterable[Sequence[Cell]], sheet: str) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(target, options) as book:
        page = book.add_worksheet(sheet[:31])
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
        for column, title in enumerate(header):
            page.set_column(column, column, max(_NARROWEST, min(_WIDEST, len(title) + 6)))
        page.freeze_panes(1, 0)
        page.repeat_rows(0)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        for column, title in enumerate(header):
            page.write_string(0, column, title, bold)
        last = 0
        for last, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                _cell(page, last, column, cell, moment)
        page.autofilter(0, 0, last, len(header) - 1)


def _cell(page: Any, row: int, column: int, cell: Cell, moment: Any) -> None:
    if isinstance(cell, datetime):
        page.write_datetime(row, column, local(cell).replace(tzinfo=None), moment)
    elif isinstance(cell, int):
        page.write_number(row, column, cell)
    elif cell:
        page.write_string(row, column, cell[:_LONGEST])


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return local(cell).strftime("%d/%m/%Y %H:%M:%S")
    return guarded(cell) if isinstance(cell, str) else str(cell)
