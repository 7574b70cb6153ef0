"""Notices by mail: through a real server on loopback, as each person chose, once, and with nothing secret in them."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from accessctl import clock
from accessctl.domain.notices import NoticeKind
from accessctl.errors import Invalid
from accessctl.jobs.mailer import Digest
from accessctl.services import digests, leasing, notices
from accessctl.services.control import transaction
from accessctl.services.notices import notify
from tests.common.evidence import custodian_of
from tests.common.postbox import SENDER, deliver_all, everything, header, plain, postbox, switch_on
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
CUSTODIAN, CLERK, HEAD = "cjt.the2", "cjt.the1", "cjt.gd"
ABOUT = {
    "officer": "Lê Thị Ngọc Diệp",
    "account": ACCOUNT,
    "dossier": "CJT-2018-000001/CLT",
    "by": "Trần Đức Minh",
}


def told(world: World, username: str, kind: NoticeKind, **about: object) -> None:
    with transaction(world.rt) as session:
        notify(world.rt, session, kind, to=[world.actor(username).id], about=ABOUT | about)


def chosen(world: World, username: str, **wanted: str) -> int:
    with transaction(world.rt) as session:
        return notices.choose(world.rt, session, world.actor(username), wanted)


def at_local(world: World, text: str) -> None:
    """Move the world's clock to `dd/mm/yyyy HH:MM` in the province."""
    wanted = datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=clock.PROVINCE_TIME)
    world.shift += wanted - world.now()


def test_a_mail_says_who_where_and_when_in_both_forms_with_a_way_to_the_page_and_to_ones_choices(
    world: World,
) -> None:
    assert custodian_of(world, "CJT", "TKCL") == CUSTODIAN
    with postbox() as box:
        switch_on(world, box.port)
        chosen(world, CUSTODIAN, checkout="now")
        world.lend(CLERK, ACCOUNT)
        deliver_all(world)
        (mail,) = box.mails
    assert header(mail, "To") == "Trần Đức Minh <cjt.the2@bhxh.example>"
    assert box.recipients == ["cjt.the2@bhxh.example"]
    assert mail["Subject"] == "Lê Thị Ngọc Diệp nhận sử dụng TKCL · Cư Jút → Đắk Mil"
    assert "\n" not in mail["Subject"]
    assert header(mail, "From") == SENDER
    assert mail["List-Unsubscribe"] == "<https://tai-khoan.bhxh.example/notices/preferences>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = plain(mail)
    assert "Kính gửi ông/bà Trần Đức Minh," in text
    assert "CJT-2018-000001/CLT" in text
    assert "https://tai-khoan.bhxh.example/notices/" in text
    html = mail.get_body(("html",))
    assert html is not None
    assert "Lê Thị Ngọc Diệp" in html.get_content()
    assert 'lang="vi"' in html.get_content()


def test_the_reader_reads_in_the_language_that_was_chosen(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        with world.admin_control() as admin:
            admin.execute("UPDATE officer SET language = 'en' WHERE username = %s", (CLERK,))
        told(world, CLERK, NoticeKind.LEASE_REVOKED)
        deliver_all(world)
        (mail,) = box.mails
    assert mail["Subject"] == "TKCL · Cư Jút → Đắk Mil was taken back"
    assert mail["Content-Language"] == "en"
    assert "Dear Lê Thị Ngọc Diệp," in plain(mail)


def test_without_a_mail_server_a_notice_stands_in_the_page_and_nothing_waits(world: World) -> None:
    told(world, CLERK, NoticeKind.LEASE_REVOKED)
    with world.admin_control() as admin:
        how = "SELECT how, mail_id FROM notice WHERE kind = 'lease_revoked'"
        assert admin.execute(how).fetchall() == [("page", None)]
        assert admin.execute("SELECT count(*) FROM mail").fetchone() == (0,)
    with postbox() as box:
        switch_on(world, box.port)
        deliver_all(world)
        assert box.mails == []


def test_each_kind_comes_as_chosen_and_what_is_fixed_cannot_be_switched_off(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        assert chosen(world, CLERK, lease_revoked="page", queue_turn="daily", reset_issued="page") == 2
        for kind in (NoticeKind.LEASE_REVOKED, NoticeKind.QUEUE_TURN, NoticeKind.RESET_ISSUED):
            told(world, CLERK, kind, purpose="password", until="2018-04-24T00:44:00Z")
        deliver_all(world)
        assert [str(mail["Subject"]) for mail in box.mails] == [
            "Cấp liên kết đặt lại mật khẩu cho Lê Thị Ngọc Diệp"
        ]
        assert chosen(world, CLERK, lease_revoked="now") == 1
        told(world, CLERK, NoticeKind.LEASE_REVOKED)
        deliver_all(world)
        assert len(box.mails) == 2
    with pytest.raises(Invalid) as refusal:
        chosen(world, CLERK, lease_revoked="by pigeon")
    assert refusal.value.code == "notice.how"
    assert chosen(world, CLERK, checkout="now") == 0  # a kind that does not concern a clerk


def test_the_mail_of_the_day_comes_once_at_its_time_with_all_of_the_day_and_nothing_of_the_next(
    world: World,
) -> None:
    with postbox() as box:
        switch_on(world, box.port, ACCESSCTL_DIGEST_AT="16:30")
        at_local(world, "24/11/2026 08:00")
        for number in range(3):
            told(world, CUSTODIAN, NoticeKind.CHECKOUT, dossier=f"CJT-2026-00000{number}/CLT")
        Digest(world.rt).turn()
        deliver_all(world)
        assert box.mails == []
        at_local(world, "24/11/2026 16:31")
        told(world, CUSTODIAN, NoticeKind.CHECKOUT, dossier="CJT-2026-000009/CLT")
        for _ in range(2):  # two workers, or one that was started again
            Digest(world.rt).turn()
        deliver_all(world)
        (mail,) = box.to("cjt.the2@bhxh.example")
        assert mail["Subject"] == "Tổng hợp thông báo ngày 24/11/2026: 3 thông báo"
        assert plain(mail).count("CJT-2026-00000") == 3
        assert "CJT-2026-000009" not in plain(mail)
        assert plain(mail).count("== ") == 1
        at_local(world, "25/11/2026 09:00")
        Digest(world.rt).turn()  # 16:30 is not yet there: yesterday's is done
        at_local(world, "25/11/2026 17:00")
        Digest(world.rt).turn()
        deliver_all(world)
        assert len(box.to("cjt.the2@bhxh.example")) == 2
        assert "CJT-2026-000009" in plain(box.to("cjt.the2@bhxh.example")[1])


def test_A11_the_office_that_answers_for_the_data_hears_once_a_day_how_often_others_used_it(
    world: World,
) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        first = world.lend(CLERK, ACCOUNT)
        leasing.close_lease(world.rt, world.actor(CLERK), first.lease)
        world.lend(CLERK, ACCOUNT, number=2)
        world.lend("cjt.thu1", "TKHCTT-CJT-DML", n=2, number=3)
        day = clock.local(world.now())
        at_local(world, f"{day + timedelta(days=1):%d/%m/%Y} 07:05")
        for _ in range(2):
            Digest(world.rt).turn()
        deliver_all(world)
        hosts = {custodian_of(world, "DML", "TKCL"), custodian_of(world, "DML", "TKHCTT"), "dml.gd"}
        for username in hosts:
            (mail,) = box.to(f"{username}@bhxh.example")
            assert f"Ngày {day:%d/%m/%Y}" in plain(mail)
            assert "đã nhận tài khoản 3 lần" in plain(mail)
            assert "Cư Jút 3 lượt" in plain(mail)
        assert {to.partition("@")[0] for to in box.recipients} - {CUSTODIAN, HEAD} >= hosts


def test_a_name_with_a_line_break_or_in_NFD_can_add_no_header_and_reads_well(world: World) -> None:
    evil = "Nguyễn Văn\r\nBcc: all@bhxh.example\r\n\r\nHi" + unicodedata.normalize("NFD", " Điểu Krứ")
    with postbox() as box:
        switch_on(world, box.port)
        with world.admin_control() as admin:
            admin.execute("UPDATE officer SET full_name = %s WHERE username = %s", (evil, CLERK))
        told(world, CLERK, NoticeKind.RESET_ISSUED, officer=evil, by=evil, purpose="password")
        deliver_all(world)
        (mail,) = box.mails
    assert box.recipients == ["cjt.the1@bhxh.example"]
    assert mail["Bcc"] is None
    tidy = "Nguyễn Văn Bcc: all@bhxh.example Hi Điểu Krứ"
    assert header(mail, "To") == f"{tidy} <cjt.the1@bhxh.example>"
    assert mail["Subject"] == f"Cấp liên kết đặt lại mật khẩu cho {tidy}"
    assert "Điểu Krứ" in plain(mail)
    assert unicodedata.is_normalized("NFC", plain(mail))


@pytest.mark.parametrize(
    "address", ["a@b@c", "khong-co", "x@bhxh.example\nBcc: y@z", "ông@bhxh.example", "a b@c"]
)
def test_an_address_that_is_none_is_given_up_in_sight_and_stops_nobody_else(
    world: World, address: str
) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        with world.admin_control() as admin:
            admin.execute("UPDATE officer SET email = %s WHERE username = %s", (address, CLERK))
        told(world, CLERK, NoticeKind.LEASE_REVOKED)
        told(world, CUSTODIAN, NoticeKind.LEASE_REVOKED)
        deliver_all(world)
        assert box.recipients == ["cjt.the2@bhxh.example"]
    with world.admin_control() as admin:
        assert admin.execute("SELECT state, error FROM mail WHERE error IS NOT NULL").fetchall() == [
            ("GIVEN_UP", "mail.address")
        ]
        assert admin.execute("SELECT kind FROM finding").fetchall() == [("mail_given_up",)]


def test_whoever_has_left_gets_no_mail_and_nobody_is_troubled(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        told(world, CLERK, NoticeKind.LEASE_REVOKED)
        with world.admin_control() as admin:
            admin.execute("UPDATE officer SET left_at = now() WHERE username = %s", (CLERK,))
        deliver_all(world)
        assert box.mails == []
    with world.admin_control() as admin:
        assert admin.execute("SELECT state, error FROM mail").fetchall() == [("GIVEN_UP", "mail.left")]
        assert admin.execute("SELECT count(*) FROM finding").fetchone() == (0,)


def secrets_of(world: World) -> set[str]:
    """What must stand in no mail: keys, derived secrets, numbers and names of participants, roles of accounts."""
    with world.admin_office("DML") as office:
        people = office.execute("SELECT bhxh_no, full_name FROM bhyt.participant").fetchall()
    with world.admin_control() as admin:
        roles = [row[0] for row in admin.execute("SELECT role FROM account")]
    return {word for row in people for word in row} | set(roles) | {world.settings.web_secret}


def test_no_kind_of_mail_holds_a_secret_a_participant_or_an_account_role(world: World) -> None:
    everything_there_is = {
        "until": "2018-04-24T00:44:00Z", "opens": "2018-04-24T00:44:00Z", "closes": "2018-04-24T01:44:00Z",
        "since": "2018-04-01T00:00:00Z", "day": "2018-04-23", "office": "DML", "from_office": "GNG", "kind": "TKCL",
        "role": "card", "purpose": "second_factor", "finding": "unexplained_login", "severity": 1, "version": 3,
        "principal": "Trần Đức Minh", "from": "10.0.0.7", "count": 2, "by_office": {"CJT": 2}, "lease": "x",
        "change": 4,
    }  # fmt: skip
    with postbox() as box:
        switch_on(world, box.port)
        lease = world.lend(CLERK, ACCOUNT)  # a secret exists, and a participant is in play
        assert lease.dsn is not None
        for kind in NoticeKind:
            with transaction(world.rt) as session:
                with world.admin_control() as admin:
                    admin.execute(
                        "INSERT INTO notice_choice VALUES (%s, %s, 'now', now())",
                        (world.actor(CUSTODIAN).id, kind.value),
                    )
                about = ABOUT | everything_there_is
                notify(world.rt, session, kind, to=[world.actor(CUSTODIAN).id], about=about)
        deliver_all(world)
        mails = box.to("cjt.the2@bhxh.example")
    assert len(mails) == len(NoticeKind)
    secret = lease.dsn.split(":")[2].split("@")[0]
    forbidden = secrets_of(world) | {secret, lease.lease}
    for mail in mails:
        text = everything(mail)
        assert "…" not in text, mail["Subject"]
        assert "{" not in text
        assert not [word for word in forbidden if word in text], mail["Subject"]


def test_a_summary_of_very_many_names_a_hundred_and_counts_the_rest(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port, ACCESSCTL_DIGEST_AT="16:30")
        at_local(world, "24/11/2026 08:00")
        with transaction(world.rt) as session:
            for number in range(130):
                notify(
                    world.rt, session, NoticeKind.CHECKOUT, to=[world.actor(CUSTODIAN).id],
                    about=ABOUT | {"dossier": f"CJT-2026-{number:06d}/CLT"},
                )  # fmt: skip
        at_local(world, "24/11/2026 16:31")
        Digest(world.rt).turn()
        deliver_all(world)
        (mail,) = box.mails
    assert mail["Subject"] == "Tổng hợp thông báo ngày 24/11/2026: 130 thông báo"
    assert "Còn 30 thông báo nữa" in plain(mail)
    assert plain(mail).count("CJT-2026-") == 100


def test_of_two_workers_that_gather_at_one_moment_one_gathers(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port, ACCESSCTL_DIGEST_AT="16:30")
        at_local(world, "24/11/2026 08:00")
        told(world, CUSTODIAN, NoticeKind.CHECKOUT)
        at_local(world, "24/11/2026 16:31")
        others = [world.runtime() for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            counts = list(pool.map(digests.gather, others))
        for rt in others:
            rt.close()
        assert sum(count or 0 for count in counts) == 1
        deliver_all(world)
        assert len(box.mails) == 1
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM mail").fetchone() == (1,)
