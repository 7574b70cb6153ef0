"""The list of the staff: order and search as `domain.text` has them, kept by the database; ten thousand officers."""

from __future__ import annotations

import time
import unicodedata

import pytest

from accessctl.domain.text import by_given_name, folded
from accessctl.errors import AccessError
from accessctl.services import officer_list
from accessctl.services.control import transaction
from accessctl.services.officer_list import OfficerPage, OfficerQuery
from tests.common.world import World

HARD = [
    "H'Bia Êban",
    "Y Bluê Niê",
    "K'Tiêng",
    "Điểu Krứ",
    "Nguyễn Đức Ước",
    "Đặng Thị Ngọc Yến",
    "Trần Thị Ấ",
    "An",
    "Lê Hoàng Bảo Ngọc Ân",
    "Nguyễn Ân",
]


def search(world: World, reader: str = "vpt.cntt1", **query: object) -> OfficerPage:
    with transaction(world.rt) as session:
        return officer_list.search(world.rt, session, world.actor(reader), OfficerQuery(**query))  # type: ignore[arg-type]


def fill(world: World, names: list[str]) -> None:
    with world.admin_control() as admin, admin.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO officer (username, full_name, title, phone, email, office_code, department, must_change,"
            " failures) VALUES (%s, %s, 'Cán bộ', '0900000000', 'x@bhxh.example', 'CJT', 'CST', true, 0)",
            [(f"u{number}", name) for number, name in enumerate(names)],
        )


def test_the_database_folds_and_sorts_names_as_the_domain_does(world: World) -> None:
    fill(world, HARD)
    with world.admin_control() as admin:
        stored = admin.execute("SELECT full_name, username, search_name, sort_name FROM officer").fetchall()
    assert len(stored) > 70
    for full_name, username, search_name, _ in stored:
        assert search_name == folded(f"{full_name} {username}"), full_name
    by_database = [row[0] for row in sorted(stored, key=lambda row: row[3].encode())]
    assert by_database == sorted((row[0] for row in stored), key=by_given_name)
    shown = [row.full_name for row in search(world, office="CJT").rows]
    assert shown == sorted(shown, key=by_given_name)
    assert shown[0] == "Trần Thị Ấ"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_words_are_found_however_they_are_typed(world: World, form: str) -> None:
    fill(world, HARD)
    for words in ("êban", "EBAN", "dieu kru", "Điểu  Krứ", "h'bia", "ước", "ngoc an", "u3"):
        typed = unicodedata.normalize(form, words)
        assert search(world, name=typed).total >= 1, typed
    assert search(world, name="%").total == 0
    assert search(world, name="_").total == 0
    assert search(world, name="khong-co-ai").rows == ()


def test_filters_fit_together_and_people_who_left_are_apart(world: World) -> None:
    everybody = search(world).total
    assert search(world, office="CJT").total == 8
    assert search(world, office="CJT", department="CST").total == 3
    assert [r.username for r in search(world, role="custodian_tkcl", office="CJT").rows] == ["cjt.the2"]
    assert search(world, role="unit_head").total == 10
    assert search(world, role="it_admin").total == 2
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET left_at = now() WHERE username = 'cjt.tn1'")
    assert search(world).total == everybody - 1
    assert [r.username for r in search(world, state="left").rows] == ["cjt.tn1"]
    assert search(world, state="all").total == everybody
    assert search(world, state="gì đó").total == everybody - 1
    first = search(world, name="cjt.the2").rows[0]
    assert first.roles == ("card", "custodian_tkcl")


@pytest.mark.parametrize(
    ("reader", "offices"),
    [("cjt.gd", {"CJT"}), ("cjt.the2", {"CJT"}), ("vpt.tpcst", {"VPT"}), ("vpt.ktra1", None)],
)
def test_a_head_and_a_custodian_see_their_own_office_only(
    world: World, reader: str, offices: set[str] | None
) -> None:
    seen = {row.office for page in (1, 2) for row in search(world, reader, page=page).rows}
    assert seen == offices if offices else len(seen) == 9
    assert search(world, reader, office="DML").total == (8 if offices is None else 0)
    for nobody in ("cjt.the1", "cjt.tn1"):
        with pytest.raises(AccessError) as refused:
            search(world, nobody)
        assert refused.value.code == "policy.no_rule"


def test_ten_thousand_officers_are_paged_in_the_time_of_seventy(world: World) -> None:
    def quickest(**query: object) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            search(world, **query)
            times.append(time.perf_counter() - began)
        return min(times)

    few = quickest()
    fill(world, [f"Nguyễn Văn {chr(65 + number % 26)}{number}" for number in range(10_000)])
    with world.admin_control() as admin:
        admin.execute("ANALYZE officer")
    found = search(world)
    assert (len(found.rows), found.pages) == (50, -(-found.total // 50))
    assert len(search(world, page=found.pages).rows) in range(1, 51)
    assert search(world, page=10**9).page == found.pages
    assert quickest() < few * 4 + 0.03
    assert quickest(name="van z99") < few * 4 + 0.1
