"""What went wrong elsewhere (access.md §6), row by row: here it must not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accessctl.domain.accounts import Kind as AccountKind
from accessctl.errors import Conflict, Refused
from accessctl.services import accounts, closing, custody, desk, leasing, sweeping
from accessctl.services.control import transaction
from accessctl.services.findings import Kind
from accessctl.services.leasing import LeaseView
from accessctl.services.runtime import Runtime
from tests.common.evidence import (
    alive,
    collect_rows,
    finishing_turn,
    found,
    host_turn,
    let_pass,
    state_of,
    working,
)
from tests.common.world import World, eventually

ACCOUNT, ROLE, HOLDER = "TKCL-CJT-DML", "tkcl_cjt_dml", "cjt.the1"
VIEW = "SELECT outcome FROM bhyt.view_reissue(%s)"


@contextmanager
def becoming_the_group(world: World) -> Iterator[None]:
    """A DBA lets the account become its whole group, which the broker never does."""
    with world.admin_office("DML") as admin:
        admin.execute(sql.SQL("GRANT tkcl TO {} WITH SET TRUE").format(sql.Identifier(ROLE)))
    try:
        yield
    finally:
        with world.admin_office("DML") as admin:
            admin.execute(sql.SQL("REVOKE tkcl FROM {} GRANTED BY postgres").format(sql.Identifier(ROLE)))


def sessions(world: World) -> int:
    """Open sessions of the account, asked with a superuser's eyes."""
    with world.province.admin() as admin:
        row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (ROLE,)).fetchone()
    assert row is not None
    return int(row[0])


class Busy:
    """A holder who has become the group, sits in an open transaction and goes on acting until cut off."""

    def __init__(self, dsn: str, subject: str) -> None:
        self._client = psycopg.connect(dsn)
        self._client.execute("SET ROLE tkcl")
        self._subject = subject
        self.acts = 0
        self._thread = threading.Thread(target=self._act, daemon=True)
        self._thread.start()
        eventually(lambda: self.acts > 0)

    def _act(self) -> None:
        with self._client:
            try:
                while True:
                    self._client.execute(VIEW, (self._subject,))
                    self.acts += 1
            except psycopg.Error:
                return

    def join(self) -> None:
        """It ends by itself when its session is dead."""
        self._thread.join(5)
        assert not self._thread.is_alive()


def test_vault_a_session_that_did_set_role_in_an_open_transaction_is_dead_within_a_second_of_revocation(
    world: World,
) -> None:
    """Vault/OpenBao 2.7.2: after revoke an open session that had done SET ROLE still read and wrote."""
    lease = world.lend(HOLDER, ACCOUNT)  # before the hand-made grant: a drifted account is not lent
    with becoming_the_group(world):
        assert lease.dsn is not None
        busy = Busy(lease.dsn, world.request(ACCOUNT).subject)
        with world.province.admin() as watching:
            query = "SELECT clock_timestamp(), count(*) FILTER (WHERE usename = %s) FROM pg_stat_activity"
            begun = watching.execute(query, (ROLE,)).fetchone()
            done = leasing.revoke_lease(world.rt, world.actor("cjt.gd"), lease.lease, "Nghi lạm dụng")
            ended = watching.execute(query, (ROLE,)).fetchone()
        busy.join()
    assert begun is not None
    assert ended is not None
    assert (begun[1], ended[1], done.sessions_ended) == (1, 0, 1)
    assert ended[0] - begun[0] < timedelta(seconds=1)
    with world.admin_office("DML") as admin:
        assert admin.execute("SELECT count(*) FROM access.act").fetchone() == (0,), (
            "rolled back with its session"
        )


def test_vault_the_same_session_is_dead_within_a_second_of_expiry_and_acts_no_more(world: World) -> None:
    """Vault/OpenBao 2.7.2: after the TTL the session went on."""
    lease = world.lend(HOLDER, ACCOUNT)
    with becoming_the_group(world), working(world):
        assert lease.dsn is not None
        let_pass(world, lease, timedelta(minutes=15) - timedelta(seconds=3))
        busy = Busy(lease.dsn, world.request(ACCOUNT).subject)
        with world.admin_office("DML") as admin:
            row = admin.execute("SELECT expires_at FROM access.lease").fetchone()
            query = (
                "SELECT clock_timestamp() FROM (SELECT count(*) n FROM pg_stat_activity WHERE usename = %s) s"
                " WHERE s.n = 0"
            )
            gone = eventually(lambda: admin.execute(query, (ROLE,)).fetchone())
            assert row is not None
            assert gone[0] >= row[0], "nobody is cut off early"
            assert gone[0] - row[0] < timedelta(seconds=1)
        busy.join()
        eventually(lambda: leasing.show_lease(world.rt, world.actor(HOLDER), lease.lease).state == "CLOSED")
        with world.admin_office("DML") as admin:
            late = "SELECT count(*) FROM access.act WHERE at > %s AND outcome = 'ok'"
            assert admin.execute(late, (row[0],)).fetchone() == (0,)
    assert world.roles_with_login() == set()


def test_vault_an_expired_lease_does_nothing_in_an_open_session_even_while_the_service_is_dead(
    world: World,
) -> None:
    """The same with nobody there to end the session: the database itself refuses."""
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    subject = world.request(ACCOUNT).subject
    with psycopg.connect(lease.dsn) as client:
        assert client.execute(VIEW, (subject,)).fetchone() == ("ok",)
        let_pass(world, lease, timedelta(minutes=15))
        assert client.execute(VIEW, (subject,)).fetchone() == ("lease_over",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)


def test_static_rotation_ends_the_sessions_that_the_old_secret_opened(world: World) -> None:
    """Vault/OpenBao: static rotation changed the password and left open sessions working.

    Here credentials are rotated when a custodian goes (S12): open sessions of all eight accounts end.
    """
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        with transaction(world.rt) as session:
            ending = custody.end(
                world.rt, session, world.actor("cjt.gd"), "CJT", AccountKind.TKCL, "02/QĐ-BHXH"
            )
        closing.finish_all(world.rt, ending)
        assert not alive(client)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)
    assert world.roles_with_login() == set()
    assert len(world.records("account.rotated")) == 8


def test_vault_no_role_keeps_its_login_however_its_lease_ended(world: World) -> None:
    """Vault/OpenBao: default revocation failed with group grants; 150 of 150 roles were left with LOGIN."""

    def locked(lease: LeaseView) -> None:
        with transaction(world.rt) as session:
            ending = accounts.lock(world.rt, session, world.actor("vpt.cntt1"), lease.account, "Nghi lộ")
        closing.finish_all(world.rt, ending)

    def expired(lease: LeaseView) -> None:
        let_pass(world, lease, timedelta(minutes=15))
        host_turn(world, lease.host)

    def abandoned(lease: LeaseView) -> None:
        psycopg.connect(str(lease.dsn)).close()
        collect_rows(world, lease.host)
        world.shift = timedelta(minutes=2)
        sweeping.end_abandoned(world.rt)
        world.shift = timedelta()

    def returned(lease: LeaseView) -> None:
        leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)

    def revoked(lease: LeaseView) -> None:
        leasing.revoke_lease(world.rt, world.actor("vpt.cntt1"), lease.lease, "Sự cố")

    ways = {"TKCL-CJT-DML": returned, "TKCL-CJT-GNG": revoked, "TKCL-CJT-DRL": expired, "TKCL-CJT-KNO": abandoned,
            "LOCAL_CL-CJT-01": returned, "TKCL-CJT-TDC": locked}  # fmt: skip
    for number, (account, end) in enumerate(ways.items(), start=1):
        lease = world.lend(HOLDER, account, number=number)
        assert lease.dsn is not None
        with psycopg.connect(lease.dsn, autocommit=True) as client:
            if end is abandoned:
                client.close()
            end(lease)
            assert not alive(client), account
        assert world.roles_with_login() == set(), account
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(lease.dsn)
    with world.province.admin() as admin:
        left = admin.execute(
            "SELECT count(*) FROM pg_authid WHERE rolname ~ '^(tkcl|tkhctt|local_cl|local_hc)_'"
            " AND (rolcanlogin OR rolpassword IS NOT NULL)"
        ).fetchone()
    assert left == (0,)


def test_vault_one_request_gives_one_credential(world: World) -> None:
    """Vault/OpenBao: one approval was good for three different credentials."""
    lease = world.lend(HOLDER, ACCOUNT)
    twice = world.lend(HOLDER, ACCOUNT)
    assert (twice.lease, twice.dsn) == (lease.lease, None), (
        "the same request is the same loan, its secret shown once"
    )
    with pytest.raises(Conflict):
        world.lend(HOLDER, "TKCL-CJT-GNG")
    waiting = world.lend("cjt.the2", ACCOUNT, number=2)
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    sweeping.take_turns(world.rt)
    runtimes = [world.runtime() for _ in range(3)]
    together, actor = threading.Barrier(3), world.actor("cjt.the2")

    def look(rt: Runtime) -> str | None:
        together.wait(10)
        return leasing.show_lease(rt, actor, waiting.lease).dsn

    with ThreadPoolExecutor(3) as pool:
        shown = [dsn for dsn in pool.map(look, runtimes) if dsn]
    for rt in runtimes:
        rt.close()
    assert len(shown) == 1, "three pages at one instant: the secret is shown to one of them"
    assert len([leaf for leaf in world.records("lease.revealed") if leaf["lease"] == waiting.lease]) == 1


@contextmanager
def cut_off_from(world: World, host: str, folder: Path) -> Iterator[Runtime]:
    """A service that cannot reach this host: its address is a port where nobody listens."""
    addresses = json.loads(json.dumps(world.settings.office_dsns))
    for name, dsn in addresses[host].items():
        addresses[host][name] = make_conninfo(**(conninfo_to_dict(dsn) | {"port": "1"}))
    path = folder / "offices.json"
    path.write_text(json.dumps(addresses), encoding="utf-8")
    path.chmod(0o600)
    rt = world.runtime(ACCESSCTL_OFFICES_FILE=str(path))
    try:
        yield rt
    finally:
        rt.close()


def test_vault_what_cannot_be_closed_is_quarantined_alarmed_tried_on_and_released_in_the_end(
    world: World, tmp_path: Path
) -> None:
    """Vault/OpenBao: revocation was given up after six tries, in silence."""
    lease = world.lend(HOLDER, ACCOUNT)
    with cut_off_from(world, "DML", tmp_path) as rt:
        shown = leasing.revoke_lease(rt, world.actor("cjt.gd"), lease.lease, "Nghi lạm dụng")
        assert shown.state == "CLOSING", "it is not said to be closed"
        tries = 1
        while state_of(world, ACCOUNT) != "QUARANTINED":
            world.shift += timedelta(seconds=61)
            for identity in sweeping.unfinished(rt, "DML"):
                closing.finish(rt, identity)
                tries += 1
            assert tries < 10
        world.shift += timedelta(seconds=61)
        assert sweeping.unfinished(rt, "DML") == [lease.lease], "and it goes on"
    assert tries == closing.QUARANTINE_AFTER
    world.shift = timedelta()
    (finding,) = found(world, Kind.QUARANTINED)
    assert (finding["severity"], finding["account"], finding["office"]) == (1, ACCOUNT, "CJT")
    assert len(world.records("account.quarantined")) == 1
    (failed,) = world.records("lease.closed.failed")
    assert failed["reason"] == "officedb.down"
    with pytest.raises(Refused) as raised:
        world.lend("cjt.the2", ACCOUNT, number=2)
    assert raised.value.code == "account.quarantined"

    world.shift = timedelta(minutes=20)  # the host is back
    finishing_turn(world, "DML")
    world.shift = timedelta()
    assert state_of(world, ACCOUNT) == "ACTIVE"
    assert world.roles_with_login() == set()
    assert len(world.records("account.released")) == 1
    assert world.lend("cjt.the2", ACCOUNT, number=3).state == "ACTIVE"


def test_vault_the_intent_stands_signed_in_the_log_before_the_host_knows_anything(world: World) -> None:
    """Vault/OpenBao: a crash between creating the role and writing the lease left an orphan."""
    seen: dict[str, tuple[object, ...]] = {}

    def look(step: str) -> None:
        if not step.startswith("opening."):
            return
        with world.admin_control() as control, world.admin_office("DML") as office:
            seen[step] = (
                (control.execute("SELECT count(*) FROM audit_log WHERE convert_from(leaf, 'UTF8')"
                                 " LIKE '%%\"lease.requested\"%%'").fetchone() or (0,))[0],
                (office.execute("SELECT count(*) FROM access.lease").fetchone() or (0,))[0],
                (office.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s AND rolcanlogin",
                                (ROLE,)).fetchone() or (0,))[0],
            )  # fmt: skip

    world.rt.step = look
    world.lend(HOLDER, ACCOUNT)
    assert seen["opening.intended"][1:] == (0, 0)
    assert seen["opening.awaited"] == (1, 0, 0), "recorded and signed; the host has nothing yet"
    assert seen["opening.lent"] == (1, 1, 1), "lease row and login came together"


def test_jumpserver_a_secret_is_derived_anew_by_any_process_and_never_lost(world: World) -> None:
    """JumpServer #12631: the password was lost when the change succeeded and the check failed."""
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    other = world.runtime()
    try:
        assert desk.view_reissue(other, world.actor(HOLDER), lease.lease).outcome == "ok"
    finally:
        other.close()
    with world.admin_control() as admin:
        columns = admin.execute("SELECT * FROM lease").description
        assert columns is not None
        assert not {"secret", "password", "verifier"} & {column.name for column in columns}


def test_teleport_one_correlation_id_joins_request_session_and_act_with_address_and_port(
    world: World,
) -> None:
    """Teleport #38658, #42557, #6612: no client address; no id joining request, session and events."""
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        client.execute(VIEW, (world.request(ACCOUNT).subject,))
        row = client.execute("SELECT inet_client_port(), current_setting('application_name')").fetchone()
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    collect_rows(world, "DML")
    assert row is not None
    story = [leaf for leaf in world.records() if leaf.get("lease") == lease.lease]
    events = [leaf["event"] for leaf in story]
    for event in ("lease.requested", "lease.checkout", "lease.revealed", "db.login", "reissue.viewed",
                  "lease.closing", "lease.closed"):  # fmt: skip
        assert event in events
    asked = story[0]["correlation"]
    assert {leaf["asked"] for leaf in story} == {asked}
    assert {leaf["correlation"] for leaf in story if leaf["event"] in ("db.login", "reissue.viewed")} == {
        asked
    }
    login = next(leaf for leaf in story if leaf["event"] == "db.login")
    assert (login["address"], login["port"]) == ("127.0.0.1", row[0])
    assert lease.lease in row[1], "the session names its lease"
    assert {leaf["dossier"] for leaf in story} == {lease.dossier}


def test_teleport_S05_an_account_with_a_hand_made_right_is_not_lent(world: World) -> None:
    """Teleport PR #51945: drift was missed because information_schema hides grants of other grantors."""
    with world.admin_office("DML") as admin:
        role = sql.Identifier(ROLE)
        admin.execute(sql.SQL("GRANT SELECT ON bhyt.participant TO {}").format(role))
        try:
            with pytest.raises(Refused):
                world.lend(HOLDER, ACCOUNT)
        finally:
            admin.execute(sql.SQL("REVOKE ALL ON bhyt.participant FROM {}").format(role))


def test_openimis_a_right_withdrawn_is_gone_at_the_next_request_everywhere(world: World) -> None:
    """openIMIS: rights were cached for ever."""
    lease = world.lend(HOLDER, ACCOUNT, client=False)
    assert desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease).outcome == "ok"
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE officer_role SET revoked_at = now() FROM officer o WHERE o.id = officer_id AND o.username = %s",
            (HOLDER,),
        )
    with pytest.raises(Refused):
        desk.view_reissue(world.rt, world.actor(HOLDER), lease.lease)
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)  # giving back is always allowed
    with pytest.raises(Refused) as raised:
        world.lend(HOLDER, ACCOUNT, number=2)
    assert raised.value.code.startswith("policy.")
