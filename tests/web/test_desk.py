"""The desk on real office databases: borrow, look, reissue, correct, return, and everything that goes wrong."""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta

import pytest
from werkzeug.test import TestResponse

from accessctl.domain.accounts import Kind
from accessctl.domain.leases import EndReason
from accessctl.officedb import synthetic
from accessctl.services import closing, custody, leasing
from accessctl.services.control import transaction
from tests.common.rules import ask, decide, set_rule
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


def beat(visitor: Visitor, state: str, page: str = "") -> TestResponse:
    """What the strip of the last page asks every few seconds."""
    strip = visitor.all("section", id="strip")[0]
    headers = {"HX-Request": "true", "X-CSRFToken": visitor.token}
    return visitor.client.post(strip.get("hx-post"), headers=headers, data={"state": state, "page": page})


def test_S27_the_place_in_the_queue_is_polled_and_the_turn_takes_over_without_losing_ones_place(
    visitor: Visitor, another: Visitor
):
    visitor.sign_in("cjt.the1")
    borrow(visitor)
    another.sign_in("cjt.the2")
    borrow(another, dossier="CJT-2018-000002/CLT", subject=synthetic.number("DML", 4))
    assert [e.text for e in another.all("p", class_="queue-number")] == ["1"]
    waiting = beat(another, "QUEUED", "waiting").text
    assert 'data-position="1"' in waiting
    assert "thứ 1 trong hàng chờ" in waiting
    visitor.send(return_form(visitor))
    elsewhere = beat(another, "QUEUED")
    assert "HX-Redirect" not in elsewhere.headers, "whoever types on another page stays there"
    assert "Đến lượt ông/bà" in elsewhere.text
    assert "Về bàn làm việc" not in elsewhere.text or 'href="/desk/"' in elsewhere.text
    assert beat(another, "QUEUED", "waiting").headers["HX-Redirect"] == "/desk/"


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
    told = beat(visitor, "ACTIVE", "work").text
    (address,) = re.findall(r'data-leave="([^"]+)"', told)
    assert "data-leave" not in beat(visitor, "ACTIVE").text, "on another page only the strip says so"
    visitor.get(address)
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
    for minutes in (5, 10, 14):
        world.shift = timedelta(minutes=minutes)
        assert beat(visitor, "ACTIVE", "work").status_code == 200
    world.shift = timedelta(minutes=15, seconds=30)
    ended = beat(visitor, "ACTIVE", "work")
    assert (ended.status_code, ended.headers["HX-Redirect"]) == (401, "/sign-in")


def test_a_scanned_dossier_is_remembered_to_the_form_and_a_slip_of_the_scanner_is_told_at_once(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    records = len(world.records())
    visitor.get("/desk/?dossier=cjt-2018-000007/clt")
    assert visitor.all("input", id="dossier")[0].get("value") == "CJT-2018-000007/CLT"
    link = f"/desk/borrow/{TKCL}?dossier=CJT-2018-000007/CLT"
    assert visitor.all("a", href=link)
    visitor.get(link)
    assert visitor.all("input", id="dossier")[0].get("value") == "CJT-2018-000007/CLT"
    assert visitor.all("input", id="subject")[0].get("autofocus") is not None, (
        "typing starts at the next field"
    )
    for typed, words in (
        ("67A0000123", "không đúng mẫu"),
        ("DML-2018-000001/CLT", "không do"),
        ("x" * 500, "mẫu"),
    ):
        assert visitor.get("/desk/", query_string={"dossier": typed}).status_code == 200
        assert words in visitor.words(), typed
        assert visitor.all("a", href=f"/desk/borrow/{TKCL}")
    assert len(world.records()) == records, "nobody has asked for anything yet"


def test_what_was_typed_is_there_again_when_another_account_is_chosen_after_a_refusal(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    with world.admin_control() as admin:
        admin.execute("UPDATE account SET state = 'LOCKED' WHERE name = %s", (TKCL,))
    borrow(visitor)
    assert "đang bị khóa" in visitor.words()
    visitor.get("/desk/borrow/TKCL-CJT-GNG?dossier=CJT-2018-000001/CLT")
    filled = {
        name: visitor.all("input", name=name)[0].get("value") for name in ("dossier", "subject", "reason")
    }
    assert filled == FORM
    visitor.get("/desk/borrow/TKCL-CJT-GNG?dossier=CJT-2018-000099/CLT")
    assert visitor.all("input", name="subject")[0].get("value") == "", (
        "of another dossier nothing is filled in"
    )
    cookie = visitor.client.get_cookie("accessctl")
    assert cookie is not None
    assert SUBJECT not in cookie.decoded_value


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (
            "UPDATE account SET state = 'LOCKED' WHERE name = 'TKCL-CJT-DML'",
            "đang bị khóa nên không nhận sử dụng được",
        ),
        ("UPDATE account SET state = 'QUARANTINED' WHERE name = 'TKCL-CJT-DML'", "đang bị cách ly"),
        (
            'UPDATE office SET hours = \'{"spans": [["00:00", "00:01"]]}\' WHERE code = \'CJT\'',
            "BHXH huyện Cư Jút",
        ),
        ("UPDATE province SET effective_from = '2999-01-01'", "2999"),
    ],
)
def test_what_cannot_be_borrowed_is_grey_with_the_reason_in_a_sentence(
    visitor: Visitor, world: World, prepare: str, words: str
):
    with world.admin_control() as admin:
        admin.execute(prepare)
    visitor.sign_in("cjt.the1")
    visitor.get("/desk/")
    assert not visitor.all("a", href=f"/desk/borrow/{TKCL}")
    assert words in visitor.words()
    assert "TKHCTT không thuộc vai trò của ông/bà" in visitor.words()
    assert "thu" in visitor.words().lower().rpartition("người nhận sử dụng")[2]


def test_without_a_custodian_no_shared_account_is_offered_and_the_page_says_whom_to_tell(
    visitor: Visitor, world: World
):
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Nghỉ việc")
    visitor.sign_in("cjt.the1")
    visitor.get("/desk/")
    assert "Chưa có cán bộ quản lý TKCL" in visitor.words()
    assert visitor.words().count("Chưa có cán bộ quản lý TKCL") == 1, "once for all, not eight times"
    assert not [a for a in visitor.all("a") if "/desk/borrow/TKCL" in a.get("href", "")]
    assert [a for a in visitor.all("a") if "/desk/borrow/LOCAL_CL" in a.get("href", "")]


def test_A4_outside_the_rule_the_way_to_an_approval_is_offered_and_with_it_the_account_opens(
    visitor: Visitor, world: World
):
    set_rule(world, "cjt.the2", officers=("cjt.the2",))
    visitor.sign_in("cjt.the1")
    visitor.get("/desk/?dossier=CJT-2018-000001/CLT")
    assert "không có trong danh sách" in visitor.words()
    asking = f"/approvals/ask?account={TKCL}&dossier=CJT-2018-000001/CLT"
    assert visitor.all("a", href=asking)
    assert visitor.get(asking).status_code == 200
    approval = ask(world, "cjt.the1")
    visitor.get("/desk/")
    assert visitor.all("a", href=f"/approvals/{approval}")
    decide(world, "cjt.the2", approval)
    visitor.get("/desk/")
    assert "Đã được phê duyệt cho hồ sơ CJT-2018-000001/CLT" in visitor.words()
    assert visitor.all("a", href=f"/desk/borrow/{TKCL}?dossier=CJT-2018-000001/CLT")
    borrow(visitor)
    assert visitor.path == "/desk/"
    assert "TKCL · Cư Jút → Đắk Mil" in visitor.words("section")


def test_the_custodian_and_what_the_lease_allows_stand_on_the_page_while_working(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the1")
    borrow(visitor)
    assert "Trần Đức Minh" in visitor.words()
    assert [a for a in visitor.all("a") if a.get("href", "").startswith("tel:")]
    assert "Cấp lại thẻ BHYT" in visitor.words("aside")
    assert "Không sửa thông tin của người tham gia" in visitor.words("aside")
    visitor.send("/desk/look")
    assert "Trần Đức Minh" in visitor.words()
    (chosen,) = [e for e in visitor.all("input", name="reason") if e.get("checked") is not None]
    assert chosen.get("value") == "MAT", "the reason of the loan names it already"


def test_S30_expiry_in_the_middle_keeps_what_was_done_and_what_was_typed_and_says_so(
    visitor: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    visitor.send("/desk/look")
    (named,) = {e.get("value") for e in visitor.all("input", name="lease")}
    world.shift = timedelta(minutes=14)
    visitor.get("/desk/")
    world.shift = timedelta(minutes=15, seconds=1)
    closing.close(world.rt, named, reason=EndReason.EXPIRED)
    answer = visitor.send("/desk/reissue", lease=named, reason="HONG", blank_serial="67A0000999")
    assert answer.status_code == 409
    assert "hết hạn" in visitor.words()
    assert "chưa được thực hiện" in visitor.words()
    assert "được giữ lại" in visitor.words()
    again = f"/desk/borrow/{TKCL}?again={named}"
    assert visitor.all("a", href=again)
    visitor.get(again)
    filled = {
        name: visitor.all("input", name=name)[0].get("value") for name in ("dossier", "subject", "reason")
    }
    assert filled == FORM
    world.shift = timedelta()  # the host's clock is the real one
    borrow(visitor)
    assert "được điền lại" in visitor.words()
    visitor.send("/desk/look")
    assert visitor.all("input", name="blank_serial")[0].get("value") == "67A0000999"
    (chosen,) = [e for e in visitor.all("input", name="reason") if e.get("checked") is not None]
    assert chosen.get("value") == "HONG"
    visitor.send("/desk/reissue", reason="HONG", blank_serial="67A0000999")
    assert "Đã cấp lại thẻ." in visitor.words()
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (1,)


def test_what_the_page_sends_when_the_time_is_over_is_kept_for_its_owner_only(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("cjt.thu1")
    borrow(visitor, TKHCTT, fields=["address"])
    visitor.send("/desk/look")
    (named,) = {e.get("value") for e in visitor.all("input", name="lease")}
    visitor.send(f"/desk/keep/{named}", lease=named, address="Thôn 9, xã Đắk Lao", old_address="x")
    assert visitor.path == f"/leases/{named}"
    visitor.send(return_form(visitor))
    visitor.get(f"/leases/{named}")
    assert "được giữ lại" in visitor.words()
    borrow(visitor, TKHCTT, fields=["address"])
    visitor.send("/desk/look")
    assert visitor.all("input", name="address")[0].get("value") == "Thôn 9, xã Đắk Lao"
    another.sign_in("cjt.the1")
    another.get("/desk/")
    assert another.send(f"/desk/keep/{named}", address="x").status_code == 403
    assert another.get(f"/desk/borrow/{TKCL}?again={named}").status_code == 403


def test_a_form_of_an_earlier_lease_never_acts_on_the_next_one(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    visitor.send("/desk/look")
    (earlier,) = {e.get("value") for e in visitor.all("input", name="lease")}
    visitor.send(return_form(visitor))
    stale = {"lease": earlier, "reason": "MAT", "blank_serial": "67A0000555"}
    assert visitor.send("/desk/reissue", **stale).status_code == 409
    borrow(visitor, dossier="CJT-2018-000002/CLT", subject=synthetic.number("DML", 4))
    for address in ("/desk/reissue", "/desk/look"):
        assert visitor.send(address, **stale).status_code == 409, address
        assert "thuộc phiên trước, của hồ sơ CJT-2018-000001/CLT" in visitor.words()
        assert visitor.all("a", href="/desk/")
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (0,)
    assert len(world.records("reissue.viewed")) == 2


def test_a_request_whose_answer_was_lost_leads_to_the_lease_it_opened(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    visitor.get(f"/desk/borrow/{TKCL}")
    opened = leasing.open_lease(world.rt, world.actor("cjt.the2"), world.request(TKCL))
    again = leasing.open_lease(world.rt, world.actor("cjt.the2"), world.request(TKCL))
    assert (again.lease, again.state) == (opened.lease, "ACTIVE")
    visitor.send(f"/desk/borrow/{TKCL}", **FORM)
    assert visitor.path == "/desk/"
    assert len(world.records("lease.checkout")) == 1
    assert world.records("lease.denied") == []


def test_renewing_from_the_strip_changes_the_strip_and_nothing_else(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    renew = next(f.get("action") for f in visitor.all("form") if "/desk/renew/" in f.get("action"))
    world.shift = timedelta(minutes=5)
    headers = {"HX-Request": "true", "X-CSRFToken": visitor.token}
    answer = visitor.client.post(renew, headers=headers, data={"page": "work"})
    assert answer.status_code == 200
    assert answer.text.count("<section") == 1
    assert "/desk/renew/" not in answer.text
    assert visitor.client.post(renew, headers=headers).status_code == 403


def test_taking_a_lease_back_says_first_who_is_next_and_nobody_else_sees_that_page(
    visitor: Visitor, another: Visitor, world: World
):
    first = world.lend("cjt.the1", TKCL, client=False)
    world.lend("cjt.the2", TKCL, number=2, client=False)
    visitor.sign_in("cjt.gd")
    visitor.get(f"/leases/{first.lease}/revoke")
    assert "1 phiên đang mở sẽ bị ngắt: Lê Thị Ngọc Diệp" in visitor.words()
    assert "người tiếp theo trong hàng chờ: Trần Đức Minh" in visitor.words()
    another.sign_in("vpt.ktra1")
    assert another.get(f"/leases/{first.lease}").status_code == 200
    assert another.get(f"/leases/{first.lease}/revoke").status_code == 403
    leasing.close_lease(world.rt, world.actor("cjt.the1"), first.lease)
    visitor.send(f"/leases/{first.lease}/revoke", reason="Nghi vấn")
    assert "không cần thu hồi" in visitor.words()
