"""The pages of custodians: appointing, leave, lists, any past day, minutes – who may, who may not, and what is said."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from accessctl.clock import local
from accessctl.domain.accounts import Kind
from tests.common.custodians import appoint, contacts, custodian, end, time_passes
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

OFFICE = "/custodians/CJT"


def day(world: World, days: int = 0) -> str:
    return f"{local(world.now()) + timedelta(days=days):%d/%m/%Y}"


def links(visitor: Visitor) -> set[str]:
    return {a.get("href") for a in visitor.all("a")}


def send(visitor: Visitor, page: str, target: str, **fields: str):
    """Open the page, fill its hidden `seen`, send the form."""
    visitor.get(page)
    seen = [field.get("value") for field in visitor.all("input", name="seen")]
    return visitor.send(target, **({"seen": seen[0]} if seen and seen[0] else {}) | fields)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["cjt.tn1", "cjt.the2", "cjt.gd", "vpt.gd", "vpt.ktra1", "vpt.cntt1"])
def test_every_reading_page_is_open_to_everybody(reader: Visitor, person: str):
    reader.sign_in(person)
    for address in ("/custodians/", "/custodians/readiness", "/custodians/on", OFFICE, f"{OFFICE}/list",
                    "/rules/CJT/tkcl", "/approvals/"):  # fmt: skip
        assert reader.get(address).status_code == 200, address


def test_a_day_long_ago_and_a_day_that_is_none_are_answered_on_a_sound_page(reader: Visitor):
    reader.sign_in("vpt.ktra1")
    for day_ in ("01/01/2018", "nonsense"):
        assert reader.get(f"/custodians/on?day={day_}").status_code == 200
        look_over(reader)


def test_an_office_names_both_custodians_with_decision_and_date(reader: Visitor, quiet_world: World):
    reader.sign_in("dml.tn1")
    reader.get(OFFICE)
    words = reader.words()
    for kind in (Kind.TKCL, Kind.TKHCTT):
        assert contacts(quiet_world)["CJT", kind].full_name in words
    assert "01/QĐ-BHXH" in words
    assert "8 / 8 sẵn sàng" in words


def test_nothing_is_offered_to_a_stranger_and_by_function_at_the_province(reader: Visitor):
    for person, office, offered in [
        ("cjt.tn1", "CJT", set()),
        ("dml.gd", "CJT", set()),
        ("vpt.cntt1", "CJT", set()),
        ("vpt.ktra1", "CJT", set()),
        ("cjt.the2", "CJT", {"tkcl/substitute"}),
        (
            "cjt.gd",
            "CJT",
            {f"{k}/{act}" for k in ("tkcl", "tkhctt") for act in ("appoint", "end", "substitute")},
        ),
        (
            "vpt.gd",
            "CJT",
            {f"{k}/{act}" for k in ("tkcl", "tkhctt") for act in ("appoint", "end", "substitute")},
        ),
        ("vpt.tpcst", "VPT", {f"tkcl/{act}" for act in ("appoint", "end", "substitute")}),
        ("vpt.tpthu", "VPT", {f"tkhctt/{act}" for act in ("appoint", "end", "substitute")}),
    ]:
        reader.client.delete_cookie("accessctl")
        reader.sign_in(person)
        reader.get(f"/custodians/{office}")
        base = f"/custodians/{office}/"
        acts = {link.removeprefix(base) for link in links(reader) if link and link.startswith(base)}
        assert acts - {"list"} == offered, person


def test_addresses_of_offices_kinds_and_numbers_that_do_not_exist_are_not_found(reader: Visitor):
    reader.sign_in("cjt.gd")
    for address in (
        "/custodians/XYZ",
        "/custodians/XYZ/list",
        "/custodians/CJT/other/appoint",
        "/custodians/handover/999999",
        "/custodians/handover/x",
        "/custodians/substitution/999999",
        "/custodians/contacts.exe",
        "/rules/XYZ/tkcl",
        "/rules/CJT/local_cl",
        "/approvals/999999",
        "/approvals/" + "9" * 50,
    ):
        assert reader.get(address).status_code == 404, address


# --- appointing, ending ---------------------------------------------------------------------------


def test_S12_the_head_replaces_the_custodian_on_the_page_and_prints_the_minutes(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.gd")
    page = f"{OFFICE}/tkcl/appoint"
    visitor.get(page)
    look_over(visitor)
    radios = {r.get("value") for r in visitor.all("input", type="radio")}
    assert radios == {"cjt.the1", "cjt.phoi1"}, "only who may be appointed can be chosen"
    assert "Không thuộc đúng bộ phận" in visitor.words()
    assert "Đang là cán bộ quản lý" in visitor.words()
    send(visitor, page, page, officer="cjt.the1", decision_no="12/QĐ-BHXH", since=day(world))
    assert visitor.path == OFFICE
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the1"
    look_over(visitor)
    with world.admin_control() as admin:
        taken = admin.execute("SELECT max(id) FROM custody").fetchone()
    assert taken is not None
    sheet = f"/custodians/handover/{taken[0]}"
    assert sheet in links(visitor)
    visitor.get(sheet)
    look_over(visitor)
    assert "BIÊN BẢN" in visitor.words()
    assert visitor.words().count("TKCL · Cư Jút →") == 8


def test_a_form_sent_twice_or_from_an_old_page_changes_nothing_more(
    visitor: Visitor, another: Visitor, world: World
):
    page, words = f"{OFFICE}/tkcl/appoint", {"decision_no": "12/QĐ", "since": day(world)}
    for one, who in ((visitor, "cjt.gd"), (another, "vpt.gd")):
        one.sign_in(who)
        one.get(page)
    seen = visitor.all("input", name="seen")[0].get("value")
    assert visitor.send(page, officer="cjt.the1", seen=seen, **words).status_code == 200
    again = visitor.send(page, officer="cjt.the1", seen=seen, **words)
    assert again.status_code in (403, 409)
    late = another.send(page, officer="cjt.the2", seen=seen, **words)
    assert late.status_code == 409
    assert "vừa được thay đổi" in another.words()
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the1"
    assert len(world.records("custodian.assigned")) == 19


def test_what_was_typed_stays_when_the_form_is_refused(visitor: Visitor, world: World):
    visitor.sign_in("cjt.gd")
    page = f"{OFFICE}/tkcl/appoint"
    for words in ({"since": "31/02/2026"}, {"since": "x"}, {"since": day(world), "decision_no": "  "}):
        answer = send(visitor, page, page, **{"officer": "cjt.the1", "decision_no": "12/QĐ-BHXH"} | words)
        assert answer.status_code == 422
        assert visitor.all("input", name="since")[0].get("value") == words["since"]
        assert visitor.all("input", value="cjt.the1")[0].get("checked") is not None
        look_over(visitor)
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the2"


def test_S10_the_end_spells_out_what_it_does_and_then_does_it(visitor: Visitor, world: World):
    world.lend("cjt.the1", "TKCL-CJT-DML")
    world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    visitor.sign_in("cjt.gd")
    page = f"{OFFICE}/tkcl/end"
    visitor.get(page)
    look_over(visitor)
    assert "8 tài khoản sẽ tạm ngừng, 1 phiên sẽ bị ngắt, 1 người trong hàng chờ" in visitor.words()
    assert send(visitor, page, page, reason="").status_code == 422
    send(visitor, page, page, reason="13/QĐ-BHXH")
    assert visitor.path == OFFICE
    look_over(visitor)
    assert "8 tài khoản tạm ngừng sử dụng" in visitor.words()
    visitor.get("/custodians/readiness")
    look_over(visitor)
    assert "1 vị trí chưa có người chịu trách nhiệm" in visitor.words()
    assert "8 / 16" in visitor.words("table")
    visitor.get("/custodians/")
    assert "chưa có" in visitor.words("table")
    assert visitor.get(page).status_code == 404


def test_R30_nobody_but_the_head_reaches_the_forms_or_sends_them(visitor: Visitor, world: World):
    for person in ("cjt.the1", "cjt.the2", "cjt.tn1", "dml.gd", "vpt.cntt1", "vpt.ktra1", "vpt.pgd"):
        visitor.client.delete_cookie("accessctl")
        visitor.sign_in(person)
        for page in (f"{OFFICE}/tkcl/appoint", f"{OFFICE}/tkcl/end"):
            assert visitor.get(page).status_code == 403, (person, page)
            assert visitor.send(
                page, officer="cjt.the1", decision_no="x", since=day(world), reason="x"
            ).status_code in (
                403,
                409,
            )
        assert visitor.send(f"{OFFICE}/tkcl/substitute/order", officer="cjt.the1").status_code in (403, 422)
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the2"
    assert len(world.records("custodian.assigned")) == 18


def test_R33_the_custodian_acknowledges_on_the_own_page(visitor: Visitor, another: Visitor, world: World):
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1")
    another.sign_in("cjt.gd")
    another.get(OFFICE)
    assert "chưa xác nhận" in another.words()
    assert another.send(f"{OFFICE}/tkcl/acknowledge").status_code == 403
    visitor.sign_in("cjt.the1")
    visitor.get("/custodians/mine")
    assert visitor.path == OFFICE
    visitor.send(f"{OFFICE}/tkcl/acknowledge")
    assert contacts(world)["CJT", Kind.TKCL].acknowledged
    assert not [f for f in visitor.all("form") if f.get("action") == f"{OFFICE}/tkcl/acknowledge"]


def test_a_late_acknowledgement_and_a_near_gap_are_shown_with_their_effect(visitor: Visitor, world: World):
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1", until=world.now() + timedelta(days=9))
    visitor.sign_in("cjt.gd")
    world.shift += timedelta(days=6)
    visitor.sign_in("cjt.gd")
    visitor.get(OFFICE)
    look_over(visitor)
    assert "Quá một ngày làm việc mà chưa xác nhận" in visitor.words()
    assert "chưa có người kế tiếp. Từ đó 8 tài khoản sẽ tạm ngừng" in visitor.words()
    visitor.get("/custodians/readiness")
    assert "chậm xác nhận" in visitor.words("table")


def test_a_planned_assignment_is_listed_and_can_be_called_off(visitor: Visitor, world: World):
    visitor.sign_in("cjt.gd")
    page = f"{OFFICE}/tkcl/appoint"
    send(visitor, page, page, officer="cjt.the1", decision_no="14/QĐ", since=day(world, 3))
    assert "Phân công sắp có hiệu lực" in visitor.words()
    look_over(visitor)
    (form,) = [f for f in visitor.all("form") if "/planned/" in (f.get("action") or "")]
    visitor.send(form.get("action"), reason="Thay đổi nhân sự")
    assert "Phân công sắp có hiệu lực" not in visitor.words()
    assert contacts(world)["CJT", Kind.TKCL].until is None


# --- S09: leave -----------------------------------------------------------------------------------


def test_S09_from_the_custodians_proposal_to_the_heads_decision(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    page = f"{OFFICE}/tkcl/substitute"
    visitor.get(page)
    look_over(visitor)
    assert not visitor.all("input", name="decision_no")
    words = {"officer": "cjt.the1", "first": day(world, 1), "last": day(world, 3), "reason": "Nghỉ phép"}
    assert visitor.send(page, **words | {"last": day(world, -3)}).status_code == 422
    assert visitor.all("input", name="reason")[0].get("value") == "Nghỉ phép"
    visitor.get(page)
    visitor.send(page, **words)
    assert "Chờ thủ trưởng quyết định" in visitor.words()
    (target,) = {link for link in links(visitor) if link and "/substitution/" in link}
    assert visitor.get(target).status_code == 200
    look_over(visitor)
    assert visitor.send(f"{target}/give", words="x").status_code == 403
    another.sign_in("cjt.gd")
    another.get(target)
    look_over(another)
    assert "Nghỉ phép" in another.words()
    another.send(f"{target}/give", words="15/QĐ-BHXH")
    assert "Sắp đến" in another.words()
    time_passes(world, hours=30)
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the1"
    another.sign_in("cjt.gd")
    another.get(target)
    another.send(f"{target}/end", reason="Đã trở lại")
    assert custodian(world, "CJT", Kind.TKCL) == "cjt.the2"


def test_S09_the_reason_of_a_leave_is_not_for_other_offices(visitor: Visitor, another: Visitor, world: World):
    visitor.sign_in("cjt.gd")
    page = f"{OFFICE}/tkcl/substitute"
    visitor.get(page)
    words = {"officer": "cjt.the1", "first": day(world, 1), "last": day(world, 3), "reason": "Nằm viện"}
    visitor.send(f"{page}/order", decision_no="16/QĐ", **words)
    (target,) = {link for link in links(visitor) if link and "/substitution/" in link}
    another.sign_in("dml.gd")
    another.get(target)
    assert "Nằm viện" not in another.words()
    assert "16/QĐ" in another.words()


# --- R34: the list --------------------------------------------------------------------------------


def test_R34_the_head_of_another_office_acknowledges_all_lists_and_the_first_sees_who_and_when(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("dml.gd")
    visitor.get("/custodians/")
    offered = [field.get("value") for field in visitor.all("input", name="read")]
    assert len(offered) == 8
    visitor.send("/custodians/read", read=offered)
    assert "Đã xác nhận 8 danh sách" in visitor.words()
    assert not visitor.all("input", name="read")
    another.sign_in("cjt.gd")
    another.get(f"{OFFICE}/list")
    look_over(another)
    assert "Xác nhận đã xem: 1 / 8 đơn vị" in another.words()
    assert world.actor("dml.gd").full_name in another.words()
    seen = another.all("input", name="seen")[0].get("value")
    another.send(f"{OFFICE}/list/publish", seen=seen)
    assert "Xác nhận đã xem: 0 / 8 đơn vị" in another.words()
    visitor.get("/custodians/")
    assert len(visitor.all("input", name="read")) == 1


def test_R34_a_list_that_changed_meanwhile_is_not_acknowledged_unread(visitor: Visitor, world: World):
    visitor.sign_in("dml.gd")
    visitor.get("/custodians/")
    offered = [field.get("value") for field in visitor.all("input", name="read")]
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    answer = visitor.send("/custodians/read", read=offered)
    assert answer.status_code == 409
    assert world.records("contactlist.read") == []


def test_R34_a_clerk_is_offered_no_receipt_and_gives_none(visitor: Visitor, world: World):
    visitor.sign_in("dml.the1")
    visitor.get("/custodians/")
    assert not visitor.all("input", name="read")
    assert visitor.send("/custodians/read", read="CJT:2").status_code == 403
    assert visitor.send(f"{OFFICE}/list/publish", seen="2").status_code == 403


def test_R34_a_head_names_who_reads_for_a_department_and_the_publisher_sees_who_has_not(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("vpt.tpcst")
    visitor.get("/custodians/")
    assert visitor.all("a", href="/custodians/readers")
    visitor.get("/custodians/readers")
    look_over(visitor)
    assert len(visitor.all("select", name="officer")) == 3  # Collection has a head, who names
    visitor.send("/custodians/readers/TNTKQ", officer="vpt.tn1", seen="0")
    assert "Đã lưu" in visitor.words()
    assert visitor.send("/custodians/readers/THU", officer="vpt.thu1", seen="0").status_code == 403
    assert visitor.send("/custodians/readers/TNTKQ", officer="", seen="0").status_code == 409
    another.sign_in("vpt.tn1")
    another.get("/custodians/")
    look_over(another)
    offered = [field.get("value") for field in another.all("input", name="read")]
    assert len(offered) == 9
    another.send("/custodians/read", read=offered)
    assert not another.all("input", name="read")
    visitor.sign_in("cjt.gd")
    assert visitor.get("/custodians/readers").status_code == 403
    visitor.get(f"{OFFICE}/list")
    look_over(visitor)
    assert "Các phòng của BHXH tỉnh: 1 / 4 phòng" in visitor.words()
    assert world.actor("vpt.tn1").full_name in visitor.words()
    assert visitor.words().count("chưa cử người xác nhận") == 2


def test_R34_the_list_as_csv_opens_in_a_spreadsheet_and_as_vcard_in_an_address_book(
    visitor: Visitor, world: World
):
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET title = '=HYPERLINK(\"http://x\")' WHERE username = 'cjt.the2'")
    visitor.sign_in("cjt.tn1")
    answer = visitor.get("/custodians/contacts.csv")
    assert answer.mimetype == "text/csv"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert (len(rows), len(rows[0])) == (19, 8)
    assert rows[0][:3] == ["STT", "Đơn vị", "Họ và tên"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    cards = visitor.get("/custodians/contacts.vcf")
    assert cards.mimetype == "text/vcard"
    assert cards.text.count("BEGIN:VCARD\r\n") == 18
    assert "attachment" in cards.headers["Content-Disposition"]


# --- any past day ---------------------------------------------------------------------------------


def test_who_answered_on_a_day_is_shown_with_gaps(visitor: Visitor, world: World):
    name = contacts(world)["CJT", Kind.TKCL].full_name
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    visitor.sign_in("cjt.tn1")
    visitor.get(f"/custodians/on?day={day(world)}")
    look_over(visitor)
    rows = [r for r in visitor.all("tbody")[0].findall(f"{XHTML}tr") if "Cư Jút" in "".join(r.itertext())]
    assert name in "".join(rows[0].itertext())
    assert "có lúc không có ai" in "".join(rows[0].itertext())
    visitor.get("/custodians/on?day=01/01/2010")
    assert visitor.words("table").count("không có ai") == 18
