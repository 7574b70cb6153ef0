"""The drift board in the browser: who sees what, each deviation in words with its statement, look again, repair."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from accessctl.services import drift, repair
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

IT, DIRECTOR, HEAD, CLERK = "vpt.cntt1", "vpt.gd", "kno.gd", "cjt.the1"
TABLE = "GRANT SELECT ON bhyt.participant TO tkcl_cjt_kno"
SET = "GRANT tkcl_cjt_kno TO accessctl_broker WITH SET TRUE, INHERIT FALSE GRANTED BY accessctl_broker"


@pytest.fixture
def tampered(world: World) -> Iterator[World]:
    """KNO with a table granted by a DBA and the broker able to become an account."""
    with world.admin_office("KNO") as admin:
        for statement in (TABLE, SET):
            admin.execute(sql.SQL(statement))
    drift.look(world.rt, "KNO")
    yield world
    repair.apply(world.rt, world.actor(IT), ["KNO"], lambda _: world.province.cluster.dsn())


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_director_reads_what_is_wrong_and_is_offered_no_repair(
    visitor: Visitor, tampered: World, language: str
) -> None:
    visitor.get("/sign-in")
    visitor.send(f"/language/{language}", next="/sign-in")
    visitor.sign_in(DIRECTOR)
    visitor.get("/drift/")
    look_over(visitor)
    rows = visitor.all("tbody")[0].findall(f"{XHTML}tr")
    assert len(rows) == 9
    assert "Krông Nô" in "".join(rows[0].itertext())  # the worst first
    visitor.get("/drift/KNO")
    look_over(visitor)
    said = (
        "có thêm quyền đọc bảng bhyt.participant"
        if language == "vi"
        else "may in addition read: table bhyt.participant"
    )
    assert said in visitor.words()
    assert "/drift/KNO/repair" not in {a.get("href") for a in visitor.all("a")}
    assert visitor.get("/drift/KNO/repair").status_code == 403


def test_it_sees_the_plan_confirms_it_once_and_hands_the_rest_to_a_DBA(
    visitor: Visitor, tampered: World
) -> None:
    visitor.sign_in(IT)
    visitor.get("/drift/KNO/repair")
    look_over(visitor)
    assert "Hệ thống tự làm được: 1" in visitor.words()
    assert (
        "REVOKE SELECT ON TABLE bhyt.participant FROM tkcl_cjt_kno CASCADE;"
        in visitor.words("pre") + visitor.words()
    )
    [seen] = [field.get("value") for field in visitor.all("input", name="seen")]
    visitor.send("/drift/KNO/repair", seen=seen)
    assert visitor.path == "/drift/KNO"
    assert "Đã khắc phục 1 sai lệch, còn lại 1." in visitor.words()
    assert "tự chuyển thành tkcl_cjt_kno" not in visitor.words()
    visitor.send(
        "/drift/KNO/repair", seen=seen
    )  # the same form again: the plan has moved on, nothing is done
    assert visitor.answer is not None
    assert visitor.answer.status_code == 409
    assert "đã thay đổi từ lúc ông/bà mở trang" in visitor.words()
    assert len(tampered.records("policy.repaired.failed")) == 1


def test_looking_again_finds_what_a_DBA_has_put_right_meanwhile(visitor: Visitor, tampered: World) -> None:
    repair.apply(tampered.rt, tampered.actor(IT), ["KNO"])
    with tampered.admin_office("KNO") as admin:
        admin.execute("REVOKE SELECT ON bhyt.participant FROM tkcl_cjt_kno")
    visitor.sign_in(HEAD)
    visitor.get("/drift/KNO")
    assert "bhyt.participant" in visitor.words()
    visitor.send("/drift/KNO/look")
    assert "Đã so sánh lại: không có sai lệch nào." in visitor.words()
    look_over(visitor)
    assert "Không có sai lệch nào" in visitor.words()
    assert "đã khắc phục 1, còn lại 1" in visitor.words()


def test_before_the_first_look_the_page_says_so(reader: Visitor) -> None:
    reader.sign_in(IT)
    reader.get("/drift/TDC")
    look_over(reader)
    assert "Chưa xem lần nào" in reader.words()
    reader.get("/drift/TDC/repair")
    look_over(reader)
    assert "Không có gì để khắc phục" in reader.words()


@pytest.mark.parametrize(
    ("person", "board", "own", "other", "plan"),
    [
        (CLERK, 403, 403, 403, 403),
        (HEAD, 200, 200, 403, 403),
        ("vpt.ktra1", 200, 200, 200, 403),
        (IT, 200, 200, 200, 200),
    ],
)
def test_S54_who_may_open_the_board(
    reader: Visitor, person: str, board: int, own: int, other: int, plan: int
) -> None:
    reader.sign_in(person)
    assert reader.get("/drift/").status_code == board
    assert reader.get("/drift/KNO").status_code == own
    assert reader.get("/drift/DML").status_code == other
    assert reader.get("/drift/KNO/repair").status_code == plan
    reader.get("/")
    assert reader.send("/drift/XXX/look").status_code == 404
