"""The pages of rules and approvals: a custodian restricts, a clerk asks, somebody answers (A4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.clock import local
from tests.common.rules import ask, decide, set_rule
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over

RULE = "/rules/CJT/tkcl"
BORROW = "/desk/borrow/TKCL-CJT-DML"


def save(visitor: Visitor, **fields: object):
    visitor.get(f"{RULE}/edit")
    seen = visitor.all("input", name="seen")[0].get("value")
    blank = {"who": "all", "days": ["1", "2", "3", "4", "5", "6", "7"], "per_day": "", "seen": seen}
    return visitor.send(f"{RULE}/edit", **blank | fields)


def window(world: World, minutes: int = 60) -> dict[str, str]:
    start = local(world.now()) - timedelta(minutes=1)
    end = min(start + timedelta(minutes=minutes), start.replace(hour=23, minute=59))
    return {"day": f"{start:%d/%m/%Y}", "opens": f"{start:%H:%M}", "closes": f"{end:%H:%M}"}


def test_A4_the_custodian_sets_the_rule_and_everybody_reads_it_in_words(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    visitor.get(f"{RULE}/edit")
    look_over(visitor)
    save(
        visitor, who="some", officers=["cjt.the1"], days=["1", "6"], opens0="07:30", closes0="11:30", per_day="9",
        note="Mùa thi",
    )  # fmt: skip
    assert visitor.path == RULE
    look_over(visitor)
    another.sign_in("cjt.the1")
    another.get(RULE)
    for words in (world.actor("cjt.the1").full_name, "Thứ Hai, Thứ Bảy", "07:30–11:30", "9 lần", "Mùa thi"):
        assert words in another.words(), words
    assert "Sửa quy tắc" not in another.words()
    another.get("/custodians/CJT")
    assert "07:30–11:30" in another.words()


@pytest.mark.parametrize(
    "wrong", [{"days": []}, {"who": "some"}, {"opens0": "9h", "closes0": "10h"}, {"per_day": "nhiều"}]
)
def test_A4_a_wrong_rule_comes_back_with_what_was_typed(
    visitor: Visitor, world: World, wrong: dict[str, object]
):
    visitor.sign_in("cjt.the2")
    answer = save(visitor, note="Giữ lại câu này", **wrong)
    assert answer.status_code == 422
    look_over(visitor)
    assert visitor.all("input", name="note")[0].get("value") == "Giữ lại câu này"
    if "opens0" in wrong:
        assert visitor.all("input", name="opens0")[0].get("value") == "9h"
    assert world.records("rule.changed") == []


def test_A4_the_second_who_edits_the_same_version_is_told(visitor: Visitor, another: Visitor, world: World):
    for one, who in ((visitor, "cjt.the2"), (another, "cjt.gd")):
        one.sign_in(who)
        one.get(f"{RULE}/edit")
    first = {"who": "all", "days": ["1"], "per_day": "", "seen": "0"}
    assert visitor.send(f"{RULE}/edit", **first).status_code == 200
    answer = another.send(f"{RULE}/edit", **first | {"days": ["2"]})
    assert answer.status_code == 409
    assert "vừa được người khác thay đổi" in another.words()
    assert another.all("input", name="seen")[0].get("value") == "0", "sending again is refused again"
    assert len(world.records("rule.changed")) == 1


def test_A4_nobody_else_changes_a_rule(visitor: Visitor, world: World):
    for person in ("cjt.the1", "cjt.thu2", "dml.gd", "vpt.cntt1", "vpt.ktra1", "vpt.gd"):
        visitor.client.delete_cookie("accessctl")
        visitor.sign_in(person)
        assert save(visitor).status_code == 403, person
    assert world.records("rule.changed") == []


def test_A4_from_the_refusal_at_the_desk_to_the_approved_check_out(
    visitor: Visitor, another: Visitor, world: World
):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    visitor.sign_in("cjt.the1")
    visitor.get(BORROW)
    request = world.request("TKCL-CJT-DML")
    words = {"dossier": request.dossier, "subject": request.subject, "reason": request.reason}
    assert visitor.send(BORROW, **words).status_code == 403
    (offer,) = {a.get("href") for a in visitor.all("a") if "/approvals/ask" in (a.get("href") or "")}
    look_over(visitor)
    visitor.get(offer)
    look_over(visitor)
    assert visitor.all("input", name="dossier")[0].get("value") == request.dossier
    assert world.actor("cjt.the2").full_name in visitor.words()
    form = {"account": "TKCL-CJT-DML", "dossier": request.dossier, "reason": "Người dân đang chờ"}
    visitor.send("/approvals/ask", **form | window(world))
    assert "Chờ phê duyệt" in visitor.words()
    look_over(visitor)
    page = visitor.path
    assert visitor.send(f"{page}/give").status_code == 403

    another.sign_in("cjt.the2")
    another.get("/approvals/")
    look_over(another)
    assert "Người dân đang chờ" in another.words()
    another.get(page)
    look_over(another)
    another.send(f"{page}/give", note="")
    visitor.get(page)
    assert "Đã phê duyệt" in visitor.words()
    visitor.get(BORROW)
    assert visitor.send(BORROW, **words).status_code == 200
    assert visitor.path == "/desk/"
    assert [r["actor"] for r in world.records("approval.used")] == ["cjt.the1"]
    visitor.get(page)
    assert "Đã sử dụng" in visitor.words()


def test_A4_a_declined_request_says_why_and_needs_a_reason(visitor: Visitor, another: Visitor, world: World):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    page = f"/approvals/{ask(world, 'cjt.the1')}"
    another.sign_in("cjt.the2")
    another.get(page)
    assert another.send(f"{page}/decline", note=" ").status_code == 403
    look_over(another)
    another.get(page)
    another.send(f"{page}/decline", note="Chuyển hồ sơ cho ông Minh")
    visitor.sign_in("cjt.the1")
    visitor.get(page)
    look_over(visitor)
    assert "Chuyển hồ sơ cho ông Minh" in visitor.words()
    assert another.send(f"{page}/give", note="").status_code == 409


def test_A4_the_head_sees_that_the_custodian_comes_first(visitor: Visitor, another: Visitor, world: World):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    page = f"/approvals/{ask(world, 'cjt.the1')}"
    another.sign_in("cjt.the2")
    visitor.sign_in("cjt.gd")
    visitor.get(page)
    assert "Cán bộ quản lý TKCL đang làm việc" in visitor.words()
    assert not [f for f in visitor.all("form") if (f.get("action") or "").endswith("/give")]
    assert visitor.send(f"{page}/give", note="").status_code == 403
    assert world.records("approval.given") == []


def test_A4_strangers_neither_see_nor_decide_and_a_word_that_is_no_answer_is_none(
    visitor: Visitor, world: World
):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    page = f"/approvals/{ask(world, 'cjt.the1')}"
    for person in ("dml.gd", "dml.the2", "cjt.tn1", "vpt.cntt1"):
        visitor.client.delete_cookie("accessctl")
        visitor.sign_in(person)
        assert visitor.get(page).status_code == 403, person
        visitor.get("/approvals/")
        assert "Chưa có đề nghị phê duyệt nào" in visitor.words()
        assert visitor.send(f"{page}/give", note="").status_code == 403
    visitor.client.delete_cookie("accessctl")
    visitor.sign_in("cjt.the2")
    visitor.get(page)
    assert visitor.send(f"{page}/maybe", note="x").status_code == 404
    visitor.get(page)
    assert "Chờ phê duyệt" in visitor.words()


def test_A4_the_asker_takes_it_back(visitor: Visitor, world: World):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    number = ask(world, "cjt.the1")
    decide(world, "cjt.the2", number)
    visitor.sign_in("cjt.the1")
    visitor.get(f"/approvals/{number}")
    visitor.send(f"/approvals/{number}/withdraw")
    assert "Đã rút lại" in visitor.words()


def test_A4_a_wrong_question_comes_back_with_what_was_typed(visitor: Visitor, world: World):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    visitor.sign_in("cjt.the1")
    visitor.get("/approvals/ask?account=TKCL-CJT-DML&dossier=CJT-2018-000001/CLT")
    form = {"account": "TKCL-CJT-DML", "dossier": "CJT-2018-000001/CLT", "reason": "Giữ câu này"}
    for wrong in ({"day": "x"}, {"opens": "25:00"}, {"closes": "00:00"}):
        answer = visitor.send("/approvals/ask", **form | window(world) | wrong)
        assert answer.status_code == 422, wrong
        look_over(visitor)
        assert visitor.all("input", name="reason")[0].get("value") == "Giữ câu này"
    assert world.records("approval.asked") == []
