"""A process of the service for fault tests: does what it is told, says each step, and dies where it is told.

`python -m tests.faults.driver SOCKET` forks one process for each request: [FOLDER, ACTION, WORD…] with two pipes
starts it, an id waits for its end. FOLDER holds `accessctl.env`. What a process says is one JSON object a line.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.exc import OperationalError

from accessctl import clock
from accessctl.config import Settings
from accessctl.errors import AccessError, Conflict
from accessctl.jobs import sequencer
from accessctl.jobs.loop import configure_log
from accessctl.jobs.sequencer import SequencerLoop
from accessctl.officedb import leases as office_leases
from accessctl.officedb import synthetic
from accessctl.services import leasing
from accessctl.services.actor import Actor, Origin, actor_for, officer_named
from accessctl.services.control import transaction
from accessctl.services.leasing import LeaseRequest
from accessctl.services.runtime import Runtime, build_runtime
from accessctl.store import journal
from tests.common.forks import PATIENCE, serve


def say(**facts: Any) -> None:
    """One line for the parent, at once: the next instruction may be the last."""
    os.write(1, json.dumps(facts, default=str).encode() + b"\n")


def dying_at(place: str) -> Callable[[str], None]:
    """A step callback: a real SIGKILL at the named place; nothing is cleaned up, as with a power cut."""

    def step(name: str) -> None:
        say(step=name)
        if name == place:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def die_between_role_and_sessions(step: Callable[[str], None]) -> None:
    """The host's two halves of a closing: the role has lost its login, its sessions still live."""
    end_sessions = office_leases.end_sessions

    def ended(conn: psycopg.Connection, role: str, *, lease: str | None = None) -> int:
        step("closing.cut")
        return end_sessions(conn, role, lease=lease)

    office_leases.end_sessions = ended


def actor(rt: Runtime, username: str) -> Actor:
    with transaction(rt) as session:
        return actor_for(session, officer_named(session, username), Origin("cli", "127.0.0.1"), rt.now())


def request(account: str, number: int) -> LeaseRequest:
    kind, guest, host = account.split("-")
    fields = ("full_name",) if kind == "TKHCTT" else ()
    return LeaseRequest(
        account=account, dossier=f"{guest}-2018-{number:06d}/CLT", subject=synthetic.number(host, 1),
        fields=fields, reason="Cấp lại thẻ do mất", client=True,
    )  # fmt: skip


def open_(rt: Runtime, username: str, account: str, kill_at: str) -> None:
    who = actor(rt, username)
    rt.step = dying_at(kill_at)
    say(lease=leasing.open_lease(rt, who, request(account, 1)).lease)


def close(rt: Runtime, username: str, lease: str, kill_at: str) -> None:
    who = actor(rt, username)
    rt.step = dying_at(kill_at)
    die_between_role_and_sessions(rt.step)
    done = leasing.close_lease(rt, who, lease)
    say(state=done.state)


def ask_at(rt: Runtime, username: str, account: str, rounds: str, instant: str) -> None:
    """Ask for an account at the same instants as other processes; give up when told to, who waits before who holds."""
    who = actor(rt, username)
    for turn in range(int(rounds)):
        _sleep_until(_told(f"{instant}-{turn}"))
        answer = leasing.open_lease(rt, who, request(account, turn + 1))
        say(turn=turn, user=username, state=answer.state, lease=answer.lease, position=answer.position)
        _told(f"{instant}-{turn}-{answer.state}")
        _give_back(rt, who, answer.lease)
        say(left=turn)


def _told(instant: str) -> float:
    """Say that we are ready; the instant (seconds of the epoch) stands in this file once everybody is."""
    say(ready=True)
    while not (file := Path(instant)).exists():
        time.sleep(0.01)
    return float(file.read_text())


def _sleep_until(instant: float) -> None:
    time.sleep(max(0.0, instant - time.time()))


def hammer(rt: Runtime, username: str, accounts: str, times: str) -> None:
    """Borrow, log in, return, so many times; says from when to when each account was certainly ours."""
    until, dice = time.monotonic() + PATIENCE, random.Random(username)
    names, number, held = accounts.split(","), 1, 0
    while held < int(times) and time.monotonic() < until:
        who, number = actor(rt, username), number + 1
        try:
            lease = leasing.open_lease(rt, who, request(dice.choice(names), number))
        except Conflict as error:
            say(refused=error.code)
            continue
        if lease.state == "QUEUED":
            lease = _wait_or_leave(rt, who, lease, until)
        if lease.dsn:
            held_from = time.time()
            with psycopg.connect(lease.dsn) as client:
                client.execute("SELECT 1")
            say(held=lease.account, lease=lease.lease, since=held_from, till=time.time())
            held += 1
        _give_back(rt, who, lease.lease)


def again(rt: Runtime, username: str, account: str, rounds: str, instant: str) -> None:
    """From one instant on, borrow and return for the very same dossier, as often as it is given."""
    who = actor(rt, username)
    _sleep_until(_told(instant))
    for _ in range(int(rounds)):
        try:
            lease = leasing.open_lease(rt, who, request(account, 1))
        except AccessError as error:
            say(refused=error.code)
            continue
        say(state=lease.state, lease=lease.lease)
        _give_back(rt, who, lease.lease)


def _wait_or_leave(rt: Runtime, who: Actor, lease: leasing.LeaseView, until: float) -> leasing.LeaseView:
    patience = min(time.monotonic() + 0.3, until)
    while lease.state == "QUEUED" and time.monotonic() < patience:
        time.sleep(0.02)
        lease = leasing.show_lease(rt, who, lease.lease)
    return lease


def _give_back(rt: Runtime, who: Actor, lease: str) -> None:
    try:
        leasing.close_lease(rt, who, lease)
    except AccessError as error:
        if error.code != "lease.no_longer_queued":  # its turn came at this very moment
            raise
        leasing.close_lease(rt, who, lease)


def write(rt: Runtime, name: str, writers: str, records: str) -> None:
    """Many writers: leave a record, wait for the checkpoint over it, and only then call it acknowledged."""

    def writer(mine: int) -> None:
        for number in range(int(records)):
            fields = {"event": "finding.raised", "outcome": "ok", "who": f"{name}.{mine}", "n": number}
            identity = _leave(rt, fields)
            journal.await_checkpoint(rt.sessions, identity, patience=PATIENCE)
            say(acknowledged=identity)

    with ThreadPoolExecutor(int(writers)) as pool:
        list(pool.map(writer, range(int(writers))))


def _leave(rt: Runtime, fields: dict[str, Any]) -> int:
    """Once more while 64 writers at once cannot all connect within the three seconds that a page would wait."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with rt.sessions.begin() as session:
                return journal.leave(session, at=clock.now(), fields=fields)
        except OperationalError:
            if time.monotonic() > until:
                raise


def sequence(settings: Settings) -> None:
    """A sequencer's loop until the end; says when it was elected."""
    loop = SequencerLoop(settings)
    loop.pause = lambda _: time.sleep(0.05)
    elected = False
    while True:
        loop.turn()
        if loop._sequencer is not None and not elected:
            elected = True
            say(elected=True)


ACTIONS: dict[str, Callable[..., None]] = {
    "open": open_, "close": close, "ask": ask_at, "hammer": hammer, "write": write, "again": again,
}  # fmt: skip


def main(folder: str, action: str, *words: str) -> None:
    settings = Settings.load(Path(folder))
    configure_log()  # to standard error: standard output is the parent's
    if action == "sequence":
        sequence(settings)
    if action == "stand_by":
        sequencer.run(settings)
        return
    rt = build_runtime(
        settings, pool=16
    )  # a connection for each writer: more would be closed at every return
    ACTIONS[action](rt, *words)
    rt.close()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), main)
