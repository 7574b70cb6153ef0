"""What the command line refuses: with which code, recorded once, nothing half-done, no secret told (S25, S54)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator

import pytest

from accessctl.officedb import synthetic
from accessctl.services import signin
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from tests.common.command_line import Answer, CommandLine
from tests.common.world import PASSWORD, World

ACCOUNT = "TKCL-CJT-DML"
SUBJECT = synthetic.number("DML", 1)
REQUEST = ["--dossier", "CJT-2018-000001/CLT", "--subject", SUBJECT, "--reason", "Mất thẻ"]
NEW = "Mot-cum-tu-that-dai-2026"
WINDOW = ("--from", "2030-01-01T08:00", "--until", "2030-01-01T09:00")
EVIL = "x'; DROP TABLE officer; --"


def state(world: World) -> list[object]:
    """Everything that a refused command could have changed."""
    tables = ("account", "custody", "hours_window", "lease", "office", "officer_role", "subject")
    with world.admin_control() as admin:
        return [admin.execute(f"SELECT to_jsonb(t) FROM {t} t ORDER BY 1::text").fetchall() for t in tables]  # noqa: S608


class Denied:
    """Runs commands that must be refused: Vietnamese sentence, one log record each, nothing changed."""

    def __init__(self, world: World, accessctl: CommandLine) -> None:
        self.world = world
        self.accessctl = accessctl
        self.before = state(world)

    def __call__(self, who: str, *words: str) -> str:
        known = len(self.world.records())
        answer = self.accessctl(*words, who=who, env={"ACCESSCTL_NEW_PASSWORD": NEW})
        status, code, sentence = answer.refusal
        assert status in (1, 2), words
        assert sentence == unicodedata.normalize("NFC", sentence)
        assert not sentence.isascii(), f"no Vietnamese sentence for {code}"
        assert len(sentence) < 600
        # That somebody came with a password is told once a day and address, before what was refused.
        told = [r for r in self.world.records()[known:] if r["event"] != "auth.login"]
        assert [(r["actor"], r["reason"]) for r in told] == [(who, code)], words
        assert told[0]["outcome"] == "denied"
        assert told[0]["channel"] == "cli"
        assert PASSWORD not in answer.err + json.dumps(told)
        return code

    def nothing_changed(self) -> None:
        assert state(self.world) == self.before
        assert self.world.roles_with_login() == set()
        self.world.settle()  # and nothing that was said stops the log or its index


@pytest.fixture
def denied(world: World, accessctl: CommandLine) -> Iterator[Denied]:
    made = Denied(world, accessctl)
    yield made
    made.nothing_changed()


def test_S54_an_auditor_who_tries_to_change_anything_is_denied_and_recorded(denied: Denied) -> None:
    for words in [
        ("accounts", "lock", ACCOUNT, "--reason", "x"),
        ("accounts", "unlock", ACCOUNT, "--reason", "x"),
        ("accounts", "ask-unlock", ACCOUNT, "--reason", "x"),
        ("accounts", "retire", ACCOUNT, "--reason", "x"),
        ("custodians", "appoint", "CJT", "TKCL", "cjt.the2", "--decision", "1/QĐ"),
        ("custodians", "end", "CJT", "TKCL", "--reason", "x"),
        ("custodians", "acknowledge", "CJT", "TKCL"),
        ("lease", "open", ACCOUNT, "--dossier", "VPT-2018-000001/CLT", "--subject", SUBJECT, "--reason", "x"),
        ("officers", "set-password", "cjt.the1"),
    ]:
        code = denied("vpt.ktra1", *words)
        assert code in ("policy.denied_by_rule", "policy.no_rule"), words


def test_S54_it_gets_no_business_no_dossiers_and_no_passwords_of_its_own(
    world: World, accessctl: CommandLine, denied: Denied
) -> None:
    asked = ["--dossier", "VPT-2018-000001/CLT", "--subject", SUBJECT, "--reason", "x"]
    assert denied("vpt.cntt1", "lease", "open", "TKCL-VPT-DML", *asked) == "policy.denied_by_rule"
    fields = ["--field", "full_name"]
    assert denied("vpt.cntt1", "lease", "open", "TKHCTT-VPT-DML", *asked, *fields) == "policy.denied_by_rule"
    assert denied("vpt.cntt1", "officers", "set-password", "vpt.cntt1") == "policy.denied_by_rule"
    assert denied("vpt.cntt1", "custodians", "appoint", "CJT", "TKCL", "cjt.the2", "--decision", "1") == (
        "policy.no_rule"
    )
    assert denied("vpt.cntt1", "audit", "export", "--out", "/nowhere/at/all").startswith("policy.")


def test_S54_it_sees_technical_records_and_none_that_names_a_dossier(
    world: World, accessctl: CommandLine
) -> None:
    lease = world.lend("cjt.the1", ACCOUNT)
    world.settle()
    page = accessctl("audit", "search", who="vpt.cntt1").json
    assert page["rows"]
    assert not any(row["dossier"] for row in page["rows"])
    assert accessctl("audit", "search", "--lease", lease.lease, who="vpt.cntt1").json["rows"] == []
    assert len(accessctl("audit", "search", "--lease", lease.lease, who="vpt.ktra1").json["rows"]) >= 2
    shown = accessctl("lease", "show", lease.lease, who="vpt.cntt1").refusal
    assert shown[:2] == (1, "policy.no_rule")
    assert world.records("access.denied")[-1]["actor"] == "vpt.cntt1"


def test_S54_the_director_orders_and_reads_but_never_borrows(denied: Denied) -> None:
    asked = ["--dossier", "VPT-2018-000001/CLT", "--subject", SUBJECT, "--reason", "x"]
    for who in ("vpt.gd", "vpt.pgd"):
        assert denied(who, "lease", "open", "TKCL-VPT-DML", *asked) == "policy.denied_by_rule"
    assert denied("vpt.gd", "accounts", "unlock", ACCOUNT, "--reason", "x") == "policy.no_rule"
    assert denied("vpt.pgd", "accounts", "lock", ACCOUNT, "--reason", "x") == "policy.no_rule"


def test_S25_a_request_without_its_words_or_with_wrong_ones_is_denied_each_with_its_reason(
    denied: Denied,
) -> None:
    good = dict(zip(REQUEST[::2], REQUEST[1::2], strict=True))

    def ask(account: str = ACCOUNT, who: str = "cjt.the1", **changed: str) -> str:
        words = good | {f"--{name}": value for name, value in changed.items()}
        return denied(who, "lease", "open", account, *[part for pair in words.items() for part in pair])

    assert ask(dossier="") == "lease.dossier_missing"
    assert ask(dossier="CJT-2018-1/CLT") == "lease.dossier_malformed"
    assert ask(dossier=EVIL) == "lease.dossier_malformed"
    assert ask(dossier="x" * 10_000) == "lease.dossier_malformed"
    assert ask(dossier="DML-2018-000001/CLT") == "lease.dossier_other_office"
    assert ask(subject="") == "lease.subject_malformed"
    assert ask(subject="12345") == "lease.subject_malformed"
    assert ask(subject="6799000001' OR '1'='1") == "lease.subject_malformed"
    assert ask(subject="x" * 10_000) == "lease.subject_malformed"
    assert ask(reason="") == "lease.reason_missing"
    assert ask(reason="x" * 10_000) == "input.too_long"
    assert ask(reason="a\u202eb") == "input.control"
    assert ask(minutes="0") == "lease.minutes"
    assert ask(minutes="16") == "lease.minutes"
    assert ask(field="full_name") == "lease.fields_not_wanted"
    assert ask("TKCL-CJT-CJT") == "account.unknown"
    assert ask("TKCL-CJT-XYZ") in ("account.unknown", "policy.unknown_word")
    assert ask(EVIL) == "account.unknown"
    assert ask("x" * 10_000) == "account.unknown"
    assert ask("TKCL-DML-KNO") == "lease.other_office_account"
    assert ask("TKHCTT-CJT-DML", field="full_name") == "policy.no_rule"
    assert ask(who="cjt.tn1") == "policy.no_rule"


def test_words_that_name_nothing_are_refused_with_what_was_asked_for(denied: Denied) -> None:
    for words, code in [
        (("accounts", "lock", EVIL, "--reason", "x"), "account.unknown"),
        (("accounts", "lock", "x" * 10_000, "--reason", "x"), "account.unknown"),
        (("accounts", "lock", ACCOUNT, "--reason", ""), "lease.reason_missing"),
        (("accounts", "lock", ACCOUNT, "--reason", "x" * 10_000), "input.too_long"),
        (("lease", "show", EVIL), "lease.not_found"),
        (("lease", "close", "00000000-0000-0000-0000-000000000000"), "lease.not_found"),
        (("lease", "revoke", "x" * 10_000, "--reason", "x"), "lease.not_found"),
        (("policy", "decide", EVIL, "lease:open.tkcl", "DML"), "officer.unknown"),
        (("custodians", "end", "XYZ", "TKCL", "--reason", "x"), "office.unknown"),
        (("officers", "set-password", EVIL), "officer.unknown"),
    ]:
        assert denied("vpt.cntt1", *words) == code, words
    for words, code in [
        (("custodians", "appoint", "XYZ", "TKCL", "cjt.the1", "--decision", "1"), "office.unknown"),
        (("custodians", "appoint", "CJT", "TKCL", EVIL, "--decision", "1"), "officer.unknown"),
        (("custodians", "appoint", "CJT", "TKCL", "cjt.gd", "--decision", "1"), "custody.self"),
        (("offices", "open-window", "XYZ", *WINDOW, "--reason", "x"), "policy.unknown_word"),
        (("offices", "open-window", "CJT", *WINDOW, "--reason", ""), "lease.reason_missing"),
    ]:
        assert denied("cjt.gd", *words) == code, words


def test_a_reason_in_NFD_and_with_SQL_is_kept_as_the_same_words_in_NFC(
    world: World, accessctl: CommandLine
) -> None:
    words = "Thẻ hỏng, người dân Đắk Mil'; DELETE FROM lease; --"
    request = [*REQUEST[:-1], unicodedata.normalize("NFD", words)]
    lease = accessctl("lease", "open", ACCOUNT, *request, who="cjt.the1").json["lease"]
    assert world.records("lease.checkout")[-1]["for"] == words
    with world.admin_control() as admin:
        assert admin.execute("SELECT reason FROM lease").fetchall() == [(words,)]
    closing = unicodedata.normalize("NFD", "Đã trả; ' OR 1=1")
    accessctl("lease", "close", lease, "--reason", closing, who="cjt.the1")
    assert world.records("lease.closing")[-1]["details"]["note"] == "Đã trả; ' OR 1=1"


def test_arguments_that_are_no_text_are_refused_not_a_crash(accessctl: CommandLine) -> None:
    answer = accessctl.program("accounts", "lock", b"\xff\xfe", "--reason", b"\xc3", who="vpt.cntt1")
    assert answer.refusal[:2] == (2, "input.control")


# --- who is asking --------------------------------------------------------------------------------


def signed(answer: Answer) -> tuple[int, str]:
    return answer.refusal[:2]


def test_nobody_unknown_wrong_and_without_a_password_are_refused_before_anything_else(
    world: World, accessctl: CommandLine
) -> None:
    listing = ("accounts", "list")
    assert signed(accessctl(*listing)) == (2, "auth.who")
    before = len(world.records())
    wrong = accessctl(*listing, who="cjt.the1", password="Sai-mat-khau-123")
    nobody = accessctl(*listing, who="cjt.khong", password="Sai-mat-khau-123")
    assert signed(wrong) == signed(nobody) == (1, "auth.bad_credentials")
    assert wrong.err == nobody.err
    assert "Sai-mat-khau-123" not in wrong.err
    told = world.records()[before:]
    assert [record["event"] for record in told] == ["auth.login.failed"] * 2
    assert "Sai-mat-khau-123" not in json.dumps(told)


def test_the_password_comes_from_the_environment_or_a_hidden_prompt_only(accessctl: CommandLine) -> None:
    typed = accessctl("accounts", "list", who="cjt.the1", password=None, stdin=f"{PASSWORD}\n")
    assert typed.status == 0
    assert PASSWORD not in typed.out + typed.err
    silent = accessctl("accounts", "list", who="cjt.the1", password=None, stdin="")
    assert (silent.status, '"auth.no_password"' in silent.err) == (2, True)
    refused = accessctl("accounts", "list", "--password", PASSWORD, who="cjt.the1")
    assert refused.refusal[:2] == (2, "usage")


def test_five_wrong_passwords_lock_the_person_out_of_the_command_line(
    world: World, accessctl: CommandLine
) -> None:
    for _ in range(4):
        assert signed(accessctl("accounts", "list", who="cjt.the1", password="x")) == (
            1,
            "auth.bad_credentials",
        )
    assert signed(accessctl("accounts", "list", who="cjt.the1", password="x")) == (1, "auth.locked")
    assert signed(accessctl("accounts", "list", who="cjt.the1")) == (1, "auth.locked")
    assert accessctl("accounts", "list", who="cjt.the2").status == 0
    assert len(world.records("auth.lockout")) == 1


def test_a_first_password_must_be_changed_before_anything_else(world: World, accessctl: CommandLine) -> None:
    with transaction(world.rt) as session:
        token = signin.sign_in(world.rt, session, "cjt.the1", PASSWORD, Origin("web"))[1]
    given = accessctl(
        "officers", "set-password", "cjt.the1", who="vpt.cntt1", env={"ACCESSCTL_NEW_PASSWORD": NEW}
    )
    assert given.json == {"username": "cjt.the1", "must_change": True}
    listing = ("accounts", "list")
    assert signed(accessctl(*listing, who="cjt.the1", password=NEW)) == (1, "auth.must_change")
    assert signed(accessctl(*listing, who="cjt.the1")) == (1, "auth.bad_credentials")
    change = ("officers", "change-password", "cjt.the1")
    for new, code in [
        ("ngan", "auth.password_too_short"),
        (NEW, "auth.password_same"),
        ("cjt.the1-cjt.the1", "auth.password_too_simple"),
    ]:
        answer = accessctl(*change, password=NEW, env={"ACCESSCTL_NEW_PASSWORD": new})
        assert signed(answer) == (2, code)
    mine = "Mat-khau-cua-rieng-toi-1"
    done = accessctl(*change, password=NEW, env={"ACCESSCTL_NEW_PASSWORD": mine})
    ended = {"sessions": 0, "tokens": 0, "mailed": False}  # IT's password had ended the session already
    assert done.json == {"username": "cjt.the1", "must_change": False, "ended": ended}
    assert accessctl(*listing, who="cjt.the1", password=mine).status == 0
    for secret in (NEW, mine):
        assert all(secret not in json.dumps(record) for record in world.records())
    with transaction(world.rt) as session, pytest.raises(signin.NotSignedIn):
        signin.resume(world.rt, session, token, Origin("web"))


def test_the_first_administrator_is_made_once_and_only_among_it(world: World, accessctl: CommandLine) -> None:
    first = ("officers", "first-administrator")
    env = {"ACCESSCTL_NEW_PASSWORD": NEW}
    taken = accessctl(*first, "vpt.cntt1", env=env)
    assert signed(taken) == (1, "officer.not_first_administrator")
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET password_hash = NULL WHERE username LIKE 'vpt.cntt%'")
    assert signed(accessctl(*first, "cjt.the1", env=env)) == (1, "officer.not_first_administrator")
    assert signed(accessctl(*first, "nobody", env=env)) == (1, "officer.unknown")
    assert signed(accessctl(*first, "vpt.cntt1", env={"ACCESSCTL_NEW_PASSWORD": "ngan"})) == (
        2,
        "auth.password_too_short",
    )
    assert accessctl(*first, "vpt.cntt1", env=env).json == {"username": "vpt.cntt1", "must_change": True}
    assert signed(accessctl(*first, "vpt.cntt2", env=env)) == (1, "officer.not_first_administrator")
    assert signed(accessctl("accounts", "list", who="vpt.cntt1", password=NEW)) == (1, "auth.must_change")
