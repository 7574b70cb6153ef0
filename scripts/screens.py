"""Take a picture of every page of a running demo, to be looked at: Vietnamese and English, 1280 and 390 px wide.

    .venv/bin/python scripts/screens.py --data demo-data                      into docs/screens, with an index
    .venv/bin/python scripts/screens.py --data demo-data --out /tmp/screens   somewhere else, to compare

Plays a day – a reissue, a queue, a correction, a leave to borrow, a locked account – and opens what each role can
open. Pictures are WebP, made small by the browser itself; those that the README shows are PNG. Needs Chromium.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import secrets
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
HOME = Path("docs/screens")
POLICIES = Path("policies")
SIZES = {"": (1280, 800), "-narrow": (390, 844)}
SCALE = {"": 0.65, "-narrow": 0.65}
README = ("desk", "director-start", "it-matrix")
"""Those that the README shows: PNG, full size, Vietnamese."""
FINDING = "main table a[href^='/findings/']"
LOOKERS = {
    "clerk": ("cjt.the1", ("desk", "custodians", "offices", "journal")),
    "custodian": ("cjt.the2", ("leases", "custodians", "findings")),
    "head": ("cjt.gd", ("leases", "custodians", "officers", "findings")),
    "it": ("vpt.cntt1", ("matrix", "leases", "officers", "offices", "findings", "databases")),
    "auditor": ("vpt.ktra1", ("journal", "findings", "databases")),
    "department": ("vpt.tpcst", ()),
    "director": ("vpt.gd", ("matrix", "custodians", "findings")),
    "reception": ("cjt.tn1", ()),
}
"""Who opens the start page and which sections of the navigation; what is left out looks as another role's does."""
DEEPER: tuple[tuple[str, str, str], ...] = (
    ("clerk", "acts", "/me/acts"),
    ("clerk", "password", "/me/password"),
    ("clerk", "rule", "/rules/CJT/tkcl"),
    ("clerk", "search", "/search?q=minh"),
    ("clerk", "help", "/help/"),
    ("clerk", "help-desk", "/help/desk"),
    ("custodian", "approvals", "/approvals/"),
    ("custodian", "rule-edit", "/rules/CJT/tkcl/edit"),
    ("custodian", "leave", "/custodians/CJT/tkcl/substitute"),
    ("custodian", "notices", "/notices/"),
    ("custodian", "notice-ways", "/notices/preferences"),
    ("custodian", "second-factor", "/me/second-factor"),
    ("custodian", "profile", "/me/"),
    ("custodian", "sessions", "/me/sessions"),
    ("custodian", "tokens", "/me/tokens"),
    ("head", "custodians-of-office", "/custodians/CJT"),
    ("head", "appoint", "/custodians/CJT/tkcl/appoint"),
    ("head", "end-custodian", "/custodians/CJT/tkcl/end"),
    ("head", "contact-versions", "/custodians/CJT/list"),
    ("head", "one-officer", "/officers/p/cjt.the2"),
    ("head", "propose-role", "/roles/for/cjt.phoi1"),
    ("head", "extra-hours", "/offices/CJT/windows/open"),
    ("head", "ask-unlock", "/accounts/TKCL-CJT-KNO/ask-unlock"),
    ("it", "accounts", "/accounts/"),
    ("it", "one-account", "/accounts/TKCL-CJT-DML"),
    ("it", "locked-account", "/accounts/TKCL-CJT-KNO"),
    ("it", "lock", "/accounts/TKCL-CJT-DML/lock"),
    ("it", "rotate", "/accounts/TKCL-CJT-DML/rotate"),
    ("it", "retire", "/accounts/TKCL-CJT-DML/retire"),
    ("it", "officer", "/officers/p/cjt.the1"),
    ("it", "add-officer", "/officers/add"),
    ("it", "edit-officer", "/officers/p/cjt.the1/edit"),
    ("it", "transfer", "/officers/p/cjt.the1/transfer"),
    ("it", "leave-service", "/officers/p/cjt.the1/leave"),
    ("it", "import", "/officers/import"),
    ("it", "roles", "/roles/"),
    ("it", "revoke-role", "/roles/for/cjt.the1/card/revoke"),
    ("it", "reset", "/resets/cjt.the2"),
    ("it", "one-office", "/offices/CJT"),
    ("it", "opening-hours", "/offices/CJT/hours"),
    ("it", "calendar", "/offices/calendar"),
    ("it", "announce-day", "/offices/calendar/announce"),
    ("it", "one-database", "/databases/DML"),
    ("it", "mail", "/notices/mail"),
    ("auditor", "one-record", "/journal/3"),
    ("auditor", "log-check", "/journal/check"),
    ("auditor", "nothing-found", "/journal/?person=khong-co-ai"),
    ("auditor", "days", "/databases/days"),
    ("auditor", "one-day", "/databases/days/{day}"),
    ("auditor", "on-a-day", "/custodians/on"),
    ("director", "readiness", "/custodians/readiness"),
    ("director", "order-lock", "/accounts/TKCL-CJT-DML/lock"),
    ("director", "heat", "/matrix/?kind=TKHCTT"),
    ("department", "list-readers", "/custodians/readers"),
    ("director", "waivers", "/waivers/"),
    ("director", "waiver-form", "/waivers/grant?office=CJT"),
    ("director", "policy", "/policy/"),
    ("director", "policy-person", "/policy/people/cjt.the2"),
    (
        "director",
        "policy-ask",
        "/policy/ask?person=cjt.the1&permission=lease:open.tkhctt&office=DML&case=info_other",
    ),
    ("director", "policy-changes", "/policy/changes/"),
    ("it", "policy-propose", "/policy/changes/propose"),
    ("it", "drift", "/drift/"),
    ("it", "drift-office", "/drift/DML"),
    ("clerk", "not-found", "/nowhere"),
    ("clerk", "not-allowed", "/databases/"),
)
FIRST_OF: tuple[tuple[str, str, str, str], ...] = (
    ("head", "one-lease", "/leases/", "main table a[href^='/leases/']:not([href$='/revoke'])"),
    ("it", "one-finding", "/findings/", FINDING),
    ("director", "policy-change", "/policy/changes/", "main table a[href^='/policy/changes/']"),
    ("director", "policy-approve", "/policy/changes/", "main table a[href^='/policy/changes/']"),
)
"""What is opened from a list: whose window, the picture, the list, its first link."""
SHRINK = """async ([data, width, height]) => {
  const picture = new Image();
  picture.src = "data:image/png;base64," + data;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = width; canvas.height = height;
  const brush = canvas.getContext("2d");
  brush.imageSmoothingQuality = "high";
  brush.drawImage(picture, 0, 0, width, height);
  return canvas.toDataURL("image/webp", 0.35).split(",")[1];
}"""


@dataclass
class Album:
    """Pictures in one language, each at both widths."""

    browser: Browser
    demo: dict[str, Any]
    out: Path
    language: str
    windows: dict[str, Page] = field(default_factory=dict)
    taken: list[tuple[str, str]] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Pages that there was nothing to show on."""

    def __post_init__(self) -> None:
        self.url = str(self.demo["url"]).rstrip("/")
        self._studio = self.browser.new_page()

    def window(self, username: str = "") -> Page:
        """The person's window, signed in at the first time; without a name a stranger's."""
        if username not in self.windows:
            context = self.browser.new_context(viewport={"width": 1280, "height": 800})
            context.add_cookies([{"name": "accessctl_language", "value": self.language, "url": self.url}])
            page = self.windows[username] = context.new_page()
            page.goto(self.url + "/sign-in")
            if username:
                page.fill("#username", username)
                page.fill("#password", self.demo["people"][0]["password"])
                page.click("button.btn-primary")
                page.wait_for_url(self.url + "/")
        return self.windows[username]

    def take(self, page: Page, role: str, name: str, address: str | None = None) -> None:
        """Two pictures: `role-name.webp` as it is on a desk, `role-name-narrow.webp` as on a telephone."""
        if address:
            page.goto(self.url + address)
        name = "-".join(filter(None, [role, name]))
        marked = name + ("" if self.language == "vi" else "-en")
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(150)
            shot = page.screenshot()
            if name in README and marked + size == name:
                (self.out / f"{name}.png").write_bytes(shot)
            scale = SCALE[size]
            data = [base64.b64encode(shot).decode(), round(width * scale), round(height * scale)]
            (self.out / f"{marked}{size}.webp").write_bytes(
                base64.b64decode(self._studio.evaluate(SHRINK, data))
            )
        page.set_viewport_size({"width": 1280, "height": 800})
        self.taken.append((role, name))

    def press(self, page: Page, button: str) -> None:
        """Press a button and wait for the page that answers; the desk asks first for the network."""
        with page.expect_event("framenavigated"):
            page.click(button)
        page.wait_for_load_state()

    def borrow(self, page: Page, account: str, dossier: str, subject: str, *fields: str) -> None:
        """Fill in the form and send it."""
        page.goto(f"{self.url}/desk/borrow/{account}")
        page.fill("#dossier", dossier)
        page.fill("#subject", subject)
        for name in fields:
            page.check(f"input[name=fields][value={name}]")
        page.fill("#reason", "Cấp lại thẻ do mất")
        self.press(page, "main button.btn-primary")

    def hand_back(self, page: Page) -> None:
        """Return what this person holds, or leave the queue."""
        page.goto(self.url + "/")
        if page.locator("#strip form:not([data-renew]) button").count():
            self.press(page, "#strip form:not([data-renew]) button")

    def lock(self, account: str) -> None:
        """IT locks an account, unless it is locked already."""
        page = self.window("vpt.cntt1")
        page.goto(f"{self.url}/accounts/{account}/lock")
        if page.locator("#reason").count():
            page.fill("#reason", "Nghi lộ mật khẩu")
            self.press(page, "main form button.btn-danger")

    def knock(self) -> None:
        """Somebody tries a password on an account that nobody holds, and it becomes a finding to look at."""
        host = {name: self.demo["offices"]["TDC"][name] for name in ("host", "port", "dbname")}
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(
                **host, user="tkcl_cjt_tdc", password=secrets.token_hex(8), connect_timeout=5
            ).close()
        page = self.window("vpt.cntt1")
        for _ in range(30):
            page.goto(f"{self.url}/findings/")
            if page.locator(FINDING).count():
                return
            page.wait_for_timeout(1000)

    def propose(self) -> None:
        """IT proposes that heads read the policy no more, unless a proposal waits already."""
        page = self.window("vpt.cntt1")
        text = (POLICIES / "console.policy.csv").read_text(encoding="utf-8")
        line = next(
            one for one in text.splitlines() if one.startswith("p, unit_head") and "policy:view" in one
        )
        allows = int(text.split("# end of policy: ")[1].split(" ")[0])
        fewer = text.replace(line + "\n", "").replace(f": {allows} allow", f": {allows - 1} allow")
        page.goto(f"{self.url}/policy/changes/propose")
        file = {"name": "console.policy.csv", "mimeType": "text/csv", "buffer": fewer.encode()}
        page.set_input_files("#files", files=[file])  # type: ignore[list-item]
        page.fill("#reason", "Theo công văn 12/BHXH-CNTT")
        self.press(page, "main form button.btn-primary")

    def walk(self, start: int, subject: str) -> None:
        """A clerk serves somebody, a second waits, a third corrects; `start` keeps dossier numbers of walks apart."""
        number = (f"CJT-2026-{n:06d}/CLT" for n in range(start, start + 9))
        self.take(self.window(), "", "sign-in")
        clerk, second, collector = map(self.window, ("cjt.the1", "cjt.the2", "cjt.thu1"))
        for page in (second, clerk, collector):
            self.hand_back(page)
        self.take(clerk, "clerk", "choose", "/desk/")
        self.take(clerk, "clerk", "borrow", "/desk/borrow/TKCL-CJT-DML")
        self.borrow(clerk, "TKCL-CJT-DML", "CJT-18-1", subject)
        self.take(clerk, "clerk", "refused")
        self.borrow(clerk, "TKCL-CJT-DML", next(number), subject)
        self.take(clerk, "clerk", "borrowed")
        self.press(clerk, "main button.btn-big")
        self.take(clerk, "", "desk")
        self.borrow(second, "TKCL-CJT-DML", next(number), subject)
        self.take(second, "clerk", "queue")
        self.borrow(collector, "TKHCTT-CJT-DML", next(number), subject, "full_name", "birth_date", "address")
        self.press(collector, "main button.btn-big")
        self.take(collector, "collection", "correct")
        head = self.window("cjt.gd")
        self.take(head, "head", "in-use", "/")
        head.goto(self.url + "/leases/")
        head.click("a[href$='/revoke'] >> nth=0")
        self.take(head, "head", "revoke")
        self.lock("TKCL-CJT-KNO")
        self.knock()
        self.propose()
        self.look_around()
        clerk.goto(self.url + "/desk/")
        self.press(clerk, "main button.btn-big")
        clerk.fill("#blank_serial", f"67A{start:07d}")
        self.press(clerk, "main button.btn-big")
        self.take(clerk, "clerk", "reissued")
        for page in (second, clerk, collector):
            self.hand_back(page)
        self.take(clerk, "clerk", "returned")

    def look_around(self) -> None:
        """The sections of every role, then the pages behind them, while accounts are in use."""
        for role, (username, sections) in LOOKERS.items():
            page = self.window(username)
            self.take(page, role, "start", "/")
            for section in sections:
                self.take(page, role, section, f"/{section}/")
        day = self.demo.get("day") or self.window("vpt.ktra1").evaluate(
            "new Date().toISOString().slice(0, 10)"
        )
        for role, name, address in DEEPER:
            self.take(self.window(LOOKERS[role][0]), role, name, address.format(day=day))
        for role, name, address, link in FIRST_OF:
            page = self.window(LOOKERS[role][0])
            page.goto(self.url + address)
            if (found := page.locator(link).first).count():
                here = str(found.get_attribute("href"))
                self.take(page, role, name, here + ("/approve" if name.endswith("approve") else ""))
            else:
                self.missing.append(f"{role}-{name}: no {link} at {address}")


def index(out: Path, taken: list[tuple[str, str]]) -> None:
    """README.md of the folder: every page by role, each picture a link."""
    heads = {
        "": "Everybody", "clerk": "Clerk", "collection": "Collection clerk", "custodian": "Custodian",
        "head": "Unit head", "it": "IT department", "auditor": "Auditor", "director": "Provincial director",
        "department": "Head of a department at the head office",
        "reception": "Reception",
    }  # fmt: skip
    lines = [
        "# Every page, in pictures",
        "",
        "Made by `scripts/screens.py` on a running demo; 1280 and 390 px.",
        "",
    ]
    for role, head in heads.items():
        lines += [
            f"## {head}",
            "",
            "| page | Tiếng Việt | 390 px | English | 390 px |",
            "|---|---|---|---|---|",
        ]
        for name in dict.fromkeys(name for of, name in taken if of == role):
            names = [f"{name}{mark}{size}.webp" for mark in ("", "-en") for size in SIZES]
            shown = zip(("wide", "narrow") * 2, names, strict=True)
            links = " | ".join(f"[{word}]({file})" if (out / file).exists() else "–" for word, file in shown)
            lines.append(f"| {name.removeprefix(role).strip('-')} | {links} |")
        lines.append("")
    (out / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def main() -> int:
    """A day in Vietnamese, and one in English."""
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
        missing: list[str] = []
        for turn, language in enumerate(("vi", "en")):
            album = Album(browser, demo, options.out, language)
            album.walk(options.start + turn * 10, options.subject)
            missing += album.missing
        browser.close()
    index(options.out, album.taken)
    for what in missing:
        print(f"no picture: {what}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
