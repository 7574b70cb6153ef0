"""Who is told of what: a notice exists exactly when the act happened, for those concerned and nobody else."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import event

from accessctl.domain.accounts import Kind
from accessctl.domain.notices import NoticeKind
from accessctl.errors import AccessError, Invalid, NotFound, Refused
from accessctl.services import (
    accounts,
    approvals,
    closing,
    contact_list,
    contact_readers,
    contact_receipts,
    custody,
    findings,
    leasing,
    moves,
    notices,
    resets,
    roles,
    standing_rules,
    substitution,
    sweeping,
)
from accessctl.services.approvals import Ask
from accessctl.services.control import transaction
from accessctl.services.custody import Appointment
from accessctl.services.moves import Transfer
from accessctl.services.notices import Filter, Found
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
CUSTODIAN, CLERK, HEAD, IT, OTHER_IT = "cjt.the2", "cjt.the1", "cjt.gd", "vpt.cntt1", "vpt.cntt2"
HEADS = {f"{code}.gd" for code in ("gng", "dgl", "dml", "kno", "dsg", "drl", "tdc")} | {
    "vpt.tpthu",
    "vpt.tpcst",
}


@pytest.fixture(autouse=True)
def unread_so_far(world: World) -> None:
    """What the founding of the province told is none of these tests' business."""
    with world.admin_control() as admin:
        admin.execute("UPDATE notice SET read_at = now()")


def told(world: World) -> set[tuple[str, str]]:
    """(user name, kind) of every notice that nobody has read."""
    with world.admin_control() as admin:
        rows = admin.execute(
            "SELECT o.username, n.kind, n.about::text FROM notice n JOIN officer o ON o.id = n.officer_id"
            " WHERE n.read_at IS NULL"
        ).fetchall()
    assert len(rows) == len(set(rows)), "somebody was told the same twice"
    return {(row[0], row[1]) for row in rows}


def told_of(world: World, *kinds: str) -> set[tuple[str, str]]:
    return {(who, kind) for who, kind in told(world) if kind in kinds}


def mine(world: World, username: str, **narrowed: object) -> Found:
    with transaction(world.rt) as session:
        return notices.mine(world.rt, session, world.actor(username), Filter(**narrowed), "vi")  # type: ignore[arg-type]


# --- the use of accounts --------------------------------------------------------------------------


def test_CU3_a_check_out_is_told_to_the_custodian_of_its_kind_and_to_nobody_else(world: World) -> None:
    world.lend(CLERK, ACCOUNT)
    assert told(world) == {(CUSTODIAN, "checkout")}
    (row,) = mine(world, CUSTODIAN, unread=True).rows
    assert row.title == "Lê Thị Ngọc Diệp nhận sử dụng TKCL · Cư Jút → Đắk Mil"
    assert "CJT-2018-000001/CLT" in row.text
    world.lend("cjt.thu1", "TKHCTT-CJT-KNO", n=2, number=2)
    assert told(world) == {(CUSTODIAN, "checkout"), ("cjt.thu2", "checkout")}


def test_A4_a_custodian_who_takes_an_account_himself_is_told_to_the_head_instead(world: World) -> None:
    world.lend(CUSTODIAN, ACCOUNT)
    assert told(world) == {(HEAD, "custodian_borrowed")}


def test_A2_at_the_province_the_head_of_the_kind_s_own_department_hears_of_a_custodian_s_loan(
    world: World,
) -> None:
    with world.admin_control() as admin:
        row = admin.execute(
            "SELECT o.username FROM custody c JOIN officer o ON o.id = c.officer_id"
            " WHERE c.office_code = 'VPT' AND c.kind = 'TKCL'"
        ).fetchone()
    assert row is not None
    world.lend(row[0], "TKCL-VPT-DML")
    assert told(world) == {("vpt.tpcst", "custodian_borrowed")}


def test_a_local_account_is_told_to_nobody(world: World) -> None:
    world.lend(CLERK, "LOCAL_CL-CJT-01")
    assert told(world) == set()


def test_a_loan_that_was_not_handed_over_is_told_to_nobody(world: World) -> None:
    def stop(step: str) -> None:
        if step == "opening.lent":
            raise Refused("lease.over")

    world.rt.step = stop
    with pytest.raises(AccessError):
        world.lend(CLERK, ACCOUNT)
    assert told(world) == set()


def test_a_check_out_costs_no_statement_more_than_before_there_were_notices(world: World) -> None:
    said: list[str] = []
    world.lend(CLERK, "TKCL-CJT-KNO", number=9)
    leasing.close_lease(
        world.rt, world.actor(CLERK), leasing.current_lease(world.rt, world.actor(CLERK)).lease
    )  # type: ignore[union-attr]
    actor = world.actor(CLERK)

    def hear(connection: object, cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(world.rt.engine, "before_cursor_execute", hear)
    leasing.open_lease(world.rt, actor, world.request(ACCOUNT, client=True))
    event.remove(world.rt.engine, "before_cursor_execute", hear)
    writing = [statement for statement in said if "notice" in statement]
    assert len(writing) == 1
    assert "UPDATE lease SET state = 'ACTIVE'" in writing[0]  # the hand-over's own statement


def test_S27_whoever_waits_is_told_of_the_turn_and_of_a_turn_that_is_lost(world: World) -> None:
    first = world.lend(CLERK, ACCOUNT)
    world.lend(CUSTODIAN, ACCOUNT, number=2)
    assert told_of(world, "queue_turn") == set()
    leasing.close_lease(world.rt, world.actor(CLERK), first.lease)
    sweeping.take_turns(world.rt)
    assert told_of(world, "queue_turn", "custodian_borrowed") == {
        (CUSTODIAN, "queue_turn"),
        (HEAD, "custodian_borrowed"),
    }
    second = world.lend(CLERK, ACCOUNT, number=3)
    leasing.revoke_lease(world.rt, world.actor(HEAD), second.lease, "Ưu tiên người khác")
    assert told_of(world, "queue_ended") == {(CLERK, "queue_ended")}


def test_a_revoked_lease_is_told_to_its_holder_by_whom_and_a_returned_one_is_not(world: World) -> None:
    lease = world.lend(CLERK, ACCOUNT)
    leasing.close_lease(world.rt, world.actor(CLERK), lease.lease)
    assert told_of(world, "lease_revoked") == set()
    lease = world.lend(CLERK, ACCOUNT, number=2)
    leasing.revoke_lease(world.rt, world.actor(CUSTODIAN), lease.lease, "Bà Nguyễn Thị Bí Mật đến kiểm tra")
    assert told_of(world, "lease_revoked") == {(CLERK, "lease_revoked")}
    (row,) = mine(world, CLERK, unread=True).rows
    assert "bởi Trần Đức Minh" in row.text
    assert "Bí Mật" not in row.text + str(dict(row.about))  # what a person typed stays behind the page


def test_A4_an_approval_is_asked_of_the_custodian_and_answered_to_whoever_asked(world: World) -> None:
    with transaction(world.rt) as session:
        wanted = standing_rules.Change(0, (CUSTODIAN,), (1, 2, 3, 4, 5, 6, 7), (), "", "x")
        standing_rules.change(world.rt, session, world.actor(CUSTODIAN), "CJT", Kind.TKCL, wanted)
    for number, give in ((1, True), (2, False)):
        with transaction(world.rt) as session:
            ask = Ask(
                ACCOUNT,
                f"CJT-2018-00000{number}/CLT",
                world.now(),
                world.now() + timedelta(hours=1),
                "Cần gấp",
            )
            asked = approvals.ask(world.rt, session, world.actor(CLERK), ask)
        assert (CUSTODIAN, "approval_asked") in told(world)
        with world.admin_control() as admin:
            admin.execute("UPDATE notice SET read_at = now()")
        with transaction(world.rt) as session:
            actor = world.actor(CUSTODIAN)
            approvals.decide(world.rt, session, actor, str(asked), give=give, note="Không cần thiết")
        assert told(world) == {(CLERK, "approval_given" if give else "approval_declined")}
        with world.admin_control() as admin:
            admin.execute("UPDATE notice SET read_at = now()")


# --- accounts and findings ------------------------------------------------------------------------


def test_S32_locks_and_unlocks_are_told_to_custodian_head_and_it_but_not_to_who_did_it(world: World) -> None:
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor(IT), ACCOUNT, "Nghi lộ mật khẩu")
    assert told(world) == {(who, "account_locked") for who in (CUSTODIAN, HEAD, OTHER_IT)}
    with transaction(world.rt) as session:
        accounts.ask_unlock(world.rt, session, world.actor(CUSTODIAN), ACCOUNT, "Đã kiểm tra")
    assert told_of(world, "unlock_asked") == {(IT, "unlock_asked"), (OTHER_IT, "unlock_asked")}
    with transaction(world.rt) as session:
        accounts.unlock(world.rt, session, world.actor(IT), ACCOUNT, "Đã xử lý")
    assert told_of(world, "account_unlocked") == {
        (who, "account_unlocked") for who in (CUSTODIAN, HEAD, OTHER_IT)
    }


def test_S32_rotating_and_retiring_are_told_like_locking_and_the_holder_hears_of_the_loan(
    world: World,
) -> None:
    leasing.open_lease(world.rt, world.actor(CLERK), world.request(ACCOUNT))
    with world.admin_control() as admin:
        admin.execute("UPDATE notice SET read_at = now()")
    with transaction(world.rt) as session:
        ending = accounts.void(world.rt, session, world.actor(IT), ACCOUNT, "Định kỳ")
    closing.finish_all(world.rt, ending)
    answering = {(who, "account_rotated") for who in (CUSTODIAN, HEAD, OTHER_IT)}
    assert told(world) == answering | {(CLERK, "lease_revoked")}
    with world.admin_control() as admin:
        admin.execute("UPDATE notice SET read_at = now()")
    with transaction(world.rt) as session:
        accounts.retire(world.rt, session, world.actor(IT), ACCOUNT, "Sắp xếp đơn vị")
    assert told(world) == {(who, "account_retired") for who in (CUSTODIAN, HEAD, OTHER_IT)}


@pytest.mark.parametrize(
    ("severity", "office", "readers"),
    [
        (1, "CJT", {CUSTODIAN, "cjt.thu2", HEAD, IT, OTHER_IT, "vpt.gd"}),
        (2, "CJT", {CUSTODIAN, "cjt.thu2", HEAD, IT, OTHER_IT}),
        (3, "CJT", {CUSTODIAN, "cjt.thu2", HEAD}),
        (3, None, {IT, OTHER_IT}),
        (1, None, {IT, OTHER_IT, "vpt.gd"}),
    ],
)
def test_a_finding_is_told_by_severity_once_and_the_same_seen_again_is_not(
    world: World, severity: int, office: str | None, readers: set[str]
) -> None:
    for _ in range(3):
        with transaction(world.rt) as session:
            findings.raise_finding(
                world.rt, session, findings.Kind.SELF_CHANGE, key="x", severity=severity, office=office
            )
    kind = "finding_severe" if severity == 1 else "finding"
    assert told(world) == {(who, kind) for who in readers}


def test_a_finding_about_one_account_is_told_to_the_custodian_of_its_kind_only(world: World) -> None:
    with transaction(world.rt) as session:
        account = accounts.ledger.lock_account(session, ACCOUNT)
        findings.raise_finding(
            world.rt, session, findings.Kind.QUARANTINED, key="x", severity=1, account=account
        )
    expected = {CUSTODIAN, HEAD, IT, OTHER_IT, "vpt.gd"}
    assert told(world) == {(who, "account_quarantined") for who in expected}
    (row,) = mine(world, HEAD).rows[:1]
    assert "Đắk Mil" in row.text


# --- custody, people ------------------------------------------------------------------------------


def test_S09_appointment_acknowledgement_substitution_and_end_are_told_to_the_persons_concerned(
    world: World,
) -> None:
    head, custodian = world.actor(HEAD), world.actor(CUSTODIAN)
    with transaction(world.rt) as session:
        wanted = substitution.Wanted(
            "CJT", Kind.TKCL, CLERK, world.now(), world.now() + timedelta(days=2), "Nghỉ phép"
        )
        asked = substitution.propose(world.rt, session, custodian, wanted)
    assert told(world) == {(HEAD, "substitution_asked")}
    with transaction(world.rt) as session:
        substitution.decide(world.rt, session, head, str(asked.id), give=True, words="12/QĐ-BHXH")
    assert told_of(world, "substituted") == {(CLERK, "substituted"), (CUSTODIAN, "substituted")}
    world.lend("cjt.the1", "TKCL-CJT-KNO")  # during it the substitute is the custodian: his own loan
    assert (HEAD, "custodian_borrowed") in told(world)
    with transaction(world.rt) as session:
        substitution.end_early(world.rt, session, head, str(asked.id), reason="Đã về")
    assert told_of(world, "substitution_over") == {
        (CLERK, "substitution_over"),
        (CUSTODIAN, "substitution_over"),
    }
    with transaction(world.rt) as session:
        custody.end(world.rt, session, head, "CJT", Kind.TKCL, "Chuyển công tác")
        wanted_one = Appointment("CJT", Kind.TKCL, CLERK, "13/QĐ-BHXH", world.now())
        custody.appoint(world.rt, session, head, wanted_one)
    assert (CUSTODIAN, "custody_ended") in told(world)
    assert told_of(world, "appointed") == {(CLERK, "appointed")}
    with transaction(world.rt) as session:
        custody.acknowledge(world.rt, session, world.actor(CLERK), "CJT", Kind.TKCL)
    assert told_of(world, "acknowledged") == {(HEAD, "acknowledged")}


def test_R34_a_published_contact_list_is_told_to_every_other_head_and_who_reads_for_a_department(
    world: World,
) -> None:
    with transaction(world.rt) as session:
        contact_readers.name(world.rt, session, world.actor("vpt.tpcst"), "VP", "vpt.tt1", seen=0)
        lists = contact_receipts.published(world.rt, session, world.actor(HEAD))
        seen = next(each.version for each in lists if each.office == "CJT")
        contact_list.publish(world.rt, session, world.actor(HEAD), "CJT", seen=seen)
    assert told(world) == {(who, "contacts_published") for who in {*HEADS, "vpt.tt1"}}
    with transaction(world.rt) as session:
        assert notices.choose(world.rt, session, world.actor("vpt.tt1"), {"contacts_published": "page"}) == 1
        assert notices.choose(world.rt, session, world.actor(CLERK), {"contacts_published": "page"}) == 0


def test_a_role_is_told_to_whose_word_it_lacks_then_to_its_officer(world: World) -> None:
    with transaction(world.rt) as session:
        choices = roles.choices(session, resets.officer_named(session, CLERK))
        wanted = roles.Wanted(CLERK, choices[0], "Theo đề nghị")
        roles.propose(world.rt, session, world.actor(HEAD), wanted)
    assert told_of(world, "role_waits") == {(IT, "role_waits"), (OTHER_IT, "role_waits")}
    with transaction(world.rt) as session:
        roles.enter(world.rt, session, world.actor(IT), wanted)
    assert told_of(world, "role_granted") == {(CLERK, "role_granted")}


def test_S11_a_transfer_and_all_that_ends_with_it_is_told_to_the_officer(world: World) -> None:
    world.lend(CLERK, ACCOUNT)
    actor = world.actor(CLERK)
    with transaction(world.rt) as session:
        wanted = Transfer(CLERK, "DSG", "CST", "Cán bộ Cấp sổ, thẻ", "45/QĐ-BHXH", actor.version)
        moves.transfer(world.rt, session, world.actor("vpt.cntt1"), wanted)
    kinds = {kind for who, kind in told(world) if who == CLERK}
    assert kinds == {"transferred", "role_ended", "lease_revoked"}


def test_a_reset_is_told_to_the_officer_and_the_head_whatever_they_chose(world: World) -> None:
    with transaction(world.rt) as session:
        link = resets.issue(world.rt, session, world.actor(IT), CLERK, "password", "Quên mật khẩu")
    assert told(world) == {(CLERK, "reset_issued"), (HEAD, "reset_issued")}
    with world.admin_control() as admin:
        rows = admin.execute("SELECT about::text FROM notice").fetchall()
    assert not any(link.token in row[0] for row in rows)


# --- reading --------------------------------------------------------------------------------------


def test_an_act_that_is_rolled_back_was_told_to_nobody(world: World) -> None:
    it = world.actor(IT)
    with world.rt.sessions() as session:
        accounts.lock(world.rt, session, it, ACCOUNT, "x")
        session.rollback()
    assert told(world) == set()


def test_one_reads_one_s_own_only_unread_first_and_marks_what_was_there(world: World) -> None:
    me = world.actor(CLERK)
    with transaction(world.rt) as session:
        for number in range(35):
            notices.notify(
                world.rt, session, NoticeKind.QUEUE_TURN, to=[me.id],
                about={"account": ACCOUNT, "dossier": str(number)},
            )  # fmt: skip
    found = mine(world, CLERK, page=2)
    assert (found.total, found.unread, found.page, found.pages, len(found.rows)) == (35, 35, 2, 2, 5)
    assert [row.id for row in found.rows] == sorted((row.id for row in found.rows), reverse=True)
    newest, oldest = mine(world, CLERK).rows[0], found.rows[-1]
    with transaction(world.rt) as session:
        notices.read(world.rt, session, me, newest.id, "vi")
        notices.read(world.rt, session, me, newest.id, "vi")
    assert mine(world, CLERK).rows[0].id == newest.id - 1  # what is read stands below
    assert mine(world, CLERK, page=99).rows[-1].id == newest.id
    assert mine(world, CLERK, unread=True).total == 34
    assert mine(world, CLERK, kind="group:findings").total == 0
    assert mine(world, CLERK, kind="group:use").total == mine(world, CLERK, kind="queue_turn").total == 35
    for username in (HEAD, IT, "vpt.gd", "vpt.ktra1"):
        with transaction(world.rt) as session:
            for act in (notices.one, notices.read):
                with pytest.raises(NotFound):
                    act(world.rt, session, world.actor(username), oldest.id, "vi")
    with transaction(world.rt) as session:
        assert notices.read_all(world.rt, session, me, up_to=oldest.id + 2) == 3
        assert notices.read_all(world.rt, session, world.actor(HEAD), up_to=2**80) == 0
        assert notices.unread(world.rt, session, me) == 31


def test_the_bell_looks_into_one_index_and_counts_no_further_than_a_hundred(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO notice (officer_id, kind, at, about, how, read_at)"
            " SELECT o.id, 'checkout', now(), '{}', 'page',"
            " CASE WHEN n > 500 THEN now() END FROM officer o, generate_series(1, 2000) n"
            " WHERE o.username = %s",
            (CUSTODIAN,),
        )
        admin.execute("VACUUM ANALYZE notice")
        plan = admin.execute(
            "EXPLAIN SELECT count(*) FROM (SELECT id FROM notice WHERE officer_id ="
            " (SELECT id FROM officer WHERE username = %s) AND read_at IS NULL LIMIT 100) s",
            (CUSTODIAN,),
        ).fetchall()
        assert "ix_notice_unread" in str(plan)
    with transaction(world.rt) as session:
        assert notices.unread(world.rt, session, world.actor(CUSTODIAN)) == 100


def test_the_database_refuses_a_way_that_there_is_none(world: World) -> None:
    with world.admin_control() as admin, pytest.raises(psycopg.errors.CheckViolation):
        admin.execute("INSERT INTO notice_choice VALUES (1, 'checkout', 'sms', now())")
    with transaction(world.rt) as session, pytest.raises(Invalid):
        notices.choose(world.rt, session, world.actor(CLERK), {"queue_turn": "sms"})
