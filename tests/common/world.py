"""A whole province for tests: nine real office databases, a control database of one's own, a running sequencer.

Built once for each worker process by the very steps of the demo; each test gets a fresh copy of the control
database and office databases without leases, logins or acts.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from accessctl import clock
from accessctl.cli.demo_build import (
    EXAMPLE,
    SEED,
    Site,
    _control,
    _databases,
    _gates,
    _participants,
    _province,
    _staff,
)
from accessctl.cli.demo_folder import CONTROL, PASSWORD, DemoFolder
from accessctl.config import Settings
from accessctl.domain.province import parse_officers, parse_province
from accessctl.embedded import Cluster
from accessctl.jobs.sequencer import SequencerLoop
from accessctl.officedb import synthetic
from accessctl.officedb.server_log import log_mark_now
from accessctl.services import leasing
from accessctl.services.actor import Actor, Origin, actor_for, officer_named
from accessctl.services.control import transaction
from accessctl.services.leasing import LeaseRequest, LeaseView
from accessctl.services.runtime import Runtime, build_runtime
from accessctl.store.sequencing import index_new

PEOPLE = 12


_CORRECTABLE = "full_name, birth_date, birth_year_only, sex, address, id_no, initial_care"
_AS_MADE = f"""
    UPDATE bhyt.participant p SET ({_CORRECTABLE}) = (SELECT {_CORRECTABLE} FROM as_made.participant m
     WHERE m.bhxh_no = p.bhxh_no)
     WHERE EXISTS (SELECT FROM as_made.participant m WHERE m.bhxh_no = p.bhxh_no
                      AND (m.*)::text IS DISTINCT FROM (p.*)::text)
"""  # noqa: S608 - constants


@dataclasses.dataclass
class Province:
    """What is built once: the folder with keys and settings, the server, the template of the control database."""

    folder: DemoFolder
    cluster: Cluster
    dbnames: dict[str, str]

    @classmethod
    def build(cls, path: Path, cluster: Cluster) -> Province:
        """The demo's own steps, with twelve participants an office and cheap password hashes."""
        folder = DemoFolder(path)
        folder.make()
        folder.write_settings(cluster, 0, {"ACCESSCTL_PASSWORD_PROFILE": "test"})
        founded = parse_province((EXAMPLE / "province.toml").read_text(encoding="utf-8")).open_at_all_hours()
        staff = parse_officers((EXAMPLE / "officers.csv").read_text(encoding="utf-8"), founded)
        site = Site(folder, cluster, founded, staff, PEOPLE)
        folder.write_offices(cluster, site.dbnames)
        for step in (_control, _databases, _gates, _province, _participants, _staff):
            step(site, lambda *_: None)
        made = cls(folder, cluster, site.dbnames)
        for dbname in site.dbnames.values():
            with made.admin(dbname) as admin:
                admin.execute("CREATE SCHEMA as_made")
                admin.execute("CREATE TABLE as_made.participant AS TABLE bhyt.participant")
        return made

    def admin(self, dbname: str = "postgres") -> psycopg.Connection[Any]:
        """A superuser's connection: the DBA, or an attacker with a DBA's rights."""
        return psycopg.connect(self.cluster.dsn(dbname), autocommit=True)

    def clear_offices(self) -> None:
        """No lease, no login, no act, no role with LOGIN, no drift of the account roles."""
        with self.admin() as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename ~ '^(tkcl|tkhctt|local_cl|local_hc)_'"
            )
            open_roles = admin.execute(
                "SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname ~ '^(tkcl|tkhctt|local_cl|local_hc)_'"
            ).fetchall()
            for (role,) in open_roles:
                admin.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))
        for dbname in self.dbnames.values():
            with self.admin(dbname) as admin:
                admin.execute(
                    "TRUNCATE access.lease, access.lease_end, access.login, access.act, bhyt.reissue, bhyt.correction"
                )
                admin.execute(_AS_MADE)


class World:
    """One test's province. `now` may be moved; the sequencer runs unless it is stopped."""

    def __init__(self, province: Province, control: str) -> None:
        self.province = province
        self.control = control
        self.shift = timedelta()
        env = dict(province.folder.settings().env)
        for name in ("ACCESSCTL_DATABASE_URL", "ACCESSCTL_SEQUENCER_URL", "ACCESSCTL_READER_URL"):
            env[name] = env[name].rpartition("/")[0] + f"/{control}"
        self.settings = Settings(env)
        self.rt = self.runtime()
        self._sequencer = SequencerLoop(self.settings)
        self._running = threading.Event()
        self._stopping = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._sequence, daemon=True)
        self._running.set()
        self._thread.start()

    def runtime(self, **changes: Any) -> Runtime:
        """Another process' view: its own connections, the same databases."""
        rt = build_runtime(Settings(dict(self.settings.env) | changes), pool=5)
        rt.now = self.now
        return rt

    def now(self) -> datetime:
        """The clock of this world; office databases keep their own."""
        return clock.now() + self.shift

    def _sequence(self) -> None:
        while not self._stopping.is_set():
            self._running.wait(0.1)
            with self._turn:
                if self._running.is_set() and not self._stopping.is_set():
                    self._sequencer.turn()

    def stop_sequencer(self) -> None:
        """From now on nothing is put under a checkpoint; the turn under way is waited for."""
        self._running.clear()
        with self._turn:
            self._sequencer.close()

    def start_sequencer(self) -> None:
        """Go on."""
        self._running.set()

    def settle(self) -> None:
        """Wait until the inbox is empty, then bring the search index up to the log."""
        until = clock.now() + timedelta(seconds=10)
        while clock.now() < until:
            with self.admin_control() as admin:
                if admin.execute("SELECT count(*) FROM audit_inbox").fetchone() == (0,):
                    break
        with self.rt.engine.connect() as connection:
            while index_new(connection):
                continue

    def admin_control(self) -> psycopg.Connection[Any]:
        """A superuser's connection to the control database."""
        return self.province.admin(self.control)

    def admin_office(self, office: str) -> psycopg.Connection[Any]:
        """A superuser's connection to an office's database."""
        return self.province.admin(self.province.dbnames[office])

    def actor(self, username: str) -> Actor:
        """The officer as of this moment, as if signed in."""
        with transaction(self.rt) as session:
            return actor_for(
                session, officer_named(session, username), Origin("cli", "127.0.0.1"), self.now()
            )

    def request(self, account: str, *, n: int = 1, number: int = 1, **more: Any) -> LeaseRequest:
        """A good request: person `n` of the host (1: BHYT only, 2: BHXH and BHYT, 3: not in force)."""
        guest, host = account.split("-")[1], account.split("-")[2]
        host = guest if account.startswith("LOCAL") else host
        fields = ("full_name",) if "TKHCTT" in account or "_HC" in account else ()
        words = {
            "dossier": f"{guest}-2018-{number:06d}/CLT",
            "subject": synthetic.number(host, n),
            "fields": fields,
            "reason": "Cấp lại thẻ do mất",
        }
        return LeaseRequest(account=account, **(words | more))

    def lend(self, username: str, account: str, **more: Any) -> LeaseView:
        """Borrow the account for a client of one's own; the answer holds the connection string."""
        request = self.request(account, **({"client": True} | more))
        return leasing.open_lease(self.rt, self.actor(username), request)

    def records(self, event: str | None = None) -> list[dict[str, Any]]:
        """Every record of the log (sequenced or not), oldest first; of one event when named."""
        query = (
            "SELECT convert_from(leaf, 'UTF8')::jsonb FROM audit_log UNION ALL"
            " SELECT convert_from(leaf, 'UTF8')::jsonb FROM audit_inbox"
        )
        with self.admin_control() as admin:
            found = [row[0] for row in admin.execute(query)]
        return [leaf for leaf in sorted(found, key=lambda leaf: leaf["at"]) if event in (None, leaf["event"])]

    def roles_with_login(self) -> set[str]:
        """The account roles that may log in now, on the whole server."""
        with self.province.admin() as admin:
            return {
                row[0]
                for row in admin.execute(
                    "SELECT rolname FROM pg_roles"
                    " WHERE rolcanlogin AND rolname ~ '^(tkcl|tkhctt|local_cl|local_hc)_'"
                )
            }

    def sessions_of_accounts(self) -> int:
        """How many sessions of account roles are open on the server."""
        with self.province.admin() as admin:
            row = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE usename ~ '^(tkcl|tkhctt|local_cl|local_hc)_'"
            ).fetchone()
            return int(row[0]) if row else 0

    def forget_older_logs(self) -> None:
        """Read the server's log from here on: what earlier tests did is no evidence about this one."""
        with self.rt.offices.witness("DML") as connection:
            mark = log_mark_now(connection)
        assert mark is not None, "the test server writes a JSON log"
        with self.admin_control() as admin:
            admin.execute(
                "INSERT INTO evidence_mark (name, position, detail, read_at) VALUES (%s, %s, %s, now())",
                (f"log:{mark.system_identifier}", mark.offset, mark.file),
            )

    def close(self) -> None:
        """Stop the sequencer and give connections back."""
        self._stopping.set()
        self._running.set()
        self._thread.join(5)
        self._sequencer.close()
        self.rt.close()


@contextmanager
def fresh_world(province: Province) -> Iterator[World]:
    """A world with a control database of its own, and clean offices."""
    control = f"c_{uuid4().hex[:10]}"
    province.clear_offices()
    with province.admin() as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(control), sql.Identifier(CONTROL))
        )
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(control)))
        admin.execute(
            sql.SQL(
                "GRANT CONNECT ON DATABASE {} TO accessctl_app, accessctl_sequencer, accessctl_reader"
            ).format(sql.Identifier(control))
        )
    world = World(province, control)
    try:
        world.forget_older_logs()
        yield world
    finally:
        world.close()
        with province.admin() as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(control)))


def eventually(check: Callable[[], Any], *, within: float = 10.0) -> Any:
    """The first true answer of `check`; fails when there is none in time."""
    until = clock.now() + timedelta(seconds=within)
    while True:
        found = check()
        if found:
            return found
        assert clock.now() < until, f"not within {within} s"
        threading.Event().wait(0.05)


__all__ = ["PASSWORD", "SEED", "Province", "World", "eventually", "fresh_world"]
