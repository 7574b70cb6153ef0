"""The desk in normal life: the keyboard alone, two presses, two tabs, the back button, no network, time running out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from accessctl.domain.leases import EndReason
from accessctl.officedb import synthetic
from accessctl.services import closing, leasing
from tests.browser.conftest import Desk, OpenDesk
from tests.common.rules import set_rule
from tests.common.world import World

pytestmark = pytest.mark.browser

TKCL, TKHCTT = "TKCL-CJT-DML", "TKHCTT-CJT-DML"
DOSSIER = "CJT-2018-000001/CLT"
FIRST, FOURTH = synthetic.number("DML", 1), synthetic.number("DML", 4)
CLERK = "cjt.the1"


def reissues(world: World) -> int:
    with world.admin_office("DML") as admin:
        row = admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone()
    assert row is not None
    return int(row[0])


def focused(page: Page) -> str:
    """Where the keyboard is: the address of a link, the id of anything else."""
    return str(
        page.evaluate("(document.activeElement.getAttribute('href') || document.activeElement.id || '')")
    )


def at_work(desk: Desk, *, who: str = CLERK, dossier: str = DOSSIER) -> None:
    """Signed in, borrowed, the person looked up, everything typed but not sent."""
    desk.sign_in(who)
    desk.borrow(TKCL, dossier, FIRST)
    desk.press("main button.btn-big")
    expect(desk.page.locator(".person-name")).to_be_visible()
    desk.page.fill("#blank_serial", "67A0000301")


def test_S14_from_sign_in_to_return_with_the_keyboard_alone_as_a_reader_of_bar_codes_types(
    open_desk: OpenDesk, world: World
):
    desk = open_desk()
    desk.sign_in(CLERK, by_hand=True)
    keys, page = desk.page.keyboard, desk.page
    pressed = 0
    while focused(page) != "/desk/":
        keys.press("Tab")
        pressed += 1
        assert pressed < 15, "the desk is near"
    keys.press("Enter")
    expect(page.locator("#dossier")).to_be_focused()
    keys.type(DOSSIER.lower())
    keys.press("Enter")  # the reader of bar codes sends it
    expect(page.locator("a[data-pick]").first).to_be_focused()
    for _ in range(3):
        keys.press("d")
        if focused(page).startswith(f"/desk/borrow/{TKCL}"):
            break
    assert focused(page).startswith(f"/desk/borrow/{TKCL}"), (
        "a letter jumps to the next office that begins with it"
    )
    keys.press("Enter")
    expect(page.locator("#subject")).to_be_focused()
    keys.type(FIRST)
    keys.press("Enter")
    expect(page.locator("#reason")).to_be_focused()
    keys.type("Cấp lại thẻ do mất")
    keys.press("Enter")
    expect(page.locator("main button.btn-big")).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".person-name")).to_have_text(synthetic.person("DML", 1, 2018).full_name)
    expect(page.locator("input[value=MAT]")).to_be_checked()
    expect(page.locator("#blank_serial")).to_be_focused()
    keys.type("67a0000300")
    keys.press("Enter")
    expect(page.locator(".note.good")).to_contain_text("67A0000300")
    expect(page.locator(".note.good button")).to_be_focused()
    keys.press("Enter")
    page.wait_for_url("**/leases/*")
    expect(page.locator("main")).to_contain_text("Đã trả tài khoản.")
    keys.press("Enter")
    expect(page.locator("#dossier")).to_be_focused()
    assert (reissues(world), world.roles_with_login()) == (1, set())
    assert not desk.complaints


def test_a_double_click_on_each_button_of_the_desk_does_each_thing_once(open_desk: OpenDesk, world: World):
    desk = open_desk()
    at_work(desk)
    desk.page.dblclick("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_contain_text("Đã cấp lại thẻ.")
    desk.page.dblclick(".note.good button")
    desk.page.wait_for_url("**/leases/*")
    assert reissues(world) == 1
    assert [r["outcome"] for r in world.records("card.reissued")] == ["intent", "ok"]
    assert len(world.records("lease.closed")) == 1
    assert not [r for r in world.records() if r["outcome"] == "denied"]


def test_two_tabs_show_the_same_and_whichever_acts_the_other_follows(open_desk: OpenDesk, world: World):
    desk = open_desk()
    desk.sign_in(CLERK)
    second = desk.context.new_page()
    second.set_default_timeout(15_000)
    second.goto(desk.address + "/desk/")
    expect(second.locator("[data-picks]").first).to_be_visible()
    desk.borrow(TKCL, DOSSIER, FIRST)
    expect(second.locator("#strip")).to_contain_text(DOSSIER)
    expect(second.locator("h1")).to_have_text("Cấp lại thẻ BHYT")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".person-name")).to_be_visible()
    desk.page.fill("#blank_serial", "67A0000302")
    second.click(".strip-buttons .btn-primary")
    second.wait_for_url("**/leases/*")
    desk.page.wait_for_url("**/leases/*")  # the tab that returned it tells the other, which asks by itself
    expect(desk.page.locator("main")).to_contain_text("được giữ lại")
    assert (reissues(world), world.roles_with_login()) == (0, set())


def test_two_tabs_that_send_the_same_reissue_leave_one_record_and_both_say_so(
    open_desk: OpenDesk, world: World
):
    desk = open_desk()
    at_work(desk)
    second = desk.context.new_page()
    second.goto(desk.address + "/desk/")
    second.click("main button.btn-big")
    second.fill("#blank_serial", "67A0000301")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_contain_text("Đã cấp lại thẻ.")
    second.click("main button.btn-big")
    expect(second.locator(".note.good")).to_contain_text("đã được cấp lại từ trước")
    assert reissues(world) == 1


def test_the_back_button_brings_no_form_that_acts_on_another_dossier(open_desk: OpenDesk, world: World):
    desk = open_desk()
    at_work(desk)
    stale = desk.page.content()
    desk.press(".strip-buttons .btn-primary")
    desk.page.wait_for_url("**/leases/*")
    desk.page.evaluate("setTimeout(() => history.back())")
    desk.page.wait_for_timeout(500)
    assert not desk.page.locator(".person-name").count()
    desk.borrow(TKCL, "CJT-2018-000002/CLT", FOURTH)
    desk.page.set_content(stale)  # what a browser that kept the page would show
    desk.page.evaluate("setTimeout(() => document.querySelector('form[data-keep]').submit())")
    expect(desk.page.locator("main")).to_contain_text(f"của hồ sơ {DOSSIER}")
    assert reissues(world) == 0
    desk.page.click("main .btn-primary")
    expect(desk.page.locator("#strip")).to_contain_text("CJT-2018-000002/CLT")


def test_S31_without_a_network_nothing_is_sent_nothing_is_lost_and_the_retry_does_it_once(
    open_desk: OpenDesk, world: World
):
    desk = open_desk()
    at_work(desk)
    desk.context.set_offline(True)
    desk.page.click("main button.btn-big")
    note = desk.page.locator("[data-said]")
    expect(note).to_contain_text("Chưa có gì được gửi đi")
    expect(desk.page.locator("#blank_serial")).to_have_value("67A0000301")
    desk.page.dblclick("main button.btn-big")
    assert reissues(world) == 0
    desk.context.set_offline(False)
    expect(note).to_contain_text("Đã có mạng trở lại")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_contain_text("67A0000301")
    assert reissues(world) == 1


def test_S31_an_answer_that_never_comes_back_leaves_one_record_and_the_retry_says_so(
    open_desk: OpenDesk, world: World
):
    desk = open_desk()
    at_work(desk)

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)  # it reaches the server, and is carried out
        route.abort("connectionreset")

    desk.page.route("**/desk/reissue", lose)
    with desk.page.expect_event("requestfailed"):
        desk.page.click("main button.btn-big")
    desk.page.unroute("**/desk/reissue")
    assert reissues(world) == 1
    desk.go("/desk/")
    desk.press("main form[action='/desk/look'] button")
    expect(desk.page.locator("main")).to_contain_text("67A0000301")
    desk.page.fill("#blank_serial", "67A0000301")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_contain_text("đã được cấp lại từ trước")
    assert reissues(world) == 1


def test_S30_time_that_runs_out_takes_the_data_away_keeps_what_was_typed_and_gives_it_back(
    open_desk: OpenDesk, world: World
):
    desk = open_desk()
    desk.sign_in(CLERK)
    desk.borrow(TKCL, DOSSIER, FIRST)
    lease = leasing.current_lease(world.rt, world.actor(CLERK))
    assert lease is not None
    world.shift = timedelta(minutes=14, seconds=52)
    desk.press("main button.btn-big")
    expect(desk.page.locator(".person-name")).to_be_visible()
    desk.page.fill("#blank_serial", "67A0000303")
    desk.page.wait_for_url("**/leases/*", timeout=25_000)
    assert not desk.page.locator(".person-name").count()
    expect(desk.page.locator("main")).to_contain_text("được giữ lại")
    desk.is_sound()
    closing.close(world.rt, lease.lease, reason=EndReason.EXPIRED)  # the worker's part
    world.shift = timedelta()
    desk.page.click("main .note .btn-primary")
    expect(desk.page.locator("#dossier")).to_have_value(DOSSIER)
    expect(desk.page.locator("#subject")).to_have_value(FIRST)
    desk.press("main button.btn-primary")
    expect(desk.page.locator("main")).to_contain_text("được điền lại")
    desk.press("main button.btn-big")
    expect(desk.page.locator("#blank_serial")).to_have_value("67A0000303")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_contain_text("67A0000303")
    assert reissues(world) == 1


def test_S27_the_turn_takes_over_the_waiting_page_and_on_another_page_leaves_what_is_typed(
    open_desk: OpenDesk,
):
    first, second, third = open_desk(), open_desk(), open_desk()
    first.sign_in("cjt.the1")
    first.borrow(TKCL, DOSSIER, FIRST)
    second.sign_in("cjt.the2")
    second.borrow(TKCL, "CJT-2018-000002/CLT", FOURTH)
    expect(second.page.locator(".queue-number")).to_have_text("1")
    expect(second.page.locator(".helper")).to_contain_text("0900")
    second.go("/me/password")
    second.page.fill("#old", "dang nhap do")
    first.press(".strip-buttons .btn-primary")
    expect(second.page.locator(".strip-turn")).to_have_text("Đến lượt ông/bà", timeout=20_000)
    expect(second.page).to_have_title("● Đến lượt ông/bà · Đổi mật khẩu · accessctl")
    expect(second.page.locator("#old")).to_have_value("dang nhap do")
    assert third.complaints == []
    second.page.click(".strip-buttons a")
    expect(second.page.locator("h1")).to_have_text("Cấp lại thẻ BHYT")


def test_renewing_while_typing_changes_the_clock_and_nothing_else(open_desk: OpenDesk, world: World):
    desk = open_desk()
    at_work(desk)
    world.shift = timedelta(minutes=5)
    desk.page.click("form[data-renew] button")
    expect(desk.page.locator("form[data-renew]")).to_have_count(0)
    expect(desk.page.locator("#blank_serial")).to_have_value("67A0000301")
    expect(desk.page.locator(".person-name")).to_be_visible()
    assert len(world.records("lease.renewed")) == 1
    desk.is_sound()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_state_of_the_desk_is_accessible_and_fits(open_desk: OpenDesk, world: World, language: str):
    desk, it = open_desk(language=language), open_desk(language=language)
    it.sign_in("vpt.cntt1")
    desk.sign_in(CLERK)
    for address in ("/desk/", f"/desk/?dossier={DOSSIER}", "/desk/?dossier=x", f"/desk/borrow/{TKCL}"):
        desk.go(address)
        desk.is_sound()
    desk.borrow(TKCL, DOSSIER, FIRST)
    desk.is_sound()
    for address in ("/accounts/", f"/accounts/{TKCL}", f"/accounts/{TKCL}/lock", f"/accounts/{TKCL}/retire"):
        it.go(address)
        it.is_sound()
    it.go(f"/accounts/{TKCL}/lock")
    it.page.fill("#reason", "Nghi lộ mật khẩu")
    it.press("main form button.btn-danger")
    it.is_sound()
    desk.page.wait_for_url("**/leases/*", timeout=40_000)
    desk.is_sound()
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    desk.go("/desk/")
    desk.is_sound()
    desk.go(f"/desk/borrow/{TKCL}")
    desk.is_sound()
