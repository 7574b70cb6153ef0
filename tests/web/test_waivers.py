"""The pages of the director's waivers (S13): who grants, what is seen where it had effect, what ends with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl import clock
from accessctl.domain.accounts import Kind
from tests.common.world import World
from tests.services.test_waivers import CARD, DIRECTOR, HEAD, vacate
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over


def day(world: World, days: int = 0) -> str:
    return f"{clock.local(world.now() + timedelta(days=days)):%d/%m/%Y}"


def fields(world: World, **more: str) -> dict[str, str]:
    words = {
        "office": "CJT",
        "what": "both_kinds",
        "officer": CARD,
        "since": day(world),
        "until": day(world, 30),
    }
    return words | {"decision_no": "77/QĐ-BHXH", "reason": "Đơn vị chỉ có hai người"} | more


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_page_of_the_waivers_is_sound_in_both_languages(reader: Visitor, language: str):
    reader.sign_in(DIRECTOR)
    reader.send(f"/language/{language}", next="/")
    for address in ("/waivers/", "/waivers/grant", "/waivers/grant?office=CJT", "/waivers/grant?office=XXX"):
        assert reader.get(address).status_code == 200, address
        look_over(reader)
    reader.send("/language/vi", next="/")
    for address in ("/waivers/1", "/waivers/0x", "/waivers/99999999999999999999/end"):
        assert reader.get(address).status_code == 404, address


def test_S13_the_director_waives_the_head_appoints_and_everybody_sees_on_what_it_rests(
    visitor: Visitor, another: Visitor, world: World
):
    vacate(world, Kind.TKHCTT)
    visitor.sign_in(DIRECTOR)
    visitor.get("/waivers/grant?office=CJT")
    assert visitor.send("/waivers/grant", **fields(world, reason="")).status_code == 422
    assert [one.get("value") for one in visitor.all("input", name="decision_no")] == ["77/QĐ-BHXH"]
    assert visitor.send("/waivers/grant", **fields(world, until="32/13/2026")).status_code == 422
    assert visitor.send("/waivers/grant", **fields(world)).status_code == 200
    assert "Đang có hiệu lực" in visitor.words()
    look_over(visitor)
    address = visitor.path
    assert visitor.send("/waivers/grant", **fields(world)).status_code == 409, "sent twice"
    another.sign_in(HEAD)
    another.get("/custodians/CJT/tkhctt/appoint")
    assert "theo ngoại lệ của Giám đốc" in another.words()
    look_over(another)
    another.send(
        "/custodians/CJT/tkhctt/appoint", officer=CARD, decision_no="5/QĐ", since=day(world), seen=""
    )
    assert another.all("a", href=address), "the page of the office says on what it rests"
    look_over(another)
    another.get(f"/custodians/on?day={day(world)}")
    assert another.all("a", href=address)
    world.rt.forget_offices()  # and the month's figures, which are kept for half a minute
    visitor.get("/")
    assert "1 ngoại lệ về phân công đang có hiệu lực" in visitor.words()
    visitor.get(f"{address}/end")
    assert "mọi phiên TKHCTT đang mở của đơn vị bị ngắt" in visitor.words()
    look_over(visitor)
    assert visitor.send(f"{address}/end", reason="").status_code == 422
    visitor.send(f"{address}/end", reason="Đã có người mới")
    assert "Kết thúc sớm" in visitor.words()
    assert visitor.get(f"{address}/end").status_code == 409
    another.get("/custodians/CJT")
    assert "Không có người chịu trách nhiệm" in another.words()


def test_S54_only_the_director_grants_and_ends_and_every_officer_may_read(visitor: Visitor, world: World):
    visitor.sign_in(DIRECTOR)
    visitor.get("/waivers/grant?office=CJT")
    visitor.send("/waivers/grant", **fields(world))
    address = visitor.path
    visitor.send("/sign-out")
    for person in ("cjt.gd", "vpt.cntt1", "vpt.ktra1", "cjt.tn1"):
        visitor.sign_in(person)
        assert visitor.get("/waivers/").status_code == 200
        assert visitor.get(address).status_code == 200
        assert not visitor.all("a", href=f"{address}/end")
        for page in ("/waivers/grant", "/waivers/grant?office=CJT", f"{address}/end"):
            assert visitor.get(page).status_code == 403, (person, page)
        visitor.get("/help/")
        assert visitor.send("/waivers/grant", **fields(world, officer="cjt.the1")).status_code == 403
        visitor.get("/help/")
        assert visitor.send(f"{address}/end", reason="x").status_code == 403
        visitor.send("/sign-out")
    assert len(world.records("waiver.granted")) == 1
    assert world.records("waiver.ended") == []
