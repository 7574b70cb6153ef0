"""Custodians as everybody may see them: the contact list, an office, the province, any past day (R31, R34, R37)."""

from __future__ import annotations

from itertools import groupby

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from accessctl.services import (
    contact_list,
    contact_readers,
    contact_receipts,
    custody_view,
    handover,
    standing_rules,
    substitution_list,
)
from accessctl.services.control import transaction
from accessctl.web import contact_files, gates
from accessctl.web.context import actor, runtime
from accessctl.web.custody_forms import DayForm, whole

pages = Blueprint("custody", __name__, url_prefix="/custodians")


@pages.get("/")
@gates.decided_by("contact_list.current")
def contacts() -> str:
    """One sheet, by office, fit for print; below it who has read what."""
    with transaction(runtime()) as database:
        people = contact_list.current(runtime(), database, actor())
        told = contact_receipts.published(runtime(), database, actor())
    offices = [(name, list(rows)) for name, rows in groupby(people, key=lambda row: row.office_name)]
    return render_template("custody/contacts.html", offices=offices, told=told)


@pages.get("/contacts.<form>")
@gates.decided_by("contact_list.current")
def contacts_file(form: str) -> Response:
    """The list for other programs: csv for a spreadsheet, vcf for an address book."""
    with transaction(runtime()) as database:
        people = contact_list.current(runtime(), database, actor())
    return contact_files.answer(form, people)


@pages.get("/mine")
@gates.decided_by("custody_view.office_page")
def mine() -> BaseResponse:
    """The own office."""
    with transaction(runtime()) as database:
        page = custody_view.office_page(runtime(), database, actor(), actor().office)
    return redirect(url_for("custody.office", office=page.office))


@pages.get("/readiness")
@gates.decided_by("custody_view.province")
def readiness() -> str:
    """The province at a glance: who is missing where, and what that does (R37)."""
    with transaction(runtime()) as database:
        posts = custody_view.province(runtime(), database, actor())
        told = {one.office: one for one in contact_receipts.published(runtime(), database, actor())}
    offices = [(code, list(rows)) for code, rows in groupby(posts, key=lambda post: post.office)]
    gaps = [post for post in posts if post.current is None]
    return render_template("custody/readiness.html", offices=offices, told=told, gaps=gaps)


@pages.get("/on")
@gates.decided_by("custody_view.on_day")
def on_day() -> str:
    """Who answered for what on a day."""
    form = DayForm(request.args)
    with transaction(runtime()) as database:
        lines = custody_view.on_day(runtime(), database, actor(), form.wanted())
    offices = [(name, list(rows)) for name, rows in groupby(lines, key=lambda line: line.office_name)]
    return render_template("custody/on_day.html", form=form, day=form.wanted(), offices=offices)


@pages.get("/<office>")
@gates.decided_by("custody_view.office_page")
def office(office: str) -> str:
    """Both posts of an office, with what this person may do about them."""
    with transaction(runtime()) as database:
        page = custody_view.office_page(runtime(), database, actor(), office)
        leave = substitution_list.of_office(runtime(), database, actor(), office)
        rules = {
            kind.value: standing_rules.show(runtime(), database, actor(), office, kind)
            for kind in contact_list.SHARED
        }
        versions = contact_receipts.versions(runtime(), database, actor(), office)
    return render_template("custody/office.html", page=page, leave=leave, rules=rules, versions=versions)


@pages.get("/<office>/list")
@gates.decided_by("contact_receipts.versions")
def versions(office: str) -> str:
    """Every version that an office has told, with its receipts."""
    with transaction(runtime()) as database:
        page = custody_view.office_page(runtime(), database, actor(), office)
        told = contact_receipts.versions(runtime(), database, actor(), office)
    return render_template("custody/versions.html", page=page, told=told)


@pages.post("/<office>/list/publish")
@gates.decided_by("contact_list.publish")
def publish(office: str) -> BaseResponse:
    """Tell the list anew."""
    with transaction(runtime()) as database:
        seen = whole(request.form.get("seen", ""))
        version = contact_list.publish(runtime(), database, actor(), office, seen=seen)
    flash(
        _("Đã thông báo danh sách, phiên bản %(n)s. Các đơn vị khác cần xác nhận lại.", n=version), "success"
    )
    return redirect(url_for("custody.versions", office=office), 303)


@pages.post("/read")
@gates.decided_by("contact_receipts.acknowledge")
def read() -> BaseResponse:
    """Confirm that these lists were read; the form says which versions were on the page."""
    pairs = [value.partition(":") for value in request.form.getlist("read")[:50]]
    with transaction(runtime()) as database:
        which = [(office, whole(version)) for office, _colon, version in pairs]
        given = contact_receipts.acknowledge(runtime(), database, actor(), which)
    flash(ngettext("Đã xác nhận %(num)d danh sách.", "Đã xác nhận %(num)d danh sách.", given), "success")
    return redirect(url_for("custody.contacts"), 303)


@pages.get("/readers")
@gates.decided_by("contact_readers.posts")
def readers() -> str:
    """Who reads the lists for each department of the head office."""
    with transaction(runtime()) as database:
        posts = contact_readers.posts(runtime(), database, actor())
    return render_template("custody/readers.html", posts=posts)


@pages.post("/readers/<department>")
@gates.decided_by("contact_readers.name")
def name_reader(department: str) -> BaseResponse:
    """Name who reads for a department, or nobody."""
    seen, officer = whole(request.form.get("seen", "")), request.form.get("officer", "")
    with transaction(runtime()) as database:
        contact_readers.name(runtime(), database, actor(), department, officer, seen=seen)
    flash(_("Đã lưu người xác nhận của phòng."), "success")
    return redirect(url_for("custody.readers"), 303)


@pages.get("/handover/<custody_id>")
@gates.decided_by("handover.sheet")
def minutes(custody_id: str) -> str:
    """The hand-over minutes, fit for print and signature (§12.4)."""
    with transaction(runtime()) as database:
        sheet = handover.sheet(runtime(), database, actor(), custody_id)
    return render_template("custody/handover.html", sheet=sheet)
