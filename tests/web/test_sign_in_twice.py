"""Two pages at the door, the second factor on one's own page, sessions, tokens, one-time links, kept forms."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from accessctl.app import create_app
from accessctl.services import resets
from accessctl.services.control import transaction
from tests.common.sign_in import Phone, enrolled
from tests.common.world import PASSWORD, World
from tests.web.conftest import Visitor

NEW = "Một câu dài đủ nhớ 2026"


@pytest.fixture
def strict(world: World) -> Any:
    """The application where a second factor is required."""
    rt = world.runtime(ACCESSCTL_SECOND_FACTOR="required")
    yield create_app(rt.settings, runtime=rt)
    rt.close()


def at_the_code(visitor: Visitor, username: str = "cjt.the2") -> None:
    visitor.sign_in(username)
    assert visitor.path == "/sign-in/code"


def set_up(visitor: Visitor, world: World) -> tuple[Phone, list[str]]:
    """Through the page, as a person does: scan, type, read the recovery codes."""
    visitor.get("/me/second-factor")
    key = "".join(next(p for p in visitor.all("p") if "setup-key" in (p.get("class") or "")).itertext())
    phone = Phone(world, key.replace(" ", ""))
    offer = visitor.all("input", name="offer")[0].get("value")
    assert visitor.send("/me/second-factor", offer=offer, code=phone.code()).status_code == 200
    codes = [e.text for e in visitor.all("li", class_="mono")]
    world.shift += timedelta(minutes=2)
    return phone, codes


def test_the_first_page_gives_no_session_and_the_second_brings_to_where_one_wanted(
    visitor: Visitor, world: World
):
    phone, _ = enrolled(world, "cjt.the2")
    visitor.get("/custodians/")
    visitor.send("/sign-in", username="cjt.the2", password=PASSWORD, next="/custodians/")
    assert visitor.path == "/sign-in/code"
    for address in ("/custodians/", "/me/password", "/desk/"):
        assert visitor.client.get(address).status_code == 303
    visitor.get("/sign-in/code?next=/custodians/")
    assert visitor.send("/sign-in/code", code=phone.wrong(), next="/custodians/").status_code == 401
    assert "Mã xác thực không đúng" in visitor.words()
    assert visitor.send("/sign-in/code", code=phone.code(), next="/custodians/").status_code == 200
    assert visitor.path == "/custodians/"


def test_a_wrong_password_never_shows_the_second_page(visitor: Visitor, world: World):
    enrolled(world, "cjt.the2")
    answers = []
    for name in ("cjt.the2", "cjt.the1", "nobody.here"):
        visitor.sign_in(name, "Sai-mat-khau-000")
        answers.append(re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", "", visitor.words()))
        assert visitor.path == "/sign-in"
    assert len(set(answers)) == 1
    assert visitor.get("/sign-in/code").request.path == "/sign-in"


def test_the_second_page_sent_to_another_site_goes_home(visitor: Visitor, world: World):
    phone, _ = enrolled(world, "cjt.the2")
    at_the_code(visitor)
    answer = visitor.send("/sign-in/code", follow=False, code=phone.code(), next="//evil.example")
    assert answer.headers["Location"] == "/"


def test_a_clock_that_is_off_is_told_on_the_page(visitor: Visitor, world: World):
    phone, _ = enrolled(world, "cjt.the2")
    at_the_code(visitor)
    visitor.send("/sign-in/code", code=phone.code(8))
    assert "Đồng hồ lệch" in visitor.words()
    visitor.send("/language/en", next="/sign-in/code")
    visitor.send("/sign-in/code", code=phone.code(12))
    assert "A clock is off" in visitor.words()


def test_a_step_that_is_over_begins_again_at_the_door(visitor: Visitor, world: World):
    phone, _ = enrolled(world, "cjt.the2")
    at_the_code(visitor)
    world.shift += timedelta(minutes=6)
    assert visitor.send("/sign-in/code", code=phone.code()).status_code == 401
    assert visitor.all("input", name="password")
    assert "nhập lại tên đăng nhập và mật khẩu" in visitor.words()
    at_the_code(visitor)
    for _ in range(5):
        visitor.get("/sign-in/code")
        visitor.send("/sign-in/code", code=phone.wrong())
    assert "tạm khóa" in visitor.words()
    assert visitor.all("input", name="password")


def test_a_person_sets_the_factor_up_and_signs_in_by_phone_and_by_paper(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    phone, codes = set_up(visitor, world)
    assert len(codes) == 10
    assert "chỉ hiện một lần" in visitor.words()
    visitor.get("/me/second-factor")
    assert "10 / 10" in visitor.words()
    assert not set(codes) & set(visitor.words().split())
    visitor.send("/sign-out")
    at_the_code(visitor)
    visitor.send("/sign-in/code", code=phone.code())
    assert visitor.path == "/"
    visitor.send("/sign-out")
    at_the_code(visitor)
    visitor.send("/sign-in/code", code=codes[4].lower())
    assert visitor.path == "/"
    visitor.get("/me/second-factor")
    assert "9 / 10" in visitor.words()


def test_the_picture_is_inline_and_a_wrong_code_shows_the_same_picture_again(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    answer = visitor.get("/me/second-factor")
    picture = re.search(r"<svg[^>]*class=\"qr\".*?</svg>", answer.text, re.S)
    assert picture
    assert "style=" not in answer.text
    assert "data:" not in answer.text
    offer = visitor.all("input", name="offer")[0].get("value")
    again = visitor.send("/me/second-factor", offer=offer, code="000000")
    assert again.status_code == 422
    assert picture.group() in again.text


def test_new_recovery_codes_take_a_code_of_the_phone(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    phone, old = set_up(visitor, world)
    visitor.get("/me/second-factor")
    assert visitor.send("/me/recovery-codes", code=phone.wrong()).status_code == 422
    visitor.send("/me/recovery-codes", code=phone.code())
    fresh = [e.text for e in visitor.all("li", class_="mono")]
    assert len(fresh) == 10
    assert not set(fresh) & set(old)


def test_where_it_is_required_who_has_none_is_led_there_before_anything_else(
    strict: Flask, another: Visitor, world: World
):
    visitor = Visitor(strict.test_client())
    visitor.sign_in("cjt.gd")
    assert visitor.path == "/me/second-factor"
    assert "bắt buộc" in visitor.words()
    assert not visitor.all("nav")
    for address in ("/", "/custodians/", "/me/password", "/me/sessions", "/me/tokens"):
        assert visitor.get(address).request.path == "/me/second-factor", address
    set_up(visitor, world)
    assert visitor.get("/custodians/").request.path == "/custodians/"
    clerk = Visitor(strict.test_client())
    assert clerk.sign_in("cjt.the1").request.path == "/"
    clerk.get("/sign-in")
    assert "Bản dùng thử không bắt buộc" not in clerk.words("body")
    another.get("/sign-in")
    assert "không bắt buộc yếu tố xác thực thứ hai" in another.words()


def test_the_rules_of_a_password_are_said_where_one_is_typed(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    visitor.get("/me/password")
    assert "ít nhất 14 ký tự (ít nhất 8 nếu có" in visitor.words()
    set_up(visitor, world)
    visitor.get("/me/password")
    assert "ít nhất 8 ký tự, vì ông/bà đã có" in visitor.words()
    assert visitor.send("/me/password", old=PASSWORD, new="meo den 7", again="meo den 7").status_code == 200


def test_one_sees_and_ends_the_own_sessions(visitor: Visitor, another: Visitor, world: World):
    visitor.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (Windows NT 10.0) Chrome/130 Safari/537"
    another.client.environ_base["HTTP_USER_AGENT"] = "Mozilla/5.0 (X11; Linux) Gecko Firefox/140.0\x07<b>"
    for one in (visitor, another):
        one.sign_in("cjt.the2")
    visitor.get("/me/sessions")
    assert "Chrome, Windows" in visitor.words()
    assert "Firefox, Linux" in visitor.words()
    (form,) = [
        f.get("action") for f in visitor.all("form") if re.search(r"/me/sessions/\w{16}/end", f.get("action"))
    ]
    assert another.get("/me/sessions").status_code == 200
    visitor.send(form)
    assert another.get("/me/sessions").request.path == "/sign-in"
    assert visitor.send(form).status_code == 404  # pressed twice: nothing more happens
    another.sign_in("cjt.the2")
    visitor.get("/me/sessions")
    visitor.send("/me/sessions/end-others")
    assert "Đã kết thúc 1 phiên" in visitor.words()
    assert another.get("/").request.path == "/sign-in"


def test_nobody_ends_the_session_of_another_by_its_address(visitor: Visitor, another: Visitor, world: World):
    for one, name in ((visitor, "cjt.the2"), (another, "cjt.the1")):
        one.sign_in(name)
    extra = Visitor(visitor.client.application.test_client())
    extra.sign_in("cjt.the2")
    visitor.get("/me/sessions")
    (form,) = [
        f.get("action")
        for f in visitor.all("form")
        if "/me/sessions/" in f.get("action") and "others" not in f.get("action")
    ]
    another.get("/me/sessions")
    assert another.send(form).status_code == 404
    assert extra.get("/me/sessions").request.path == "/me/sessions"


def test_a_token_is_made_shown_once_and_revoked(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    visitor.get("/me/tokens")
    assert "Chưa có mã truy cập nào" in visitor.words()
    asked = {"name": "Trích xuất", "scope": "read", "days": "7"}
    assert visitor.send("/me/tokens", **asked, password="sai").status_code == 422
    assert visitor.all("input", name="name")[0].get("value") == "Trích xuất"
    visitor.send("/me/tokens", **asked, password=PASSWORD)
    token = visitor.words("code")
    assert token.startswith("acctl_")
    answer = visitor.get("/me/tokens")
    assert token not in answer.text
    assert "Trích xuất" in visitor.words()
    assert "Chỉ xem" in visitor.words()
    form = next(f.get("action") for f in visitor.all("form") if f.get("action").endswith("/revoke"))
    visitor.send(form)
    assert "Đã thu hồi" in visitor.words()
    assert "chủ mã thu hồi" in visitor.words()
    assert visitor.send("/me/tokens", name="x", scope="read", days="٣", password=PASSWORD).status_code == 422


def issue(visitor: Visitor, purpose: str, username: str = "cjt.the2") -> str:
    visitor.get(f"/resets/{username}")
    visitor.send(f"/resets/{username}", purpose=purpose, reason="Quên mật khẩu")
    link = visitor.words("code")
    assert link.startswith("http://localhost/reset/")
    return link.removeprefix("http://localhost")


def test_a_forgotten_password_goes_from_it_by_link_to_the_person(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("vpt.cntt1")
    link = issue(visitor, "password")
    assert "Được báo" in visitor.words()
    assert link not in visitor.get("/resets/cjt.the2").text
    assert "Liên kết chưa dùng" in visitor.words()
    another.get(link)
    assert "cjt.the2" in another.words()
    assert "ít nhất 14 ký tự" in another.words()
    assert another.send(link, new=NEW, again=NEW + "x").status_code == 422
    assert another.send(link, new="ngan", again="ngan").status_code == 422
    assert another.send(link, new=NEW, again=NEW).request.path == "/sign-in"
    assert "Đã đặt mật khẩu mới" in another.words()
    assert another.get(link).status_code == 404
    assert "không còn dùng được" in another.words()
    assert another.sign_in("cjt.the2", NEW).request.path == "/"


def test_a_lost_phone_goes_by_link_too_and_shows_no_password_field(
    visitor: Visitor, another: Visitor, world: World
):
    enrolled(world, "cjt.the2")
    visitor.sign_in("vpt.cntt1")
    link = issue(visitor, "second_factor")
    another.get(link)
    assert not another.all("input", type="password")
    another.send(link)
    assert "Đã gỡ yếu tố xác thực thứ hai" in another.words()
    assert another.sign_in("cjt.the2").request.path == "/"


@pytest.mark.parametrize("person", ["cjt.gd", "vpt.gd", "vpt.ktra1", "cjt.the2", "cjt.tn1"])
def test_S54_nobody_but_it_opens_or_sends_the_pages_of_resets(visitor: Visitor, world: World, person: str):
    visitor.sign_in(person)
    visitor.get("/me/password")
    assert visitor.client.get("/resets/cjt.the1").status_code == 403
    for address in ("/resets/cjt.the1", "/resets/cjt.the1/sessions", "/resets/cjt.the1/tokens/1"):
        assert visitor.client.post(
            address, data={"csrf_token": visitor.token, "purpose": "password", "reason": "x"}
        ).status_code == 403, address  # fmt: skip


def test_it_resets_nothing_of_its_own_and_nobody_unknown(visitor: Visitor, world: World):
    visitor.sign_in("vpt.cntt1")
    assert visitor.get("/resets/vpt.cntt1").status_code == 403
    assert visitor.get("/resets/khong.co").status_code == 404


def test_it_ends_sessions_and_tokens_of_another_with_a_reason(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the2")
    another.get("/me/tokens")
    another.send("/me/tokens", name="Máy trạm", scope="use", days="7", password=PASSWORD)
    visitor.sign_in("vpt.cntt1")
    visitor.get("/resets/cjt.the2")
    assert "Máy trạm" in visitor.words()
    assert visitor.send("/resets/cjt.the2/sessions", key="", reason=" ").status_code == 422
    assert "Chưa nêu lý do" in visitor.words()
    assert another.get("/me/tokens").request.path == "/me/tokens"
    visitor.send("/resets/cjt.the2/sessions", key="", reason="Máy bị mất")
    assert "Đã kết thúc 1 phiên" in visitor.words()
    assert another.get("/me/tokens").request.path == "/sign-in"
    form = next(f.get("action") for f in visitor.all("form") if "/tokens/" in f.get("action"))
    visitor.send(form, reason="Máy bị mất")
    assert "Đã thu hồi" in visitor.words()
    assert "Không có phiên nào đang mở" in visitor.words()


# --- a form whose session ended -----------------------------------------------------------------------

BORROW = "/desk/borrow/TKCL-CJT-DML"
TYPED = {
    "dossier": "CJT-2018-000009/CLT",
    "subject": "6799000001",
    "reason": "Cấp lại thẻ do mất, người dân đang chờ",
}


def test_a_form_sent_after_the_session_ended_comes_back_filled_and_is_not_sent_by_itself(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the1")
    visitor.get(BORROW)
    world.shift += timedelta(minutes=16)
    visitor.send(BORROW, **TYPED)
    assert visitor.path == "/sign-in"
    assert "Những gì đã nhập được giữ lại" in visitor.words()
    cookie = visitor.client.get_cookie("accessctl").value
    assert "6799000001" not in cookie
    target = visitor.all("input", name="next")[0].get("value")
    visitor.send("/sign-in", username="cjt.the1", password=PASSWORD, next=target)
    assert visitor.path == BORROW
    assert "được điền lại" in visitor.words()
    for name, value in TYPED.items():
        assert visitor.all("input", name=name)[0].get("value") == value
    assert not world.records("lease.checkout")
    visitor.send(BORROW, **TYPED)
    assert len(world.records("lease.requested")) == 1
    visitor.get(BORROW)
    assert "được điền lại" not in visitor.words()


def test_what_one_person_typed_is_not_shown_to_the_next_at_the_same_machine(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the1")
    visitor.get(BORROW)
    world.shift += timedelta(minutes=16)
    visitor.send(BORROW, **TYPED)
    target = visitor.all("input", name="next")[0].get("value")
    answer = visitor.send("/sign-in", username="cjt.the2", password=PASSWORD, next=target)
    assert TYPED["subject"] not in answer.text
    visitor.send("/sign-out")
    visitor.sign_in("cjt.the1")
    assert TYPED["subject"] not in visitor.get(BORROW).text


def test_the_kept_form_lasts_half_an_hour_and_passes_the_second_page(visitor: Visitor, world: World):
    phone, codes = enrolled(world, "cjt.the1")
    visitor.sign_in("cjt.the1")
    visitor.send("/sign-in/code", code=phone.code())
    visitor.get(BORROW)
    world.shift += timedelta(minutes=16)
    visitor.send(BORROW, **TYPED)
    visitor.sign_in("cjt.the1")
    visitor.send("/sign-in/code", code=phone.code())
    assert TYPED["subject"] in visitor.get(BORROW).text
    visitor.send("/sign-out")
    visitor.sign_in("cjt.the1")
    visitor.send("/sign-in/code", code=codes[0])
    world.shift += timedelta(minutes=14)
    visitor.get("/")
    world.shift += timedelta(minutes=14)
    visitor.get("/")
    world.shift += timedelta(minutes=14)
    assert TYPED["subject"] not in visitor.get(BORROW).text


def test_passwords_and_long_forms_are_not_kept_and_a_form_without_a_page_leads_home(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the1")
    visitor.get("/me/password")
    world.shift += timedelta(minutes=16)
    visitor.send("/me/password", old=PASSWORD, new=NEW, again=NEW)
    assert "thao tác lại" in visitor.words()
    with visitor.client.session_transaction() as held:
        assert "kept" not in held
    visitor.sign_in("cjt.the1")
    visitor.get(BORROW)
    world.shift += timedelta(minutes=16)
    noise = "".join(chr(0x4E00 + (n * 7919) % 20000) for n in range(3000))
    visitor.send(BORROW, **(TYPED | {"reason": noise}))
    assert "thao tác lại" in visitor.words()
    visitor.sign_in("cjt.the1")
    assert "được điền lại" not in visitor.get(BORROW).text


def test_a_form_in_a_second_tab_is_kept_as_well(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the1")
    visitor.get(BORROW)
    token = visitor.token
    world.shift += timedelta(minutes=16)
    visitor.get("/custodians/")
    assert visitor.path == "/sign-in"
    visitor.send(BORROW, token=False, csrf_token=token, **TYPED)
    assert "Những gì đã nhập được giữ lại" in visitor.words()
    visitor.sign_in("cjt.the1")
    assert TYPED["subject"] in visitor.get(BORROW).text


def test_a_tab_left_open_over_a_new_sign_in_keeps_what_was_typed_and_never_sends_it(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the1")
    visitor.get(BORROW)
    stale = visitor.token
    visitor.send("/sign-out")
    visitor.send(BORROW, token=False, csrf_token=stale, **TYPED)  # signed out in the other tab
    assert visitor.path == "/sign-in"
    assert "Những gì đã nhập được giữ lại" in visitor.words()
    visitor.sign_in("cjt.the1")
    assert TYPED["subject"] in visitor.get(BORROW).text
    visitor.get("/custodians/")
    visitor.send(BORROW, token=False, csrf_token=stale, **(TYPED | {"subject": "6799000002"}))
    assert visitor.path == BORROW
    assert "Phiên đăng nhập đã thay đổi" in visitor.words()
    assert visitor.all("input", name="subject")[0].get("value") == "6799000002"
    assert not world.records("lease.requested")
    visitor.send(BORROW, **TYPED)
    assert len(world.records("lease.requested")) == 1


def test_a_tab_of_somebody_else_or_of_a_password_and_a_made_up_token_are_refused_as_they_are(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the1")
    stale = visitor.token
    visitor.send("/sign-out")
    visitor.sign_in("cjt.the2")
    for target, token in (
        (BORROW, stale),
        (BORROW, stale[:-2] + "xx"),
        (BORROW, ""),
        ("/me/password", visitor.token[:-2]),
    ):
        answer = visitor.send(target, token=False, csrf_token=token, **TYPED)
        assert answer.status_code == 400, (target, token)
        assert TYPED["subject"] not in answer.text
        assert "chưa có thay đổi nào" in visitor.words()
        visitor.get("/help/")
    assert TYPED["subject"] not in visitor.get(BORROW).text


def test_the_password_page_says_first_what_ends_then_what_has_ended(visitor: Visitor, another: Visitor):
    another.sign_in("cjt.the2")
    visitor.sign_in("cjt.the2")
    visitor.get("/me/tokens")
    visitor.send("/me/tokens", name="Máy trạm", scope="use", days="7", password=PASSWORD)
    visitor.get("/me/password")
    assert "1 nơi khác đang đăng nhập" in visitor.words()
    assert "1 mã truy cập dòng lệnh bị thu hồi" in visitor.words()
    assert visitor.send("/me/password", old="sai", new=NEW, again=NEW).status_code == 422
    assert "tạm khóa 15 phút" in visitor.words()
    visitor.send("/me/password", old=PASSWORD, new=NEW, again=NEW)
    assert "Đã đăng xuất 1 nơi khác, thu hồi 1 mã" in visitor.words()
    assert another.get("/me/tokens").request.path == "/sign-in"
    visitor.get("/me/tokens")
    assert "đổi mật khẩu" in visitor.words()
    visitor.get("/notices/?unread=1")
    assert "Mật khẩu đã được đổi" in visitor.words()


def test_a_kept_form_that_somebody_changed_or_made_is_nothing(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the1")
    with visitor.client.session_transaction() as held:
        held["kept"] = "k1.AAAA"
    assert visitor.get(BORROW).status_code == 200
    with visitor.client.session_transaction() as held:
        assert "kept" not in held


def test_what_a_link_says_is_the_same_in_both_languages_and_has_no_raw_word(visitor: Visitor, world: World):
    with transaction(world.rt) as session:
        issued = resets.issue(world.rt, session, world.actor("vpt.cntt1"), "cjt.the2", "password", "x")
    visitor.get(f"/reset/{issued.token}")
    visitor.send("/language/en", next=f"/reset/{issued.token}")
    assert "Set a new password" in visitor.words()
