"""The databases in the browser: green, red with what it means, check now, the daily statement for print."""

from __future__ import annotations

import pytest

from accessctl.clock import local
from tests.common.evidence import certain_at_once
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over


@pytest.mark.parametrize("language", ["vi", "en"])
def test_it_sees_all_nine_databases_and_each_on_its_own_page(visitor: Visitor, language: str):
    visitor.get("/sign-in")
    visitor.send(f"/language/{language}", next="/sign-in")
    visitor.sign_in("vpt.cntt1")
    visitor.get("/databases/")
    look_over(visitor)
    rows = visitor.all("tbody")[0].findall(f"{XHTML}tr")
    assert len(rows) == 9
    assert ("Hoạt động" if language == "vi" else "Working") in visitor.words("table")
    visitor.get("/databases/DML")
    look_over(visitor)
    assert "PostgreSQL" in visitor.words()
    visitor.get("/databases/days")
    look_over(visitor)
    assert len(visitor.all("tbody")[0].findall(f"{XHTML}tr")) == 31


def test_a_database_that_cannot_be_trusted_is_red_and_says_what_follows_and_what_to_do(
    visitor: Visitor, world: World
):
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE account SET state = 'QUARANTINED', reason = 'officedb.down' WHERE name = 'TKCL-CJT-DML'"
        )
    visitor.sign_in("vpt.cntt1")
    with world.admin_office("DML") as admin:
        admin.execute("ALTER EVENT TRIGGER accessctl_login DISABLE")
        try:
            visitor.get("/databases/")
            assert "việc đóng phiên vẫn được thử lại" in visitor.words()
            visitor.get("/databases/DML")
            visitor.send("/databases/DML/check")
        finally:
            admin.execute("ALTER EVENT TRIGGER accessctl_login ENABLE ALWAYS")
    look_over(visitor)
    for words in (
        "Cổng kiểm soát đăng nhập không hoạt động", "Không cho mượn tài khoản của đơn vị này", "officedb install DML",
        "TKCL · Cư Jút → Đắk Mil", "Máy chủ không nhận kết nối.", "1 sai lệch chưa kết thúc",
    ):  # fmt: skip
        assert words in visitor.words(), words


@pytest.mark.parametrize(
    ("person", "status"),
    [("cjt.the1", 403), ("cjt.tn1", 403), ("cjt.gd", 200), ("vpt.ktra1", 200), ("vpt.gd", 200)],
)
def test_who_may_look_at_databases(reader: Visitor, person: str, status: int):
    reader.sign_in(person)
    assert reader.get("/databases/").status_code == status
    assert reader.get("/databases/DML").status_code == (403 if person == "cjt.gd" else status)
    days = 200 if person in ("vpt.ktra1", "vpt.gd") else 403
    assert reader.get("/databases/days").status_code == days
    if person == "cjt.gd":
        reader.get("/databases/")
        assert "/databases/days" not in {a.get("href") for a in reader.all("a")}
        assert len(reader.all("tbody")[0].findall(f"{XHTML}tr")) == 1


@pytest.mark.parametrize("person", ["cjt.the1", "cjt.gd"])
def test_who_may_not_check_or_reconcile_does_not(visitor: Visitor, world: World, person: str):
    visitor.sign_in(person)
    assert visitor.send("/databases/DML/check").status_code == 403
    visitor.get("/")
    assert visitor.send(f"/databases/days/{local(world.now()).date()}/reconcile").status_code == 403
    assert not world.records("reconciliation.done")


def test_S57_the_statement_of_a_day_prints_and_is_made_anew_on_demand(
    visitor: Visitor, world: World, monkeypatch: pytest.MonkeyPatch
):
    certain_at_once(monkeypatch)
    today = local(world.now()).date()
    visitor.sign_in("vpt.cntt1")
    visitor.get(f"/databases/days/{today}")
    look_over(visitor)
    assert "Đối chiếu ngày" in visitor.words("h1")
    assert visitor.all("button", type="button"), "it prints"
    visitor.send(f"/databases/days/{today}/reconcile")
    assert "Đã đọc hết chứng cứ của mọi đơn vị và đối chiếu." in visitor.words()
    (record,) = world.records("reconciliation.done")
    assert (record["actor"], record["details"]["day"]) == ("vpt.cntt1", today.isoformat())


@pytest.mark.parametrize("day", ["2017-01-01", "2999-01-01", "x", "2026-02-31", "2026-13-01"])
def test_a_day_that_is_none_is_explained(reader: Visitor, day: str):
    reader.sign_in("vpt.cntt1")
    assert reader.get(f"/databases/days/{day}").status_code == 422
    assert "Không đối chiếu được ngày" in reader.words()


@pytest.mark.parametrize("code", ["XXX", "cjt", "CJ", "CJTX"])
def test_an_office_that_is_none_is_not_found(reader: Visitor, code: str):
    reader.sign_in("vpt.cntt1")
    assert reader.get(f"/databases/{code}").status_code == 404
