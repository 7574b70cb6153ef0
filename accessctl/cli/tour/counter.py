"""07:44, 09:10, 09:40: a reissue, a correction by two people, an answer that was lost on the way."""

from __future__ import annotations

from urllib.parse import urlsplit

from accessctl.cli.tour.day import Day, Loan
from accessctl.cli.tour.line import CutLine

VIEW = "SELECT to_jsonb(t) FROM bhyt.view_reissue(:'no') AS t"
REISSUE = "SELECT to_jsonb(t) FROM bhyt.reissue_card(:'no', 'MAT', :'blank', :'dossier' || ':reissue') AS t"
CORRECT = (
    "SELECT to_jsonb(t) FROM bhyt.correct_holder(:'no', jsonb_build_object('address', :'address'::text),"
    " :'dossier' || ':correct') AS t"
)
_PATIENCE = 135.0  # seconds; an abandoned lease ends within two minutes (S31)


def reissue(day: Day) -> None:
    """A woman lost her card; Đắk Mil manages her, Cư Jút serves her."""
    clerk, blank = day.clerks()[0], day.blank()
    with day.loan(clerk, "TKCL-CJT-DML") as loan:
        seen, done = day.work(loan, VIEW, REISSUE, blank=blank)
        day.report.check(
            seen["outcome"] == "ok",
            "psql: xem thông tin cấp lại thẻ", "viewed with psql",
            loan.subject, f"outcome {seen['outcome']}",
        )  # fmt: skip
        day.report.check(
            done["outcome"] == "ok" and not done["already"],
            f"psql: cấp lại thẻ trên phôi {blank}", "card reissued",
            f"outcome {done['outcome']}", f"reissue_id {done['reissue_id']}",
        )  # fmt: skip
        day.give_back(loan)
    events = ("lease.checkout", "db.login", "reissue.viewed", "card.reissued", "lease.closed")
    day.records((loan, events))


def correction(day: Day) -> None:
    """A near-poor man's address is corrected by Collection; another officer reissues his card."""
    collector, clerk, address = day.officers("collection")[0], day.clerks()[0], _address(day)
    with day.loan(collector, "TKHCTT-CJT-DRL", "--field", "address") as corrected:
        (done,) = day.work(corrected, CORRECT, address=address)
        day.report.check(
            done["outcome"] == "ok" and done["changed"] == ["address"],
            "psql: hiệu chỉnh địa chỉ", "address corrected",
            f"outcome {done['outcome']}", f"correction_id {done['correction_id']}",
        )  # fmt: skip
        day.give_back(corrected)
    words = day.asking("TKCL-CJT-DRL", corrected.dossier, corrected.subject)
    answer = day.refused(collector, *words)
    day.report.fact(
        f"{collector} đã hiệu chỉnh nên không được cấp lại thẻ", "the same officer is refused", answer.code
    )
    with day.loan(clerk, "TKCL-CJT-DRL", again=corrected) as reissued:
        (done,) = day.work(reissued, REISSUE, blank=day.blank())
        day.report.check(
            done["outcome"] == "ok" and not done["already"],
            f"psql: {clerk} cấp lại thẻ", "reissued by another officer",
            f"outcome {done['outcome']}", f"reissue_id {done['reissue_id']}",
        )  # fmt: skip
        day.give_back(reissued)
    day.records(
        (corrected, ("lease.checkout", "db.login", "holder.corrected", "lease.closed")),
        (reissued, ("lease.checkout", "db.login", "card.reissued", "lease.closed")),
    )


def _address(day: Day) -> str:
    return f"Số {day.blank()[3:]}, thôn 4, xã Nhân Cơ"  # differs from what stands there, each time


def lost_answer(day: Day) -> None:
    """The network is cut after "reissue" was sent; the same key finds the record, nothing is reissued twice."""
    clerk, blank = day.clerks()[0], day.blank()
    with day.loan(clerk, "TKCL-CJT-DSG") as first:
        _cut_off(day, first, blank)
        if day.quick:
            day.give_back(first)
        else:
            _abandoned(day, first)
    with day.loan(clerk, "TKCL-CJT-DSG", again=first) as second:
        before, done, after = day.work(second, VIEW, REISSUE, VIEW, blank=blank)
        mine = [entry["id"] for entry in before["reissues"] if entry["blank_serial"] == blank]
        day.report.check(
            len(mine) == 1,
            "nối lại: lần cấp lại đã được ghi nhận", "reconnected: the record is there",
            *[f"reissue_id {identity}" for identity in mine],
        )  # fmt: skip
        day.report.check(
            done["already"] is True and done["reissue_id"] == mine[0] and after == before,
            "gửi lại với cùng khóa: không cấp lại lần hai", "same key again: no second reissue",
            f"already {done['already']}", f"reissue_id {done['reissue_id']}",
        )  # fmt: skip
        day.give_back(second)
    events = ("lease.checkout", "db.login", "card.reissued", "lease.closed")
    day.records((first, events), (second, events))


def _cut_off(day: Day, loan: Loan, blank: str) -> None:
    host = urlsplit(loan.dsn)
    with CutLine(host.hostname or "", host.port or 0, b"bhyt.reissue_card") as line:
        told = {"no": loan.subject, "dossier": loan.dossier, "blank": blank}
        answer = day.psql(loan.dsn, [REISSUE], told, via=line.port)
    day.leases.append(loan.lease)
    day.report.check(
        line.cut and answer.status != 0 and answer.value == [],
        "mạng đứt sau khi gửi lệnh cấp lại, không có trả lời", "cut after the order was sent, no answer",
        f"psql {answer.status}",
    )  # fmt: skip


def _abandoned(day: Day, loan: Loan) -> None:
    """The clerk does nothing: the service ends what was left alone."""

    def look() -> dict[str, object] | None:
        shown: dict[str, object] = day.done(loan.username, "lease", "show", loan.lease)
        return shown if shown["state"] == "CLOSED" else None

    what = "chờ hệ thống kết thúc phiên bỏ dở"
    shown = day.report.wait(what, "the abandoned lease is ended", look, within=_PATIENCE)
    loan.over = True
    day.report.check(
        shown["end_reason"] == "abandoned",
        "phiên bỏ dở đã được hệ thống kết thúc", "abandoned, ended by the service",
        shown["end_reason"], f"sessions ended {shown['sessions_ended']}",
    )  # fmt: skip
