"""May this person, who may, what may a person: the answers are those of the table that decides."""

from __future__ import annotations

import pytest
from sqlalchemy.orm import Session

from accessctl.access.enforcer import Gate, TableFile
from accessctl.domain.permissions import Case, Permission, Role
from accessctl.errors import Invalid, NotFound, Refused
from accessctl.services import policy_ask, policy_matrix, policy_table
from accessctl.services.control import transaction
from accessctl.services.policy_ask import Answer
from accessctl.services.policy_matrix import COLUMNS, GROUPS, Query
from accessctl.services.policy_staff import everybody, role_sets
from tests.common.world import World


def explain(
    world: World, asking: str, about: str, permission: str, office: str, case: str = "none"
) -> Answer:
    with transaction(world.rt) as session:
        return policy_ask.explained(world.rt, session, world.actor(asking), about, permission, office, case)


def test_an_allowed_question_names_the_line_that_allows(world: World) -> None:
    answer = explain(world, "vpt.gd", "cjt.the1", "lease:open.tkcl", "DML", "lost")
    assert answer.decision.allowed
    assert not answer.own
    assert answer.decided_by is not None
    assert answer.decided_by.text == "p, card, foreign, any-office, lease:open.tkcl, servable-case, allow"
    assert answer.decided_by.vi == (
        "Bộ phận Cấp sổ, thẻ được “Nhận sử dụng TKCL” ở đơn vị khác, trong các trường hợp được phục vụ."
    )
    assert answer.changes == ()


def test_a_refusal_by_a_guard_names_the_guard_and_what_would_turn_it_round(world: World) -> None:
    answer = explain(world, "vpt.gd", "cjt.thu1", "lease:open.tkhctt", "DML", "info_other")
    assert answer.decision.reason == "denied_by_rule"
    assert answer.decided_by is not None
    assert not answer.decided_by.allows
    assert {change.word for change in answer.changes if change.kind == "case"} == {
        "none", "lost", "damaged", "info_bhyt_only",
    }  # fmt: skip
    assert not [change for change in answer.changes if change.kind == "role"]


def test_a_missing_role_is_named_and_one_that_may_not_be_held_beside_is_marked(world: World) -> None:
    clerk = explain(world, "vpt.gd", "cjt.the1", "lease:open.tkhctt", "DML", "lost")
    assert clerk.decision.reason == "no_rule"
    assert clerk.decided_by is None
    assert [(c.word, c.forbidden) for c in clerk.changes if c.kind == "role"] == [("collection", False)]
    it = explain(world, "vpt.gd", "vpt.cntt1", "custodian:appoint", "VPT")
    assert [(c.word, c.forbidden) for c in it.changes if c.kind == "role"] == [
        ("director", False), ("unit_head", True),
    ]  # fmt: skip


def test_the_other_place_is_named_where_it_would_be_allowed(world: World) -> None:
    answer = explain(world, "cjt.the1", "cjt.the1", "lease:open.tkcl", "CJT", "lost")
    assert [(c.kind, c.en) for c in answer.changes] == [("foreign", "another office")]


def test_every_change_that_is_named_is_asked_of_the_gate_itself(world: World) -> None:
    for about, permission, office, case in (
        ("cjt.the1", "lease:open.tkhctt", "DML", "lost"), ("vpt.cntt1", "custodian:appoint", "VPT", "none"),
        ("cjt.gd", "custodian:appoint", "CJT", "self"), ("cjt.the2", "lease:rule.tkcl", "DML", "none"),
    ):  # fmt: skip
        answer = explain(world, "vpt.gd", about, permission, office, case)
        assert not answer.decision.allowed
        assert answer.changes, about
        person, gate = answer.person, world.rt.gate
        for change in answer.changes:
            roles, place, when = set(person.roles), office, case
            if change.kind in ("role", "without"):
                roles ^= {Role(change.word)}
            elif change.kind == "case":
                when = change.word
            else:
                place = person.office if change.kind == "own" else "GNG"
            subject = type(person.subject)("x", frozenset(roles), person.office)
            assert gate.decide(subject, permission, place, case=when).allowed, change


@pytest.mark.parametrize(("asking", "about"), [("cjt.the1", "cjt.the2"), ("cjt.gd", "dml.the1")])
def test_about_others_only_who_may_see_the_policy_and_that_officer_may_ask(
    world: World, asking: str, about: str
) -> None:
    with pytest.raises(Refused):
        explain(world, asking, about, "log:view.own", "CJT")
    assert explain(world, asking, asking, "log:view.own", "CJT").decision.allowed


def test_unknown_words_are_named(world: World) -> None:
    with pytest.raises(Invalid, match="lease:open"):
        explain(world, "vpt.gd", "cjt.the1", "lease:open", "DML")
    with pytest.raises(Invalid, match="stolen"):
        explain(world, "vpt.gd", "cjt.the1", "lease:open.tkcl", "DML", "stolen")
    with pytest.raises(NotFound):
        explain(world, "vpt.gd", "cjt.the1", "lease:open.tkcl", "XYZ")
    with pytest.raises(NotFound):
        explain(world, "vpt.gd", "no\x00body", "lease:open.tkcl", "DML")


def who(world: World, asking: str, permission: str, office: str, case: str = "none") -> policy_ask.Holders:
    with transaction(world.rt) as session:
        return policy_ask.who(world.rt, session, world.actor(asking), permission, office, case)


def test_who_may_is_everybody_whom_the_gate_allows(world: World) -> None:
    found = who(world, "vpt.gd", "lease:open.tkcl", "DML", "lost")
    with transaction(world.rt) as session:
        people = everybody(session, world.now())
    allowed = {
        p.username for p in people
        if world.rt.gate.decide(p.subject, "lease:open.tkcl", "DML", case="lost").allowed
    }  # fmt: skip
    assert {holder.person.username for holder in found.holders} == allowed
    assert "cjt.the1" in allowed
    assert not [name for name in allowed if name.startswith("dml.")]
    assert found.elsewhere == 0


def test_a_head_sees_the_own_officers_by_name_and_how_many_there_are_elsewhere(world: World) -> None:
    whole, found = (who(world, asking, "lease:open.tkcl", "DML", "lost") for asking in ("vpt.gd", "cjt.gd"))
    assert {holder.person.office for holder in found.holders} == {"CJT"}
    assert len(found.holders) + found.elsewhere == len(whole.holders)
    with pytest.raises(Refused):
        who(world, "cjt.the1", "lease:open.tkcl", "DML")


@pytest.mark.parametrize("username", ["cjt.the2", "cjt.gd", "vpt.cntt1", "vpt.gd", "vpt.the1", "cjt.tn1"])
def test_what_a_person_may_is_what_the_gate_allows_at_every_office_and_in_every_case(
    world: World, username: str
) -> None:
    with transaction(world.rt) as session:
        found = policy_ask.what(world.rt, session, world.actor("vpt.gd"), username)
    told = {
        (right.permission, place, case)
        for right in found.rights
        for case in right.cases
        for place in world.rt.office_codes()
        if right.where == "any"
        or (right.where == "own" and place == found.person.office)
        or (right.where == "foreign" and place != found.person.office)
        or (right.where == "head" and place == "VPT")
    }
    allowed = {
        (permission.value, place, case.value)
        for permission in Permission for case in Case for place in world.rt.office_codes()
        if world.rt.gate.decide(found.person.subject, permission, place, case=case).allowed
    }  # fmt: skip
    assert told == allowed
    assert all(line.allows for right in found.rights for line in right.lines)
    assert all(not line.allows for line in found.guards)


def test_the_matrix_shows_every_permission_once_and_says_what_the_gate_says(world: World) -> None:
    shown = policy_matrix.matrix(world.rt, world.actor("vpt.gd"), Query())
    assert sorted(row.permission for row in shown.rows) == sorted(Permission)
    assert {row.group for row in shown.rows} == set(GROUPS)
    assert sorted(shown.columns) == sorted((*Role, "officer"))
    table = world.rt.gate.table
    assert table is not None
    for row in shown.rows:
        for cell in row.cells:
            roles = frozenset() if cell.role == "officer" else frozenset({cell.role})
            for own in (True, False):
                told = {
                    case for part in cell.parts for case in part.cases
                    if part.where in ("any", "own" if own else "foreign")
                }  # fmt: skip
                said = {
                    c.value for c in Case if table.decide(roles, own, False, row.permission, c.value).allowed
                }
                assert told == said, (row.permission, cell.role, own)
    assert shown.errors == shown.warnings == 0
    assert len(shown.version) == 64
    assert shown.since is not None


def test_the_matrix_can_be_narrowed_to_words_a_role_or_a_group(world: World) -> None:
    actor = world.actor("vpt.gd")
    by_words = policy_matrix.matrix(world.rt, actor, Query(words="CAP  lai the"))
    assert by_words.rows[0].permission == "card:reissue"
    by_role = policy_matrix.matrix(world.rt, actor, Query(role="publicity"))
    assert by_role.columns == ("publicity",)
    assert "notice:publish" in [row.permission for row in by_role.rows]
    assert len(by_role.rows) < len(COLUMNS) * 2
    by_group = policy_matrix.matrix(world.rt, actor, Query(group="blanks"))
    assert {row.permission.partition(":")[0] for row in by_group.rows} == {"blank"}
    assert policy_matrix.matrix(world.rt, actor, Query(words="không có quyền này")).rows == ()
    with pytest.raises(Refused):
        policy_matrix.matrix(world.rt, world.actor("cjt.the1"), Query())


def test_the_worker_makes_the_table_whole_for_the_staff_and_keeps_it(world: World, tmp_path: object) -> None:
    rt = world.runtime(ACCESSCTL_POLICIES=str(world.settings.policies), ACCESSCTL_CACHE=f"{tmp_path}/cache")
    try:
        with transaction(rt) as session:
            wanted = role_sets(session, rt.now())
            held = {person.roles for person in everybody(session, rt.now())}
        assert held <= wanted
        assert policy_table.keep(rt) >= len(wanted) * 4 * len(Permission) * len(Case)
        key = rt.settings.lease_keys
        kept = TableFile(rt.settings.cache / "policy-table.json", key.keys[key.current])  # type: ignore[operator]
        again = Gate(rt.settings.policies, rt.office_codes, kept=kept)
        assert again.table is not None
        assert all(again.table.holds(roles) for roles in wanted)
    finally:
        rt.close()


def test_what_the_session_of_the_services_reads_of_one_is_what_it_reads_of_all(world: World) -> None:
    def one(session: Session, username: str) -> object:
        return everybody(session, world.now(), username=username)[0]

    with transaction(world.rt) as session:
        people = {person.username: person for person in everybody(session, world.now())}
        for username in ("cjt.the2", "cjt.gd", "vpt.cntt1"):
            assert one(session, username) == people[username]
            assert world.actor(username).roles == people[username].roles
