"""One approval for one check-out outside the rule: who gives it, what it is bound to, and that it is used once (A4)."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Conflict, Invalid, NotFound, Refused
from accessctl.services import approval_list, approvals, checkout, leasing
from accessctl.services.approval_list import ApprovalView
from accessctl.services.control import transaction
from tests.common.custodians import end
from tests.common.rules import ask, decide, set_rule
from tests.common.world import World

KEEPER = "cjt.the2"  # the custodian of TKCL at Cư Jút
CLERK = "cjt.the1"
DML = "TKCL-CJT-DML"


@pytest.fixture
def ruled(world: World) -> World:
    """A province in which the custodian lends to nobody but himself without being asked."""
    set_rule(world, KEEPER, officers=(KEEPER,))
    return world


def code_of(world: World, who: str, account: str = DML, **more: Any) -> str:
    with pytest.raises(AccessError) as raised:
        world.lend(who, account, **more)
    return raised.value.code


def view_of(world: World, reader: str, approval: int) -> ApprovalView:
    with transaction(world.rt) as session:
        return approval_list.show(world.rt, session, world.actor(reader), str(approval))


def signed_in(world: World, who: str, *, minutes_ago: float = 1) -> None:
    """The officer was at a screen some minutes ago."""
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO web_session (token_hash, officer_id, created_at, seen_at)"
            " SELECT sha256(%s::bytea), id, %s, %s FROM officer WHERE username = %s",
            (f"{who}{minutes_ago}".encode(), world.now(), world.now() - timedelta(minutes=minutes_ago), who),
        )


def test_A4_asked_given_and_used_with_a_record_each(ruled: World):
    assert code_of(ruled, CLERK) == "rule.officer"
    approval = ask(ruled, CLERK)
    assert code_of(ruled, CLERK) == "rule.officer"  # asked is not given
    decide(ruled, KEEPER, approval)
    lease = ruled.lend(CLERK, DML)
    assert lease.state == "ACTIVE"
    shown = view_of(ruled, CLERK, approval)
    assert (shown.state, shown.lease, shown.stood_in) == ("USED", lease.lease, None)
    (asked,), (given,), (used,) = (ruled.records(f"approval.{what}") for what in ("asked", "given", "used"))
    assert (asked["actor"], asked["account"], asked["dossier"]) == (CLERK, DML, "CJT-2018-000001/CLT")
    assert (given["actor"], given["details"]["officer"]) == (KEEPER, CLERK)
    assert (used["actor"], used["lease"], used["details"]["approval"]) == (CLERK, lease.lease, approval)


def test_A4_one_approval_cannot_open_two_leases(ruled: World):
    decide(ruled, KEEPER, ask(ruled, CLERK))
    lease = ruled.lend(CLERK, DML)
    leasing.close_lease(ruled.rt, ruled.actor(CLERK), lease.lease)
    assert code_of(ruled, CLERK) == "rule.officer"
    assert len(ruled.records("approval.used")) == 1


def test_A4_one_approval_opens_one_lease_even_from_two_processes_at_one_instant(ruled: World):
    decide(ruled, KEEPER, ask(ruled, CLERK))
    gate, outcome = threading.Barrier(2), []

    def borrow() -> None:
        rt = ruled.runtime()
        try:
            actor, request = ruled.actor(CLERK), ruled.request(DML, client=True)
            gate.wait(10)
            outcome.append(leasing.open_lease(rt, actor, request).state)
        except AccessError as error:
            outcome.append(error.code)
        finally:
            rt.close()

    threads = [threading.Thread(target=borrow) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, outcome))[0] == "ACTIVE"
    assert sorted(map(str, outcome))[1] in ("lease.already_open", "rule.officer")
    assert len(ruled.records("approval.used")) == 1


def test_A4_two_transactions_that_both_read_the_approval_use_it_once(ruled: World):
    """The account's lock aside: the row itself is taken by one transaction only."""
    approval = ask(ruled, CLERK)
    decide(ruled, KEEPER, approval)
    first = ruled.lend(KEEPER, "TKCL-CJT-KNO", number=8)
    second = ruled.lend("cjt.thu1", "TKHCTT-CJT-KNO", number=9)
    one, two = ruled.rt.sessions(), ruled.rt.sessions()
    actor, outcome = ruled.actor(CLERK), []
    with one, two:
        leases = [s.get_one(checkout.Lease, id_) for s, id_ in ((one, first.lease), (two, second.lease))]
        approvals.lent(ruled.rt, one, actor, leases[0], approval)

        def late() -> None:
            try:
                approvals.lent(ruled.rt, two, actor, leases[1], approval)
                two.commit()
                outcome.append("used")
            except AccessError as error:
                two.rollback()
                outcome.append(error.code)

        waiting = threading.Thread(target=late)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        one.commit()
        waiting.join(10)
    assert outcome == ["approval.decided"]


def test_A4_it_is_bound_to_officer_account_and_dossier(ruled: World):
    set_rule(ruled, KEEPER, seen=1, officers=(KEEPER,), per_day="1")
    decide(ruled, KEEPER, ask(ruled, CLERK))
    assert code_of(ruled, CLERK, number=2) == "rule.officer"
    assert code_of(ruled, CLERK, "TKCL-CJT-KNO") == "rule.officer"
    leasing.close_lease(ruled.rt, ruled.actor(KEEPER), ruled.lend(KEEPER, DML, number=7).lease)
    assert code_of(ruled, KEEPER) == "rule.per_day"  # another officer, the very same account and dossier
    assert ruled.records("approval.used") == []
    assert ruled.lend(CLERK, DML).state == "ACTIVE"


def test_A4_it_holds_in_its_window_and_not_before_or_after(ruled: World):
    decide(ruled, KEEPER, ask(ruled, CLERK, opens=30, minutes=60))
    assert code_of(ruled, CLERK) == "rule.officer"
    with ruled.admin_control() as admin:
        admin.execute("UPDATE approval SET opens = now() - interval '2 h', closes = now() - interval '1 s'")
    assert code_of(ruled, CLERK) == "rule.officer"
    with ruled.admin_control() as admin:
        admin.execute("UPDATE approval SET closes = now() + interval '1 h'")
    assert ruled.lend(CLERK, DML).state == "ACTIVE"


def test_A4_in_the_queue_it_is_kept_and_used_when_the_turn_comes(ruled: World):
    holder = ruled.lend(KEEPER, DML, number=5)
    assert code_of(ruled, CLERK) == "rule.officer"
    approval = ask(ruled, CLERK)
    decide(ruled, KEEPER, approval)
    waiting = ruled.lend(CLERK, DML)
    assert (waiting.state, view_of(ruled, CLERK, approval).state) == ("QUEUED", "GIVEN")
    leasing.close_lease(ruled.rt, ruled.actor(KEEPER), holder.lease)
    turn = leasing.show_lease(ruled.rt, ruled.actor(CLERK), waiting.lease)
    assert (turn.state, view_of(ruled, CLERK, approval).lease) == ("ACTIVE", waiting.lease)


def test_A4_declined_opens_nothing_and_says_why(ruled: World):
    approval = ask(ruled, CLERK)
    decide(ruled, KEEPER, approval, give=False, note="Chuyển cho ông Minh")
    assert code_of(ruled, CLERK) == "rule.officer"
    assert view_of(ruled, CLERK, approval).note == "Chuyển cho ông Minh"
    (record,) = ruled.records("approval.given.failed")
    assert record["reason"] == "Chuyển cho ông Minh"


def test_A4_decided_is_decided(ruled: World):
    approval = ask(ruled, CLERK)
    decide(ruled, KEEPER, approval)
    with pytest.raises(Conflict) as raised:
        decide(ruled, KEEPER, approval, give=False)
    assert raised.value.code == "approval.decided"
    assert ruled.lend(CLERK, DML).state == "ACTIVE"
    with pytest.raises(Conflict):
        decide(ruled, KEEPER, approval)


def test_A4_asking_twice_gives_the_same_question(ruled: World):
    assert ask(ruled, CLERK) == ask(ruled, CLERK)
    assert len(ruled.records("approval.asked")) == 1
    assert ask(ruled, CLERK, number=2) != ask(ruled, CLERK)


def test_A4_a_question_whose_window_has_passed_can_be_asked_anew_and_not_be_given(ruled: World):
    old = ask(ruled, CLERK, minutes=60)
    with ruled.admin_control() as admin:
        admin.execute("UPDATE approval SET opens = now() - interval '2 h', closes = now() - interval '1 h'")
    assert view_of(ruled, KEEPER, old).state == "LAPSED"
    with pytest.raises(Conflict) as raised:
        decide(ruled, KEEPER, old)
    assert raised.value.code == "approval.lapsed"
    assert ask(ruled, CLERK) != old


def test_A4_the_head_decides_for_an_absent_custodian_and_not_for_one_at_work(ruled: World):
    approval = ask(ruled, CLERK)
    signed_in(ruled, KEEPER, minutes_ago=2)
    with pytest.raises(Refused) as raised:
        decide(ruled, "cjt.gd", approval)
    assert raised.value.code == "approval.custodian_first"
    with ruled.admin_control() as admin:
        admin.execute("UPDATE web_session SET seen_at = seen_at - interval '15 min'")
    decide(ruled, "cjt.gd", approval)
    assert view_of(ruled, CLERK, approval).stood_in == "absent"
    assert ruled.records("approval.given")[0]["details"]["stood_in"] == "absent"


def test_A4_the_head_decides_when_the_custodian_lets_the_question_lie(ruled: World):
    approval = ask(ruled, CLERK)
    signed_in(ruled, KEEPER, minutes_ago=0)
    with ruled.admin_control() as admin:
        admin.execute("UPDATE approval SET asked_at = asked_at - interval '11 min'")
    decide(ruled, "cjt.gd", approval)
    assert view_of(ruled, CLERK, approval).state == "GIVEN"


def test_A4_the_custodian_who_asks_is_decided_by_the_head_and_never_by_himself(world: World):
    set_rule(world, KEEPER, officers=(CLERK,))
    approval = ask(world, KEEPER)
    signed_in(world, KEEPER)
    with pytest.raises(Refused) as raised:
        decide(world, KEEPER, approval)
    assert raised.value.code in ("approval.self", "policy.denied_by_rule")
    decide(world, "cjt.gd", approval)
    assert view_of(world, "cjt.gd", approval).stood_in == "asker"
    assert world.lend(KEEPER, DML).state == "ACTIVE"


def test_A4_without_a_custodian_nothing_is_lent_whatever_is_approved(ruled: World):
    approval = ask(ruled, CLERK)
    end(ruled, "cjt.gd", "CJT", Kind.TKCL)
    decide(ruled, "cjt.gd", approval)
    assert view_of(ruled, CLERK, approval).stood_in == "no_custodian"
    assert code_of(ruled, CLERK) == "lease.no_custodian"
    assert ruled.records("approval.used") == []


def test_A4_nobody_else_decides(ruled: World):
    approval = ask(ruled, CLERK)
    for stranger in (CLERK, "cjt.tn1", "dml.gd", "dml.the2", "vpt.gd", "vpt.cntt1", "vpt.ktra1", "cjt.thu2"):
        with pytest.raises(Refused):
            decide(ruled, stranger, approval)
    assert view_of(ruled, CLERK, approval).state == "ASKED"
    assert ruled.records("approval.given") == []


def test_A4_the_asker_may_take_it_back_even_when_it_was_given(ruled: World):
    approval = ask(ruled, CLERK)
    decide(ruled, KEEPER, approval)
    with transaction(ruled.rt) as session, pytest.raises(Refused):
        approvals.withdraw(ruled.rt, session, ruled.actor(KEEPER), str(approval))
    with transaction(ruled.rt) as session:
        approvals.withdraw(ruled.rt, session, ruled.actor(CLERK), str(approval))
    assert code_of(ruled, CLERK) == "rule.officer"
    assert ruled.records("approval.asked.failed")[0]["reason"] == "approval.withdrawn"


def test_A4_lists_show_to_each_what_concerns_him(ruled: World):
    first, second = ask(ruled, CLERK), ask(ruled, CLERK, number=2)
    decide(ruled, KEEPER, first)

    def listed(reader: str) -> tuple[list[int], list[int]]:
        with transaction(ruled.rt) as session:
            actor = ruled.actor(reader)
            waiting = approval_list.to_decide(ruled.rt, session, actor)
            history = approval_list.decided(ruled.rt, session, actor)
        return [v.id for v in waiting], [v.id for v in history]

    assert listed(KEEPER) == ([second], [first])
    assert listed("cjt.gd") == ([second], [first])
    assert listed(CLERK) == ([], [second, first])
    for stranger in ("dml.gd", "dml.the2", "cjt.thu2", "vpt.gd"):
        assert listed(stranger) == ([], [])
    with pytest.raises(Refused):
        view_of(ruled, "dml.the2", first)
    assert view_of(ruled, "vpt.ktra1", first).state == "GIVEN"
    with pytest.raises(NotFound):
        view_of(ruled, CLERK, 999_999)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"account": "TKCL-CJT-XXX"}, "policy.unknown_word"),
        ({"account": "nonsense"}, "account.unknown"),
        ({"account": "TKCL-DML-CJT"}, "lease.other_office_account"),
        ({"account": "LOCAL_CL-CJT-01"}, "approval.not_needed"),
        ({"dossier": ""}, "lease.dossier_missing"),
        ({"dossier": "x"}, "lease.dossier_malformed"),
        ({"dossier": "DML-2018-000001/CLT"}, "lease.dossier_other_office"),
        ({"minutes": 0}, "approval.bad_window"),
        ({"minutes": 721}, "approval.bad_window"),
        ({"opens": -120, "minutes": 60}, "approval.bad_window"),
        ({"opens": 60 * 24 * 15}, "approval.bad_window"),
        ({"reason": " "}, "lease.reason_missing"),
        ({"reason": "x" * 5000}, "input.too_long"),
    ],
)
def test_A4_a_question_that_makes_no_sense_is_not_asked(ruled: World, words: dict[str, Any], code: str):
    with pytest.raises((Refused, Invalid, NotFound)) as raised:
        ask(ruled, CLERK, **words)
    assert raised.value.code in (code, "policy.no_rule", "policy.denied_by_rule")
    assert ruled.records("approval.asked") == []


def test_A4_no_approval_is_needed_where_no_rule_restricts(world: World):
    with pytest.raises(Refused) as raised:
        ask(world, CLERK)
    assert raised.value.code == "approval.not_needed"


def test_A4_a_custodian_who_takes_an_account_himself_is_told_to_the_head_and_a_clerk_is_not(world: World):
    world.lend(CLERK, "TKCL-CJT-KNO", number=2)
    assert world.records("custodian.borrowed") == []
    lease = world.lend(KEEPER, DML)
    (record,) = world.records("custodian.borrowed")
    assert (record["actor"], record["lease"], record["guest"]) == (KEEPER, lease.lease, "CJT")
