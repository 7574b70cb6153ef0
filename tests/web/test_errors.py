"""Errors say what happened, show a code to quote, and never what is inside."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from accessctl.app import create_app
from accessctl.config import Settings
from accessctl.errors import Unavailable
from accessctl.services.runtime import build_runtime
from accessctl.web import gates
from tests.common.world import World
from tests.web.conftest import Visitor


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
