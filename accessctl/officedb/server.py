"""What an office's server must be: new enough, UTF8, and logging in JSON for the witness."""

from __future__ import annotations

from typing import Any

import psycopg

from accessctl.errors import Unavailable
from accessctl.officedb.migrations import newest

MINIMUM_SERVER = 170000


def check_server(conn: psycopg.Connection[Any], office: str) -> None:
    """Refuse a server that cannot carry the gate: login event triggers came with 17; text is NFC in UTF8."""
    if conn.info.server_version < MINIMUM_SERVER:
        version = conn.info.parameter_status("server_version")
        raise Unavailable("officedb.too_old", office=office, version=version)
    encoding = conn.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Unavailable("officedb.encoding", office=office, encoding=encoding)


def schema_version(conn: psycopg.Connection[Any]) -> int:
    """The version of the office schema in this database; 0 when there is none."""
    row = conn.execute("SELECT to_regclass('access.version') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        return 0
    row = conn.execute("SELECT coalesce(max(number), 0) FROM access.version").fetchone()
    return int(row[0]) if row else 0


def check_schema(conn: psycopg.Connection[Any], office: str) -> None:
    """Refuse a database without the gate, and one whose schema a newer service has brought further."""
    version = schema_version(conn)
    if version == 0:
        raise Unavailable("officedb.not_installed", office=office)
    if version > newest():
        raise Unavailable("officedb.schema_newer", office=office, found=version, known=newest())


def logging_shortcomings(conn: psycopg.Connection[Any]) -> tuple[str, ...]:
    """What keeps the server's log from being a witness: jsonlog_off, collector_off, log_connections_off,
    log_disconnections_off, log_threshold. Empty: the witness is there."""
    row = conn.execute(
        "SELECT current_setting('log_destination'), current_setting('logging_collector'),"
        " current_setting('log_connections'), current_setting('log_disconnections'),"
        " current_setting('log_min_messages')"
    ).fetchone()
    destination, collector, connections, disconnections, threshold = row or ("", "", "", "", "")
    stages = {word.strip() for word in connections.lower().split(",")}
    found = []
    if "jsonlog" not in {word.strip() for word in destination.lower().split(",")}:
        found.append("jsonlog_off")
    if collector != "on":
        found.append("collector_off")
    if not (stages & {"on", "all", "1", "true", "yes"} or {"authentication", "authorization"} <= stages):
        found.append("log_connections_off")
    if disconnections != "on":
        found.append("log_disconnections_off")
    if threshold in ("fatal", "panic"):
        found.append("log_threshold")
    return tuple(found)
