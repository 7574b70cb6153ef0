"""Four busy processes while the policy changes under them: not one wrong answer, and the change holds at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accessctl.access.loader import CONSOLE_RULES, default_folder, load

Spoil = Callable[..., None]
LINE = "p, card,             foreign, any-office,  lease:open.tkcl,         servable-case,  allow\n"
ROOT = Path(__file__).parents[2]
CHANGES = 8
WORKERS = 4

# Asks without a pause; each line on its input is a request after which it says what it has just been answered.
WORKER = """
import json, sys, threading
from pathlib import Path
from accessctl.access.enforcer import Gate, Subject
from accessctl.domain.permissions import Role
gate = Gate(Path(sys.argv[1]), frozenset({"VPT", "CJT", "DML"}))
clerk = Subject("an", frozenset({Role.CARD}), "CJT")
seen, asked, stop = {}, 0, threading.Event()
def ask():
    gate.refresh()
    found = gate.decide(clerk, "lease:open.tkcl", "DML", case="lost")
    seen.setdefault(found.policy_version, set()).add(found.allowed)
    return found
def busy():
    global asked
    while not stop.wait(0.0002):
        ask()
        asked += 1
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
print("ready", flush=True)
for line in sys.stdin:
    found = ask()
    print(json.dumps([found.allowed, found.policy_version]), flush=True)
stop.set()
for thread in threads:
    thread.join()
print(json.dumps([asked, {version: sorted(said) for version, said in seen.items()}]), flush=True)
"""


def _line(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    text = process.stdout.readline()
    return json.loads(text) if text[:1] in "[{" else text.strip()


def test_a_change_of_the_policy_under_four_busy_workers_gives_not_one_wrong_answer(
    folder: Path, spoil: Spoil
) -> None:
    path = folder / CONSOLE_RULES
    texts = {load(folder).version: (path.read_bytes(), True)}
    spoil(LINE, "")
    texts[load(folder).version] = (path.read_bytes(), False)
    assert len(texts) == 2
    path.write_bytes((default_folder() / CONSOLE_RULES).read_bytes())
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(folder)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(WORKERS)
    ]
    try:
        assert [_line(worker) for worker in workers] == ["ready"] * WORKERS
        for turn in range(CHANGES):
            version, (data, allowed) = list(texts.items())[(turn + 1) % 2]
            (folder / "next").write_bytes(data)
            (folder / "next").replace(path)
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write("ask\n")
                worker.stdin.flush()
            assert [_line(worker) for worker in workers] == [[allowed, version]] * WORKERS
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()
        for worker in workers:
            asked, seen = _line(worker)
            assert asked > 0
            assert seen == {version: [allowed] for version, (_, allowed) in texts.items()}
            assert worker.wait(20) == 0
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.kill()
            worker.wait(20)
            for stream in (worker.stdin, worker.stdout):
                if stream is not None and not stream.closed:
                    stream.close()
