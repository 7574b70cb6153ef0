"""Usage, settings, founding files and keys: wrong ones are named with their line or name, nothing is half-done."""

from __future__ import annotations

import json
from pathlib import Path

from accessctl.cli.demo_build import EXAMPLE
from accessctl.officedb import synthetic
from tests.common.command_line import CommandLine
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
SUBJECT = synthetic.number("DML", 1)
REQUEST = ["--dossier", "CJT-2018-000001/CLT", "--subject", SUBJECT, "--reason", "Mất thẻ"]


def state(world: World) -> list[object]:
    """Everything that a refused command could have changed."""
    tables = ("account", "custody", "hours_window", "lease", "office", "officer_role", "subject")
    with world.admin_control() as admin:
        return [admin.execute(f"SELECT to_jsonb(t) FROM {t} t ORDER BY 1::text").fetchall() for t in tables]  # noqa: S608


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
