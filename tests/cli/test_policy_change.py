"""`accessctl policy propose|changes|show|approve|decline|rollout` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, default_folder
from tests.common.command_line import CommandLine
from tests.common.policies import without
from tests.common.world import World

IT, DIRECTOR = "vpt.cntt1", "vpt.gd"


def put(folder: Path, name: str, start: str, word: str) -> str:
    """A folder with one changed file."""
    folder.mkdir()
    (folder / name).write_bytes(without((default_folder() / name).read_bytes(), start, word))
    return str(folder)


def test_a_change_goes_from_the_proposal_over_the_director_to_every_office(
    world: World, accessctl: CommandLine, tmp_path: Path
) -> None:
    folder = put(tmp_path / "proposal", CONSOLE_RULES, "p, unit_head", "policy:view")
    proposed = accessctl("policy", "propose", folder, "--reason", "Theo công văn 12", who=IT).json
    assert {shift["permission"] for shift in proposed["decisions"]} == {"policy:view"}
    number = str(proposed["change"]["id"])
    assert accessctl("policy", "show", number, who=DIRECTOR).json == proposed
    assert accessctl("policy", "approve", number, who=IT).status == 1
    assert accessctl("policy", "approve", "99", who=DIRECTOR).refusal[1] == "policy.no_change"
    done = accessctl("policy", "approve", number, who=DIRECTOR).json
    assert done == {"version": proposed["change"]["version"], "behind": []}
    history = accessctl("policy", "changes", who=DIRECTOR).json
    assert [(row["id"], row["in_force"]) for row in history["changes"]] == [(int(number), True)]
    assert all(office["current"] for office in history["offices"])
    assert accessctl("policy", "decide", "cjt.gd", "policy:view", "CJT", who=DIRECTOR).status == 1


def test_what_needs_an_administrator_says_so_and_one_is_withdrawn(
    world: World, accessctl: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = put(tmp_path / "proposal", ACCOUNT_RULES, "p, TKCL", "reissue:view")
    words = ("policy", "propose", folder, "--reason", "Dừng quyền xem")
    assert accessctl(*words, who=IT).refusal[1] == "policy.frozen"
    number = str(accessctl(*words, "--changes-frozen", who=IT).json["change"]["id"])
    assert accessctl("policy", "decline", number, "--reason", "Gửi nhầm", who=IT).json == {"change": number}
    assert accessctl("policy", "approve", number, who=DIRECTOR).refusal[1] == "policy.decided"
    assert accessctl("policy", "rollout", "XXX").refusal[1] == "office.unknown"
    assert accessctl("policy", "rollout").json["behind"] == []
