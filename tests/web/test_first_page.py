"""What the first page weighs, counted as it is sent: an old machine on a slow line opens it every morning."""

from __future__ import annotations

import gzip
import re

import pytest
from werkzeug.test import TestResponse

from accessctl.web import assets
from tests.web.conftest import Visitor

FIRST_PAGE = 200_000  # bytes (issue 3)
OURS = {"Accept-Encoding": "gzip, deflate", "Sec-Fetch-Site": "same-origin"}


def sent(reader: Visitor, address: str, **more: str) -> tuple[int, bytes]:
    """Bytes of one answer with its head, as they go over the line, and its text."""
    answer = reader.client.get(address, headers=OURS | more)
    assert answer.status_code == 200, address
    head = sum(len(f"{name}: {value}\r\n".encode()) for name, value in answer.headers) + len(
        "HTTP/1.1 200 OK\r\n\r\n"
    )
    return head + len(answer.data), unpacked(answer)


def unpacked(answer: TestResponse) -> bytes:
    """The text of an answer."""
    packed = answer.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(answer.data) if packed else answer.data


@pytest.mark.parametrize("username", ["cjt.the1", "vpt.gd", "vpt.cntt1"])
def test_sign_in_and_start_page_with_all_they_ask_for_are_sent_in_less_than_200_kB(
    reader: Visitor, username: str
):
    total, door = sent(reader, "/sign-in")
    reader.sign_in(username)
    size, start = sent(reader, "/")
    total += size
    parts = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', (door + start).decode()))
    assert len(parts) >= 6
    fonts: set[str] = set()
    for part in parts:
        size, text = sent(reader, part)
        total += size
        if ".css" in part:
            fonts |= set(re.findall(r"url\(\"?(vendor/[^\")]+)", text.decode()))
    assert len(fonts) == 4  # both weights, with and without Vietnamese letters: a page may need all of them
    total += sum(sent(reader, f"/static/{font}")[0] for font in fonts)
    assert 150_000 < total < FIRST_PAGE


def test_a_page_is_packed_for_its_own_readers_and_for_nobody_sent_by_another_site(reader: Visitor):
    plain = reader.client.get("/sign-in", headers={"Sec-Fetch-Site": "none"})
    assert "Content-Encoding" not in plain.headers
    for site, packed in (("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False)):
        answer = reader.client.get("/sign-in", headers=OURS | {"Sec-Fetch-Site": site})
        assert (answer.headers.get("Content-Encoding") == "gzip") is packed, site
        assert {"Accept-Encoding", "Sec-Fetch-Site"} <= set(answer.vary)
        assert b"csrf_token" in unpacked(answer)
    old = {"Accept-Encoding": "gzip"}  # a browser that does not say where it comes from
    assert "Content-Encoding" not in reader.client.get("/sign-in", headers=old).headers


def test_who_refuses_gzip_gets_none_and_a_head_tells_the_size_of_the_packed_page(reader: Visitor):
    refusing = OURS | {"Accept-Encoding": "gzip;q=0, identity"}
    for address in ("/sign-in", "/static/app.css"):
        assert "Content-Encoding" not in reader.client.get(address, headers=refusing).headers
    head = reader.client.head("/sign-in", headers=OURS)
    assert head.headers["Content-Encoding"] == "gzip"
    assert head.data == b""
    assert 500 < int(head.headers["Content-Length"]) < len(plain_door(reader)) / 2


def plain_door(reader: Visitor) -> bytes:
    """The page as it is."""
    return reader.client.get("/sign-in").data


def test_the_square_stays_as_it_is_so_that_its_tag_is_still_known(reader: Visitor):
    reader.sign_in("vpt.gd")
    square = reader.client.get("/matrix/changes", headers=OURS)
    assert square.status_code == 200
    assert "Content-Encoding" not in square.headers
    again = OURS | {"If-None-Match": square.headers["ETag"]}
    assert reader.client.get("/matrix/changes", headers=again).status_code == 304


def test_every_address_that_a_page_asks_for_carries_its_digest_the_sprite_too(reader: Visitor):
    page = reader.get("/sign-in").text
    for name, version in re.findall(r'/static/([^"?#]+)(\?v=[0-9a-f]{16})?', page):
        assert version == f"?v={assets.load(name).digest}", name
    sprite = "vendor/tabler-icons-3.51.0/sprite.svg"
    assert reader.client.get(f"/static/{sprite}").headers["Cache-Control"] == "no-cache"
    assert (
        "immutable"
        in reader.client.get(f"/static/{sprite}?v={assets.load(sprite).digest}").headers["Cache-Control"]
    )
