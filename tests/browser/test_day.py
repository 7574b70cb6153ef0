"""A day of seven people, each at the own window at the same time: what one does, the others see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect

from accessctl.clock import local
from accessctl.officedb import synthetic
from tests.browser.conftest import Desk, OpenDesk
from tests.common.custodians import time_passes
from tests.common.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("day")]

TKCL, TKHCTT = "TKCL-CJT-DML", "TKHCTT-CJT-DML"
FIRST, FOURTH = synthetic.number("DML", 1), synthetic.number("DML", 4)
REISSUED, SECOND, CORRECTED = (f"CJT-2018-{number:06d}/CLT" for number in (41, 42, 43))
CARD, COLLECTION, CUSTODIAN = "Lê Thị Ngọc Diệp", "Võ Thị Thu Thủy", "Trần Đức Minh"


@dataclass
class House:
    """Everybody's window, all open from morning to evening."""

    card: Desk
    collection: Desk
    custodian: Desk
    head: Desk
    it: Desk
    auditor: Desk
    director: Desk


PEOPLE = {
    "card": "cjt.the1",
    "collection": "cjt.thu1",
    "custodian": "cjt.the2",
    "head": "cjt.gd",
    "it": "vpt.cntt1",
    "auditor": "vpt.ktra1",
    "director": "vpt.gd",
}


@pytest.fixture
def house(open_desk: OpenDesk) -> Iterator[House]:
    """Seven browser contexts, signed in; at the end no browser has complained about anything."""
    made = {part: open_desk() for part in PEOPLE}
    for part, username in PEOPLE.items():
        made[part].sign_in(username, by_hand=True)
    yield House(**made)
    assert {part: desk.complaints for part, desk in made.items() if desk.complaints} == {}


def reads(desk: Desk, address: str, *words: str, where: str = "main") -> None:
    """The person opens this page and finds these words."""
    desk.go(address)
    for word in words:
        expect(desk.page.locator(where).first).to_contain_text(word)


def is_told(desk: Desk, *words: str) -> None:
    """There is a number at the bell, and the newest notices say this."""
    reads(desk, "/notices/", *words)
    expect(desk.page.locator(".bell-count")).to_be_visible()


def test_a_day_of_seven_people_at_once_in_which_each_sees_what_the_others_do(house: House, world: World):
    a_clerk_borrows_and_the_custodian_the_head_and_the_director_see_it(house)
    the_next_in_the_queue_gets_the_turn_and_the_head_hears_that_it_is_the_custodian(house, world)
    IT_locks_in_the_middle_of_the_work_and_unlocks_at_the_heads_word(house, world)
    the_custodian_sets_a_rule_and_gives_one_leave_from_it(house, world)
    the_head_appoints_another_and_ends_a_third_whom_the_director_misses(house, world)
    the_auditor_finds_every_step_of_the_others(house, world)


def a_clerk_borrows_and_the_custodian_the_head_and_the_director_see_it(house: House) -> None:
    house.director.go("/matrix/")
    cell = house.director.page.locator("#x-CJT-DML")
    expect(cell).not_to_contain_text("đến")
    house.card.borrow(TKCL, REISSUED, FIRST)
    expect(cell).to_contain_text("đến", timeout=5_000)  # nobody touched the director's page
    reads(house.custodian, "/", CARD, REISSUED, where=".users")
    is_told(house.custodian, CARD, REISSUED)
    reads(house.head, "/leases/", CARD, REISSUED)
    reads(house.it, f"/accounts/{TKCL}", "Đang sử dụng")


def the_next_in_the_queue_gets_the_turn_and_the_head_hears_that_it_is_the_custodian(
    house: House, world: World
) -> None:
    house.custodian.borrow(TKCL, SECOND, FOURTH)
    expect(house.custodian.page.locator(".queue-number")).to_have_text("1")
    reads(house.head, "/", CUSTODIAN, SECOND, where=".waiting")
    house.card.press("main button.btn-big")
    expect(house.card.page.locator(".person-name")).to_be_visible()
    house.card.page.fill("#blank_serial", "67A0000401")
    house.card.press("main button.btn-big")
    expect(house.card.page.locator(".note.good")).to_contain_text("67A0000401")
    house.card.press(".note.good button")
    expect(house.custodian.page.locator(".strip-time")).to_contain_text("còn 14:")
    is_told(house.head, CUSTODIAN)
    house.custodian.press(".strip-buttons .btn-primary")
    house.custodian.page.wait_for_url("**/leases/*")
    assert world.roles_with_login() == set()


def IT_locks_in_the_middle_of_the_work_and_unlocks_at_the_heads_word(house: House, world: World) -> None:
    house.collection.borrow(TKHCTT, CORRECTED, FIRST, "full_name")
    expect(house.collection.page.locator("#strip")).to_contain_text(CORRECTED)
    reads(house.it, f"/accounts/{TKHCTT}/lock", f"1 phiên đang mở sẽ bị ngắt: {COLLECTION}")
    house.it.page.fill("#reason", "Nghi lộ mật khẩu")
    house.it.press("main form button.btn-danger")
    assert world.roles_with_login() == set()
    house.collection.go("/desk/")
    expect(house.collection.page.locator("#strip")).to_have_count(0)
    house.collection.borrow(TKHCTT, CORRECTED, FIRST, "full_name")
    expect(house.collection.page.locator("main")).to_contain_text("khóa")
    is_told(house.head, "TKHCTT · Cư Jút → Đắk Mil", "khóa")
    house.head.go(f"/accounts/{TKHCTT}/ask-unlock")
    house.head.page.fill("#reason", "Đã kiểm tra, không lộ")
    house.head.press("main form button.btn-primary")
    is_told(house.it, "mở khóa")
    reads(house.it, f"/accounts/{TKHCTT}/unlock", "Trịnh Văn Cường")
    house.it.page.fill("#reason", "Đã đổi thông tin đăng nhập")
    house.it.press("main form button.btn-primary")
    house.collection.borrow(TKHCTT, CORRECTED, FIRST, "full_name")
    house.collection.press("main button.btn-big")
    house.collection.page.fill("#full_name", "Nguyễn Thị Đổi Tên")
    house.collection.press("main button.btn-big")
    expect(house.collection.page.locator(".note.good")).to_be_visible()
    house.collection.press(".strip-buttons .btn-primary")
    house.collection.page.wait_for_url("**/leases/*")


def the_custodian_sets_a_rule_and_gives_one_leave_from_it(house: House, world: World) -> None:
    house.custodian.go("/rules/CJT/tkcl/edit")
    house.custodian.page.check("input[name=who][value=some]")
    house.custodian.page.check("input[name=officers][value='cjt.the2']")
    house.custodian.press("main form button.btn-primary")
    house.card.borrow(TKCL, SECOND, FOURTH)
    house.card.page.click("main a[href*='/approvals/ask']")
    house.card.page.fill("#reason", "Người dân đang chờ tại quầy")
    house.card.press("main form button.btn-primary")
    expect(house.card.page.locator("main")).to_contain_text("Chờ phê duyệt")
    asked = house.card.page.url
    reads(house.custodian, "/", "1 đề nghị nhận tài khoản ngoài quy tắc")
    house.custodian.page.goto(asked)
    expect(house.custodian.page.locator("main")).to_contain_text("Người dân đang chờ tại quầy")
    house.custodian.press("main form[action$='/give'] button")
    house.card.borrow(TKCL, SECOND, FOURTH)
    expect(house.card.page.locator("#strip")).to_contain_text(SECOND)
    house.card.press(".strip-buttons .btn-primary")
    house.card.page.wait_for_url("**/leases/*")
    assert [r["actor"] for r in world.records("approval.used")] == ["cjt.the1"]


def the_head_appoints_another_and_ends_a_third_whom_the_director_misses(house: House, world: World) -> None:
    house.head.go("/custodians/CJT/tkcl/appoint")
    house.head.page.check("input[name=officer][value='cjt.the1']")
    house.head.page.fill("#decision_no", "12/QĐ-BHXH")
    house.head.page.fill("#since", f"{local(world.now()):%d/%m/%Y}")
    house.head.press("main form button.btn-primary")
    reads(house.card, "/", "Ông/bà được phân công quản lý TKCL")
    house.card.go("/custodians/mine")
    house.card.press("main form[action$='/acknowledge'] button")
    reads(house.custodian, "/custodians/", CARD, where="main table.list")
    expect(house.custodian.page.locator("main table.list").first).not_to_contain_text(CUSTODIAN)
    house.head.go("/custodians/CJT/tkhctt/end")
    house.head.page.fill("#reason", "13/QĐ-BHXH")
    house.head.press("main form button.btn-danger")
    time_passes(world, minutes=2)  # the worker's part
    house.collection.borrow(TKHCTT, CORRECTED, FIRST, "full_name")
    expect(house.collection.page.locator("main")).to_contain_text("cán bộ quản lý")
    expect(house.collection.page.locator("#strip")).to_have_count(0)
    reads(house.director, "/", "Đơn vị chưa có cán bộ quản lý tài khoản")
    house.director.go("/findings/")
    house.director.page.locator("main table a").first.click()
    finding = house.director.page.url
    house.head.page.goto(finding)
    house.head.press("main form[action$='/take'] button")
    house.director.page.reload()
    expect(house.director.page.locator("main")).to_contain_text("Trịnh Văn Cường")


def the_auditor_finds_every_step_of_the_others(house: House, world: World) -> None:
    world.settle()
    page = house.auditor.page
    for dossier, people in {REISSUED: (CARD,), SECOND: (CUSTODIAN, CARD), CORRECTED: (COLLECTION,)}.items():
        reads(house.auditor, f"/journal/?dossier={dossier}", *people, where="table.list")
    house.auditor.go(f"/journal/?dossier={REISSUED}&event=card.reissued")
    page.get_by_role("link", name=re.compile("^số ")).first.click()
    expect(page.locator("main")).to_contain_text("Bản ghi này còn nguyên vẹn")
    expect(page.locator("main")).to_contain_text(CARD)
    for event, who in {"account.locked": "Ngô Đức Anh", "custodian.assigned": "Trịnh Văn Cường"}.items():
        reads(house.auditor, f"/journal/?event={event}&office=CJT", who, where="table.list")
    reads(house.auditor, "/findings/", "Trịnh Văn Cường")
