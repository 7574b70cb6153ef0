"""The door: named people, one sentence for every failure, sessions that end when the server says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from accessctl.services.control import transaction
from accessctl.store.models import Officer
from tests.common.world import PASSWORD, World
from tests.web.conftest import Visitor

NEW = "Một câu dài đủ nhớ 2026"


def test_who_signs_in_sees_office_role_and_only_the_sections_of_the_own_roles(visitor: Visitor):
    visitor.sign_in("cjt.the1")
    assert visitor.path == "/"
    assert "BHXH huyện Cư Jút" in visitor.words("header")
    assert "Cấp sổ, thẻ" in visitor.words("header")
    sections = visitor.words("nav")
    assert "Bàn làm việc" in sections
    assert "Phát hiện" not in sections


@pytest.mark.parametrize(
    ("username", "password"), [("cjt.the1", "wrong"), ("nobody", "x"), ("", ""), ("x' OR 1=1 --", "x")]
)
def test_every_failure_is_told_in_the_same_words(reader: Visitor, username: str, password: str):
    answer = reader.sign_in(username, password)
    assert answer.status_code == 401
    assert "Tên đăng nhập hoặc mật khẩu không đúng" in reader.words()
    assert reader.all("input", name="password")[0].get("value") is None


def test_five_failures_lock_the_sign_in_even_for_the_right_password(visitor: Visitor, world: World):
    for _ in range(5):
        visitor.sign_in("cjt.the1", "wrong")
    assert "tạm khóa" in visitor.words()
    assert visitor.sign_in("cjt.the1").status_code == 401
    world.shift = timedelta(minutes=16)
    assert visitor.sign_in("cjt.the1").status_code == 200


def test_signing_in_starts_a_new_session_and_signing_out_ends_it_on_the_server(
    visitor: Visitor, another: Visitor
):
    visitor.get("/sign-in")
    before = visitor.client.get_cookie("accessctl").value
    visitor.sign_in("cjt.the1")
    inside = visitor.client.get_cookie("accessctl").value
    assert inside != before
    another.client.set_cookie("accessctl", inside)
    assert another.get("/desk/").request.path == "/desk/"
    visitor.send("/sign-out")
    assert "đã đăng xuất" in visitor.words()
    another.client.set_cookie("accessctl", inside)  # a copy of the cookie is worth nothing now
    assert another.get("/desk/").request.path == "/sign-in"


def test_an_idle_session_ends_and_the_person_comes_back_to_the_page_that_was_asked_for(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the1")
    world.shift = timedelta(minutes=16)
    visitor.get("/custodians/")
    assert visitor.path == "/sign-in"
    assert "không thao tác trong 15 phút" in visitor.words()
    target = visitor.all("input", name="next")[0].get("value")
    assert (
        visitor.send("/sign-in", username="cjt.the1", password=PASSWORD, next=target).request.path
        == "/custodians/"
    )


def test_a_form_sent_after_the_session_ended_says_that_it_was_not_carried_out(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the1")
    world.shift = timedelta(minutes=16)
    visitor.send("/me/password", old=PASSWORD, new=NEW, again=NEW)
    assert visitor.path == "/sign-in"
    assert "chưa được thực hiện" in visitor.words()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil"]
)
def test_nobody_is_sent_to_another_site_after_signing_in(reader: Visitor, target: str):
    reader.get("/sign-in")
    answer = reader.send("/sign-in", follow=False, username="cjt.the1", password=PASSWORD, next=target)
    assert answer.headers["Location"] == "/"


def test_the_first_sign_in_leads_to_a_new_password_and_nowhere_else(
    visitor: Visitor, another: Visitor, world: World
):
    with transaction(world.rt) as session:
        session.execute(update(Officer).where(Officer.username == "cjt.the1").values(must_change=True))
    visitor.sign_in("cjt.the1")
    assert visitor.path == "/me/password"
    assert visitor.get("/desk/").request.path == "/me/password"
    assert not visitor.all("nav")
    assert visitor.send("/me/password", old=PASSWORD, new="short", again="short").status_code == 422
    assert visitor.send("/me/password", old=PASSWORD, new=NEW, again=NEW + "x").status_code == 422
    assert "không giống nhau" in visitor.words()
    visitor.send("/me/password", old=PASSWORD, new=NEW, again=NEW)
    assert visitor.path == "/"
    assert another.sign_in("cjt.the1", NEW).request.path == "/"
    assert another.sign_in("cjt.the1").status_code == 401


def test_a_changed_password_signs_the_other_machines_out(visitor: Visitor, another: Visitor):
    visitor.sign_in("cjt.the1")
    another.sign_in("cjt.the1")
    visitor.get("/me/password")
    visitor.send("/me/password", old=PASSWORD, new=NEW, again=NEW)
    assert visitor.get("/custodians/").request.path == "/custodians/"
    assert another.get("/custodians/").request.path == "/sign-in"


def test_a_right_withdrawn_is_gone_at_the_next_request(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the1")
    assert "Bàn làm việc" in visitor.words("nav")
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE officer_role SET revoked_at = now() WHERE officer_id ="
            " (SELECT id FROM officer WHERE username = 'cjt.the1')"
        )
    visitor.get("/")
    assert "Bàn làm việc" not in visitor.words("nav")
