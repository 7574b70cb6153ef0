"""Leases end to end on real databases: asking, refusing, renewing, ending (S25, S26, S30, S34)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from accessctl.errors import AccessError, Conflict, Invalid, NotFound, Refused
from accessctl.officedb import synthetic
from accessctl.services import desk, hours, leasing
from accessctl.services.control import transaction
from accessctl.services.leasing import LeaseRequest
from tests.common.evidence import alive, collect_rows, custodian_of, host_turn, let_pass, state_of
from tests.common.world import World

ACCOUNT = "TKCL-CJT-DML"
HOLDER = "cjt.the1"


def holder_beside(custodian: str) -> str:
    """A card clerk of Cư Jút who is not the custodian."""
    return next(name for name in ("cjt.the1", "cjt.the2") if name != custodian)


def refusal(world: World, username: str, request: LeaseRequest) -> AccessError:
    """What the service says to this request; it must be a refusal."""
    with pytest.raises(AccessError) as raised:
        leasing.open_lease(world.rt, world.actor(username), request)
    return raised.value


def test_a_borrowed_account_logs_in_acts_and_is_dead_after_its_return(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.state == "ACTIVE"
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        row = client.execute("SELECT outcome FROM bhyt.view_reissue(%s)", (world.request(ACCOUNT).subject,))
        assert row.fetchone() == ("ok",)
        done = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert (done.state, done.end_reason, done.sessions_ended) == ("CLOSED", "returned", 1)
    assert world.roles_with_login() == set()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)


# S25: without a good reason nobody gets an account, and each bad one has its own words and one record


REFUSED = [
    ({"dossier": ""}, "lease.dossier_missing"),
    ({"dossier": "   "}, "lease.dossier_missing"),
    ({"dossier": "hồ sơ của bà Trần Thị Mai"}, "lease.dossier_malformed"),
    ({"dossier": "CJT-2018-000001/CLT'; DROP TABLE lease; --"}, "lease.dossier_malformed"),
    ({"dossier": "GNG-2018-000001/CLT"}, "lease.dossier_other_office"),
    ({"subject": "67990"}, "lease.subject_malformed"),
    ({"subject": "' OR 1=1 --"}, "lease.subject_malformed"),
    ({"subject": "６７９９０００００１"}, "lease.subject_malformed"),  # noqa: RUF001 - full-width digits on purpose
    ({"reason": ""}, "lease.reason_missing"),
    ({"reason": "x" * 10_000}, "input.too_long"),
    ({"fields": ("full_name",)}, "lease.fields_not_wanted"),
    ({"minutes": 16}, "lease.minutes"),
    ({"minutes": 0}, "lease.minutes"),
]


def test_S25_a_request_without_its_good_reason_is_denied_with_its_own_code_and_one_record(
    world: World,
) -> None:
    for words, code in REFUSED:
        assert refusal(world, HOLDER, world.request(ACCOUNT, **words)).code == code, words
    denied = world.records("lease.denied")
    assert [leaf["reason"] for leaf in denied] == [code for _, code in REFUSED]
    assert {(leaf["outcome"], leaf["actor"], leaf["account"], leaf["host"]) for leaf in denied} == {
        ("denied", HOLDER, ACCOUNT, "DML")
    }
    assert "Mai" not in str(denied), "words that are no dossier number may name a person: not in the log"
    assert world.roles_with_login() == set()
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM lease").fetchone() == (0,)


def test_S25_the_reasons_of_the_scenario_are_all_different(world: World) -> None:
    asked = [
        world.request(ACCOUNT, dossier=""),
        world.request(ACCOUNT, dossier="CJT/1"),
        world.request(ACCOUNT, dossier="DML-2018-000001/CLT"),
        world.request(ACCOUNT, subject="12"),
        world.request("TKCL-GNG-DML", dossier="CJT-2018-000001/CLT"),
        world.request("TKHCTT-CJT-DML"),
    ]
    codes = [refusal(world, HOLDER, request).code for request in asked]
    assert len(set(codes)) == len(codes), codes
    assert [leaf["reason"] for leaf in world.records("lease.denied")] == codes


def test_an_account_that_there_is_not_is_refused_and_recorded_in_short(world: World) -> None:
    names = ["TKCL-CJT-ZZZ", "TKCL-CJT-CJT", "", "tkcl_cjt_dml", "Trần Thị Mai", "A" * 10_000]
    for name in names:
        request = LeaseRequest(
            name, "CJT-2018-000001/CLT", synthetic.number("DML", 1), reason="Cấp lại thẻ do mất"
        )
        assert refusal(world, HOLDER, request).status in (403, 404)
    denied = world.records("lease.denied")
    assert len(denied) == len(names)
    assert max(len(str(leaf)) for leaf in denied) < 2000
    assert [leaf.get("account") for leaf in denied if "account" in leaf] == ["TKCL-CJT-ZZZ"]


def test_S25_a_lease_for_one_person_opens_no_other_in_the_database(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, n=1)
    assert lease.dsn is not None
    other = synthetic.number("DML", 4)
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        row = client.execute("SELECT outcome, full_name FROM bhyt.view_reissue(%s)", (other,)).fetchone()
        assert row == ("wrong_subject", None)
        row = client.execute(
            "SELECT outcome FROM bhyt.reissue_card(%s, 'MAT', '67A0000001', 'CJT-2018-000001/CLT:reissue')",
            (other,),
        ).fetchone()
        assert row == ("wrong_subject",)
    collect_rows(world, "DML")
    refused = [leaf for leaf in world.records() if leaf.get("reason") == "act.wrong_subject"]
    assert [leaf["event"] for leaf in refused] == ["reissue.viewed.failed", "card.reissued.failed"]
    assert {(leaf["actor"], leaf["lease"], leaf["outcome"]) for leaf in refused} == {
        (HOLDER, lease.lease, "failed")
    }


def test_S26_the_desk_cannot_correct_a_field_that_the_request_did_not_list(world: World) -> None:
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DML", client=False)
    actor = world.actor("cjt.thu1")
    done = desk.correct_holder(world.rt, actor, lease.lease, {"full_name": "Trần Thị Mai Anh", "sex": "F"})
    assert done.outcome == "field_not_listed"
    done = desk.correct_holder(world.rt, actor, lease.lease, {"full_name": "Trần Thị Mai Anh"})
    assert (done.outcome, done.changed) == ("ok", ("full_name",))
    leaves = [leaf for leaf in world.records() if leaf["event"].startswith("holder.corrected")]
    assert [(leaf["event"], leaf["outcome"], leaf.get("reason")) for leaf in leaves] == [
        ("holder.corrected", "intent", None),
        ("holder.corrected.failed", "failed", "act.field_not_listed"),
        ("holder.corrected", "intent", None),
        ("holder.corrected", "ok", None),
    ]


def test_an_officer_holds_one_lease_at_a_time(world: World) -> None:
    world.lend(HOLDER, ACCOUNT)
    error = refusal(world, HOLDER, world.request("TKCL-CJT-GNG", number=2))
    assert (type(error), error.code) == (Conflict, "lease.already_open")
    assert world.roles_with_login() == {"tkcl_cjt_dml"}


def test_S23_who_corrected_for_a_dossier_does_not_reissue_for_it(world: World) -> None:
    with world.admin_control() as admin:  # an officer of both sections, which the staff file may well say
        admin.execute(
            "INSERT INTO officer_role (officer_id, role, shown_first, granted_at)"
            " SELECT id, 'collection', false, now() FROM officer WHERE username = %s",
            (HOLDER,),
        )
    first = world.lend(HOLDER, "TKHCTT-CJT-DML")
    leasing.close_lease(world.rt, world.actor(HOLDER), first.lease)
    assert refusal(world, HOLDER, world.request(ACCOUNT)).code == "lease.separation"
    assert world.lend(HOLDER, ACCOUNT, number=2).state == "ACTIVE"


def test_the_secret_is_shown_once_and_never_in_ledger_log_or_journal(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    secret = lease.dsn.split(":")[2].split("@")[0]
    assert leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease).dsn is None
    current = leasing.current_lease(world.rt, world.actor(HOLDER))
    assert current is not None
    assert current.dsn is None
    with world.admin_control() as admin:
        tables = admin.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            query = psycopg.sql.SQL("SELECT count(*) FROM {} t WHERE t::text LIKE %s").format(
                psycopg.sql.Identifier(table)
            )
            assert admin.execute(query, (f"%{secret}%",)).fetchone() == (0,), table
    assert all(secret not in str(leaf) for leaf in world.records())


def test_R43_the_log_names_the_participant_by_pseudonym_only(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    subject = world.request(ACCOUNT).subject
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        seen = client.execute("SELECT full_name FROM bhyt.view_reissue(%s)", (subject,)).fetchone()
    collect_rows(world, "DML")
    assert seen is not None
    text = str(world.records())
    assert subject not in text
    assert str(seen[0]) not in text
    assert {leaf["subject"] for leaf in world.records("reissue.viewed")} == {
        leaf["subject"] for leaf in world.records("lease.requested")
    }


# Whose lease it is


def test_nobody_but_the_holder_returns_renews_or_uses_a_lease(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    other = world.actor("cjt.the2")
    for act in (
        lambda: leasing.close_lease(world.rt, other, lease.lease),
        lambda: leasing.renew_lease(world.rt, other, lease.lease),
        lambda: leasing.heartbeat(world.rt, other, lease.lease),
        lambda: desk.view_reissue(world.rt, other, lease.lease),
    ):
        with pytest.raises(Refused) as raised:
            act()
        assert raised.value.code == "lease.not_yours"
    assert desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease).outcome == "ok"


def test_a_lease_that_there_is_not_is_not_found_whatever_the_words(world: World) -> None:
    for words in ("", "x", "00000000-0000-0000-0000-000000000000", "'; --", "1" * 10_000):
        with pytest.raises(NotFound) as raised:
            leasing.close_lease(world.rt, world.actor(HOLDER), words)
        assert raised.value.code == "lease.not_found"


def test_a_lease_is_taken_back_by_who_answers_for_it_and_nobody_else(world: World) -> None:
    custodian, other_kind = custodian_of(world, "CJT", "TKCL"), custodian_of(world, "CJT", "TKHCTT")
    lease = world.lend(holder_beside(custodian), ACCOUNT)
    for username in (other_kind, "gng.gd", "vpt.gd", "cjt.tn1", "vpt.ktra1"):
        with pytest.raises(Refused):
            leasing.revoke_lease(world.rt, world.actor(username), lease.lease, "Nghi ngờ lạm dụng")
    assert world.roles_with_login() == {"tkcl_cjt_dml"}
    assert not world.records("lease.closing")
    for number, username in enumerate((custodian, "cjt.gd", "vpt.cntt1"), start=2):
        assert lease.dsn is not None
        with psycopg.connect(lease.dsn, autocommit=True) as client:
            done = leasing.revoke_lease(world.rt, world.actor(username), lease.lease, "Nghi ngờ lạm dụng")
            assert (done.state, done.end_reason, done.sessions_ended) == ("CLOSED", "revoked", 1)
            assert not alive(client)
        closing = world.records("lease.closing")[-1]
        assert (closing["actor"], closing["details"]["note"]) == (username, "Nghi ngờ lạm dụng")
        lease = world.lend(holder_beside(custodian), ACCOUNT, number=number)


def test_taking_a_lease_back_needs_a_reason(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    with pytest.raises(Refused) as raised:
        leasing.revoke_lease(world.rt, world.actor("cjt.gd"), lease.lease, "  ")
    assert raised.value.code == "lease.reason_missing"
    assert world.roles_with_login() == {"tkcl_cjt_dml"}


def test_returning_twice_says_how_it_ended_and_writes_once(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    first = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    again = leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (again.state, again.end_reason) == (first.state, first.end_reason) == ("CLOSED", "returned")
    assert len(world.records("lease.closed")) == 1


# S30: the fifteen minutes, the one renewal, the limit


def test_S30_one_renewal_is_given_before_the_end_and_the_second_is_refused(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.expires_at is not None
    assert lease.opened_at is not None
    assert lease.expires_at - lease.opened_at == timedelta(minutes=15)
    let_pass(world, lease, timedelta(minutes=14))
    renewed = leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert renewed.expires_at is not None
    assert renewed.opened_at is not None
    assert timedelta(minutes=29) <= renewed.expires_at - renewed.opened_at < timedelta(minutes=30)
    assert renewed.renewals_left == 0
    let_pass(world, lease, timedelta(minutes=5))
    with pytest.raises(Refused) as raised:
        leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert raised.value.code == "lease.not_renewable.already_renewed"
    assert len(world.records("lease.renewed")) == 1


def test_S30_the_host_itself_moves_the_end_of_lease_and_password_with_the_renewal(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    let_pass(world, lease, timedelta(minutes=10))
    leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    with world.admin_office("DML") as admin:
        row = admin.execute(
            "SELECT l.expires_at - clock_timestamp(), r.rolvaliduntil = l.expires_at"
            " FROM access.lease l JOIN pg_roles r ON r.rolname = l.account WHERE l.lease_id = %s",
            (lease.lease,),
        ).fetchone()
    assert row is not None
    assert timedelta(minutes=14) < row[0] <= timedelta(minutes=15)
    assert row[1]


def test_S30_a_lease_that_is_over_is_not_renewed(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT, minutes=1)
    let_pass(world, lease, timedelta(minutes=1))
    with pytest.raises(Refused) as raised:
        leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert raised.value.code == "lease.not_renewable.over"


def test_S30_a_renewal_that_the_host_did_not_give_is_not_in_the_ledger_either(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    with world.admin_office("DML") as admin:  # over by the host's clock, and the host decides
        admin.execute("UPDATE access.lease SET expires_at = opened_at + interval '1 ms'")
    world.shift = timedelta(seconds=1)
    with pytest.raises(AccessError) as raised:
        leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert raised.value.code == "officedb.lease_over"
    world.shift = timedelta()
    shown = leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (shown.expires_at, shown.renewals_left) == (lease.expires_at, 1)
    (failed,) = world.records("lease.renewed.failed")
    assert failed["reason"] == "officedb.lease_over"


def test_S30_at_the_limit_sessions_end_and_uncommitted_work_is_rolled_back(world: World) -> None:
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    let_pass(world, lease, timedelta(minutes=14))
    leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    with psycopg.connect(lease.dsn) as client:
        row = client.execute(
            "SELECT outcome FROM bhyt.reissue_card(%s, 'MAT', '67A0000001', %s)",
            (world.request(ACCOUNT).subject, "CJT-2018-000001/CLT:reissue"),
        ).fetchone()
        assert row == ("ok",)
        let_pass(world, lease, timedelta(minutes=15))
        host_turn(world, "DML")
        assert not alive(client)
    shown = leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert (shown.state, shown.end_reason, shown.sessions_ended) == ("CLOSED", "expired", 1)
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM bhyt.reissue").fetchone() == (0,)
    assert world.roles_with_login() == set()
    (closed,) = world.records("lease.closed")
    assert closed["details"]["end_reason"] == "expired"


def opened_for(world: World, minutes: int) -> None:
    """Cư Jút keeps its ordinary hours of no day at all, but its head has opened the coming minutes."""
    with world.admin_control() as admin:
        admin.execute("""UPDATE office SET hours = '{"always": false, "spans": []}' WHERE code = 'CJT'""")
    now = world.now()
    with transaction(world.rt) as session:
        hours.open_window(
            world.rt, session, world.actor("cjt.gd"), office="CJT", opens=now - timedelta(minutes=1),
            closes=now + timedelta(minutes=minutes), reason="Phục vụ người tham gia ngoài giờ",
        )  # fmt: skip


def test_S30_neither_lease_nor_renewal_goes_past_closing_time(world: World) -> None:
    opened_for(world, 20)
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.limit_at is not None
    assert lease.limit_at - world.now() < timedelta(minutes=20)
    let_pass(world, lease, timedelta(minutes=14))
    renewed = leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert renewed.expires_at == renewed.limit_at
    with world.admin_office("DML") as admin:
        row = admin.execute("SELECT expires_at - opened_at FROM access.lease").fetchone()
    assert row is not None
    assert row[0] < timedelta(minutes=20)


def test_S30_a_lease_shortly_before_closing_time_is_short_and_gains_nothing_by_renewal(world: World) -> None:
    opened_for(world, 5)
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.expires_at == lease.limit_at
    assert lease.expires_at is not None
    assert lease.expires_at - world.now() < timedelta(minutes=5)
    with pytest.raises(Refused) as raised:
        leasing.renew_lease(world.rt, world.actor(HOLDER), lease.lease)
    assert raised.value.code == "lease.not_renewable.nothing_to_gain"


def test_S34_outside_hours_nothing_is_lent_unless_the_unit_head_opened_a_window(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute("""UPDATE office SET hours = '{"always": false, "spans": []}' WHERE code = 'CJT'""")
    error = refusal(world, HOLDER, world.request(ACCOUNT))
    assert error.code in ("lease.outside_hours", "lease.holiday")
    assert world.records("lease.denied")[0]["reason"] == error.code
    opened_for(world, 30)
    assert world.lend(HOLDER, ACCOUNT).state == "ACTIVE"
    assert world.records("hours.window")[0]["actor"] == "cjt.gd"


def test_S34_a_window_is_opened_by_the_own_head_for_the_future_and_not_for_ever(world: World) -> None:
    now = world.now()
    ask = {"opens": now, "closes": now + timedelta(hours=1), "reason": "Ngoài giờ"}
    for username, words, kind in (
        ("gng.gd", ask, Refused),
        (HOLDER, ask, Refused),
        ("cjt.gd", ask | {"closes": now + timedelta(hours=13)}, Invalid),
        ("cjt.gd", ask | {"opens": now - timedelta(hours=2), "closes": now - timedelta(hours=1)}, Invalid),
    ):
        with pytest.raises(kind), transaction(world.rt) as session:
            hours.open_window(world.rt, session, world.actor(username), office="CJT", **words)


def test_R4_nothing_is_lent_before_the_scheme_is_in_force(world: World) -> None:
    with world.admin_control() as admin:
        admin.execute("UPDATE province SET effective_from = '2999-01-01'")
    assert refusal(world, HOLDER, world.request(ACCOUNT)).code == "lease.not_in_force"


def test_only_an_active_account_is_lent(world: World) -> None:
    for state in ("PROVISIONED", "SUSPENDED", "LOCKED", "RETIRED", "QUARANTINED"):
        with world.admin_control() as admin:
            admin.execute("UPDATE account SET state = %s WHERE name = %s", (state, ACCOUNT))
        assert refusal(world, HOLDER, world.request(ACCOUNT)).code == f"account.{state.lower()}"
        assert state_of(world, ACCOUNT) == state


def test_an_account_of_the_own_pool_needs_no_custodian_and_is_no_cross_office_event(world: World) -> None:
    lease = world.lend(HOLDER, "LOCAL_CL-CJT-01", client=False)
    assert (lease.guest, lease.host) == ("CJT", "CJT")
    assert desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease).outcome == "ok"
