"""The matrix: how each account stands, who may know who has it, and one reading for all who look."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import event

from accessctl.config import Settings
from accessctl.domain.accounts import Kind
from accessctl.errors import Refused
from accessctl.services import accounts, leasing, matrix
from accessctl.services.actor import Actor
from accessctl.services.control import transaction
from accessctl.services.matrix import IN_USE, Picture, Wanted
from accessctl.services.runtime import Runtime, build_runtime
from tests.common.world import World

TKCL = "TKCL-CJT-DML"


def look(
    world: World, actor: Actor | str, wanted: Wanted | None = None, rt: Runtime | None = None
) -> Picture:
    rt = rt or world.rt
    person = world.actor(actor) if isinstance(actor, str) else actor
    rt.forget_offices()
    with transaction(rt) as session:
        return matrix.look(rt, session, person, wanted or Wanted())


def test_S01_the_square_has_a_cell_for_each_ordered_pair_of_offices_and_none_on_the_diagonal(world: World):
    for kind in (Kind.TKCL, Kind.TKHCTT):
        picture = look(world, "vpt.cntt1", Wanted(kind))
        codes = [head.code for head in picture.rows]
        assert codes[0] == "VPT"
        assert codes == [head.code for head in picture.columns]
        assert set(picture.cells) == {(a, b) for a in codes for b in codes if a != b}
        assert all(cell.account.startswith(f"{kind}-") for cell in picture.cells.values())
        assert picture.totals == {"ACTIVE": 72, IN_USE: 0}
        assert picture.busy == []


def test_S27_a_cell_says_who_has_the_account_until_when_and_how_many_wait(world: World):
    lease = world.lend("cjt.the1", TKCL)
    assert leasing.open_lease(world.rt, world.actor("cjt.the2"), world.request(TKCL, number=2)).position == 1
    picture = look(world, "vpt.ktra1")
    cell = picture.cells["CJT", "DML"]
    assert (cell.state, cell.holder, cell.until, cell.queue) == (
        IN_USE,
        lease.holder_name,
        lease.expires_at,
        1,
    )
    assert picture.totals == {"ACTIVE": 71, IN_USE: 1}
    assert picture.waiting == 1
    assert picture.busy == [cell]
    (row,) = [head for head in picture.rows if head.code == "CJT"]
    (column,) = [head for head in picture.columns if head.code == "DML"]
    assert (row.in_use, row.of, column.in_use) == (1, 8, 1)


def test_a_locked_account_counts_as_unusable_for_both_its_offices(world: World):
    with transaction(world.rt) as session:
        accounts.lock(world.rt, session, world.actor("vpt.cntt1"), TKCL, "Thử khóa")
    picture = look(world, "cjt.gd")
    assert picture.cells["CJT", "DML"].state == "LOCKED"
    assert picture.cells["CJT", "DML"].reason == "Thử khóa"
    assert {head.code for head in picture.rows if head.unusable} == {"CJT"}
    assert {head.code for head in picture.columns if head.unusable} == {"DML"}
    assert picture.totals == {"ACTIVE": 71, IN_USE: 0, "LOCKED": 1}


@pytest.mark.parametrize(
    ("person", "knows"),
    [
        ("cjt.tn1", True),  # a colleague
        ("dml.gd", True),  # the head whose database it is reads that office's log
        ("vpt.cntt1", True),  # IT may end the lease
        ("vpt.ktra1", True),
        ("vpt.gd", True),
        ("dml.the1", False),
        ("gng.gd", False),
        ("tdc.tn1", False),
    ],
)
def test_who_has_an_account_is_told_to_the_office_and_to_those_who_read_its_log(
    world: World, person: str, knows: bool
):
    world.lend("cjt.the1", TKCL)
    cell = look(world, person).cells["CJT", "DML"]
    assert cell.state == IN_USE
    assert (cell.holder is not None, cell.lease is not None) == (knows, knows)


def test_the_version_changes_with_what_is_shown_and_only_then(world: World):
    before = look(world, "vpt.gd")
    assert look(world, "vpt.gd").version == before.version
    lease = world.lend("cjt.the1", TKCL)
    during = look(world, "vpt.gd")
    assert during.version != before.version
    assert look(world, "vpt.gd", Wanted(Kind.TKHCTT)).totals[IN_USE] == 0
    leasing.close_lease(world.rt, world.actor("cjt.the1"), lease.lease)
    assert look(world, "vpt.gd").version == before.version


def test_a_hundred_people_looking_at_once_cost_one_reading(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(matrix, "_KEPT", 60.0)  # at once, however slow this machine is
    statements: list[str] = []
    world.rt.office_codes()
    people = [world.actor(name) for name in ("vpt.gd", "vpt.ktra1", "cjt.gd", "cjt.the1")]
    world.rt.forget_offices()
    with transaction(world.rt) as session:
        matrix.look(world.rt, session, people[0], Wanted())

        @event.listens_for(world.rt.engine, "before_cursor_execute")
        def heard(*args: object) -> None:
            statements.append(str(args[2]))

        for n in range(100):
            matrix.look(world.rt, session, people[n % 4], Wanted())
    event.remove(world.rt.engine, "before_cursor_execute", heard)
    assert len([said for said in statements if "account" in said]) <= 4


def _narrowed(world: World, folder: Path, *, whose: str) -> Runtime:
    """The same province under a policy that shows to `whose` role the accounts of the own office only."""
    shutil.copytree(world.settings.policies, folder)
    path = folder / "console.policy.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    (shows,) = [
        n for n, line in enumerate(lines) if line.startswith("p, officer,") and "account:view" in line
    ]
    lines[shows] = (
        lines[shows].replace("any,     any-office", "own,     any-office").replace("officer", whose)
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return _sound(Settings(dict(world.settings.env) | {"ACCESSCTL_POLICIES": str(folder)}))


def _sound(settings: Settings) -> Runtime:
    rt = build_runtime(settings, pool=2)
    assert rt.gate.broken is None, rt.gate.broken
    return rt


def test_a_policy_that_shows_only_the_own_office_leaves_the_own_row_and_column(world: World, tmp_path: Path):
    rt = _narrowed(world, tmp_path / "own", whose="officer")
    try:
        picture = look(world, "cjt.gd", rt=rt)
        assert len(picture.cells) == 16
        assert all("CJT" in place for place in picture.cells)
    finally:
        rt.close()


def test_a_policy_that_shows_no_account_refuses(world: World, tmp_path: Path):
    rt = _narrowed(world, tmp_path / "none", whose="publicity")
    try:
        with pytest.raises(Refused, match="quy tắc"):
            look(world, "cjt.gd", rt=rt)
        with transaction(rt) as session:
            assert matrix.own_row(rt, session, world.actor("cjt.gd"), [Kind.TKCL]) == []
    finally:
        rt.close()


def test_a_large_province_is_looked_at_in_blocks_of_nine(world: World):
    with world.admin_control() as admin:
        admin.execute(
            "INSERT INTO office (code, name, name_en, level, gso_code, departments, hours, pool_size, dbname, active)"
            " SELECT 'Z' || chr(65 + n) || 'Z', 'BHXH huyện ' || n, 'Office ' || n, 'district', 800 + n, departments,"
            " hours, pool_size, 'bhyt_z' || n, true FROM office, generate_series(0, 11) n WHERE code = 'CJT'"
        )
    first, third = look(world, "vpt.gd"), look(world, "vpt.gd", Wanted(Kind.TKCL, 3, 1))
    assert (first.blocks, len(first.rows), len(first.cells)) == (3, 9, 72)
    assert [head.code for head in third.rows] == ["ZJZ", "ZKZ", "ZLZ"]
    assert third.cells == {}
    assert look(world, "vpt.gd", Wanted(Kind.TKCL, 99, 99)).row_block == 3
