"""The pages of a change of the policy: proposed by IT, told in words, approved by the director."""

from __future__ import annotations

from io import BytesIO

import pytest

from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, default_folder
from tests.common.policies import without
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over

IT, DIRECTOR, CLERK, HEAD = "vpt.cntt1", "vpt.gd", "cjt.the1", "cjt.gd"
REASON = "Theo công văn 12/BHXH-CNTT"


def fewer(name: str, start: str, word: str) -> tuple[BytesIO, str]:
    return BytesIO(without((default_folder() / name).read_bytes(), start, word)), name


def propose(visitor: Visitor, *files: tuple[BytesIO, str], **more: str) -> int:
    visitor.get("/policy/changes/propose")
    return visitor.send("/policy/changes/propose", files=list(files), reason=REASON, **more).status_code


def test_IT_proposes_everybody_concerned_reads_it_and_the_director_puts_it_in_force(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in(IT)
    assert propose(visitor, fewer(CONSOLE_RULES, "p, unit_head", "policy:view")) == 200
    look_over(visitor)
    address = visitor.path
    assert "Thủ trưởng đơn vị" in visitor.words()
    assert "Bị bớt: Xem chính sách phân quyền – mọi đơn vị" in visitor.words()
    assert "không cần quản trị cơ sở dữ liệu" in visitor.words()
    assert visitor.get(f"{address}/approve").status_code == 403, "nobody approves the own proposal"
    another.sign_in(HEAD)
    assert another.get(address).status_code == 200
    assert another.get(f"{address}/approve").status_code == 403
    another.sign_in(DIRECTOR)
    another.get("/policy/changes/")
    look_over(another)
    assert "Chờ Giám đốc phê duyệt" in another.words()
    another.get(f"{address}/approve")
    look_over(another)
    assert another.send(f"{address}/approve", note="Đồng ý").status_code == 200
    assert "được áp dụng tại mọi đơn vị" in another.words()
    assert "Đang có hiệu lực" in another.words()
    assert another.send(f"{address}/approve").status_code == 409, "sent twice"
    another.sign_in(HEAD)
    assert another.get(address).status_code == 403, "the new policy decides"


def test_what_touches_TKCL_is_said_twice_and_the_offices_wait_for_their_administrators(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in(IT)
    assert propose(visitor, fewer(ACCOUNT_RULES, "p, TKCL", "reissue:view")) == 403
    assert "văn bản của tỉnh" in visitor.words()
    assert propose(visitor, fewer(ACCOUNT_RULES, "p, TKCL", "reissue:view"), frozen="y") == 200
    address = visitor.path
    assert 'REVOKE EXECUTE ON FUNCTION bhyt.view_reissue(text) FROM "tkcl"' in visitor.words()
    another.sign_in(DIRECTOR)
    another.get(f"{address}/approve")
    assert another.send(f"{address}/approve").status_code == 403
    assert another.send(f"{address}/approve", frozen="y").status_code == 200
    assert "Số đơn vị chưa áp dụng: 9." in another.words()
    assert "quản trị cơ sở dữ liệu thực hiện lệnh" in another.words()
    look_over(another)


def test_a_broken_file_is_refused_with_file_and_line_and_no_file_at_all_is_nothing_new(visitor: Visitor):
    visitor.sign_in(IT)
    assert propose(visitor, (BytesIO(b"p, card, own\n"), CONSOLE_RULES)) == 422
    assert f"{CONSOLE_RULES}, dòng 1" in visitor.words()
    assert [one.get("value") for one in visitor.all("input", name="reason")] == [REASON]
    assert propose(visitor, (BytesIO(b"x"), "lời nhắn.csv")) == 422
    assert propose(visitor, (BytesIO(b""), "")) == 422
    assert "không có gì để thay đổi" in visitor.words()


@pytest.mark.parametrize("who", [IT, DIRECTOR])
def test_a_proposal_ends_by_its_proposer_or_by_the_director_with_a_reason(
    visitor: Visitor, another: Visitor, who: str
):
    visitor.sign_in(IT)
    assert propose(visitor, fewer(CONSOLE_RULES, "p, unit_head", "policy:view")) == 200
    address = visitor.path
    another.sign_in(who)
    another.get(f"{address}/decline")
    look_over(another)
    assert another.send(f"{address}/decline", reason="").status_code == 422
    assert another.send(f"{address}/decline", reason="Chưa cần").status_code == 200
    assert ("Đã rút lại" if who == IT else "Không được phê duyệt") in another.words()


def test_a_clerk_sees_none_of_it_and_what_is_not_there_is_said(reader: Visitor):
    reader.sign_in(CLERK)
    for address in ("/policy/changes/", "/policy/changes/propose", "/policy/changes/1"):
        assert reader.get(address).status_code == 403, address
    reader.sign_in(DIRECTOR)
    assert reader.get("/policy/changes/").status_code == 200
    assert "Chưa có thay đổi nào" in reader.words()
    for address in ("/policy/changes/1", "/policy/changes/x", "/policy/changes/99999999999999999999/approve"):
        assert reader.get(address).status_code == 404, address
