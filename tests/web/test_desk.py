"""The desk on real office databases: borrow, look, reissue, correct, return, and everything that goes wrong."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import pytest

from accessctl.officedb import synthetic
from accessctl.services import leasing
from tests.common.world import World
from tests.web.conftest import Visitor

TKCL = "TKCL-CJT-DML"
TKHCTT = "TKHCTT-CJT-DML"
SUBJECT = synthetic.number("DML", 1)
FORM = {"dossier": "CJT-2018-000001/CLT", "subject": SUBJECT, "reason": "Cấp lại thẻ do mất"}


def borrow(visitor: Visitor, account: str = TKCL, **changes: object) -> None:
    """From the list of offices through the form."""
    visitor.get(f"/desk/borrow/{account}")
    visitor.send(f"/desk/borrow/{account}", **(FORM | changes))


def test_S14_a_lost_card_is_reissued_at_another_office_from_borrowing_to_returning(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    visitor.get("/desk/")
    assert visitor.all("a", href=f"/desk/borrow/{TKCL}")
    borrow(visitor)
    assert visitor.path == "/desk/"
    assert "TKCL · Cư Jút → Đắk Mil" in visitor.words("section")
    visitor.send("/desk/look")
    assert synthetic.person("DML", 1, 2018).full_name in visitor.words()
    visitor.send("/desk/reissue", reason="MAT", blank_serial="67a 0000123")
    assert visitor.path == "/desk/"
    assert "Đã cấp lại thẻ." in visitor.words()
    assert "67A0000123" in visitor.words()
    visitor.get("/desk/")
    assert "Đã cấp lại thẻ." not in visitor.words()
    lease = visitor.all("form", action=return_form(visitor))[0].get("action")
    visitor.send(lease)
    assert visitor.path.startswith("/leases/")
    assert "Đã trả tài khoản." in visitor.words()
    assert world.roles_with_login() == set()
    assert [r["outcome"] for r in world.records("card.reissued")] == ["intent", "ok"]
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT blank_serial, serving_office FROM bhyt.reissue").fetchall() == [
            ("67A0000123", "CJT")
        ]


def return_form(visitor: Visitor) -> str:
    """Where the button that returns the account sends to."""
    return next(f.get("action") for f in visitor.all("form") if "/desk/return/" in f.get("action"))


@pytest.mark.parametrize(
    ("changes", "sentence", "code"),
    [
        ({"dossier": ""}, "Chưa có mã hồ sơ", "lease.dossier_missing"),
        ({"dossier": "CJT-18-1"}, "không đúng mẫu", "lease.dossier_malformed"),
        ({"dossier": "DML-2018-000001/CLT"}, "không do", "lease.dossier_other_office"),
        ({"subject": "12345"}, "đúng 10 chữ số", "lease.subject_malformed"),
        ({"reason": "  "}, "Chưa có lý do", "lease.reason_missing"),
        ({"reason": "x" * 10_240}, "dài hơn", "input.too_long"),
    ],
)
def test_S25_each_refusal_has_its_own_sentence_a_record_and_the_form_as_it_was_filled_in(
    visitor: Visitor, world: World, changes: dict[str, str], sentence: str, code: str
):
    visitor.sign_in("cjt.the2")
    borrow(visitor, **changes)
    assert visitor.answer.status_code == 403
    assert sentence in visitor.words()
    assert visitor.all("input", name="reason")[0].get("value") == (FORM | changes)["reason"]
    assert {record["reason"] for record in world.records("lease.denied")} == {code}
    assert world.records("lease.denied")[0]["correlation"] == visitor.answer.headers["X-Request-Id"]
    assert world.roles_with_login() == set()


def test_S28_a_form_sent_twice_is_one_lease_and_both_answers_lead_to_it(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    visitor.get(f"/desk/borrow/{TKCL}")
    token = visitor.token
    borrow(visitor)
    answer = visitor.client.post(f"/desk/borrow/{TKCL}", data=FORM | {"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk/")
    assert len(world.records("lease.checkout")) == 1
    other = FORM | {"dossier": "CJT-2018-000002/CLT", "csrf_token": token}
    second_tab = visitor.client.post("/desk/borrow/TKCL-CJT-GNG", data=other)
    assert second_tab.status_code == 409
    assert "mỗi cán bộ chỉ giữ một tài khoản" in second_tab.text


def test_S31_a_reissue_sent_twice_is_recorded_once_and_says_so(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    for _ in range(2):
        visitor.send("/desk/reissue", reason="MAT", blank_serial="67A0000124")
    assert "đã được cấp lại từ trước" in visitor.words()
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (1,)


@pytest.mark.parametrize(
    ("reason", "serial", "sentence"), [("MAT", "", "phôi"), ("XYZ", "67A0000125", ""), ("", "67A0000125", "")]
)
def test_a_reissue_without_reason_or_blank_is_refused_with_the_form_shown_again(
    visitor: Visitor, world: World, reason: str, serial: str, sentence: str
):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    visitor.send("/desk/reissue", reason=reason, blank_serial=serial)
    assert visitor.answer.status_code == 422
    assert sentence in visitor.words()
    assert visitor.all("input", name="blank_serial")[0].get("value") == serial


def test_S27_who_comes_second_waits_in_a_visible_queue_and_gets_the_account_on_its_return(
    visitor: Visitor, another: Visitor
):
    visitor.sign_in("cjt.the1")
    borrow(visitor)
    another.sign_in("cjt.the2")
    another.get("/desk/")
    assert "Đang sử dụng" in another.words()
    assert "Lê Thị Ngọc Diệp" in another.words()
    borrow(another, dossier="CJT-2018-000002/CLT", subject=synthetic.number("DML", 4))
    assert "thứ 1 trong hàng chờ" in another.words("section")
    assert "Vị trí của ông/bà" in another.words()
    visitor.send(return_form(visitor))
    another.get("/desk/")
    assert "Xem thông tin người tham gia" in another.words()


def test_the_queue_is_polled_by_the_strip_and_the_turn_moves_the_browser(visitor: Visitor, another: Visitor):
    visitor.sign_in("cjt.the1")
    borrow(visitor)
    another.sign_in("cjt.the2")
    borrow(another, dossier="CJT-2018-000002/CLT", subject=synthetic.number("DML", 4))
    strip = another.all("section", id="strip")[0]
    poll = {"headers": {"HX-Request": "true", "X-CSRFToken": another.token}, "data": {"state": "QUEUED"}}
    assert "thứ 1 trong hàng chờ" in another.client.post(strip.get("hx-post"), **poll).text
    visitor.send(return_form(visitor))
    moved = another.client.post(strip.get("hx-post"), **poll)
    assert moved.headers["HX-Redirect"] == "/desk/"


def test_S30_an_expired_lease_says_when_it_ended_and_nothing_is_done(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    world.shift = timedelta(minutes=14)
    visitor.get("/desk/")
    world.shift = timedelta(minutes=16)
    visitor.send("/desk/reissue", reason="MAT", blank_serial="67A0000126")
    assert visitor.answer.status_code in (403, 409)
    assert re.search(r"hết hạn lúc \d\d/\d\d/\d{4} \d\d:\d\d|đã kết thúc", visitor.words())
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (0,)


def test_S30_a_lease_is_renewed_once_and_the_button_goes(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    renew = next(f.get("action") for f in visitor.all("form") if "/desk/renew/" in f.get("action"))
    world.shift = timedelta(minutes=5)
    visitor.send(renew)
    assert "Đã gia hạn" in visitor.words()
    assert not [f for f in visitor.all("form") if "/desk/renew/" in f.get("action")]
    assert visitor.send(renew).status_code == 403
    assert "chỉ được gia hạn một lần" in visitor.words()


def test_R20_listed_fields_are_corrected_with_old_and_new_side_by_side(visitor: Visitor, world: World):
    visitor.sign_in("cjt.thu1")
    borrow(visitor, TKHCTT, fields=["full_name", "birth_date"])
    visitor.send("/desk/look")
    old = synthetic.person("DML", 1, 2018).full_name
    assert visitor.all("input", name="old_full_name")[0].get("value") == old
    assert not visitor.all("input", name="address")
    name = unicodedata.normalize("NFD", "Nguyễn Thị Thu Hà")
    visitor.send(
        "/desk/correct",
        full_name=name,
        birth_date="28/02/1987",
        old_full_name=old,
        old_birth_date="01/01/1987",
    )
    assert "Đã hiệu chỉnh thông tin." in visitor.words()
    with world.admin_office("DML") as admin:
        row = admin.execute(
            "SELECT full_name, birth_date::text FROM bhyt.participant WHERE bhxh_no = %s", (SUBJECT,)
        ).fetchone()
        admin.execute("UPDATE bhyt.participant SET full_name = %s WHERE bhxh_no = %s", (old, SUBJECT))
    assert row == ("Nguyễn Thị Thu Hà", "1987-02-28")
    visitor.send(return_form(visitor))


def test_S26_a_field_that_was_not_listed_cannot_be_sent_in(visitor: Visitor, world: World):
    visitor.sign_in("cjt.thu1")
    borrow(visitor, TKHCTT, fields=["full_name"])
    visitor.send("/desk/correct", address="Thôn 1", old_full_name="x")
    assert visitor.answer.status_code == 422
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.correction").fetchone() == (0,)


def test_R11_a_person_of_BHXH_and_BHYT_is_not_corrected_and_the_page_names_the_office(visitor: Visitor):
    visitor.sign_in("cjt.thu1")
    borrow(visitor, TKHCTT, fields=["full_name"], subject=synthetic.number("DML", 2))
    visitor.send("/desk/look")
    assert "thuộc diện BHXH và BHYT" in visitor.words()
    assert "Đắk Mil" in visitor.words()
    assert not visitor.all("form", action="/desk/correct")


def test_S20_a_person_who_is_not_there_is_sent_back_to_reception(visitor: Visitor):
    visitor.sign_in("cjt.the2")
    borrow(visitor, subject=synthetic.number("GNG", 1))
    visitor.send("/desk/look")
    assert "Không tìm thấy người tham gia tại" in visitor.words()
    assert "Trả hồ sơ về bộ phận Tiếp nhận" in visitor.words()


@pytest.mark.parametrize("field", ["dossier", "subject", "reason"])
def test_SQL_in_a_field_is_text_and_shown_as_text(visitor: Visitor, world: World, field: str):
    nasty = "'; DROP TABLE lease; --<script>alert(1)</script>"
    visitor.sign_in("cjt.the2")
    borrow(visitor, **{field: nasty})
    assert "<script>alert" not in visitor.answer.text
    with world.admin_control() as admin:
        assert admin.execute("SELECT to_regclass('lease') IS NOT NULL").fetchone() == (True,)


def test_client_mode_shows_the_secret_once_and_the_desk_never(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor, client="y")
    (secret,) = visitor.all("code")
    dsn = "".join(secret.itertext())
    assert "password" in dsn or "@" in dsn
    assert visitor.answer.headers["Cache-Control"] == "no-store"
    assert not visitor.get("/desk/").text.count(dsn)
    visitor.send(return_form(visitor))
    visitor.get(f"/desk/borrow/{TKCL}")
    borrow(visitor, dossier="CJT-2018-000002/CLT", subject=synthetic.number("DML", 4))
    assert not visitor.all("code")


def test_what_cannot_be_done_is_not_offered_and_the_reason_is_shown(visitor: Visitor, world: World):
    with world.admin_control() as admin:
        admin.execute("UPDATE account SET state = 'LOCKED' WHERE name = %s", (TKCL,))
    visitor.sign_in("cjt.the2")
    visitor.get("/desk/")
    assert not visitor.all("a", href=f"/desk/borrow/{TKCL}")
    assert "Đã khóa" in visitor.words()
    visitor.get("/desk/borrow/TKCL-CJT-GNG")
    visitor.send(f"/desk/borrow/{TKCL}", **FORM)
    assert visitor.answer.status_code == 403
    assert "đang bị khóa" in visitor.words()
    assert visitor.get("/desk/borrow/TKCL-DML-CJT").status_code == 404


def test_a_revoked_lease_tells_its_holder_who_needs_not_guess_why(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    another.sign_in("cjt.gd")
    another.get("/leases/")
    assert "Trần Đức Minh" in another.words()
    address = next(a.get("href") for a in another.all("a") if a.get("href", "").endswith("/revoke"))
    another.get(address)
    assert another.send(address, reason="").status_code == 403
    assert "Chưa có lý do" in another.words()
    another.send(address, reason="Nghi vấn hồ sơ")
    strip = visitor.all("section", id="strip")[0]
    poll = {"headers": {"HX-Request": "true", "X-CSRFToken": visitor.token}, "data": {"state": "ACTIVE"}}
    ended = visitor.client.post(strip.get("hx-post"), **poll).headers["HX-Redirect"]
    visitor.get(ended)
    assert "đã bị thu hồi" in visitor.words()
    assert "Nghi vấn hồ sơ" in visitor.words()
    assert visitor.send("/desk/look").status_code == 409


def test_a_lease_is_nobody_elses(visitor: Visitor, another: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    lease = leasing.current_lease(world.rt, world.actor("cjt.the2"))
    assert lease is not None
    another.sign_in("cjt.thu1")
    another.get("/desk/")
    for act in ("return", "renew", "cancel"):
        assert another.send(f"/desk/{act}/{lease.lease}").status_code == 403
    assert another.get(f"/leases/{lease.lease}").status_code == 403
    assert another.get("/leases/1").status_code == 404
    assert visitor.get("/desk/").status_code == 200
    assert "Xem thông tin" in visitor.words()


def test_a_page_that_only_beats_does_not_keep_an_idle_person_signed_in(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    strip = visitor.all("section", id="strip")[0]
    beat = {"headers": {"HX-Request": "true", "X-CSRFToken": visitor.token}, "data": {"state": "ACTIVE"}}
    for minutes in (5, 10, 14):
        world.shift = timedelta(minutes=minutes)
        assert visitor.client.post(strip.get("hx-post"), **beat).status_code == 200
    world.shift = timedelta(minutes=15, seconds=30)
    ended = visitor.client.post(strip.get("hx-post"), **beat)
    assert (ended.status_code, ended.headers["HX-Redirect"]) == (401, "/sign-in")
