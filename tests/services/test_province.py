"""The province as data: what `apply` makes, that twice is once, and what it never touches (S01, S02, R12–R14)."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

from accessctl.cli.demo_build import EXAMPLE
from accessctl.domain.offices import OfficerEntry, Province
from accessctl.domain.province import parse_officers, parse_province
from accessctl.services import leasing, province
from tests.common.world import World

TEXT = (EXAMPLE / "province.toml").read_text(encoding="utf-8")
STAFF = (EXAMPLE / "officers.csv").read_text(encoding="utf-8")
ACCOUNT_ROLES = r"'^(tkcl|tkhctt|local_cl|local_hc)_'"


def files(text: str = TEXT, staff: str = STAFF) -> tuple[Province, tuple[OfficerEntry, ...]]:
    founded = parse_province(text).open_at_all_hours()
    return founded, parse_officers(staff, founded)


def with_pool(office: str, size: int, text: str = TEXT) -> str:
    """The province file with another size of an office's pool."""
    before, _, after = text.partition(f'code = "{office}"')
    pool, _, rest = after.partition("local_pool = ")
    return f'{before}code = "{office}"{pool}local_pool = {size}{rest[1:]}'


def log_size(world: World) -> int:
    return len(world.records())


def roles(world: World) -> set[str]:
    with world.province.admin() as admin:
        return {
            row[0]
            for row in admin.execute(f"SELECT rolname FROM pg_roles WHERE rolname ~ {ACCOUNT_ROLES}")  # noqa: S608
        }


@pytest.fixture
def new_roles(world: World) -> Iterator[None]:
    """Roles live longer than a test: those made in it are removed, with their lines in the hosts."""
    before = roles(world)
    yield
    for role in roles(world) - before:
        name = sql.Identifier(role)
        for dbname in world.province.dbnames.values():
            with world.province.admin(dbname) as admin:
                admin.execute("DELETE FROM access.account WHERE role = %s", (role,))
                admin.execute("SET ROLE accessctl_broker")  # a right is taken back by who gave it
                admin.execute(
                    sql.SQL("REVOKE CONNECT ON DATABASE {} FROM {}").format(sql.Identifier(dbname), name)
                )
        with world.province.admin() as admin:
            admin.execute(sql.SQL("DROP ROLE {}").format(name))


def test_S01_nine_offices_have_72_and_72_accounts_eight_of_each_kind_both_ways(world: World) -> None:
    with world.admin_control() as admin:
        rows = admin.execute("SELECT kind, guest, host, role FROM account WHERE kind LIKE 'TK%'").fetchall()
    assert Counter(kind for kind, *_ in rows) == {"TKCL": 72, "TKHCTT": 72}
    assert all(guest != host for _, guest, host, _ in rows)
    assert set(Counter((kind, guest) for kind, guest, _, _ in rows).values()) == {8}
    assert set(Counter((kind, host) for kind, _, host, _ in rows).values()) == {8}
    assert len({host for _, _, host, _ in rows}) == 9
    for office, dbname in world.province.dbnames.items():
        with world.province.admin(dbname) as admin:
            there = admin.execute(
                "SELECT a.role, r.rolcanlogin, r.rolsuper OR r.rolcreaterole OR r.rolcreatedb"
                " FROM access.account a JOIN pg_roles r ON r.rolname = a.role WHERE a.role LIKE 'tk%'"
            ).fetchall()
        assert {role for role, *_ in there} == {role for *_, host, role in rows if host == office}
        assert not any(login or raised for _, login, raised in there)


def test_S02_applying_twice_changes_nothing_and_every_account_was_provisioned_once(world: World) -> None:
    founded, staff = files()
    before, roles_before = log_size(world), roles(world)
    assert province.plan(world.rt, founded, staff) == []
    steps: list[tuple[str, int, int]] = []
    applied = province.apply(world.rt, founded, staff, progress=lambda *step: steps.append(step))
    assert (applied.changes, applied.unreachable) == ((), {})
    assert [done for _, done, _ in steps] == list(range(1, 10))
    assert log_size(world) == before
    assert roles(world) == roles_before
    provisioned = Counter(record["account"] for record in world.records("account.provisioned"))
    assert set(provisioned.values()) == {1}
    pools = sum(2 * office.local_pool for office in founded.offices)
    assert len(provisioned) == 144 + pools
    assert len(world.records("officer.added")) == 73


def test_a_changed_office_and_a_changed_officer_are_planned_applied_once_and_recorded(world: World) -> None:
    text = TEXT.replace('vi = "BHXH huyện Cư Jút"', 'vi = "BHXH huyện Cư Jút (mới)"')
    lines = STAFF.replace("cjt.tn1,Y Bluê Niê,Cán bộ Tiếp nhận", "cjt.tn1,Y Bluê Niê,Tổ trưởng Tiếp nhận")
    lines += "cjt.the3,Lý Thị Mai,Cán bộ thẻ,CJT,CST,card,0900 000 074,cjt.the3@bhxh.example\n"
    founded, staff = files(text, lines)
    planned = province.plan(world.rt, founded, staff)
    assert {(change.what, change.name, change.how) for change in planned} == {
        ("office", "CJT", "changed"),
        ("officer", "cjt.tn1", "title"),
        ("officer", "cjt.the3", "new"),
    }
    before = log_size(world)
    assert list(province.apply(world.rt, founded, staff).changes) == planned
    told = [record["event"] for record in world.records()[before:]]
    assert sorted(told) == ["office.changed", "officer.added", "officer.changed", "role.granted"]
    assert province.plan(world.rt, founded, staff) == []
    province.apply(world.rt, founded, staff)
    assert log_size(world) == before + 4


def test_names_in_NFD_are_the_names_that_are_there_already(world: World) -> None:
    founded, staff = files(unicodedata.normalize("NFD", TEXT), unicodedata.normalize("NFD", STAFF))
    assert province.plan(world.rt, founded, staff) == []


def test_sql_in_every_text_of_the_files_stays_text(world: World) -> None:
    evil = "Robert'); DROP TABLE officer; --"
    lines = STAFF + f"cjt.the3,{evil},{evil},CJT,CST,card,0900 000 074,cjt.the3@bhxh.example\n"
    text = TEXT.replace("BHXH huyện Cư Jút", "BHXH'; DELETE FROM office; --")
    founded, staff = files(text, lines)
    province.apply(world.rt, founded, staff)
    with world.admin_control() as admin:
        found = admin.execute("SELECT full_name, title FROM officer WHERE username = 'cjt.the3'").fetchone()
        assert found == (evil, evil)
        assert admin.execute("SELECT name FROM office WHERE code = 'CJT'").fetchone() == (
            "BHXH'; DELETE FROM office; --",
        )
        assert admin.execute("SELECT count(*) FROM office").fetchone() == (9,)


@pytest.mark.usefixtures("new_roles")
def test_a_larger_pool_gets_its_accounts_at_its_own_office_and_nobody_else_any(world: World) -> None:
    founded, staff = files(with_pool("CJT", 4))
    planned = province.plan(world.rt, founded, staff)
    assert [(change.what, change.name) for change in planned] == [
        ("office", "CJT"),
        ("account", "LOCAL_CL-CJT-04"),
        ("account", "LOCAL_HC-CJT-04"),
    ]
    before = roles(world)
    province.apply(world.rt, founded, staff)
    assert roles(world) - before == {"local_cl_cjt_04", "local_hc_cjt_04"}
    assert world.roles_with_login() == set()
    lease = world.lend("cjt.the1", "LOCAL_CL-CJT-04")
    assert lease.state == "ACTIVE"
    leasing.close_lease(world.rt, world.actor("cjt.the1"), lease.lease)


@pytest.mark.usefixtures("new_roles")
def test_R12_a_role_of_that_name_that_is_not_ours_is_never_adopted(world: World) -> None:
    with world.province.admin() as admin:
        admin.execute("CREATE ROLE local_cl_cjt_04 LOGIN PASSWORD 'a-stranger-set-this'")
    founded, staff = files(with_pool("CJT", 4))
    applied = province.apply(world.rt, founded, staff)
    assert applied.unreachable == {"CJT": "officedb.foreign_role"}
    with world.province.admin(world.province.dbnames["CJT"]) as admin:
        stranger = admin.execute(
            "SELECT rolcanlogin, NOT EXISTS (SELECT FROM pg_auth_members WHERE member = r.oid),"
            " NOT EXISTS (SELECT FROM access.account WHERE role = rolname) FROM pg_roles r"
            " WHERE rolname = 'local_cl_cjt_04'"
        ).fetchone()
        assert stranger == (True, True, True)
        assert admin.execute("SELECT FROM pg_roles WHERE rolname = 'local_hc_cjt_04'").fetchone() is None
    told = world.records("access.denied")[-1]
    assert (told["reason"], told["host"]) == ("officedb.foreign_role", "CJT")
    missing = [change.name for change in province.plan(world.rt, founded, staff)]
    assert missing == ["LOCAL_CL-CJT-04", "LOCAL_HC-CJT-04"]


@pytest.mark.usefixtures("new_roles")
def test_an_office_out_of_reach_is_named_and_made_good_by_the_next_run(world: World, tmp_path: Path) -> None:
    dsns = dict(world.settings.office_dsns)
    host, _, dbname = dsns["CJT"]["broker"].rpartition("/")
    dsns["CJT"] = dict.fromkeys(("broker", "witness"), f"{host.rpartition(':')[0]}:1/{dbname}")
    elsewhere = tmp_path / "offices.json"
    elsewhere.write_text(json.dumps(dsns), encoding="utf-8")
    elsewhere.chmod(0o600)
    founded, staff = files(with_pool("DML", 4, with_pool("CJT", 4)))
    rt = world.runtime(ACCESSCTL_OFFICES_FILE=str(elsewhere))
    try:
        applied = province.apply(rt, founded, staff)
    finally:
        rt.close()
    assert applied.unreachable == {"CJT": "officedb.down"}
    left = [change.name for change in province.plan(world.rt, founded, staff)]
    assert left == ["LOCAL_CL-CJT-04", "LOCAL_HC-CJT-04"]
    assert province.apply(world.rt, founded, staff).unreachable == {}
    assert province.plan(world.rt, founded, staff) == []


def test_S11_the_staff_file_moves_an_officer_and_what_was_held_ends_at_once(world: World) -> None:
    lease = world.lend("cjt.the2", "TKCL-CJT-DML")
    moved = STAFF.replace(
        'cjt.the2,Trần Đức Minh,"Cán bộ Cấp sổ, thẻ",CJT', 'cjt.the2,Trần Đức Minh,"Cán bộ Cấp sổ, thẻ",DSG'
    )
    assert moved != STAFF
    founded, staff = files(staff=moved)
    province.apply(world.rt, founded, staff)
    assert world.roles_with_login() == set()
    closed = world.records("lease.closed")[-1]
    assert (closed["lease"], closed["details"]["end_reason"]) == (lease.lease, "revoked")
    assert world.records("officer.transferred")[-1]["details"]["officer"] == "cjt.the2"
    assert world.actor("cjt.the2").office == "DSG"
    # What was done as an officer of Cư Jút stays so in the log.
    assert world.records("lease.checkout")[-1]["office"] == "CJT"
