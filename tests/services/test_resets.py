"""One-time links: issued by IT, never to oneself, used once within a day; everything held by the old one ends."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from accessctl.errors import AccessError, Invalid, NotFound, NotSignedIn, Refused
from accessctl.services import password_change, resets, second_factor, signin, web_sessions
from accessctl.services.actor import Actor, Origin
from accessctl.services.control import transaction
from accessctl.services.resets import Issued
from tests.common.sign_in import enrolled
from tests.common.world import PASSWORD, World

HERE = Origin("web", "10.1.2.3")
NEW = "Mot-cum-tu-that-dai-2026"
SHORT = "meo den 7"


def issued(world: World, username: str, purpose: str = "password", *, by: str = "vpt.cntt1") -> Issued:
    with transaction(world.rt) as session:
        return resets.issue(world.rt, session, world.actor(by), username, purpose, "Quên mật khẩu")


def used(world: World, token: str, password: str = NEW) -> None:
    with transaction(world.rt) as session:
        resets.use(world.rt, session, token, HERE, password=password)


def refused(world: World, token: str, password: str = NEW) -> AccessError:
    with pytest.raises(AccessError) as refusal:
        used(world, token, password)
    return refusal.value


def signed_in(world: World, username: str, password: str = PASSWORD, code: str | None = None) -> str:
    with transaction(world.rt) as session:
        return signin.sign_in(world.rt, session, username, password, HERE, code=code)[1]


def resumed(world: World, token: str) -> Actor | None:
    with transaction(world.rt) as session:
        return signin.resume(world.rt, session, token, HERE)


def test_a_link_sets_a_new_password_ends_every_session_and_opens_a_locked_sign_in(world: World) -> None:
    old = signed_in(world, "cjt.the2")
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            signin.begin(world.rt, "cjt.the2", "Sai-mat-khau-000", HERE)
    link = issued(world, "cjt.the2")
    assert resumed(world, old)  # the link alone changes nothing
    used(world, link.token)
    with pytest.raises(NotSignedIn):
        resumed(world, old)
    with pytest.raises(NotSignedIn):
        signed_in(world, "cjt.the2", PASSWORD)
    actor = resumed(world, signed_in(world, "cjt.the2", NEW))
    assert actor is not None
    assert not actor.must_change


def test_a_link_works_once_for_a_day_and_a_newer_one_replaces_it(world: World) -> None:
    first, second = issued(world, "cjt.the2"), issued(world, "cjt.the2")
    late, gone = issued(world, "cjt.the1"), issued(world, "tdc.thu2")
    used(world, second.token)
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET left_at = now() WHERE username = 'tdc.thu2'")
    world.shift += timedelta(hours=24, minutes=1)
    for token in (first.token, second.token, late.token, gone.token, "", "x" * 5000, "\x00"):
        error = refused(world, token, "Mot-cum-tu-khac-hẳn-2027")
        assert (error.code, error.status) == ("reset.not_valid", 404)
        with transaction(world.rt) as session, pytest.raises(NotFound):
            resets.peek(world.rt, session, token)
    assert signed_in(world, "cjt.the2", NEW)


def test_two_who_use_the_same_link_at_once_use_it_once(world: World) -> None:
    link = issued(world, "cjt.the2")

    def try_it(number: int) -> str:
        try:
            used(world, link.token, f"{NEW}-{number}")
            return "used"
        except AccessError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        assert Counter(pool.map(try_it, range(4))) == {"used": 1, "reset.not_valid": 3}


def test_a_refused_password_leaves_the_link_as_it_was(world: World) -> None:
    link = issued(world, "cjt.the2")
    for password, code in [
        ("ngan", "auth.password_too_short"),
        ("Mật khẩu của tôi cjt.the2", "auth.password_too_simple"),
        ("BHXH-Cư-Jút-2026-2027", "auth.password_too_common"),
        ("Dak-Nong-01042018", "auth.password_too_common"),
    ]:
        assert refused(world, link.token, password).code == code
    used(world, link.token)


def test_looking_at_a_link_uses_nothing_up(world: World) -> None:
    link = issued(world, "cjt.the2")
    for _ in range(2):
        with transaction(world.rt) as session:
            waiting = resets.peek(world.rt, session, link.token)
        assert (waiting.username, waiting.purpose, waiting.second_factor) == ("cjt.the2", "password", False)


def test_only_it_issues_links_and_never_to_oneself(world: World) -> None:
    for by, username in [
        ("vpt.cntt1", "vpt.cntt1"),
        ("cjt.gd", "cjt.the2"),
        ("vpt.gd", "cjt.the2"),
        ("vpt.ktra1", "cjt.the2"),
        ("cjt.the2", "cjt.the2"),
    ]:
        with pytest.raises(Refused):
            issued(world, username, by=by)
        with transaction(world.rt) as session, pytest.raises(Refused):
            resets.look(world.rt, session, world.actor(by), username)
    assert issued(world, "vpt.cntt2").token  # another of IT
    with transaction(world.rt) as session:
        it = world.actor("vpt.cntt1")
        for purpose, reason, code in [
            ("password", "  ", "session.reason_missing"),
            ("both", "x", "reset.purpose"),
            ("second_factor", "x", "reset.no_factor"),
        ]:
            with pytest.raises(Invalid) as refusal:
                resets.issue(world.rt, session, it, "cjt.the2", purpose, reason)
            assert refusal.value.code == code
        with pytest.raises(NotFound):
            resets.issue(world.rt, session, it, "khong.co", "password", "x")


def test_a_lost_device_is_reset_by_link_and_nothing_else_and_the_password_still_counts(world: World) -> None:
    phone, codes = enrolled(world, "cjt.the2")
    old = signed_in(world, "cjt.the2", code=phone.code())
    link = issued(world, "cjt.the2", "second_factor")
    used(world, link.token, "")
    with pytest.raises(NotSignedIn):
        resumed(world, old)
    with pytest.raises(NotSignedIn):
        signed_in(world, "cjt.the2", "Sai-mat-khau-000")
    assert signed_in(world, "cjt.the2")
    fresh, _ = enrolled(world, "cjt.the2")
    for code in (phone.code(), codes[0]):
        with pytest.raises(NotSignedIn):
            signed_in(world, "cjt.the2", code=code)
    assert signed_in(world, "cjt.the2", code=fresh.code())
    with world.admin_control() as admin:
        kept = admin.execute("SELECT secret IS NULL FROM second_factor ORDER BY id").fetchall()
    assert kept == [(True,), (False,)]


def test_a_password_as_short_as_a_second_factor_allows_must_be_changed_without_it(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    actor = world.actor("cjt.the2")
    password_change.change(world.rt, actor, PASSWORD, SHORT, HERE)
    assert not world.actor("cjt.the2").must_change
    assert signed_in(world, "cjt.the2", SHORT, phone.code())
    used(world, issued(world, "cjt.the2", "second_factor").token, "")
    assert world.actor("cjt.the2").must_change
    with pytest.raises(Invalid, match="14"):
        password_change.change(world.rt, actor, SHORT, "meo den 8", HERE)


def test_a_forgotten_password_of_who_has_a_second_factor_still_needs_the_code(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    used(world, issued(world, "cjt.the2").token, SHORT)  # eight are enough: the device is there
    begun = signin.begin(world.rt, "cjt.the2", SHORT, HERE)
    assert begun.actor is None
    assert signin.finish(world.rt, begun.step or "", phone.code(), HERE)


def test_who_hears_of_it_is_named_in_the_log_and_no_link_stands_anywhere(world: World) -> None:
    link = issued(world, "cjt.the2")
    used(world, link.token)
    made, done = world.records("auth.reset_issued")[-1], world.records("auth.password_reset")[-1]
    assert (made["actor"], made["reason"], made["guest"]) == ("vpt.cntt1", "Quên mật khẩu", "CJT")
    assert made["details"]["told"] == ["cjt.the2", "cjt.gd"]
    assert (done["actor"], done["details"]["told"]) == ("cjt.the2", ["cjt.the2", "cjt.gd"])
    assert link.told[0] == world.actor("cjt.the2").full_name
    with world.admin_control() as admin:
        rows = str(admin.execute("SELECT to_jsonb(r) FROM reset_link r").fetchall())
    assert "used" in rows
    assert link.token not in rows + str(world.records())
    assert NEW not in str(world.records())


@pytest.mark.parametrize(
    ("username", "heads"),
    [("cjt.gd", {"vpt.gd"}), ("vpt.the1", {"vpt.tpcst"}), ("vpt.cntt2", {"vpt.gd"}), ("cjt.tn1", {"cjt.gd"})],
)
def test_the_head_who_hears_of_it_is_the_units_or_above_it_the_director(
    world: World, username: str, heads: set[str]
) -> None:
    issued(world, username)
    assert set(world.records("auth.reset_issued")[-1]["details"]["told"]) == {username, *heads}


def test_it_sees_how_an_officer_signs_in_and_no_secret_of_it(world: World) -> None:
    enrolled(world, "cjt.the2")
    signed_in_at = issued(world, "cjt.the2", "second_factor").expires_at
    with transaction(world.rt) as session:
        seen = resets.look(world.rt, session, world.actor("vpt.cntt1"), "cjt.the2")
    assert (seen.has_password, seen.must_change, seen.locked_until) == (True, False, None)
    assert (seen.factor.codes_left, seen.factor.required) == (10, False)
    assert seen.waiting == (("second_factor", signed_in_at),)
    assert seen.told[0] == seen.full_name


def test_sessions_are_seen_and_ended_by_their_owner_and_by_it_with_a_reason(world: World) -> None:
    here, there, away = (signed_in(world, "cjt.the2") for _ in range(3))
    owner, it = world.actor("cjt.the2"), world.actor("vpt.cntt1")
    with transaction(world.rt) as session:
        lines = web_sessions.mine(world.rt, session, owner, here)
        assert [line.this for line in lines] == [True, False, False]
        assert {line.address for line in lines} == {"10.1.2.3"}
        with pytest.raises(NotFound):
            web_sessions.end_mine(world.rt, session, world.actor("cjt.the1"), lines[1].key)
        for who in ("cjt.gd", "vpt.ktra1", "cjt.the2"):
            with pytest.raises(Refused):
                web_sessions.of(world.rt, session, world.actor(who), "cjt.the2")
        with pytest.raises(Invalid):
            web_sessions.end_of(world.rt, session, it, "cjt.the2", "")
        assert web_sessions.end_of(world.rt, session, it, "cjt.the2", "Máy bị mất", key=lines[1].key) == 1
    with transaction(world.rt) as session:
        assert len(web_sessions.of(world.rt, session, it, "cjt.the2")) == 2
        assert web_sessions.end_my_others(world.rt, session, owner, here) == 1
    assert resumed(world, here)
    for token in (there, away):
        with pytest.raises(NotSignedIn) as ended:
            resumed(world, token)
        assert ended.value.code == "auth.session_ended"
    told = world.records("session.ended")
    assert [(r["actor"], r.get("reason")) for r in told] == [("vpt.cntt1", "Máy bị mất"), ("cjt.the2", None)]
    assert told[0]["details"]["officer"] == "cjt.the2"


def test_a_session_that_nobody_came_back_to_is_not_listed(world: World) -> None:
    token = signed_in(world, "cjt.the2")
    world.shift += timedelta(minutes=16)
    with transaction(world.rt) as session:
        assert web_sessions.mine(world.rt, session, world.actor("cjt.the2"), token) == []


def test_ending_all_sessions_also_ends_a_sign_in_between_its_two_pages(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    step = signin.begin(world.rt, "cjt.the2", PASSWORD, HERE).step or ""
    with transaction(world.rt) as session:
        web_sessions.end_of(world.rt, session, world.actor("vpt.cntt1"), "cjt.the2", "Nghi ngờ")
    with pytest.raises(NotSignedIn) as over:
        signin.finish(world.rt, step, phone.code(), HERE)
    assert over.value.code == "auth.step_over"
    with transaction(world.rt) as session:
        assert second_factor.in_force(session, world.actor("cjt.the2").id) is not None
