"""A change that reaches into the databases: revocations first everywhere, then grants, finished after a crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accessctl.access.loader import ACCOUNT_RULES, default_folder
from accessctl.errors import Refused
from accessctl.services import policy_rollout
from accessctl.services.control import transaction
from accessctl.store.models import Office
from tests.common.policies import without
from tests.common.world import World
from tests.services.test_policy_change import ACCOUNT, CLERK, approve, propose, refused

VIEW = "bhyt.view_reissue(text)"


def account_rules(*, view: bool) -> dict[str, bytes]:
    """The rules of the accounts, with or without the right of TKCL to view reissue information."""
    whole = (default_folder() / ACCOUNT_RULES).read_bytes()
    return {ACCOUNT_RULES: whole if view else without(whole, "p, TKCL", "reissue:view")}


def may_view(world: World, office: str) -> bool:
    with world.admin_office(office) as session:
        row = session.execute("SELECT has_function_privilege('tkcl', %s, 'EXECUTE')", (VIEW,)).fetchone()
    assert row is not None
    return bool(row[0])


def roll_out(world: World, **more: str) -> list[str]:
    """As the DBA of every office."""
    dsn = {code: world.province.cluster.dsn(name) for code, name in world.province.dbnames.items()}
    return policy_rollout.roll_out(world.rt, dsn.__getitem__, **more)


@pytest.fixture
def changed(world: World) -> Iterator[World]:
    """The director has approved that TKCL loses a right; afterwards the databases are as they were."""
    late = approve(world, propose(world, account_rules(view=False), frozen=True), frozen=True)
    assert late == list(world.rt.offices.offices)
    world.rt.step = lambda name: None
    yield world
    world.rt.step = lambda name: None
    approve(world, propose(world, account_rules(view=True), frozen=True), frozen=True)
    assert roll_out(world) == []
    assert all(may_view(world, office) for office in world.rt.offices.offices)


def test_the_right_is_taken_at_every_office_before_any_office_is_given_anything(changed: World):
    seen: list[tuple[str, list[bool]]] = []
    some = ("CJT", "DML", "VPT")

    def watch(name: str) -> None:
        if name.startswith("rollout"):
            seen.append((name, [may_view(changed, office) for office in some]))

    changed.rt.step = watch
    assert roll_out(changed) == []
    given = [views for name, views in seen if name == "rollout.given"]
    assert len(given) == len(changed.rt.offices.offices)
    assert given[0] == [False, False, False]
    assert changed.lend(CLERK, ACCOUNT).account == ACCOUNT
    version = changed.rt.policy().version
    with transaction(changed.rt) as session:
        assert {row.policy_version for row in session.query(Office)} == {version}


def test_one_office_alone_is_brought_up_and_lends_while_the_others_wait(changed: World):
    assert roll_out(changed, only="DML") == []
    assert changed.lend(CLERK, ACCOUNT).account == ACCOUNT
    with refused(Refused, "policy.office_behind"):
        changed.lend("cjt.the2", "TKCL-CJT-DRL")


@pytest.mark.parametrize("at", ["rollout.taken", "rollout.given"])
def test_a_roll_out_killed_anywhere_is_finished_by_the_next(changed: World, at: str):
    class Killed(Exception):
        pass

    times = iter(range(100))

    def die(name: str) -> None:
        if name == at and next(times) == 2:
            raise Killed

    changed.rt.step = die
    with pytest.raises(Killed):
        roll_out(changed)
    with refused(Refused, "policy.office_behind"):
        changed.lend(CLERK, "TKCL-CJT-VPT")
    changed.rt.step = lambda name: None
    assert roll_out(changed) == []
    assert not any(may_view(changed, office) for office in changed.rt.offices.offices)
    assert changed.lend(CLERK, "TKCL-CJT-VPT").account == "TKCL-CJT-VPT"
