"""The matrix as a page: a real table, kept up to date cheaply, for every reader what he may know."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import event

from accessctl.services import accounts, matrix
from accessctl.services.control import transaction
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor

TKCL = "TKCL-CJT-DML"
OFFICES = 9


def cell(visitor: Visitor, place: str = "CJT-DML") -> str:
    """What a screen reader says of one cell."""
    (found,) = visitor.all("td", id=f"x-{place}")
    return " ".join("".join(found.itertext()).split())


def changes(visitor: Visitor, tag: str = "", kind: str = "TKCL") -> tuple[int, str, str]:
    """What the script asks for: status, version, body."""
    told = {"HX-Request": "true", "If-None-Match": f'"{tag}"'}
    answer = visitor.client.get(f"/matrix/changes?kind={kind}", headers=told)
    return answer.status_code, answer.headers.get("ETag", "").strip('W/"'), answer.text


def test_the_square_is_a_real_table_with_headers_for_rows_and_columns(reader: Visitor):
    reader.sign_in("vpt.cntt1")
    reader.get("/matrix/")
    (table,) = reader.all("table", id="square")
    assert len(table.findall(f"{XHTML}caption")) == 1
    heads = [th.get("scope") for th in table.iter(f"{XHTML}th")]
    assert (heads.count("row"), heads.count("col")) == (OFFICES, OFFICES)
    ids = {th.get("id") for th in table.iter(f"{XHTML}th")}
    cells = [td for td in table.iter(f"{XHTML}td") if td.get("headers")]
    assert len(cells) == OFFICES**2
    assert all(set(td.get("headers").split()) <= ids for td in cells)
    assert len([td for td in cells if td.get("class") == "self"]) == OFFICES
    assert cell(reader) == "TKCL · Cư Jút → Đắk Mil: Sẵn sàng"


def test_every_state_has_a_mark_of_its_own_shape_and_words(reader: Visitor):
    reader.sign_in("vpt.cntt1")
    reader.get("/matrix/")
    drawn = {
        s.get("id"): "".join(sorted(str(dict(e.attrib)) for e in s))
        for s in reader.page.iter("{http://www.w3.org/2000/svg}symbol")
    }
    assert len(drawn) == 8
    assert len(set(drawn.values())) == len(drawn)
    legend = " ".join("".join(reader.all("section", class_="keys")[0].itertext()).split())
    for word in (
        "Sẵn sàng",
        "Đang sử dụng",
        "Tạm ngừng",
        "Đã khóa",
        "Cách ly",
        "Chưa kích hoạt",
        "thu hồi vĩnh viễn",
    ):
        assert word in legend


def test_the_switch_shows_the_other_kind_and_a_strange_kind_is_the_first(reader: Visitor):
    reader.sign_in("cjt.gd")
    reader.get("/matrix/?kind=TKHCTT")
    assert "Tài khoản hiệu chỉnh thông tin" in reader.words("h1")
    assert cell(reader).startswith("TKHCTT · Cư Jút → Đắk Mil")
    for strange in ("kind=LOCAL_CL", "kind='; DROP TABLE account; --", "rows=99999999999999&columns=-1"):
        assert reader.get(f"/matrix/?{strange}").status_code == 200
        assert "Tài khoản cấp lại thẻ BHYT" in reader.words("h1")


def test_everything_ready_is_said_and_explained(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/matrix/")
    assert "Mọi tài khoản trong hình đều sẵn sàng" in reader.words()
    assert "72 sẵn sàng" in reader.words()


def test_a_change_elsewhere_shows_within_two_seconds_and_nothing_is_sent_while_nothing_changes(
    visitor: Visitor, world: World
):
    visitor.sign_in("vpt.ktra1")
    visitor.get("/matrix/")
    (live,) = visitor.all("div", id="live")
    shown = live.get("data-version")
    assert changes(visitor, shown)[::2] == (304, "")
    world.lend("cjt.the1", TKCL)
    began = time.monotonic()
    status, tag, body = changes(visitor, shown)
    while status == 304:
        assert time.monotonic() - began < 0.5, "the server keeps its picture for 0.3 s"
        status, tag, body = changes(visitor, shown)
    assert "Lê Thị Ngọc Diệp" in body
    assert "<html" not in body
    assert changes(visitor, tag)[::2] == (304, "")
    assert changes(visitor, tag, "TKHCTT")[0] == 200


def test_whoever_only_follows_it_costs_one_statement_that_says_who_asks(
    visitor: Visitor, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(matrix, "_KEPT", 60.0)  # however slow this machine is, nobody reads the picture anew
    visitor.sign_in("vpt.ktra1")
    _, tag, _ = changes(visitor)
    said: list[str] = []

    @event.listens_for(world.rt.engine, "before_cursor_execute")
    def heard(*args: object) -> None:
        said.append(str(args[2]))

    try:
        for _ in range(20):
            assert changes(visitor, tag)[0] == 304
    finally:
        event.remove(world.rt.engine, "before_cursor_execute", heard)
    assert len(said) == 20
    assert all("web_session" in words for words in said)


def test_a_cell_says_who_until_when_and_how_many_wait_or_why_it_is_out_of_use(visitor: Visitor, world: World):
    lease = world.lend("cjt.the1", TKCL)
    world.lend("cjt.the2", TKCL, number=2)
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), "TKCL-TDC-KNO", "Nghi lộ mật khẩu")
    visitor.sign_in("cjt.gd")
    visitor.get("/matrix/")
    assert lease.state == "ACTIVE"
    assert "Đang sử dụng" in cell(visitor)
    assert "Lê Thị Ngọc Diệp" in cell(visitor)
    assert "1 người chờ" in cell(visitor)
    assert "Đã khóa" in cell(visitor, "TDC-KNO")
    (busy,) = visitor.all("section", id="busy")
    assert "Nghi lộ mật khẩu" in "".join(busy.itertext())


def test_whoever_may_not_know_the_holder_sees_the_state_and_no_name(visitor: Visitor, world: World):
    world.lend("cjt.the1", TKCL)
    visitor.sign_in("tdc.tn1")
    visitor.get("/matrix/")
    assert "Đang sử dụng" in cell(visitor)
    assert "Diệp" not in visitor.answer.text
    assert "Diệp" not in changes(visitor)[2]


def test_looking_by_itself_does_not_keep_the_session_alive(visitor: Visitor, world: World):
    visitor.sign_in("vpt.ktra1")
    visitor.get("/matrix/")
    for _ in range(3):
        world.shift += timedelta(minutes=6)
        status = changes(visitor)[0]
    assert status == 401


def test_the_version_differs_between_languages(visitor: Visitor):
    visitor.sign_in("vpt.gd")
    tag = changes(visitor)[1]
    visitor.get("/matrix/")
    visitor.send("/language/en", next="/matrix/")
    status, _, body = changes(visitor, tag)
    assert status == 200
    assert "available" in body.lower()


@pytest.mark.parametrize(
    "person", ["cjt.the2", "cjt.tn1", "cjt.gd", "vpt.cntt1", "vpt.ktra1", "vpt.gd", "vpt.tt1"]
)
def test_every_officer_may_open_it_as_the_policy_says(reader: Visitor, person: str):
    reader.sign_in(person)
    assert reader.get("/matrix/").status_code == 200


def test_without_a_script_a_link_loads_it_anew(reader: Visitor):
    reader.sign_in("vpt.gd")
    reader.get("/matrix/?kind=TKHCTT")
    hrefs = [a.get("href") for a in reader.all("a") if "Tải lại" in "".join(a.itertext())]
    assert len(hrefs) == 1
    assert "TKHCTT" in hrefs[0]
    assert reader.get(hrefs[0]).status_code == 200
