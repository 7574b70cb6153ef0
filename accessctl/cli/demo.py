"""`accessctl demo`: a whole province on one machine, to try out. One command, Ctrl-C ends it all."""

from __future__ import annotations

import fcntl
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import click
from rich.console import Console

from accessctl.cli.demo_folder import DemoFolder
from accessctl.cli.demo_processes import Processes
from accessctl.embedded import Cluster, ClusterError
from accessctl.errors import message

_READY_WITHIN = 60.0


@click.command()
@click.option(
    "--data", required=True, type=click.Path(file_okay=False, path_type=Path), help="The demo's folder."
)
@click.option("--port", default=8000, show_default=True, help="Port of the pages on 127.0.0.1.")
@click.option("--tour", is_flag=True, help="Play a day's account steps against the running demo of --data.")
@click.option(
    "--quick", is_flag=True, help="With --tour: do not wait, two minutes, for an abandoned lease to end."
)
@click.option("--people", type=int, help="Participants for each office instead of the demo's 100 to 300.")
def demo(data: Path, port: int, tour: bool, quick: bool, people: int | None) -> None:
    """Start (and at first build) the demo; or with --tour play a day on the one that runs."""
    if tour:
        from accessctl.cli.tour import tour as play

        raise click.exceptions.Exit(play(data, quick=quick))
    console = Console(stderr=True, highlight=False)
    folder = DemoFolder(data.resolve())
    folder.make()
    with _alone(folder):
        _check_port(port)
        _live(console, folder, port=port, people=people)


@contextmanager
def _alone(folder: DemoFolder) -> Iterator[None]:
    """A second start in the same folder would stop the first one's server at its end."""
    with (folder.path / "running.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(message("demo.already_running", folder=str(folder.path))) from None
        yield


def _check_port(port: int) -> None:
    """Asked before anything is built; whoever answers there now would be taken for our own pages."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            why = f"Cổng {port} không dùng được · port {port} cannot be used ({error.strerror}): --port N, PORT=N"
            raise click.ClickException(why) from None


def _live(console: Console, folder: DemoFolder, *, port: int, people: int | None) -> None:
    """From the start of the server to its end."""
    done = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: done.set())
    try:
        cluster = Cluster(folder.postgres)
        cluster.start()
    except ClusterError as error:
        raise click.ClickException(str(error)) from None
    try:
        _run(console, folder, cluster, port=port, people=people, done=done)
    finally:
        cluster.stop()
        console.print("Đã dừng · Stopped.")


def _run(
    console: Console,
    folder: DemoFolder,
    cluster: Cluster,
    *,
    port: int,
    people: int | None,
    done: threading.Event,
) -> None:
    from accessctl.cli.demo_build import build

    began = time.monotonic()
    folder.write_settings(cluster, port)
    build(console, folder, cluster, port=port, people=people, stopped=done.is_set)
    if done.is_set():
        return
    with Processes(folder, port) as processes:
        up = _answers(f"http://127.0.0.1:{port}/healthz", processes, done)
        if done.is_set():  # Ctrl-C while starting is no failure
            return
        if not up:
            console.print(f"[bold]Không khởi động được[/bold]; xem · see {folder.logs}")
            raise click.exceptions.Exit(3)
        _greet(console, folder, port, time.monotonic() - began)
        while not done.wait(0.5):
            if (name := processes.fallen()) is not None:
                console.print(f"{name} đã dừng ngoài dự kiến · stopped unexpectedly; {folder.logs}")
                raise click.exceptions.Exit(3)
        console.print("\nĐang dừng… · Stopping…")


def _answers(url: str, processes: Processes, done: threading.Event) -> bool:
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until and not done.is_set() and processes.fallen() is None:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own page on loopback
                return bool(answer.status == 200)
        except (URLError, OSError):
            time.sleep(0.1)
    return False


def _greet(console: Console, folder: DemoFolder, port: int, seconds: float) -> None:
    known = folder.demo_json()
    console.print(
        f"\n[bold]accessctl[/bold] đã sẵn sàng sau {seconds:.1f} giây · ready · [bold]{known['url']}[/bold]"
    )
    console.print("Các đơn vị của bản trình diễn mở cửa mọi giờ · the demo's offices are open at all hours.")
    console.print(
        f"Mật khẩu của mọi cán bộ · everybody's password: [bold]{known['people'][0]['password']}[/bold]\n"
    )
    for label, role, office in _SIGN_INS:
        console.print(f"  {_somebody(known['people'], role, office):<12} {label}")
    console.print(
        f"\n  accessctl demo --tour --data {folder.path}   một ngày làm việc · a day played through"
    )
    console.print("  Ctrl-C dừng tất cả · stops everything\n")


def _somebody(people: list[dict[str, Any]], role: str, office: str) -> str:
    """Who has this role there; of several, the one with the fewest others."""
    able = [who for who in people if who["office"] == office and role in who["roles"]]
    return str(min(able, key=lambda who: len(who["roles"]))["username"])


_SIGN_INS = (
    ("cán bộ Cấp sổ, thẻ Cư Jút · card clerk", "card", "CJT"),
    ("cán bộ Thu Cư Jút · collection clerk", "collection", "CJT"),
    ("cán bộ quản lý TKCL Cư Jút · TKCL custodian", "custodian_tkcl", "CJT"),
    ("Giám đốc BHXH huyện Cư Jút · unit head", "unit_head", "CJT"),
    ("Phòng Công nghệ thông tin · IT", "it_admin", "VPT"),
    ("cán bộ thanh tra - kiểm tra · auditor", "auditor", "VPT"),
    ("Giám đốc BHXH tỉnh · provincial director", "director", "VPT"),
)
