"""The second factor: set up by its owner, each code once, clocks that are off, recovery codes, the lockout."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl import clock
from accessctl.config import LeaseKeys, Settings
from accessctl.errors import AccessError, Conflict, Invalid, NotSignedIn, Unavailable
from accessctl.services import sealing, second_factor, signin
from accessctl.services.actor import Actor, Origin
from accessctl.services.control import transaction
from accessctl.services.sealing import Purpose
from tests.common.sign_in import Phone, enrolled
from tests.common.world import PASSWORD, World

HERE = Origin("web", "10.1.2.3")
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def with_code(world: World, code: str | None, username: str = "cjt.the2") -> Actor:
    return signin.authenticate(world.rt, username, PASSWORD, HERE, code=code)


def refused(world: World, code: str | None, username: str = "cjt.the2") -> AccessError:
    with pytest.raises(NotSignedIn) as refusal:
        with_code(world, code, username)
    return refusal.value


def test_with_a_second_factor_the_password_alone_opens_nothing(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    begun = signin.begin(world.rt, "cjt.the2", PASSWORD, HERE)
    assert begun.actor is None
    assert begun.step
    with transaction(world.rt) as session:
        assert signin.resume(world.rt, session, begun.step, HERE) is None
    assert refused(world, None).code == "auth.code_needed"
    assert world.records("auth.login") == []
    assert signin.finish(world.rt, begun.step, phone.code(), HERE).username == "cjt.the2"
    assert [record["actor"] for record in world.records("mfa.verified")] == ["cjt.the2"]


def test_who_has_none_signs_in_with_the_password_as_before(world: World) -> None:
    begun = signin.begin(world.rt, "cjt.the1", PASSWORD, HERE)
    assert begun.actor is not None
    assert (begun.actor.username, begun.step, begun.actor.must_enrol) == ("cjt.the1", None, False)


def test_a_step_is_good_once_for_five_minutes_and_for_one_person(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    late = signin.begin(world.rt, "cjt.the2", PASSWORD, HERE).step or ""
    world.shift += timedelta(minutes=6)
    step = signin.begin(world.rt, "cjt.the2", PASSWORD, HERE).step or ""
    signin.finish(world.rt, step, phone.code(), HERE)
    for token in (late, step, "", "x" * 5000, "\x00"):
        with pytest.raises(NotSignedIn) as over:
            signin.finish(world.rt, token, phone.code(1), HERE)
        assert over.value.code == "auth.step_over"


def test_the_neighbouring_steps_are_tolerated_and_no_code_counts_twice(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    for steps in (-1, 0, 1):
        code = phone.code(steps)
        assert with_code(world, code).username == "cjt.the2"
        assert refused(world, code).code == "auth.code_used"
    assert refused(world, phone.code(-1)).code == "auth.code_used"  # an older one than the last used neither


def test_a_code_written_in_two_groups_is_the_same_code(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    code = phone.code()
    assert with_code(world, f" {code[:3]} {code[3:]} ").username == "cjt.the2"


def test_one_code_sent_twice_at_the_same_moment_lets_in_once(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    steps = [signin.begin(world.rt, "cjt.the2", PASSWORD, HERE).step or "" for _ in range(4)]
    code = phone.code()

    def try_it(step: str) -> str:
        try:
            return signin.finish(world.rt, step, code, HERE).username
        except AccessError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        said = Counter(pool.map(try_it, steps))
    assert said == {"cjt.the2": 1, "auth.code_used": 3}


@pytest.mark.parametrize(("steps", "minutes"), [(-2, 1), (6, 3), (-19, 10), (19, 10)])
def test_a_clock_that_is_off_is_told_with_the_minutes_and_never_let_in(
    world: World, steps: int, minutes: int
) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    world.shift += timedelta(minutes=30)
    refusal = refused(world, phone.code(steps))
    assert refusal.code == "auth.code_skewed"
    assert "Đồng hồ lệch" in str(refusal)
    assert f"{minutes} phút" in str(refusal)


def test_a_code_of_the_future_that_was_tried_does_not_count_when_its_time_has_come(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    code = phone.code(5)
    assert refused(world, code).code == "auth.code_skewed"
    world.shift += timedelta(seconds=5 * 30)
    assert refused(world, code).code == "auth.code_used"
    world.shift += timedelta(seconds=30)
    assert with_code(world, phone.code()).username == "cjt.the2"


def test_a_clock_off_by_more_than_ten_minutes_is_just_a_wrong_code(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    world.shift += timedelta(minutes=30)
    assert refused(world, phone.code(25)).code == "auth.code_wrong"


def test_five_wrong_codes_lock_the_sign_in_and_the_password_in_between_buys_no_more_tries(
    world: World,
) -> None:
    phone, codes = enrolled(world, "cjt.the2")
    tries = [refused(world, phone.wrong()).code for _ in range(5)]
    assert tries == ["auth.code_wrong"] * 4 + ["auth.locked"]
    assert refused(world, phone.code()).code == "auth.locked"
    assert len(world.records("auth.lockout")) == 1
    assert [r["reason"] for r in world.records("mfa.verified.failed")] == ["auth.code_wrong"] * 5
    world.shift += timedelta(minutes=16)
    assert with_code(world, codes[0]).username == "cjt.the2"


def test_wrong_passwords_and_wrong_codes_count_together(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            signin.authenticate(world.rt, "cjt.the2", "Sai-mat-khau-000", HERE)
    assert refused(world, phone.wrong()).code == "auth.code_wrong"
    assert refused(world, phone.wrong()).code == "auth.locked"


def test_a_step_begun_before_the_lockout_is_worth_nothing_after_it(world: World) -> None:
    phone, _ = enrolled(world, "cjt.the2")
    step = signin.begin(world.rt, "cjt.the2", PASSWORD, HERE).step or ""
    for _ in range(5):
        refused(world, phone.wrong())
    for code in ("auth.locked", "auth.step_over"):
        with pytest.raises(NotSignedIn) as over:
            signin.finish(world.rt, step, phone.code(), HERE)
        assert over.value.code == code


def test_recovery_codes_count_once_in_any_spelling_and_new_ones_void_the_old(world: World) -> None:
    _, codes = enrolled(world, "cjt.the2")
    assert len(set(codes)) == 10
    assert with_code(world, codes[0]).username == "cjt.the2"
    assert refused(world, codes[0]).code == "auth.code_wrong"
    assert with_code(world, codes[1].lower().replace("-", " ")).username == "cjt.the2"
    actor = world.actor("cjt.the2")
    with transaction(world.rt) as session:
        assert second_factor.status(world.rt, session, actor.id, actor.roles).codes_left == 8
        factor = second_factor.in_force(session, actor.id)
        assert factor is not None
        fresh = second_factor.new_codes(world.rt, session, factor, actor)
    assert refused(world, codes[2]).code == "auth.code_wrong"
    assert with_code(world, fresh[9]).username == "cjt.the2"
    assert len(world.records("mfa.codes_renewed")) == 1


def test_the_codes_of_one_person_are_nothing_to_another(world: World) -> None:
    phone, codes = enrolled(world, "cjt.the2")
    enrolled(world, "cjt.thu2")
    assert refused(world, codes[0], "cjt.thu2").code == "auth.code_wrong"
    assert refused(world, phone.code(), "cjt.thu2").code == "auth.code_wrong"


def test_neither_secret_nor_recovery_code_stands_in_the_database_or_the_log(world: World) -> None:
    phone, codes = enrolled(world, "cjt.the2")
    with_code(world, phone.code())
    secret = phone.device.secret
    with world.admin_control() as admin:
        rows = admin.execute("SELECT to_jsonb(f) FROM second_factor f").fetchall()
        rows += admin.execute("SELECT to_jsonb(c) FROM recovery_code c").fetchall()
        rows += admin.execute("SELECT to_jsonb(s) FROM sign_in_step s").fetchall()
    dump = str(rows) + str(world.records())
    assert len(rows) >= 12
    plain = phone.device.byte_secret().hex()
    for word in (secret, secret.encode().hex(), plain, *codes, *(c.replace("-", "") for c in codes)):
        assert word not in dump


def test_an_offer_is_for_its_owner_for_half_an_hour_and_for_a_device_that_shows_a_right_code(
    world: World,
) -> None:
    mine, other = world.actor("cjt.the2"), world.actor("cjt.thu2")
    offered = second_factor.offer(world.rt, mine)
    assert (
        second_factor.offer(world.rt, mine, offered.sealed).secret == offered.secret
    )  # shown again, not anew
    assert "cjt.the2" in offered.uri
    assert offered.spoken.replace(" ", "") == offered.secret
    phone = Phone(world, offered.secret)
    for actor, sealed, code, said in [
        (mine, offered.sealed, phone.wrong(), "mfa.code_wrong"),
        (mine, offered.sealed, phone.code(6), "mfa.code_skewed"),
        (mine, offered.sealed + "x", phone.code(), "mfa.offer_over"),
        (mine, "", phone.code(), "mfa.offer_over"),
        (other, offered.sealed, phone.code(), "mfa.offer_over"),
    ]:
        with transaction(world.rt) as session, pytest.raises(Invalid) as refusal:
            second_factor.enrol(world.rt, session, actor, sealed, code)
        assert refusal.value.code == said
    world.shift += timedelta(minutes=31)
    with transaction(world.rt) as session, pytest.raises(Invalid, match="30 phút"):
        second_factor.enrol(world.rt, session, mine, offered.sealed, phone.code())


def test_who_has_one_sets_no_other_up(world: World) -> None:
    enrolled(world, "cjt.the2")
    actor = world.actor("cjt.the2")
    offered = second_factor.offer(world.rt, actor)
    with transaction(world.rt) as session, pytest.raises(Conflict, match="đã có"):
        second_factor.enrol(world.rt, session, actor, offered.sealed, Phone(world, offered.secret).code())
    assert len(world.records("mfa.enrolled")) == 1


def test_it_is_required_by_role_when_the_setting_says_so(world: World) -> None:
    strict = world.runtime(ACCESSCTL_SECOND_FACTOR="required")
    wanted = {}
    for name in (
        "vpt.cntt1",
        "cjt.the2",
        "cjt.thu2",
        "cjt.gd",
        "vpt.ktra1",
        "vpt.gd",
        "vpt.pgd",
        "cjt.the1",
        "cjt.tn1",
    ):
        begun = signin.begin(strict, name, PASSWORD, HERE)
        wanted[name] = begun.actor is not None and begun.actor.must_enrol
    assert wanted == dict.fromkeys(wanted, True) | {"cjt.the1": False, "cjt.tn1": False}
    enrolled(world, "cjt.gd")
    head = world.actor("cjt.gd")
    with transaction(strict) as session:
        assert not second_factor.must_enrol(strict, session, head)
    strict.close()


def test_it_is_required_by_default_and_optional_in_a_demo_and_nothing_else_can_be_said() -> None:
    assert Settings({}).second_factor_required
    assert not Settings({"ACCESSCTL_DEMO": "yes"}).second_factor_required
    assert Settings({"ACCESSCTL_DEMO": "yes", "ACCESSCTL_SECOND_FACTOR": "required"}).second_factor_required
    with pytest.raises(Invalid, match="ACCESSCTL_SECOND_FACTOR"):
        _ = Settings({"ACCESSCTL_SECOND_FACTOR": "off"}).second_factor_required


def test_a_new_lease_key_seals_the_secret_anew_at_the_next_use(world: World) -> None:
    phone, codes = enrolled(world, "cjt.the2")
    old = world.settings.lease_keys
    world.rt.settings.__dict__["lease_keys"] = LeaseKeys("k2", {**old.keys, "k2": b"2" * 32})
    assert with_code(world, phone.code()).username == "cjt.the2"
    world.rt.settings.__dict__["lease_keys"] = LeaseKeys("k2", {"k2": b"2" * 32})
    assert with_code(world, phone.code(1)).username == "cjt.the2"  # the old key is not needed any more
    with pytest.raises(Unavailable, match="k1"):  # but by the paper it is
        with_code(world, codes[0])
    world.rt.settings.__dict__["lease_keys"] = old


@given(st.integers(min_value=0, max_value=2**33), st.text(max_size=12))
def test_no_word_but_the_right_digits_is_ever_right(moment: int, typed: str) -> None:
    at = clock.now().fromtimestamp(moment, tz=clock.now().tzinfo)
    judged = second_factor.judge(SECRET, typed, at, last_step=0)
    if not (len("".join(typed.split())) == 6 and typed.isascii()):
        assert judged.why == "wrong"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_is_sealed_opens_for_its_owner_and_purpose_and_unchanged_only(plain: bytes, owner: str) -> None:
    keys = LeaseKeys("k1", {"k1": b"1" * 32})
    text = sealing.seal_text(keys, Purpose.OFFER, owner, plain)
    assert sealing.unseal_text(keys, Purpose.OFFER, owner, text) == plain
    for purpose, who, word in [
        (Purpose.FORM, owner, text),
        (Purpose.OFFER, owner + "x", text),
        (Purpose.OFFER, owner, text[:-4] + ("AAAA" if text[-4:] != "AAAA" else "BBBB")),
        (Purpose.OFFER, owner, "k9." + text.partition(".")[2]),
        (Purpose.OFFER, owner, "đ"),
    ]:
        with pytest.raises(ValueError, match="sealed"):
            sealing.unseal_text(keys, purpose, who, word)
