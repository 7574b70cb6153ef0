"""The day's cast and tools: who is who, whom they serve, loans that are always given back, records that must stand."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from accessctl.cli.tour.outside import Answer, CommandLine, Pages, Psql
from accessctl.cli.tour.report import Broken, Report
from accessctl.officedb import synthetic

GUEST = "CJT"
_BHYT_ONLY = (1, *range(4, synthetic.WELL_KNOWN + 1))
"""People of every office who are in BHYT only and whose card is in force (synthetic.py)."""


@dataclass
class Loan:
    """A lease that was opened for a client of one's own, with its one secret."""

    username: str
    lease: str
    account: str
    dossier: str
    subject: str
    dsn: str
    over: bool = False


@dataclass
class Day:
    """One play: fresh dossiers, persons and blanks, so that the same demo can be played on again."""

    report: Report
    accessctl: CommandLine
    psql: Psql
    pages: Pages
    people: list[dict[str, Any]]
    quick: bool
    leases: list[str] = field(default_factory=list)
    """The leases of this play under which somebody logged in."""
    _number: int = field(default_factory=lambda: 1 + 10 * secrets.randbelow(99_999))

    def officers(self, role: str, office: str = GUEST) -> list[str]:
        """User names of the office's officers with this role, as demo.json has them."""
        return [who["username"] for who in self.people if who["office"] == office and role in who["roles"]]

    def clerks(self) -> list[str]:
        """The office's card clerks, the custodian of its TKCL accounts last."""
        custodians = self.officers("custodian_tkcl")
        return sorted(self.officers("card"), key=lambda name: (name in custodians, name))

    def dossier(self) -> str:
        """A dossier number of the serving office that nobody has used."""
        self._number += 1
        return f"{GUEST}-2018-{self._number % 1_000_000:06d}/CLT"

    def blank(self) -> str:
        """The serial of a blank card that nobody has used."""
        return f"67A{secrets.randbelow(9_000_000) + 1_000_000}"

    def subject(self, host: str) -> str:
        """Somebody whom the host manages and whose card may be reissued or corrected."""
        return synthetic.number(host, secrets.choice(_BHYT_ONLY))

    def done(self, username: str, *words: str) -> Any:
        """What a command answers; Broken when it does not end well."""
        answer = self.accessctl(username, *words)
        if answer.status != 0:
            command = f"{' '.join(words[:3])} ({username})"
            raise Broken(f"{command}: {answer.said} [{answer.code}]", f"exit status {answer.status}")
        return answer.value

    def refused(self, username: str, *words: str) -> Answer:
        """The refusal of a command that must be refused."""
        answer = self.accessctl(username, *words)
        if answer.status != 1 or not answer.code:
            command = f"{' '.join(words[:3])} ({username})"
            found = f"{answer.status} {answer.code} {answer.said}"
            raise Broken(f"{command} đáng lẽ bị từ chối [{found}]", "should have been refused")
        return answer

    def asking(self, account: str, dossier: str, subject: str, *more: str) -> tuple[str, ...]:
        """The words of a request for an account."""
        reason = "Hiệu chỉnh thông tin theo hồ sơ" if account.startswith("TKHCTT") else "Cấp lại thẻ do mất"
        words = ("--dossier", dossier, "--subject", subject, "--reason", reason, "--client", *more)
        return ("lease", "open", account, *words)

    @contextmanager
    def loan(self, username: str, account: str, *more: str, again: Loan | None = None) -> Iterator[Loan]:
        """An account in somebody's hands; `again`: for the same dossier and person as an earlier loan.

        Whatever happens in between, nothing stays borrowed.
        """
        dossier = again.dossier if again else self.dossier()
        subject = again.subject if again else self.subject(account.split("-")[2])
        opened = self.done(username, *self.asking(account, dossier, subject, *more))
        loan = Loan(username, opened["lease"], account, dossier, subject, opened.get("dsn", ""))
        with self.in_hand(loan):
            self.report.check(
                opened["state"] == "ACTIVE", f"{username} nhận {account} cho {dossier}", "borrowed",
                f"lease {loan.lease}", opened["state"],
            )  # fmt: skip
            yield loan

    @contextmanager
    def in_hand(self, loan: Loan) -> Iterator[Loan]:
        """Give the loan back at the end if the step has not."""
        try:
            yield loan
        finally:
            if not loan.over:
                self.accessctl(loan.username, "lease", "close", loan.lease, "--reason", "kết thúc bước")

    def give_back(self, loan: Loan) -> None:
        """Return the account."""
        ended = self.done(loan.username, "lease", "close", loan.lease)
        loan.over = True
        self.report.check(
            (ended["state"], ended["end_reason"]) == ("CLOSED", "returned"),
            f"{loan.username} trả {loan.account}", "returned",
            ended["end_reason"], f"{ended['sessions_ended']} phiên CSDL bị ngắt · sessions ended",
        )  # fmt: skip

    def work(self, loan: Loan, *statements: str, **variables: str) -> list[dict[str, Any]]:
        """One login of the holder's own psql under the loan, and what the functions answered."""
        told = {"no": loan.subject, "dossier": loan.dossier, **variables}
        answer = self.psql(loan.dsn, statements, told)
        if answer.status != 0:
            raise Broken(f"psql: {answer.said}", f"psql ended with {answer.status}")
        self.leases.append(loan.lease)
        rows: list[dict[str, Any]] = answer.value
        return rows

    def records(self, *wanted: tuple[Loan, tuple[str, ...]]) -> None:
        """The auditor finds these records of the loans (of one dossier) in the log, each with its place there."""
        auditor = self.officers("auditor", "VPT")[0]

        def look() -> list[dict[str, int]] | None:
            found = self.done(auditor, "audit", "search", "--dossier", wanted[0][0].dossier)
            places = [
                {row["event"]: row["index"] for row in found["rows"] if row["lease"] == loan.lease}
                for loan, _ in wanted
            ]
            complete = all(set(events) <= set(at) for (_, events), at in zip(wanted, places, strict=True))
            return places if complete else None

        what = "nhật ký truy vết có đủ sự kiện của phiên"
        found = self.report.wait(what, "the log holds the records of the lease", look, within=30)
        for (_, events), places in zip(wanted, found, strict=True):
            self.report.fact("nhật ký truy vết", "audit log", *[f"#{places[e]} {e}" for e in events])
