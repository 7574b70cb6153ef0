"""The staff: passwords that IT gives and never keeps, the first administrator, people who move (S11)."""

from __future__ import annotations

import pytest

from accessctl.cli.demo_build import EXAMPLE
from accessctl.domain.offices import OfficerEntry
from accessctl.domain.province import parse_officers, parse_province
from accessctl.errors import AccessError, NotSignedIn
from accessctl.services import closing, leasing, officers, signin
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from tests.common.world import PASSWORD, World

NEW = "Mot-cum-tu-that-dai-2026"
HERE = Origin("web", "10.1.2.3")


def entry(username: str, **changed: str) -> OfficerEntry:
    """A line of the staff file with other values."""
    founded = parse_province((EXAMPLE / "province.toml").read_text(encoding="utf-8"))
    lines = (EXAMPLE / "officers.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    line = next(line for line in lines if line.startswith(f"{username},"))
    for old, new in changed.items():
        line = line.replace(old.replace("_", ","), new)
    return parse_officers(lines[0] + line, founded)[0]


def enter(world: World, wanted: OfficerEntry) -> list[str]:
    with transaction(world.rt) as session:
        [(_, officer, _)] = officers.differences(session, [wanted])
        ending = officers.enter(world.rt, session, wanted, officer, None)
    closing.finish_all(world.rt, ending)
    return ending


def give(world: World, giver: str, username: str, password: str = NEW) -> None:
    with transaction(world.rt) as session:
        officers.give_password(world.rt, session, world.actor(giver), username, password)


def test_it_gives_a_password_that_must_be_changed_never_to_itself_and_nobody_else_gives_any(
    world: World,
) -> None:
    give(world, "vpt.cntt1", "cjt.the1")
    actor = signin.authenticate(world.rt, "cjt.the1", NEW, HERE)
    assert actor.must_change
    with pytest.raises(NotSignedIn):
        signin.authenticate(world.rt, "cjt.the1", PASSWORD, HERE)
    told = world.records("auth.password_reset")[-1]
    assert (told["actor"], told["details"]["officer"], told["guest"]) == ("vpt.cntt1", "cjt.the1", "CJT")
    assert NEW not in str(told)
    for giver, username, code in [
        ("vpt.cntt1", "vpt.cntt1", "policy.denied_by_rule"),
        ("cjt.gd", "cjt.the1", "policy.no_rule"),
        ("vpt.gd", "cjt.the1", "policy.no_rule"),
        ("vpt.ktra1", "cjt.the1", "policy.denied_by_rule"),
        ("vpt.cntt1", "cjt.khong", "officer.unknown"),
        ("vpt.cntt1", "x" * 10_000, "officer.unknown"),
        ("vpt.cntt1", "cjt.the1\x00", "input.control"),
    ]:
        with pytest.raises(AccessError) as refused:
            give(world, giver, username)
        assert refused.value.code == code, (giver, username)
    with pytest.raises(AccessError) as refused:
        give(world, "vpt.cntt1", "cjt.the1", "ngan")
    assert refused.value.code == "auth.password_too_short"


def test_a_new_password_by_it_lifts_a_lockout_and_signs_every_browser_out(world: World) -> None:
    with transaction(world.rt) as session:
        token = signin.sign_in(world.rt, session, "cjt.the1", PASSWORD, HERE)[1]
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            signin.authenticate(world.rt, "cjt.the1", "x", HERE)
    give(world, "vpt.cntt1", "cjt.the1")
    assert signin.authenticate(world.rt, "cjt.the1", NEW, HERE).username == "cjt.the1"
    with transaction(world.rt) as session, pytest.raises(NotSignedIn):
        signin.resume(world.rt, session, token, HERE)


def test_S11_a_transfer_ends_live_leases_and_the_next_check_out_for_the_old_office_is_denied(
    world: World,
) -> None:
    lease = world.lend("cjt.the2", "TKCL-CJT-DML")
    assert enter(world, entry("cjt.the2", CJT_CST="DSG,CST")) == [lease.lease]
    assert world.roles_with_login() == set()
    ended = leasing.show_lease(world.rt, world.actor("cjt.the2"), lease.lease)
    assert (ended.state, ended.end_reason, ended.end_note) == ("CLOSED", "revoked", "officer.moved")
    with pytest.raises(AccessError) as denied:
        world.lend("cjt.the2", "TKCL-CJT-DML", number=2)
    assert denied.value.code == "lease.dossier_other_office"
    assert world.lend("cjt.the2", "TKCL-DSG-DML").state == "ACTIVE"
    assert world.records("lease.checkout")[0]["office"] == "CJT"
    assert world.records("lease.checkout")[-1]["office"] == "DSG"


def test_a_role_taken_away_ends_what_was_held_and_details_alone_end_nothing(world: World) -> None:
    lease = world.lend("cjt.the2", "TKCL-CJT-DML")
    assert enter(world, entry("cjt.the2", CST_card="CST,blank_keeper")) == [lease.lease]
    assert world.records("role.revoked")[-1]["details"]["role"] == "card"
    assert world.records("role.granted")[-1]["details"]["role"] == "blank_keeper"
    other = world.lend("cjt.the1", "TKCL-CJT-KNO")
    assert enter(world, entry("cjt.the1", Diệp="Điệp")) == []
    assert leasing.show_lease(world.rt, world.actor("cjt.the1"), other.lease).state == "ACTIVE"
    assert world.records("officer.changed")[-1]["details"]["changed"] == ["full_name"]
