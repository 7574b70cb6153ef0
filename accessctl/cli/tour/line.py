"""A line to a server that is cut at the worst moment: the order has gone out, the answer never comes back (S31)."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self


class CutLine:
    """A loopback port that passes one client on to a server until `word` went by, then is dead for the client.

    The server still gets every byte of the order, so what it does is what it would do for a client whose cable
    was pulled. Only for connections without TLS, which the demo's are.
    """

    def __init__(self, host: str, port: int, word: bytes) -> None:
        self._server = (host, port)
        self._word = word
        self._door = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self.cut = False
        """Whether the word came by."""

    @property
    def port(self) -> int:
        """Where the client connects to."""
        return int(self._door.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # wakes an accept that still waits; closing does not
        self._door.close()
        self._thread.join(10)

    def _carry(self) -> None:
        try:
            client, _ = self._door.accept()
        except OSError:  # nobody came, and the door was closed
            return
        with client, socket.create_connection(self._server, timeout=20) as server:
            answers = threading.Thread(target=self._answers, args=(server, client), daemon=True)
            answers.start()
            said = b""
            while not self.cut and (data := client.recv(65536)):
                said = said[-len(self._word) :] + data
                self.cut = self._word in said
                server.sendall(data)
                if self.cut:
                    client.shutdown(socket.SHUT_RDWR)
            server.shutdown(socket.SHUT_WR)
            answers.join(20)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        """What comes back reaches the client only while the line holds; afterwards it is read and lost."""
        while data := server.recv(65536):
            if not self.cut:
                with suppress(OSError):  # the client has gone by itself
                    client.sendall(data)
