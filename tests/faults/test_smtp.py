"""The mail server on a bad day: what is told waits, is tried again, is seen by IT, and arrives once."""

from __future__ import annotations

import ipaddress
import ssl
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from accessctl.domain.notices import NoticeKind
from accessctl.errors import Invalid, Refused
from accessctl.jobs.mailer import Mailer
from accessctl.services import leasing, mail_queue, mailing
from accessctl.services.control import transaction
from accessctl.services.mail_queue import QueueView
from accessctl.services.notices import notify
from accessctl.services.smtp import NotSent, deliverer
from tests.common.postbox import deliver_all, free_port, plain, postbox, silent_server, switch_on
from tests.common.world import World, eventually
from tests.faults.conftest import Working

CLERK, HEAD, IT = "cjt.the1", "cjt.gd", "vpt.cntt1"
ABOUT = {"account": "TKCL-CJT-DML", "dossier": "CJT-2018-000001/CLT", "by": "Trần Đức Minh"}
ADDRESS = "cjt.the1@bhxh.example"


def told(world: World, *usernames: str) -> None:
    with transaction(world.rt) as session:
        to = [world.actor(name).id for name in usernames]
        notify(world.rt, session, NoticeKind.LEASE_REVOKED, to=to, about=ABOUT)


def queue(world: World) -> QueueView:
    with transaction(world.rt) as session:
        return mail_queue.look(world.rt, session, world.actor(IT))


def mails(world: World) -> list[tuple[str, int, str | None]]:
    with world.admin_control() as admin:
        rows = admin.execute("SELECT state, tries, error FROM mail ORDER BY id").fetchall()
        return [(row[0], row[1], row[2]) for row in rows]


def findings(world: World) -> Counter[str]:
    with world.admin_control() as admin:
        return Counter(row[0] for row in admin.execute("SELECT kind FROM finding"))


def test_a_mail_server_that_is_down_holds_nothing_up_and_gets_everything_once_it_is_back(
    world: World,
) -> None:
    port = free_port()
    switch_on(world, port)
    lease = world.lend(CLERK, "TKCL-CJT-DML")
    ended = leasing.revoke_lease(world.rt, world.actor(HEAD), lease.lease, "Kiểm tra đột xuất")
    assert ended.state == "CLOSED"  # the act goes on whatever becomes of the mail
    deliver_all(world)
    assert mails(world) == [("WAITING", 1, "mail.unreachable")]
    seen = queue(world)
    assert (seen.waiting, seen.last_error, seen.late) == (1, "mail.unreachable", False)
    assert [row.full_name for row in seen.waiting_rows] == ["Lê Thị Ngọc Diệp"]
    deliver_all(world)
    assert mails(world)[0][1] == 1  # not before its time
    world.shift += timedelta(seconds=61)
    deliver_all(world)
    assert mails(world)[0][1] == 2
    with transaction(world.rt) as session:
        assert mail_queue.try_now(world.rt, session, world.actor(IT)) == 0  # due in two minutes anyway
    world.shift += timedelta(minutes=3)
    with postbox() as box:
        switch_on(world, box.port)
        deliver_all(world)
        deliver_all(world)
        assert box.recipients == [ADDRESS]
        assert "bị thu hồi bởi Trịnh Văn Cường" in plain(box.mails[0])
        assert "Kiểm tra" not in plain(box.mails[0])
    seen = queue(world)
    assert (seen.waiting, seen.last_error) == (0, None)
    assert seen.last_sent_at is not None


def test_a_queue_older_than_an_hour_is_a_finding_that_is_told_in_the_page_only(world: World) -> None:
    switch_on(world, free_port())
    told(world, CLERK)
    world.shift += timedelta(minutes=61)
    for _ in range(3):
        Mailer(world.rt).turn()
    assert findings(world) == {"mail_late": 1}
    assert queue(world).late
    with world.admin_control() as admin:
        how = admin.execute("SELECT DISTINCT how FROM notice WHERE kind = 'finding'").fetchall()
        assert how == [("page",)]
        assert admin.execute("SELECT count(*) FROM mail").fetchone() == (1,)


def test_a_server_that_never_answers_costs_its_patience_once_and_is_then_left_alone(world: World) -> None:
    with silent_server() as port:
        switch_on(world, port)
        told(world, CLERK, HEAD, "cjt.the2")
        mailer = Mailer(world.rt, patience=0.5)
        for _ in range(5):
            mailer.turn()
    assert sorted(mails(world), key=str) == [
        ("WAITING", 0, None),
        ("WAITING", 0, None),
        ("WAITING", 1, "mail.hung"),
    ]


def test_a_connection_lost_after_the_mail_was_heard_is_tried_again_under_the_same_message_id(
    world: World,
) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        box.drop = 2
        told(world, CLERK)
        for _ in range(4):
            deliver_all(world)
            world.shift += timedelta(minutes=10)
        assert len(box.seen) == 3
        assert len(set(box.seen)) == 1
        assert len(box.mails) == 1
    assert mails(world) == [("SENT", 3, None)]


def test_an_address_that_the_server_refuses_for_good_is_given_up_shown_and_can_be_sent_again(
    world: World,
) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        box.refuse[ADDRESS] = "550 5.1.1 no such mailbox"
        told(world, CLERK, HEAD)
        deliver_all(world)
        assert box.recipients == ["cjt.gd@bhxh.example"]  # the next in line is not kept waiting
        assert findings(world) == {"mail_given_up": 1}
        (row,) = queue(world).given_up_rows
        assert (row.error, row.reply, row.email) == ("mail.recipient", 550, ADDRESS)
        world.shift += timedelta(days=1)
        deliver_all(world)
        assert len(box.mails) == 1
        for username in (CLERK, HEAD, "vpt.gd", "vpt.ktra1"):
            with transaction(world.rt) as session, pytest.raises(Refused):
                mail_queue.retry(world.rt, session, world.actor(username), row.id)
            with transaction(world.rt) as session, pytest.raises(Refused):
                mail_queue.look(world.rt, session, world.actor(username))
        box.refuse.clear()
        with transaction(world.rt) as session:
            mail_queue.retry(world.rt, session, world.actor(IT), row.id)
        deliver_all(world)
        assert box.recipients == ["cjt.gd@bhxh.example", ADDRESS]
    assert world.records("notice.mail_retried")[0]["details"]["officer"] == CLERK


def test_a_refusal_for_now_is_tried_for_three_days_with_longer_and_longer_pauses(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        box.refuse[ADDRESS] = "450 4.2.0 greylisted"
        told(world, CLERK)
        tries = 0
        while mails(world)[0][0] == "WAITING":
            deliver_all(world)
            world.shift += timedelta(minutes=61)
            tries += 1
            assert tries < 100
        assert box.mails == []
    assert 65 <= tries <= 80
    assert mails(world)[0][2] == "mail.recipient"
    assert findings(world)["mail_given_up"] == 1
    pauses = [mailing.pause_after(number).total_seconds() / 60 for number in (1, 2, 3, 7, 50)]
    assert pauses == [1, 2, 4, 60, 60]


def test_a_content_refused_for_good_is_given_up_and_one_refused_for_now_is_not(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        for answer, state in (("451 later", "WAITING"), ("554 never", "GIVEN_UP")):
            box.answer = answer
            told(world, CLERK)
            deliver_all(world)
            assert mails(world)[-1] == (state, 1, "mail.refused")


def test_two_workers_and_forty_mails_each_mail_arrives_exactly_once(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        for _ in range(10):
            told(world, CLERK, HEAD, "cjt.the2", "dml.gd")
        others = [world.runtime(), world.runtime()]
        workers = [threading.Thread(target=Mailer(rt).turn) for rt in others]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(60)
        for rt in others:
            rt.close()
        assert len(box.seen) == len(set(box.seen)) == len(box.mails) == 40
    assert set(mails(world)) == {("SENT", 1, None)}


def test_a_worker_that_dies_after_the_server_took_the_mail_leaves_a_copy_that_is_known_as_one(
    world: World,
) -> None:
    class Killed(BaseException):
        pass

    def die(step: str) -> None:
        if step == "mail.delivered":
            raise Killed

    with postbox() as box:
        rt = switch_on(world, box.port)
        told(world, CLERK)
        rt.step = die
        with pytest.raises(Killed):
            deliver_all(world)
        rt.step = lambda _: None
        deliver_all(world)
        assert len(box.mails) == 1  # claimed for five minutes
        world.shift += timedelta(minutes=6)
        deliver_all(world)
        assert len(box.mails) == 2
        assert len(set(box.seen)) == 1
    assert mails(world) == [("SENT", 2, None)]


def test_wrong_settings_stop_the_mail_and_nothing_else_and_the_queue_says_why(world: World) -> None:
    switch_on(world, 25, ACCESSCTL_MAIL_FROM="kein absender")
    lease = world.lend(CLERK, "TKCL-CJT-DML")
    leasing.revoke_lease(world.rt, world.actor(HEAD), lease.lease, "Kiểm tra")
    deliver_all(world)
    assert mails(world) == [("WAITING", 0, None)]
    trouble = queue(world).trouble
    assert trouble is not None
    assert trouble.code == "config.mail_from"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ACCESSCTL_SMTP_URL": "smtp://anna:geheim@mail.example"}, "config.smtp_url"),
        ({"ACCESSCTL_SMTP_URL": "http://mail.example"}, "config.smtp_url"),
        ({"ACCESSCTL_SMTP_URL": "smtp://"}, "config.smtp_url"),
        ({"ACCESSCTL_SMTP_URL": "smtp://mail.example:99999"}, "config.smtp_url"),
        ({"ACCESSCTL_SMTP_URL": "smtp://anna@mail.example"}, "config.smtp_clear"),
        ({"ACCESSCTL_MAIL_FROM": "a@b.example\nBcc: c@d.example"}, "config.mail_from"),
        ({"ACCESSCTL_MAIL_FROM": ""}, "config.missing"),
        ({"ACCESSCTL_URL": "ftp://x"}, "config.missing"),
        ({"ACCESSCTL_SMTP_URL": "smtps://anna@m.example", "ACCESSCTL_SMTP_PASSWORD_FILE": "/nix"},
         "config.file_unreadable"),
    ],
)  # fmt: skip
def test_a_setting_that_is_wrong_or_unsafe_is_refused_with_its_reason(
    world: World, more: dict[str, str], code: str
) -> None:
    switch_on(world, 25, **more)
    with pytest.raises(Invalid) as refusal:
        _ = world.settings.mail
    assert refusal.value.code == code
    assert "geheim" not in str(refusal.value)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert, secret


def test_a_server_that_wants_tls_and_a_password_gets_both_and_an_unknown_certificate_gets_nothing(
    world: World, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    secret = tmp_path / "smtp.password"
    secret.touch(mode=0o600)
    secret.write_text("rat bi mat 123\n")
    with postbox(tls=context, user="accessctl", password="rat bi mat 123") as box:
        more = {
            "ACCESSCTL_SMTP_URL": f"smtp+starttls://accessctl@127.0.0.1:{box.port}",
            "ACCESSCTL_SMTP_PASSWORD_FILE": str(secret),
        }
        switch_on(world, box.port, **more)
        told(world, CLERK)
        deliver_all(world)
        assert mails(world) == [("WAITING", 1, "mail.tls")]
        world.shift += timedelta(minutes=2)
        switch_on(world, box.port, **more, ACCESSCTL_SMTP_CA_FILE=str(cert))
        deliver_all(world)
        assert box.recipients == [ADDRESS]
        secret.write_text("falsch")
        told(world, HEAD)
        deliver_all(world)
        assert mails(world)[-1] == ("WAITING", 1, "mail.login")
    assert "rat bi mat" not in repr(world.settings.mail)


def test_starttls_is_never_given_up_for_plain_text(world: World) -> None:
    with postbox() as box:
        switch_on(world, box.port, ACCESSCTL_SMTP_URL=f"smtp+starttls://127.0.0.1:{box.port}")
        told(world, CLERK)
        deliver_all(world)
        assert box.seen == []
    assert mails(world) == [("WAITING", 1, "mail.tls")]


def test_what_the_server_says_decides_whether_it_is_left_alone(world: World) -> None:
    message = EmailMessage()
    message["From"] = message["To"] = "a@b.example"
    message.set_content("x")
    switch_on(world, free_port())
    with pytest.raises(NotSent) as failure:
        deliverer(world.settings.mail, patience=1)(message, "a@b.example")
    assert (failure.value.server, failure.value.for_good) == (True, False)


def test_the_worker_itself_mails_what_is_told(world: World, working: Working) -> None:
    with postbox() as box:
        switch_on(world, box.port)
        with working():
            told(world, CLERK)
            eventually(lambda: box.mails)
        assert box.recipients == [ADDRESS]
