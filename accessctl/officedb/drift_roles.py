"""Deviations of roles: attributes, settings stored for them, and who is member of whom with which options."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from accessctl.officedb import drift_sql as say
from accessctl.officedb import roles
from accessctl.officedb.catalogue import Catalogue, Fact
from accessctl.officedb.drifted import EXTRA, MISSING, Drift
from accessctl.officedb.grants import Options, Wanted

_LIMIT = "2"
"""Sessions that an account may have at once."""
_OF_ALL = frozenset(
    {
        "event_triggers", "session_preload_libraries", "local_preload_libraries", "session_replication_role",
        "default_transaction_isolation", "search_path", "row_security", "log_min_messages", "role",
    }
)  # fmt: skip
"""Settings that touch the gate when they stand for a whole database; the others are the DBA's own affair."""
_GRAVE = frozenset({"search_path", "role", "session_replication_role", "event_triggers"})
_BEYOND_BROKER = frozenset({"SUPERUSER", "CREATEDB", "REPLICATION", "BYPASSRLS"})


def role_drift(found: Catalogue, wanted: Wanted, elsewhere: Collection[str]) -> Iterator[Drift]:
    """Everything about the roles of this office; those of other offices on the server are looked at there."""
    ours = {*roles.OURS, *wanted.accounts}
    for fact in found.of("role"):
        if fact.role in ours:
            yield from _attributes(fact, wanted)
    for fact in found.of("setting"):
        if fact.role in ours or (not fact.role and fact.object.lower() in _OF_ALL):
            yield _setting(fact, wanted)
    facts = [f for f in found.of("member") if _concerns(f, ours, elsewhere)]
    for fact in facts:
        drift = _membership(fact, facts, wanted)
        if drift is not None:
            yield drift
    yield from _not_members(found, facts, wanted)


def _attributes(fact: Fact, wanted: Wanted) -> Iterator[Drift]:
    account = fact.role in wanted.accounts
    held = set(fact.options.split())
    lent = {"LOGIN"} if account and "endless" not in fact.note else set()
    needed = wanted.attributes.get(fact.role, frozenset())
    extra, lacking = sorted(held - needed - lent), sorted(needed - held)
    if extra:
        sql, who = say.attributes(fact.role, extra, account=account, raised=bool(held & _BEYOND_BROKER))
        yield Drift(fact.role, "attribute", " ".join(extra), sql, EXTRA, 1, who, tuple(extra))
    if lacking:
        sql = f"ALTER ROLE {say.quoted(fact.role)} {' '.join(lacking)}"
        yield Drift(fact.role, "missing", " ".join(lacking), sql, MISSING, 2, say.ADMIN, tuple(lacking))
    if account and fact.note.split()[-1] != _LIMIT:
        sql = f"ALTER ROLE {say.quoted(fact.role)} CONNECTION LIMIT {_LIMIT}"
        who = say.ADMIN if "SUPERUSER" in held else say.BROKER
        yield Drift(fact.role, "attribute", "CONNECTION LIMIT", sql, EXTRA, 2, who, note="limit")


def _setting(fact: Fact, wanted: Wanted) -> Drift:
    sql, who = say.reset(fact, account=fact.role in wanted.accounts)
    grave = fact.object.lower() in _GRAVE or fact.object.lower().endswith("preload_libraries")
    where = f" in {fact.cls}" if fact.cls else ""
    return Drift(fact.role or "-", "setting", f"{fact.object}{where}", sql, EXTRA, 1 if grave else 2, who,
                 note=fact.note[:60])  # fmt: skip


def _concerns(fact: Fact, ours: Collection[str], elsewhere: Collection[str]) -> bool:
    """Not what concerns accounts of other offices only, with their own groups or the broker."""
    if fact.object in elsewhere:
        return False
    if fact.role in elsewhere and fact.object in (roles.MARKER, *roles.GROUPS):
        return False
    return fact.role in ours or fact.object in ours


def _membership(fact: Fact, facts: list[Fact], wanted: Wanted) -> Drift | None:
    """One line of pg_auth_members; a pair may have several, one from each grantor."""
    options = wanted.members.get((fact.role, fact.object))
    if options is not None and options.fits(fact.options):
        return None
    joins_ours = fact.object in wanted.accounts or fact.object in roles.OURS
    what = "member" if joins_ours and fact.role not in wanted.accounts else "membership"
    role, other = (fact.object, fact.role) if what == "member" else (fact.role, fact.object)
    sql, who = say.leave(fact)
    if options is not None and not _another(fact, facts, options):
        sql = say.join(fact.role, fact.object, options, fact.grantor)
    return Drift(role, what, other, sql, EXTRA, 1, who, tuple(fact.options.split()), note=fact.note)


def _another(fact: Fact, facts: list[Fact], options: Options) -> bool:
    same = (f for f in facts if (f.role, f.object) == (fact.role, fact.object) and f is not fact)
    return any(options.fits(other.options) for other in same)


def _not_members(found: Catalogue, facts: list[Fact], wanted: Wanted) -> Iterator[Drift]:
    there = {(fact.role, fact.object) for fact in facts}
    known = {fact.role for fact in found.of("role")}
    for (member, group), options in sorted(wanted.members.items()):
        if member not in known or (member, group) in there:
            continue
        who = say.BROKER if member in wanted.accounts else say.ADMIN
        yield Drift(member, "missing", f"role {group}", say.join(member, group, options), MISSING, 2, who)
