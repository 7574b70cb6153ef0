"""Appointing, acknowledging, replacing, ending, standing in: acts about custodians, each with its consequence."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from accessctl.domain.accounts import Kind
from accessctl.services import (
    closing,
    custody,
    custody_candidates,
    custody_view,
    substitution,
    substitution_list,
)
from accessctl.services.control import transaction
from accessctl.web import errors, gates
from accessctl.web.context import actor, runtime
from accessctl.web.custody_forms import (
    AppointForm,
    DecideForm,
    EndForm,
    SubstituteForm,
    kind_of,
    text,
    whole,
)
from accessctl.web.views.custody import pages


@pages.get("/<office>/<kind>/appoint")
@gates.decided_by("custody_candidates.candidates")
def appoint_form(office: str, kind: str) -> str:
    """Whom the head may appoint, and why not the others."""
    return _appoint_page(office, kind_of(kind))


@pages.post("/<office>/<kind>/appoint")
@gates.decided_by("custody.appoint")
def appoint(office: str, kind: str) -> Response:
    """Appoint; where somebody answers already, the next takes over without a gap (S12)."""
    form, chosen = AppointForm(), kind_of(kind)
    errors.show_again(lambda problem: _appoint_page(office, chosen, problem))
    wanted, seen = form.appointment(office, chosen), whole(text(form.seen))
    ending: list[str] = []
    with transaction(runtime()) as database:
        if seen:
            made, ending = custody.replace(runtime(), database, actor(), wanted, seen=seen)
        else:
            made = custody.appoint(runtime(), database, actor(), wanted)
        name = made.officer.full_name
    closing.finish_all(runtime(), ending)
    flash(_("Đã phân công %(name)s. Các đơn vị khác được thông báo danh sách mới.", name=name), "success")
    return redirect(url_for("custody.office", office=office), 303)


@pages.post("/<office>/<kind>/acknowledge")
@gates.decided_by("custody.acknowledge")
def acknowledge(office: str, kind: str) -> Response:
    """The custodian confirms the own appointment."""
    with transaction(runtime()) as database:
        custody.acknowledge(runtime(), database, actor(), office, kind_of(kind))
    flash(_("Đã xác nhận phân công."), "success")
    return redirect(url_for("custody.office", office=office), 303)


@pages.get("/<office>/<kind>/end")
@gates.decided_by("custody_view.consequence")
def end_form(office: str, kind: str) -> str:
    """What ending does, counted, before it happens."""
    return _end_page(office, kind_of(kind))


@pages.post("/<office>/<kind>/end")
@gates.decided_by("custody.end")
def end(office: str, kind: str) -> Response:
    """End the assignment in force."""
    form, chosen = EndForm(), kind_of(kind)
    errors.show_again(lambda problem: _end_page(office, chosen, problem))
    with transaction(runtime()) as database:
        reason, seen = text(form.reason), whole(text(form.seen))
        ending = custody.end(runtime(), database, actor(), office, chosen, reason, seen=seen)
    closing.finish_all(runtime(), ending)
    flash(_("Đã kết thúc phân công; số phiên đã ngắt: %(n)s.", n=len(ending)), "success")
    return redirect(url_for("custody.office", office=office), 303)


@pages.post("/<office>/planned/<custody_id>/call-off")
@gates.decided_by("custody.call_off")
def call_off(office: str, custody_id: str) -> Response:
    """Withdraw an appointment that has not begun."""
    with transaction(runtime()) as database:
        row = custody.call_off(runtime(), database, actor(), custody_id, text(EndForm().reason))
    flash(_("Đã hủy bỏ phân công chưa có hiệu lực."), "success")
    return redirect(url_for("custody.office", office=row.office_code), 303)


@pages.get("/<office>/<kind>/substitute")
@gates.decided_by("custody_candidates.substitutes")
def substitute_form(office: str, kind: str) -> str:
    """Who may stand in."""
    return _substitute_page(office, kind_of(kind))


@pages.post("/<office>/<kind>/substitute")
@gates.decided_by("substitution.propose")
def substitute(office: str, kind: str) -> Response:
    """The custodian proposes."""
    form, chosen = SubstituteForm(), kind_of(kind)
    errors.show_again(lambda problem: _substitute_page(office, chosen, problem))
    with transaction(runtime()) as database:
        substitution.propose(runtime(), database, actor(), form.wanted(office, chosen))
    flash(_("Đã gửi đề nghị thay thế đến thủ trưởng đơn vị."), "success")
    return redirect(url_for("custody.office", office=office), 303)


@pages.post("/<office>/<kind>/substitute/order")
@gates.decided_by("substitution.order")
def order_substitute(office: str, kind: str) -> Response:
    """The head decides without having been asked."""
    form, chosen = SubstituteForm(), kind_of(kind)
    errors.show_again(lambda problem: _substitute_page(office, chosen, problem))
    wanted, number = form.wanted(office, chosen), text(form.decision_no)
    with transaction(runtime()) as database:
        substitution.order(runtime(), database, actor(), wanted, decision_no=number)
    flash(_("Đã phân công thay thế tạm thời."), "success")
    return redirect(url_for("custody.office", office=office), 303)


@pages.get("/substitution/<identity>")
@gates.decided_by("substitution_list.show")
def substitution_page(identity: str) -> str:
    """One substitution: what was asked, and the head's two buttons."""
    return _substitution_page(identity)


@pages.post("/substitution/<identity>/<any(give,decline):answer>")
@gates.decided_by("substitution.decide")
def decide_substitution(identity: str, answer: str) -> Response:
    """Give or decline."""
    form = DecideForm()
    errors.show_again(lambda problem: _substitution_page(identity, problem))
    with transaction(runtime()) as database:
        give, words = answer == "give", text(form.words)
        substitution.decide(runtime(), database, actor(), identity, give=give, words=words)
    flash(_("Đã ghi quyết định về việc thay thế."), "success")
    return redirect(url_for("custody.substitution_page", identity=identity), 303)


@pages.post("/substitution/<identity>/withdraw")
@gates.decided_by("substitution.withdraw")
def withdraw_substitution(identity: str) -> Response:
    """The proposer takes it back."""
    with transaction(runtime()) as database:
        substitution.withdraw(runtime(), database, actor(), identity)
    flash(_("Đã rút đề nghị thay thế."), "success")
    return redirect(url_for("custody.substitution_page", identity=identity), 303)


@pages.post("/substitution/<identity>/end")
@gates.decided_by("substitution.end_early")
def end_substitution(identity: str) -> Response:
    """Before its time; the custodian answers again at once."""
    form = EndForm()
    errors.show_again(lambda problem: _substitution_page(identity, problem))
    with transaction(runtime()) as database:
        substitution.end_early(runtime(), database, actor(), identity, reason=text(form.reason))
    flash(_("Đã kết thúc việc thay thế; cán bộ quản lý tiếp tục phụ trách."), "success")
    return redirect(url_for("custody.substitution_page", identity=identity), 303)


def _post_of(office: str, kind: Kind) -> tuple[custody_view.OfficePage, custody_view.Post]:
    with transaction(runtime()) as database:
        page = custody_view.office_page(runtime(), database, actor(), office)
    return page, next(post for post in page.posts if post.kind == kind)


def _appoint_page(office: str, kind: Kind, problem: errors.Problem | None = None) -> str:
    page, post = _post_of(office, kind)
    with transaction(runtime()) as database:
        people = custody_candidates.candidates(runtime(), database, actor(), office, kind)
    form = AppointForm()
    return render_template(
        "custody/appoint.html", page=page, post=post, people=people, form=form, problem=problem
    )


def _end_page(office: str, kind: Kind, problem: errors.Problem | None = None) -> str:
    page, post = _post_of(office, kind)
    with transaction(runtime()) as database:
        what = custody_view.consequence(runtime(), database, actor(), office, kind)
    return render_template(
        "custody/end.html", page=page, post=post, what=what, form=EndForm(), problem=problem
    )


def _substitute_page(office: str, kind: Kind, problem: errors.Problem | None = None) -> str:
    page, post = _post_of(office, kind)
    with transaction(runtime()) as database:
        people = custody_candidates.substitutes(runtime(), database, actor(), office, kind)
    form = SubstituteForm()
    return render_template(
        "custody/substitute.html", page=page, post=post, people=people, form=form, problem=problem
    )


def _substitution_page(identity: str, problem: errors.Problem | None = None) -> str:
    with transaction(runtime()) as database:
        shown = substitution_list.show(runtime(), database, actor(), identity)
    return render_template("custody/substitution.html", shown=shown, form=DecideForm(), problem=problem)
