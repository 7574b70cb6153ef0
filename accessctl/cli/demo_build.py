"""Building a demo: databases, gate, province, participants, custodians. Broken off anywhere, it goes on next time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from accessctl.cli.demo_folder import CONTROL, PASSWORD, DemoFolder
from accessctl.domain.offices import OfficerEntry, Province
from accessctl.domain.province import OFFICERS_FILE, PROVINCE_FILE, parse_officers, parse_province
from accessctl.embedded import Cluster
from accessctl.officedb.credentials import scram_verifier
from accessctl.officedb.reference import create_database, fill_people
from accessctl.officedb.synthetic import SIZES
from accessctl.services import demo_people, officedbs
from accessctl.services import province as provinces
from accessctl.services.runtime import Runtime, build_runtime
from accessctl.store import install

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "daknong"
SEED = 2018

Tick = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Site:
    """What a build works on."""

    folder: DemoFolder
    cluster: Cluster
    founded: Province
    staff: tuple[OfficerEntry, ...]
    people: int | None

    @property
    def dbnames(self) -> dict[str, str]:
        """Office code → its database on the demo's server."""
        return {office.code: office.database.dbname for office in self.founded.offices}


def build(
    console: Console,
    folder: DemoFolder,
    cluster: Cluster,
    *,
    port: int,
    people: int | None,
    stopped: Callable[[], bool],
) -> None:
    """Make what is missing and describe it in demo.json; a finished demo only gets its addresses written anew."""
    founded = parse_province((EXAMPLE / PROVINCE_FILE).read_text(encoding="utf-8")).open_at_all_hours()
    staff = parse_officers((EXAMPLE / OFFICERS_FILE).read_text(encoding="utf-8"), founded)
    site = Site(folder, cluster, founded, staff, people)
    folder.write_offices(cluster, site.dbnames)
    if not folder.built.exists() or people is not None:
        with _bar(console) as bar:
            for title, work in _STEPS:
                if stopped():
                    return
                task = bar.add_task(title, total=1)
                work(site, partial(_tick, bar, task))
                bar.update(task, completed=bar.tasks[task].total)
        rt = _runtime(site)
        demo_people.name_contact_readers(rt)
        rt.close()
        folder.built.touch()
    rt = build_runtime(folder.settings(), pool=2)
    folder.write_demo_json(cluster, port, site.dbnames, demo_people.described(rt, PASSWORD))
    rt.close()


def _tick(bar: Progress, task: TaskID, name: str, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total)


def _bar(console: Console) -> Progress:
    return Progress(TextColumn("{task.description:<46}"), BarColumn(), MofNCompleteColumn(), console=console)


def _control(site: Site, tick: Tick) -> None:
    known = site.folder.secrets()
    verifiers = {f"accessctl_{name}": scram_verifier(known[name]) for name in ("app", "sequencer", "reader")}
    url = site.cluster.dsn().replace("postgresql://", "postgresql+psycopg://", 1)
    install.install(url, CONTROL, verifiers)


def _databases(site: Site, tick: Tick) -> None:
    for number, dbname in enumerate(site.dbnames.values(), start=1):
        create_database(site.cluster.dsn(), dbname)
        tick(dbname, number, len(site.dbnames))


def _gates(site: Site, tick: Tick) -> None:
    rt = _runtime(site)
    for number, (code, dbname) in enumerate(site.dbnames.items(), start=1):
        officedbs.install_office(rt, code, site.cluster.dsn(dbname))
        tick(code, number, len(site.dbnames))
    rt.close()


def _province(site: Site, tick: Tick) -> None:
    rt = _runtime(site)
    provinces.apply(rt, site.founded, site.staff, progress=tick)
    rt.close()


def _participants(site: Site, tick: Tick) -> None:
    for number, (code, dbname) in enumerate(site.dbnames.items(), start=1):
        fill_people(site.cluster.dsn(dbname), code, site.people or SIZES[code].demo, SEED)
        tick(code, number, len(site.dbnames))


def _staff(site: Site, tick: Tick) -> None:
    rt = _runtime(site)
    demo_people.give_passwords(rt, PASSWORD)
    demo_people.appoint_custodians(rt, tick)
    rt.close()


def _runtime(site: Site) -> Runtime:
    return build_runtime(site.folder.settings(), pool=2)


_STEPS: tuple[tuple[str, Callable[[Site, Tick], None]], ...] = (
    ("Cơ sở dữ liệu điều khiển · control database", _control),
    ("Cơ sở dữ liệu 9 đơn vị · office databases", _databases),
    ("Cổng kiểm soát tại mỗi đơn vị · gate", _gates),
    ("Đơn vị, cán bộ, 144 tài khoản · province", _province),
    ("Người tham gia (giả định) · participants", _participants),
    ("Mật khẩu, 18 cán bộ quản lý · custodians", _staff),
)
