"""Findings in the browser: from new to closed, notes, two people at once, who may and who may not."""

from __future__ import annotations

import unicodedata

import pytest

from accessctl.services import findings
from accessctl.services.control import transaction
from accessctl.services.findings import Kind
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

ACCOUNT = "TKCL-CJT-DML"


def raise_one(world: World, kind: Kind = Kind.UNEXPLAINED_LOGIN, *, key: str = "x", **more: object) -> int:
    """A finding about the account (or an office); its number."""
    with transaction(world.rt) as session:
        account = None if "office" in more else session.get_one(findings.Account, ACCOUNT)
        words = {"severity": 1, "details": {"address": "10.0.0.9", "why": "no_such_lease"}} | more
        findings.raise_finding(world.rt, session, kind, key=key, account=account, **words)  # type: ignore[arg-type]
    with world.admin_control() as admin:
        row = admin.execute("SELECT id FROM finding WHERE key = %s", (f"{kind}:{key}",)).fetchone()
    assert row is not None
    return int(row[0])


def steps(visitor: Visitor) -> set[str]:
    """The steps that the page offers."""
    actions = [str(f.get("action")) for f in visitor.all("form") if "/findings/" in str(f.get("action"))]
    return {action.rpartition("/")[2] for action in actions if action.rpartition("/")[2]}


def version(visitor: Visitor) -> str:
    """What the page was drawn from."""
    return str(visitor.all("input", name="version")[0].get("value"))


def test_a_finding_is_taken_answered_closed_and_reopened_with_reasons_that_stay(
    visitor: Visitor, world: World
):
    identity = raise_one(world)
    world.settle()
    visitor.sign_in("cjt.gd")
    visitor.get("/findings/")
    assert "Đăng nhập không rõ nguồn gốc" in visitor.words("table")
    visitor.get(f"/findings/{identity}")
    look_over(visitor)
    for words in ("Vì sao quan trọng", "Cần làm gì", "TKCL · Cư Jút → Đắk Mil", "10.0.0.9", "Nghiêm trọng"):
        assert words in visitor.words(), words
    assert steps(visitor) == {"take", "note"}, "nothing is closed that nobody has taken"
    visitor.send(f"/findings/{identity}/take", version=version(visitor))
    assert steps(visitor) == {"answer", "close", "note"}
    visitor.send(f"/findings/{identity}/answer", version=version(visitor), words="Máy  của phòng\nCNTT")
    assert "Máy của phòng CNTT" in visitor.words()
    visitor.send(f"/findings/{identity}/close", version=version(visitor), words="Đã rõ nguyên nhân")
    look_over(visitor)
    assert steps(visitor) == {"reopen", "note"}
    visitor.get("/findings/")
    assert "Không có phát hiện nào chưa kết thúc" in visitor.words()
    visitor.get("/findings/?state=all")
    assert "Đã kết thúc" in visitor.words("table")
    visitor.get(f"/findings/{identity}")
    visitor.send(f"/findings/{identity}/reopen", version=version(visitor), words="Lại có đăng nhập")
    assert steps(visitor) == {"take", "note"}
    told = [(r["event"], r["actor"], r.get("reason"), r["details"]["state"]) for r in world.records()
            if r["event"].startswith("finding.") and r["event"] != "finding.raised"]  # fmt: skip
    assert told == [
        ("finding.taken", "cjt.gd", None, "TAKEN"),
        ("finding.handled", "cjt.gd", "Máy của phòng CNTT", "ANSWERED"),
        ("finding.closed", "cjt.gd", "Đã rõ nguyên nhân", "CLOSED"),
        ("finding.reopened", "cjt.gd", "Lại có đăng nhập", "OPEN"),
    ]


def test_the_second_of_two_people_is_told_and_what_he_typed_is_not_lost(
    visitor: Visitor, another: Visitor, world: World
):
    identity = raise_one(world)
    visitor.sign_in("cjt.gd")
    another.sign_in("vpt.cntt1")
    for person in (visitor, another):
        person.get(f"/findings/{identity}")
    seen = version(another)
    visitor.send(f"/findings/{identity}/take", version=version(visitor))
    visitor.send(f"/findings/{identity}/answer", version=version(visitor), words="Đã hỏi")
    answer = another.send(f"/findings/{identity}/close", version=seen, words="Tôi đóng đây")
    assert answer.status_code == 409
    head = visitor.all("summary")[0]
    assert "đã cập nhật phát hiện này lúc" in another.words()
    assert "".join(head.itertext()).split()[0] in another.words()
    assert "Tôi đóng đây" in another.words(), "the words are still in their field"
    assert len(world.records("finding.closed")) == 0
    assert (
        another.send(
            f"/findings/{identity}/close", version=version(another), words="Tôi đóng đây"
        ).status_code
        == 200
    )
    assert len(world.records("finding.closed")) == 1


def test_a_form_sent_twice_is_one_step_and_one_note(visitor: Visitor, world: World):
    identity = raise_one(world)
    visitor.sign_in("cjt.gd")
    visitor.get(f"/findings/{identity}")
    seen = version(visitor)
    for step in ("take", "take", "note", "note"):
        fields = {"version": seen} if step == "take" else {"words": "Đang hỏi"}
        assert visitor.send(f"/findings/{identity}/{step}", **fields).status_code == 200
    with world.admin_control() as admin:
        found = admin.execute("SELECT what FROM finding_remark ORDER BY id").fetchall()
    assert [row[0] for row in found] == ["take", "note"]
    assert len(world.records("finding.taken")) == 1


def test_AU4_an_auditor_annotates_and_handles_nothing(visitor: Visitor, another: Visitor, world: World):
    identity = raise_one(world)
    visitor.sign_in("vpt.ktra1")
    visitor.get(f"/findings/{identity}")
    assert steps(visitor) == {"note"}
    visitor.send(f"/findings/{identity}/note", words=unicodedata.normalize("NFD", "Đề nghị giải trình"))
    (record,) = world.records("finding.annotated")
    assert (record["actor"], record["reason"]) == ("vpt.ktra1", "Đề nghị giải trình")
    for step in ("take", "answer", "close", "reopen"):
        assert visitor.send(f"/findings/{identity}/{step}", words="x", version="1").status_code == 403, step
    another.sign_in("cjt.gd")
    another.get(f"/findings/{identity}")
    assert "Đề nghị giải trình" in another.words()
    assert not world.records("finding.taken")


@pytest.mark.parametrize("person", ["cjt.the1", "cjt.tn1", "gng.gd", "cjt.thu2"])
def test_who_may_not_see_it_finds_no_page_and_changes_nothing(visitor: Visitor, world: World, person: str):
    identity = raise_one(world)
    visitor.sign_in(person)
    assert visitor.get(f"/findings/{identity}").status_code == 404
    custodian = person in ("gng.gd", "cjt.thu2")
    assert visitor.get("/findings/").status_code == (200 if custodian else 403)
    assert "10.0.0.9" not in visitor.words()
    visitor.get("/")
    for step in ("take", "close", "note"):
        assert visitor.send(f"/findings/{identity}/{step}", words="x", version="1").status_code == 404, step


def test_nobody_deals_with_a_finding_about_his_own_session(visitor: Visitor, another: Visitor, world: World):
    world.lend("cjt.the2", ACCOUNT)
    with transaction(world.rt) as session:
        lease = session.query(findings.Lease).one()
        findings.raise_finding(
            world.rt, session, Kind.SELF_CHANGE, key="own", severity=2, account=lease.account, lease=lease
        )
    with world.admin_control() as admin:
        (identity,) = admin.execute("SELECT id FROM finding WHERE kind = 'self_change'").fetchone()  # type: ignore[misc]
    visitor.sign_in("cjt.the2")
    visitor.get(f"/findings/{identity}")
    assert steps(visitor) == set()
    visitor.get("/")
    assert visitor.send(f"/findings/{identity}/take", version="1").status_code == 403
    assert visitor.send(f"/findings/{identity}/note", words="Không phải tôi").status_code == 403
    another.sign_in("cjt.gd")
    another.get(f"/findings/{identity}")
    assert steps(another) == {"take", "note"}


@pytest.mark.parametrize(
    ("step", "fields", "status"),
    [
        ("answer", {"words": ""}, 422),
        ("answer", {"words": "x" * 501}, 422),
        ("close", {"words": "\u202etxt"}, 422),
        ("reopen", {"words": "x"}, 409),
        ("nothing", {"words": "x"}, 404),
        ("note", {"words": "  "}, 422),
        ("answer", {"words": "x", "version": "99999999999999999999"}, 409),
        ("answer", {"words": "x", "version": "x"}, 409),
    ],
)
def test_bad_input_is_explained_and_changes_nothing(
    visitor: Visitor, world: World, step: str, fields: dict[str, str], status: int
):
    identity = raise_one(world)
    visitor.sign_in("cjt.gd")
    visitor.get(f"/findings/{identity}")
    visitor.send(f"/findings/{identity}/take", version=version(visitor))
    answer = visitor.send(f"/findings/{identity}/{step}", **({"version": version(visitor)} | fields))
    assert answer.status_code == status
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM finding_remark").fetchone() == (1,)


def test_the_list_is_filtered_sorted_and_paged(visitor: Visitor, world: World):
    raise_one(world)
    raise_one(world, Kind.CLOCK_SKEW, key="dml", office="DML", severity=2)
    raise_one(world, Kind.FAILED_LOGINS_IDLE, key="old", severity=3)
    with world.admin_control() as admin:
        admin.execute("UPDATE finding SET first_at = first_at - interval '8 days' WHERE severity = 3")
        admin.execute(
            "INSERT INTO finding (key, kind, severity, office, details, times, first_at, last_at, state)"
            " SELECT 'many:' || n, 'drift', 2, 'TDC', '{}', 1, now(), now(), 'OPEN' FROM generate_series(1, 10000) n"
        )
    visitor.sign_in("vpt.ktra1")

    def seen(query: str) -> list[str]:
        visitor.get(f"/findings/?{query}")
        return ["".join(row.itertext()) for row in (visitor.all("tbody") or [[]])[0]]

    assert "Đăng nhập không rõ nguồn gốc" in seen("")[0]
    assert "10.003 phát hiện" in visitor.words()
    assert len(seen("page=201")) == 3
    assert len(seen("page=99999")) == 3
    assert len(seen("office=DML")) == 1
    assert len(seen("kind=failed_logins_idle&severity=3")) == 1
    assert len(seen("older=7")) == 1
    assert len(seen("account=tkcl-cjt-dml")) == 2
    assert len(seen("owner=nobody&office=DML")) == 1
    assert seen("owner=me") == []
    assert "Không có phát hiện nào khớp" in visitor.words()
    assert "Đăng nhập sai vào tài khoản" in seen("order=oldest")[0]
    for odd in ("severity=x", "page=x", "page=-1", "state=nothing", "older=99999999", "order='", "kind=%25"):
        assert visitor.get(f"/findings/?{odd}").status_code == 200, odd
    look_over(visitor)


def test_the_empty_list_teaches(reader: Visitor):
    reader.sign_in("vpt.ktra1")
    reader.get("/findings/")
    look_over(reader)
    assert "so khớp đăng nhập cơ sở dữ liệu với phiên sử dụng liên tục" in reader.words()


def test_a_very_long_name_and_note_do_not_break_the_page(visitor: Visitor, world: World):
    identity = raise_one(world, details={"application": "x" * 3000})
    visitor.sign_in("cjt.gd")
    visitor.get(f"/findings/{identity}")
    visitor.send(f"/findings/{identity}/note", words="Đ" * 500)
    assert "Đ" * 500 in visitor.words()
    assert len(visitor.all("li")) > 0
    assert visitor.page.find(f".//{XHTML}main") is not None
