"""What every answer carries, and the two lines of defence against forged requests."""

from __future__ import annotations

import gzip

import pytest

from accessctl.app import create_app
from accessctl.config import Settings
from accessctl.web import assets
from tests.common.world import PASSWORD, World
from tests.web.conftest import Visitor

PAGES = ["/sign-in", "/nowhere", "/healthz", "/static/app.css", "/desk/"]


@pytest.mark.parametrize("address", PAGES)
def test_every_answer_carries_the_protecting_headers(reader: Visitor, address: str):
    headers = reader.client.get(address).headers
    assert headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert len(headers["X-Request-Id"].replace("-", "")) == 12


def test_pages_are_never_kept_and_assets_for_ever(reader: Visitor):
    assert reader.get("/sign-in").headers["Cache-Control"] == "no-store"
    style = reader.client.get(f"/static/app.css?v={assets.load('app.css').digest}")
    assert "immutable" in style.headers["Cache-Control"]
    assert reader.client.get("/static/app.css?v=older").headers["Cache-Control"] == "no-cache"
    vendored = next(n for n in assets.names() if n.endswith(".woff2"))
    assert "immutable" in reader.client.get(f"/static/{vendored}").headers["Cache-Control"]


def test_an_asset_is_packed_for_who_takes_it_and_answered_304_to_who_has_it(reader: Visitor):
    packed = reader.client.get("/static/app.css", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.data) == reader.client.get("/static/app.css").data
    again = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert reader.client.get("/static/app.css", headers=again).status_code == 304


@pytest.mark.parametrize("path", ["../app.py", "..%2f..%2fapp.py", "vendor/VENDOR.md", "app.css/", "x.css"])
def test_nothing_but_a_known_asset_is_served(reader: Visitor, path: str):
    assert reader.client.get(f"/static/{path}").status_code == 404


def test_the_demo_is_http_on_loopback_and_production_has_secure_cookies_and_hsts(quiet_world: World):
    plain = create_app(quiet_world.settings, runtime=quiet_world.rt).test_client().get("/sign-in")
    assert "Secure" not in plain.headers["Set-Cookie"]
    assert "Strict-Transport-Security" not in plain.headers
    env = {name: value for name, value in quiet_world.settings.env.items() if name != "ACCESSCTL_DEMO"}
    secure = create_app(Settings(env), runtime=quiet_world.rt).test_client()
    answer = secure.get("/sign-in", base_url="https://accessctl.example")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-accessctl=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax"))
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")


def test_forwarded_addresses_count_only_when_a_setting_says_how_many_proxies_stand_before_us(
    quiet_world: World,
):
    told = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "Referer": "https://localhost/sign-in",
    }
    for proxies, expected in (("0", "127.0.0.1"), ("1", "203.0.113.9")):
        env = dict(quiet_world.settings.env) | {"ACCESSCTL_TRUSTED_PROXIES": proxies}
        reader = Visitor(create_app(Settings(env), runtime=quiet_world.rt).test_client())
        reader.get("/sign-in")
        data = {"username": "nobody", "password": "x", "csrf_token": reader.token}
        reader.client.post("/sign-in", data=data, headers=told)
        assert quiet_world.records("auth.login.failed")[-1]["address"] == expected


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({}, 303),
    ],
)
def test_a_form_from_another_site_is_refused_even_with_a_right_token(reader: Visitor, headers, status):
    reader.get("/sign-in")
    data = {"username": "cjt.the2", "password": PASSWORD, "csrf_token": reader.token}
    assert reader.client.post("/sign-in", data=data, headers=headers).status_code == status


def test_a_form_without_its_token_is_refused_and_says_that_nothing_was_changed(reader: Visitor):
    reader.sign_in("cjt.the2")
    answer = reader.send("/me/password", token=False, old=PASSWORD, new="x" * 20, again="x" * 20)
    assert answer.status_code == 400
    assert "chưa có thay đổi nào" in reader.words()
    assert reader.sign_in("cjt.the2").status_code == 200
