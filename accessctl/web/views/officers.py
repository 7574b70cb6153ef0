"""The staff: list, one officer, adding, correcting, transfer, leaving, and a staff file with its preview."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask import Response as FileAnswer
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.services import (
    closing,
    journal,
    moves,
    officer_list,
    officer_view,
    officers,
    returning,
    staff_import,
)
from accessctl.services.control import transaction
from accessctl.web import errors, files, gates, people_words
from accessctl.web.context import actor, runtime
from accessctl.web.people_forms import (
    AddForm,
    DetailsForm,
    FileForm,
    OfficerFilters,
    PlanForm,
    ReturnForm,
    TransferForm,
    WhyForm,
    text,
    whole,
)

pages = Blueprint("officers", __name__, url_prefix="/officers")


@pages.get("/")
@gates.decided_by("officer_list.search")
def index() -> str:
    """The staff by given name; the filters stand in the address."""
    form = OfficerFilters(request.args)
    with transaction(runtime()) as database:
        found = officer_list.search(runtime(), database, actor(), form.query())
        places = sorted(journal.office_names(database))
    filters = {name: value for name, value in request.args.items() if name != "page" and value}
    return render_template("officers/index.html", form=form, found=found, places=places, filters=filters)


@pages.post("/file/<form>")
@gates.decided_by("officer_list.take_away")
def file(form: str) -> FileAnswer:
    """The list as a file: what the filters choose, all pages; recorded before it leaves."""
    query = OfficerFilters(request.form).query()
    with transaction(runtime()) as database:
        made = officer_list.take_away(runtime(), database, actor(), query, form)
    lines = (people_words.cells(row) for row in made.rows)
    sheet = files.Sheet("can-bo", _("Cán bộ"), people_words.header(), lines, len(made.rows), made.cut)
    return files.answer(sheet, form)


@pages.get("/p/<username>")
@gates.decided_by("officer_view.show")
def show(username: str) -> str:
    """One officer with contacts, roles, postings and custody."""
    with transaction(runtime()) as database:
        shown = officer_view.show(runtime(), database, actor(), username)
    return render_template("officers/show.html", shown=shown, form=WhyForm(formdata=None))


@pages.get("/add")
@gates.decided_by("officers.places")
def add_form() -> str:
    """An empty form."""
    return _add_page()


@pages.post("/add")
@gates.decided_by("officers.add")
def add() -> Response:
    """Enter a new officer; first roles wait for the head's or the director's word."""
    form = AddForm()
    errors.show_again(_add_page)
    with transaction(runtime()) as database:
        made = officers.add(runtime(), database, actor(), form.newcomer())
    flash(_("Đã thêm cán bộ %(name)s.", name=made.full_name), "success")
    return redirect(url_for("officers.show", username=made.username), 303)


def _add_page(problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        places = officers.places(runtime(), database, actor())
    return render_template("officers/add.html", form=AddForm(), places=places, problem=problem)


@pages.get("/p/<username>/edit")
@gates.decided_by("officers.before_change")
def edit_form(username: str) -> str:
    """The details as they stand."""
    return _edit_page(username)


@pages.post("/p/<username>/edit")
@gates.decided_by("officers.change")
def edit(username: str) -> Response:
    """Correct name, title, telephone or e-mail."""
    form = DetailsForm()
    errors.show_again(lambda problem: _edit_page(username, problem))
    with transaction(runtime()) as database:
        officers.change(runtime(), database, actor(), username, form.details())
    flash(_("Đã lưu thông tin."), "success")
    return redirect(url_for("officers.show", username=username), 303)


def _edit_page(username: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        officer = officers.before_change(runtime(), database, actor(), username)
    form = DetailsForm() if problem else DetailsForm(formdata=None, obj=officer)
    return render_template("officers/edit.html", form=form, officer=officer, problem=problem)


@pages.get("/p/<username>/transfer")
@gates.decided_by("moves.before_transfer")
def transfer_form(username: str) -> str:
    """What ends with the transfer, spelled out before it does."""
    return _transfer_page(username)


@pages.post("/p/<username>/transfer")
@gates.decided_by("moves.transfer")
def transfer(username: str) -> Response:
    """Move an officer; everything held at the old place ends at once (S11)."""
    form = TransferForm()
    errors.show_again(lambda problem: _transfer_page(username, problem))
    with transaction(runtime()) as database:
        ending = moves.transfer(runtime(), database, actor(), form.transfer(username))
    closing.finish_all(runtime(), ending)
    flash(_("Đã điều chuyển. Vai trò tại nơi mới do thủ trưởng đơn vị mới đề nghị."), "success")
    return redirect(url_for("officers.show", username=username), 303)


def _transfer_page(username: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        before = moves.before_transfer(runtime(), database, actor(), username)
        places = officers.places(runtime(), database, actor())
    kept = None if problem else {"version": before.officer.version, "title": before.officer.title}
    form = TransferForm() if problem else TransferForm(formdata=None, data=kept)
    return render_template("officers/transfer.html", form=form, before=before, places=places, problem=problem)


@pages.get("/p/<username>/leave")
@gates.decided_by("moves.before_leave")
def leave_form(username: str) -> str:
    """What ends when the officer leaves, spelled out before it does."""
    return _leave_page(username)


@pages.post("/p/<username>/leave")
@gates.decided_by("moves.leave")
def leave(username: str) -> Response:
    """An officer leaves: everything ends this minute."""
    form = WhyForm()
    errors.show_again(lambda problem: _leave_page(username, problem))
    with transaction(runtime()) as database:
        ending = moves.leave(
            runtime(), database, actor(), username, text(form.reason), version=whole(form.version)
        )
    closing.finish_all(runtime(), ending)
    flash(_("Đã ghi nhận thôi công tác; mọi quyền và phiên của cán bộ đã kết thúc."), "success")
    return redirect(url_for("officers.show", username=username), 303)


def _leave_page(username: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        before = moves.before_leave(runtime(), database, actor(), username)
    form = WhyForm() if problem else WhyForm(formdata=None, data={"version": before.officer.version})
    return render_template("officers/leave.html", form=form, before=before, problem=problem)


@pages.get("/p/<username>/return")
@gates.decided_by("returning.before_return")
def return_form(username: str) -> str:
    """What comes back and what does not, before it does."""
    return _return_page(username)


@pages.post("/p/<username>/return")
@gates.decided_by("returning.come_back")
def come_back(username: str) -> str:
    """An officer serves again; the link for a new password is shown this once."""
    form = ReturnForm()
    errors.show_again(lambda problem: _return_page(username, problem))
    with transaction(runtime()) as database:
        issued = returning.come_back(runtime(), database, actor(), form.wanted(username))
    link = url_for("resets.use", token=issued.token, _external=True)
    return render_template("resets/issued.html", issued=issued, link=link, username=username)


def _return_page(username: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        before = returning.before_return(runtime(), database, actor(), username)
        places = officers.places(runtime(), database, actor())
    officer = before.officer
    as_was = {"office": officer.office_code, "department": officer.department, "title": officer.title}
    form = ReturnForm() if problem else ReturnForm(data=as_was | {"version": officer.version})
    return render_template("officers/return.html", form=form, before=before, places=places, problem=problem)


@pages.get("/import")
@gates.decided_by("staff_import.may_import")
def import_form() -> str:
    """Choose a file."""
    return _import_page()


@pages.post("/import")
@gates.decided_by("staff_import.look")
def look() -> Response:
    """Keep the file and go to its preview; nothing is changed by it."""
    form = FileForm()
    errors.show_again(_import_page)
    data = form.file.data.read() if form.file.data else b""
    name = form.file.data.filename if form.file.data else ""
    with transaction(runtime()) as database:
        found = staff_import.look(runtime(), database, actor(), name or "", data)
    return redirect(url_for("officers.preview", number=found.id), 303)


def _import_page(problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        staff_import.may_import(runtime(), database, actor())
    return render_template(
        "officers/import.html", form=FileForm(formdata=None), problem=problem, most=staff_import.MOST_LINES
    )


@pages.get("/import/<number>")
@gates.decided_by("staff_import.preview")
def preview(number: str) -> str:
    """What each line would do, or what was done."""
    return _preview_page(number)


@pages.post("/import/<number>")
@gates.decided_by("staff_import.apply")
def apply(number: str) -> Response:
    """All lines or none."""
    form = PlanForm()
    errors.show_again(lambda problem: _preview_page(number, problem))
    with transaction(runtime()) as database:
        staff_import.apply(runtime(), database, actor(), number, text(form.plan))
    return redirect(url_for("officers.preview", number=number), 303)


def _preview_page(number: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        found = staff_import.preview(runtime(), database, actor(), number)
    form = PlanForm(formdata=None, data={"plan": found.plan})
    part = found.page(whole(OfficerFilters(request.args).page))
    return render_template(
        "officers/preview.html", form=form, found=found, part=part, tally=found.tally, problem=problem
    )
