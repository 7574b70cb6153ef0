"""Roles: whose word each needs, in whatever order; never for oneself; separation of duties with its reason (§7.1)."""

from __future__ import annotations

import threading

import psycopg
import pytest

from accessctl.domain.granting import Word, headed, missing
from accessctl.domain.permissions import Role
from accessctl.errors import AccessError
from accessctl.services import closing, officer_view, officers, roles
from accessctl.services.control import transaction
from accessctl.services.roles import Wanted
from tests.common.world import World

WHY = "Quyết định 12/QĐ-BHXH"


def say(world: World, who: str, what: str, username: str, role: str, reason: str = WHY) -> str:
    """`what` ∈ propose, enter; the proposal's state."""
    with transaction(world.rt) as session:
        act = {"propose": roles.propose, "enter": roles.enter}[what]
        return act(world.rt, session, world.actor(who), Wanted(username, role, reason)).state


def agree(world: World, who: str, number: int) -> str:
    with transaction(world.rt) as session:
        return roles.agree(world.rt, session, world.actor(who), str(number)).state


def decline(world: World, who: str, number: int, reason: str = "Không đúng vị trí việc làm") -> str:
    with transaction(world.rt) as session:
        return roles.decline(world.rt, session, world.actor(who), str(number), reason).state


def newcomer(world: World, username: str, office: str = "CJT", department: str = "CST") -> None:
    with transaction(world.rt) as session:
        officers.add(
            world.rt,
            session,
            world.actor("vpt.cntt1"),
            officers.Newcomer(
                username, "Nguyễn Văn Thử", "Cán bộ", "0900 000 777", "t@bhxh.example", office, department
            ),
        )


def waiting(world: World, reader: str = "vpt.cntt1") -> list[officer_view.ProposalView]:
    with transaction(world.rt) as session:
        return officer_view.waiting(world.rt, session, world.actor(reader))


def refused(world: World, who: str, what: str, username: str, role: str, reason: str = WHY) -> AccessError:
    with pytest.raises(AccessError) as error:
        say(world, who, what, username, role, reason)
    return error.value


def steps(world: World) -> list[tuple[str, str]]:
    told = ("role.proposed", "role.entered", "role.approved", "role.granted", "role.declined", "role.revoked")
    return [
        (r["event"], r["actor"]) for r in world.records() if r["event"] in told and r["actor"] != "system"
    ]


def test_the_words_that_a_role_needs_for_every_role_department_and_set_of_words() -> None:
    privileged = {Role.DIRECTOR, Role.DEPUTY_DIRECTOR, Role.IT_ADMIN, Role.AUDITOR, Role.UNIT_HEAD}
    for role in Role:
        for provincial, department in ((False, "CST"), (False, "TNTKQ"), (True, "CST"), (True, "CNTT")):
            by_head = headed(department, provincial=provincial)
            assert by_head == (not provincial or department == "CST")
            nothing = missing(role, department, provincial=provincial, given=())
            ordinary = by_head and role not in privileged
            assert nothing == ({Word.IT, Word.HEAD} if ordinary else {Word.IT, Word.DIRECTOR})
            assert Word.IT in missing(
                role, department, provincial=provincial, given={Word.HEAD, Word.DIRECTOR}
            )
            assert missing(role, department, provincial=provincial, given={Word.IT, Word.DIRECTOR}) == set()
            only_head = missing(role, department, provincial=provincial, given={Word.IT, Word.HEAD})
            assert only_head == (set() if ordinary else {Word.DIRECTOR})


def test_the_head_proposes_it_enters_and_from_that_moment_the_role_is_in_force(world: World) -> None:
    newcomer(world, "cjt.moi")
    assert say(world, "cjt.gd", "propose", "cjt.moi", "card") == "WAITING"
    assert world.actor("cjt.moi").roles == frozenset()
    assert say(world, "vpt.cntt1", "enter", "cjt.moi", "card") == "GRANTED"
    assert world.actor("cjt.moi").roles == {Role.CARD}
    assert steps(world) == [
        ("role.proposed", "cjt.gd"),
        ("role.entered", "vpt.cntt1"),
        ("role.granted", "vpt.cntt1"),
    ]
    granted = world.records("role.granted")[-1]
    assert granted["details"] == {
        "officer": "cjt.moi",
        "officer_name": "Nguyễn Văn Thử",
        "role": "card",
        "proposal": granted["details"]["proposal"],
        "proposed": "cjt.gd",
        "entered": "vpt.cntt1",
    }
    assert (granted["guest"], granted["reason"]) == ("CJT", WHY)
    world.lend("cjt.moi", "TKCL-CJT-DML")


def test_it_alone_makes_nobody_a_card_clerk_the_head_or_the_director_has_to_agree(world: World) -> None:
    newcomer(world, "cjt.moi")
    assert say(world, "vpt.cntt1", "enter", "cjt.moi", "card") == "WAITING"
    assert world.actor("cjt.moi").roles == frozenset()
    with pytest.raises(AccessError, match="đã được ghi"):
        say(world, "vpt.cntt2", "enter", "cjt.moi", "card")
    (shown,) = waiting(world)
    assert (shown.lacks, shown.mine, shown.entered[0]) == (("head",), None, "Ngô Đức Anh")
    for stranger in ("dml.gd", "cjt.the1", "vpt.ktra1", "vpt.tpcst", "vpt.pgd"):
        with pytest.raises(AccessError) as error:
            agree(world, stranger, shown.id)
        assert error.value.code.startswith("policy."), stranger
    assert waiting(world, "cjt.gd")[0].mine == "head"
    assert agree(world, "cjt.gd", shown.id) == "GRANTED"
    assert world.actor("cjt.moi").roles == {Role.CARD}
    assert waiting(world) == []
    with pytest.raises(AccessError) as error:
        agree(world, "cjt.gd", shown.id)
    assert error.value.code == "role.settled"


def test_a_head_on_leave_blocks_nobody_the_director_may_say_yes_instead(world: World) -> None:
    newcomer(world, "cjt.moi")
    say(world, "vpt.cntt1", "enter", "cjt.moi", "card")
    (shown,) = waiting(world, "vpt.gd")
    assert shown.mine == "director"
    assert agree(world, "vpt.gd", shown.id) == "GRANTED"
    assert [event for event, _ in steps(world)] == ["role.entered", "role.approved", "role.granted"]


@pytest.mark.parametrize(
    ("role", "office", "department"),
    [
        ("it_admin", "VPT", "CNTT"),
        ("auditor", "VPT", "TTKT"),
        ("director", "VPT", "BGD"),
        ("deputy_director", "VPT", "BGD"),
        ("unit_head", "CJT", "BGD"),
        ("publicity", "VPT", "VP"),
    ],
)
def test_it_auditor_director_deputy_and_head_wait_for_the_director_and_for_nobody_less(
    world: World, role: str, office: str, department: str
) -> None:
    newcomer(world, "thu.nguoi", office, department)
    assert say(world, "vpt.cntt1", "enter", "thu.nguoi", role) == "WAITING"
    (shown,) = waiting(world)
    assert shown.lacks == ("director",)
    for stranger in ("vpt.pgd", "vpt.cntt2", "vpt.tpthu", "vpt.ktra1"):
        with pytest.raises(AccessError):
            agree(world, stranger, shown.id)
    assert world.actor("thu.nguoi").roles == frozenset()
    assert agree(world, "vpt.gd", shown.id) == "GRANTED"
    assert world.actor("thu.nguoi").roles == {Role(role)}


def test_a_district_heads_word_for_another_head_does_not_replace_the_directors(world: World) -> None:
    newcomer(world, "cjt.pgd", "CJT", "BGD")
    say(world, "cjt.gd", "propose", "cjt.pgd", "unit_head")
    assert say(world, "vpt.cntt1", "enter", "cjt.pgd", "unit_head") == "WAITING"
    (shown,) = waiting(world)
    assert (shown.lacks, shown.proposed[0]) == (("director",), "Trịnh Văn Cường")


def test_nobody_gives_a_role_to_himself_neither_head_nor_it_nor_director_nor_by_writing_the_table(
    world: World,
) -> None:
    for who, what, role in [
        ("cjt.gd", "propose", "unit_head"),
        ("vpt.cntt1", "enter", "card"),
        ("vpt.cntt1", "enter", "it_admin"),
    ]:
        assert refused(world, who, what, who, role).code == "policy.denied_by_rule"
    say(world, "vpt.cntt1", "enter", "vpt.gd", "deputy_director")
    (shown,) = waiting(world)
    assert shown.mine is None
    assert waiting(world, "vpt.gd")[0].mine is None
    with pytest.raises(AccessError) as error:
        agree(world, "vpt.gd", shown.id)
    assert error.value.code == "policy.denied_by_rule"
    with world.admin_control() as admin, pytest.raises(psycopg.errors.CheckViolation):
        admin.execute("UPDATE role_proposal SET approved_by = officer_id")


@pytest.mark.parametrize(
    ("username", "role", "code", "words"),
    [
        ("vpt.cntt2", "card", "role.elsewhere", "không thuộc phòng, bộ phận"),
        ("vpt.cntt2", "auditor", "role.elsewhere", "không thuộc"),
        ("cjt.the1", "custodian_tkcl", "role.by_appointment", "qua phân công của thủ trưởng"),
        ("cjt.the1", "card", "role.held", "đang giữ vai trò"),
        ("cjt.the1", "it_admin", "role.elsewhere", "không thuộc"),
        ("cjt.the1", "không có", "role.unknown", "Không có vai trò"),
        ("cjt.khong", "card", "officer.unknown", "Không có cán bộ"),
    ],
)
def test_a_role_that_cannot_be_is_refused_at_entry_with_its_reason(
    world: World, username: str, role: str, code: str, words: str
) -> None:
    error = refused(world, "vpt.cntt1", "enter", username, role)
    assert error.code == code
    assert words in str(error)
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM role_proposal").fetchone() == (0,)


def test_separation_of_duties_counts_what_is_held_what_waits_and_custody(world: World) -> None:
    with (
        world.admin_control() as admin
    ):  # a department that would let both in: the rule must not lean on it alone
        admin.execute("UPDATE officer SET department = 'TTKT' WHERE username = 'vpt.cntt2'")
    error = refused(world, "vpt.cntt1", "enter", "vpt.cntt2", "auditor")
    assert error.code == "role.separation"
    assert error.facts["role"] == "auditor"
    assert error.facts["other_role"] == "it_admin"
    newcomer(world, "vpt.moi", "VPT", "CNTT")
    say(world, "vpt.cntt1", "enter", "vpt.moi", "it_admin")
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET department = 'TTKT' WHERE username = 'vpt.moi'")
    assert refused(world, "vpt.cntt1", "enter", "vpt.moi", "auditor").code == "role.separation"
    with world.admin_control() as admin:  # a custodian is no IT administrator, wherever he sits
        admin.execute(
            "UPDATE officer SET office_code = 'VPT', department = 'CNTT' WHERE username = 'cjt.thu2'"
        )
        admin.execute(
            "UPDATE officer_role SET revoked_at = now() WHERE officer_id ="
            " (SELECT id FROM officer WHERE username = 'cjt.thu2')"
        )
    error = refused(world, "vpt.cntt1", "enter", "cjt.thu2", "it_admin")
    assert (error.code, error.facts["other_role"]) == ("role.separation", "custodian_tkhctt")


def test_what_has_become_impossible_since_the_first_word_is_refused_at_the_last(world: World) -> None:
    newcomer(world, "cjt.moi")
    say(world, "cjt.gd", "propose", "cjt.moi", "card")
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET department = 'THU' WHERE username = 'cjt.moi'")
    assert refused(world, "vpt.cntt1", "enter", "cjt.moi", "card").code == "role.elsewhere"
    assert world.actor("cjt.moi").roles == frozenset()


def test_at_the_province_a_head_proposes_for_the_own_department_only(world: World) -> None:
    newcomer(world, "vpt.moi", "VPT", "CST")
    assert refused(world, "vpt.tpthu", "propose", "vpt.moi", "card").code == "role.by_function"
    assert say(world, "vpt.tpcst", "propose", "vpt.moi", "card") == "WAITING"
    newcomer(world, "vpt.tn9", "VPT", "TNTKQ")
    assert refused(world, "vpt.tpcst", "propose", "vpt.tn9", "reception").code == "role.by_function"


@pytest.mark.parametrize(
    "who", ["cjt.the1", "cjt.the2", "dml.gd", "vpt.ktra1", "vpt.gd", "vpt.pgd", "vpt.cntt1"]
)
def test_only_the_own_head_proposes(world: World, who: str) -> None:
    newcomer(world, "cjt.moi")
    assert refused(world, who, "propose", "cjt.moi", "card").code.startswith("policy.")


@pytest.mark.parametrize("who", ["cjt.gd", "cjt.the1", "vpt.ktra1", "vpt.gd"])
def test_only_it_enters_and_withdraws(world: World, who: str) -> None:
    newcomer(world, "cjt.moi")
    assert refused(world, who, "enter", "cjt.moi", "card").code.startswith("policy.")
    with transaction(world.rt) as session, pytest.raises(AccessError) as error:
        roles.revoke(world.rt, session, world.actor(who), "cjt.the1", "card", WHY, version=1)
    assert error.value.code.startswith("policy.")


def test_a_proposal_is_declined_with_a_reason_by_whoever_has_a_word_and_can_be_made_anew(
    world: World,
) -> None:
    newcomer(world, "cjt.moi")
    for who in ("cjt.gd", "vpt.cntt1", "vpt.gd"):
        say(world, "cjt.gd", "propose", "cjt.moi", "card")
        (shown,) = waiting(world)
        with pytest.raises(AccessError) as error:
            decline(world, "dml.gd", shown.id)
        assert error.value.code.startswith("policy.")
        with pytest.raises(AccessError) as error:
            decline(world, who, shown.id, " ")
        assert error.value.code == "officer.reason_missing"
        assert decline(world, who, shown.id) == "CLOSED"
        told = world.records("role.declined")[-1]
        assert (told["actor"], told["reason"]) == (who, "Không đúng vị trí việc làm")
    for number in ("0", "x", "9" * 30, ""):
        with transaction(world.rt) as session, pytest.raises(AccessError) as error:
            roles.decline(world.rt, session, world.actor("vpt.gd"), number, "x")
        assert error.value.code == "role.no_proposal"


def test_a_role_withdrawn_ends_what_was_held_and_whose_page_is_old_is_told(world: World) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    version = world.actor("cjt.the1").version
    it = world.actor("vpt.cntt1")
    with transaction(world.rt) as session, pytest.raises(AccessError) as error:
        roles.revoke(world.rt, session, it, "cjt.the1", "card", WHY, version=version - 1)
    assert error.value.code == "officer.changed_meanwhile"
    with transaction(world.rt) as session, pytest.raises(AccessError) as error:
        roles.revoke(world.rt, session, it, "cjt.the1", "auditor", WHY, version=version)
    assert error.value.code == "role.not_held"
    with transaction(world.rt) as session:
        ending = roles.revoke(world.rt, session, it, "cjt.the1", "card", WHY, version=version)
    closing.finish_all(world.rt, ending)
    assert ending == [lease.lease]
    assert world.roles_with_login() == set()
    told = world.records("role.revoked")[-1]
    assert (told["actor"], told["details"]["role"], told["reason"]) == ("vpt.cntt1", "card", WHY)
    with transaction(world.rt) as session, pytest.raises(AccessError) as error:
        roles.revoke(world.rt, session, it, "vpt.cntt1", "it_admin", WHY, version=it.version)
    assert error.value.code == "policy.denied_by_rule"  # so there is always one administrator left


def test_two_people_who_enter_the_same_role_at_one_instant_make_one_proposal(world: World) -> None:
    newcomer(world, "cjt.moi")
    ready, ends = threading.Barrier(2), []

    def act(who: str, what: str) -> None:
        ready.wait()
        try:
            ends.append(say(world, who, what, "cjt.moi", "card"))
        except AccessError as error:
            ends.append(error.code)

    people = [
        threading.Thread(target=act, args=pair) for pair in (("vpt.cntt1", "enter"), ("cjt.gd", "propose"))
    ]
    for person in people:
        person.start()
    for person in people:
        person.join(20)
    assert sorted(ends) == ["GRANTED", "WAITING"]
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*), min(state) FROM role_proposal").fetchone() == (1, "GRANTED")
        held = admin.execute("SELECT count(*) FROM officer_role WHERE proposal_id IS NOT NULL").fetchone()
        assert held == (1,)
