"""The pages of the desk put together: what each shows, filled with what the last step brought or was typed before."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, make_response, render_template, url_for

from accessctl.domain.leases import LeaseState
from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict
from accessctl.services import desk, desk_offer
from accessctl.services.control import looking, transaction
from accessctl.services.leasing import LeaseView
from accessctl.web import desk_memory, errors, lease_strip
from accessctl.web.context import actor, runtime
from accessctl.web.desk_choices import Choices, arrange, reason_in
from accessctl.web.desk_memory import Step
from accessctl.web.display import day
from accessctl.web.forms import BorrowForm, CorrectionForm, ReissueForm
from accessctl.web.navigation import allowed

GOING_ON = (LeaseState.OPENING, LeaseState.ACTIVE, LeaseState.QUEUED)


def choices() -> Choices:
    """What may be asked for."""
    with looking(runtime()) as database:
        return arrange(desk.lendable(runtime(), database, actor()))


def choose(dossier: str, why: str | None) -> str:
    """The offices, each with how its account stands; `why`: the dossier that was scanned is none of ours."""
    return render_template(
        "desk/choose.html",
        choices=choices(),
        dossier=dossier,
        why=why,
        others=desk_offer.others(runtime(), actor()),
    )


def begun(arguments: Mapping[str, str]) -> BorrowForm:
    """The form with what is known: an earlier lease of one's own, the dossier scanned, what was refused just now."""
    form = BorrowForm()
    if again := arguments.get("again", ""):
        with transaction(runtime()) as database:
            earlier = desk_offer.typed_before(runtime(), database, actor(), again)
        form.dossier.data, form.subject.data, form.reason.data = (
            earlier.dossier,
            earlier.subject,
            earlier.reason,
        )
        form.fields.raw_data = list(earlier.fields)
        return form
    scanned = arguments.get("dossier", "")[:100]
    kept = desk_memory.recall(Step.BORROW, scanned or None)
    form.dossier.data = scanned or kept.get("dossier") or form.dossier.data
    form.subject.data = kept.get("subject") or form.subject.data
    form.reason.data = kept.get("reason") or form.reason.data
    return form


def borrow(choice: desk.AccountChoice, form: BorrowForm, problem: errors.Problem | None) -> str:
    """Dossier, subject, reason; with who answers for the account."""
    with looking(runtime()) as database:
        helper = desk_offer.helper(runtime(), database, actor(), choice.kind)
    reveals = runtime().settings.reveal and allowed(actor(), Permission.LEASE_REVEAL)
    return render_template(
        "desk/borrow.html", choice=choice, form=form, problem=problem, client_allowed=reveals, helper=helper
    )


def waiting(lease: LeaseView) -> str:
    """The place in the queue, kept up to date."""
    return render_template("desk/waiting.html", helper=_helper(lease), strip_page="waiting")


def revealed(lease: LeaseView) -> str:
    """The secret, once; afterwards the page is the work page of any lease."""
    return render_template("desk/revealed.html", lease=lease, strip_page="desk") if lease.dsn else work(lease)


def work(lease: LeaseView, **parts: object) -> str:
    """The work page; `parts` are what the last step brought. Forms begin with what was typed for this dossier."""
    typed = desk_memory.recall(step_of(lease), lease.dossier)
    forms: dict[str, object] = {}
    if "form" not in parts:
        forms["form"] = ReissueForm(data={"reason": reason_in(lease.reason)} | typed, formdata=None)
    if "correction" not in parts:
        forms["correction"] = CorrectionForm(data=typed, formdata=None)
    nothing = dict.fromkeys(("card", "holder", "outcome", "problem", "done", "stage"))
    known = {"corrects": corrects(lease), "old": {}, "strip_page": "work", "typed": bool(typed)}
    able = desk_offer.able(runtime(), lease.kind)
    return render_template(
        "desk/work.html", **known | {"helper": _helper(lease), "able": able} | forms | nothing | parts
    )


def again(lease: LeaseView, step: Step, problem: errors.Problem, **parts: object) -> str:
    """A refused form once more; when the lease ended under it, where things stand, and what was typed is kept."""
    still = lease_strip.current()
    if problem.status == 409 or still is None or still.lease != lease.lease:
        typed = parts["form"] if step is Step.REISSUE else parts["correction"]
        desk_memory.keep(step, lease.dossier, {name: str(f or "") for name, f in typed.data.items()})  # type: ignore[attr-defined]
        return gone(lease, problem)
    return work(lease, stage=step.value, problem=problem, **parts)


def gone(lease: LeaseView, problem: errors.Problem) -> str:
    """The lease is over: what stays, what was not done, how to go on with the same dossier."""
    with transaction(runtime()) as database:
        ended = desk_offer.own(runtime(), database, actor(), lease.lease)
    return render_template(
        "desk/gone.html", ended=ended, problem=problem, kept=desk_memory.waits(ended.dossier)
    )


def ending(lease: LeaseView, now: LeaseView | None) -> Conflict:
    """Why a form of this lease does nothing any more; `now`: what the person has in hand instead."""
    if now is not None or lease.state in GOING_ON:
        return Conflict("lease.stale_form", dossier=lease.dossier)
    if lease.end_reason == "expired":
        return Conflict("lease.expired", at=lease.expires_at)
    return Conflict("lease.revoked" if lease.end_reason == "revoked" else "lease.over")


def strip(lease: LeaseView, *, was: str, page: str) -> Response:
    """The strip as it stands now. Only the page that waits is sent on: whoever types elsewhere keeps the place."""
    going_on = lease.state in GOING_ON
    if lease.state != was and page == "waiting":
        target = url_for("desk.index") if going_on else url_for("leases.show", lease_id=lease.lease)
        return Response(status=200, headers={"HX-Redirect": target})
    turn = was == LeaseState.QUEUED and lease.state == LeaseState.ACTIVE
    return make_response(
        render_template("parts/strip.html", lease=lease, strip_page=page, turn=turn, over=not going_on)
    )


def corrects(lease: LeaseView) -> bool:
    """Whether the account corrects information."""
    return lease.kind in ("TKHCTT", "LOCAL_HC")


def step_of(lease: LeaseView) -> Step:
    """Which form belongs to the lease."""
    return Step.CORRECT if corrects(lease) else Step.REISSUE


def old_values(view: object, listed: tuple[str, ...]) -> dict[str, str]:
    """The values before a correction, as they are shown and sent back."""
    found = {name: getattr(view, name, None) for name in listed}
    return {name: day(value) if name == "birth_date" else str(value or "") for name, value in found.items()}


def _helper(lease: LeaseView) -> desk_offer.Helper | None:
    with looking(runtime()) as database:
        return desk_offer.helper(runtime(), database, actor(), lease.kind)
