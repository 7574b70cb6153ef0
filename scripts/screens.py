"""Take a picture of every page of a running demo, to be looked at: wide and 390 px, Vietnamese and English.

    .venv/bin/python scripts/screens.py --data demo-data --out /tmp/screens       every page, size and language
    .venv/bin/python scripts/screens.py --data demo-data                          those that docs/screens keeps

Plays a card clerk, a collection clerk, a custodian, a unit head, an auditor and a director; needs Chromium.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

KEPT = {
    "wide-vi": {
        "sign-in",
        "choose",
        "desk",
        "queue",
        "correct",
        "unit-head",
        "journal",
        "contacts",
        "vpt.gd-start",
        "vpt.cntt1-matrix",
        "one-account",
        "one-record",
        "vpt.cntt1-databases",
    },
    "wide-en": {"desk"},
    "narrow-vi": {"sign-in", "desk"},
}
"""What stands in docs/screens: enough to see the product, few enough for a repository."""
PEOPLE = ("vpt.gd", "vpt.ktra1", "vpt.cntt1", "cjt.gd", "cjt.the2", "cjt.the1")
"""Director, auditor, IT, unit head, custodian, clerk: each opens all that the own navigation offers."""
DEEPER = (
    ("vpt.cntt1", "one-account", "/accounts/TKCL-CJT-DML"),
    ("vpt.cntt1", "lock", "/accounts/TKCL-CJT-DML/lock"),
    ("vpt.cntt1", "one-officer", "/officers/p/cjt.the1"),
    ("vpt.cntt1", "transfer", "/officers/p/cjt.the1/transfer"),
    ("vpt.cntt1", "import", "/officers/import"),
    ("vpt.cntt1", "one-office", "/offices/CJT"),
    ("vpt.cntt1", "calendar", "/offices/calendar"),
    ("vpt.cntt1", "one-database", "/databases/DML"),
    ("vpt.ktra1", "one-record", "/journal/3"),
    ("vpt.ktra1", "log-check", "/journal/check"),
    ("vpt.ktra1", "day", "/databases/days"),
    ("vpt.gd", "readiness", "/custodians/readiness"),
    ("cjt.gd", "appoint", "/custodians/CJT/TKCL/appoint"),
    ("cjt.the2", "rule", "/rules/CJT/TKCL"),
    ("cjt.the2", "notices", "/notices/"),
    ("cjt.the2", "profile", "/me/"),
    ("cjt.the2", "sessions", "/me/sessions"),
    ("cjt.the2", "tokens", "/me/tokens"),
    ("cjt.the2", "help", "/help/"),
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
HOME = Path("docs/screens")
SIZES = {"wide": {"width": 1280, "height": 800}, "narrow": {"width": 390, "height": 844}}


class Album:
    """Pictures of one size and language."""

    def __init__(
        self,
        browser: Browser,
        demo: dict[str, Any],
        out: Path,
        size: str,
        language: str,
        kept: set[str] | None,
    ) -> None:
        self.browser = browser
        self.url = str(demo["url"]).rstrip("/")
        self.password = demo["people"][0]["password"]
        self.out = out
        self.size = size
        self.language = language
        self.kept = kept

    def window(self, username: str | None = None) -> Page:
        """A fresh window, signed in when a name is given."""
        context = self.browser.new_context(viewport=SIZES[self.size])  # type: ignore[arg-type]
        context.add_cookies([{"name": "accessctl_language", "value": self.language, "url": self.url}])
        page = context.new_page()
        page.goto(self.url + "/sign-in")
        if username:
            page.fill("#username", username)
            page.fill("#password", self.password)
            page.click("button.btn-primary")
            page.wait_for_url(self.url + "/")
        return page

    def take(self, page: Page, name: str, address: str | None = None) -> None:
        """One picture: `name.png` wide and Vietnamese, `name-narrow.png`, `name-en.png`."""
        if address:
            page.goto(self.url + address)
        if self.kept is not None and name not in self.kept:
            return
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(400)
        marks = [self.size] * (self.size != "wide") + [self.language] * (self.language != "vi")
        page.screenshot(path=self.out / ("-".join([name, *marks]) + ".png"))

    def borrow(self, page: Page, account: str, dossier: str, subject: str, *fields: str) -> None:
        """Fill in the form and send it."""
        page.goto(f"{self.url}/desk/borrow/{account}")
        page.fill("#dossier", dossier)
        page.fill("#subject", subject)
        for name in fields:
            page.check(f"input[name=fields][value={name}]")
        page.fill("#reason", "Cấp lại thẻ do mất")
        page.click("main button.btn-primary")

    def look_around(self) -> None:
        """Every section of every kind of user, then the pages behind them."""
        windows = {}
        for person in PEOPLE:
            page = windows[person] = self.window(person)
            self.take(page, f"{person}-start")
            found = page.eval_on_selector_all("nav.side a", "links => links.map(a => a.getAttribute('href'))")
            for address in found:
                name = address.strip("/").partition("/")[0].partition("?")[0]
                if name:
                    self.take(page, f"{person}-{name}", address)
        for person, name, address in DEEPER:
            self.take(windows[person], name, address)

    def walk(self, start: int, subject: str) -> None:
        """The day in pictures; `start` keeps the dossier numbers of several walks apart."""
        self.take(self.window(), "sign-in")
        clerk, second = self.window("cjt.the2"), self.window("cjt.the1")
        self.take(clerk, "start", "/")
        self.take(clerk, "choose", "/desk/")
        self.take(clerk, "borrow", "/desk/borrow/TKCL-CJT-DML")
        self.borrow(clerk, "TKCL-CJT-DML", "CJT-18-1", subject)
        self.take(clerk, "refused")
        self.borrow(clerk, "TKCL-CJT-DML", f"CJT-2026-{start:06d}/CLT", subject)
        self.take(clerk, "lease")
        clerk.click("main button.btn-big")
        self.take(clerk, "desk")
        self.borrow(second, "TKCL-CJT-DML", f"CJT-2026-{start + 1:06d}/CLT", subject)
        self.take(second, "queue")
        collector = self.window("cjt.thu1")
        self.borrow(
            collector, "TKHCTT-CJT-DML", f"CJT-2026-{start + 2:06d}/CLT", subject, "full_name", "birth_date"
        )
        collector.click("main button.btn-big")
        self.take(collector, "correct")
        head = self.window("cjt.gd")
        self.take(head, "unit-head", "/")
        head.click("a[href$='/revoke'] >> nth=0")
        self.take(head, "revoke")
        clerk.check("input[value=MAT]")
        clerk.fill("#blank_serial", f"67A{start:07d}")
        clerk.click("main button.btn-big")
        self.take(clerk, "reissued")
        second.click(".strip-buttons .btn")
        for page in (clerk, collector):
            page.click(".strip-buttons .btn-primary")
            page.wait_for_url("**/leases/*")
        self.take(clerk, "returned")
        self.take(clerk, "contacts", "/custodians/")
        self.take(clerk, "not-found", "/nowhere")
        auditor = self.window("vpt.ktra1")
        auditor.wait_for_timeout(1500)
        self.take(auditor, "journal", "/journal/")
        self.take(auditor, "journal-empty", "/journal/?dossier=CJT-2026-999999/CLT")
        self.take(auditor, "findings", "/findings/")


def main() -> int:
    """Two languages wide, Vietnamese narrow."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("demo-data"))
    parser.add_argument("--out", type=Path, default=HOME)
    parser.add_argument("--subject", default="6799400004", help="mã số BHXH of a BHYT-only person at Đắk Mil")
    parser.add_argument("--start", type=int, default=900001, help="first dossier number")
    options = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("no Chromium on this machine", file=sys.stderr)
        return 3
    demo = json.loads((options.data / "demo.json").read_text(encoding="utf-8"))
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for turn, (size, language) in enumerate([("wide", "vi"), ("wide", "en"), ("narrow", "vi")]):
            kept = KEPT[f"{size}-{language}"] if options.out == HOME else None
            album = Album(browser, demo, options.out, size, language, kept)
            album.walk(options.start + turn * 10, options.subject)
            album.look_around()
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
