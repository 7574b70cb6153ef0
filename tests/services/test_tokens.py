"""Personal tokens of the command line: shown once, bound in scope and time, gone with roles and people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.domain.permissions import Permission
from accessctl.errors import Conflict, Invalid, NotFound, NotSignedIn, Refused
from accessctl.services import authorize, leasing, resets, tokens
from accessctl.services.actor import Actor, Origin
from accessctl.services.control import transaction
from accessctl.services.tokens import Shown, Wanted
from tests.common.world import PASSWORD, World

HERE = Origin("cli")


def issued(world: World, username: str, scope: str = "use", *, name: str = "Máy trạm", days: int = 30) -> str:
    return tokens.issue(world.rt, world.actor(username), Wanted(name, scope, days), PASSWORD)


def entered(world: World, token: str, username: str | None = None) -> Actor:
    return tokens.authenticate(world.rt, token, HERE, username=username)


def refused(world: World, token: str, username: str | None = None) -> str:
    with pytest.raises(NotSignedIn) as refusal:
        entered(world, token, username)
    return refusal.value.code


def mine(world: World, username: str) -> list[Shown]:
    with transaction(world.rt) as session:
        return tokens.mine(world.rt, session, world.actor(username))


def test_a_token_is_its_owner_with_the_roles_of_this_moment_and_is_kept_as_a_hash(world: World) -> None:
    token = issued(world, "cjt.the2")
    actor = entered(world, token)
    assert actor.username == "cjt.the2"
    assert actor.roles == world.actor("cjt.the2").roles
    assert not actor.read_only
    with world.admin_control() as admin:
        dump = str(admin.execute("SELECT to_jsonb(t) FROM access_token t").fetchall())
    assert "Máy trạm" in dump
    assert token not in dump + str(world.records())
    told = world.records("token.issued")[-1]
    assert (told["actor"], told["details"]["name"], told["details"]["scope"]) == (
        "cjt.the2",
        "Máy trạm",
        "use",
    )
    (line,) = mine(world, "cjt.the2")
    assert (line.state, line.used_at is not None, line.used_from) == ("in_force", True, None)


def test_with_a_name_beside_it_the_name_must_be_the_owners(world: World) -> None:
    token = issued(world, "cjt.the2")
    assert entered(world, token, "cjt.the2").username == "cjt.the2"
    assert refused(world, token, "vpt.cntt1") == "token.other_person"
    for nonsense in ("", "acctl_", token[:-1], token + "x", "\x00", "đ" * 5000):
        assert refused(world, nonsense) == "token.unknown"
    assert {r["reason"] for r in world.records("token.used.failed")} == {
        "token.other_person",
        "token.unknown",
    }


def test_a_reading_token_reads_what_its_owner_may_read_and_does_nothing_else(world: World) -> None:
    it = entered(world, issued(world, "vpt.cntt1", "read"))
    full = world.actor("vpt.cntt1")
    classes = world.rt.policy().table.policy.classes  # type: ignore[union-attr]
    for permission in Permission:
        reads = classes[permission] == "class:read"
        wanted = authorize.may(world.rt, full, permission, "CJT") and reads
        assert authorize.may(world.rt, it, permission, "CJT") == wanted, permission
    with pytest.raises(Refused) as refusal:
        authorize.require(world.rt, it, Permission.ACCOUNT_LOCK, "CJT")
    assert refusal.value.code == "policy.token_reads_only"


def test_a_reading_token_neither_borrows_nor_returns(world: World) -> None:
    view = world.lend("cjt.the1", "TKCL-CJT-DML")
    reader = entered(world, issued(world, "cjt.the1", "read"))
    for act in (
        lambda: leasing.open_lease(world.rt, reader, world.request("TKCL-CJT-KNO")),
        lambda: leasing.close_lease(world.rt, reader, view.lease),
        lambda: leasing.renew_lease(world.rt, reader, view.lease),
    ):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == "policy.token_reads_only"
    assert leasing.show_lease(world.rt, reader, view.lease).state == "ACTIVE"


def test_a_token_ends_on_its_day_when_revoked_when_its_owner_leaves_and_when_a_role_is_lost(
    world: World,
) -> None:
    short, gone, left, lost = (
        issued(world, name, days=days)
        for name, days in [("cjt.the1", 1), ("cjt.the2", 30), ("tdc.thu2", 30), ("cjt.thu1", 30)]
    )
    for token in (short, gone, left, lost):
        entered(world, token)
    with transaction(world.rt) as session:
        owner = world.actor("cjt.the2")
        (line,) = tokens.mine(world.rt, session, owner)
        assert tokens.revoke_mine(world.rt, session, owner, line.id) == "Máy trạm"
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET left_at = now() WHERE username = 'tdc.thu2'")
        admin.execute(
            "UPDATE officer_role r SET revoked_at = now() FROM officer o"
            " WHERE o.id = r.officer_id AND o.username = 'cjt.thu1' AND r.role = 'collection'"
        )
    (line,) = mine(world, "cjt.thu1")
    assert (line.state, line.end_reason) == ("ended", "roles_lost")  # before anybody tried it
    world.shift += timedelta(days=1, minutes=1)
    assert [refused(world, token) for token in (short, gone, left, lost)] == [
        "token.expired", "token.ended", "token.ended", "token.ended",
    ]  # fmt: skip
    assert [r["details"]["why"] for r in world.records("token.revoked")] == [
        "by_owner",
        "officer_left",
        "roles_lost",
    ]
    with world.admin_control() as admin:  # and a role given back gives no token back
        admin.execute("UPDATE officer_role SET revoked_at = NULL")
    assert refused(world, lost) == "token.ended"


def test_a_token_is_asked_for_with_the_own_password_a_name_a_scope_and_at_most_ninety_days(
    world: World,
) -> None:
    actor = world.actor("cjt.the2")
    for wanted, password, code in [
        (Wanted("x", "use", 30), "Sai-mat-khau-000", "auth.not_proven"),
        (Wanted("x", "all", 30), PASSWORD, "token.scope"),
        (Wanted("x", "use", 91), PASSWORD, "token.days"),
        (Wanted("x", "use", 0), PASSWORD, "token.days"),
        (Wanted("  ", "use", 30), PASSWORD, "token.name_missing"),
        (Wanted("x" * 61, "use", 30), PASSWORD, "input.too_long"),
    ]:
        with pytest.raises(Invalid) as refusal:
            tokens.issue(world.rt, actor, wanted, password)
        assert refusal.value.code == code
    assert mine(world, "cjt.the2") == []
    for _ in range(4):
        with pytest.raises(Invalid) as last:
            tokens.issue(world.rt, actor, Wanted("x", "use", 30), "Sai-mat-khau-000")
    assert last.value.code == "auth.locked"  # guessing at an open session locks like guessing at the door


def test_ten_tokens_are_enough_and_a_revoked_one_makes_room(world: World) -> None:
    for number in range(10):
        issued(world, "cjt.the2", name=f"Máy {number}")
    with pytest.raises(Conflict, match="10"):
        issued(world, "cjt.the2")
    with transaction(world.rt) as session:
        actor = world.actor("cjt.the2")
        tokens.revoke_mine(world.rt, session, actor, tokens.mine(world.rt, session, actor)[0].id)
    assert issued(world, "cjt.the2")


def test_nobody_revokes_anothers_token_but_it_with_a_reason(world: World) -> None:
    token = issued(world, "cjt.the2")
    (line,) = mine(world, "cjt.the2")
    with transaction(world.rt) as session:
        with pytest.raises(NotFound):
            tokens.revoke_mine(world.rt, session, world.actor("cjt.the1"), line.id)
        for who in ("cjt.gd", "vpt.gd", "vpt.ktra1", "cjt.the2"):
            with pytest.raises(Refused):
                tokens.revoke_of(world.rt, session, world.actor(who), "cjt.the2", line.id, "x")
            with pytest.raises(Refused):
                tokens.of(world.rt, session, world.actor(who), "cjt.the2")
        it = world.actor("vpt.cntt1")
        with pytest.raises(Invalid, match="lý do"):
            tokens.revoke_of(world.rt, session, it, "cjt.the2", line.id, " ")
    assert entered(world, token)
    with transaction(world.rt) as session:
        tokens.revoke_of(world.rt, session, it, "cjt.the2", line.id, "Mất máy tính")
        assert [shown.state for shown in tokens.of(world.rt, session, it, "cjt.the2")] == ["ended"]
    assert refused(world, token) == "token.ended"
    told = world.records("token.revoked")[-1]
    assert (told["actor"], told["reason"], told["details"]["officer"]) == (
        "vpt.cntt1",
        "Mất máy tính",
        "cjt.the2",
    )


def test_the_log_is_told_of_a_token_once_a_day_and_place_not_for_each_use(world: World) -> None:
    token = issued(world, "cjt.the2")
    for _ in range(3):
        entered(world, token)
    assert len(world.records("token.used")) == 1
    tokens.authenticate(world.rt, token, Origin("cli", "10.9.9.9"))
    assert len(world.records("token.used")) == 2
    world.shift += timedelta(hours=25)
    entered(world, token)
    assert len(world.records("token.used")) == 3


def test_a_reset_ends_every_token_of_the_person(world: World) -> None:
    token = issued(world, "cjt.the2")
    with transaction(world.rt) as session:
        it = world.actor("vpt.cntt1")
        link = resets.issue(world.rt, session, it, "cjt.the2", "password", "Quên mật khẩu")
    with transaction(world.rt) as session:
        resets.use(world.rt, session, link.token, HERE, password="Mot-cum-tu-that-dai-2026")
    assert refused(world, token) == "token.ended"
