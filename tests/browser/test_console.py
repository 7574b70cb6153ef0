"""The console as people meet it: axe at 0, 390 px, both languages, with and without a script."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from accessctl.officedb import synthetic
from tests.browser.conftest import OpenDesk
from tests.common.world import World

pytestmark = pytest.mark.browser

TKCL, TKHCTT = "TKCL-CJT-DML", "TKHCTT-CJT-DML"
DOSSIER = "CJT-2018-000001/CLT"
FIRST, FOURTH = synthetic.number("DML", 1), synthetic.number("DML", 4)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_of_a_lease_is_accessible_and_fits(open_desk: OpenDesk, language: str):
    desk, other, head = (open_desk(language=language) for _ in range(3))
    desk.sign_in("cjt.the2", by_hand=True)
    desk.borrow(TKCL, "x", FIRST)
    expect(desk.page.locator(".note.bad")).to_be_visible()
    desk.is_sound()
    desk.borrow(TKCL, DOSSIER, FIRST)
    desk.is_sound()
    desk.press("main button.btn-big")
    desk.is_sound()
    other.sign_in("cjt.the1")
    other.borrow(TKCL, "CJT-2018-000002/CLT", FOURTH)
    expect(other.page.locator(".queue-number")).to_have_text("1")
    other.is_sound()
    desk.page.check("input[value=MAT]")
    desk.page.fill("#blank_serial", "67A0000200")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_be_visible()
    desk.is_sound()
    desk.go("/")
    desk.page.click(".person-menu summary")
    desk.is_sound()
    head.sign_in("cjt.gd")
    head.is_sound()
    head.go("/leases/")
    head.page.click("a[href$='/revoke'] >> nth=0")
    head.is_sound()
    desk.page.keyboard.press("Escape")
    desk.press(".strip-buttons .btn-primary")
    desk.page.wait_for_url("**/leases/*")
    desk.is_sound()


def test_the_pages_of_a_correction_are_accessible_and_fit(open_desk: OpenDesk):
    desk = open_desk()
    desk.sign_in("cjt.thu1")
    desk.borrow(TKHCTT, DOSSIER, FIRST, "full_name", "birth_date", "sex")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".compare-row")).to_have_count(3)
    desk.is_sound()
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.bad")).to_be_visible()
    desk.is_sound()


def test_S14_a_clerk_serves_a_person_without_a_script(open_desk: OpenDesk, world: World):
    desk = open_desk(scripts=False)
    desk.go("/sign-in")
    desk.page.fill("#username", "cjt.the2")
    desk.page.fill("#password", "Dak-Nong-01042018")
    desk.page.click("button.btn-primary")
    desk.page.click("nav a[href='/desk/']")
    desk.page.click(f"a[href$='{TKCL}']")
    desk.page.fill("#dossier", DOSSIER)
    desk.page.fill("#subject", FIRST)
    desk.page.fill("#reason", "Cấp lại thẻ do hỏng")
    desk.press("main button.btn-primary")
    expect(desk.page.locator(".strip-time")).to_contain_text("phút")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".person-name")).to_have_text(synthetic.person("DML", 1, 2018).full_name)
    desk.page.check("input[value=HONG]")
    desk.page.fill("#blank_serial", "67A0000201")
    desk.press("main button.btn-big")
    expect(desk.page.locator(".note.good")).to_contain_text("67A0000201")
    desk.press(".strip-buttons .btn-primary")
    expect(desk.page.locator("main")).to_contain_text("Đã trả tài khoản.")
    assert world.roles_with_login() == set()


def test_the_countdown_runs_by_the_servers_clock_and_turns_amber(open_desk: OpenDesk, world: World):
    desk = open_desk()
    desk.sign_in("cjt.the2")
    desk.borrow(TKCL, DOSSIER, FIRST)
    time = desk.page.locator(".strip-time")
    expect(time).to_have_text("còn 14:57")
    expect(time).to_have_text("còn 14:55")
    assert not desk.page.locator("#strip.low").count()
    world.shift = timedelta(minutes=13, seconds=30)
    desk.go("/")
    expect(desk.page.locator("#strip.low .strip-time")).to_contain_text("còn 1:")
    assert not desk.complaints


def test_S30_when_the_time_is_over_the_page_with_the_persons_data_goes_away_by_itself(
    open_desk: OpenDesk, world: World
):
    desk = open_desk()
    desk.sign_in("cjt.the2")
    desk.borrow(TKCL, DOSSIER, FIRST)
    world.shift = timedelta(minutes=14, seconds=53)
    desk.press("main button.btn-big")
    expect(desk.page.locator(".person-name")).to_be_visible()
    desk.page.wait_for_url("**/leases/*", timeout=20_000)
    assert not desk.page.locator(".person-name").count()


def test_S27_the_turn_in_the_queue_comes_without_touching_the_page(open_desk: OpenDesk):
    first, second = open_desk(), open_desk()
    first.sign_in("cjt.the1")
    first.borrow(TKCL, DOSSIER, FIRST)
    second.sign_in("cjt.the2")
    second.borrow(TKCL, "CJT-2018-000002/CLT", FOURTH)
    expect(second.page.locator(".queue-number")).to_have_text("1")
    first.press(".strip-buttons .btn-primary")
    expect(second.page.locator(".strip-time")).to_contain_text("còn 14:", timeout=15_000)
    expect(second.page.locator("h1")).to_have_text("Cấp lại thẻ BHYT")
    assert not second.complaints


def test_a_double_click_asks_once_and_Escape_goes_back(open_desk: OpenDesk, world: World):
    desk = open_desk()
    desk.sign_in("cjt.the2")
    desk.go(f"/desk/borrow/{TKCL}")
    desk.page.keyboard.press("Escape")
    desk.page.wait_for_url("**/desk/")
    desk.go(f"/desk/borrow/{TKCL}")
    desk.page.fill("#dossier", DOSSIER)
    desk.page.fill("#subject", FIRST)
    desk.page.fill("#reason", "Cấp lại thẻ do mất")
    desk.page.dblclick("main button.btn-primary")
    expect(desk.page.locator(".strip-time")).to_contain_text("còn")
    assert len(world.records("lease.checkout")) == 1
    assert not [r for r in world.records() if r["outcome"] == "denied"]


def test_the_back_button_after_a_return_shows_no_data_of_the_person(open_desk: OpenDesk):
    desk = open_desk()
    desk.sign_in("cjt.the2")
    desk.borrow(TKCL, DOSSIER, FIRST)
    desk.press("main button.btn-big")
    expect(desk.page.locator(".person-name")).to_be_visible()
    desk.press(".strip-buttons .btn-primary")
    desk.page.wait_for_url("**/leases/*")
    desk.page.evaluate("setTimeout(() => history.back())")
    desk.page.wait_for_timeout(800)
    assert not desk.page.locator(".person-name").count()


def test_a_dead_network_is_said_on_the_strip_and_so_is_its_return(open_desk: OpenDesk):
    first, second = open_desk(), open_desk()
    first.sign_in("cjt.the1")
    first.borrow(TKCL, DOSSIER, FIRST)
    second.sign_in("cjt.the2")
    second.borrow(TKCL, "CJT-2018-000002/CLT", FOURTH)
    second.context.set_offline(True)
    expect(second.page.locator(".strip-offline")).to_be_visible(timeout=15_000)
    second.context.set_offline(False)
    expect(second.page.locator(".strip-offline")).to_be_hidden(timeout=15_000)


def test_the_first_page_is_below_200_kB(open_desk: OpenDesk):
    desk = open_desk()
    sizes: list[int] = []
    desk.page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    desk.go("/sign-in")
    desk.page.wait_for_load_state("networkidle")
    desk.page.wait_for_timeout(300)
    assert 60_000 < sum(sizes) < 200_000


def test_the_contact_list_prints_without_the_frame(open_desk: OpenDesk):
    desk = open_desk()
    desk.sign_in("cjt.tn1")
    desk.go("/custodians/")
    desk.page.emulate_media(media="print")
    for part in (".topbar", ".side", ".foot", "[data-print]"):
        expect(desk.page.locator(part).first).to_be_hidden()
    expect(desk.page.locator(".only-print")).to_be_visible()
    expect(desk.page.locator("table.list").first.locator("tbody tr")).to_have_count(18)
