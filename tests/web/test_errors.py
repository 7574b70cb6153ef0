"""Errors say what happened, show a code to quote, and never what is inside."""

from __future__ import annotations

import json

import pytest
from flask import Flask
from werkzeug.exceptions import TooManyRequests

from accessctl.app import create_app
from accessctl.config import Settings
from accessctl.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from accessctl.services.runtime import build_runtime
from accessctl.web import gates
from tests.common.world import World
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over


@pytest.fixture
def quiet_app(quiet_world: World) -> Flask:
    """An application of the test's own: pages that fail are added to it."""
    return create_app(quiet_world.settings, runtime=quiet_world.rt)


def test_an_unknown_page_is_a_page_of_ours_with_a_code_to_quote(reader: Visitor):
    answer = reader.get("/nowhere")
    assert answer.status_code == 404
    assert "Không có trang ở địa chỉ này" in reader.words()
    assert answer.headers["X-Request-Id"] in reader.words()
    reader.sign_in("cjt.the2")
    reader.get("/nowhere")
    assert "Bàn làm việc" in reader.words("nav")


def test_a_fault_of_ours_shows_no_detail_and_is_logged_under_the_same_code(
    quiet_app: Flask, reader: Visitor, capsys: pytest.CaptureFixture[str]
):
    def boom() -> str:
        secret = "mat-khau-bi-mat"
        raise RuntimeError("inner " + secret)

    quiet_app.add_url_rule("/boom", endpoint="boom", view_func=gates.public(boom))
    answer = reader.get("/boom")
    assert answer.status_code == 500
    assert "RuntimeError" not in answer.text
    assert "inner" not in answer.text
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line["event"] == "unexpected"]
    assert line["correlation"] == answer.headers["X-Request-Id"]
    assert line["exception"][0]["exc_type"] == "RuntimeError"
    assert "locals" not in json.dumps(line["exception"])


def test_a_broken_error_page_still_answers_in_words(quiet_app: Flask, reader: Visitor):
    def boom() -> str:
        raise RuntimeError

    quiet_app.add_url_rule("/boom", endpoint="boom", view_func=gates.public(boom))
    quiet_app.jinja_env.globals["asset"] = None
    assert reader.client.get("/nowhere").status_code == 404
    assert "Không có trang ở địa chỉ này" in reader.client.get("/nowhere").text
    answer = reader.client.get("/boom")
    assert answer.status_code == 500
    assert answer.mimetype == "text/plain"
    assert answer.headers["X-Request-Id"] in answer.text


def test_a_lost_control_database_is_503_and_says_that_nothing_was_done(quiet_world: World):
    env = dict(quiet_world.settings.env)
    env["ACCESSCTL_DATABASE_URL"] = env["ACCESSCTL_DATABASE_URL"].rpartition("/")[0] + "/gone"
    settings = Settings(env)
    rt = build_runtime(settings)
    reader = Visitor(create_app(settings, runtime=rt).test_client())
    answer = reader.sign_in("cjt.the2")
    assert answer.status_code == 503
    assert "yêu cầu chưa được thực hiện" in reader.words()
    rt.close()


def test_a_part_of_a_page_gets_its_error_as_a_part(quiet_app: Flask, reader: Visitor):
    def down() -> str:
        raise Unavailable("control.down")

    quiet_app.add_url_rule("/down", endpoint="down", view_func=gates.public(down))
    answer = reader.client.get("/down", headers={"HX-Request": "true"})
    assert answer.status_code == 503
    assert "<html" not in answer.text
    assert "Không kết nối được" in answer.text


def test_an_expired_session_sends_a_part_of_a_page_to_the_sign_in(reader: Visitor):
    reader.get("/sign-in")
    told = {"HX-Request": "true", "X-CSRFToken": reader.token}
    answer = reader.client.post("/desk/heartbeat/1", headers=told)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in"


def test_too_much_text_is_refused_before_anybody_reads_it(reader: Visitor):
    reader.get("/sign-in")
    answer = reader.client.post("/sign-in", data={"csrf_token": reader.token, "username": "x" * 200_000})
    assert answer.status_code == 413


def test_the_wrong_method_is_refused_without_a_trace_of_the_framework(reader: Visitor):
    answer = reader.client.delete("/sign-in", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code in (400, 405)
    assert "werkzeug" not in answer.text.lower()


SAYS = {
    "forbidden": (403, "Không được phép", "Không có dữ liệu nào được xem hay thay đổi"),
    "gone": (404, "Không tìm thấy", "Không có gì bị thay đổi"),
    "changed": (409, "Tình trạng đã thay đổi", "Mở lại trang để xem tình trạng mới"),
    "wrong": (422, "Thông tin chưa đúng", "sửa chỗ được nêu"),
    "often": (429, "Quá nhiều yêu cầu", "Đợi vài phút"),
    "down": (503, "Tạm thời không sử dụng được", "Phiên đang mở vẫn tự đóng đúng giờ"),
}


def _fail(which: str) -> str:
    errors = {
        "forbidden": Refused("policy.no_rule"),
        "gone": NotFound("lease.not_found"),
        "changed": Conflict("lease.over"),
        "wrong": Invalid("act.nothing_to_change"),
        "often": TooManyRequests(),
        "down": Unavailable("control.down"),
    }
    raise errors[which]


@pytest.mark.parametrize("which", sorted(SAYS))
def test_each_error_page_says_what_happened_what_was_not_done_what_to_do_and_a_code(
    quiet_app: Flask, reader: Visitor, which: str
):
    quiet_app.add_url_rule("/fail/<which>", endpoint="fail", view_func=gates.own(_fail))
    reader.sign_in("cjt.tn1")
    answer = reader.get(f"/fail/{which}")
    status, title, advice = SAYS[which]
    assert answer.status_code == status
    assert reader.words("h1") == title
    assert advice in reader.words()
    for label in ("Chưa được thực hiện", "Nên làm gì", "Mã tra cứu"):
        assert label in reader.words("dl")
    assert answer.headers["X-Request-Id"] in reader.words("dl")
    look_over(reader)


def test_the_wrong_method_and_too_much_text_are_pages_of_ours_with_their_own_words(reader: Visitor):
    reader.sign_in("cjt.tn1")
    assert reader.get("/view-as").status_code == 405
    assert "Địa chỉ này không nhận thao tác" in reader.words()
    reader.get("/")
    assert reader.send("/view-as", role="x" * 200_000).status_code == 413
    assert "Rút gọn nội dung" in reader.words()


def test_a_form_without_its_token_is_not_carried_out_and_the_page_says_so(reader: Visitor):
    reader.sign_in("cjt.the2")
    answer = reader.send("/view-as", token=False, role="card")
    assert answer.status_code == 400
    assert "Biểu mẫu chưa được gửi đi" in reader.words()
    reader.get("/")
    assert "Cán bộ quản lý TKCL" in reader.words("header")


def test_an_error_page_is_in_the_language_of_the_person(reader: Visitor):
    reader.sign_in("cjt.tn1")
    reader.send("/language/en", next="/")
    reader.get("/nowhere")
    assert "Nothing was changed" in reader.words()
    reader.send("/language/vi", next="/")
