"""The journal: search, one record with its proof, the searches a person keeps, the file of what is shown (AU-1)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, stream_with_context, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from accessctl import clock
from accessctl.domain.event_groups import EventGroup
from accessctl.services import journal, journal_export, log_check, record_view, saved_searches, sheets
from accessctl.services.control import transaction
from accessctl.services.journal_export import SheetExport
from accessctl.web import errors, files, gates, journal_words
from accessctl.web.context import actor, now, runtime
from accessctl.web.journal_form import JournalForm, filters_of

pages = Blueprint("journal", __name__, url_prefix="/journal")


@pages.context_processor
def words() -> dict[str, Any]:
    """Tables of words that only these pages need."""
    return {"CHANNELS": journal_words.CHANNELS, "told": journal_words.told, "groups": list(EventGroup)}


@pages.get("/")
@gates.decided_by("journal.search")
def index() -> str:
    """What was asked for, newest first; the filters stand in the address."""
    return _search_page(JournalForm(request.args))


@pages.get("/<int:index>")
@gates.decided_by("record_view.record_view")
def record(index: int) -> str:
    """One record at its own address."""
    with transaction(runtime()) as database:
        shown = record_view.record_view(runtime(), database, actor(), index)
        offices = journal.office_names(database)
    raw = json.dumps(shown.row.said, ensure_ascii=False, indent=2, sort_keys=True)
    return render_template("journal/record.html", shown=shown, row=shown.row, offices=offices, raw=raw)


@pages.get("/<int:index>/proof")
@gates.decided_by("record_view.proof_file")
def proof(index: int) -> Response:
    """The C2SP proof as a file."""
    with transaction(runtime()) as database:
        text = record_view.proof_file(runtime(), database, actor(), index)
    return files.download(text, f"nhat-ky-{index}.tlog-proof", "text/plain; charset=utf-8")


@pages.get("/<int:index>/leaf")
@gates.decided_by("record_view.leaf_file")
def leaf(index: int) -> Response:
    """The exact bytes that were hashed, as a file."""
    with transaction(runtime()) as database:
        data = record_view.leaf_file(runtime(), database, actor(), index)
    return files.download(data, f"nhat-ky-{index}.json", "application/json")


@pages.post("/export/<form>")
@gates.decided_by("journal_export.begin_export")
def export(form: str) -> Response:
    """The search as a file; recorded before the first line leaves."""
    query = JournalForm(request.form).query()
    made = journal_export.begin_export(runtime(), actor(), query, form)
    lines = (journal_words.cells(row) for row in journal_export.rows(runtime(), made))
    name = f"nhat-ky-{clock.local(now()):%Y%m%d-%H%M%S}.{form}"
    if form == "xlsx":
        file = sheets.xlsx_file(journal_words.header(), _closed(lines, made), sheet=_("Nhật ký"))
        return files.download(stream_with_context(file), name, files.XLSX)
    file_of_text = sheets.csv_file(journal_words.header(), _closed(lines, made))
    return files.download(stream_with_context(file_of_text), name, "text/csv; charset=utf-8")


@pages.post("/saved")
@gates.decided_by("saved_searches.save")
def save() -> BaseResponse:
    """Keep the search under a name."""
    form = JournalForm(request.form)
    errors.show_again(lambda problem: _search_page(form, problem))
    with transaction(runtime()) as database:
        kept = saved_searches.save(runtime(), database, actor(), request.form.get("name", ""), form.kept)
    flash(_("Đã lưu bộ lọc “%(name)s”.", name=kept.name), "success")
    return redirect(url_for("journal.index", **_address(kept.filters)), 303)


@pages.post("/saved/<int:identity>/end")
@gates.decided_by("saved_searches.end")
def end(identity: int) -> BaseResponse:
    """Take a search off the list."""
    with transaction(runtime()) as database:
        name = saved_searches.end(runtime(), database, actor(), identity)
    flash(_("Đã bỏ bộ lọc “%(name)s” khỏi danh sách.", name=name), "success")
    return redirect(url_for("journal.index", **_address(filters_of(request.form))), 303)


@pages.get("/check")
@gates.decided_by("log_check.look")
def check() -> str:
    """Is the log intact: how far a check has come, and what the last ones found."""
    return _check_page("journal/check.html")


@pages.get("/check/state")
@gates.decided_by("log_check.look")
def check_state() -> str:
    """The same without the frame, asked by the page itself while a check is under way."""
    return _check_page("journal/check_state.html")


@pages.post("/check")
@gates.decided_by("log_check.ask")
def ask_check() -> BaseResponse:
    """Let every event be checked now; a second press joins the check that is under way."""
    with transaction(runtime()) as database:
        begun = log_check.ask(runtime(), database, actor())
    if not begun:
        flash(_("Một lần kiểm tra đang chạy; kết quả hiện ở dưới."), "info")
    return redirect(url_for("journal.check"), 303)


def _check_page(template: str) -> str:
    with transaction(runtime()) as database:
        found = log_check.look(runtime(), database, actor())
    return render_template(template, found=found, running=bool(found) and not found[0].finished_at)


def _search_page(form: JournalForm, problem: errors.Problem | None = None) -> str:
    query = form.query()
    with transaction(runtime()) as database:
        found = journal.search(
            runtime(), database, actor(), replace(query, before=None) if problem else query
        )
        offices = journal.office_names(database)
        kept = saved_searches.saved(runtime(), database, actor())
    return render_template(
        "journal/index.html", form=form, found=found, offices=offices, kept=kept, problem=problem,
        most=journal_export.MOST, filters=form.kept, typed_name=request.form.get("name", ""),
        print_filters=journal_words.filters(form), **journal_words.choices(offices),
    )  # fmt: skip


def _closed(lines: Iterable[list[sheets.Cell]], made: SheetExport) -> Iterable[list[sheets.Cell]]:
    """The lines, and a last one that says where the file ends: a file broken off on its way lacks it."""
    yield from lines
    yield [_("Hết: %(n)s sự kiện", n=made.count)]
    if made.cut:
        yield [_("Chỉ gồm %(n)s sự kiện mới nhất; phần cũ hơn cần thu hẹp điều kiện lọc.", n=made.count)]


def _address(filters: dict[str, str]) -> dict[str, Any]:
    """The filters as parts of an address."""
    return dict(filters)
