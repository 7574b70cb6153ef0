"""Installing the gate: once, shown before, complete or not at all, and PUBLIC closed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from accessctl.domain.accounts import Kind
from accessctl.embedded import Cluster
from accessctl.errors import AccessError, Conflict, Refused, Unavailable
from accessctl.officedb import roles
from accessctl.officedb.connection import OfficeDatabases
from accessctl.officedb.install import hba_advice, install, render
from accessctl.officedb.migrations import newest
from accessctl.officedb.server import check_server, logging_shortcomings
from accessctl.officedb.status import public_findings, status
from tests.officedb.conftest import Office, address, create_database, opened, plan


@pytest.fixture
def bare(office_cluster: Cluster) -> Iterator[str]:
    """The name of a database without the gate, gone afterwards."""
    name = f"bare_{uuid4().hex[:8]}"
    create_database(office_cluster, name)
    yield name
    with psycopg.connect(office_cluster.dsn(), autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def code_of(call: type[AccessError], dsn: str, dbname: str) -> str:
    with pytest.raises(call) as refusal:
        install(dsn, plan(dbname))
    return refusal.value.code


def test_a_second_installation_changes_nothing(office_cluster: Cluster, bare: str) -> None:
    first = install(office_cluster.dsn(), plan(bare))
    assert first.changed
    assert first.version == newest()
    second = install(office_cluster.dsn(), plan(bare))
    assert [step.en for step in second.steps if step.executed] == []
    assert len(second.steps) == len(first.steps)
    assert all(step.vi and step.en for step in second.steps)


def test_the_script_that_is_shown_does_the_same_as_the_installation(
    office_cluster: Cluster, bare: str, psql: Path
) -> None:
    script = render(plan(bare))
    runnable = "\n".join(line for line in script.splitlines() if not line.startswith("\\password"))
    for _ in range(2):  # twice: it may be repeated
        done = subprocess.run(
            [psql, "-X", "-q", "-d", office_cluster.dsn()],
            input=runnable,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "ERROR" not in done.stderr
    report = install(office_cluster.dsn(), plan(bare))
    assert not report.changed


def test_the_script_holds_no_password_and_no_verifier() -> None:
    script = render(plan("dml"))
    assert "secret" not in script
    assert "SCRAM-SHA-256$" not in script
    assert f"\\password {roles.BROKER}" in script
    assert "secret" not in repr(plan("dml"))


def test_the_advice_for_pg_hba_has_the_brokers_line_above_the_reject() -> None:
    lines = hba_advice(plan("dml")).splitlines()
    broker = next(n for n, line in enumerate(lines) if roles.BROKER in line)
    reject = next(n for n, line in enumerate(lines) if line.endswith("reject"))
    assert broker < reject


def test_the_broker_is_no_superuser_and_inherits_and_becomes_nothing(office: Office) -> None:
    row = office.admin.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname = 'accessctl_broker'"
    ).fetchone()
    assert row == (False, True, False, False, False)
    rows = office.admin.execute(
        "SELECT roleid::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE member = 'accessctl_broker'::regrole AND roleid NOT IN"
        " (SELECT role::regrole FROM access.account) ORDER BY 1"
    ).fetchall()
    groups = ("accessctl_managed", "local_cl", "local_hc", "tkcl", "tkhctt")
    expected = [(name, True, False, False) for name in groups] + [("pg_signal_backend", False, True, True)]
    assert rows == sorted(expected)
    for role in ("tkcl", "accessctl_owner", "tkcl_cjt_dml"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            office.broker.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        office.broker.execute("SELECT * FROM bhyt.participant")


def test_the_witness_reads_evidence_and_nothing_else(office: Office) -> None:
    for table in ("login", "act", "lease_end", "account"):
        office.witness.execute(sql.SQL("SELECT * FROM access.{}").format(sql.Identifier(table)))
    for statement in (
        "SELECT * FROM access.lease",
        "DELETE FROM access.act",
        "SELECT * FROM bhyt.participant",
        "SELECT pg_read_file('pg_hba.conf')",
        "SELECT pg_read_binary_file('pg_hba.conf')",
        "SELECT rolpassword FROM pg_authid",
        "SELECT access.close_lease('tkcl_cjt_dml', 'x', 'returned')",
        "ALTER ROLE tkcl_cjt_dml LOGIN",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            office.witness.execute(statement)


def test_each_kind_may_execute_exactly_the_functions_of_the_policy(office: Office) -> None:
    rows = office.admin.execute(
        "SELECT g.rolname, array_agg(p.proname::text ORDER BY p.proname) FROM pg_roles g, pg_proc p"
        " WHERE g.rolname IN ('tkcl', 'tkhctt', 'local_cl', 'local_hc') AND p.pronamespace IN"
        " ('access'::regnamespace, 'bhyt'::regnamespace) AND has_function_privilege(g.oid, p.oid, 'EXECUTE')"
        " GROUP BY 1 ORDER BY 1"
    ).fetchall()
    card, holder = ["reissue_card", "view_reissue"], ["correct_holder", "view_holder"]
    assert rows == [("local_cl", card), ("local_hc", holder), ("tkcl", card), ("tkhctt", holder)]


def test_a_right_that_the_policy_no_longer_gives_is_taken_away(office_cluster: Cluster, bare: str) -> None:
    install(office_cluster.dsn(), plan(bare))
    less = plan(bare)
    grants = {**less.grants, Kind.TKCL: ["bhyt.view_reissue(text)"]}
    report = install(office_cluster.dsn(), type(less)("DML", bare, grants, "broker-secret", "witness-secret"))
    changed = [step.en for step in report.steps if step.executed]
    assert [words.split()[0] for words in changed] == ["Let", "Write"], (
        "the group's rights, and what is compared"
    )
    with psycopg.connect(office_cluster.dsn(bare)) as conn:
        row = conn.execute(
            "SELECT has_function_privilege('tkcl', 'bhyt.view_reissue(text)', 'EXECUTE'),"
            " has_function_privilege('tkcl', 'bhyt.reissue_card(text,text,text,text)', 'EXECUTE')"
        ).fetchone()
    assert row == (True, False)


def test_public_is_closed_on_every_database_and_says_so_when_it_is_not(office: Office) -> None:
    assert public_findings(office.witness) == ()
    office.admin.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
    office.admin.execute("GRANT SELECT ON bhyt.participant TO PUBLIC")
    office.admin.execute("GRANT EXECUTE ON FUNCTION lo_create(oid) TO PUBLIC")
    try:
        assert public_findings(office.witness) == (
            "database postgres: CONNECT", "function lo_create(oid): EXECUTE",
            "relation bhyt.participant: SELECT",
        )  # fmt: skip
        assert not status(office.witness).sound
    finally:
        office.admin.execute("REVOKE SELECT ON bhyt.participant FROM PUBLIC")
        install(office.admin_dsn, plan("dml"))
    assert status(office.witness).sound


def test_a_copy_of_a_template_has_public_open_again_until_it_is_installed(office: Office, bare: str) -> None:
    """CREATE DATABASE does not copy the rights on the database itself; those inside it come from template1."""
    assert f"database {bare}: CONNECT, TEMPORARY" in public_findings(office.admin)
    with psycopg.connect(office.cluster.dsn(bare), autocommit=True) as conn:
        row = conn.execute("SELECT has_function_privilege('public', 'lo_create(oid)', 'EXECUTE')").fetchone()
    assert row == (False,)


def test_functions_that_come_later_are_not_open_to_public_either(office: Office) -> None:
    office.admin.execute("CREATE FUNCTION public.later() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    try:
        row = office.admin.execute(
            "SELECT has_function_privilege('public', 'public.later()', 'EXECUTE')"
        ).fetchone()
        assert row == (False,)
    finally:
        office.admin.execute("DROP FUNCTION public.later()")


def test_roles_that_are_named_keep_their_connection_when_public_loses_it(
    office_cluster: Cluster, bare: str
) -> None:
    with psycopg.connect(office_cluster.dsn(), autocommit=True) as conn:
        conn.execute("CREATE ROLE control_app LOGIN PASSWORD 'control'")
        conn.execute("CREATE DATABASE control")
    try:
        install(office_cluster.dsn(), plan(bare, keep_connect={"control": ["control_app"]}))
        dsn = make_conninfo(office_cluster.dsn("control"), user="control_app", password="control")
        psycopg.connect(dsn).close()
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(make_conninfo(dsn, dbname="postgres"))
    finally:
        with psycopg.connect(office_cluster.dsn(), autocommit=True) as conn:
            conn.execute("DROP DATABASE control WITH (FORCE)")
            conn.execute("DROP ROLE control_app")


def test_an_ordinary_role_cannot_install_and_leaves_nothing(office_cluster: Cluster, bare: str) -> None:
    with psycopg.connect(office_cluster.dsn(), autocommit=True) as conn:
        conn.execute("CREATE ROLE half_dba LOGIN CREATEROLE CREATEDB PASSWORD 'half'")
        conn.execute(sql.SQL("GRANT ALL ON DATABASE {} TO half_dba").format(sql.Identifier(bare)))
    try:
        dsn = make_conninfo(office_cluster.dsn(), user="half_dba", password="half")
        assert code_of(Refused, dsn, bare) == "officedb.not_superuser"
        with psycopg.connect(office_cluster.dsn(bare)) as conn:
            assert conn.execute("SELECT to_regnamespace('access')").fetchone() == (None,)
    finally:
        with psycopg.connect(office_cluster.dsn(bare), autocommit=True) as conn:
            conn.execute("DROP OWNED BY half_dba")
            conn.execute("DROP ROLE half_dba")


def test_a_schema_of_our_name_that_is_not_ours_is_left_alone(office_cluster: Cluster, bare: str) -> None:
    with psycopg.connect(office_cluster.dsn(bare), autocommit=True) as conn:
        conn.execute("CREATE SCHEMA access")
    assert code_of(Conflict, office_cluster.dsn(), bare) == "officedb.foreign_role"
    with psycopg.connect(office_cluster.dsn(bare)) as conn:
        assert conn.execute("SELECT to_regnamespace('bhyt')").fetchone() == (None,)


def test_a_group_of_our_name_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="accessctl-foreign-"))
    folder.chmod(0o711)
    with Cluster(folder, fast=True) as other:
        with psycopg.connect(other.dsn(), autocommit=True) as conn:
            conn.execute("CREATE ROLE tkcl LOGIN PASSWORD 'theirs'")
        assert code_of(Conflict, other.dsn(), "postgres") == "officedb.foreign_role"
        with psycopg.connect(other.dsn()) as conn:
            row = conn.execute(
                "SELECT rolcanlogin, to_regrole('accessctl_broker') FROM pg_roles WHERE rolname = 'tkcl'"
            )
            assert row.fetchone() == (True, None)
    other.destroy()


def test_a_newer_schema_is_refused_by_the_installation_and_by_the_service(
    office_cluster: Cluster, bare: str
) -> None:
    install(office_cluster.dsn(), plan(bare))
    with psycopg.connect(office_cluster.dsn(bare), autocommit=True) as conn:
        conn.execute("INSERT INTO access.version (number, name) VALUES (999, 'of the future')")
    assert code_of(Unavailable, office_cluster.dsn(), bare) == "officedb.schema_newer"
    with (
        OfficeDatabases({"DML": address(office_cluster, bare)}) as databases,
        pytest.raises(Unavailable) as refusal,
        databases.broker("DML"),
    ):
        pytest.fail("the service must not work with a newer schema")
    assert refusal.value.code == "officedb.schema_newer"
    assert refusal.value.facts["found"] == 999


def test_a_database_that_is_not_utf8_is_refused(office_cluster: Cluster) -> None:
    with psycopg.connect(office_cluster.dsn(), autocommit=True) as conn:
        conn.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        assert code_of(Unavailable, office_cluster.dsn(), "latin") == "officedb.encoding"
    finally:
        with psycopg.connect(office_cluster.dsn(), autocommit=True) as conn:
            conn.execute("DROP DATABASE latin WITH (FORCE)")


def test_a_missing_database_is_down_and_not_a_crash(office_cluster: Cluster) -> None:
    assert code_of(Unavailable, office_cluster.dsn(), "nowhere") == "officedb.down"


def test_a_server_before_17_is_refused(tmp_path: Path) -> None:
    """With a real old server where the machine has one; said plainly where not."""
    found = [Path(f"/usr/lib/postgresql/{major}/bin") for major in (16, 15, 14, 13)]
    programs = next((folder for folder in found if (folder / "initdb").exists()), None)
    if programs is None or shutil.which("setpriv") is None:
        pytest.skip("no PostgreSQL before 17 on this machine")
    with old_server(programs) as dsn:
        with pytest.raises(Unavailable) as refusal:
            install(dsn, plan("postgres"))
        assert refusal.value.code == "officedb.too_old"
        with psycopg.connect(dsn) as conn, pytest.raises(Unavailable):
            check_server(conn, "DML")


class old_server:
    """A throw-away server of an older PostgreSQL, as its own unprivileged user when we are root."""

    def __init__(self, programs: Path) -> None:
        import os

        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="accessctl-old-"))
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
            self.prefix = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]

    def _run(self, program: str, *words: str) -> None:
        command = [*self.prefix, str(self.programs / program), "-D", str(self.folder / "data"), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")

    def __enter__(self) -> str:
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        socket = f"-c listen_addresses='' -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-w", "-o", socket, "-l", str(self.folder / "log"), "start")
        return f"host={self.folder} user=postgres dbname=postgres"

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)


def test_status_says_what_stands(office: Office) -> None:
    lent = office.lend()
    found = status(office.broker)
    assert (found.version, found.wanted_version, found.dbname) == (newest(), newest(), "dml")
    assert (found.accounts, found.logins_enabled, found.open_now) == (20, 1, 1)
    assert found.server_version.startswith("18.")
    assert found.trigger_enabled
    assert found.log_witness
    assert found.sound
    office.close(lent)
    assert status(office.witness).logins_enabled == 0


@pytest.mark.parametrize(
    "spoil",
    [
        "ALTER EVENT TRIGGER accessctl_login DISABLE",
        "ALTER EVENT TRIGGER accessctl_login ENABLE",  # would not fire for session_replication_role = replica
        "DROP EVENT TRIGGER accessctl_login",
        "ALTER FUNCTION access.on_login() OWNER TO postgres",
    ],
)
def test_a_trigger_that_is_off_weakened_gone_or_not_ours_is_seen_and_mended_by_installing(
    office: Office, spoil: str
) -> None:
    office.admin.execute(spoil)
    try:
        assert not status(office.broker).trigger_enabled
        assert not status(office.broker).sound
    finally:
        office.admin.execute("ALTER FUNCTION access.on_login() OWNER TO accessctl_owner")
        install(office.admin_dsn, plan("dml"))
    assert status(office.broker).trigger_enabled


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("log_destination", "stderr", "jsonlog_off"),
        ("log_connections", "off", "log_connections_off"),
        ("log_disconnections", "off", "log_disconnections_off"),
        ("log_min_messages", "fatal", "log_threshold"),
    ],
)
def test_a_log_that_is_no_witness_is_said_plainly(
    office: Office, setting: str, value: str, word: str
) -> None:
    office.admin.execute(
        sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), sql.Literal(value))
    )
    office.admin.execute("SELECT pg_reload_conf()")
    try:
        with opened(office.cluster, "dml") as fresh:
            for _ in range(200):
                if found := logging_shortcomings(fresh.broker):
                    break
            assert word in found
            assert not status(fresh.witness).log_witness
            assert word in install(office.admin_dsn, plan("dml")).shortcomings
    finally:
        office.admin.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(setting)))
        office.admin.execute("SELECT pg_reload_conf()")
