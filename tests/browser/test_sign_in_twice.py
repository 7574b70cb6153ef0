"""The second factor and a kept form in a real browser: keyboard only, no axe violation, nothing sent by itself."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from accessctl.services import signin
from accessctl.services.control import transaction
from tests.browser.conftest import Desk
from tests.common.sign_in import Phone, enrolled
from tests.common.world import PASSWORD, World


def at_the_code(desk: Desk, username: str) -> None:
    desk.go("/sign-in")
    desk.page.keyboard.type(username)
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.type(PASSWORD)
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("#code")).to_be_focused()


def test_a_person_sets_the_factor_up_and_signs_in_with_it_by_keyboard(
    open_desk: Callable[..., Desk], world: World
) -> None:
    desk = open_desk()
    desk.sign_in("cjt.the2", by_hand=True)
    desk.go("/me/second-factor")
    desk.is_sound()
    phone = Phone(world, desk.page.inner_text(".setup-key").replace(" ", ""))
    expect(desk.page.locator("#code")).to_be_focused()
    desk.page.keyboard.type(phone.code())
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator(".recovery-codes li")).to_have_count(10)
    desk.is_sound()
    another = open_desk()
    at_the_code(another, "cjt.the2")
    another.is_sound()
    another.page.keyboard.type(phone.code(8))
    another.page.keyboard.press("Enter")
    expect(another.page.locator("#refused")).to_contain_text("Đồng hồ lệch")
    another.is_sound()
    expect(another.page.locator("#code")).to_be_focused()
    another.page.keyboard.type(phone.code(1))
    another.page.keyboard.press("Enter")
    expect(another.page.locator("h1")).to_contain_text("Kính chào")


def test_it_looks_after_another_and_the_link_is_used_on_a_telephone(
    open_desk: Callable[..., Desk], world: World
) -> None:
    enrolled(world, "cjt.the2")
    desk = open_desk()
    desk.sign_in("vpt.cntt1", by_hand=True)
    desk.go("/resets/cjt.the2")
    desk.is_sound()
    desk.page.check("input[value=second_factor]")
    desk.page.fill("#reset-reason", "Mất điện thoại")
    desk.page.keyboard.press("Enter")
    link = desk.page.inner_text("#secret")
    desk.is_sound()
    person = open_desk(width=390)
    person.page.goto(link)
    person.is_sound()
    person.page.click("button.btn-danger")
    expect(person.page.locator(".note.good")).to_contain_text("Đã gỡ")


def test_a_form_whose_session_ended_comes_back_with_every_control_filled(
    open_desk: Callable[..., Desk], world: World
) -> None:
    desk = open_desk()
    desk.sign_in("cjt.thu1", by_hand=True)
    desk.go("/desk/borrow/TKHCTT-CJT-DML")
    desk.page.fill("#dossier", "CJT-2018-000007/CLT")
    desk.page.fill("#subject", "6799000001")
    desk.page.check("input[name=fields][value=address]")
    desk.page.fill("#reason", "Sửa địa chỉ theo hồ sơ")
    with transaction(world.rt) as session:
        signin.end_sessions(world.rt, session, world.actor("cjt.thu1").id)
    desk.page.click("main button.btn-primary")
    expect(desk.page.locator("#username")).to_be_visible()
    desk.page.fill("#username", "cjt.thu1")
    desk.page.fill("#password", PASSWORD)
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("#dossier")).to_have_value("CJT-2018-000007/CLT")
    expect(desk.page.locator("#reason")).to_have_value("Sửa địa chỉ theo hồ sơ")
    expect(desk.page.locator("input[name=fields][value=address]")).to_be_checked()
    expect(desk.page.locator("input[name=fields][value=full_name]")).not_to_be_checked()
    desk.is_sound()
    assert world.records("lease.requested") == []
