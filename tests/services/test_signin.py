"""Signing in: named people, five tries, idle ends, first passwords changed, nothing told to strangers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessctl.errors import Invalid, NotSignedIn
from accessctl.services import password_change, signin, tokens
from accessctl.services.actor import Actor, Origin
from accessctl.services.control import transaction
from tests.common.postbox import free_port, switch_on
from tests.common.world import PASSWORD, World

HERE = Origin("web", "10.1.2.3")
WRONG = "Sai-mat-khau-000"
NEW = "Mot-cum-tu-that-dai-2026"


def authenticated(world: World, username: str, password: str = PASSWORD) -> Actor:
    return signin.authenticate(world.rt, username, password, HERE)


def refusal(world: World, username: str, password: str = WRONG) -> NotSignedIn:
    with pytest.raises(NotSignedIn) as refused:
        signin.authenticate(world.rt, username, password, HERE)
    return refused.value


def signed_in(world: World, username: str) -> str:
    with transaction(world.rt) as session:
        return signin.sign_in(world.rt, session, username, PASSWORD, HERE)[1]


def resumed(world: World, token: str) -> Actor | None:
    with transaction(world.rt) as session:
        return signin.resume(world.rt, session, token, HERE)


def column(world: World, username: str, name: str) -> object:
    with world.admin_control() as admin:
        row = admin.execute("SELECT to_jsonb(o) FROM officer o WHERE username = %s", (username,)).fetchone()
    assert row is not None
    return row[0][name]


def test_a_person_signs_in_with_all_roles_of_this_moment_and_it_is_recorded(world: World) -> None:
    token = signed_in(world, "cjt.the2")
    actor = resumed(world, token)
    assert actor is not None
    assert (actor.username, actor.office) == ("cjt.the2", "CJT")
    told = world.records("auth.login")[-1]
    assert (told["actor"], told["address"], told["channel"]) == ("cjt.the2", "10.1.2.3", "web")
    assert resumed(world, "another token") is None


def test_nobody_waits_at_the_sign_in_for_a_transaction_that_tells_them_of_many_things(world: World) -> None:
    with world.admin_control() as elsewhere, elsewhere.transaction():
        elsewhere.execute(
            "INSERT INTO notice (officer_id, kind, at, about, how)"
            " SELECT id, 'finding', now(), '{}', 'page' FROM officer WHERE username = 'cjt.the2'"
        )
        assert authenticated(world, "cjt.the2").username == "cjt.the2"  # that transaction is still open
        assert resumed(world, signed_in(world, "cjt.the2")) is not None
        assert refusal(world, "cjt.the2").code == "auth.bad_credentials"


def test_passwords_are_kept_as_argon2id_and_tokens_as_hashes_only(world: World) -> None:
    token = signed_in(world, "cjt.the2")
    stored = str(column(world, "cjt.the2", "password_hash"))
    assert stored.startswith("$argon2id$")
    with world.admin_control() as admin:
        dump = str(admin.execute("SELECT to_jsonb(w) FROM web_session w").fetchall())
    assert token not in dump
    assert all(PASSWORD not in str(record) and token not in str(record) for record in world.records())


def test_five_wrong_passwords_lock_the_sign_in_for_a_quarter_of_an_hour_even_for_the_right_one(
    world: World,
) -> None:
    codes = [refusal(world, "cjt.the2").code for _ in range(5)]
    assert codes == ["auth.bad_credentials"] * 4 + ["auth.locked"]
    assert refusal(world, "cjt.the2", PASSWORD).code == "auth.locked"
    assert "15 phút" in str(refusal(world, "cjt.the2", PASSWORD))
    assert authenticated(world, "cjt.the1").username == "cjt.the1"
    assert len(world.records("auth.lockout")) == 1
    failed = world.records("auth.login.failed")
    assert [record["reason"] for record in failed] == ["auth.bad_credentials"] * 5 + ["auth.locked"] * 2
    assert all(record["details"]["username"] == "cjt.the2" for record in failed)
    world.shift += timedelta(minutes=16)
    assert authenticated(world, "cjt.the2").username == "cjt.the2"
    assert column(world, "cjt.the2", "failures") == 0


def test_failures_far_apart_do_not_add_up_and_a_success_wipes_them(world: World) -> None:
    for _ in range(4):
        refusal(world, "cjt.the2")
    authenticated(world, "cjt.the2")
    for _ in range(4):
        assert refusal(world, "cjt.the2").code == "auth.bad_credentials"
    world.shift += timedelta(minutes=20)
    assert refusal(world, "cjt.the2").code == "auth.bad_credentials"
    assert authenticated(world, "cjt.the2").username == "cjt.the2"


def test_a_stranger_learns_nothing_from_the_answer(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET left_at = now() WHERE username = 'tdc.thu2'")
        admin.execute("UPDATE officer SET password_hash = NULL WHERE username = 'tdc.thu1'")
    cases = [
        ("cjt.the2", WRONG),
        ("nobody.here", PASSWORD),
        ("tdc.thu2", PASSWORD),
        ("tdc.thu1", PASSWORD),
        ("tdc.thu1", ""),
        ("", ""),
        ("CJT.THE2", PASSWORD),
        ("cjt.the2' OR '1'='1", PASSWORD),
        ("x" * 10_000, "y" * 10_000),
        ("cjt.the1", "y" * 10_000),
        ("cjt.the1\x00", PASSWORD),
    ]
    answers = {str(refusal(world, username, password)) for username, password in cases}
    assert len(answers) == 1
    assert len(world.records("auth.login.failed")) == len(cases)
    world.settle()  # nothing of this stops the log or its index


def test_an_idle_session_ends_after_fifteen_minutes_and_an_administrators_after_five(world: World) -> None:
    clerk, administrator = signed_in(world, "cjt.the2"), signed_in(world, "vpt.cntt1")
    world.shift += timedelta(minutes=4)
    assert resumed(world, clerk)
    assert resumed(world, administrator)
    world.shift += timedelta(minutes=6)
    assert resumed(world, clerk)
    for _ in range(2):
        with pytest.raises(NotSignedIn) as idle:
            resumed(world, administrator)
        assert idle.value.code == "auth.idle"
    world.shift += timedelta(minutes=16)
    with pytest.raises(NotSignedIn):
        resumed(world, clerk)
    assert [record["actor"] for record in world.records("session.ended")] == ["vpt.cntt1", "cjt.the2"]


def test_a_session_ends_by_signing_out_by_leaving_and_after_half_a_day(world: World) -> None:
    out, left, long = (signed_in(world, name) for name in ("cjt.the1", "cjt.the2", "cjt.thu1"))
    with transaction(world.rt) as session:
        signin.sign_out(world.rt, session, out, HERE)
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET left_at = now() WHERE username = 'cjt.the2'")
    for _ in range(12 * 6 - 1):
        world.shift += timedelta(minutes=10)
        assert resumed(world, long)
    world.shift += timedelta(minutes=11)
    for token in (out, left, long):
        with pytest.raises(NotSignedIn) as ended:
            resumed(world, token)
        assert ended.value.code == "auth.session_ended"
    assert [record["actor"] for record in world.records("auth.logout")] == ["cjt.the1"]


def test_a_right_withdrawn_is_gone_at_the_next_request(world: World) -> None:
    token = signed_in(world, "cjt.the2")
    actor = resumed(world, token)
    assert actor is not None
    assert "card" in actor.roles
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE officer_role r SET revoked_at = now() FROM officer o"
            " WHERE o.id = r.officer_id AND o.username = 'cjt.the2' AND r.role = 'card'"
        )
    actor = resumed(world, token)
    assert actor is not None
    assert "card" not in actor.roles


def test_a_new_password_is_long_different_and_ones_own_to_set_and_ends_other_sessions(world: World) -> None:
    other, mine = signed_in(world, "cjt.the2"), signed_in(world, "cjt.the2")
    actor = authenticated(world, "cjt.the2")
    for old, new, code in [
        (WRONG, NEW, "auth.old_password_wrong"),
        (PASSWORD, PASSWORD, "auth.password_same"),
        (PASSWORD, "ngan", "auth.password_too_short"),
        (PASSWORD, "x" * 10_000, "auth.password_too_long"),
        (PASSWORD, "a" * 20, "auth.password_too_simple"),
        (PASSWORD, "toi la cjt.the2 day", "auth.password_too_simple"),
    ]:
        with pytest.raises(Invalid) as refused:
            password_change.change(world.rt, actor, old, new, HERE)
        assert refused.value.code == code
    assert authenticated(world, "cjt.the2").username == "cjt.the2"
    switch_on(world, free_port())
    told = tokens.issue(world.rt, actor, tokens.Wanted("Máy trạm", "use", 7), PASSWORD)
    with transaction(world.rt) as session:
        expected = password_change.before(world.rt, session, actor, mine)
    assert password_change.change(world.rt, actor, PASSWORD, NEW, HERE, keep=mine) == expected
    assert (expected.sessions, expected.tokens) == (1, 1)
    with pytest.raises(NotSignedIn) as over:
        tokens.authenticate(world.rt, told, HERE)
    assert over.value.code == "token.ended"
    with world.admin_control() as admin:
        asked = "SELECT how, mail_id IS NULL FROM notice WHERE kind = 'password_changed' AND officer_id = %s"
        assert admin.execute(asked, (actor.id,)).fetchall() == [("now", False)]
    assert refusal(world, "cjt.the2", PASSWORD).code == "auth.bad_credentials"
    assert authenticated(world, "cjt.the2", NEW).must_change is False
    assert resumed(world, mine)
    with pytest.raises(NotSignedIn):
        resumed(world, other)
    assert [r["actor"] for r in world.records("auth.password_changed")] == ["cjt.the2"]
    assert all(NEW not in str(record) for record in world.records())


def test_wrong_old_passwords_count_as_at_the_door_and_five_lock_the_sign_in(world: World) -> None:
    token, actor = signed_in(world, "cjt.the2"), authenticated(world, "cjt.the2")
    codes = []
    for old in [WRONG] * 5 + [PASSWORD]:
        with pytest.raises(Invalid) as refused:
            password_change.change(world.rt, actor, old, NEW, HERE, keep=token)
        codes.append(refused.value.code)
    assert codes == ["auth.old_password_wrong"] * 4 + ["auth.locked"] * 2
    assert refusal(world, "cjt.the2", PASSWORD).code == "auth.locked"
    assert len(world.records("auth.lockout")) == 1
    world.shift += timedelta(minutes=16)
    assert authenticated(world, "cjt.the2", PASSWORD)


def test_a_name_that_nobody_bears_is_locked_like_any_other_so_that_a_lock_tells_nothing(world: World) -> None:
    for name in ("cjt.the2", "nobody.here"):
        codes = [refusal(world, name).code for _ in range(6)]
        assert codes == ["auth.bad_credentials"] * 4 + ["auth.locked"] * 2, name
    assert refusal(world, "nobody.else").code == "auth.bad_credentials"
    assert len(world.records("auth.lockout")) == 2
    with world.admin_control() as admin:
        dump = str(admin.execute("SELECT to_jsonb(s) FROM sign_in_stranger s").fetchall())
    assert "nobody" not in dump
    world.shift += timedelta(minutes=16)
    assert refusal(world, "nobody.here").code == "auth.bad_credentials"


def test_the_profile_in_force_says_how_long_one_may_idle(world: World) -> None:
    rt = world.runtime(ACCESSCTL_PASSWORD_PROFILE="asvs5-l2")
    with transaction(rt) as session:
        token = signin.open_session(rt, session, world.actor("cjt.the2"), HERE)
    world.shift += timedelta(minutes=20)
    with transaction(rt) as session:
        assert signin.resume(rt, session, token, HERE)
    world.shift += timedelta(minutes=31)
    with transaction(rt) as session, pytest.raises(NotSignedIn, match="30 phút"):
        signin.resume(rt, session, token, HERE)
    rt.close()


def test_an_unknown_profile_is_refused_by_name(world: World) -> None:
    rt = world.runtime(ACCESSCTL_PASSWORD_PROFILE="easy")
    with pytest.raises(Invalid, match="easy"):
        signin.begin(rt, "cjt.the2", PASSWORD, HERE)
    rt.close()
