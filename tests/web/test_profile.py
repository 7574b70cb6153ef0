"""One's own profile: who one is to the service, since when and by whose decision, with a way to each thing."""

from __future__ import annotations

from accessctl.services import roles
from accessctl.services.actor import officer_named
from accessctl.services.control import transaction
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over


def test_a_custodian_reads_name_office_accounts_and_state_of_everything_own(visitor: Visitor):
    visitor.sign_in("cjt.the2")
    assert "/me/" in [a.get("href") for a in visitor.all("a")]
    visitor.get("/me/")
    look_over(visitor)
    words = visitor.words()
    for said in (
        "BHXH huyện Cư Jút", "cjt.the2", "Cấp sổ, thẻ", "TKCL · Cư Jút", "8 tài khoản", "Chưa đăng ký",
        "1 nơi, kể cả nơi này", "không có mã nào", "theo lựa chọn của máy này", "Hồ sơ thành lập của tỉnh",
    ):  # fmt: skip
        assert said in words, said
    links = {a.get("href") for a in visitor.all("main")[0].iter() if a.get("href")}
    assert {
        "/me/acts", "/me/password", "/me/second-factor", "/me/sessions", "/me/tokens", "/notices/",
        "/notices/preferences", "/accounts/?kind=TKCL&guest=CJT", "/custodians/CJT",
    } <= links  # fmt: skip
    for link in sorted(links):
        assert visitor.get(link).status_code == 200, link


def test_a_role_says_whose_words_brought_it_and_one_that_waits_what_it_lacks(visitor: Visitor, world: World):
    head, it = world.actor("cjt.gd"), world.actor("vpt.cntt1")
    with transaction(world.rt) as session:
        (role, *_) = roles.choices(session, officer_named(session, "cjt.the1"))
        wanted = roles.Wanted("cjt.the1", role, "Tăng cường bộ phận thẻ")
        roles.propose(world.rt, session, head, wanted)
    visitor.sign_in("cjt.the1")
    visitor.get("/me/")
    look_over(visitor)
    assert "Đang chờ" in visitor.words()
    assert "chờ Phòng Công nghệ thông tin nhập" in visitor.words()
    with transaction(world.rt) as session:
        roles.enter(world.rt, session, it, wanted)
    visitor.get("/me/")
    assert "Đang chờ" not in visitor.words()
    assert f"{head.full_name}, {it.full_name}" in visitor.words()
    assert "Tăng cường bộ phận thẻ" in visitor.words()
