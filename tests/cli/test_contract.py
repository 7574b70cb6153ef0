"""What others script against: commands, JSON keys, exit statuses, where words go (issue contract)."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta

import click
import psycopg
import pytest

from accessctl.cli import cli
from accessctl.officedb import synthetic
from tests.common.command_line import CommandLine
from tests.common.world import PASSWORD, World

ACCOUNT = "TKCL-CJT-DML"
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def ask(number: int = 1, host: str = "DML", guest: str = "CJT") -> list[str]:
    """The words of a good request."""
    dossier = f"{guest}-2018-{number:06d}/CLT"
    return ["--dossier", dossier, "--subject", synthetic.number(host, 1), "--reason", "Mất thẻ"]


def test_every_command_of_the_contract_exists_with_the_shared_options_after_the_subcommand() -> None:
    wanted = {
        "demo", "serve", "worker", "province plan", "province apply", "officedb install", "officedb status",
        "accounts list", "accounts lock", "accounts unlock", "lease open", "lease close", "lease revoke",
        "lease renew", "lease show", "custodians appoint", "custodians list", "reconcile", "audit export",
        "policy decide", "keys create", "keys rotate", "officers first-administrator",
    }  # fmt: skip
    unsigned = {"demo", "serve", "worker", "province", "officedb", "keys", "officers first-administrator"}
    for words in wanted:
        command = cli
        for word in words.split():
            command = command.get_command(click.Context(command), word)  # type: ignore[attr-defined]
            assert command is not None, words
        options = {flag for option in command.params for flag in option.opts}
        if words == "demo":
            assert {"--data", "--port", "--tour"} <= options
            continue
        assert {"--json", "--data"} <= options, words
        assert ("--as" in options) == (words not in unsigned and words.split()[0] not in unsigned), words


def test_accounts_list_is_exactly_the_144_and_local_lists_the_pools(
    world: World, accessctl: CommandLine
) -> None:
    world.lend("cjt.the1", ACCOUNT)
    rows = accessctl("accounts", "list", who="vpt.cntt1").json
    assert len(rows) == 144
    keys = {"account", "kind", "guest", "host", "role", "state", "holder"}
    assert all(keys <= set(row) for row in rows)
    assert Counter(row["kind"] for row in rows) == {"TKCL": 72, "TKHCTT": 72}
    assert {row["account"]: row["holder"] for row in rows if row["holder"]} == {ACCOUNT: "cjt.the1"}
    pools = accessctl("accounts", "list", "--local", who="vpt.cntt1").json
    assert {row["kind"] for row in pools} == {"LOCAL_CL", "LOCAL_HC"}
    assert len(pools) == sum(1 for record in world.records("account.provisioned") if record["kind"][0] == "L")


def test_a_lease_is_opened_shown_renewed_and_closed_and_its_dsn_is_given_once(
    world: World, accessctl: CommandLine
) -> None:
    opened = accessctl("lease", "open", ACCOUNT, *ask(), "--client", "--minutes", "10", who="cjt.the1").json
    assert set(opened) == {"lease", "account", "state", "expires_at", "dsn"}
    assert (opened["account"], opened["state"]) == (ACCOUNT, "ACTIVE")
    assert UTC_TIME.fullmatch(opened["expires_at"])
    remaining = datetime.fromisoformat(opened["expires_at"]) - world.now()
    assert timedelta(minutes=9) < remaining <= timedelta(minutes=10)
    secret = psycopg.conninfo.conninfo_to_dict(opened["dsn"])["password"]
    with psycopg.connect(opened["dsn"], autocommit=True) as client:
        assert client.execute("SELECT session_user").fetchone() == ("tkcl_cjt_dml",)
        shown = accessctl("lease", "show", opened["lease"], who="cjt.the1")
        assert "dsn" not in shown.json
        assert secret not in shown.out
        assert shown.json["state"] == "ACTIVE"
        renewed = accessctl("lease", "renew", opened["lease"], who="cjt.the1").json
        assert renewed["expires_at"] > opened["expires_at"]
        again = accessctl("lease", "renew", opened["lease"], who="cjt.the1").refusal
        assert again[:2] == (1, "lease.not_renewable.already_renewed")
        closed = accessctl("lease", "close", opened["lease"], who="cjt.the1").json
        assert closed == {
            "lease": opened["lease"],
            "state": "CLOSED",
            "end_reason": "returned",
            "sessions_ended": 1,
        }
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert accessctl("lease", "close", opened["lease"], who="cjt.the1").json == closed
    assert all(secret not in str(record) for record in world.records())


def test_without_client_no_dsn_is_given_and_a_correction_lists_its_fields(accessctl: CommandLine) -> None:
    asked = ["lease", "open", "TKHCTT-CJT-DML", *ask()]
    assert accessctl(*asked, who="cjt.thu1").refusal[:2] == (1, "lease.fields_missing")
    assert accessctl(*asked, "--field", "bhxh_no", who="cjt.thu1").refusal[:2] == (1, "lease.field_unknown")
    opened = accessctl(*asked, "--field", "full_name", "--field", "birth_date", who="cjt.thu1").json
    assert set(opened) == {"lease", "account", "state", "expires_at"}


def test_S27_a_taken_account_queues_with_a_position_and_status_0_and_show_takes_the_turn(
    world: World, accessctl: CommandLine
) -> None:
    first = accessctl("lease", "open", ACCOUNT, *ask(), who="cjt.the1").json
    queued = accessctl("lease", "open", ACCOUNT, *ask(2), "--client", who="cjt.the2").json
    assert (queued["state"], queued["position"]) == ("QUEUED", 1)
    assert "dsn" not in queued
    assert accessctl("lease", "show", queued["lease"], who="cjt.the2").json["position"] == 1
    assert accessctl("lease", "open", ACCOUNT, *ask(3), who="cjt.the2").refusal[:2] == (
        1,
        "lease.already_open",
    )
    accessctl("lease", "close", first["lease"], who="cjt.the1")
    turn = accessctl("lease", "show", queued["lease"], who="cjt.the2").json
    assert (turn["state"], turn["position"], turn["account"]) == ("ACTIVE", None, ACCOUNT)
    psycopg.connect(turn["dsn"]).close()
    assert "dsn" not in accessctl("lease", "show", queued["lease"], who="cjt.the2").json


def test_a_lease_is_revoked_by_those_who_answer_for_it_with_a_reason(
    world: World, accessctl: CommandLine
) -> None:
    lease = accessctl("lease", "open", ACCOUNT, *ask(), who="cjt.the1").json["lease"]
    assert accessctl("lease", "revoke", lease, who="cjt.gd").refusal[:2] == (1, "lease.reason_missing")
    assert accessctl("lease", "revoke", lease, "--reason", "Kiểm tra", who="dml.gd").refusal[:2] == (
        1,
        "policy.no_rule",
    )
    assert accessctl("lease", "close", lease, who="cjt.the2").refusal[:2] == (1, "lease.not_yours")
    revoked = accessctl("lease", "revoke", lease, "--reason", "Kiểm tra", who="cjt.gd").json
    assert (revoked["state"], revoked["end_reason"]) == ("CLOSED", "revoked")
    assert world.roles_with_login() == set()


def test_policy_decide_answers_allowed_and_reason_and_says_no_with_status_1(accessctl: CommandLine) -> None:
    yes = accessctl("policy", "decide", "cjt.the1", "lease:open.tkcl", "DML", who="vpt.ktra1").json
    assert (yes["allowed"], yes["reason"]) == (True, "allowed")
    for words, reason in [
        (("vpt.gd", "lease:open.tkcl", "DML"), "denied_by_rule"),
        (("cjt.tn1", "lease:open.tkcl", "DML"), "no_rule"),
        (("cjt.thu1", "lease:open.tkhctt", "DML", "--case", "info_other"), "denied_by_rule"),
        (("cjt.the1", "lease:open.tkcl", "CJT"), "no_rule"),
        (("cjt.the1", "lease:open.khac", "DML"), "unknown_word"),
        (("cjt.the1", "lease:open.tkcl", "XYZ"), "unknown_word"),
        (("cjt.the1", "lease:open.tkcl", "DML", "--case", "*"), "unknown_word"),
    ]:
        answer = accessctl("policy", "decide", *words, who="vpt.ktra1")
        assert answer.status == 1
        assert f'"reason": "{reason}"' in answer.out, words
        assert '"allowed": false' in answer.out
    unknown = accessctl("policy", "decide", "nobody", "lease:open.tkcl", "DML", who="vpt.ktra1")
    assert unknown.refusal[:2] == (1, "officer.unknown")


def test_R30_custodians_are_appointed_listed_acknowledged_and_ended(
    world: World, accessctl: CommandLine
) -> None:
    listed = accessctl("custodians", "list", who="cjt.tn1").json
    assert len(listed) == 18
    assert {"office", "kind", "username", "full_name", "title", "phone", "email", "since"} <= set(listed[0])
    assert all(UTC_TIME.fullmatch(row["since"]) for row in listed)
    appoint = ["custodians", "appoint", "CJT", "TKCL", "cjt.the2", "--decision", "7/QĐ-BHXH"]
    assert accessctl(*appoint, who="cjt.gd").refusal[:2] == (1, "custody.overlap")
    ended = accessctl("custodians", "end", "CJT", "TKCL", "--reason", "6/QĐ-BHXH", who="cjt.gd").json
    assert ended["ended"] is True
    gap = accessctl("custodians", "list", who="cjt.tn1").json
    assert [row["username"] for row in gap if (row["office"], row["kind"]) == ("CJT", "TKCL")] == [None]
    made = accessctl(*appoint, who="cjt.gd").json
    assert (made["office"], made["kind"], made["officer"]) == ("CJT", "TKCL", "cjt.the2")
    assert made["acknowledged"] is False
    assert UTC_TIME.fullmatch(made["since"])
    confirmed = accessctl("custodians", "acknowledge", "CJT", "TKCL", who="cjt.the2").json
    assert UTC_TIME.fullmatch(confirmed["acknowledged_at"])


def test_S32_accounts_are_locked_and_unlocked_by_it_after_the_custodians_request(
    accessctl: CommandLine,
) -> None:
    lease = accessctl("lease", "open", ACCOUNT, *ask(), who="cjt.the1").json["lease"]
    locked = accessctl("accounts", "lock", ACCOUNT, "--reason", "Sự cố 1", who="vpt.cntt1").json
    assert locked == {"account": ACCOUNT, "state": "LOCKED", "leases_ended": [lease]}
    unlock = ["accounts", "unlock", ACCOUNT, "--reason", "Xong"]
    assert accessctl(*unlock, who="vpt.cntt1").refusal[:2] == (1, "account.unlock_not_asked")
    accessctl("accounts", "ask-unlock", ACCOUNT, "--reason", "Đã rõ", who="cjt.gd")
    assert accessctl(*unlock, who="vpt.cntt1").json["state"] == "ACTIVE"
    assert accessctl(*unlock, who="vpt.cntt1").refusal[:2] == (1, "account.not_locked")


def test_reconcile_answers_logins_matched_unexplained(world: World, accessctl: CommandLine) -> None:
    answer = accessctl("reconcile", who="vpt.ktra1")
    assert {"logins", "matched", "unexplained"} <= set(answer.json)
    assert answer.json["unexplained"] == []


def test_officedb_status_is_a_line_for_each_office_and_names_an_unknown_one(accessctl: CommandLine) -> None:
    rows = accessctl("officedb", "status").json
    assert len(rows) == 9
    assert all(row["reachable"] and row["sound"] for row in rows)
    assert [row["office"] for row in accessctl("officedb", "status", "CJT").json] == ["CJT"]
    assert accessctl("officedb", "status", "XYZ").refusal[:2] == (1, "office.unknown")
    assert accessctl("officedb", "install", "--show", "XYZ").refusal[:2] == (1, "office.unknown")


def test_officedb_install_shows_its_sql_without_any_secret_and_a_second_install_changes_nothing(
    world: World, accessctl: CommandLine
) -> None:
    shown = accessctl("officedb", "install", "CJT", "--show")
    assert shown.status == 0
    assert "CREATE" in shown.out
    secrets = [
        psycopg.conninfo.conninfo_to_dict(dsn)["password"]
        for dsns in world.settings.office_dsns.values()
        for dsn in dsns.values()
    ]
    assert not any(secret in shown.out for secret in secrets)
    assert "SCRAM-SHA-256$" not in shown.out
    env = {name: value for name, value in accessctl.env.items() if name != "ACCESSCTL_DEMO_FOLDER"}
    accessctl.write(env)
    before = len(world.records())
    admin = world.province.cluster.dsn(world.province.dbnames["CJT"])
    done = accessctl("officedb", "install", "CJT", env={"ACCESSCTL_ADMIN_DSN": admin}).json
    assert [(row["office"], row["changed"]) for row in done] == [("CJT", False)]
    assert len(world.records()) == before


def test_without_json_people_get_tables_in_vietnamese_and_sentences_with_the_code(
    accessctl: CommandLine,
) -> None:
    listed = accessctl("custodians", "list", who="cjt.tn1", plain=True)
    assert listed.status == 0
    assert "Danh sách thông tin liên hệ cán bộ quản lý tài khoản" in listed.out
    lock = ("accounts", "lock", ACCOUNT, "--reason", "x")
    refused = accessctl(*lock, who="cjt.tn1", plain=True)
    assert (refused.status, refused.out) == (1, "")
    assert "Không được phép" in refused.err
    assert "[policy.no_rule]" in refused.err
    english = accessctl(*lock, "--language", "en", who="cjt.tn1", plain=True)
    assert "Not allowed" in english.err


def test_the_program_itself_keeps_the_contract_and_prints_no_password(accessctl: CommandLine) -> None:
    opened = accessctl.program("lease", "open", ACCOUNT, *ask(), who="cjt.the1").json
    assert opened["state"] == "ACTIVE"
    refused = accessctl.program("lease", "open", "TKCL-VPT-DML", *ask(guest="VPT"), who="vpt.gd")
    assert refused.refusal[:2] == (1, "policy.denied_by_rule")
    wrong = accessctl.program("lease", "open", ACCOUNT, "--minutes", "soon", who="cjt.the1")
    assert wrong.refusal[:2] == (2, "usage")
    for answer in (refused, wrong):
        assert PASSWORD not in answer.err
