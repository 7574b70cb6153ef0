"""What the policy wants in an office's database, and the comparison of a database with it (policy.md §4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from accessctl.access.loader import PolicySet
from accessctl.access.wanted import wanted_functions
from accessctl.domain.accounts import AccountState, Kind
from accessctl.domain.permissions import Permission
from accessctl.errors import NotFound, Unavailable
from accessctl.officedb import catalogue
from accessctl.officedb.drift import Drift, Server, compare
from accessctl.officedb.drift_sql import grant, join, quoted
from accessctl.officedb.grants import Options, Right, Wanted, wanted
from accessctl.services.actor import Actor
from accessctl.services.authorize import require
from accessctl.services.control import transaction
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Office

_HOURS = 3600.0  # seconds

Look = Callable[[catalogue.Session], list[Drift]]


@dataclass(frozen=True, slots=True)
class WantedLine:
    """One thing that the policy wants: a right, a membership or the attributes of a role. `sql` would give it."""

    role: str
    what: str
    object: str
    privileges: str
    sql: str


@dataclass(frozen=True, slots=True)
class OfficeGrants:
    """Everything that one office's database should give; nothing else."""

    office: str
    database: str
    policy_version: str
    lines: tuple[WantedLine, ...]


def inspection(rt: Runtime, office: str) -> Look:
    """A look at this office's database, for any connection to it. Raises NotFound("office.unknown"), Unavailable."""
    policy = _policy(rt)
    functions = _functions(rt, policy)
    with transaction(rt) as session:
        server = _server(rt, session, office, policy.version)

    def look(conn: catalogue.Session) -> list[Drift]:
        found = catalogue.read(conn, server.elsewhere)
        return compare(found, wanted(found.dbname, functions, found.accounts), server)

    return look


def listed(rt: Runtime, actor: Actor, office: str) -> OfficeGrants:
    """What the policy wants at an office, line by line; its database is not asked."""
    require(rt, actor, Permission.DRIFT_VIEW, office)
    policy = _policy(rt)
    dbname = quoted(_place(rt, office)[2])
    with transaction(rt) as session:
        accounts = {
            role: kind
            for role, kind in session.execute(
                select(Account.role, Account.kind).where(
                    Account.host == office, Account.state != AccountState.RETIRED.value
                )
            )
        }
    return OfficeGrants(
        office, dbname, policy.version, _lines(wanted(dbname, _functions(rt, policy), accounts))
    )


def _policy(rt: Runtime) -> PolicySet:
    """The policy in force; nothing can be compared while there is none."""
    table = rt.policy().table
    if table is None:
        raise Unavailable("policy.broken_at_start", why=str(rt.gate.broken))
    return table.policy


def _functions(rt: Runtime, policy: PolicySet) -> Mapping[Kind, tuple[str, ...]]:
    """Casbin is asked once for each policy, not at every look."""

    def decided() -> Mapping[Kind, tuple[str, ...]]:
        return {kind: tuple(str(right) for right in wanted_functions(kind, policy)) for kind in Kind}

    return rt.kept(f"functions of kinds {policy.version}", _HOURS, decided)


def _place(rt: Runtime, office: str) -> tuple[str, int, str]:
    if office not in rt.offices.offices:
        raise NotFound("office.unknown", office=office[:20])
    return rt.offices.place(office)


def _server(rt: Runtime, session: Session, office: str, version: str) -> Server:
    """What may stand beside this office on one server: told by the names of databases, for one server may have many
    addresses, and whoever took a neighbour's accounts for strangers would cut them off.
    """
    _place(rt, office)
    dbnames = {code: rt.offices.place(code)[2] for code in rt.offices.offices}
    roles = session.execute(select(Account.role, Account.host)).all()
    known = session.get(Office, office)
    return Server(
        databases=frozenset(dbname for code, dbname in dbnames.items() if code != office),
        elsewhere={role: dbnames.get(host, "") for role, host in roles if host != office},
        ledger=frozenset(role for role, host in roles if host == office) or None,
        behind=known is not None and known.policy_version not in (None, version),
    )


def _lines(want: Wanted) -> tuple[WantedLine, ...]:
    lines = [_right(right) for right in sorted(want.rights, key=str)]
    lines += [_member(member, group, options) for (member, group), options in want.members.items()]
    lines += [
        WantedLine(role, "attribute", role, words, f"ALTER ROLE {quoted(role)} {words}")
        for role, held in want.attributes.items()
        if (words := " ".join(sorted(held)) or "NOLOGIN")
    ]
    return tuple(sorted(lines, key=lambda line: (line.role, line.what, line.object, line.privileges)))


def _right(right: Right) -> WantedLine:
    sql = grant(right.role, right.cls, right.object, [right.privilege], right.part, option=right.grantable)
    privilege = f"{right.privilege} ({right.part})" if right.part else right.privilege
    return WantedLine(right.role, "grant", f"{right.cls} {right.object}", privilege, sql)


def _member(member: str, group: str, options: Options) -> WantedLine:
    return WantedLine(member, "membership", group, options.sql, join(member, group, options))
