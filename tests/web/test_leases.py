"""The list of the leases: who sees which, filters, order, pages, the file and its record, what is empty."""

from __future__ import annotations

import csv
import io

import openpyxl
import pytest

from accessctl.services import leasing
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

ACCOUNT = "TKCL-CJT-DML"
LIST = "/leases/"


def rows(visitor: Visitor) -> list[str]:
    """The lines of the list as a reader sees them."""
    bodies = visitor.all("tbody")
    found = bodies[0].findall(f"{XHTML}tr") if bodies else []
    return [" ".join("".join(tr.itertext()).split()) for tr in found]


@pytest.fixture
def used(world: World) -> World:
    """One lease at Cư Jút is over, one runs and one waits for it; one runs at Gia Nghĩa."""
    over = world.lend("cjt.the1", ACCOUNT, number=1)
    leasing.close_lease(world.rt, world.actor("cjt.the1"), over.lease)
    world.lend("cjt.the1", ACCOUNT, number=2)
    world.lend("cjt.the2", ACCOUNT, number=3, client=False)
    world.lend("gng.the1", "TKCL-GNG-CJT", number=4)
    return world


@pytest.mark.parametrize(
    ("person", "running", "over"),
    [
        ("cjt.the2", 2, 1),  # custodian TKCL: of the own office and kind
        ("cjt.thu2", 0, 0),  # custodian TKHCTT: the other kind
        ("cjt.gd", 2, 1),
        ("vpt.ktra1", 3, 1),
        ("vpt.gd", 3, 1),
        ("vpt.cntt1", 3, None),  # IT ends what runs, and reads nothing of what is over (§7.1)
    ],
)
def test_who_sees_which_leases(visitor: Visitor, used: World, person: str, running: int, over: int | None):
    visitor.sign_in(person)
    visitor.get(LIST)
    assert len(rows(visitor)) == running, rows(visitor)
    look_over(visitor)
    offered = {option.get("value") for option in visitor.all("option")}
    assert ("ended" in offered) is (over is not None)
    visitor.get(f"{LIST}?state=ended")
    assert len(rows(visitor)) == (over or 0)
    ways = [a.get("href") for a in visitor.all("a") if a.get("href", "").endswith("/revoke")]
    assert not ways, "nobody can take back what is over"


def test_S54_clerks_have_no_list_of_leases(visitor: Visitor, used: World):
    for person in ("cjt.the1", "cjt.tn1"):
        visitor.sign_in(person)
        assert visitor.get(LIST).status_code == 403
        visitor.get("/help/")
        assert visitor.send("/leases/file/csv").status_code == 403
        visitor.send("/sign-out")
    assert not used.records("audit.exported")


def test_filters_by_state_person_account_office_dossier_and_day_and_their_order(
    visitor: Visitor, used: World
):
    visitor.sign_in("vpt.ktra1")
    for query, count in {
        "state=all": 4, "state=QUEUED": 1, "state=returned": 1, "state=expired": 0, "state=nonsense": 3,
        "state=all&person=ngoc+diep": 2, "state=all&person=khong-ai": 0, "state=all&office=GNG": 1,
        "state=all&account=tkcl-cjt": 3, "state=all&kind=TKHCTT": 0, "state=all&dossier=000002": 1,
        "since=01/01/2030": 0, "until=01/01/2018": 0, "since=32/13/2018": 3, "page=99999999999": 3, "page=7": 3,
        "person=%00%25_": 0, "sort=x&kind=y&office=%27": 0,
    }.items():  # fmt: skip
        visitor.get(f"{LIST}?{query}")
        assert len(rows(visitor)) == count, (query, rows(visitor))
    visitor.get(f"{LIST}?since=32/13/2018")
    assert "dd/mm/yyyy" in visitor.words()
    visitor.get(f"{LIST}?state=all&sort=oldest&office=CJT&account=TKCL-CJT")
    assert ["00000" + str(n) in row for n, row in enumerate(rows(visitor), start=1)] == [True] * 3
    visitor.get(f"{LIST}?state=QUEUED")
    assert "thứ 1 trong hàng chờ" in rows(visitor)[0]
    visitor.get(f"{LIST}?state=all&person=khong-ai")
    assert "Không có phiên nào khớp" in visitor.words()


@pytest.mark.parametrize("language", ["vi", "en"])
def test_full_and_empty_the_list_is_sound_in_both_languages(visitor: Visitor, used: World, language: str):
    visitor.sign_in("cjt.gd")
    visitor.send(f"/language/{language}", next="/")
    for query in ("", "?state=all", "?state=expired", "?state=all&sort=person&since=bad"):
        assert visitor.get(LIST + query).status_code == 200
        look_over(visitor)


def test_nothing_held_teaches_what_would_stand_here(reader: Visitor):
    reader.sign_in("cjt.gd")
    reader.get(LIST)
    assert "Hiện không có ai giữ tài khoản" in reader.words()
    assert not reader.all("form", action="/leases/file/csv")


def test_the_file_is_what_the_filters_choose_names_no_participant_and_leaves_a_record(
    visitor: Visitor, used: World
):
    visitor.sign_in("cjt.the2")
    visitor.get(f"{LIST}?state=all&person=Diệp")
    text = visitor.send("/leases/file/csv", state="all", person="Diệp")
    lines = list(csv.reader(io.StringIO(text.data.decode("utf-8-sig"), newline="")))
    assert [line[0] for line in lines] == ["Mã tài khoản", ACCOUNT, ACCOUNT, "Hết: 2 dòng"]
    assert (lines[2][9], lines[2][14]) == ("Đã kết thúc", "đã trả tài khoản")
    assert used.request(ACCOUNT).subject not in text.text
    visitor.get(LIST)
    book = openpyxl.load_workbook(io.BytesIO(visitor.send("/leases/file/xlsx").data))
    assert len(list(book.active.values)) == 4  # type: ignore[union-attr]
    visitor.get(LIST)
    assert visitor.send("/leases/file/pdf").status_code == 422
    first, second = used.records("audit.exported")
    assert (first["actor"], first["details"]) == (
        "cjt.the2",
        {"list": "leases", "format": "csv", "count": 2, "cut": False, "filters": {"state": "all"},
         "people": ["cjt.the1"]},
    )  # fmt: skip
    assert (second["details"]["format"], second["details"]["count"]) == ("xlsx", 2)
