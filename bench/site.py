"""A province for measuring: durable PostgreSQL as in production, its worker in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from accessctl.cli import demo_build
from accessctl.cli.demo_build import EXAMPLE, Site
from accessctl.cli.demo_folder import CONTROL, DemoFolder
from accessctl.config import Settings
from accessctl.domain.province import OFFICERS_FILE, PROVINCE_FILE, parse_officers, parse_province
from accessctl.embedded import Cluster
from accessctl.officedb import synthetic
from accessctl.services import leasing
from accessctl.services.actor import Actor, Origin, actor_for, officer_named
from accessctl.services.control import transaction
from accessctl.services.leasing import LeaseRequest
from accessctl.services.runtime import Runtime, build_runtime

ROOT = Path(__file__).parents[1]
PLAIN = "plain"
"""A database without any of ours in it, for the other side of the comparisons."""
PEOPLE = 12


@dataclass
class Bench:
    """What the rows work with."""

    folder: DemoFolder
    cluster: Cluster
    site: Site
    founding: dict[str, float] = field(default_factory=dict)
    """Seconds that the first and the second `province apply` took."""
    changes: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.folder.settings()

    def admin(self, dbname: str = PLAIN) -> psycopg.Connection[Any]:
        """A superuser's connection."""
        return psycopg.connect(self.cluster.dsn(dbname), autocommit=True)

    def admin_office(self, code: str) -> psycopg.Connection[Any]:
        """The same in an office's database."""
        return self.admin(self.site.dbnames[code])


@contextmanager
def province() -> Iterator[Bench]:
    """Build it in a temporary folder by the demo's own steps, start the worker, remove everything."""
    path = Path(tempfile.mkdtemp(prefix="accessctl-bench-"))
    path.chmod(0o711)
    folder = DemoFolder(path / "data")
    folder.make()
    cluster = Cluster(folder.postgres, guarded=True)
    cluster.start()
    try:
        bench = _founded(folder, cluster)
        worker = _worker(bench)
        try:
            _until_elected(bench)
            yield bench
        finally:
            worker.terminate()
            worker.wait(20)
    finally:
        cluster.destroy()
        shutil.rmtree(path, ignore_errors=True)


def _founded(folder: DemoFolder, cluster: Cluster) -> Bench:
    folder.write_settings(cluster, 0)
    founded = parse_province((EXAMPLE / PROVINCE_FILE).read_text(encoding="utf-8")).open_at_all_hours()
    staff = parse_officers((EXAMPLE / OFFICERS_FILE).read_text(encoding="utf-8"), founded)
    site = Site(folder, cluster, founded, staff, PEOPLE)
    bench = Bench(folder, cluster, site)
    folder.write_offices(cluster, site.dbnames)
    for step in (demo_build._control, demo_build._databases, demo_build._gates):
        step(site, lambda *_: None)
    for name in ("first", "second"):
        bench.founding[name], bench.changes[name] = _apply(bench)
    for step in (demo_build._participants, demo_build._staff):
        step(site, lambda *_: None)
    with bench.admin("postgres") as admin:
        admin.execute("CREATE DATABASE plain")
    return bench


def _apply(bench: Bench) -> tuple[float, int]:
    """`accessctl province apply` as a user runs it, start of the program included."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "accessctl.cli", "province", "apply", str(EXAMPLE / PROVINCE_FILE), "--data",
         str(bench.folder.path), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - began, int(json.loads(done.stdout)["count"])


def _worker(bench: Bench) -> subprocess.Popen[bytes]:
    log = (bench.folder.logs / "worker.log").open("ab")
    return subprocess.Popen(
        [sys.executable, "-m", "accessctl.jobs"], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        env=os.environ | {name: str(value) for name, value in bench.settings.env.items()},
    )  # fmt: skip


def _until_elected(bench: Bench) -> None:
    until = time.monotonic() + 30
    with bench.admin(CONTROL) as admin:
        while admin.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchone() is None:
            if time.monotonic() > until:
                raise RuntimeError("the worker was not elected as sequencer within 30 s")
            time.sleep(0.1)
        while admin.execute("SELECT FROM audit_inbox").fetchone() is not None:
            time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class Borrower:
    """An officer and an account of the own office that nobody else in the measurement uses."""

    username: str
    account: str


OFFICES = ("VPT", "GNG", "DGL", "CJT", "DML", "KNO", "DSG", "DRL", "TDC")


def borrowers() -> list[Borrower]:
    """27: at every office one at the card counter and two who collect; hosts spread over the province."""
    found = []
    for number, office in enumerate(OFFICES):
        for step, name, kind in ((1, "the1", "TKCL"), (2, "thu1", "TKHCTT"), (3, "thu2", "TKHCTT")):
            host = OFFICES[(number + step) % len(OFFICES)]
            found.append(Borrower(f"{office.lower()}.{name}", f"{kind}-{office}-{host}"))
    return found


def actor(rt: Runtime, username: str) -> Actor:
    """The officer, signed in."""
    with transaction(rt) as session:
        return actor_for(session, officer_named(session, username), Origin("cli", "127.0.0.1"), rt.now())


def request(borrower: Borrower, number: int, *, client: bool = True) -> LeaseRequest:
    """A good request; in client mode the secret is in the answer."""
    kind, guest, host = borrower.account.split("-")
    return LeaseRequest(
        account=borrower.account, dossier=f"{guest}-2018-{number:06d}/CLT", subject=synthetic.number(host, 1),
        fields=("full_name",) if kind == "TKHCTT" else (), reason="Cấp lại thẻ do mất", client=client,
    )  # fmt: skip


def lend(rt: Runtime, who: Actor, borrower: Borrower, number: int) -> leasing.LeaseView:
    """Check out; the secret is in the answer."""
    return leasing.open_lease(rt, who, request(borrower, number))


def runtime(bench_folder: Path) -> Runtime:
    """A process' own view of the service."""
    return build_runtime(Settings.load(bench_folder), pool=4)
