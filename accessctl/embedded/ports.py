"""Ports on loopback."""

from __future__ import annotations

import random
import socket

from accessctl.embedded.problems import ClusterError, Problem
from accessctl.embedded.settings import HOST

# Below the range from which systems give ports to outgoing connections, so that a port kept over a
# restart is rarely found taken.
_RANGE = range(20000, 32000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Can a server listen there now? (Asked as PostgreSQL will ask: with SO_REUSEADDR.)"""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose() -> int:
    """A free port by chance: neighbours that start at the same time rarely want the same one."""
    for _ in range(_TRIES):
        port = random.choice(_RANGE)  # noqa: S311  # no secret
        if is_free(port):
            return port
    raise ClusterError(Problem.PORT_TAKEN, f"no free port between {_RANGE.start} and {_RANGE.stop} on {HOST}")
