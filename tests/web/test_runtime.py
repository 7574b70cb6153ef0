"""What a process keeps, and when it looks at the policy's files again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from accessctl.services import runtime
from tests.common.world import World


def test_a_slow_reading_holds_up_nobody_who_wants_something_else(quiet_world: World) -> None:
    rt, begun, go_on = quiet_world.rt, threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go_on.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(rt.kept, "slow", 60, slow)
        assert begun.wait(10)
        assert rt.kept("quick", 60, lambda: "quick") == "quick"
        assert not waiting.done()
        go_on.set()
        assert waiting.result(10) == "slow"


def test_of_several_who_miss_the_same_thing_one_reads_it(quiet_world: World) -> None:
    read: list[int] = []
    gate = threading.Barrier(4)

    def ask(_: int) -> int:
        gate.wait(10)
        return quiet_world.rt.kept("once", 60, lambda: read.append(1) or len(read))

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, range(4))) == {1}
    assert quiet_world.rt.kept("once", 0, lambda: read.append(1) or len(read)) == 2, "too old: read anew"


def test_one_look_asks_the_files_of_the_policy_once_and_the_next_one_again(
    quiet_world: World, monkeypatch
) -> None:
    rt, looks = quiet_world.rt, []
    monkeypatch.setattr(rt.gate, "refresh", lambda: looks.append(1))
    for _ in range(2):
        with runtime.one_look():
            assert [rt.policy() for _ in range(3)] == [rt.gate] * 3
    assert len(looks) == 2
    rt.policy()
    rt.policy()
    assert len(looks) == 4, "whatever is no such request looks at each question"
