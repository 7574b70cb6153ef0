"""The server's configuration: loopback only, scram-sha-256 only, every connection in a JSON log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HOST = "127.0.0.1"
SUPERUSER = "postgres"
FILE = "accessctl.conf"  # included by postgresql.conf, rewritten at each start

# No Unix socket at all: its path has a limit of 107 bytes and its peers no password.
HBA = f"""\
# Written by accessctl. Loopback with a password; nothing else, and no `trust` for anybody.
# TYPE  DATABASE     USER  ADDRESS        METHOD
host    replication  all   0.0.0.0/0      reject
host    all          all   {HOST}/32   scram-sha-256
"""

_ALWAYS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "max_connections": "200",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "shared_preload_libraries": "plpgsql",  # the login trigger's language, loaded once instead of at each login
    "log_destination": "jsonlog",
    "logging_collector": "on",
    "log_filename": "server-%Y%m%d-%H%M%S.log",  # the JSON log takes this name with the ending .json
    "log_rotation_age": "1d",
    "log_rotation_size": "64MB",
    "log_truncate_on_rotation": "off",  # evidence is never overwritten
    "log_disconnections": "on",
    "log_hostname": "off",
}

# For tests: a machine that dies may lose the data. A server that is killed does not: what is committed has
# been written, only not forced to the disk.
_FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "64MB",
}


def text(port: int, log: Path, *, major: int, fast: bool, extra: Mapping[str, str]) -> str:
    """The text of accessctl.conf; `extra` wins over our own settings."""
    settings = {
        **_ALWAYS,
        "port": str(port),
        "log_directory": str(log),
        # 18 can name the steps; before that it is a switch for all of them.
        "log_connections": "receipt,authentication,authorization" if major >= 18 else "on",
        **(_FAST if fast else {}),
        **extra,
    }
    lines = (f"{name} = {_quoted(value)}\n" for name, value in settings.items())
    return "# Written by accessctl at each start: changes made here are lost.\n" + "".join(lines)


def _quoted(value: str) -> str:
    """A value for postgresql.conf (a configuration file's quoting, not SQL's)."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n") + "'"
