"""The names of the roles that accessctl uses on an office's server (access.md §2)."""

from __future__ import annotations

from accessctl.domain.accounts import Kind

OWNER = "accessctl_owner"
BROKER = "accessctl_broker"
WITNESS = "accessctl_witness"
MARKER = "accessctl_managed"
GROUPS = tuple(kind.group for kind in Kind)
SERVICE = (BROKER, WITNESS)
OURS = (OWNER, *SERVICE, MARKER, *GROUPS)
COMMENT = "accessctl: managed by the service, see access.md"
TRIGGER = "accessctl_login"
