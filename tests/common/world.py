"""A whole province for tests: nine real office databases, a control database of one's own, a running sequencer.

Built once for each worker process by the very steps of the demo; each test gets a control database as it was
made and office databases without leases, logins or acts.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from flask import Flask
from psycopg import sql

from accessctl import clock
from accessctl.access.enforcer import Gate
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
from accessctl.store.journal import WAKE
from accessctl.store.sequencing import index_new
from tests.common.control import ControlDatabase, ControlDatabases
from tests.common.kept import Connections
from tests.common.logins import make_cheap
from tests.common.standing import Standing

PEOPLE = 12


_ACCOUNTS = "'^(tkcl|tkhctt|local_cl|local_hc)_'"
_WRITTEN = (
    "access.lease_end",
    "access.login",
    "access.act",
    "access.lease",
    "bhyt.reissue",
    "bhyt.correction",
)
_CORRECTABLE = "full_name, birth_date, birth_year_only, sex, address, id_no, initial_care"
_CHANGED = "m.bhxh_no = p.bhxh_no AND (m.*)::text IS DISTINCT FROM (p.*)::text"
_AS_MADE = f"""
    UPDATE bhyt.participant p SET ({_CORRECTABLE}) = (SELECT {_CORRECTABLE} FROM as_made.participant m
     WHERE m.bhxh_no = p.bhxh_no)
     WHERE EXISTS (SELECT FROM as_made.participant m WHERE {_CHANGED})
"""  # noqa: S608 - constants
_ROWS = " OR ".join(f"EXISTS (SELECT FROM {table})" for table in _WRITTEN)
_TOUCHED = (
    f"SELECT {_ROWS} OR EXISTS (SELECT FROM bhyt.participant p JOIN as_made.participant m ON {_CHANGED})"  # noqa: S608
)


@dataclasses.dataclass
class Province:
    """What is built once: the folder with keys and settings, the server, the template of the control database."""

    folder: DemoFolder
    cluster: Cluster
    dbnames: dict[str, str]

    def __post_init__(self) -> None:
        self.server = Standing(self.cluster.dsn())
        self.offices = {office: Standing(self.cluster.dsn(name)) for office, name in self.dbnames.items()}
        self.controls = ControlDatabases(CONTROL, self.cluster.dsn, self.server)
        self.gate = Gate(self.folder.settings().policies)
        self.kept = Connections()
        self.pages: Flask | None = (
            None  # likewise: two hundred routes take longer to set up than most tests run
        )

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
        settings = folder.settings()
        urls = (settings.database_url, settings.sequencer_url, settings.env["ACCESSCTL_READER_URL"])
        offices = (dsn for dsns in settings.office_dsns.values() for dsn in dsns.values())
        make_cheap(cluster, (*urls, *offices))
        made = cls(folder, cluster, site.dbnames)
        for office in made.offices.values():
            office.tell("CREATE SCHEMA as_made")
            office.tell("CREATE TABLE as_made.participant AS TABLE bhyt.participant")
        made._seal()
        return made

    def _seal(self) -> None:
        """Put what was built under a checkpoint and into the index, so that no test has to."""
        settings = self.folder.settings()
        sequencer = SequencerLoop(settings)
        sequencer.turn()
        sequencer.close()
        rt = build_runtime(settings, pool=1)
        with rt.engine.connect() as connection:
            while index_new(connection):
                continue
        rt.close()

    def admin(self, dbname: str = "postgres") -> psycopg.Connection[Any]:
        """A superuser's connection: the DBA, or an attacker with a DBA's rights."""
        return psycopg.connect(self.cluster.dsn(dbname), autocommit=True)

    def clear_offices(self) -> None:
        """No lease, no login, no act, no role with LOGIN, no drift of the account roles."""
        self.server.ask(
            f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename ~ {_ACCOUNTS}"  # noqa: S608
        )
        for (role,) in self.server.ask(
            f"SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname ~ {_ACCOUNTS}"  # noqa: S608
        ):
            self.server.tell(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(role)))
        for office in self.offices.values():
            if office.ask(_TOUCHED) == [(True,)]:
                office.tell(f"TRUNCATE {', '.join(_WRITTEN)}")
                office.tell(_AS_MADE)

    def close(self) -> None:
        """End the sessions that stood."""
        self.kept.close()
        self.controls.close()
        for session in (self.server, *self.offices.values()):
            session.close()


class World:
    """One test's province. `now` may be moved; the sequencer runs unless it is stopped."""

    def __init__(self, province: Province, database: ControlDatabase) -> None:
        self.province = province
        self.database = database
        self.control = control = database.name
        self.shift = timedelta()
        env = dict(province.folder.settings().env)
        for name in ("ACCESSCTL_DATABASE_URL", "ACCESSCTL_SEQUENCER_URL", "ACCESSCTL_READER_URL"):
            env[name] = env[name].rpartition("/")[0] + f"/{control}"
        env["ACCESSCTL_POLICY_STATE"] = str(province.folder.path / "policy" / uuid4().hex)
        self.settings = Settings(env)
        self.rt = self.runtime()
        province.kept.lend(self.rt)
        self._sequencer = SequencerLoop(self.settings)
        self._sequencer._sequencer = province.kept.sequencer(self.settings.database_url)
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
        if "ACCESSCTL_POLICIES" not in changes:
            gate = copy(self.province.gate)  # with the answers that Casbin has given already
            gate._offices, gate._turn = rt.office_codes, threading.Lock()
            gate._state = rt.settings.policy_state
            rt.__dict__["gate"] = gate
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
            if self.database.session.ask("SELECT count(*) FROM audit_inbox") == [(0,)]:
                break
            self.database.session.tell(f"NOTIFY {WAKE}")  # it would look by itself in a quarter of a second
            threading.Event().wait(0.005)
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
        rows = self.database.session.connection().execute(
            "SELECT leaf FROM audit_log UNION ALL SELECT leaf FROM audit_inbox", binary=True
        )
        found = [dict(_read(row[0])) for row in rows]
        return [leaf for leaf in sorted(found, key=lambda leaf: leaf["at"]) if event in (None, leaf["event"])]

    def roles_with_login(self) -> set[str]:
        """The account roles that may log in now, on the whole server."""
        rows = self.province.server.ask(
            f"SELECT rolname FROM pg_roles WHERE rolcanlogin AND rolname ~ {_ACCOUNTS}"  # noqa: S608
        )
        return {row[0] for row in rows}

    def sessions_of_accounts(self) -> int:
        """How many sessions of account roles are open on the server."""
        ((found,),) = self.province.server.ask(
            f"SELECT count(*) FROM pg_stat_activity WHERE usename ~ {_ACCOUNTS}"  # noqa: S608
        )
        return int(found)

    def forget_older_logs(self) -> None:
        """Read the server's log from here on: what earlier tests did is no evidence about this one."""
        mark = log_mark_now(self.province.offices["DML"].connection())
        assert mark is not None, "the test server writes a JSON log"
        self.database.session.tell(
            "INSERT INTO evidence_mark (name, position, detail, read_at) VALUES (%s, %s, %s, now())",
            (f"log:{mark.system_identifier}", mark.offset, mark.file),
        )

    def close(self) -> list[int]:
        """Stop the sequencer and give connections back; those to the control database that stay for the next."""
        self._stopping.set()
        self._running.set()
        self.database.session.tell(f"NOTIFY {WAKE}")  # it may be waiting for records
        self._thread.join(5)
        return self.province.kept.keep(self.rt, self._sequencer._sequencer)


@lru_cache(maxsize=4096)
def _read(leaf: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(leaf)
    return found


@contextmanager
def fresh_world(province: Province) -> Iterator[World]:
    """A world with a control database of its own, and clean offices."""
    province.clear_offices()
    database = province.controls.take()
    world = World(province, database)
    try:
        world.forget_older_logs()
        yield world
    finally:
        if not province.controls.give_back(database, world.close()):
            province.kept.forget(world.settings.database_url)


def eventually(check: Callable[[], Any], *, within: float = 30.0) -> Any:
    """The first true answer of `check`; fails when there is none in time."""
    until = clock.now() + timedelta(seconds=within)
    while True:
        found = check()
        if found:
            return found
        assert clock.now() < until, f"not within {within} s"
        threading.Event().wait(0.05)


__all__ = ["PASSWORD", "SEED", "Province", "World", "eventually", "fresh_world"]
