"""Processes that need not import anything any more: each is forked from one that has done so.

Both ends are here: `Forks` in the test, `serve` in the program from which the processes are forked.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]
PATIENCE = (
    200.0  # seconds for anything that a process should have done long ago, on a machine that is very busy
)


class Forks:
    """A program that serves forks of itself: each request is one, with pipes or files of its own."""

    def __init__(self, module: str) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server = subprocess.Popen(
            [sys.executable, "-m", module, str(theirs.fileno())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        ours.settimeout(PATIENCE)
        self._line = ours
        self._turn = threading.Lock()

    def fork(self, words: list[str], out: int, complaints: int, given: int | None = None) -> int:
        """A process that does what the words say; its id. `given` is its standard input, else there is none."""
        pipes = [out, complaints] if given is None else [out, complaints, given]
        with self._turn:
            socket.send_fds(self._line, [json.dumps(words).encode()], pipes)
            return int(self._line.recv(100))

    def wait(self, pid: int) -> int:
        """Its exit code, −9 when it was killed."""
        with self._turn:
            self._line.send(json.dumps(pid).encode())
            return int(self._line.recv(100))

    def close(self) -> None:
        """No more processes."""
        self._line.close()
        self._server.wait(PATIENCE)


def serve(line: socket.socket, main: Callable[..., object]) -> None:
    """Fork for each request, until nobody asks any more; `main` gets the words in the new process."""
    gc.freeze()
    while True:
        request, pipes, _, _ = socket.recv_fds(line, 65536, 3)
        if not request:
            return
        asked = json.loads(request)
        if isinstance(asked, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
        else:
            answer = os.fork() or _be(main, asked, line, *pipes)
        for pipe in pipes:
            os.close(pipe)
        line.send(str(answer).encode())


def _be(main: Callable[..., object], words: list[str], line: socket.socket, *pipes: int) -> NoReturn:
    """The forked process, from its first step to its end."""
    line.close()
    for stream, pipe in zip((1, 2, 0), pipes, strict=False):  # no pipe for standard input: there is none
        os.dup2(pipe, stream)
        os.close(pipe)
    code = 1
    try:
        main(*words)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
