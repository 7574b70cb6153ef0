"""Who is acting at the command line: by token, or by password and code; a link for who has lost either."""

from __future__ import annotations

from accessctl.services import resets, tokens
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from accessctl.services.tokens import Wanted
from tests.common.command_line import CommandLine
from tests.common.sign_in import enrolled
from tests.common.world import PASSWORD, World

NEW = "Mot-cum-tu-that-dai-2026"


def issued(world: World, username: str, scope: str) -> str:
    return tokens.issue(world.rt, world.actor(username), Wanted("Máy trạm", scope, 30), PASSWORD)


def test_a_token_works_with_or_without_a_name_and_wins_over_a_password(
    world: World, accessctl: CommandLine
) -> None:
    token = issued(world, "vpt.cntt1", "read")
    env = {"ACCESSCTL_TOKEN": token}
    for who in (None, "vpt.cntt1"):
        assert len(accessctl("accounts", "list", who=who, password="x", env=env).json) >= 144
    assert accessctl("accounts", "list", who="cjt.gd", env=env).refusal[:2] == (1, "token.other_person")
    locking = accessctl("accounts", "lock", "TKCL-CJT-DML", "--reason", "x", env=env)
    assert locking.refusal[:2] == (1, "policy.token_reads_only")
    assert accessctl("accounts", "list", env={"ACCESSCTL_TOKEN": "acctl_x"}).refusal[:2] == (
        1,
        "token.unknown",
    )
    assert accessctl("accounts", "list", env={"ACCESSCTL_TOKEN": " "}).refusal[1] == "auth.who"
    assert token not in str(world.records())


def test_the_log_is_told_of_a_password_once_a_day_not_for_each_command(
    world: World, accessctl: CommandLine
) -> None:
    for _ in range(3):
        assert accessctl("accounts", "list", who="cjt.the2").status == 0
    assert [(r["actor"], r["channel"]) for r in world.records("auth.login")] == [("cjt.the2", "cli")]


def test_a_second_factor_is_asked_for_here_too(world: World, accessctl: CommandLine) -> None:
    phone, codes = enrolled(world, "cjt.the2")
    needed = accessctl("accounts", "list", who="cjt.the2")
    assert needed.err.startswith("Mã xác thực")
    assert needed.status == 1
    wrong = accessctl("accounts", "list", who="cjt.the2", env={"ACCESSCTL_CODE": phone.wrong()})
    assert wrong.refusal[:2] == (1, "auth.code_wrong")
    world.shift *= 0  # the command line has the real clock
    assert accessctl("accounts", "list", who="cjt.the2", env={"ACCESSCTL_CODE": codes[3]}).status == 0


def test_where_it_is_required_nobody_acts_without_one(world: World, accessctl: CommandLine) -> None:
    accessctl.write(accessctl.env | {"ACCESSCTL_SECOND_FACTOR": "required"})
    assert accessctl("accounts", "list", who="vpt.cntt1").refusal[:2] == (1, "auth.must_enrol")
    assert accessctl("accounts", "list", who="cjt.the1").status == 0
    accessctl.write(accessctl.env | {"ACCESSCTL_SECOND_FACTOR": "perhaps"})
    assert accessctl("accounts", "list", who="cjt.the1").refusal[:2] == (2, "config.second_factor")


def test_it_makes_a_link_that_sets_a_new_password(world: World, accessctl: CommandLine) -> None:
    link = ("officers", "reset-link", "cjt.the2")
    assert accessctl(*link, "--reason", "x", who="cjt.gd").refusal[:2] == (1, "policy.no_rule")
    assert accessctl(*link, who="vpt.cntt1").refusal[:2] == (2, "session.reason_missing")
    made = accessctl(*link, "--reason", "Quên mật khẩu", who="vpt.cntt1").json
    token = made["link"].rpartition("/")[2]
    with transaction(world.rt) as session:
        resets.use(world.rt, session, token, Origin("web"), password=NEW)
    assert accessctl("accounts", "list", who="cjt.the2", password=NEW).status == 0
    assert token not in str(world.records())
