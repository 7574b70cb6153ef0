"""What an office's database gives beyond, or short of, what the policy wants: both directions, every object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby

from accessctl.officedb import drift_sql as say
from accessctl.officedb import roles
from accessctl.officedb.catalogue import Catalogue, Fact
from accessctl.officedb.drift_roles import role_drift
from accessctl.officedb.drift_words import words
from accessctl.officedb.drifted import EXTRA, MISSING, Drift
from accessctl.officedb.grants import ANY_FUNCTION, BUILT_IN, HARMLESS, PUBLIC, Right, Wanted

__all__ = ["EXTRA", "MISSING", "Drift", "Server", "compare"]


@dataclass(frozen=True, slots=True)
class Server:
    """What else may stand on this server, by the ledger.

    `databases`: of other offices, `elsewhere`: their accounts and in which of those databases each belongs (empty: of
    an office that has none any more); a database that is not on this server takes its accounts with it. `ledger`: this
    office's own accounts. None: not known, then not compared. `behind`: a newer policy has not been rolled out here
    yet; what it gives comes with the roll-out only, when every office has lost what it takes.
    """

    databases: frozenset[str] | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    ledger: frozenset[str] | None = None
    behind: bool = False

    def seen_from(self, found: Catalogue) -> Server:
        """The same, less what is not here: a role that is named like another office's account is a stranger then."""
        beside = {fact.note for fact in found.of("database") if fact.object != found.dbname}
        retired = {fact.role for fact in found.of("role") if "LOGIN" not in fact.options.split()}
        here = {
            role: dbname for role, dbname in self.elsewhere.items()
            if dbname in beside or (not dbname and role in retired)
        }  # fmt: skip
        return replace(self, elsewhere=here)


def compare(found: Catalogue, wanted: Wanted, server: Server | None = None) -> list[Drift]:
    """Every deviation, those that open something first; empty is the good answer."""
    look = _Look(found, wanted, (server or Server()).seen_from(found))
    drifts = [
        *look.rights(),
        *look.missing(),
        *look.future(),
        *look.things(),
        *look.holdings(),
        *look.triggers(),
    ]
    drifts += [*look.unknown(), *look.written(), *role_drift(found, wanted, look.server.elsewhere)]
    drifts += look.effective(drifts)
    told = [_told(drift) for drift in drifts]
    return sorted(told, key=lambda d: (d.severity, d.rank, d.role, d.object, d.repair or ""))


def _told(drift: Drift) -> Drift:
    vi, en = words(drift)
    return replace(drift, vi=vi, en=en)


@dataclass(frozen=True, slots=True)
class _Look:
    found: Catalogue
    wanted: Wanted
    server: Server
    _index: dict[tuple[str, str, str, str | None, str], bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for right in self.wanted.rights:
            self._index[right.role, right.cls, right.object, right.part, right.privilege] = right.grantable

    def rights(self) -> Iterator[Drift]:
        """Rights that nobody should have; those of one role on one thing by one grantor are one deviation."""
        extra = [fact for fact in self.found.of("right") if not self._is_elsewhere(fact)]
        for option_only in (False, True):
            chosen = sorted((f for f in extra if self._surplus(f) == option_only), key=_group)
            for _key, facts in groupby(chosen, key=_group):
                yield self._right(list(facts), option_only=option_only)

    def _surplus(self, fact: Fact) -> bool | None:
        """False: the right is too much; True: only its grant option is; None: as wanted."""
        if fact.role == PUBLIC and (
            (fact.cls, fact.object, fact.privilege) in BUILT_IN or fact.cls in HARMLESS
        ):
            return None if not fact.options else True
        grantable = self._index.get((fact.role, fact.cls, _known_as(fact), fact.part, fact.privilege))
        if grantable is None:
            return False
        return True if fact.options == "grant" and not grantable else None

    def _right(self, facts: list[Fact], *, option_only: bool) -> Drift:
        first, held = facts[0], tuple(sorted(fact.privilege for fact in facts))
        repair, who = say.revoke(first, held, option_only=option_only)
        if first.cls == "table" and first.part is None and not option_only:
            repair = "; ".join([repair, *self._columns_given_back(first, held)])
        severe = first.note != "foreign" and first.role != roles.WITNESS and first.cls not in HARMLESS
        return Drift(
            first.role, "public" if first.role == PUBLIC else "grant", _thing(first.cls, first.object, first.part),
            repair, EXTRA, 1 if severe else 2, who, held, note="option" if option_only else first.note,
        )  # fmt: skip

    def _columns_given_back(self, fact: Fact, held: tuple[str, ...]) -> Iterator[str]:
        """A REVOKE on a table takes the same right from its columns too, the wanted ones among them."""
        for right in sorted(self.wanted.rights, key=str):
            same = (right.role, right.cls, right.object) == (fact.role, "table", fact.object)
            if same and right.part and right.privilege in held:
                yield say.grant(right.role, "table", right.object, [right.privilege], right.part)

    def _is_elsewhere(self, fact: Fact) -> bool:
        """Of another office of this server: looked at there."""
        if fact.cls != "database" or fact.object == self.wanted.dbname:
            return False
        of_offices = self.server.databases
        name = next((other.note for other in self.found.of("database") if other.object == fact.object), "")
        service = fact.role in roles.SERVICE and (of_offices is None or name in of_offices)
        return fact.role in self.server.elsewhere or service

    def missing(self) -> Iterator[Drift]:
        """Rights that should be there and are not, and what the owner of our schemas was deprived of."""
        held = {
            (f.role, f.cls, _known_as(f), f.part, f.privilege, f.options == "grant")
            for f in self.found.of("right")
        }
        lacking = [
            r for r in self.wanted.rights
            if not any((r.role, r.cls, r.object, r.part, r.privilege, o) in held for o in {True, r.grantable})
            and not (self.server.behind and r.role in roles.GROUPS and r.cls == "function")
        ]  # fmt: skip
        ordered = sorted(
            lacking, key=lambda r: (r.role, r.cls, r.object, r.part or "", r.grantable, r.privilege)
        )
        for _key, rights in groupby(ordered, key=lambda r: (r.role, r.cls, r.object, r.part, r.grantable)):
            yield self._missing(list(rights))
        for fact in self.found.of("lacks"):
            sql = say.grant(fact.role, fact.cls, fact.object, [fact.privilege])
            thing = _thing(fact.cls, fact.object, fact.part)
            yield Drift(fact.role, "missing", thing, sql, MISSING, 2, say.ADMIN, (fact.privilege,))

    def _missing(self, rights: list[Right]) -> Drift:
        r, words = rights[0], [right.privilege for right in rights]
        there = r.cls != "function" or r.object.startswith("pg_") or self._function_exists(r.object)
        who = say.BROKER if r.role in self.wanted.accounts else say.ADMIN
        sql = say.grant(r.role, r.cls, r.object, words, r.part, option=r.grantable) if there else None
        thing = _thing(r.cls, r.object, r.part)
        return Drift(r.role, "missing", thing, sql, MISSING, 2, who if there else None, tuple(words),
                     note="" if there else "absent")  # fmt: skip

    def _function_exists(self, name: str) -> bool:
        things = (f.object for f in self.found.of("thing") if f.cls == "function")
        return any(name in (thing, thing.partition("(")[0]) for thing in things)

    def future(self) -> Iterator[Drift]:
        """Rights that things will have as soon as somebody makes them."""
        facts = sorted(self.found.of("future"), key=_group)
        for _key, found in groupby(facts, key=_group):
            same = list(found)
            held = tuple(sorted(f.privilege for f in same))
            whose = f"{same[0].cls} / {same[0].object}" + (f" / {same[0].part}" if same[0].part else "")
            yield Drift(same[0].role, "default", whose, say.future(same[0], held), EXTRA, 2, say.ADMIN, held)

    def things(self) -> Iterator[Drift]:
        """Guarded things with another owner, and functions that run as their owner wherever the caller leads them."""
        for fact in self.found.of("thing"):
            thing = _thing(fact.cls, fact.object, None)
            if fact.owner != roles.OWNER:
                yield Drift(fact.owner, "owner", thing, say.own(fact.cls, fact.object), EXTRA, 1, say.ADMIN)
            if fact.options == "definer" and fact.note != say.SEARCH_PATH:
                sql = f"ALTER ROUTINE {fact.object} SET search_path = pg_catalog, pg_temp"
                yield Drift(fact.owner, "definer", thing, sql, EXTRA, 1, say.ADMIN)

    def holdings(self) -> Iterator[Drift]:
        """What our roles own outside our schemas, or may in another database: a person has to look."""
        for fact in self.found.of("holds"):
            other, mine = fact.note, fact.role in self.wanted.accounts
            known = self.server.databases is None or other in self.server.databases or other == "template1"
            if fact.role in self.server.elsewhere or (other and not mine and known):
                continue
            what = "owner" if fact.cls == "owner" else "grant"
            yield Drift(fact.role, what, f"database {other}" if other else fact.object, None, EXTRA, 1, None,
                        note="elsewhere" if other else "")  # fmt: skip

    def triggers(self) -> Iterator[Drift]:
        """The watch at the door, and the checks at the commit."""
        for fact in self.found.of("trigger"):
            if not fact.options:
                continue
            if fact.cls:
                sql: str | None = f"ALTER TABLE {fact.cls} ENABLE TRIGGER {fact.object}"
            else:
                sql = say.watch_logins() if fact.object == roles.TRIGGER else None
            thing = f"{fact.object} on {fact.cls}" if fact.cls else fact.object
            yield Drift("-", "trigger", thing, sql, MISSING, 1, say.ADMIN if sql else None)

    def unknown(self) -> Iterator[Drift]:
        """Roles listed as accounts in the database that the ledger does not know: the door would treat them as ours."""
        if self.server.ledger is None:
            return
        for role in sorted(set(self.found.accounts) - self.server.ledger):
            name = role.replace("'", "''")
            sql = f"DELETE FROM access.account WHERE role = '{name}'"  # noqa: S608 - shown, and executed by a DBA
            yield Drift(role, "account", "access.account", sql, EXTRA, 1, say.ADMIN)

    def written(self) -> Iterator[Drift]:
        """What the database was told that the policy gives: the check before each lease believes it."""
        if self.server.behind:
            return
        there = {(fact.cls, fact.object) for fact in self.found.of("written")}
        for kind, signature in sorted(there ^ self.wanted.written):
            extra = (kind, signature) in there
            sql = say.told(kind, signature, there=extra)
            yield Drift(
                kind.lower(),
                "wanted",
                signature,
                sql,
                EXTRA if extra else MISSING,
                1 if extra else 2,
                say.ADMIN,
            )

    def effective(self, known: list[Drift]) -> list[Drift]:
        """What an account can in effect although no single line explains it."""
        explained = {drift.role for drift in known if drift.direction == EXTRA}
        open_to: Mapping[str, str] = self.wanted.accounts
        return [
            Drift(f.role, "effect", _thing(f.cls, f.object, None), None, EXTRA, 1, None, (f.privilege,))
            for f in self.found.of("effect")
            if f.role in open_to and not self._may(open_to[f.role], f)
            and not explained & {f.role, PUBLIC, open_to[f.role].lower()}
        ]  # fmt: skip

    def _may(self, kind: str, fact: Fact) -> bool:
        match fact.cls:
            case "function":
                return fact.object in self.wanted.functions(kind)
            case "schema":
                return fact.privilege == "USAGE" and fact.object in ("bhyt", "public")
            case "database":
                return fact.privilege == "CONNECT" and fact.object == self.wanted.dbname
        return False


def _group(fact: Fact) -> tuple[str, str, str, str, str]:
    return fact.role, fact.cls, fact.object, fact.part or "", fact.grantor


def _known_as(fact: Fact) -> str:
    """Functions of `access` go by their name alone: the installation grants them so."""
    short = fact.cls == "function" and fact.object.startswith(ANY_FUNCTION)
    return fact.object.partition("(")[0] if short else fact.object


def _thing(cls: str, name: str, part: str | None) -> str:
    return f"column {part} of {cls} {name}" if part else f"{cls} {name}"
