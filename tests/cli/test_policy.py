"""`accessctl policy lint|explain|who|what` on the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.common.command_line import ROOT, CommandLine
from tests.common.world import World

GUARD = "p, it_admin,         any,     any-office,  class:business,          any-case,       deny"


def test_lint_judges_files_and_staff_and_a_proposal_in_another_folder(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    found = accessctl("policy", "lint", who="vpt.cntt1").json
    assert found["sound"] is True
    assert found["policy_version"] == world.rt.gate.version
    assert {remark["severity"] for remark in found["remarks"]} <= {"note"}
    assert set(found["remarks"][0]) == {
        "severity", "code", "file", "line", "vi", "en", "text", "detail", "officer",
    }  # fmt: skip
    proposal = tmp_path / "proposal"
    shutil.copytree(world.settings.policies, proposal)
    path = proposal / "console.policy.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace(GUARD, GUARD.replace("deny", "Deny")), encoding="utf-8"
    )
    refused = accessctl("policy", "lint", "--policies", str(proposal), who="vpt.cntt1")
    assert refused.status == 1
    said = json.loads(refused.out)
    assert (said["sound"], said["policy_version"]) == (False, None)
    assert [(r["code"], r["file"]) for r in said["remarks"] if r["severity"] == "error"] == [
        ("unknown_effect", "console.policy.csv")
    ]
    line = path.read_text(encoding="utf-8").splitlines().index(GUARD.replace("deny", "Deny")) + 1
    assert said["remarks"][0]["line"] == line
    assert accessctl("policy", "lint", who="cjt.the1").refusal[:2] == (1, "policy.no_rule")


def test_lint_works_without_any_database_and_without_signing_in() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ACCESSCTL_")}
    done = subprocess.run(
        [sys.executable, "-m", "accessctl.cli", "policy", "lint", "--language", "en"],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "The roles of the staff were not judged" in done.stdout


def test_lint_tells_what_is_wrong_while_the_policy_in_force_is_broken(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(world.settings.policies, folder)
    (folder / "grants.toml").write_text("nonsense\n", encoding="utf-8")
    accessctl.write(accessctl.env | {"ACCESSCTL_POLICIES": str(folder)})
    said = accessctl("policy", "lint")
    assert said.status == 1
    codes = [remark["code"] for remark in json.loads(said.out)["remarks"]]
    assert codes == ["bad_toml", "policy_in_force_broken"]


def test_explain_who_and_what_answer_from_the_same_table(accessctl: CommandLine) -> None:
    yes = accessctl(
        "policy", "explain", "cjt.the1", "lease:open.tkcl", "DML", "--case", "lost", who="vpt.gd"
    ).json
    assert yes["allowed"] is True
    assert yes["decided_by"]["text"] == "p, card, foreign, any-office, lease:open.tkcl, servable-case, allow"
    assert yes["roles"] == ["card"]
    no = accessctl(
        "policy", "explain", "cjt.the1", "lease:open.tkhctt", "DML", "--case", "lost", who="vpt.gd"
    )
    assert no.status == 1
    said = json.loads(no.out)
    assert (said["allowed"], said["decided_by"]) == (False, None)
    assert [c["word"] for c in said["changes"] if c["kind"] == "role"] == ["collection"]
    may = accessctl("policy", "who", "lease:open.tkcl", "DML", "--case", "lost", who="vpt.gd").json
    assert "cjt.the1" in [holder["officer"] for holder in may["holders"]]
    assert may["elsewhere"] == 0
    rights = accessctl("policy", "what", "cjt.the1", who="cjt.the1").json
    assert "lease:open.tkcl" in [right["permission"] for right in rights["rights"]]
    assert rights["policy_version"] == yes["policy_version"]


def test_who_may_not_see_the_policy_asks_about_nobody_else_and_unknown_words_are_usage(
    accessctl: CommandLine,
) -> None:
    words = ["lease:open.tkcl", "DML"]
    assert accessctl("policy", "explain", "cjt.the2", *words, who="cjt.the1").refusal[:2] == (
        1,
        "policy.no_rule",
    )
    assert accessctl("policy", "who", *words, who="cjt.the1").refusal[:2] == (1, "policy.no_rule")
    assert accessctl("policy", "what", "cjt.the2", who="cjt.the1").refusal[:2] == (1, "policy.no_rule")
    assert accessctl("policy", "who", "lease:open", "DML", who="vpt.gd").refusal[:2] == (
        2, "policy.unknown_permission",
    )  # fmt: skip
    assert accessctl("policy", "what", "nobody", who="vpt.gd").refusal[:2] == (1, "officer.unknown")


def test_for_people_the_answer_is_in_words(accessctl: CommandLine) -> None:
    words = ("policy", "explain", "cjt.the1", "lease:open.tkcl", "DML", "--case", "lost")
    plain = accessctl.program(*words, "--data", str(accessctl.folder), "--as", "vpt.gd", plain=True)
    assert (plain.status, plain.err) == (0, "")
    assert "{" not in plain.out
    assert "Bộ phận Cấp sổ, thẻ được “Nhận sử dụng TKCL” ở đơn vị khác" in plain.out
