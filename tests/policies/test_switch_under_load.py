"""A policy is exchanged while four processes decide by it: each answer is the answer of one policy, the latest one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event

from accessctl.access import in_force
from accessctl.access.loader import CONSOLE_RULES, default_folder, read_files, version_of
from tests.common.policies import without

CLERK_AT_WORK = """
import os, sys
from pathlib import Path
from accessctl.access import in_force
from accessctl.access.enforcer import Gate, Subject
from accessctl.domain.permissions import Role

state, allows = Path(sys.argv[1]), sys.argv[2]
gate = Gate(offices=("CJT", "DML"), state=state)
head = Subject("cjt.gd", frozenset({Role.UNIT_HEAD}), "CJT")
asked, seen = 0, set()
print("ready", flush=True)
while True:
    last = (state / "stop").exists()
    gate.refresh()
    answer = gate.decide(head, "policy:view", "CJT")
    assert answer.allowed == (answer.policy_version == allows), answer
    assert gate.alarm is None and gate.broken is None
    asked, seen = asked + 1, seen | {answer.policy_version}
    if len(seen) == 2:
        (state / f"seen-both-{os.getpid()}").touch()
    if last:
        break
assert answer.policy_version == in_force.pointed(state), "the next question after a change is decided by it"
print(asked, len(seen))
"""


def test_a_change_under_four_busy_workers_without_one_wrong_answer(tmp_path: Path):
    old = read_files(default_folder())
    new = old | {CONSOLE_RULES: without(old[CONSOLE_RULES], "p, unit_head", "policy:view")}
    for files in (old, new):
        in_force.keep(tmp_path, version_of(files), files)
    in_force.point(tmp_path, version_of(old))
    command = [sys.executable, "-c", CLERK_AT_WORK, str(tmp_path), version_of(old)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for turn in range(2000):
        if turn > 30 and len(list(tmp_path.glob("seen-both-*"))) == 4:
            break
        in_force.point(tmp_path, version_of(new if turn % 2 == 0 else old))
        Event().wait(0.02)
    (tmp_path / "stop").touch()
    said = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
    assert all(int(asked) > 4 and int(seen) == 2 for asked, seen in said), said
