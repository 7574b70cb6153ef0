"""The pages of the accounts: list, file, one account, each act with its consequence; who may and who may not."""

from __future__ import annotations

import io

import openpyxl
import pytest

from accessctl.services import leasing
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_desk import borrow, return_form
from tests.web.test_pages import look_over

ACCOUNT = "TKCL-CJT-DML"
PAGE = f"/accounts/{ACCOUNT}"
ACTS = ("lock", "ask-unlock", "unlock", "rotate", "retire")


def send(visitor: Visitor, act: str, reason: str = "Nghi lộ mật khẩu", **more: str) -> int:
    """Open the page of an act and send its form, as a person does."""
    visitor.get(f"{PAGE}/{act}")
    (seen,) = visitor.all("input", name="seen")
    return visitor.send(f"{PAGE}/{act}", reason=reason, seen=seen.get("value"), **more).status_code


def state(world: World) -> str:
    with world.admin_control() as admin:
        row = admin.execute("SELECT state FROM account WHERE name = %s", (ACCOUNT,)).fetchone()
    assert row is not None
    return str(row[0])


def test_filters_that_mean_nothing_show_a_sound_list(visitor: Visitor):
    visitor.sign_in("vpt.cntt1")
    for address in ("?gap=y", "?kind=local&state=ACTIVE&sort=state&page=2", "?kind=x&page=-1&sort=zzz"):
        assert visitor.get(f"/accounts/{address}").status_code == 200, address
        look_over(visitor)


def test_the_matrix_leads_to_the_account_and_the_account_back(visitor: Visitor, world: World):
    visitor.sign_in("cjt.tn1")
    visitor.get("/matrix/")
    assert visitor.all("a", href=PAGE)
    visitor.get(PAGE)
    assert visitor.all("a", href="/matrix/?kind=TKCL")
    assert visitor.all("a", href="/accounts/")
    assert "TKCL · Cư Jút → Đắk Mil" in visitor.words("h1")
    assert not [a for a in visitor.all("a") if a.get("href", "").startswith(PAGE + "/")]


def test_an_account_in_use_tells_holder_dossier_queue_rights_custodian_and_history(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the1")
    borrow(another)
    lease = leasing.current_lease(world.rt, world.actor("cjt.the1"))
    assert lease is not None
    waiting = world.lend("cjt.the2", ACCOUNT, number=2, client=False)
    world.settle()
    visitor.sign_in("cjt.gd")
    visitor.get(PAGE)
    page = visitor.words()
    assert "Đang sử dụng" in page
    assert "Lê Thị Ngọc Diệp" in page
    assert visitor.all("a", href=f"/leases/{lease.lease}")
    assert visitor.all("a", href=f"/leases/{waiting.lease}")
    assert "Cấp lại thẻ BHYT" in page
    assert "GRANT EXECUTE ON FUNCTION bhyt.view_reissue(text) TO tkcl;" in visitor.words("pre")
    assert "Trần Đức Minh" in visitor.words("aside")
    assert visitor.all("a", href=f"/journal/?account={ACCOUNT}")
    assert "Nhận sử dụng tài khoản" in visitor.words("main")


def test_a_stranger_sees_that_it_is_in_use_and_neither_who_nor_for_what(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the1")
    borrow(another)
    world.settle()
    visitor.sign_in("gng.the1")
    texts = {address: visitor.get(address).text for address in (PAGE, "/accounts/?state=IN_USE")}
    texts["file"] = visitor.send("/accounts/file/csv", state="IN_USE").text
    for address, text in texts.items():
        assert "Diệp" not in text, address
        assert "CJT-2018-000001" not in text, address
        assert "Đang sử dụng" in text, address


def test_IT_locks_with_the_consequence_before_its_eyes_and_the_holder_is_told_at_once(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the2")
    borrow(another)
    visitor.sign_in("vpt.cntt1")
    visitor.get(f"{PAGE}/lock")
    assert "1 phiên đang mở sẽ bị ngắt: Trần Đức Minh, hồ sơ CJT-2018-000001/CLT" in visitor.words()
    assert "cán bộ quản lý tài khoản" in visitor.words()
    assert send(visitor, "lock", reason=" ") == 403
    assert "Chưa có lý do" in visitor.words()
    assert state(world) == "ACTIVE"
    assert send(visitor, "lock") == 200
    assert (visitor.path, state(world)) == (PAGE, "LOCKED")
    assert "Đã khóa tài khoản" in visitor.words()
    assert "Nghi lộ mật khẩu" in visitor.words()
    assert world.roles_with_login() == set()
    another.get("/desk/")
    assert not another.all("section", id="strip")
    assert "Đã khóa" in another.words()


def test_the_way_back_takes_the_custodian_and_IT_each_on_a_page_of_their_own(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("vpt.cntt1")
    send(visitor, "lock")
    assert "chỉ được mở khóa khi cán bộ quản lý tài khoản đã đề nghị" in visitor.words()
    assert not visitor.all("a", href=f"{PAGE}/unlock")
    assert visitor.get(f"{PAGE}/unlock").status_code == 403
    another.sign_in("cjt.the2")
    another.get(PAGE)
    assert another.all("a", href=f"{PAGE}/ask-unlock")
    assert send(another, "ask-unlock", "Đã kiểm tra, không lộ") == 200
    assert "đã đề nghị mở khóa" in another.words()
    assert another.get(f"{PAGE}/ask-unlock").status_code == 409
    visitor.get(PAGE)
    assert visitor.all("a", href=f"{PAGE}/unlock")
    visitor.get(f"{PAGE}/unlock")
    assert "Theo đề nghị của Trần Đức Minh" in visitor.words()
    assert send(visitor, "unlock", "Đã xử lý") == 200
    assert state(world) == "ACTIVE"
    assert world.records("account.unlocked")[-1]["reason"] == "Đã xử lý"


def test_the_director_orders_a_lock(visitor: Visitor, world: World):
    visitor.sign_in("vpt.gd")
    visitor.get(PAGE)
    assert visitor.all("a", href=f"{PAGE}/lock")
    visitor.get(f"{PAGE}/lock")
    assert "Chỉ đạo khóa tài khoản" in visitor.words("h1")
    assert send(visitor, "lock", "Theo chỉ đạo") == 200
    assert [r["actor"] for r in world.records("account.lock_ordered")] == ["vpt.gd"]


def test_retiring_takes_the_code_typed_once_more(visitor: Visitor, world: World):
    visitor.sign_in("vpt.cntt1")
    assert send(visitor, "retire", typed="TKCL-CJT-KNO") == 422
    assert "Chưa gõ đúng mã" in visitor.words()
    assert visitor.all("input", name="typed")[0].get("value") == "TKCL-CJT-KNO"
    assert state(world) == "ACTIVE"
    assert send(visitor, "retire", typed="tkcl-cjt-dml") == 200
    assert state(world) == "RETIRED"
    assert not [a for a in visitor.all("a") if a.get("href", "").startswith(PAGE + "/")]
    assert visitor.get(f"{PAGE}/lock").status_code == 409


def test_rotating_says_what_ends_and_leaves_the_account_ready(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the2")
    borrow(another)
    visitor.sign_in("vpt.cntt1")
    assert send(visitor, "rotate") == 200
    assert "Đã vô hiệu thông tin đăng nhập cũ." in visitor.words()
    assert (state(world), world.roles_with_login()) == ("ACTIVE", set())
    another.get("/desk/")
    assert not another.all("section", id="strip")


def test_two_people_at_once_the_second_is_told_and_sends_again_knowing(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("vpt.cntt1")
    visitor.get(f"{PAGE}/rotate")
    seen = visitor.all("input", name="seen")[0].get("value")
    another.sign_in("vpt.gd")
    send(another, "lock", "Theo chỉ đạo")
    answer = visitor.send(f"{PAGE}/rotate", reason="Định kỳ", seen=seen)
    assert answer.status_code == 409
    assert "vừa được thay đổi" in visitor.words()
    assert "Đã khóa" in visitor.words()
    assert visitor.all("input", name="reason")[0].get("value") == "Định kỳ"
    assert world.records("account.rotated") == []
    again = visitor.all("input", name="seen")[0].get("value")
    assert visitor.send(f"{PAGE}/rotate", reason="Định kỳ", seen=again).status_code == 200
    stale = visitor.send(f"{PAGE}/rotate", reason="Định kỳ", seen=again)
    assert (stale.status_code, len(world.records("account.rotated"))) == (409, 1)
    assert visitor.send(f"{PAGE}/rotate", reason="Định kỳ").status_code == 409, "a form that shows nothing"


@pytest.mark.parametrize(
    "who", ["cjt.the1", "cjt.tn1", "cjt.gd", "dml.gd", "vpt.ktra1", "vpt.pgd", "vpt.tt1"]
)
def test_S54_who_may_not_act_sees_no_button_no_page_and_gets_nowhere_by_sending_the_form(
    visitor: Visitor, world: World, who: str
):
    visitor.sign_in(who)
    assert visitor.get(PAGE).status_code == 200
    assert not [a for a in visitor.all("a") if a.get("href", "").startswith(PAGE + "/")]
    for act in ACTS:
        assert visitor.get(f"{PAGE}/{act}").status_code in (403, 409), act
        answer = visitor.send(f"{PAGE}/{act}", reason="x", seen="0.ACTIVE.0", typed=ACCOUNT)
        assert answer.status_code in (403, 409), act
    assert state(world) == "ACTIVE"
    assert not world.records("account.locked") + world.records("account.rotated")


def test_an_empty_list_teaches_and_an_unknown_account_is_not_found(visitor: Visitor):
    visitor.sign_in("vpt.cntt1")
    visitor.get("/accounts/?state=LOCKED")
    assert "Không có tài khoản nào khớp" in visitor.words()
    for name in ("TKCL-CJT-CJT", "x" * 300, "%00", "..%2f", "'--"):
        assert visitor.get(f"/accounts/{name}").status_code == 404, name


def test_the_file_holds_what_the_filters_choose_over_all_pages(visitor: Visitor, world: World):
    visitor.sign_in("vpt.cntt1")
    visitor.get("/accounts/?kind=TKCL&holder=Diep")
    sent = {form.get("action"): {field.get("name"): field.get("value") for field in form.iter(f"{XHTML}input")}
            for form in visitor.all("form")}  # fmt: skip
    fields = sent["/accounts/file/xlsx"]
    assert (fields["kind"], fields["holder"]) == ("TKCL", "Diep")
    book = openpyxl.load_workbook(io.BytesIO(visitor.send("/accounts/file/xlsx", kind="TKCL").data))
    lines = list(book.active.values)
    assert (len(lines), lines[0][0], lines[-1][0]) == (74, "Mã tài khoản", "Hết: 72 dòng")
    assert {line[1] for line in lines[1:-1]} == {"TKCL"}
    text = visitor.send("/accounts/file/csv", guest="CJT", kind="TKHCTT").data.decode("utf-8-sig")
    assert len(text.splitlines()) == 10
    assert "Cư Jút" in text


def test_a_file_of_accounts_leaves_a_record_of_who_took_what_and_none_that_is_refused(
    visitor: Visitor, world: World
):
    visitor.sign_in("vpt.cntt1")
    visitor.get("/accounts/")
    visitor.send("/accounts/file/csv", guest="CJT", kind="TKHCTT", holder="Ngọc Diệp")
    visitor.get("/accounts/")
    assert visitor.send("/accounts/file/exe").status_code == 422
    (taken,) = world.records("audit.exported")
    assert (taken["actor"], taken["office"]) == ("vpt.cntt1", "VPT")
    assert taken["details"] == {
        "list": "accounts", "format": "csv", "count": 0, "cut": False,
        "filters": {"guest": "CJT", "kind": "TKHCTT"}, "people": ["cjt.the1"],
    }  # fmt: skip


def test_the_strip_of_a_return_still_works_from_the_page_of_the_account(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    visitor.get(PAGE)
    visitor.send(return_form(visitor))
    assert "Đã trả tài khoản." in visitor.words()
