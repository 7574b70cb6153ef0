"""What the policy wants in an office's database, down to the last right: everything else is a deviation (policy.md §4).

The functions of the groups come from the dbaccount policy and its object map; what the service itself needs, from the
plan of the installation. Nothing is written here a second time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from accessctl.domain.accounts import Kind
from accessctl.officedb import roles
from accessctl.officedb.install_rights import FUNCTIONS_OF_SERVICE, TABLE_RIGHTS

PUBLIC = "PUBLIC"
ANY_FUNCTION = "access."
"""A function of this schema is named without its arguments: each of them has one form."""

_SHORT = {
    "int": "integer", "int4": "integer", "int8": "bigint", "bool": "boolean", "varchar": "character varying",
    "timestamptz": "timestamp with time zone",
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One privilege of one role on one thing, or on one column (`part`) of a table."""

    role: str
    cls: str
    object: str
    privilege: str
    part: str | None = None
    grantable: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How a role is member of another (PostgreSQL 16+); `set` None: of no consequence."""

    admin: bool = False
    inherit: bool = False
    set: bool | None = False

    def fits(self, words: str) -> bool:
        """Whether a membership has these options; `words` as `catalogue.sql` writes them."""
        held = words.split()
        return (
            ("admin" in held) == self.admin
            and ("inherit" in held) == self.inherit
            and (self.set is None or ("set" in held) == self.set)
        )

    @property
    def sql(self) -> str:
        """As a GRANT writes them."""
        word = {True: "TRUE", False: "FALSE", None: "TRUE"}
        return f"ADMIN {word[self.admin]}, INHERIT {word[self.inherit]}, SET {word[self.set]}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that should be there.

    `members`: (member, group) → options; `attributes`: role → what it has beyond a plain NOLOGIN role; `written`: kind
    and signature as `access.wanted` has them for the check before each lease.
    """

    dbname: str
    accounts: Mapping[str, str]
    rights: frozenset[Right]
    members: Mapping[tuple[str, str], Options]
    attributes: Mapping[str, frozenset[str]]
    written: frozenset[tuple[str, str]]

    def functions(self, kind: str) -> frozenset[str]:
        """What accounts of a kind may execute."""
        group = Kind(kind).group
        return frozenset(r.object for r in self.rights if r.role == group and r.cls == "function")


MANAGED = Options()
IN_GROUP = Options(inherit=True)
ADMINISTERS = Options(admin=True)
_PLAIN = Options(inherit=True, set=None)
_SERVICE_MEMBERS = {
    **{(roles.BROKER, group): ADMINISTERS for group in (roles.MARKER, *roles.GROUPS)},
    (roles.BROKER, "pg_signal_backend"): _PLAIN,
    (roles.WITNESS, "pg_read_all_stats"): _PLAIN,
    (roles.OWNER, "pg_monitor"): _PLAIN,
}
_ATTRIBUTES = {
    **{role: frozenset[str]() for role in (roles.OWNER, roles.MARKER, *roles.GROUPS)},
    roles.BROKER: frozenset({"LOGIN", "CREATEROLE"}),
    roles.WITNESS: frozenset({"LOGIN"}),
}
BUILT_IN = frozenset({("schema", "public", "USAGE")})
"""What PUBLIC keeps: looking into an empty schema."""
HARMLESS = frozenset({"type", "language"})
"""Open to everybody in PostgreSQL; whoever may use a type sees no row of it."""


def wanted(dbname: str, grants: Mapping[Kind, Sequence[str]], accounts: Mapping[str, str]) -> Wanted:
    """`dbname` and `accounts` (role → kind) of one office; `grants`: kind → signatures, from the policy."""
    rights = [*_of_service(dbname), *_of_groups(grants)]
    rights += [Right(role, "database", dbname, "CONNECT") for role in accounts]
    members = dict(_SERVICE_MEMBERS)
    for role, kind in accounts.items():
        members[role, Kind(kind).group] = IN_GROUP
        members[role, roles.MARKER] = MANAGED
        members[roles.BROKER, role] = ADMINISTERS
    written = frozenset((kind.value, text) for kind, signatures in grants.items() for text in signatures)
    return Wanted(dbname, accounts, frozenset(rights), members, _ATTRIBUTES, written)


def _of_service(dbname: str) -> Iterator[Right]:
    yield Right(roles.BROKER, "database", dbname, "CONNECT", grantable=True)
    yield Right(roles.WITNESS, "database", dbname, "CONNECT")
    yield Right(roles.OWNER, "parameter", "log_min_error_statement", "SET")
    reader = "pg_catalog.pg_read_binary_file(text,bigint,bigint,boolean)"
    yield Right(roles.OWNER, "function", reader, "EXECUTE")
    for role in roles.SERVICE:
        yield Right(role, "schema", "access", "USAGE")
        for name in FUNCTIONS_OF_SERVICE[role]:
            yield Right(role, "function", f"{ANY_FUNCTION}{name}", "EXECUTE")
    for role, privileges, columns, tables in TABLE_RIGHTS:
        for table in tables:
            for privilege in privileges:
                yield Right(role, "table", f"access.{table}", privilege)
            for column in columns:
                yield Right(role, "table", f"access.{table}", "UPDATE", part=column)


def _of_groups(grants: Mapping[Kind, Sequence[str]]) -> Iterator[Right]:
    for kind, signatures in grants.items():
        yield Right(kind.group, "schema", "bhyt", "USAGE")
        for signature in signatures:
            yield Right(kind.group, "function", _full(signature), "EXECUTE")


def _full(signature: str) -> str:
    """A signature as the catalogue writes it: type names in full, no blanks."""
    name, _, arguments = re.sub(r"\s*,\s*", ",", signature).rstrip(")").partition("(")
    written = [_SHORT.get(word, word) for word in arguments.split(",")] if arguments else []
    return f"{name}({','.join(written)})"
