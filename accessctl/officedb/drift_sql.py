"""The exact statement that ends a deviation, and who can execute it: the broker by itself, or a DBA.

Object names come quoted from the catalogue; role names are quoted here. A REVOKE takes back only what its executor
granted, so whoever granted decides who can: a superuser's own is done as the owner of the thing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from accessctl.officedb import roles
from accessctl.officedb.catalogue import Fact
from accessctl.officedb.grants import PUBLIC, Options

BROKER, ADMIN = "broker", "admin"
SEARCH_PATH = "search_path=pg_catalog, pg_temp"
"""As it stands in the catalogue for each SECURITY DEFINER function of ours."""

_NOUNS = {"function": "ROUTINE", "foreign data wrapper": "FOREIGN DATA WRAPPER", "foreign server": "FOREIGN SERVER",
          "large object": "LARGE OBJECT"}  # fmt: skip
_PLAIN = re.compile(r"(?!current_|session_|system_)[a-z][a-z0-9]*(_[a-z0-9_]+)+|tkcl|tkhctt")
"""Surely no word of SQL; anything else is put in quotes."""
_BROKER_MAY_ALTER = frozenset({"LOGIN", "CREATEROLE"})
_SETTABLE = frozenset({"user", "backend"})


def quoted(role: str) -> str:
    """A role's name as SQL needs it; PUBLIC is none."""
    return role if role == PUBLIC or _PLAIN.fullmatch(role) else '"' + role.replace('"', '""') + '"'


def place(cls: str, name: str) -> str:
    """A thing as GRANT and REVOKE name it."""
    return f"{_NOUNS.get(cls, cls.upper())} {name}"


def privileges(words: Sequence[str], part: str | None) -> str:
    """Privileges, of a column when there is a part."""
    return ", ".join(f"{word} ({part})" if part else word for word in words)


def revoke(fact: Fact, words: Sequence[str], *, option_only: bool = False) -> tuple[str, str]:
    """Take rights back from whom `fact` says they were given to; who can."""
    only = "GRANT OPTION FOR " if option_only else ""
    what = f"{privileges(words, fact.part)} ON {place(fact.cls, fact.object)}"
    said = f"REVOKE {only}{what} FROM {quoted(fact.role)} CASCADE"
    if fact.grantor == fact.owner:
        return said, ADMIN
    if fact.grantor == roles.BROKER:
        return said, BROKER
    return f"SET LOCAL ROLE {fact.grantor}; {said}; RESET ROLE", ADMIN


def grant(
    role: str, cls: str, name: str, words: Sequence[str], part: str | None = None, *, option: bool = False
) -> str:
    """Give rights."""
    end = " WITH GRANT OPTION" if option else ""
    return f"GRANT {privileges(words, part)} ON {place(cls, name)} TO {quoted(role)}{end}"


def leave(fact: Fact) -> tuple[str, str]:
    """End a membership that somebody granted."""
    said = f"REVOKE {quoted(fact.object)} FROM {quoted(fact.role)} GRANTED BY {fact.grantor} CASCADE"
    return said, BROKER if fact.grantor == roles.BROKER else ADMIN


def join(member: str, group: str, options: Options, grantor: str | None = None) -> str:
    """Make a role a member with exactly these options, replacing those that the same grantor gave."""
    by = f" GRANTED BY {grantor}" if grantor else ""
    return f"GRANT {quoted(group)} TO {quoted(member)} WITH {options.sql}{by}"


def attributes(role: str, extra: Sequence[str], *, account: bool, raised: bool) -> tuple[str, str]:
    """Take attributes from a role. `raised`: it has some that the broker cannot touch."""
    words = [f"NO{word}" for word in extra]
    if "LOGIN" in extra:
        words.append("PASSWORD NULL")
    able = account and not raised and set(extra) <= _BROKER_MAY_ALTER
    return f"ALTER ROLE {quoted(role)} {' '.join(words)}", BROKER if able else ADMIN


def reset(fact: Fact, *, account: bool) -> tuple[str, str]:
    """Take away a setting that was stored for a role, for a database, or for all."""
    if not fact.role:
        whom = f"ALTER DATABASE {fact.cls}" if fact.cls else "ALTER ROLE ALL"
        return f"{whom} RESET {fact.object}", ADMIN
    where = f" IN DATABASE {fact.cls}" if fact.cls else ""
    able = account and fact.options in _SETTABLE
    return f"ALTER ROLE {quoted(fact.role)}{where} RESET {fact.object}", BROKER if able else ADMIN


def future(fact: Fact, words: Sequence[str]) -> str:
    """Take back default privileges; here `object` is the role whose new things they are on, `part` a schema."""
    where = f" IN SCHEMA {fact.part}" if fact.part else ""
    return (
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {fact.object}{where}"
        f" REVOKE {', '.join(words)} ON {fact.cls} FROM {quoted(fact.role)}"
    )


def own(cls: str, name: str) -> str:
    """Give a thing back to the owner of our schemas."""
    return f"ALTER {_NOUNS.get(cls, cls.upper())} {name} OWNER TO {roles.OWNER}"


def told(kind: str, signature: str, *, there: bool) -> str:
    """Take a line from what the database was told of the policy, or write it there."""
    pair = ", ".join("'" + word.replace("'", "''") + "'" for word in (kind, signature))
    if there:
        return f"DELETE FROM access.wanted WHERE (kind, signature) = ({pair})"  # noqa: S608 - words of the table itself
    return f"INSERT INTO access.wanted (kind, signature) VALUES ({pair})"  # noqa: S608 - words of the policy


def watch_logins() -> str:
    """The event trigger of the installation, whatever became of it."""
    name = roles.TRIGGER
    return (
        f"DROP EVENT TRIGGER IF EXISTS {name}; CREATE EVENT TRIGGER {name} ON login"
        f" EXECUTE FUNCTION access.on_login(); ALTER EVENT TRIGGER {name} ENABLE ALWAYS"
    )
