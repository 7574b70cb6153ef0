"""Notices in the browser: bell, list, one of them, choices, the outbox; who may and who may not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.domain.notices import NoticeKind
from accessctl.services import accounts, findings, leasing
from accessctl.services.control import transaction
from accessctl.services.notices import notify
from tests.common.postbox import deliver_all, free_port, postbox, switch_on
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

ACCOUNT = "TKCL-CJT-DML"
CUSTODIAN, CLERK, HEAD, IT = "cjt.the2", "cjt.the1", "cjt.gd", "vpt.cntt1"


@pytest.fixture(autouse=True)
def read_so_far(world: World) -> None:
    """The founding of the province has told some people something already."""
    with world.admin_control() as admin:
        admin.execute("UPDATE notice SET read_at = now()")


def told(world: World, username: str, kind: NoticeKind = NoticeKind.CHECKOUT, **about: object) -> None:
    said = {"account": ACCOUNT, "dossier": "CJT-2018-000001/CLT", "officer": "Lê Thị Ngọc Diệp"} | about
    with transaction(world.rt) as session:
        notify(world.rt, session, kind, to=[world.actor(username).id], about=said)


def bell(visitor: Visitor) -> str:
    """What a screen reader says of the bell."""
    (found,) = [a for a in visitor.all("a") if "bell" in (a.get("class") or "").split()]
    return " ".join("".join(found.itertext()).split())


def items(visitor: Visitor) -> list[str]:
    """The notices of the list, unread ones marked."""
    return [
        " ".join("".join(li.itertext()).split())
        for li in visitor.all("li")
        if "notice" in (li.get("class") or "")
    ]


def test_the_bell_counts_on_every_page_and_the_list_leads_to_the_thing(visitor: Visitor, world: World):
    lease = world.lend(CLERK, ACCOUNT)
    visitor.sign_in(CUSTODIAN)
    assert bell(visitor).startswith("Thông báo, 1 chưa đọc")
    visitor.get("/notices/?unread=1")
    look_over(visitor)
    (item,) = items(visitor)
    assert item.startswith("Lê Thị Ngọc Diệp nhận sử dụng TKCL · Cư Jút → Đắk Mil Lê Thị Ngọc Diệp đã nhận")
    assert "Chưa đọc" in item
    (form,) = [f for f in visitor.all("form") if (f.get("action") or "").endswith("/open")]
    visitor.send(form.get("action"))
    assert visitor.path == f"/leases/{lease.lease}"
    assert "chưa đọc" not in bell(visitor)
    visitor.get("/notices/?unread=1")
    assert items(visitor) == []
    assert "Không có thông báo nào khớp" in visitor.words()


def test_a_page_does_not_fail_for_the_sake_of_the_bell(visitor: Visitor, world: World):
    told(world, CUSTODIAN)
    visitor.sign_in(CUSTODIAN)
    with world.admin_control() as admin, admin.transaction():
        admin.execute("LOCK TABLE notice IN ACCESS EXCLUSIVE MODE")  # whoever looks gives up after 4 s
        assert visitor.get("/custodians/").status_code == 200
    assert "chưa đọc" not in bell(visitor)
    visitor.get("/custodians/")
    assert "1 chưa đọc" in bell(visitor)


def test_one_notice_has_an_address_of_its_own_for_its_reader_and_nobody_else(
    visitor: Visitor, another: Visitor, world: World
):
    told(world, CUSTODIAN)
    with world.admin_control() as admin:
        row = admin.execute("SELECT id FROM notice WHERE read_at IS NULL").fetchone()
    assert row is not None
    address = f"/notices/{row[0]}"
    visitor.sign_in(CUSTODIAN)
    visitor.get(address)
    look_over(visitor)
    assert "Lê Thị Ngọc Diệp đã nhận sử dụng tài khoản" in visitor.words()
    assert bell(visitor).endswith(
        "1 chưa đọc1"
    )  # looking alone marks nothing: a link in a foreign page cannot
    for username in (HEAD, IT, "vpt.gd"):
        another.sign_in(username)
        assert another.get(address).status_code == 404
        for act in ("open", "read"):
            another.get("/notices/preferences")
            assert another.send(f"{address}/{act}").status_code == 404
        another.client.delete_cookie("accessctl")
    visitor.send(f"{address}/read")
    visitor.get(address)
    assert "Đã đọc lúc" in visitor.words()
    for strange in ("/notices/0", "/notices/99999999999999999999999", "/notices/x"):
        assert visitor.get(strange).status_code == 404


def test_a_mail_s_link_leads_through_the_sign_in_to_the_notice(visitor: Visitor, world: World):
    told(world, CUSTODIAN)
    with world.admin_control() as admin:
        row = admin.execute("SELECT id FROM notice WHERE read_at IS NULL").fetchone()
    assert row is not None
    visitor.get(f"/notices/{row[0]}")
    assert visitor.path == "/sign-in"
    fields = {f.get("name"): f.get("value") for f in visitor.all("input") if f.get("type") == "hidden"}
    visitor.send("/sign-in", username=CUSTODIAN, password="Dak-Nong-01042018", next=fields["next"])
    assert visitor.path == f"/notices/{row[0]}"


def test_filters_pages_and_mark_all_hold_at_many_notices_and_bad_words(visitor: Visitor, world: World):
    with transaction(world.rt) as session:
        who = world.actor(CUSTODIAN).id
        for number in range(70):
            kind = NoticeKind.CHECKOUT if number % 2 else NoticeKind.ACCOUNT_LOCKED
            about = {"account": ACCOUNT, "dossier": f"CJT-2018-{number:06d}/CLT", "officer": "A", "by": "B"}
            notify(world.rt, session, kind, to=[who], about=about)
    visitor.sign_in(CUSTODIAN)
    visitor.get("/notices/?unread=1&page=2")
    assert len(items(visitor)) == 30
    assert "Trang 2 / 3, 70 thông báo" in visitor.words()
    visitor.get("/notices/?kind=account_locked&unread=1")
    assert "Trang 1 / 2, 35 thông báo" in visitor.words()
    visitor.get("/notices/?kind=group:accounts&unread=1&page=2")
    assert len(items(visitor)) == 5
    for words in ("kind=nix", "kind=group:", "page=-1", "page=x", "page=999999", "unread=yes", "kind=%00"):
        assert visitor.get(f"/notices/?{words}").status_code == 200, words
        look_over(visitor)
    (newest,) = visitor.all("input", name="newest")
    told(world, CUSTODIAN)  # comes in while the page is being read
    visitor.send("/notices/read-all", newest=newest.get("value"))
    assert "Đã đánh dấu 70 thông báo là đã đọc" in visitor.words()
    assert bell(visitor).endswith("1 chưa đọc1")
    for strange in ("", "x", "-1", "9" * 40):
        assert visitor.send("/notices/read-all", newest=strange).status_code == 200


def test_the_empty_list_teaches_what_would_stand_there(visitor: Visitor, world: World):
    visitor.sign_in("dsg.tn1")
    visitor.get("/notices/")
    look_over(visitor)
    assert "Chưa có thông báo nào" in visitor.words()
    assert [a for a in visitor.all("a") if a.get("href") == "/notices/preferences"]


def test_everybody_chooses_about_what_can_concern_them_and_what_is_fixed_is_no_choice(
    visitor: Visitor, world: World
):
    visitor.sign_in(CLERK)
    visitor.get("/notices/preferences")
    look_over(visitor)
    names = {select.get("name") for select in visitor.all("select")}
    assert "queue_turn" in names
    assert not names & {"reset_issued", "finding_severe", "checkout", "unlock_asked"}
    assert "Luôn gửi thư ngay" in visitor.words()
    assert "chưa gửi thư điện tử" in visitor.words()
    visitor.send("/notices/preferences", queue_turn="page", reset_issued="page", nonsense="now")
    assert "Đã lưu" in visitor.words()
    (select,) = visitor.all("select", name="queue_turn")
    chosen = [o.get("value") for o in select.iter(f"{XHTML}option") if o.get("selected") is not None]
    assert chosen == ["page"]
    assert visitor.send("/notices/preferences", queue_turn="brieftaube").status_code == 422
    switch_on(world, free_port())
    visitor.get("/notices/preferences")
    assert "cjt.the1@bhxh.example" in visitor.words()
    assert "07:00" in visitor.words()


def test_two_languages_and_a_name_that_is_markup(visitor: Visitor, world: World):
    told(world, CUSTODIAN, officer="<script>alert(1)</script> & Co", account="TKCL-CJT-DML")
    told(
        world,
        CUSTODIAN,
        NoticeKind.FINDING_SEVERE,
        finding="unexplained_login",
        severity=1,
        office="CJT",
        of=1,
    )
    visitor.sign_in(CUSTODIAN)
    visitor.get("/notices/?unread=1")
    assert "<script>alert(1)</script> & Co" in items(visitor)[1]
    look_over(visitor)
    visitor.get("/notices/")
    visitor.send("/language/en", next="/notices/?unread=1")
    visitor.get("/notices/?unread=1")
    assert "took TKCL · Cư Jút → Đắk Mil" in items(visitor)[1]
    assert "Severe finding" in items(visitor)[0]
    look_over(visitor)


def test_every_kind_leads_to_a_page_that_is_there_or_nowhere(
    visitor: Visitor, world: World, another: Visitor
):
    lease = world.lend(CLERK, ACCOUNT)
    with transaction(world.rt) as session:
        findings.raise_finding(
            world.rt, session, findings.Kind.SELF_CHANGE, key="x", severity=1, office="CJT"
        )
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor(IT), "TKCL-CJT-KNO", "Kiểm tra")
    leasing.revoke_lease(world.rt, world.actor(CUSTODIAN), lease.lease, "Kiểm tra")
    with world.admin_control() as admin:
        row = admin.execute("SELECT id FROM finding WHERE office = 'CJT'").fetchone()
    assert row is not None
    for kind in NoticeKind:
        told(
            world, HEAD, kind, lease=lease.lease, of=row[0], office="CJT", day="2018-04-23", role="card", version=1,
        )  # fmt: skip
    visitor.sign_in(HEAD)
    visitor.get("/notices/?unread=1")
    seen = 0
    ways = [f.get("action") for f in visitor.all("form") if (f.get("action") or "").endswith("/open")]
    visitor.get("/notices/?unread=1&page=2")
    ways += [f.get("action") for f in visitor.all("form") if (f.get("action") or "").endswith("/open")]
    for way in ways:
        visitor.get("/notices/preferences")
        answer = visitor.send(way)
        assert answer.status_code in (200, 403), (way, visitor.path)
        seen += answer.status_code == 200
    assert len(ways) >= 20
    assert seen >= len(ways) - 2  # IT's request to unlock is no page of the head's


# --- the outbox -----------------------------------------------------------------------------------


def test_it_sees_how_mail_stands_and_can_send_again(visitor: Visitor, world: World):
    visitor.sign_in(IT)
    visitor.get("/notices/mail")
    look_over(visitor)
    assert "Chưa có máy chủ thư" in visitor.words()
    switch_on(world, free_port())
    told(world, CLERK, NoticeKind.LEASE_REVOKED)
    told(world, HEAD, NoticeKind.ROLE_GRANTED, role="card", office="CJT")
    visitor.get("/notices/mail")
    assert "Thư đi bình thường" in visitor.words()
    for _ in range(6):
        deliver_all(world)
        world.shift += timedelta(minutes=16)
    visitor.sign_in(IT)
    visitor.get("/notices/mail")
    look_over(visitor)
    assert "chờ hơn một giờ" in visitor.words()
    assert "Không kết nối được máy chủ thư" in visitor.words()
    assert "Lê Thị Ngọc Diệp" in visitor.words()
    assert ACCOUNT not in visitor.words()
    visitor.send("/notices/mail/try-now")
    assert "sẽ được gửi thử ngay" in visitor.words()
    with postbox() as box:
        switch_on(world, box.port)
        box.refuse["cjt.gd@bhxh.example"] = "550 no"
        deliver_all(world)
        visitor.get("/notices/mail")
        assert "Thư đã ngừng thử" in visitor.words()
        assert "máy chủ trả lời 550" in visitor.words()
        look_over(visitor)
        box.refuse.clear()
        (form,) = [f for f in visitor.all("form") if (f.get("action") or "").endswith("/retry")]
        visitor.send(form.get("action"))
        assert "trở lại hàng chờ" in visitor.words()
        assert visitor.send(form.get("action")).status_code == 409
        deliver_all(world)
        assert "cjt.gd@bhxh.example" in box.recipients


def test_wrong_mail_settings_are_said_to_it_in_words(visitor: Visitor, world: World):
    switch_on(world, 25, ACCESSCTL_MAIL_FROM="kein absender")
    visitor.sign_in(IT)
    visitor.get("/notices/mail")
    assert "ACCESSCTL_MAIL_FROM cần là một địa chỉ thư" in visitor.words()


@pytest.mark.parametrize("username", [CLERK, CUSTODIAN, HEAD, "vpt.gd", "vpt.ktra1", "cjt.tn1"])
def test_the_outbox_is_it_s_alone(visitor: Visitor, world: World, username: str):
    visitor.sign_in(username)
    assert visitor.get("/notices/mail").status_code == 403
    for address in ("/notices/mail/1/retry", "/notices/mail/try-now"):
        visitor.get("/notices/preferences")
        assert visitor.send(address).status_code == 403
    visitor.get("/notices/")
    assert not [a for a in visitor.all("a") if a.get("href") == "/notices/mail"]


def test_the_bell_asks_for_its_number_alone_and_hears_304_while_nothing_is_new(
    visitor: Visitor, world: World
):
    told(world, CUSTODIAN)
    visitor.sign_in(CUSTODIAN)
    (link,) = visitor.all("a", id="bell")
    asked = {"HX-Request": "true", "If-None-Match": f'"{link.get("data-version")}"'}
    same = visitor.client.get(link.get("data-live"), headers=asked)
    assert (same.status_code, same.data) == (304, b"")
    told(world, CUSTODIAN)
    answer = visitor.client.get(link.get("data-live"), headers=asked)
    assert answer.status_code == 200
    assert "Thông báo, 2 chưa đọc" in answer.text
    assert len(answer.data) < 1200
    again = asked | {"If-None-Match": answer.headers["ETag"]}
    assert visitor.client.get(link.get("data-live"), headers=again).status_code == 304
    visitor.send("/language/en", next="/")
    english = visitor.client.get(link.get("data-live"), headers=again)
    assert (english.status_code, "2 unread" in english.text) == (200, True)


def test_a_page_whose_bell_asks_does_not_keep_an_idle_person_signed_in(visitor: Visitor, world: World):
    visitor.sign_in(CUSTODIAN)
    for minutes in (5, 10, 14):
        world.shift = timedelta(minutes=minutes)
        assert visitor.client.get("/notices/count", headers={"HX-Request": "true"}).status_code == 200
    world.shift = timedelta(minutes=15, seconds=30)
    assert visitor.client.get("/notices/count", headers={"HX-Request": "true"}).status_code == 401
