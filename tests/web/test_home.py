"""The start page answers what each role asks first; language and the role shown first stay with the person."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from accessctl.app import create_app
from accessctl.config import Settings
from accessctl.domain.accounts import Kind
from accessctl.services import custody, findings
from accessctl.services.control import transaction
from accessctl.services.runtime import build_runtime
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

TKCL = "TKCL-CJT-DML"


def heads(visitor: Visitor) -> list[str]:
    """The questions that the page answers."""
    return [" ".join("".join(h.itertext()).split()) for h in visitor.all("h2")]


def part(visitor: Visitor, title: str) -> str:
    """What stands under one of them."""
    found = [
        s for s in visitor.all("section") if any(title in "".join(h.itertext()) for h in s.iter(f"{XHTML}h2"))
    ]
    assert found, f"{title!r} is not among {heads(visitor)}"
    return " ".join("".join(found[-1].itertext()).split())


# Each role's first screen (ui.md), empty


def test_a_card_clerk_sees_the_big_button_the_eight_accounts_and_whom_to_call(reader: Visitor):
    reader.sign_in("cjt.the1")
    (first,) = [a for a in reader.all("a") if "first" in (a.get("class") or "")]
    assert first.get("href") == "/desk/"
    assert "8/8 dùng được" in part(reader, "TKCL")
    assert "TKHCTT" not in " ".join(heads(reader))
    assert "Không có ai chờ" in part(reader, "Ai đang chờ")
    assert "Hôm nay chưa có phiên nào" in part(reader, "Hôm nay tôi đã làm")
    assert "Trần Đức Minh" in part(reader, "Cần hỗ trợ")


def test_reception_sees_both_kinds_and_no_button_for_what_it_may_not_do(reader: Visitor):
    reader.sign_in("cjt.tn1")
    assert not [a for a in reader.all("a") if "first" in (a.get("class") or "")]
    assert "8/8 dùng được" in part(reader, "TKCL")
    assert "8/8 dùng được" in part(reader, "TKHCTT")
    assert "Hôm nay tôi đã làm" not in heads(reader)


def test_a_unit_head_sees_both_custodians_and_sixteen_healthy_accounts(reader: Visitor):
    reader.sign_in("cjt.gd")
    people = part(reader, "Cán bộ quản lý tài khoản của đơn vị")
    assert "Trần Đức Minh" in people
    assert "Nguyễn Hữu Toàn" in people
    assert len([li for li in reader.all("li") if "tile" in (li.get("class") or "").split()]) == 16


def test_a_head_of_a_provincial_department_sees_the_kind_of_that_department(reader: Visitor):
    reader.sign_in("vpt.tpcst")
    assert any(head.startswith("TKCL") for head in heads(reader))
    assert not any(head.startswith("TKHCTT") for head in heads(reader))


def test_IT_sees_both_squares_the_nine_databases_and_findings_by_age(visitor: Visitor):
    visitor.sign_in("vpt.cntt1")
    drawn = [svg for svg in visitor.page.iter("{http://www.w3.org/2000/svg}svg") if svg.get("role") == "img"]
    assert len(drawn) == 2
    assert all("72 sẵn sàng" in (svg.get("aria-label") or "") for svg in drawn)
    assert part(visitor, "Cơ sở dữ liệu của các đơn vị").count("chưa kiểm tra lần nào") == 9
    assert "Lâu hơn" in part(visitor, "Phát hiện theo tuổi")


def test_an_auditor_reads_how_far_the_log_is_sealed_and_has_a_box_for_everything(
    reader: Visitor, quiet_world: World
):
    quiet_world.settle()
    reader.sign_in("vpt.ktra1")
    (box,) = reader.all("input", name="q")
    assert box.get("autofocus") is not None
    with quiet_world.admin_control() as admin:
        size = admin.execute("SELECT max(size) FROM audit_checkpoint").fetchone()[0]
    assert "Nhật ký được niêm phong đến sự kiện số" in reader.words()
    assert size > 100
    assert "Chưa ghi nhận lần kiểm tra từng sự kiện nào" in reader.words()


def test_the_director_has_one_page_of_the_month_with_every_office(reader: Visitor):
    reader.sign_in("vpt.gd")
    use = part(reader, "Sử dụng theo đơn vị")
    for place in ("Văn phòng tỉnh", "Gia Nghĩa", "Đắk R'lấp", "Toàn tỉnh"):
        assert place in use
    assert "Không có ngoại lệ nào" in part(reader, "Ngoại lệ")
    assert "đã xác nhận phân công đúng hạn" in part(reader, "quá hạn")
    assert reader.all("p", class_="print-address"), "it is made for print"


@pytest.mark.parametrize("person", ["gng.khtc1", "vpt.tt1", "vpt.pgd", "gng.phoi1"])
def test_every_other_role_has_a_sound_page_too(reader: Visitor, person: str):
    reader.sign_in(person)
    assert reader.answer.status_code == 200
    look_over(reader)


# The same with something going on


def test_a_custodian_sees_who_uses_the_accounts_since_when_for_what_and_who_waits(
    visitor: Visitor, world: World
):
    lease = world.lend("cjt.the1", TKCL)
    world.lend("cjt.thu1", "TKHCTT-CJT-GNG", number=3)
    visitor.sign_in("cjt.the2")
    users = part(visitor, "Ai đang sử dụng tài khoản")
    assert "Lê Thị Ngọc Diệp" in users
    assert lease.dossier in users
    assert lease.reason in users
    assert "Võ Thị Thu Thủy" not in users, "another custodian answers for TKHCTT"
    (revoke,) = [a for a in visitor.all("a") if (a.get("href") or "").endswith("/revoke")]
    assert visitor.get(revoke.get("href")).status_code == 200
    world.lend("cjt.the2", TKCL, number=2)
    visitor.get("/")
    assert "Trần Đức Minh" in part(visitor, "Đề nghị và hàng chờ")


def test_a_unit_head_is_told_of_somebody_who_waits_for_more_than_five_minutes(visitor: Visitor, world: World):
    world.lend("cjt.the1", TKCL)
    world.lend("cjt.the2", TKCL, number=2)
    visitor.sign_in("cjt.gd")
    assert "quá 5 phút" not in visitor.words()
    world.shift += timedelta(minutes=6)
    visitor.get("/")
    assert "1 người đã chờ tài khoản quá 5 phút" in visitor.words()


def test_S10_without_a_custodian_head_clerk_and_reception_read_the_gap_and_its_effect(
    visitor: Visitor, world: World
):
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Nghỉ việc, 12/QĐ-BHXH")
    for person in ("cjt.gd", "cjt.the1", "cjt.tn1"):
        visitor.client.delete_cookie("accessctl")
        visitor.sign_in(person)
        assert "Chưa có cán bộ quản lý TKCL; 8 tài khoản đã tạm ngừng." in visitor.words(), person
        assert "0/8 dùng được" in part(visitor, "TKCL"), person


def test_the_director_reads_the_use_the_refusals_and_the_findings_of_the_month(
    visitor: Visitor, world: World
):
    world.lend("cjt.the1", TKCL)
    visitor.sign_in("cjt.tn1")
    visitor.send(f"/desk/borrow/{TKCL}", dossier="CJT-2018-000009/CLT", subject="6799000001", reason="Thử")
    assert visitor.answer.status_code == 403
    with transaction(world.rt) as session:
        findings.raise_finding(world.rt, session, findings.Kind.DRIFT, key="a", severity=1, office="DML")
    world.settle()
    visitor.client.delete_cookie("accessctl")
    visitor.sign_in("vpt.gd")
    rows = {tr.find(f"{XHTML}th").text: [td.text for td in tr.iter(f"{XHTML}td")] for tr in visitor.all("tr")
            if tr.find(f"{XHTML}th") is not None and tr.find(f"{XHTML}th").get("scope") == "row"}  # fmt: skip
    assert rows["Cư Jút"] == ["1", "0", "0", "0", "1"]
    assert rows["Đắk Mil"] == ["0", "0", "0", "1", "0"]
    assert "sai lệch so với chính sách" in part(visitor, "Ngoại lệ")


def test_a_clerk_who_holds_an_account_is_led_back_to_the_desk(visitor: Visitor, world: World):
    lease = world.lend("cjt.the1", TKCL)
    visitor.sign_in("cjt.the1")
    (first,) = [a for a in visitor.all("a") if "first" in (a.get("class") or "")]
    assert "Tiếp tục tại bàn làm việc" in "".join(first.itertext())
    assert lease.dossier in part(visitor, "Hôm nay tôi đã làm")
    look_over(visitor)


@pytest.mark.parametrize("person", ["cjt.the1", "cjt.the2", "cjt.gd", "vpt.cntt1", "vpt.ktra1", "vpt.gd"])
def test_a_start_page_takes_few_statements(visitor: Visitor, world: World, person: str):
    visitor.sign_in(person)
    visitor.get("/")
    said: list[str] = []

    @event.listens_for(world.rt.engine, "before_cursor_execute")
    def heard(*args: object) -> None:
        said.append(str(args[2]))

    visitor.get("/")
    event.remove(world.rt.engine, "before_cursor_execute", heard)
    assert 0 < len(said) <= 24, said


# The role shown first, and the language


def test_somebody_with_two_roles_chooses_which_is_shown_first_and_keeps_every_right(visitor: Visitor):
    visitor.sign_in("cjt.the2")
    assert "Cán bộ quản lý TKCL" in visitor.words("summary")
    assert visitor.get("/leases/").status_code == 200
    visitor.get("/")
    visitor.send("/view-as", role="card")
    assert "Trang đầu hiện theo vai trò: Cấp sổ, thẻ" in visitor.words()
    assert "Hôm nay tôi đã làm" in heads(visitor)
    assert visitor.get("/leases/").status_code == 200, "decisions use the whole set"
    visitor.send("/sign-out")
    visitor.sign_in("cjt.the2")
    assert "Cấp sổ, thẻ" in visitor.words("summary")
    look_over(visitor)


@pytest.mark.parametrize("role", ["director", "unit_head", "no-such-role", "", "card' OR '1'='1"])
def test_a_role_that_one_does_not_hold_cannot_be_shown(visitor: Visitor, world: World, role: str):
    visitor.sign_in("cjt.the2")
    assert visitor.send("/view-as", role=role).status_code == 403
    assert world.actor("cjt.the2").role == "custodian_tkcl"
    assert world.records("access.denied")[-1]["reason"] == "frame.not_your_role"


def test_a_role_that_was_withdrawn_is_no_longer_shown_first(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    visitor.send("/view-as", role="custodian_tkcl")
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Thay người, 12/QĐ-BHXH")
    visitor.get("/")
    assert world.actor("cjt.the2").role == "card"
    assert "Cấp sổ, thẻ" in visitor.words("header")


def test_somebody_with_one_role_has_nothing_to_choose(reader: Visitor):
    reader.sign_in("cjt.gd")
    assert not reader.all("input", name="role")


def test_the_language_goes_with_the_person_to_another_machine(visitor: Visitor, another: Visitor):
    visitor.sign_in("cjt.gd")
    visitor.send("/language/en", next="/")
    another.sign_in("cjt.gd")
    assert another.all("html")[0].get("lang") == "en"
    assert "Cư Jút district office" in another.words("header")
    another.client.delete_cookie("accessctl")
    another.client.delete_cookie("accessctl_language")
    another.sign_in("cjt.the1")
    assert another.all("html")[0].get("lang") == "vi"


def test_offices_are_named_in_the_language_of_the_reader_also_in_refusals(visitor: Visitor):
    visitor.sign_in("cjt.the1")
    visitor.send("/language/en", next="/")
    visitor.send(f"/desk/borrow/{TKCL}", dossier="DML-2018-000001/CLT", subject="6799000001", reason="Try")
    assert "Cư Jút district office" in visitor.words()
    assert "BHXH huyện" not in visitor.words()
    visitor.send("/language/vi", next="/")
    assert "BHXH huyện Cư Jút" in visitor.words("header")


# One box for everything


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("tran duc minh", "Trần Đức Minh"),
        ("TKCL · CJT → DML", "TKCL · Cư Jút → Đắk Mil"),
        ("TKCL · Cư Jút → Đắk Mil", "TKCL · Cư Jút → Đắk Mil"),
        ("tkhctt · văn phòng tỉnh → gia nghia", "TKHCTT · Văn phòng tỉnh → Gia Nghĩa"),
        ("tkcl_cjt_dml", "TKCL · Cư Jút → Đắk Mil"),
        ("đắk mil", "BHXH huyện Đắk Mil"),
        ("CJT-2018-000001/CLT", "Lê Thị Ngọc Diệp"),
        ("cjt-18-1", "Không tìm thấy"),
        ("7K3M-9QWD-2F6X", "7K3M-9QWD-2F6X"),
        ("x", "Gõ ít nhất hai ký tự"),
        ("", "Gõ ít nhất hai ký tự"),
        ("khong co ai ten nay", "Không tìm thấy"),
        ("%' OR true --", "Không tìm thấy"),
    ],
)
def test_AU1_the_box_finds_people_offices_accounts_dossiers_and_codes(
    visitor: Visitor, world: World, words: str, found: str
):
    world.lend("cjt.the1", TKCL)
    visitor.sign_in("vpt.ktra1")
    assert visitor.client.get("/search", query_string={"q": words}).status_code == 200
    visitor.get("/search?" + "q=" + words.replace("%", "%25").replace("&", "%26"))
    assert found in visitor.words()
    look_over(visitor)


def test_the_box_finds_a_lease_by_its_id_and_shows_a_clerk_only_the_own(visitor: Visitor, world: World):
    lease = world.lend("cjt.the1", TKCL)
    for person, sees in [("cjt.the1", True), ("cjt.the2", True), ("gng.the1", False), ("vpt.gd", True)]:
        visitor.client.delete_cookie("accessctl")
        visitor.sign_in(person)
        visitor.get(f"/search?q={lease.lease}")
        assert ("Lê Thị Ngọc Diệp" in visitor.words()) is sees, person


def test_R34_the_box_finds_a_custodian_for_a_clerk_too_who_may_look_at_no_officer(reader: Visitor):
    reader.sign_in("gng.the1")
    reader.get("/search?q=duc minh")
    assert "Trần Đức Minh" in reader.words("main")
    assert "Cán bộ quản lý TKCL của BHXH huyện Cư Jút" in reader.words("main")
    (call,) = [link for link in reader.all("a") if (link.get("href") or "").startswith("tel:")]
    assert call.text
    assert not [link for link in reader.all("a") if "/officers/" in (link.get("href") or "")]


def test_what_is_too_long_or_holds_control_characters_is_refused_in_words(reader: Visitor):
    reader.sign_in("vpt.ktra1")
    assert reader.get("/search?q=" + "a" * 2000).status_code == 422
    assert reader.get("/search?q=ab%00c").status_code == 422


# A policy that cannot be read


def test_a_broken_policy_is_said_on_every_page_and_denies_everything(world: World, tmp_path: Path):
    folder = tmp_path / "policies"
    shutil.copytree(world.settings.policies, folder)
    (folder / "console.policy.csv").write_text("nonsense\n", encoding="utf-8")
    rt = build_runtime(Settings(dict(world.settings.env) | {"ACCESSCTL_POLICIES": str(folder)}), pool=2)
    visitor = Visitor(create_app(rt.settings, runtime=rt).test_client())
    try:
        visitor.sign_in("vpt.cntt1")
        assert visitor.answer.status_code == 200
        assert "Chính sách phân quyền đang hỏng" in visitor.words()
        assert not visitor.all("nav"), "nothing is offered"
        look_over(visitor)
        assert visitor.get("/journal/").status_code in (200, 403)
        assert visitor.get("/matrix/").status_code == 403
        assert "không cần khởi động lại" in visitor.words()
    finally:
        rt.close()


def test_IT_reads_which_database_is_down_since_when_and_where_rights_deviate(visitor: Visitor, world: World):
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO office_link (office, up, since, tried_at, code, drifts) VALUES"
            " ('CJT', true, now(), now(), NULL, 0), ('DML', false, now(), now(), 'officedb.unreachable', NULL),"
            " ('KNO', true, now(), now(), NULL, 3)"
        )
    visitor.sign_in("vpt.cntt1")
    bases = part(visitor, "Cơ sở dữ liệu của các đơn vị")
    assert "Cư Jút hoạt động" in bases
    assert "Đắk Mil không trả lời từ" in bases
    assert "Krông Nô 3 sai lệch quyền" in bases
    assert bases.count("chưa kiểm tra lần nào") == 6
