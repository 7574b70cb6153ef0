"""A wire that can be cut: bytes between a client and PostgreSQL, until a word passes by (S31)."""

from __future__ import annotations

import socket
import threading
from enum import Enum
from types import TracebackType
from typing import Self


class Cut(Enum):
    """When the wire breaks: with the word still on this side, or with its answer."""

    BEFORE = "the word never reaches the server"
    AFTER = "the server does it; its answer never comes back"


class Wire:
    """Listens on a free loopback port and forwards to `port`; once `cut` is set, breaks at the next `word`."""

    def __init__(self, port: int, word: bytes) -> None:
        self._port = port
        self._word = word
        self.cut: Cut | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()
        for thread in self._threads:
            thread.join(5)

    def drop(self) -> None:
        """Both ends of every connection lose it at once."""
        for end in self._sockets:
            break_off(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [client, server]
            done = threading.Event()
            for work in (self._forth, self._back):
                self._threads.append(threading.Thread(target=work, args=(client, server, done), daemon=True))
                self._threads[-1].start()

    def _forth(self, client: socket.socket, server: socket.socket, done: threading.Event) -> None:
        while data := received(client):
            if self.cut and self._word in data:
                if self.cut is Cut.BEFORE:
                    break
                done.set()
            server.sendall(data)
        if not done.is_set():
            break_off(client)
            break_off(server)

    def _back(self, client: socket.socket, server: socket.socket, done: threading.Event) -> None:
        while data := received(server):
            if done.is_set():  # the server has answered: it is committed, and nobody here learns of it
                break
            client.sendall(data)
        break_off(client)
        break_off(server)


def received(end: socket.socket) -> bytes:
    """The next bytes; none when the connection is over, however it ended."""
    try:
        return end.recv(65536)
    except OSError:
        return b""


def break_off(end: socket.socket) -> None:
    """Break one end for good."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was first
    finally:
        end.close()
