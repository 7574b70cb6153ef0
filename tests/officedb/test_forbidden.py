"""The forbidden verbs of domain.md §7.2, kind by kind, tried as the account itself (S03, S04)."""

from __future__ import annotations

import psycopg
import pytest

from accessctl.domain.dossiers import Field
from tests.officedb.conftest import MAI, Office, create_database

ROLES = ("tkcl_cjt_dml", "tkhctt_cjt_dml", "local_cl_dml_01", "local_hc_dml_01")
CARD, HOLDER = ("tkcl_cjt_dml", "local_cl_dml_01"), ("tkhctt_cjt_dml", "local_hc_dml_01")

TO_ALL = {
    "list all": "SELECT * FROM bhyt.participant",
    "read one by key past the function": f"SELECT * FROM bhyt.participant WHERE bhxh_no = '{MAI}'",  # noqa: S608
    "count": "SELECT count(*) FROM bhyt.card",
    "export": "COPY bhyt.participant TO STDOUT",
    "export to a file": "COPY (SELECT 1) TO '/tmp/out'",
    "run a program": "COPY (SELECT 1) TO PROGRAM 'cat'",
    "create a participant": "INSERT INTO bhyt.participant (bhxh_no) VALUES ('6799000009')",
    "delete": "DELETE FROM bhyt.participant",
    "truncate": "TRUNCATE bhyt.reissue",
    "update": "UPDATE bhyt.participant SET full_name = 'X'",
    "change validity": "UPDATE bhyt.card SET valid_to = '2100-01-01'",
    "change benefit": "UPDATE bhyt.card SET benefit = 1",
    "write a reissue by hand": "INSERT INTO bhyt.reissue (bhxh_no) VALUES ('6799000001')",
    "read the leases": "SELECT * FROM access.lease",
    "lengthen the lease": "UPDATE access.lease SET expires_at = 'infinity'",
    "read the acts": "SELECT * FROM access.act",
    "erase the acts": "DELETE FROM access.act",
    "write a login": "INSERT INTO access.login (role, pid) VALUES ('x', 1)",
    "open a lease": "SELECT access.close_lease('tkcl_cjt_dml', 'x', 'returned')",
    "read the server's log": "SELECT access.server_log('x.json', 0, 1)",
    "look for a person by hash": "SELECT access.subject_hash('x', 'y')",
    "helper functions": "SELECT bhyt.latest_card('6799000001')",
    "read a file": "SELECT pg_read_file('postgresql.conf')",
    "list the log folder": "SELECT pg_ls_logdir()",
    "read the verifiers": "SELECT rolpassword FROM pg_authid",
    "end another session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
    "create a table": "CREATE TABLE public.mine (i int)",
    "create a table in bhyt": "CREATE TABLE bhyt.mine (i int)",
    "create a temporary table": "CREATE TEMPORARY TABLE mine (i int)",
    "create a schema": "CREATE SCHEMA mine",
    "create a function": "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "create a role": "CREATE ROLE mine",
    "grant": "GRANT tkhctt TO tkcl_gng_dml",
    "switch the trigger off": "ALTER EVENT TRIGGER accessctl_login DISABLE",
    "switch event triggers off": "SET event_triggers = off",
    "create a large object": "SELECT lo_create(0)",
    "create a large object from data": "SELECT lo_from_bytea(0, 'x')",
    "create a large object the old way": "SELECT lo_creat(-1)",
    "become the group": "SET ROLE tkcl",
    "become the other group": "SET ROLE tkhctt",
    "become the marker": "SET ROLE accessctl_managed",
    "become the owner": "SET ROLE accessctl_owner",
    "become another account": "SET ROLE tkcl_gng_dml",
    "become another person": "SET SESSION AUTHORIZATION postgres",
    "rename an account": "ALTER ROLE tkcl_dgl_dml RENAME TO mine",
    "live for ever": "ALTER ROLE tkcl_cjt_dml VALID UNTIL 'infinity'",
    "replace a function": "ALTER FUNCTION bhyt.view_holder(text) OWNER TO tkcl_cjt_dml",
}
TO_CARD = {
    "correct": f"SELECT bhyt.correct_holder('{MAI}', '{{}}', 'k')",
    "view the holder": f"SELECT bhyt.view_holder('{MAI}')",
}
TO_HOLDER = {
    "reissue": f"SELECT bhyt.reissue_card('{MAI}', 'MAT', '67A0000001', 'k')",
    "view the reissue": f"SELECT bhyt.view_reissue('{MAI}')",
}


def attempts() -> list[tuple[str, str, str]]:
    tried = [(role, verb, text) for role in ROLES for verb, text in TO_ALL.items()]
    tried += [(role, verb, text) for role in CARD for verb, text in TO_CARD.items()]
    return tried + [(role, verb, text) for role in HOLDER for verb, text in TO_HOLDER.items()]


@pytest.mark.parametrize("role", ROLES)
def test_S03_S04_every_forbidden_verb_is_refused_by_the_database_itself(office: Office, role: str) -> None:
    lent = office.lend(role, fields=tuple(Field) if role in HOLDER else ())
    done = []
    with office.login(lent) as session:
        for who, verb, statement in attempts():
            if who != role:
                continue
            try:
                session.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                continue
            except psycopg.Error as error:
                done.append(f"{verb}: {type(error).__name__}: {error}")
            else:
                done.append(f"{verb}: done")
    assert done == []


def test_S03_the_refusals_stand_in_the_servers_log_with_the_account(office: Office) -> None:
    lent = office.lend("tkcl_cjt_dml")
    with office.login(lent, application_name=lent.lease_id) as session:
        for statement in ("SELECT * FROM bhyt.participant", f"SELECT bhyt.view_holder('{MAI}')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)
    lines = office.logged(lent.lease_id, '"state_code":"42501"', count=2)
    assert len(lines) == 2
    assert all('"user":"tkcl_cjt_dml"' in line for line in lines)


def test_another_offices_database_of_the_same_server_is_closed_to_an_account(office: Office) -> None:
    create_database(office.cluster, "kno_bare")
    try:
        office.admin.execute("REVOKE CONNECT ON DATABASE kno_bare FROM PUBLIC")
        lent = office.lend()
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(office.dsn(lent, "kno_bare"))
    finally:
        office.admin.execute("DROP DATABASE kno_bare WITH (FORCE)")


def test_an_accounts_own_temporary_objects_cannot_stand_before_the_functions_tables(office: Office) -> None:
    """Even with TEMP by a hand-made grant: search_path is pg_catalog, then pg_temp, and names are qualified."""
    lent = office.lend("tkcl_cjt_dml")  # before the grant: a drifted account is not lent
    office.admin.execute("GRANT TEMPORARY ON DATABASE dml TO tkcl_cjt_dml")
    try:
        with office.login(lent) as session:
            session.execute("CREATE TEMPORARY TABLE participant (bhxh_no text, full_name text)")
            session.execute("CREATE FUNCTION pg_temp.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT $1'")
            session.execute("SET search_path = pg_temp, pg_catalog")
            found = session.execute("SELECT outcome, full_name FROM bhyt.view_reissue(%s)", (MAI,)).fetchone()
        assert found == ("ok", "Trần Thị Mai")
    finally:
        office.admin.execute("REVOKE TEMPORARY ON DATABASE dml FROM tkcl_cjt_dml")
