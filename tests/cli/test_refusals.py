"""What the command line refuses: with which code, recorded once, nothing half-done, no secret told (S25, S54)."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from accessctl.cli.demo_build import EXAMPLE
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
        told = self.world.records()[known:]
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
    assert page["total"] > 0
    assert not any(row["dossier"] for row in page["rows"])
    assert accessctl("audit", "search", "--lease", lease.lease, who="vpt.cntt1").json["total"] == 0
    assert accessctl("audit", "search", "--lease", lease.lease, who="vpt.ktra1").json["total"] >= 2
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
    assert done.json == {"username": "cjt.the1", "must_change": False}
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


# --- usage, settings, files -----------------------------------------------------------------------


def test_wrong_usage_ends_with_status_2_and_in_the_machine_form_under_json(accessctl: CommandLine) -> None:
    for words in [
        ("accounts", "lock", ACCOUNT),
        ("accounts", "melt"),
        ("custodians", "appoint", "CJT", "TKXX", "cjt.the1", "--decision", "1"),
        ("lease", "open", ACCOUNT, "--minutes", "soon"),
        ("reconcile", "--day", "yesterday"),
    ]:
        answer = accessctl(*words, who="vpt.cntt1")
        assert answer.refusal[:2] == (2, "usage"), words


def test_missing_settings_are_named_and_files_that_others_can_read_are_refused(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    answer = accessctl.program("officedb", "status", "--json", "--data", str(empty), plain=True)
    assert answer.refusal[:2] == (2, "config.no_data")
    answer = accessctl.program("accounts", "list", "--json", "--as", "cjt.the1", plain=True)
    assert answer.refusal[:2] == (2, "config.missing")
    assert "ACCESSCTL_DATABASE_URL" in answer.err
    (accessctl.folder / "accessctl.env").chmod(0o644)
    assert accessctl("accounts", "list", who="cjt.the1").refusal[:2] == (2, "config.file_not_private")


def test_a_control_database_out_of_reach_is_status_3_and_names_no_secret(
    world: World, accessctl: CommandLine
) -> None:
    url = accessctl.env["ACCESSCTL_DATABASE_URL"]
    before, _, name = url.rpartition("/")
    accessctl.write(accessctl.env | {"ACCESSCTL_DATABASE_URL": f"{before.rpartition(':')[0]}:1/{name}"})
    answer = accessctl("accounts", "list", who="cjt.the1")
    assert answer.refusal[:2] == (3, "control.down")
    assert url.split(":")[2].split("@")[0] not in answer.err


def test_an_office_out_of_reach_is_status_3(world: World, accessctl: CommandLine, tmp_path: Path) -> None:
    dsns = dict(world.settings.office_dsns)
    address, _, dbname = dsns["DML"]["broker"].rpartition("/")
    dsns["DML"] = dict.fromkeys(("broker", "witness"), f"{address.rpartition(':')[0]}:1/{dbname}")
    elsewhere = tmp_path / "offices.json"
    elsewhere.write_text(json.dumps(dsns), encoding="utf-8")
    elsewhere.chmod(0o600)
    accessctl.write(accessctl.env | {"ACCESSCTL_OFFICES_FILE": str(elsewhere)})
    assert accessctl("lease", "open", ACCOUNT, *REQUEST, who="cjt.the1").refusal[:2] == (3, "officedb.down")
    assert world.roles_with_login() == set()
    status = accessctl("officedb", "status")
    assert status.status == 3
    rows = {row["office"]: row for row in json.loads(status.out)}
    assert (rows["DML"]["reachable"], rows["DML"]["code"]) == (False, "officedb.down")
    assert rows["CJT"]["sound"] is True


def test_the_policy_broken_denies_everything_and_says_so_at_once(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    policies = tmp_path / "policies"
    policies.mkdir()
    accessctl.write(accessctl.env | {"ACCESSCTL_POLICIES": str(policies)})
    answer = accessctl("accounts", "lock", ACCOUNT, "--reason", "x", who="vpt.cntt1")
    assert answer.status == 1
    lines = [json.loads(line) for line in answer.err.splitlines()]
    assert [line["code"] for line in lines] == ["policy.broken_at_start", "policy.policy_broken"]
    answer = accessctl("lease", "open", ACCOUNT, *REQUEST, who="cjt.the1")
    assert answer.status == 1
    assert world.roles_with_login() == set()
    assert world.records()[-1]["reason"] == "policy.policy_broken"


# --- founding files -------------------------------------------------------------------------------


def founding(folder: Path, text: str | bytes | None = None, staff: str | None = None) -> Path:
    """The example's two files, one of them changed."""
    file = folder / "province.toml"
    original = (EXAMPLE / "province.toml").read_text(encoding="utf-8")
    file.write_bytes(text if isinstance(text, bytes) else (text or original).encode())
    people = staff if staff is not None else (EXAMPLE / "officers.csv").read_text(encoding="utf-8")
    (folder / "officers.csv").write_text(people, encoding="utf-8")
    return file


def test_S02_plan_and_apply_of_what_is_there_say_nothing_to_do(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    file = str(founding(tmp_path))
    before = len(world.records())
    assert accessctl("province", "plan", file).json == {"changes": [], "count": 0}
    assert accessctl("province", "apply", file).json == {"changes": [], "count": 0, "unreachable": {}}
    assert len(world.records()) == before


def test_a_malformed_founding_file_ends_with_status_2_names_its_line_and_applies_nothing(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    text = (EXAMPLE / "province.toml").read_text(encoding="utf-8")
    staff = (EXAMPLE / "officers.csv").read_text(encoding="utf-8")
    lines = text.splitlines()
    slug = 1 + next(n for n, line in enumerate(lines) if line == 'slug = "dml"')
    dml = 1 + next(n for n, line in enumerate(lines) if line == 'code = "DML"')
    the1 = next(line for line in staff.splitlines() if line.startswith("cjt.the1,"))
    before, known = state(world), len(world.records())
    cases = [
        (text.replace('slug = "dml"', 'slug = "dml'), None, "province.syntax", slug),
        (text.replace('code = "DML"', 'code = "CJT"'), None, "province.duplicate", dml),
        (text.replace('slug = "dml"', 'slug = "dml"\ncolour = "red"'), None, "province.unknown_key", slug + 1),
        (None, staff.replace(the1, the1.replace("cjt.the1,", "cjt.gd,")), "officers.duplicate", 34),
        (None, staff.replace(the1, the1.replace("CJT,CST", "XYZ,CST")), "officers.unknown_office", 34),
        (None, staff.replace(the1, the1.replace(",card,", ",it_admin,")), "officers.role_elsewhere", 34),
        (b"\xff\xfe", None, "province.not_utf8", 1),
        ("x" * 10_000, None, "province.syntax", 1),
    ]  # fmt: skip
    for number, (changed, people, code, line) in enumerate(cases, start=1):
        file = str(founding(tmp_path, changed, people))
        for verb in ("plan", "apply"):
            status, said, sentence = accessctl("province", verb, file).refusal
            assert (status, said) == (2, code)
            assert f"dòng {line}" in sentence, (code, sentence)
        told = world.records()[known:]
        assert len(told) == 2 * number
        assert {record["reason"] for record in told[-2:]} == {code}
    assert state(world) == before
    missing = accessctl("province", "apply", str(tmp_path / "nowhere.toml"))
    assert missing.refusal[:2] == (2, "usage")


# --- keys -----------------------------------------------------------------------------------------


def test_keys_are_created_once_for_the_owner_only_and_none_is_printed(
    accessctl: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "keys"
    create = ("keys", "create", str(folder), "--origin", "accessctl/daknong/2026")
    made = accessctl(*create)
    assert made.json["verifier_key"].startswith("accessctl/daknong/2026+")
    files = sorted(folder.iterdir())
    assert len(files) == 4
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert folder.stat().st_mode & 0o077 == 0
    contents = {file: file.read_text(encoding="utf-8") for file in files}
    assert not any(text.strip() in made.out for text in contents.values())
    assert accessctl(*create).refusal[:2] == (1, "keys.exists")
    assert {file: file.read_text(encoding="utf-8") for file in files} == contents


def test_a_rotated_lease_key_serves_new_leases_and_the_old_one_its_own(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    kept = tmp_path / "lease.keys.json"
    kept.write_text(
        Path(accessctl.env["ACCESSCTL_LEASE_KEY_FILE"]).read_text(encoding="utf-8"), encoding="utf-8"
    )
    kept.chmod(0o600)
    accessctl.write(accessctl.env | {"ACCESSCTL_LEASE_KEY_FILE": str(kept)})
    lease = accessctl("lease", "open", ACCOUNT, *REQUEST, "--client", who="cjt.the1").json
    rotated = accessctl("keys", "rotate")
    assert rotated.json == {"current": "k2", "kept": ["k1"]}
    assert not any(
        key in rotated.out for key in json.loads(kept.read_text(encoding="utf-8"))["keys"].values()
    )
    assert world.records("key.rotated")[-1]["details"] == {"key": "lease", "kid": "k2"}
    assert accessctl("lease", "close", lease["lease"], who="cjt.the1").json["state"] == "CLOSED"
    accessctl("lease", "open", ACCOUNT, "--dossier", "CJT-2018-000002/CLT", *REQUEST[2:], who="cjt.the1")
    with world.admin_control() as admin:
        assert admin.execute("SELECT kid FROM lease ORDER BY place").fetchall() == [("k1",), ("k2",)]
