"""The embedded PostgreSQL behind `make demo` and the tests: one server, one folder, loopback only."""

from __future__ import annotations

from accessctl.embedded.cluster import Cluster
from accessctl.embedded.problems import ClusterError, Problem

__all__ = ["Cluster", "ClusterError", "Problem"]
