"""The accounts as roles: made once, NOLOGIN, closed to everything but their host; foreign roles left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from accessctl.domain.accounts import AccountName, Kind, shared_accounts
from accessctl.errors import Conflict, Unavailable
from accessctl.officedb.accounts import ensure_accounts, logins_enabled, managed_roles
from accessctl.officedb.install import install
from tests.officedb.conftest import OFFICES, Office, accounts_at, create_database, opened, plan

NEW = AccountName(Kind.TKCL, "QQQ", "DML")


@pytest.fixture
def unmade(office: Office) -> Iterator[AccountName]:
    """A name whose role does not exist, and does not exist afterwards."""
    yield NEW
    office.admin.execute("DELETE FROM access.account WHERE role = 'tkcl_qqq_dml'")
    if office.admin.execute("SELECT FROM pg_roles WHERE rolname = 'tkcl_qqq_dml'").fetchone() is not None:
        office.broker.execute("REVOKE CONNECT ON DATABASE dml FROM tkcl_qqq_dml")
        office.admin.execute("DROP ROLE tkcl_qqq_dml")


def test_S01_a_host_has_eight_accounts_of_each_shared_kind_and_its_own_pool(office: Office) -> None:
    rows = office.admin.execute(
        "SELECT kind, count(*), bool_and(host = 'DML'), bool_and(guest <> host) FROM access.account"
        " WHERE guest <> 'QQQ' GROUP BY kind ORDER BY kind"
    ).fetchall()
    assert rows == [
        ("LOCAL_CL", 2, True, False), ("LOCAL_HC", 2, True, False),
        ("TKCL", 8, True, True), ("TKHCTT", 8, True, True),
    ]  # fmt: skip
    assert managed_roles(office.broker) == sorted(name.role for name in accounts_at("DML"))


def test_S02_a_second_run_creates_nothing_and_writes_nothing(office: Office) -> None:
    def change() -> (
        str
    ):  # a transaction that writes takes a number; what the server does by itself takes none
        (found,) = office.admin.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
        ).fetchone() or ("",)
        return found

    before = change()
    assert ensure_accounts(office.broker, accounts_at("DML")) == []
    assert change() == before


def test_an_account_has_no_login_no_password_its_group_inherited_and_nothing_it_can_become(
    office: Office, unmade: AccountName
) -> None:
    assert ensure_accounts(office.broker, [unmade]) == [unmade]
    row = office.admin.execute(
        "SELECT rolcanlogin, rolpassword, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
        " FROM pg_authid WHERE rolname = %s",
        (unmade.role,),
    ).fetchone()
    assert row == (False, None, False, False, False, False, False)
    rows = office.admin.execute(
        "SELECT roleid::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE member = %s::regrole ORDER BY 1",
        (unmade.role,),
    ).fetchall()
    assert rows == [("accessctl_managed", False, False, False), ("tkcl", False, True, False)]
    assert unmade.role not in logins_enabled(office.broker)


def test_an_account_connects_to_its_hosts_database_and_no_other(office: Office) -> None:
    rows = office.admin.execute(
        "SELECT d.datname, count(*) FROM pg_database d CROSS JOIN access.account a"
        " WHERE has_database_privilege(a.role, d.datname, 'CONNECT') GROUP BY 1"
    ).fetchall()
    assert rows == [("dml", 20)]


@pytest.mark.parametrize("attributes", ["NOLOGIN", "LOGIN", "SUPERUSER"])
def test_a_role_without_our_mark_is_never_adopted_and_nothing_changes(
    office: Office, unmade: AccountName, attributes: str
) -> None:
    office.admin.execute(f"CREATE ROLE tkcl_qqq_dml {attributes}")
    other = AccountName(Kind.TKHCTT, "QQQ", "DML")
    with pytest.raises(Conflict) as refusal:
        ensure_accounts(office.broker, [other, unmade])
    assert refusal.value.code == "officedb.foreign_role"
    assert refusal.value.facts["role"] == unmade.role
    assert office.admin.execute("SELECT FROM pg_roles WHERE rolname = %s", (other.role,)).fetchone() is None
    members = "SELECT FROM pg_auth_members WHERE member = 'tkcl_qqq_dml'::regrole"
    assert office.admin.execute(members).fetchone() is None
    assert unmade.role not in managed_roles(office.broker)


def test_a_role_of_ours_that_somebody_made_superuser_is_not_taken_for_ours(
    office: Office, unmade: AccountName
) -> None:
    ensure_accounts(office.broker, [unmade])
    office.admin.execute("ALTER ROLE tkcl_qqq_dml SUPERUSER")
    with pytest.raises(Conflict) as refusal:
        ensure_accounts(office.broker, [unmade])
    assert refusal.value.code == "officedb.foreign_role"


def test_a_grant_without_grant_option_is_a_silent_no_op_and_therefore_noticed(
    office: Office, unmade: AccountName
) -> None:
    """PostgreSQL answers such a GRANT with a warning only; the ACL is read again."""
    office.admin.execute("REVOKE GRANT OPTION FOR CONNECT ON DATABASE dml FROM accessctl_broker CASCADE")
    try:
        notices: list[str] = []
        office.broker.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        office.broker.execute("GRANT CONNECT ON DATABASE dml TO accessctl_witness")
        assert any("no privileges were granted" in notice for notice in notices)
        with pytest.raises(Unavailable) as refusal:
            ensure_accounts(office.broker, [unmade])
        assert refusal.value.code == "officedb.broker_rights"
        assert office.admin.execute("SELECT to_regrole('tkcl_qqq_dml')").fetchone() == (None,)
    finally:
        install(office.admin_dsn, plan("dml"))
        ensure_accounts(office.broker, accounts_at("DML"))


def test_a_broker_that_lost_its_groups_says_so_and_changes_nothing(
    office: Office, unmade: AccountName
) -> None:
    office.admin.execute("REVOKE ADMIN OPTION FOR tkcl FROM accessctl_broker CASCADE")
    try:
        with pytest.raises(Unavailable) as refusal:
            ensure_accounts(office.broker, [unmade])
        assert refusal.value.code == "officedb.broker_rights"
        assert office.admin.execute("SELECT to_regrole('tkcl_qqq_dml')").fetchone() == (None,)
    finally:
        install(office.admin_dsn, plan("dml"))
        ensure_accounts(office.broker, accounts_at("DML"))


def test_what_somebody_took_away_from_an_account_is_given_back(office: Office) -> None:
    office.broker.execute("REVOKE CONNECT ON DATABASE dml FROM tkcl_cjt_dml")
    office.broker.execute("REVOKE tkcl FROM tkcl_cjt_dml")
    assert ensure_accounts(office.broker, accounts_at("DML")) == []  # nothing created, two rights restored
    with office.login(office.lend("tkcl_cjt_dml")) as session:
        assert session.execute("SELECT outcome FROM bhyt.view_reissue('6799000001')").fetchone() == ("ok",)


def test_the_accounts_of_two_hosts_do_not_go_into_one_call(office: Office) -> None:
    with pytest.raises(ValueError, match="one host"):
        ensure_accounts(office.broker, [NEW, AccountName(Kind.TKCL, "DML", "KNO")])


def test_S01_accounts_of_several_offices_on_one_server_are_each_for_their_own_database(
    office: Office,
) -> None:
    """A third of the province: 48 accounts of three hosts whose databases share the server with DML's."""
    made, spent = [], 0.0
    others = ["CJT", "KNO", "VPT"]
    try:
        for code in others:
            create_database(office.cluster, code.lower())
            install(office.cluster.dsn(code.lower()), plan(code.lower(), code))
            with opened(office.cluster, code.lower(), code) as there:
                start = time.monotonic()
                made += ensure_accounts(there.broker, [n for n in shared_accounts(OFFICES) if n.host == code])
                spent += time.monotonic() - start
        assert len(made) == 48
        assert spent < 1
        members = office.admin.execute(
            "SELECT count(*) FROM pg_auth_members WHERE roleid = 'accessctl_managed'::regrole AND NOT admin_option"
        ).fetchone()
        assert members == (48 + 20,)  # with DML's own and its pool
        rows = office.admin.execute(
            "SELECT DISTINCT d.datname, right(r.rolname, 3) FROM pg_database d, pg_roles r"
            " WHERE r.rolname ~ '^(tkcl|tkhctt)_..._...$' AND has_database_privilege(r.oid, d.oid, 'CONNECT')"
        ).fetchall()
        assert sorted(rows) == [(host, host) for host in ("cjt", "dml", "kno", "vpt")]
    finally:
        for code in others:
            office.admin.execute(f"DROP DATABASE IF EXISTS {code} WITH (FORCE)")
        for name in made:
            office.admin.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(name.role)))
