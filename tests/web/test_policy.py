"""The policy's pages: the matrix, a person's rights in words, and a question with its answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from accessctl.app import create_app
from accessctl.config import Settings
from accessctl.domain.permissions import Permission
from accessctl.services.runtime import build_runtime
from tests.common.world import World
from tests.web.conftest import Visitor


@pytest.mark.parametrize(
    ("person", "status"),
    [("vpt.gd", 200), ("vpt.pgd", 200), ("vpt.ktra1", 200), ("vpt.cntt1", 200), ("cjt.gd", 200),
     ("cjt.the1", 403), ("cjt.the2", 403), ("cjt.tn1", 403)],
)  # fmt: skip
def test_the_policy_is_open_to_those_who_may_see_it_and_only_they_find_it_in_the_sections(
    reader: Visitor, person: str, status: int
):
    reader.sign_in(person)
    reader.get("/")
    assert bool(reader.all("a", href="/policy/")) == (status == 200)
    assert reader.get("/policy/").status_code == status
    assert reader.get("/policy/ask?person=dml.the1").status_code == (200 if status == 200 else 403)


def test_the_matrix_names_every_permission_and_role_and_explains_its_numbers(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/policy/")
    said = reader.words()
    assert not reader.objections, reader.objections[:3]
    for words in ("Nhận sử dụng TKCL", "Phê duyệt ngoại lệ", "Cán bộ quản lý TKHCTT", "Cách đọc bảng"):
        assert words in said
    assert len(reader.all("th", scope="row")) == len(Permission)
    numbers = {e.text for e in reader.page.iter("{http://www.w3.org/1999/xhtml}sup")}
    notes = [e for e in reader.all("dl", class_="reading")[0].iter("{http://www.w3.org/1999/xhtml}sup")]
    assert numbers == {note.text for note in notes}, "each number in a cell is explained below, and no other"
    assert "việc không phải cho chính mình" in said


def test_the_matrix_narrowed_to_a_role_says_so_and_a_search_without_a_find_teaches(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/policy/?role=custodian_tkcl&group=leases")
    assert len(reader.all("th", scope="row")) == 3
    assert "Thu hồi phiên" in reader.words("table")
    reader.get("/policy/?words=khong+co+gi+ca")
    assert "Không có quyền nào khớp" in reader.words()
    assert reader.all("a", href="/policy/")


def test_it_can_be_read_in_english_and_no_raw_word_of_the_policy_is_left(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.send("/language/en", next="/policy/")
    for address, wanted in (
        ("/policy/?role=custodian_tkcl", "Custodian of reissue accounts"),
        ("/policy/ask?permission=lease:open.tkcl&office=DML&case=lost", "Who may do this?"),
        ("/policy/ask?person=cjt.the1&permission=lease:open.tkhctt&office=DML", "When would it be allowed?"),
    ):
        reader.get(address)
        said = reader.words().replace(address, "")  # a printed page says where it comes from
        assert wanted in said
        for raw in ("servable-case", "custodian_tkcl", "lease:open", "info_bhyt_only", "class:change"):
            assert raw not in said, (address, raw)


def test_the_rights_of_a_person_stand_in_words_with_the_line_that_gives_them(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/policy/people/cjt.the2")
    said = reader.words()
    for words in (
        "Cán bộ quản lý TKCL", "Nhận sử dụng TKCL", "đơn vị khác", "Theo dòng",
        "Cán bộ quản lý TKCL không bao giờ được “Phân công cán bộ quản lý”",
        "p, card, foreign, any-office, lease:open.tkcl, servable-case, allow",
    ):  # fmt: skip
        assert words in said
    assert "Duyệt thay đổi chính sách" not in said
    assert reader.get("/policy/people/nobody").status_code == 404


def test_about_oneself_anybody_may_read_and_about_others_not(reader: Visitor):
    reader.sign_in("cjt.tn1")
    assert reader.get("/policy/people/cjt.tn1").status_code == 200
    assert "Quyền của tôi" in reader.words()
    assert "Tiếp nhận hồ sơ" in reader.words()
    assert reader.get("/policy/people/cjt.the1").status_code == 403
    own = "/policy/ask?person=cjt.tn1&permission=dossier:receive&office=CJT"
    assert reader.get(own).status_code == 200
    assert "Được phép" in reader.words()
    assert reader.get("/policy/ask?person=cjt.the1&permission=dossier:receive&office=CJT").status_code == 403
    assert reader.get("/policy/ask").status_code == 200
    assert not reader.all("input", name="person"), "there is nobody else to ask about"
    reader.get("/policy/ask?permission=dossier:receive&office=DML")
    assert "Không được phép" in reader.words()
    assert "Nếu là: đơn vị của mình" in reader.words()
    reader.get("/me/")
    assert reader.all("a", href="/policy/people/cjt.tn1")


def test_a_head_reads_the_rights_of_the_own_officers_only(reader: Visitor):
    reader.sign_in("cjt.gd")
    assert reader.get("/policy/people/cjt.the1").status_code == 200
    assert reader.get("/policy/people/dml.the1").status_code == 403
    reader.get("/policy/ask?permission=lease:open.tkcl&office=DML&case=lost")
    assert "ở những đơn vị mà ông/bà không được xem" in reader.words()


def test_a_question_is_answered_with_its_line_and_with_what_would_have_to_change(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/policy/ask?person=cjt.thu1&permission=lease:open.tkhctt&office=DML&case=info_other")
    said = reader.words()
    assert "Không được phép" in said
    assert "Mọi cán bộ không bao giờ được “Nhận sử dụng TKHCTT”" in said
    assert "Nếu là trường hợp: Mất thẻ" in said
    reader.get("/policy/ask?person=cjt.the1&permission=lease:open.tkhctt&office=DML&case=lost")
    assert "Nếu có thêm vai trò: Bộ phận Quản lý thu" in reader.words()
    reader.get("/policy/ask?person=vpt.cntt1&permission=custodian:appoint&office=VPT")
    assert "Thủ trưởng đơn vị không được kiêm nhiệm" in reader.words()


def test_a_person_is_found_by_name_and_several_are_offered(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/policy/ask?person=nguyen&permission=account:view&office=CJT")
    assert "hỏi về ai?" in reader.words()
    assert [a for a in reader.all("a") if (a.get("href") or "").startswith("/policy/ask?person=")]
    reader.get("/policy/ask?person=khongcoai&permission=account:view&office=CJT")
    assert "Không tìm thấy cán bộ này" in reader.words()


@pytest.mark.parametrize(
    "query",
    ["permission=lease:open&office=DML", "permission=lease:open.tkcl&office=XYZ",
     "permission=lease:open.tkcl&office=DML&case=stolen", "person=cjt.the1&permission=%00&office=DML",
     "person=%00%00&permission=account:view", "permission=" + "x" * 3000],
)  # fmt: skip
def test_words_that_the_policy_does_not_know_are_refused_as_such(reader: Visitor, query: str):
    reader.sign_in("vpt.gd")
    answer = reader.get(f"/policy/ask?{query}")
    assert answer.status_code in (200, 404, 422), answer.status_code
    assert "Được phép" not in reader.words()


def test_a_broken_file_is_said_above_the_last_good_matrix(world: World, tmp_path: Path):
    policies = tmp_path / "policies"
    shutil.copytree(world.settings.policies, policies)
    rt = build_runtime(Settings(dict(world.settings.env) | {"ACCESSCTL_POLICIES": str(policies)}), pool=2)
    try:
        visitor = Visitor(create_app(rt.settings, runtime=rt).test_client())
        visitor.sign_in("vpt.gd")
        visitor.get("/policy/")
        assert "Tệp chính sách bị hỏng" not in visitor.words()
        (policies / "console.policy.csv").write_text("nonsense\n", encoding="utf-8")
        visitor.get("/policy/")
        assert "Tệp chính sách bị hỏng" in visitor.words()
        assert "Nhận sử dụng TKCL" in visitor.words()
    finally:
        rt.close()
