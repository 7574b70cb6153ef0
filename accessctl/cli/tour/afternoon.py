"""11:00, 15:30, 17:00: a queue, an account locked by wrong passwords, the day's reconciliation."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from accessctl.cli.tour.counter import VIEW
from accessctl.cli.tour.day import GUEST, Day, Loan
from accessctl.cli.tour.outside import verify
from accessctl.cli.tour.report import Broken

_WRONG = 5  # failed logins within ten minutes of an open lease lock the account (S32)


def queue(day: Day) -> None:
    """Two officers need the same account; the second waits and gets it when it comes back."""
    account, (first, second) = "TKCL-CJT-DML", day.clerks()[:2]
    with day.loan(first, account) as held:
        words = day.asking(account, day.dossier(), day.subject("DML"))
        asked = day.done(second, *words)
        waiting = Loan(second, asked["lease"], account, words[4], words[6], "")
        with day.in_hand(waiting):
            day.report.check(
                (asked["state"], asked.get("position")) == ("QUEUED", 1),
                f"{second} xếp hàng chờ {account}", "second in line",
                f"lease {waiting.lease}", asked["state"], f"position {asked.get('position')}",
            )  # fmt: skip
            page = day.pages.as_seen_by(second, day.accessctl.passwords[second], "/desk/")
            day.report.check(
                'data-queue-number>1<' in page,
                "trang Bàn làm việc cho thấy vị trí trong hàng chờ", "the page shows the place", "/desk/",
            )  # fmt: skip
            day.work(held, VIEW)
            day.give_back(held)
            _turn(day, waiting)
            day.work(waiting, VIEW)
            day.give_back(waiting)
    day.records((waiting, ("lease.queued", "lease.checkout", "db.login", "lease.closed")))


def _turn(day: Day, waiting: Loan) -> None:
    def look() -> Any:
        shown = day.done(waiting.username, "lease", "show", waiting.lease)
        return shown if shown["state"] == "ACTIVE" and shown.get("dsn") else None

    began = time.monotonic()
    shown = day.report.wait(f"{waiting.username} chờ đến lượt", "waiting for the turn", look, within=30)
    waiting.dsn = shown["dsn"]
    seconds = f"{time.monotonic() - began:.1f} s"
    day.report.fact(f"đến lượt {waiting.username}", "its turn has come", f"lease {waiting.lease}", seconds)


def locked(day: Day) -> None:
    """Wrong passwords during an open lease lock the account; IT and the custodian together unlock it."""
    account, clerk, it = "TKCL-CJT-KNO", day.clerks()[0], day.officers("it_admin", "VPT")[0]
    custodian = day.officers("custodian_tkcl")[0]
    with day.loan(clerk, account) as old:
        day.work(old, VIEW)
        _guess(day, old)
        _is_locked(day, old)
    answer = day.refused(it, "accounts", "unlock", account, "--reason", "Đã kiểm tra máy trạm")
    day.report.fact("một mình CNTT không mở khóa được", "IT alone cannot unlock", answer.code)
    asked = ("accounts", "ask-unlock", account, "--reason", "Cán bộ gõ nhầm mật khẩu")
    day.done(custodian, *asked)
    unlocked = day.done(it, "accounts", "unlock", account, "--reason", "Theo đề nghị của cán bộ quản lý")
    day.report.check(
        unlocked["state"] == "ACTIVE",
        f"{custodian} đề nghị, {it} mở khóa", "custodian asks, IT unlocks",
        account, unlocked["state"],
    )  # fmt: skip
    with day.loan(clerk, account) as new:
        void = day.psql(old.dsn, [VIEW], {"no": old.subject})
        day.report.check(
            void.status != 0 and not void.value,
            "thông tin đăng nhập cũ đã vô hiệu", "the old credential is void",
            void.said.rpartition("FATAL:")[2].strip(),
        )  # fmt: skip
        day.work(new, VIEW)
        day.give_back(new)
    _found(day, old)
    day.records((old, ("lease.checkout", "db.login", "db.login_failed", "lease.closed")))


def _guess(day: Day, loan: Loan) -> None:
    answers = [day.psql(loan.dsn, ["SELECT 1"], password="sai-mat-khau") for _ in range(_WRONG)]  # noqa: S106
    day.report.check(
        all(answer.status != 0 and "password" in answer.said for answer in answers),
        f"{_WRONG} lần đăng nhập sai trong phiên", "failed logins during the lease", loan.account,
    )  # fmt: skip


def _is_locked(day: Day, loan: Loan) -> None:
    def look() -> Any:
        rows = day.done(day.officers("it_admin", "VPT")[0], "accounts", "list")
        state = next(row["state"] for row in rows if row["account"] == loan.account)
        shown = day.done(loan.username, "lease", "show", loan.lease) if state == "LOCKED" else None
        return shown if shown and shown["state"] == "CLOSED" else None

    what = f"{loan.account} bị khóa, phiên bị kết thúc"
    shown = day.report.wait(what, "locked, lease ended", look, within=40)
    loan.over = True
    day.report.check(
        shown["end_reason"] == "revoked", what, "locked, lease ended",
        "LOCKED", shown["end_reason"], f"sessions ended {shown['sessions_ended']}",
    )  # fmt: skip


def _found(day: Day, loan: Loan) -> None:
    rows = day.done(day.officers("auditor", "VPT")[0], "findings")
    mine = [row for row in rows if row["kind"] == "failed_logins" and row["lease"] == loan.lease]
    day.report.check(
        len(mine) == 1, "có phát hiện kèm mức độ", "a finding says so",
        *[f"finding {row['id']}, severity {row['severity']}" for row in mine],
    )  # fmt: skip


def evening(day: Day) -> None:
    """Every login of the day is explained by a lease; the log is given away and verified without the service."""
    auditor = day.officers("auditor", "VPT")[0]
    answer = day.report.wait(
        "đang đối chiếu nhật ký của 9 cơ sở dữ liệu", "reading every witness",
        lambda: day.accessctl(auditor, "reconcile"), within=60,
    )  # fmt: skip
    if answer.value is None:
        raise Broken(f"reconcile: {answer.said} [{answer.code}]", f"exit status {answer.status}")
    told = answer.value
    day.report.check(
        answer.status == 0 and not told["unexplained"] and told["logins"] == told["matched"],
        "đối chiếu cả ngày: mọi lần đăng nhập đều có phiên", "reconciliation: every login has its lease",
        f"leases {told['leases']}", f"logins {told['logins']}", f"matched {told['matched']}",
        f"unexplained {len(told['unexplained'])}",
    )  # fmt: skip
    _one_login_each(day, auditor)
    folder = day.accessctl.data / f"tour-{time.strftime('%Y%m%d-%H%M%S')}"
    written = day.done(auditor, "audit", "export", "--out", str(folder))
    verdict = verify(folder)
    day.report.check(
        verdict.status == 0, "nhật ký trích xuất được kiểm tra độc lập: toàn vẹn", "python -m audit verify: intact",
        f"{written['size']} records", f"root {written['root'][:16]}…", folder,
    )  # fmt: skip


def _one_login_each(day: Day, auditor: str) -> None:
    """The leases of this play against the logins in the log: one each, none more."""
    found = day.done(auditor, "audit", "search", "--event", "db.login", "--office", GUEST)
    logins = Counter(row["lease"] for row in found["rows"] if row["lease"] in day.leases)
    day.report.check(
        logins == Counter(dict.fromkeys(day.leases, 1)),
        "lượt trình diễn này: mỗi phiên một lần đăng nhập", "this play: one login for each lease",
        f"leases {len(day.leases)}", f"logins {sum(logins.values())}",
    )  # fmt: skip
