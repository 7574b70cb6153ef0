"""One account and the list of all, as each reader may see them; what an act would do before it is done."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Conflict, Invalid, NotFound, Refused
from accessctl.services import (
    account_before,
    account_list,
    account_view,
    accounts,
    closing,
    custody,
    drift,
    leasing,
)
from accessctl.services.account_before import Act, Before
from accessctl.services.account_list import AccountQuery
from accessctl.services.account_view import AccountDetail
from accessctl.services.control import transaction
from accessctl.services.matrix import IN_USE
from tests.common.world import World

ACCOUNT, IT = "TKCL-CJT-DML", "vpt.cntt1"
KEEPER, CLERK = "cjt.the2", "cjt.the1"


def shown(world: World, who: str = IT, name: str = ACCOUNT) -> AccountDetail:
    with transaction(world.rt) as session:
        return account_view.show(world.rt, session, world.actor(who), name)


def before(world: World, act: Act, who: str = IT, name: str = ACCOUNT) -> Before:
    with transaction(world.rt) as session:
        return account_before.look(world.rt, session, world.actor(who), name, act)


def found(world: World, who: str = IT, **query: object) -> list[account_list.Listed]:
    with transaction(world.rt) as session:
        page = account_list.search(world.rt, session, world.actor(who), AccountQuery(**query))  # type: ignore[arg-type]
    assert page.total >= len(page.rows)
    return list(page.rows)


def act(world: World, do: str, who: str = IT, *, name: str = ACCOUNT, **more: object) -> object:
    with transaction(world.rt) as session:
        done = getattr(accounts, do)(world.rt, session, world.actor(who), name, "Nghi lộ mật khẩu", **more)
    if isinstance(done, list):
        closing.finish_all(world.rt, done)
    return done


def refusal(call: object) -> str:
    with pytest.raises(AccessError) as raised:
        call()  # type: ignore[operator]
    return raised.value.code


def test_an_account_says_who_has_it_for_which_dossier_and_who_waits_in_order(world: World) -> None:
    first = world.lend(CLERK, ACCOUNT, client=False)
    second = world.lend(KEEPER, ACCOUNT, number=2, client=False)
    now = shown(world)
    assert now.held is not None
    assert (now.held.lease, now.held.name, now.held.dossier) == (
        first.lease,
        first.holder_name,
        first.dossier,
    )
    assert [(use.lease, use.dossier) for use in now.queue] == [(second.lease, second.dossier)]
    assert (now.held.since, now.held.until) == (first.opened_at, first.expires_at)


@pytest.mark.parametrize(
    ("who", "knows"),
    [(KEEPER, True), ("cjt.tn1", True), ("dml.gd", True), ("vpt.ktra1", True), ("vpt.gd", True), (IT, True),
     ("gng.the1", False), ("gng.gd", False), ("dml.the1", True)],
)  # fmt: skip
def test_who_holds_an_account_is_known_to_both_offices_and_to_those_who_watch_and_to_nobody_else(
    world: World, who: str, knows: bool
) -> None:
    world.lend(CLERK, ACCOUNT, client=False)
    held = shown(world, who).held
    assert held is not None
    assert (held.name is not None, held.lease is not None, held.dossier is not None) == (knows,) * 3
    (row,) = found(world, who, state=IN_USE)
    assert (row.account, row.holder is not None) == (ACCOUNT, knows)
    assert bool(found(world, who, holder="diep")) is knows, "nor can it be found out by searching"


def test_the_rights_are_those_of_the_policy_in_words_and_as_the_hosts_database_was_told(world: World) -> None:
    card = shown(world).rights
    assert [vi for vi, _ in card.words] == ["Cấp lại thẻ BHYT", "Xem thông tin cấp lại thẻ"]
    with world.admin_office("DML") as admin:
        functions = admin.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(p.proacl) a"
            " WHERE a.grantee = 'tkcl'::regrole AND p.pronamespace = 'bhyt'::regnamespace ORDER BY 1"
        ).fetchall()
    told = [f"GRANT EXECUTE ON FUNCTION {name} TO tkcl;" for (name,) in functions]
    assert sorted(line.replace(" ", "") for line in card.grants) == sorted(
        line.replace(" ", "") for line in [*told, "GRANT tkcl TO tkcl_cjt_dml WITH INHERIT TRUE, SET FALSE;"]
    )
    correction = shown(world, name="TKHCTT-CJT-DML").rights
    assert not set(card.grants) & set(correction.grants)


def test_who_answered_when_is_kept_after_a_change_with_the_one_now_marked(world: World) -> None:
    earlier = shown(world).keeper
    assert earlier is not None
    world.shift = timedelta(hours=1)
    with transaction(world.rt) as session:
        head = world.actor("cjt.gd")
        custody.end(world.rt, session, head, "CJT", Kind.TKCL, "Chuyển việc")
    gap = shown(world)
    assert (gap.state, gap.reason, gap.keeper) == ("SUSPENDED", "no_custodian", None)
    world.shift = timedelta(hours=2)
    with transaction(world.rt) as session:
        wanted = custody.Appointment("CJT", Kind.TKCL, CLERK, "9/QĐ", world.now())
        custody.appoint(world.rt, session, world.actor("cjt.gd"), wanted)
    after = shown(world)
    assert after.keeper is not None
    assert [(k.name, k.now, k.until is None) for k in after.keepers[:2]] == [
        (world.actor(CLERK).full_name, True, True),
        (earlier.name, False, False),
    ]
    assert shown(world, name="LOCAL_CL-CJT-01").keepers == ()


def test_the_last_look_at_the_rights_is_told_with_its_time_and_what_is_still_wrong(world: World) -> None:
    assert shown(world).comparison == account_view.Comparison(None, ())
    drift.look(world.rt, "DML")
    clean = shown(world).comparison
    assert clean is not None
    assert clean.at is not None
    assert clean.open == ()
    with world.admin_office("DML") as admin:
        admin.execute("GRANT SELECT ON bhyt.participant TO tkcl_cjt_dml")
        try:
            drift.look(world.rt, "DML")
        finally:
            admin.execute("REVOKE SELECT ON bhyt.participant FROM tkcl_cjt_dml")
    wrong = shown(world).comparison
    assert wrong is not None
    assert [what for _, what, _ in wrong.open] == ["grant"]
    assert shown(world, CLERK).comparison is None, "a clerk has nothing to do with it"
    assert shown(world, name="TKCL-GNG-DML").comparison == account_view.Comparison(wrong.at, ())


def test_what_is_offered_is_what_the_policy_and_the_state_allow(world: World) -> None:
    assert shown(world).offers == {"lock", "rotate", "retire"}
    assert shown(world, "vpt.gd").offers == {"order_lock"}
    for nobody in (CLERK, KEEPER, "cjt.gd", "vpt.ktra1", "vpt.pgd", "cjt.tn1"):
        assert (shown(world, nobody).offers, shown(world, nobody).withheld) == (frozenset(), {}), nobody
    act(world, "lock")
    assert (shown(world).offers, shown(world).withheld) == (
        {"rotate", "retire"},
        {"lock": "account.already_locked", "unlock": "account.unlock_not_asked"},
    )
    assert shown(world, KEEPER).offers == shown(world, "cjt.gd").offers == {"ask_unlock"}
    assert shown(world, "cjt.thu2").offers == frozenset(), "the custodian of the other kind"
    act(world, "ask_unlock", KEEPER)
    asked = shown(world)
    assert "unlock" in asked.offers
    assert asked.unlock_asked_by == world.actor(KEEPER).full_name
    assert shown(world, KEEPER).withheld == {"ask_unlock": "account.unlock_asked_already"}
    act(world, "retire")
    assert shown(world).offers == frozenset()


def test_what_locking_would_do_is_counted_from_what_is_so_now(world: World) -> None:
    plain = before(world, Act.LOCK)
    assert (plain.shown.held, plain.shown.queue, plain.becomes, plain.ordered) == (None, (), "LOCKED", False)
    first = world.lend(CLERK, ACCOUNT, client=False)
    world.lend(KEEPER, ACCOUNT, number=2, client=False)
    with_use = before(world, Act.LOCK, "vpt.gd")
    assert with_use.ordered
    told = [(person.name, person.as_what) for person in with_use.told]
    assert told[:2] == [(first.holder_name, "holder"), (world.actor(KEEPER).full_name, "waiting")]
    assert (world.actor(KEEPER).full_name, "custodian") in told
    assert (world.actor("cjt.gd").full_name, "head") in told
    assert {"auditor"} <= {as_what for _, as_what in told}
    rotating = before(world, Act.ROTATE)
    assert "waiting" not in {person.as_what for person in rotating.told}
    assert shown(world).state == "ACTIVE", "looking changes nothing"


def test_the_head_of_a_function_is_told_at_the_province_and_the_other_is_not(world: World) -> None:
    heads = {p.name for p in before(world, Act.LOCK, name="TKCL-VPT-DML").told if p.as_what == "head"}
    assert heads == {world.actor("vpt.tpcst").full_name}


@pytest.mark.parametrize(
    ("which", "who", "code"),
    [
        (Act.LOCK, CLERK, "policy."),
        (Act.LOCK, "cjt.gd", "policy."),
        (Act.UNLOCK, "vpt.gd", "policy."),
        (Act.UNLOCK, IT, "account.not_locked"),
        (Act.ASK_UNLOCK, "cjt.thu2", "lease.other_kind"),
        (Act.ASK_UNLOCK, KEEPER, "account.not_locked"),
        (Act.ROTATE, "vpt.gd", "policy."),
        (Act.RETIRE, KEEPER, "policy."),
    ],
)
def test_nobody_sees_the_page_of_an_act_that_he_may_not_do_or_that_cannot_be_done(
    world: World, which: Act, who: str, code: str
) -> None:
    assert refusal(lambda: before(world, which, who)).startswith(code)


def test_unlocking_says_beforehand_that_nobody_answers_and_the_account_stays_unusable(world: World) -> None:
    act(world, "lock")
    assert refusal(lambda: before(world, Act.LOCK)) == "account.already_locked"
    assert refusal(lambda: before(world, Act.UNLOCK)) == "account.unlock_not_asked"
    act(world, "ask_unlock", KEEPER)
    assert refusal(lambda: before(world, Act.ASK_UNLOCK, KEEPER)) == "account.unlock_asked_already"
    assert before(world, Act.UNLOCK).becomes == "ACTIVE"
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Nghỉ việc")
    assert before(world, Act.UNLOCK).becomes == "SUSPENDED"
    act(world, "retire")
    assert refusal(lambda: before(world, Act.LOCK)) == "account.retired"


def test_two_people_at_one_account_the_second_is_told_and_nothing_is_done_twice(world: World) -> None:
    seen = shown(world).standing
    act(world, "lock", seen=seen)
    locks = len(world.records("account.locked"))
    for do, who in (("lock", "vpt.gd"), ("retire", IT), ("void", IT), ("ask_unlock", KEEPER)):
        with pytest.raises(Conflict) as told:
            act(world, do, who, seen=seen)
        assert told.value.code == "account.changed", do
    asked = shown(world).standing
    act(world, "ask_unlock", KEEPER, seen=asked)
    assert refusal(lambda: act(world, "unlock", seen=asked)) == "account.changed"
    assert refusal(lambda: act(world, "ask_unlock", "cjt.gd")) == "account.unlock_asked_already"
    assert act(world, "unlock", seen=shown(world).standing) == "ACTIVE"
    assert len(world.records("account.locked")) == locks
    assert world.records("account.lock_ordered") == []


def test_rotating_ends_the_session_voids_the_secret_and_leaves_state_and_queue(world: World) -> None:
    first = world.lend(CLERK, ACCOUNT)
    assert first.dsn is not None
    waiting = world.lend(KEEPER, ACCOUNT, number=2, client=False)
    with pytest.raises(Refused):
        act(world, "void", "vpt.gd")
    with psycopg.connect(first.dsn, autocommit=True) as client:
        assert act(world, "void", seen=shown(world).standing) == [first.lease]
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    ended = leasing.show_lease(world.rt, world.actor(CLERK), first.lease)
    assert (ended.state, ended.end_reason, ended.end_note) == ("CLOSED", "revoked", "account.rotated")
    assert shown(world).state == "ACTIVE"
    (said,) = world.records("account.rotated")
    assert (said["actor"], said["reason"], said["account"]) == (IT, "Nghi lộ mật khẩu", ACCOUNT)
    turn = leasing.show_lease(world.rt, world.actor(KEEPER), waiting.lease)
    assert turn.state == "ACTIVE"
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(first.dsn)
    act(world, "retire")
    assert refusal(lambda: act(world, "void")) == "account.retired"


def test_retiring_wants_the_name_typed_once_more_when_a_page_asks_for_it(world: World) -> None:
    for typed in ("", "TKCL-CJT-KNO", "tkcl cjt dml"):
        with pytest.raises(Invalid) as told:
            act(world, "retire", typed=typed)
        assert told.value.code == "account.retire_not_typed"
    assert shown(world).state == "ACTIVE"
    act(world, "retire", typed=" tkcl-cjt-dml ")
    assert shown(world).state == "RETIRED"


def test_the_list_is_filtered_by_each_part_and_by_all_together(world: World) -> None:
    world.lend(CLERK, ACCOUNT, client=False)
    world.lend(KEEPER, ACCOUNT, number=2, client=False)
    act(world, "lock", name="TKCL-CJT-KNO")
    assert len(found(world)) == account_list.PAGE
    assert {row.kind for row in found(world, kind="TKHCTT")} == {"TKHCTT"}
    assert {row.kind for row in found(world, kind="local")} == {"LOCAL_CL", "LOCAL_HC"}
    assert {row.guest for row in found(world, guest="CJT")} == {"CJT"}
    assert {row.host for row in found(world, host="DML")} == {"DML"}
    assert [row.account for row in found(world, state="LOCKED")] == ["TKCL-CJT-KNO"]
    assert [row.account for row in found(world, state=account_list.WAITED_FOR)] == [ACCOUNT]
    assert [(r.account, r.queue) for r in found(world, holder="Diệp")] == [(ACCOUNT, 1)]
    assert ACCOUNT not in {row.account for row in found(world, state="ACTIVE", guest="CJT")}
    assert found(world, guest="CJT", host="DML", state=IN_USE, kind="TKHCTT") == []
    assert found(world, guest="'; DROP TABLE account; --\x00") == []
    assert found(world, holder="%") == found(world, holder="_") == []


def test_the_gap_of_a_custodian_is_found_across_the_province(world: World) -> None:
    assert found(world, gap=True) == []
    with transaction(world.rt) as session:
        custody.end(world.rt, session, world.actor("cjt.gd"), "CJT", Kind.TKCL, "Nghỉ việc")
    gaps = found(world, gap=True)
    assert {(row.guest, row.kind, row.state, row.gap) for row in gaps} == {("CJT", "TKCL", "SUSPENDED", True)}
    assert len(gaps) == 8
    act(world, "retire", name="TKCL-CJT-KNO")
    assert len(found(world, gap=True)) == 7, "what is retired needs nobody"


def test_the_list_is_ordered_as_asked_and_pages_follow_without_a_gap(world: World) -> None:
    act(world, "lock", name="TKHCTT-TDC-VPT")
    world.lend(CLERK, ACCOUNT, client=False)
    assert found(world, sort="state")[0].account == "TKHCTT-TDC-VPT"
    assert found(world, sort="since")[0].account == ACCOUNT
    assert found(world, sort="host")[0].host == min(world.rt.office_codes())
    pages = [row.account for page in (1, 2, 3) for row in found(world, page=page, sort="host")]
    assert len(pages) == len(set(pages)) == 144
    assert [row.account for row in found(world, page=99, sort="host")] == pages[100:]
    assert found(world, sort="x'; --") == found(world)


def test_an_unknown_account_is_unknown_to_every_page(world: World) -> None:
    for name in ("TKCL-CJT-CJT", "", "x" * 5000, "a\x00b", "'; --"):
        with pytest.raises(NotFound) as raised:
            shown(world, name=name)
        assert raised.value.code == "account.unknown"
