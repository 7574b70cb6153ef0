"""Notices in Chromium: full and empty, wide and narrow, both languages: nothing that axe objects to."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from accessctl.domain.notices import NoticeKind
from accessctl.services import accounts, findings, leasing
from accessctl.services.control import transaction
from accessctl.services.notices import notify
from tests.browser.conftest import Desk, OpenDesk
from tests.common.postbox import deliver_all, free_port, postbox, switch_on
from tests.common.world import World

LONG = "Nguyễn Hoàng Phương Thảo Nguyên Công Tằng Tôn Nữ Thị Ngọc Quỳnh Như"


def picture(desk: Desk, name: str) -> None:
    """Kept where ACCESSCTL_PICTURES says, to be looked at."""
    folder = os.environ.get("ACCESSCTL_PICTURES")
    if folder:
        desk.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True, timeout=90_000)


def some_days(world: World) -> None:
    """What a custodian and IT may meet with."""
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    leasing.revoke_lease(world.rt, world.actor("cjt.gd"), lease.lease, "Kiểm tra")
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), "TKCL-CJT-KNO", "Nghi lộ mật khẩu")
        accounts.ask_unlock(world.rt, session, world.actor("cjt.gd"), "TKCL-CJT-KNO", "Đã kiểm tra")
        findings.raise_finding(
            world.rt, session, findings.Kind.SELF_CHANGE, key="x", severity=2, office="CJT"
        )
        about = {"account": "TKCL-CJT-GNG", "officer": LONG, "dossier": "CJT-2018-000007/CLT"}
        until = {"until": "2018-04-24T00:44:00Z"}
        custodian, it = world.actor("cjt.the2").id, world.actor("vpt.cntt1").id
        notify(world.rt, session, NoticeKind.CHECKOUT, to=[custodian, it], about=about | until)
        for number in range(4):
            dossier = f"CJT-2018-{number + 100:06d}/CLT"
            notify(
                world.rt,
                session,
                NoticeKind.CHECKOUT,
                to=[custodian],
                about=about | until | {"dossier": dossier},
            )


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_pages_of_the_notices_are_sound(world: World, open_desk: OpenDesk, language: str) -> None:
    switch_on(world, free_port())
    some_days(world)
    for _ in range(3):
        deliver_all(world)
        world.shift += timedelta(minutes=5)
    with postbox() as box:
        switch_on(world, box.port)
        box.refuse["cjt.the1@bhxh.example"] = "550 5.1.1 no such mailbox"
        deliver_all(world)
    switch_on(world, free_port())
    with transaction(world.rt) as session:
        notify(
            world.rt, session, NoticeKind.LEASE_REVOKED, to=[world.actor("cjt.gd").id],
            about={"account": "TKCL-CJT-DML", "dossier": "CJT-2018-000001/CLT"},
        )  # fmt: skip
    deliver_all(world)
    mark = language
    desk = open_desk(language=language)
    desk.page.goto(desk.address + "/sign-in")
    desk.sign_in("cjt.the2")
    picture(desk, f"bell-{mark}")
    desk.page.click("a.bell")
    expect(desk.page.locator("li.notice").first).to_be_visible()
    for name, address in (
        ("list", "/notices/"),
        ("none", "/notices/?kind=group:people&unread=1"),
        ("choose", "/notices/preferences"),
    ):
        desk.go(address)
        picture(desk, f"{name}-{mark}")
        desk.is_sound()
    desk.go("/notices/")
    desk.page.locator("li.notice h2 a").first.click()
    picture(desk, f"one-{mark}")
    desk.is_sound()
    it = open_desk(language=language)
    it.sign_in("vpt.cntt1")
    for name, address in (("it", "/notices/"), ("mail", "/notices/mail")):
        it.go(address)
        picture(it, f"{name}-{mark}")
        it.is_sound()
    empty = open_desk(language=language)
    empty.sign_in("dsg.tn1")
    empty.go("/notices/")
    picture(empty, f"empty-{mark}")
    empty.is_sound()


def test_the_bell_follows_by_itself_rests_while_hidden_and_stops_with_the_session(
    world: World, open_desk: OpenDesk
) -> None:
    with (
        world.admin_control() as admin
    ):  # the founding of the province has told some people something already
        admin.execute("UPDATE notice SET read_at = now()")
    desk = open_desk()
    asked: list[int] = []
    desk.page.on(
        "response", lambda answer: asked.append(answer.status) if "/notices/count" in answer.url else None
    )
    desk.page.clock.install()
    desk.sign_in("cjt.the2")
    desk.go("/help/")
    expect(desk.page).to_have_title(re.compile(r"^Trợ giúp"))
    with desk.page.expect_response("**/notices/count"):
        desk.page.clock.run_for(20_500)
    tell(world, "cjt.the2")
    with desk.page.expect_response("**/notices/count"):
        desk.page.clock.run_for(20_500)
    expect(desk.page.locator("#bell .bell-count")).to_have_text("1")
    expect(desk.page.locator("#bell-said")).to_have_text("Thông báo, 1 chưa đọc")
    expect(desk.page).to_have_title(re.compile(r"^\(1\) Trợ giúp"))
    desk.is_sound()
    assert asked == [304, 200]
    hide(desk, hidden=True)
    desk.page.clock.run_for(120_000)
    assert asked == [304, 200]
    with desk.page.expect_response("**/notices/count"):
        hide(desk, hidden=False)
    world.shift += timedelta(hours=1)
    with desk.page.expect_response("**/notices/count"):
        desk.page.clock.run_for(20_500)
    desk.page.clock.run_for(600_000)
    assert asked == [304, 200, 304, 401]


def tell(world: World, username: str) -> None:
    """One more notice for somebody."""
    about = {"account": "TKCL-CJT-GNG", "dossier": "CJT-2018-000001/CLT", "officer": LONG}
    with transaction(world.rt) as session:
        notify(world.rt, session, NoticeKind.CHECKOUT, to=[world.actor(username).id], about=about)


def hide(desk: Desk, *, hidden: bool) -> None:
    """Another window over this one, or this one on top again: what the browser tells the page then."""
    desk.page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )
