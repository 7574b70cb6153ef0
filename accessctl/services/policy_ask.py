"""May this person do that there, who may, what may a person do: answered from the table that decides (policy.md §3).

Whoever may see the policy may ask about the officers whose rights he or she may see; about oneself anybody may ask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from accessctl.access import explain
from accessctl.access.enforcer import Decision
from accessctl.access.loader import PolicySet, Rule
from accessctl.access.questions import at, reach
from accessctl.domain import separation
from accessctl.domain.permissions import EVERY_OFFICER, Case, Permission, Role
from accessctl.errors import Invalid, NotFound, Unavailable
from accessctl.services import officer_list
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.officer_list import OfficerQuery, OfficerRow
from accessctl.services.policy_matrix import GROUPS, group_of
from accessctl.services.policy_staff import Person, everybody
from accessctl.services.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the policy: where it stands, whom it is about, and what it says."""

    number: int
    allows: bool
    text: str
    vi: str
    en: str
    whose_vi: str
    whose_en: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that would turn a refusal round.

    `kind` ∈ role (holding `word` as well), without (not holding it), case (in that case), own, foreign (there
    instead). `forbidden`: one person may not hold that role beside those held.
    """

    kind: str
    word: str
    vi: str
    en: str
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """May this person do this there: the decision, the lines that speak of it, and what would turn it round."""

    person: Person
    permission: str
    office: str
    case: str
    own: bool
    decision: Decision
    decided_by: Line | None
    lines: tuple[Line, ...]
    changes: tuple[Change, ...]


def explained(
    rt: Runtime,
    session: Session,
    actor: Actor,
    username: str,
    permission: str,
    office: str,
    case: str = "none",
) -> Answer:
    """The answer with its reason. Raises Refused, NotFound("officer.unknown"), Invalid("policy.unknown_…")."""
    person = about(rt, session, actor, username)
    _known(rt, permission, case, office)
    decision = rt.gate.decide(person.subject, permission, office, case=case)
    own, policy = person.office == office, policy_in_force(rt)
    spoken = _speaking(policy, person.roles, own, office, permission, case)
    lines = tuple(line_of(policy, rule) for rule in spoken)
    return Answer(
        person=person,
        permission=permission,
        office=office,
        case=case,
        own=own,
        decision=decision,
        decided_by=next((line for line in lines if line.number == decision.line), None),
        lines=lines,
        changes=() if decision.allowed else tuple(_changes(rt, policy, person, permission, office, case)),
    )


@dataclass(frozen=True, slots=True)
class Holder:
    """One who may, and by which line."""

    person: Person
    line: Line


@dataclass(frozen=True, slots=True)
class Holders:
    """Who may: those whose rights the reader may see, by given name, and how many there are elsewhere."""

    permission: str
    office: str
    case: str
    holders: tuple[Holder, ...]
    elsewhere: int


def who(
    rt: Runtime, session: Session, actor: Actor, permission: str, office: str, case: str = "none"
) -> Holders:
    """Everybody who may do this at that office in that case. Raises Refused, Invalid("policy.unknown_…")."""
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    _known(rt, permission, case, office)
    policy = policy_in_force(rt)
    lines = {rule.line: line_of(policy, rule) for rule in policy.rules if rule.perm == permission}
    visible = {code for code in rt.office_codes() if may(rt, actor, Permission.OFFICER_VIEW, code)}
    found, elsewhere = [], 0
    for person in everybody(session, rt.now()):
        decision = rt.gate.decide(person.subject, permission, office, case=case)
        if decision.allowed and person.office in visible:
            found.append(Holder(person, lines[decision.line]))
        else:
            elsewhere += decision.allowed
    return Holders(permission, office, case, tuple(found), elsewhere)


@dataclass(frozen=True, slots=True)
class Right:
    """One permission, where and in which cases; `where` ∈ own, foreign, any, head (the head office, not the own)."""

    permission: str
    where: str
    cases: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Rights:
    """What a person may do, in the order of the policy's words, and the guards that bind him or her."""

    person: Person
    rights: tuple[Right, ...]
    guards: tuple[Line, ...]


def what(rt: Runtime, session: Session, actor: Actor, username: str) -> Rights:
    """Everything that this person may do. Raises Refused, NotFound("officer.unknown")."""
    person = about(rt, session, actor, username)
    policy = policy_in_force(rt)
    guards = (rule for rule in policy.rules if rule.eft == "deny" and rule.sub in person.roles)
    return Rights(
        person,
        tuple(right for p in Permission for right in _rights(rt, policy, person, p.value)),
        tuple(line_of(policy, rule) for rule in guards),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """What a form asks: `person` is a user name or part of a name; without it: who may?"""

    person: str
    permission: str
    office: str
    case: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question leads to: one answer, people to choose from, or everybody who may; all None: nothing asked.

    `only_oneself`: the reader may ask about nobody else.
    """

    answer: Answer | None = None
    candidates: tuple[OfficerRow, ...] | None = None
    holders: Holders | None = None
    only_oneself: bool = False


def asked(rt: Runtime, session: Session, actor: Actor, question: Question) -> Asked:
    """Answer a form. Raises Refused and what `explained` and `who` raise."""
    wanted = (question.permission, question.office, question.case)
    alone = not may(rt, actor, Permission.POLICY_VIEW, actor.office)
    if alone and question.person in ("", actor.username):
        mine = explained(rt, session, actor, actor.username, *wanted) if question.permission else None
        return Asked(answer=mine, only_oneself=True)
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    if not question.permission:
        return Asked()
    if question.person == actor.username:
        return Asked(answer=explained(rt, session, actor, actor.username, *wanted))
    if not question.person:
        return Asked(holders=who(rt, session, actor, *wanted))
    found = officer_list.search(rt, session, actor, OfficerQuery(name=question.person)).rows
    known = [row.username for row in found if row.username == question.person]
    if known or len(found) == 1:
        username = known[0] if known else found[0].username
        return Asked(answer=explained(rt, session, actor, username, *wanted))
    return Asked(candidates=found)


def grouped(found: Rights) -> dict[str, list[Right]]:
    """A person's rights by group of permissions, in the order of the matrix."""
    groups: dict[str, list[Right]] = {group: [] for group in GROUPS}
    for right in found.rights:
        groups[group_of(right.permission)].append(right)
    return {group: rights for group, rights in groups.items() if rights}


def about(rt: Runtime, session: Session, actor: Actor, username: str) -> Person:
    """The officer asked about, who has not left. Raises Refused, NotFound("officer.unknown")."""
    if username != actor.username:
        require(rt, actor, Permission.POLICY_VIEW, actor.office)
    found = everybody(session, rt.now(), username=username[:60].replace("\x00", ""))
    if not found:
        raise NotFound("officer.unknown", officer=username[:60])
    if username != actor.username:
        require(rt, actor, Permission.OFFICER_VIEW, found[0].office)
    return found[0]


def policy_in_force(rt: Runtime) -> PolicySet:
    """Raises Unavailable("policy.policy_broken") while there is none."""
    table = rt.policy().table
    if table is None:
        raise Unavailable("policy.policy_broken")
    return table.policy


def line_of(policy: PolicySet, rule: Rule) -> Line:
    """A rule as text and in words."""
    vi, en = (explain.rule_in_words(policy, rule, language) for language in ("vi", "en"))
    whose = (explain.label(policy, "roles", rule.sub, language) for language in ("vi", "en"))
    return Line(rule.line, rule.eft == "allow", ", ".join(("p", *rule.values())), vi, en, *whose)


def _known(rt: Runtime, permission: str, case: str, office: str) -> None:
    if permission not in tuple(Permission):
        raise Invalid("policy.unknown_permission", permission=permission[:60])
    if case not in tuple(Case):
        raise Invalid("policy.unknown_case", case=case[:60])
    if office not in rt.office_codes():
        raise NotFound("office.unknown", office=office[:20])


def _speaking(
    policy: PolicySet, roles: Iterable[str], own: bool, office: str, permission: str, case: str
) -> list[Rule]:
    """The lines about these roles that speak of the question, guards first."""
    bit = 1 << at(own, office in policy.head_offices, permission, case)
    subjects = {*roles, EVERY_OFFICER}
    found = [rule for rule in policy.rules if rule.sub in subjects and reach(policy, rule) & bit]
    return sorted(found, key=lambda rule: rule.eft == "allow")


def _changes(
    rt: Runtime, policy: PolicySet, person: Person, permission: str, office: str, case: str
) -> Iterable[Change]:
    """Single steps that would make it allowed, each asked of the same table."""
    table = rt.gate.table
    own, head = person.office == office, office in policy.head_offices
    if table is None:
        return
    roles = person.roles
    for role in Role:
        if role not in roles and table.decide(roles | {role}, own, head, permission, case).allowed:
            clash = separation.incompatible(roles | {role}) is not None
            yield _change(policy, "role", "roles", role.value, forbidden=clash)
        if role in roles and table.decide(roles - {role}, own, head, permission, case).allowed:
            yield _change(policy, "without", "roles", role.value)
    for other in Case:
        if other != case and table.decide(roles, own, head, permission, other.value).allowed:
            yield _change(policy, "case", "cases", other.value)
    if table.decide(roles, not own, False, permission, case).allowed:
        yield _change(policy, "foreign" if own else "own", "scopes", "foreign" if own else "own")


def _change(policy: PolicySet, kind: str, table: str, word: str, *, forbidden: bool = False) -> Change:
    vi, en = (explain.label(policy, table, word, language) for language in ("vi", "en"))
    return Change(kind, word, vi, en, forbidden)


def _rights(rt: Runtime, policy: PolicySet, person: Person, permission: str) -> Iterable[Right]:
    """One permission: the places where the same cases are allowed by the same lines are told as one."""
    table = rt.gate.table
    if table is None:
        return
    at_head = person.office in policy.head_offices
    places = {"own": (True, at_head), "foreign": (False, False)}
    if not at_head:
        places["head"] = (False, True)
    found: dict[tuple[tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for place, (own, head) in places.items():
        answers = {c.value: table.decide(person.roles, own, head, permission, c.value) for c in Case}
        allowed = {case: answer for case, answer in answers.items() if answer.allowed}
        if allowed:
            lines = tuple(dict.fromkeys(answer.line for answer in allowed.values()))
            found.setdefault((tuple(allowed), lines), []).append(place)
    rules = {rule.line: rule for rule in policy.rules}
    for (cases, lines), where in found.items():
        yield Right(
            permission, _together(where, len(places)), cases, tuple(line_of(policy, rules[n]) for n in lines)
        )


def _together(places: list[str], every: int) -> str:
    """The one word for these places."""
    if len(places) == every:
        return "any"
    return "foreign" if "foreign" in places else places[0]
