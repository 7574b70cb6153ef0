"""The pages of the offices and of the calendar: addressable, for everybody to read, for few to change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.clock import PROVINCE_TIME
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over

READ = ["/offices/", "/offices/CJT", "/offices/VPT", "/offices/calendar", "/offices/calendar?year=2026"]
IT = ["/offices/CJT/hours", "/offices/calendar/announce", "/offices/calendar/announce?day=30/04/2030"]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_calendar_of_a_year_is_in_the_readers_language(reader: Visitor, language: str):
    reader.get("/sign-in")
    reader.send(f"/language/{language}", next="/sign-in")
    reader.sign_in("vpt.cntt1")
    reader.get("/offices/calendar?year=2026")
    assert ("Lunar New Year" if language == "en" else "Tết Nguyên Đán") in reader.words("table")
    assert ("Vietnam" if language == "en" else "Lịch ngày lễ Việt Nam") in reader.words("table")
    assert reader.get("/offices/calendar/announce?day=30/04/2030").status_code == 200
    look_over(reader)


@pytest.mark.parametrize("person", ["cjt.tn1", "cjt.the1", "cjt.the2", "vpt.ktra1", "vpt.gd", "vpt.tt1"])
def test_everybody_reads_and_only_it_and_the_head_change(reader: Visitor, person: str):
    reader.sign_in(person)
    for address in READ:
        assert reader.get(address).status_code == 200, address
    for address in [*IT, "/offices/CJT/windows/open", "/offices/calendar/1/withdraw"]:
        assert reader.get(address).status_code == 403, address
    for address in ("/offices/CJT/hours", "/offices/calendar/announce", "/offices/calendar/1/withdraw"):
        assert reader.send(address, day="30/04/2030", reason="x").status_code == 403, address
    assert reader.get("/offices/XXX").status_code == 404
    for strange in ("?year=abcd", "?year=0000", "?year=%00", "?year=99999"):
        assert reader.get(f"/offices/calendar{strange}").status_code == 200


def test_the_office_page_names_head_custodians_and_departments_and_shows_a_gap_in_red(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.tn1")
    visitor.get("/offices/CJT")
    for words in (
        "Trịnh Văn Cường",
        "Trần Đức Minh",
        "Nguyễn Hữu Toàn",
        "Bộ phận Cấp sổ, thẻ",
        "0900 000 034",
    ):
        assert words in visitor.words(), words
    assert not [
        a for a in visitor.all("a") if "/officers/" in a.get("href", "")
    ]  # a clerk may not see the staff
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE custody SET period = tstzrange(lower(period), lower(period) + interval '1 millisecond'),"
            " end_reason = 'x' WHERE office_code = 'CJT' AND kind = 'TKCL'"
        )
    visitor.get("/offices/CJT")
    assert "chưa có" in visitor.words()
    assert "tạm ngừng sử dụng" in visitor.words()
    look_over(visitor)


def test_it_sets_the_hours_on_the_page_and_the_second_editor_keeps_what_was_typed(
    visitor: Visitor, another: Visitor
):
    visitor.sign_in("vpt.cntt1")
    another.sign_in("vpt.cntt2")
    visitor.get("/offices/CJT/hours")
    known = str(visitor.all("input", name="version")[0].get("value"))
    another.get("/offices/CJT/hours")
    typed = {"spans": "07:30-11:30\n13:30-17:00", "version": known}
    assert visitor.send("/offices/CJT/hours", reason="", **typed).status_code == 422
    look_over(visitor)
    assert visitor.send("/offices/CJT/hours", reason="Thông báo 3", **typed).status_code == 200
    assert "07:30 – 11:30" in visitor.words()
    answer = another.send("/offices/CJT/hours", spans="08:00-12:00", reason="Thông báo 4", version=known)
    assert answer.status_code == 409
    assert "vừa được người khác thay đổi" in another.words()
    assert another.all("textarea")[0].text == "08:00-12:00"
    look_over(another)


def test_S34_the_head_opens_extra_hours_and_takes_them_back(visitor: Visitor, world: World):
    visitor.sign_in("cjt.gd")
    tomorrow = f"{world.now().astimezone(PROVINCE_TIME) + timedelta(days=1):%d/%m/%Y}"
    visitor.get("/offices/CJT/windows/open")
    for bad in (
        {"day": "x", "opens": "17:00", "closes": "19:00"},
        {"day": tomorrow, "opens": "19:00", "closes": "17:00"},
        {"day": tomorrow, "opens": "05:00", "closes": "19:00"},
        {"day": tomorrow, "opens": "25:00", "closes": "19:00"},
    ):
        assert visitor.send("/offices/CJT/windows/open", reason="Tiếp dân", **bad).status_code == 422, bad
        look_over(visitor)
    good = {"day": tomorrow, "opens": "17:00", "closes": "19:00", "reason": "Tiếp dân"}
    assert visitor.send("/offices/DML/windows/open", **good).status_code == 403
    assert visitor.send("/offices/CJT/windows/open", **good).status_code == 200
    visitor.send("/offices/CJT/windows/open", **good)  # sent twice
    assert visitor.words().count("Tiếp dân") == 1
    look_over(visitor)
    (link,) = [a.get("href") for a in visitor.all("a") if str(a.get("href")).endswith("/withdraw")]
    visitor.get(link)
    look_over(visitor)
    assert visitor.send(link, reason="").status_code == 422
    assert visitor.send(link, reason="Không cần nữa").status_code == 200
    assert "Đã rút lại" in visitor.words()
    assert visitor.send(link, reason="Không cần nữa").status_code == 409
    assert visitor.get("/offices/CJT/windows/x/withdraw").status_code == 404


def test_it_announces_a_day_replaces_it_and_takes_it_back_and_the_history_stays(
    visitor: Visitor, another: Visitor, world: World
):
    day = "02/01/2099"
    visitor.sign_in("vpt.cntt1")
    visitor.get("/offices/calendar/announce")
    typed = {"day": day, "works": "no", "decision_no": "1/TB", "note": "Nghỉ bù", "replaces": "0"}
    for bad, status in (
        ({"day": "31/02/2099"}, 422),
        ({"decision_no": ""}, 422),
        ({"day": "01/01/2020"}, 422),
    ):
        assert visitor.send("/offices/calendar/announce", **typed | bad).status_code == status, bad
        look_over(visitor)
    assert visitor.send("/offices/calendar/announce", **typed).status_code == 200
    assert "Thông báo 1/TB" in visitor.words("table")
    look_over(visitor)
    another.sign_in("vpt.cntt2")
    another.get("/offices/calendar/announce")
    late = typed | {"works": "yes", "decision_no": "2/TB"}
    assert another.send("/offices/calendar/announce", **late).status_code == 409
    another.get(f"/offices/calendar/announce?day={day}")
    assert "Điều chỉnh mới sẽ thay thế" in another.words()
    replaces = str(another.all("input", name="replaces")[0].get("value"))
    assert another.send("/offices/calendar/announce", **late | {"replaces": replaces}).status_code == 200
    (link,) = {a.get("href") for a in another.all("a") if str(a.get("href")).endswith("/withdraw")}
    another.get(link)
    look_over(another)
    another.send(link, reason="Bãi bỏ")
    assert "được thay thế bằng điều chỉnh mới" in another.words()
    assert "Bãi bỏ" in another.words()
    assert "Thông báo 2/TB" not in another.words()
    assert another.send(link, reason="Bãi bỏ").status_code == 409
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM calendar_override").fetchone() == (2,)
