"""Every way of changing rights by hand is found, told, and ended by exactly the statement that is shown (S05)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
import pytest
from psycopg import sql

from accessctl.access.wanted import wanted_functions
from accessctl.domain.accounts import Kind
from accessctl.embedded import Cluster
from accessctl.errors import Unavailable
from accessctl.officedb import catalogue
from accessctl.officedb.drift import Drift, Server, compare
from accessctl.officedb.grants import wanted
from accessctl.officedb.repair import Repaired, as_admin, as_broker
from tests.officedb.conftest import Office, accounts_at, opened
from tests.officedb.tampers import ACCOUNT, ALL, OURS, SEVEN, Tamper

FUNCTIONS = {kind: [str(right) for right in wanted_functions(kind)] for kind in Kind}


@dataclass
class Gate:
    """The installed database, and how it is looked at."""

    office: Office
    server: Server

    def look(self, conn: catalogue.Session) -> list[Drift]:
        found = catalogue.read(conn, self.server.elsewhere)
        return compare(found, wanted(found.dbname, FUNCTIONS, found.accounts), self.server)

    def seen(self) -> list[Drift]:
        return self.look(self.office.witness)

    def repair(self, **more: int) -> Repaired:
        return as_admin(self.office.cluster.dsn(), self.office.dbname, self.look, **more)

    def execute(self, statements: Sequence[str], *, as_broker: bool = False) -> None:
        conn = self.office.broker if as_broker else self.office.admin
        for statement in statements:
            conn.execute(sql.SQL(statement))

    @contextmanager
    def tampered(self, *tampers: Tamper) -> Iterator[None]:
        """As somebody left it; afterwards whatever the repair rightly leaves is cleared away, and it is clean again."""
        before = list(dict.fromkeys(s for tamper in tampers for s in tamper.before))
        undo = list(dict.fromkeys(s for tamper in tampers for s in tamper.undo))
        self.execute(before)
        try:
            for tamper in tampers:
                self.execute(tamper.done, as_broker=tamper.by_broker)
            yield
        finally:
            left = self.seen()
            if left:
                self.repair()
            self.execute(undo)
        assert not left or self.seen() == []


@pytest.fixture(scope="module")
def gate(office_cluster: Cluster, installed: str) -> Iterator[Gate]:
    with opened(office_cluster, installed) as office:
        marked = office.admin.execute(
            "SELECT u.rolname FROM pg_auth_members m JOIN pg_roles u ON u.oid = m.member"
            " WHERE m.roleid = 'accessctl_managed'::regrole AND NOT m.admin_option"
        )
        ledger = frozenset(name.role for name in accounts_at("DML"))
        beside = {row[0]: "postgres" for row in marked if row[0] not in ledger}
        yield Gate(office, Server(None, beside, ledger))


def test_a_clean_installation_has_no_deviation(gate: Gate) -> None:
    assert gate.seen() == []
    assert gate.look(gate.office.broker) == gate.look(gate.office.admin) == []


def test_while_a_newer_policy_is_rolled_out_an_office_that_is_behind_is_given_nothing_by_a_repair(
    gate: Gate,
) -> None:
    """What it gives comes with the roll-out, when every office has lost what it takes; that is drift at once."""
    behind = Gate(gate.office, replace(gate.server, behind=True))
    with gate.tampered(
        ALL["a function taken away"], ALL["a line kept from the check"], ALL["extra table grant"]
    ):
        assert [drift.what for drift in behind.seen()] == ["grant"]


def test_a_role_named_like_another_offices_account_is_a_stranger_where_that_office_has_no_database(
    gate: Gate,
) -> None:
    gate.execute(["CREATE ROLE tkcl_vpt_kno LOGIN", "GRANT tkcl TO tkcl_vpt_kno"], as_broker=True)
    known = dict(gate.server.elsewhere)
    try:
        beside = Gate(gate.office, replace(gate.server, elsewhere=known | {"tkcl_vpt_kno": "postgres"}))
        assert beside.seen() == []
        alone = Gate(gate.office, replace(gate.server, elsewhere=known | {"tkcl_vpt_kno": "bhyt_kno"}))
        assert {(d.role, d.what) for d in alone.seen()} == {
            ("tkcl", "member"),
            ("accessctl_broker", "membership"),
        }
        retired = Gate(gate.office, replace(gate.server, elsewhere=known | {"tkcl_vpt_kno": ""}))
        assert len(retired.seen()) == 2
        gate.execute(["ALTER ROLE tkcl_vpt_kno NOLOGIN"])
        assert retired.seen() == []
    finally:
        gate.execute(["DROP ROLE tkcl_vpt_kno"])


def test_there_are_the_seven_tampers_and_at_least_ten_of_our_own() -> None:
    assert len(SEVEN) == 7
    assert len(OURS) >= 10


@pytest.mark.parametrize("name", ALL)
def test_S05_each_tamper_is_found_told_and_ended_by_the_statement_that_is_shown(
    gate: Gate, name: str
) -> None:
    tamper = ALL[name]
    with gate.tampered(tamper):
        found = gate.seen()
        [drift] = [d for d in found if (d.role, d.what) == (tamper.role, tamper.what) and tamper.says in d.vi]
        assert (drift.severity, drift.who) == (tamper.severity, tamper.who), drift
        assert drift.repair
        assert drift.en not in ("", drift.vi)
        done = gate.repair()
        assert done.left == ()
        assert drift in done.done


def test_S05_what_the_broker_may_it_does_alone_and_says_what_needs_a_DBA(gate: Gate) -> None:
    by_broker, by_dba = ALL["broker may become an account"], ALL["extra table grant"]
    with gate.tampered(by_broker, by_dba):
        done = as_broker(gate.office.broker, gate.look)
        assert [drift.what for drift in done.done] == ["member"]
        assert [(left.drift.what, left.why) for left in done.left] == [("grant", "needs_admin")]
        assert [drift.what for drift in gate.seen()] == ["grant"]


@pytest.mark.parametrize("name", [name for name, tamper in ALL.items() if tamper.who == "broker"])
def test_what_is_called_the_brokers_the_broker_ends_without_anybody(gate: Gate, name: str) -> None:
    with gate.tampered(ALL[name]):
        done = as_broker(gate.office.broker, gate.look)
        assert ALL[name].what in {drift.what for drift in done.done}
        assert all(left.drift.who != "broker" for left in done.left)


def test_a_REVOKE_that_succeeds_and_changes_nothing_is_no_repair(gate: Gate) -> None:
    """The broker takes back what a DBA granted: PostgreSQL says yes, and the right is still there."""

    def hopeful(conn: catalogue.Session) -> list[Drift]:
        return [replace(drift, who="broker") for drift in gate.look(conn)]

    with gate.tampered(ALL["TEMPORARY for all"], ALL["extra table grant"]):
        done = as_broker(gate.office.broker, hopeful)
        assert done.done == ()
        assert {(left.drift.what, left.why) for left in done.left} == {
            ("public", "no_effect"),
            ("grant", "refused"),
        }


def test_what_an_account_owns_elsewhere_is_found_and_left_to_a_person(gate: Gate) -> None:
    gate.execute(["CREATE TABLE public.loot (n int)", f"ALTER TABLE public.loot OWNER TO {ACCOUNT}"])
    try:
        [drift] = gate.seen()
        assert (drift.role, drift.what, drift.repair) == (ACCOUNT, "owner", None)
        assert "loot" in drift.object
        done = gate.repair()
        assert [(left.drift, left.why) for left in done.left] == [(drift, "by_hand")]
    finally:
        gate.execute(["DROP TABLE public.loot"])


@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_is_repaired_and_the_repair_breaks_nothing_that_is_wanted(gate: Gate, seed: int) -> None:
    """The same look counts what is missing: were a repair to take too much, it would not be clean."""
    chosen = random.Random(seed).sample(sorted(ALL), 9)
    with gate.tampered(*(ALL[name] for name in chosen)):
        assert len(gate.seen()) >= 5, chosen
        done = gate.repair()
        assert done.left == (), chosen
        assert gate.seen() == [], chosen


def waiting(gate: Gate) -> None:
    """Until the repair waits for somebody's lock."""
    query = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'accessctl repair'"
        " AND wait_event_type = 'Lock')"
    )
    until = time.monotonic() + 10
    while gate.office.admin.execute(query).fetchone() != (True,):
        assert time.monotonic() < until, "the repair does not wait"
        time.sleep(0.01)


@contextmanager
def somebody_at_it(gate: Gate) -> Iterator[psycopg.Connection]:
    """A DBA in the middle of a GRANT on the same function."""
    with psycopg.connect(gate.office.admin_dsn) as dba:
        dba.execute("GRANT EXECUTE ON FUNCTION bhyt.view_holder(text) TO tkcl")
        yield dba
        dba.rollback()


def test_a_DBAs_GRANT_at_the_same_moment_is_waited_for_and_the_repair_tried_once_more(gate: Gate) -> None:
    results: list[Repaired] = []
    with gate.tampered(ALL["PUBLIC function"]):
        with somebody_at_it(gate) as dba:
            thread = threading.Thread(target=lambda: results.append(gate.repair()))
            thread.start()
            waiting(gate)
            dba.commit()
            thread.join(10)
        assert results[0].left == ()
        assert gate.seen() == []


def test_a_DBA_who_does_not_let_go_leaves_the_deviation_standing_with_the_reason(gate: Gate) -> None:
    with gate.tampered(ALL["PUBLIC function"], ALL["role attribute"]), somebody_at_it(gate):
        done = gate.repair(patience=100)
        assert [(left.drift.what, left.why) for left in done.left] == [("public", "busy")]
        assert [drift.what for drift in done.done] == ["attribute"]


def test_a_repair_that_is_killed_leaves_nothing_half_done_and_the_next_one_finishes(gate: Gate) -> None:
    failures: list[Exception] = []

    def run() -> None:
        try:
            gate.repair()
        except Unavailable as error:
            failures.append(error)

    with gate.tampered(ALL["PUBLIC function"], ALL["role attribute"]):
        before = gate.seen()
        with somebody_at_it(gate):
            thread = threading.Thread(target=run)
            thread.start()
            waiting(gate)
            gate.office.admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'accessctl repair'"
            )
            thread.join(10)
        assert [error.code for error in failures] == ["officedb.down"]
        assert gate.seen() == before  # the attribute too, which had been taken when it died
        assert gate.repair().left == ()
