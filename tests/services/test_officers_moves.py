"""Officers who come, move and go: what ends at once, what history keeps, who may do it (S11)."""

from __future__ import annotations

import threading

import pytest

from accessctl.domain.permissions import Role
from accessctl.errors import AccessError, Conflict, NotFound, NotSignedIn
from accessctl.services import (
    closing,
    leasing,
    moves,
    officer_view,
    officers,
    resets,
    returning,
    roles,
    signin,
    staff,
)
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from tests.common.world import PASSWORD, World
from tests.services.test_roles import newcomer, say, waiting

HERE = Origin("web", "10.1.2.3")
DECISION = "Quyết định 45/QĐ-BHXH"


def transfer(
    world: World, username: str, to: str = "DSG CST", who: str = "vpt.cntt1", **more: object
) -> list[str]:
    office, department = to.split()
    version = more.pop("version", None) or world.actor(username).version
    wanted = {"title": "Cán bộ Cấp sổ, thẻ", "decision_no": DECISION} | more
    with transaction(world.rt) as session:
        ending = moves.transfer(
            world.rt,
            session,
            world.actor(who),
            moves.Transfer(username, office, department, version=version, **wanted),
        )
    closing.finish_all(world.rt, ending)
    return ending


def leave(
    world: World, username: str, who: str = "vpt.cntt1", reason: str = "Nghỉ hưu", version: int = 0
) -> list[str]:
    with transaction(world.rt) as session:
        version = version or staff.found(session, username).version
        ending = moves.leave(world.rt, session, world.actor(who), username, reason, version=version)
    closing.finish_all(world.rt, ending)
    return ending


def detail(world: World, username: str, reader: str = "vpt.cntt1") -> officer_view.OfficerDetail:
    with transaction(world.rt) as session:
        return officer_view.show(world.rt, session, world.actor(reader), username)


def browser(world: World, username: str) -> str:
    """Somebody signs in; the session's token."""
    with transaction(world.rt) as session:
        return signin.open_session(world.rt, session, world.actor(username), HERE)


def states(world: World, kind: str, office: str) -> set[str]:
    with world.admin_control() as admin:
        found = admin.execute("SELECT state FROM account WHERE kind = %s AND guest = %s", (kind, office))
        return {row[0] for row in found}


def test_S11_a_transfer_ends_leases_roles_custody_and_sessions_at_once_and_history_keeps_the_old_office(
    world: World,
) -> None:
    lease = world.lend("cjt.the2", "TKCL-CJT-DML")  # the custodian of TKCL at Cư Jút
    token = browser(world, "cjt.the2")
    ending = transfer(world, "cjt.the2")
    assert lease.lease in ending
    assert world.roles_with_login() == set()
    assert leasing.show_lease(world.rt, world.actor("cjt.gd"), lease.lease).end_note == "officer.moved"
    with transaction(world.rt) as session, pytest.raises(NotSignedIn):
        signin.resume(world.rt, session, token, HERE)
    moved = world.actor("cjt.the2")
    assert (moved.office, moved.department, moved.roles) == ("DSG", "CST", frozenset())
    assert states(world, "TKCL", "CJT") == {"SUSPENDED"}
    with pytest.raises(AccessError) as denied:
        world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    assert denied.value.code == "lease.dossier_other_office"
    with pytest.raises(AccessError) as denied:
        world.lend("cjt.the2", "TKCL-DSG-DML")
    assert denied.value.code == "policy.no_rule"
    say(world, "dsg.gd", "propose", "cjt.the2", "card")
    say(world, "vpt.cntt1", "enter", "cjt.the2", "card")
    with pytest.raises(AccessError) as denied:
        world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    assert denied.value.code == "lease.dossier_other_office"
    assert world.lend("cjt.the2", "TKCL-DSG-DML").state == "ACTIVE"
    assert [r["office"] for r in world.records("lease.checkout")] == ["CJT", "DSG"]
    (told,) = world.records("officer.transferred")
    assert (told["guest"], told["host"], told["reason"]) == ("CJT", "DSG", DECISION)
    assert (told["details"]["from"], told["details"]["to"]) == ("CJT", "DSG")
    shown = detail(world, "cjt.the2")
    assert [(p.office, p.until is None) for p in shown.postings] == [("DSG", True), ("CJT", False)]
    assert shown.postings[0].decision_no == DECISION
    assert [(r.role, r.ended_why) for r in shown.earlier] == [("card", "officer.moved")]
    assert [c.end_reason for c in shown.custody] == ["officer.moved"]


def test_S11_a_place_in_a_queue_and_a_role_on_its_way_end_with_the_transfer(world: World) -> None:
    world.lend("cjt.the1", "TKCL-CJT-DML")
    waits = world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    assert waits.state == "QUEUED"
    say(world, "cjt.gd", "propose", "cjt.the2", "blank_keeper")
    transfer(world, "cjt.the2")
    assert leasing.show_lease(world.rt, world.actor("cjt.gd"), waits.lease).state == "DENIED"
    assert waiting(world) == []
    assert world.records("role.declined")[-1]["reason"] == "officer.moved"


def test_S11_between_the_reading_of_a_person_and_the_loan_nobody_is_moved_unseen(world: World) -> None:
    """A check-out that began before the transfer either ends with it or is refused: no lease is left behind."""
    stale = world.actor("cjt.the1")
    transfer(world, "cjt.the1")
    with pytest.raises(Conflict) as refused:
        leasing.open_lease(world.rt, stale, world.request("TKCL-CJT-DML", client=True))
    assert refused.value.code == "officer.moved_meanwhile"
    for clerk in ("dml.the1", "kno.the1", "drl.the1"):
        ready, ends = threading.Barrier(2), list[str]()
        thread = threading.Thread(target=_borrow, args=(world, clerk, ready, ends))
        version = world.actor(clerk).version
        thread.start()
        ready.wait()
        transfer(world, clerk, version=version)
        thread.join(20)
        with world.admin_control() as admin:
            living = admin.execute(
                "SELECT count(*) FROM lease JOIN officer o ON o.id = officer_id WHERE o.username = %s"
                " AND state IN ('QUEUED', 'OPENING', 'ACTIVE')",
                (clerk,),
            ).fetchone()
        assert living == (0,), ends
    assert world.roles_with_login() == set()


def _borrow(world: World, clerk: str, ready: threading.Barrier, ends: list[str]) -> None:
    person = world.actor(clerk)
    ready.wait()
    try:
        request = world.request(f"TKCL-{clerk[:3].upper()}-GNG", client=True)
        ends.append(leasing.open_lease(world.rt, person, request).lease)
    except AccessError as error:
        ends.append(error.code)


def test_a_transfer_within_the_office_to_another_department_ends_the_same(world: World) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert transfer(world, "cjt.the1", "CJT TNTKQ", title="Cán bộ Tiếp nhận") == [lease.lease]
    assert world.actor("cjt.the1").roles == frozenset()


@pytest.mark.parametrize(
    ("to", "more", "code"),
    [
        ("XYZ CST", {}, "policy.unknown_word"),
        ("DSG CNTT", {}, "officer.no_department"),
        ("DSG ???", {}, "officer.no_department"),
        ("CJT CST", {}, "officer.there_already"),
        ("DSG CST", {"decision_no": " "}, "officer.reason_missing"),
        ("DSG CST", {"decision_no": "x" * 5000}, "input.too_long"),
        ("DSG CST", {"title": ""}, "input.empty"),
        ("DSG CST", {"version": 999}, "officer.changed_meanwhile"),
    ],
)
def test_a_transfer_that_makes_no_sense_changes_nothing(
    world: World, to: str, more: dict[str, object], code: str
) -> None:
    before = detail(world, "cjt.the1")
    with pytest.raises(AccessError) as error:
        transfer(world, "cjt.the1", to, **more)
    assert error.value.code == code
    assert detail(world, "cjt.the1") == before
    assert world.records("officer.transferred") == []


@pytest.mark.parametrize("who", ["cjt.gd", "dsg.gd", "cjt.the2", "vpt.ktra1", "vpt.gd", "vpt.pgd", "cjt.tn1"])
def test_only_it_adds_changes_transfers_and_lets_leave(world: World, who: str) -> None:
    for act in (
        lambda: transfer(world, "cjt.the1", who=who),
        lambda: leave(world, "cjt.the1", who=who),
        lambda: add(world, who=who),
        lambda: change(world, "cjt.the1", who=who),
    ):
        with pytest.raises(AccessError) as error:
            act()
        assert error.value.code.startswith("policy."), who


def test_it_neither_moves_nor_changes_nor_lets_itself_leave(world: World) -> None:
    for act in (
        lambda: transfer(world, "vpt.cntt1", "CJT THU"),
        lambda: leave(world, "vpt.cntt1"),
        lambda: change(world, "vpt.cntt1"),
    ):
        with pytest.raises(AccessError) as error:
            act()
        assert error.value.code == "policy.denied_by_rule"


def test_an_officer_who_leaves_loses_everything_the_same_minute_and_keeps_the_name(world: World) -> None:
    lease = world.lend("cjt.thu2", "TKHCTT-CJT-DML")  # the custodian of TKHCTT
    token = browser(world, "cjt.thu2")
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO access_token (token_hash, officer_id, name, scope, roles, created_at, expires_at)"
            " SELECT 'x'::bytea, id, 'máy của tôi', 'use', '{}', now(), now() + interval '30 days'"
            " FROM officer WHERE username = 'cjt.thu2'"
        )
    assert lease.lease in leave(world, "cjt.thu2")
    assert world.roles_with_login() == set()
    with transaction(world.rt) as session, pytest.raises(NotSignedIn):
        signin.resume(world.rt, session, token, HERE)
    with pytest.raises(NotSignedIn):
        signin.authenticate(world.rt, "cjt.thu2", PASSWORD, HERE)
    with world.admin_control() as admin:
        assert admin.execute("SELECT end_reason FROM access_token").fetchall() == [("officer.left",)]
        row = admin.execute("SELECT password_hash, left_at <= now() FROM officer WHERE username = 'cjt.thu2'")
        assert row.fetchone() == (None, True)
    assert states(world, "TKHCTT", "CJT") == {"SUSPENDED"}
    shown = detail(world, "cjt.thu2")
    assert (shown.row.full_name, shown.row.roles, shown.held) == ("Nguyễn Hữu Toàn", (), ())
    assert shown.row.left_at is not None
    assert shown.may == {
        "return"
    }  # nothing else can be done to who has left; IT reads no journal of the office
    assert all(p.until for p in shown.postings)
    (told,) = world.records("officer.left")
    assert (told["actor"], told["guest"], told["reason"]) == ("vpt.cntt1", "CJT", "Nghỉ hưu")
    assert {r["reason"] for r in world.records("token.revoked")} == {"officer.left"}
    for again in (lambda: leave(world, "cjt.thu2"), lambda: transfer(world, "cjt.thu2", version=9)):
        with pytest.raises(NotFound):
            again()


def come_back(
    world: World, username: str, who: str = "vpt.cntt1", at: str = "CJT CST", version: int = 0, **more: str
) -> resets.Issued:
    office, department = at.split()
    words = {"title": "Cán bộ Cấp sổ, thẻ", "reason": DECISION} | more
    with transaction(world.rt) as session:
        version = version or staff.found(session, username).version
        wanted = returning.Return(username, office, department, version=version, **words)
        return returning.come_back(world.rt, session, world.actor(who), wanted)


def test_an_officer_who_returns_is_the_same_person_with_nothing_of_what_was_held_before(world: World) -> None:
    lease = world.lend("cjt.the2", "TKCL-CJT-DML")  # custodian TKCL and card clerk
    with transaction(world.rt) as session:
        identity = staff.found(session, "cjt.the2").id
    leave(world, "cjt.the2")
    issued = come_back(world, "cjt.the2")
    back = world.actor("cjt.the2")
    assert (back.id, back.roles, back.office) == (identity, frozenset(), "CJT")
    shown = detail(world, "cjt.the2")
    assert (shown.row.left_at, shown.has_password, shown.held) == (None, False, ())
    assert [p.until is None for p in shown.postings] == [True, False]
    assert {r.role for r in shown.earlier} == {"card"}
    assert states(world, "TKCL", "CJT") == {"SUSPENDED"}, "custody does not come back by itself"
    with pytest.raises(NotSignedIn):
        signin.authenticate(world.rt, "cjt.the2", PASSWORD, HERE)
    with pytest.raises(AccessError) as denied:
        world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    assert denied.value.code == "policy.no_rule"
    with transaction(world.rt) as session:
        resets.use(world.rt, session, issued.token, HERE, password="Tro-Lai-Cong-Tac-2018")
    assert signin.authenticate(world.rt, "cjt.the2", "Tro-Lai-Cong-Tac-2018", HERE)
    (told,) = world.records("officer.returned")
    assert (told["actor"], told["guest"], told["host"], told["reason"]) == (
        "vpt.cntt1",
        "CJT",
        "CJT",
        DECISION,
    )
    with world.admin_control() as admin:
        row = admin.execute(
            "SELECT o.username FROM notice n JOIN officer o ON o.id = n.officer_id WHERE n.kind = 'officer_returned'"
        )
        assert row.fetchall() == [("cjt.gd",)]
    assert leasing.show_lease(world.rt, world.actor("cjt.gd"), lease.lease).holder == "cjt.the2"


def test_separation_is_judged_anew_when_a_returned_officer_is_given_roles(world: World) -> None:
    leave(world, "cjt.the1")
    come_back(world, "cjt.the1", at="VPT CNTT", title="Chuyên viên CNTT")
    with pytest.raises(AccessError) as refused:
        say(world, "vpt.cntt1", "enter", "cjt.the1", "card")
    assert refused.value.code == "role.elsewhere"
    say(world, "vpt.cntt1", "enter", "cjt.the1", "it_admin")
    assert world.actor("cjt.the1").roles == frozenset(), "the director's word is lacking"


def test_who_may_not_add_officers_brings_nobody_back_and_twice_or_from_an_old_page_is_refused(
    world: World,
) -> None:
    with pytest.raises(AccessError) as refused:
        come_back(world, "cjt.the1")
    assert refused.value.code == "officer.in_service"
    leave(world, "cjt.the1")
    for who in ("cjt.gd", "vpt.ktra1", "vpt.gd", "cjt.the2"):
        with pytest.raises(AccessError) as refused:
            come_back(world, "cjt.the1", who=who)
        assert refused.value.code.startswith("policy."), who
    bad = [({"version": 99}, "officer.changed_meanwhile"), ({"at": "XXX CST"}, "policy.unknown_word"),
           ({"at": "CJT CNTT"}, "officer.no_department"), ({"reason": " "}, "officer.reason_missing"),
           ({"title": ""}, "input.empty")]  # fmt: skip
    for more, code in bad:
        with pytest.raises(AccessError) as refused:
            come_back(world, "cjt.the1", **more)  # type: ignore[arg-type]
        assert refused.value.code == code, more
    come_back(world, "cjt.the1")
    with pytest.raises(Conflict):
        come_back(world, "cjt.the1")
    assert len(world.records("officer.returned")) == 1


def test_S10_a_custodian_who_leaves_takes_nobodys_other_account_along(world: World) -> None:
    other = world.lend("cjt.thu1", "LOCAL_HC-CJT-01", dossier="CJT-2018-000009/CLT")
    leave(world, "cjt.the2")
    assert leasing.show_lease(world.rt, world.actor("cjt.thu1"), other.lease).state == "ACTIVE"
    assert states(world, "TKHCTT", "CJT") == {"ACTIVE"}
    assert states(world, "TKCL", "CJT") == {"SUSPENDED"}
    assert states(world, "TKCL", "DML") == {"ACTIVE"}


def add(world: World, who: str = "vpt.cntt1", **changed: object) -> str:
    typed: dict[str, object] = {
        "username": "cjt.moi",
        "full_name": "Phạm Thị Hòa".replace("ò", "o\u0300"),  # decomposed, as some machines send it
        "title": "Cán bộ Cấp sổ, thẻ",
        "phone": "0900 000 099",
        "email": "moi@bhxh.example",
        "office": "CJT",
        "department": "CST",
        "roles": ("card", "blank_keeper"),
        "reason": DECISION,
    }
    with transaction(world.rt) as session:
        made = officers.add(world.rt, session, world.actor(who), officers.Newcomer(**(typed | changed)))
        return made.username


def change(world: World, username: str, who: str = "vpt.cntt1", **changed: object) -> None:
    typed: dict[str, object] = {
        "full_name": "Lê Thị Ngọc Diệp",
        "title": "Cán bộ Cấp sổ, thẻ",
        "phone": "0900000033",
        "email": "cjt.the1@bhxh.example",
        "version": world.actor(username).version,
    }
    with transaction(world.rt) as session:
        officers.change(world.rt, session, world.actor(who), username, officers.Details(**(typed | changed)))


def test_an_officer_is_added_with_first_roles_that_wait_for_the_head(world: World) -> None:
    assert add(world) == "cjt.moi"
    shown = detail(world, "cjt.moi")
    assert (shown.row.full_name, shown.row.phone, shown.has_password) == ("Phạm Thị Hòa", "0900000099", False)
    assert {(p.role, p.lacks) for p in shown.proposals} == {("card", ("head",)), ("blank_keeper", ("head",))}
    assert world.actor("cjt.moi").roles == frozenset()
    assert [p.office for p in shown.postings] == ["CJT"]
    assert world.records("officer.added")[-1]["actor"] == "vpt.cntt1"
    with transaction(world.rt) as session:
        for proposal in shown.proposals:
            roles.agree(world.rt, session, world.actor("cjt.gd"), str(proposal.id))
    assert world.actor("cjt.moi").roles == {Role.CARD, Role.BLANK_KEEPER}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"username": "cjt.the1"}, "officer.duplicate"),
        ({"username": "Cjt.Moi"}, "officer.bad_username"),
        ({"username": "cjt moi"}, "officer.bad_username"),
        ({"username": "-"}, "officer.bad_username"),
        ({"full_name": "  "}, "input.empty"),
        ({"full_name": "x" * 121}, "input.too_long"),
        ({"full_name": "a\x00b"}, "input.control"),
        ({"phone": "12345"}, "officer.bad_phone"),
        ({"email": "khong phai"}, "officer.bad_email"),
        ({"office": "XXX"}, "office.unknown"),
        ({"department": "CNTT"}, "officer.no_department"),
        ({"roles": ("it_admin",)}, "role.elsewhere"),
        ({"roles": ("custodian_tkcl",)}, "role.by_appointment"),
        ({"roles": ("card",), "reason": ""}, "officer.reason_missing"),
    ],
)
def test_an_officer_with_bad_words_or_an_impossible_role_is_not_added_at_all(
    world: World, changed: dict[str, object], code: str
) -> None:
    with pytest.raises(AccessError) as error:
        add(world, **changed)
    assert error.value.code == code
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM officer WHERE username = 'cjt.moi'").fetchone() == (0,)
    assert world.records("officer.added")[-1]["details"]["officer"] != "cjt.moi"


def test_details_change_without_ending_anything_and_the_second_editor_is_told(world: World) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    version = world.actor("cjt.the1").version
    change(world, "cjt.the1", phone="0900 000 999")
    assert leasing.show_lease(world.rt, world.actor("cjt.the1"), lease.lease).state == "ACTIVE"
    assert world.records("officer.changed")[-1]["details"]["changed"] == ["phone"]
    with pytest.raises(Conflict) as error:
        change(world, "cjt.the1", phone="0900 000 111", version=version)
    assert error.value.code == "officer.changed_meanwhile"
    assert detail(world, "cjt.the1").row.phone == "0900000999"
    told = len(world.records("officer.changed"))
    change(world, "cjt.the1", phone="0900 000 999")  # the same again is no change
    assert len(world.records("officer.changed")) == told


def test_the_page_says_what_would_end_before_it_does(world: World) -> None:
    world.lend("cjt.the2", "TKCL-CJT-DML")
    browser(world, "cjt.the2")
    say(world, "cjt.gd", "propose", "cjt.the2", "blank_keeper")
    with transaction(world.rt) as session:
        found = officer_view.ties(session, staff.found(session, "cjt.the2"), world.now())
    assert (found.accounts, found.roles, found.proposals, found.sessions) == (
        ("TKCL-CJT-DML",),
        ("card",),
        1,
        1,
    )
    assert [(c.kind, c.office_name) for c in found.custody] == [("TKCL", "BHXH huyện Cư Jút")]
    assert found.heads == ("Trịnh Văn Cường",)


def test_a_newcomer_has_no_rights_at_all_before_the_first_role(world: World) -> None:
    newcomer(world, "cjt.moi")
    with pytest.raises(AccessError) as denied:
        world.lend("cjt.moi", "TKCL-CJT-DML")
    assert denied.value.code == "policy.no_rule"
