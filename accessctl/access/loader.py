"""The strict loader: policy files → one frozen `PolicySet`, or `PolicyBroken` with file, line and reason.

Casbin forgives (a misspelt `Deny` is skipped, and a lost deny is an allow); this loader does not.
Only what it has accepted ever reaches Casbin.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from accessctl.access.labels import Label, read_labels
from accessctl.access.lines import Line, check_seal, decode, rules
from accessctl.access.lines import PolicyBroken as PolicyBroken
from accessctl.access.models import CONSOLE_MODEL, DBACCOUNT_MODEL
from accessctl.access.objects import FunctionRight, read_objects
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import (
    EVERY_OFFICER,
    Case,
    CaseClass,
    OfficeClass,
    Permission,
    PermissionClass,
    Role,
    Scope,
)

CONSOLE_RULES = "console.policy.csv"
ACCOUNT_RULES = "dbaccount.policy.csv"
OBJECTS = "grants.toml"
LABELS = "labels.toml"
MODELS = {"console.model.conf": CONSOLE_MODEL, "dbaccount.model.conf": DBACCOUNT_MODEL}
FILES = (*sorted(MODELS), CONSOLE_RULES, ACCOUNT_RULES, OBJECTS, LABELS)
DATA_SUFFIXES = (".conf", ".csv", ".toml")

_SUBJECTS = frozenset((*Role, EVERY_OFFICER))
_EFFECTS = ("allow", "deny")
# Looked up for every line of the files: the values, made once.
_SCOPES, _OFFICES, _KINDS = (frozenset(words) for words in (Scope, OfficeClass, Kind))
_PERMISSIONS, _CLASSES = frozenset(Permission), frozenset(PermissionClass)
_CASES, _CASE_CLASSES = frozenset(Case), frozenset(CaseClass)
_CASE_MEMBERS = {
    CaseClass.ANY: frozenset(Case),
    CaseClass.NOT_SELF: frozenset(Case) - {Case.SELF, Case.SELF_WAIVED},
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the console policy."""

    line: int
    sub: str
    scope: str
    dom: str
    perm: str
    case: str
    eft: str

    def values(self) -> tuple[str, ...]:
        """The line as Casbin gets it."""
        return (self.sub, self.scope, self.dom, self.perm, self.case, self.eft)

    def __str__(self) -> str:
        return f"{CONSOLE_RULES}:{self.line}: p, {', '.join(self.values())}"


@dataclass(frozen=True, slots=True)
class PolicySet:
    """Everything that the policy files say, checked; `version` is the SHA-256 over all of them, in hex."""

    version: str
    rules: tuple[Rule, ...]
    links: tuple[tuple[str, str], ...]  # g2: word → class or group
    words: tuple[tuple[str, str], ...]  # g3: word → perm or case
    classes: Mapping[str, PermissionClass]
    head_offices: frozenset[str]
    account_rules: tuple[tuple[str, str, str], ...]  # kind, permission, effect
    objects: Mapping[str, tuple[FunctionRight, ...]]
    labels: Mapping[str, Label]


def default_folder() -> Path:
    """Where the policy stands when nothing else is configured: `policies/` beside the package."""
    return Path(__file__).resolve().parents[2] / "policies"


def load(folder: Path | None = None, *, offices: Collection[str] | None = None) -> PolicySet:
    """Read and check a policy folder; raises `PolicyBroken`. With `offices`, office codes are checked too."""
    return parse(read_files(folder or default_folder()), offices=offices)


def read_files(folder: Path) -> dict[str, bytes]:
    """The bytes of the policy's files, each read once; a missing or an unknown data file is refused."""
    try:
        present = {path.name for path in folder.iterdir() if path.suffix in DATA_SUFFIXES}
    except OSError as error:
        raise PolicyBroken("no_folder", str(folder.name), 0, f"cannot be read: {error.strerror}") from None
    if not present:
        raise PolicyBroken("no_policy", folder.name, 0, "the folder holds no policy")
    for name in sorted(present.symmetric_difference(FILES)):
        code, message = (
            ("unknown_file", "not a file of the policy") if name in present else ("no_file", "is missing")
        )
        raise PolicyBroken(code, name, 0, message)
    contents = {}
    for name in FILES:
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            raise PolicyBroken("unreadable", name, 0, f"cannot be read: {error.strerror}") from None
    return contents


def version_of(contents: Mapping[str, bytes]) -> str:
    """SHA-256 over names, lengths and bytes of all files, in order of name; hex."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        digest.update(f"{name}\0{len(contents[name])}\0".encode())
        digest.update(contents[name])
    return digest.hexdigest()


def parse(contents: Mapping[str, bytes], *, offices: Collection[str] | None = None) -> PolicySet:
    """Check the bytes of all files and freeze what they say; raises `PolicyBroken`."""
    for name in MODELS:
        known_model(name, contents[name])
    console = console_part(contents[CONSOLE_RULES], offices)
    account_rules = account_part(contents[ACCOUNT_RULES])
    objects = read_objects(OBJECTS, contents[OBJECTS])
    objects_match(account_rules, objects)
    return PolicySet(
        version=version_of(contents),
        rules=console.rules,
        links=console.links,
        words=console.words,
        classes=console.classes,
        head_offices=console.head_offices,
        account_rules=account_rules,
        objects=objects,
        labels=read_labels(LABELS, contents[LABELS]),
    )


@dataclass(frozen=True, slots=True)
class ConsolePart:
    """What `console.policy.csv` says, checked."""

    rules: tuple[Rule, ...]
    links: tuple[tuple[str, str], ...]
    words: tuple[tuple[str, str], ...]
    classes: Mapping[str, PermissionClass]
    head_offices: frozenset[str]


def console_part(data: bytes, offices: Collection[str] | None = None) -> ConsolePart:
    """The rules and words of the console; raises `PolicyBroken`."""
    lines = rules(CONSOLE_RULES, data)
    _no_duplicates(lines)
    links = [line for line in lines if line.kind == "g2"]
    words = [line for line in lines if line.kind == "g3"]
    found = tuple(_console_rule(line) for line in lines if line.kind not in ("g2", "g3"))
    if not found:
        raise PolicyBroken("empty", CONSOLE_RULES, 0, "no rule: nobody would be allowed anything")
    _vocabulary(words)
    classes = _classes(links)
    head = _groups(links, offices)
    check_seal(CONSOLE_RULES, data, lines)
    return ConsolePart(
        rules=found,
        links=tuple((line.values[0], line.values[1]) for line in links),
        words=tuple((line.values[0], line.values[1]) for line in words),
        classes=classes,
        head_offices=head,
    )


def known_model(name: str, data: bytes) -> None:
    """Refuse a model other than the one that this program was proven with."""
    expected = MODELS[name].splitlines()
    for number, text in enumerate(decode(name, data).split("\n"), start=1):
        if text and not text.startswith("# ") and (not expected or text != expected.pop(0)):
            raise PolicyBroken(
                "unknown_model", name, number, "not the model that this program was proven with"
            )
    if expected:
        raise PolicyBroken("unknown_model", name, 0, "the model is incomplete")


def _no_duplicates(lines: list[Line]) -> None:
    """Refuse a line that stands twice, and a pair of which one allows what the other denies."""
    seen: dict[tuple[str, ...], int] = {}
    for line in lines:
        key = (line.kind, *(line.values[:-1] if line.kind == "p" else line.values))
        if key in seen:
            raise line.broken("duplicate", f"says again or contradicts what line {seen[key]} says")
        seen[key] = line.number


def _arity(line: Line, count: int) -> None:
    if len(line.values) != count:
        raise line.broken("wrong_arity", f"{line.kind} has {count} values, not {len(line.values)}")


def _one_of(line: Line, value: str, known: Collection[str], what: str) -> None:
    if value not in known:
        raise line.broken(f"unknown_{what}", f"{value} is not a known {what}")


def _console_rule(line: Line) -> Rule:
    if line.kind != "p":
        raise line.broken("unknown_type", f"lines of type {line.kind} are not part of the policy")
    _arity(line, 6)
    rule = Rule(line.number, *line.values)
    _one_of(line, rule.eft, _EFFECTS, "effect")
    _one_of(line, rule.sub, _SUBJECTS, "role")
    _one_of(line, rule.scope, _SCOPES, "scope")
    _one_of(line, rule.dom, _OFFICES, "office_class")
    _one_of(line, rule.perm, _PERMISSIONS | _CLASSES, "permission")
    _one_of(line, rule.case, _CASES | _CASE_CLASSES, "case")
    if rule.eft == "allow" and rule.perm in _CLASSES:
        raise line.broken("too_broad", "an allow line names one permission, never a class")
    if rule.eft == "deny" and rule.dom != OfficeClass.ANY:
        raise line.broken("too_narrow", "a guard holds at any-office: one that names offices could miss one")
    return rule


def _vocabulary(words: list[Line]) -> None:
    """Exactly the known permissions and cases are declared; offices come from the province."""
    for line in words:
        _arity(line, 2)
        word, list_name = line.values
        _one_of(line, list_name, ("perm", "case"), "vocabulary")
        known = _PERMISSIONS if list_name == "perm" else _CASES
        _one_of(line, word, known, "permission" if list_name == "perm" else "case")
    missing = {*Permission, *Case} - {line.values[0] for line in words}
    if missing:
        raise PolicyBroken("undeclared", CONSOLE_RULES, 0, f"not declared (g3): {', '.join(sorted(missing))}")


def _classes(links: list[Line]) -> dict[str, PermissionClass]:
    classes: dict[str, PermissionClass] = {}
    for line in links:
        _arity(line, 2)
        word, group = line.values
        if group not in _CLASSES:
            continue
        _one_of(line, word, _PERMISSIONS, "permission")
        if word in classes:
            raise line.broken("classified_twice", f"{word} already is {classes[word]}")
        classes[word] = PermissionClass(group)
    if missing := set(Permission) - set(classes):
        raise PolicyBroken("unclassified", CONSOLE_RULES, 0, f"without a class: {', '.join(sorted(missing))}")
    return classes


def _groups(links: list[Line], offices: Collection[str] | None) -> frozenset[str]:
    """Check the groups of cases and offices; returns the offices that form the head office."""
    cases: dict[str, set[str]] = defaultdict(set)
    head: set[str] = set()
    for line in links:
        word, group = line.values
        if group in _CASE_CLASSES:
            _one_of(line, word, _CASES, "case")
            cases[group].add(word)
        elif group == OfficeClass.HEAD:
            if not (len(word) == 3 and word.isalpha() and word.isupper()) or (
                offices is not None and word not in offices
            ):
                raise line.broken("unknown_office", f"{word} is not a known office")
            head.add(word)
        elif group not in _CLASSES:
            raise line.broken("unknown_class", f"{group} is not a known class or group")
    for name, members in _CASE_MEMBERS.items():
        if cases[name] != members:
            raise PolicyBroken(
                "wrong_group", CONSOLE_RULES, 0, f"{name} must hold {', '.join(sorted(members))}"
            )
    return frozenset(head)


def account_part(data: bytes) -> tuple[tuple[str, str, str], ...]:
    """The rules of the accounts: kind, permission, effect; raises `PolicyBroken`."""
    lines = rules(ACCOUNT_RULES, data)
    _no_duplicates(lines)
    found = []
    for line in lines:
        if line.kind != "p":
            raise line.broken("unknown_type", f"lines of type {line.kind} are not part of this policy")
        _arity(line, 3)
        kind, permission, effect = line.values
        _one_of(line, kind, _KINDS, "kind")
        _one_of(line, permission, _PERMISSIONS, "permission")
        _one_of(line, effect, _EFFECTS, "effect")
        found.append((kind, permission, effect))
    check_seal(ACCOUNT_RULES, data, lines)
    return tuple(found)


def objects_match(account_rules: tuple[tuple[str, str, str], ...], objects: Mapping[str, object]) -> None:
    """Refuse a permission without an object, and an object that no rule explains."""
    named = {permission for _, permission, _ in account_rules}
    if missing := sorted(named - set(objects)):
        raise PolicyBroken(
            "permission_without_object", OBJECTS, 0, f"no database object for {', '.join(missing)}"
        )
    if unused := sorted(set(objects) - named):
        raise PolicyBroken(
            "object_without_permission", OBJECTS, 0, f"no account rule explains {', '.join(unused)}"
        )
