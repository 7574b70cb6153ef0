"""The journal in the browser: finding, one record and its proof, kept searches, files; who may and who may not."""

from __future__ import annotations

import csv
import io
import unicodedata
from datetime import timedelta

import openpyxl
import pytest

from accessctl import clock
from accessctl.services import log_check
from accessctl.services.sheets import guarded
from audit.note import Verifier
from audit.proof import verify_proof
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_desk import borrow, return_form
from tests.web.test_pages import look_over


def rows(visitor: Visitor) -> list[object]:
    """The lines of the first table of the page."""
    return visitor.all("tbody")[0].findall(f"{XHTML}tr") if visitor.all("tbody") else []


def a_lease(visitor: Visitor, world: World) -> None:
    """A clerk borrows, returns, and the log has it."""
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    visitor.send(return_form(visitor))
    world.settle()


def test_AU1_one_field_understands_a_person_a_dossier_an_account_and_a_number(
    visitor: Visitor, another: Visitor, world: World
):
    a_lease(another, world)
    visitor.sign_in("vpt.ktra1")
    for words in (
        "tran duc minh",
        "CJT-2018-000001/CLT",
        "tkcl-cjt-dml",
        unicodedata.normalize("NFD", "Trần Đức Minh"),
    ):
        visitor.get("/journal/", query_string={"words": words})
        assert "Nhận sử dụng tài khoản" in visitor.words("table"), words
    visitor.get("/journal/?words=7")
    (row,) = rows(visitor)
    assert "số 7" in "".join(row.itertext())  # type: ignore[attr-defined]
    visitor.get("/journal/", query_string={"words": "khong co ai " * 8})
    assert "Không có sự kiện nào khớp" in visitor.words()


def test_a_search_by_local_days_and_minutes_by_group_and_by_outcome(
    visitor: Visitor, another: Visitor, world: World
):
    a_lease(another, world)
    visitor.sign_in("vpt.ktra1")
    today = clock.local(world.now())
    visitor.get(
        "/journal/",
        query_string={"since": f"{today:%d/%m/%Y}", "event": "group:leases", "person": "cjt.the2"},
    )
    assert len(rows(visitor)) >= 3
    before = today - timedelta(minutes=30)
    visitor.get("/journal/", query_string={"until": f"{before:%d/%m/%Y %H:%M}", "event": "group:leases"})
    assert "Không có sự kiện nào khớp" in visitor.words()
    visitor.get("/journal/?outcome=denied")
    assert "Nhận sử dụng tài khoản" not in visitor.words("main").split("Bỏ mọi điều kiện")[-1]
    visitor.get("/journal/?event=group:nothing")
    assert "Không có sự kiện nào khớp" in visitor.words()
    visitor.get("/journal/?guest=CJT&host=DML&kind=TKCL&outcome=ok")
    assert rows(visitor)


def test_turning_pages_by_links_and_back(visitor: Visitor, world: World):
    world.settle()
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?event=account.provisioned")
    first = visitor.words("table")
    (older,) = visitor.all("a", rel="next")
    visitor.get(older.get("href"))
    assert visitor.words("table") != first
    (newer,) = visitor.all("a", rel="prev")
    visitor.get(newer.get("href"))
    assert visitor.words("table") == first
    for cursor in ("before=x", "after=-1", "before=99999999999999999999", "after=0", "before=0"):
        assert visitor.get(f"/journal/?{cursor}").status_code == 200


def test_one_record_says_everything_in_words_and_that_it_is_intact(
    visitor: Visitor, another: Visitor, world: World
):
    a_lease(another, world)
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?event=lease.checkout")
    (link,) = [a for a in visitor.all("a") if "số " in "".join(a.itertext())]
    visitor.get(link.get("href"))
    look_over(visitor)
    said = visitor.words()
    for words in (
        "Trần Đức Minh", "Cấp sổ, thẻ", "BHXH huyện Cư Jút", "TKCL · Cư Jút → Đắk Mil", "CJT-2018-000001/CLT",
        "Trang web", "từ máy 127.0.0.1", "Cùng phiên sử dụng tài khoản", "Bản ghi này còn nguyên vẹn",
    ):  # fmt: skip
        assert words in said, words
    beside = {a.get("href") for a in visitor.all("a") if "/journal/?" in (a.get("href") or "")}
    assert {name.partition("?")[2].partition("=")[0] for name in beside} >= {
        "lease",
        "dossier",
        "person",
        "account",
    }
    for address in beside:
        visitor.get(address)
        assert "Nhận sử dụng tài khoản" in visitor.words("table"), address
    visitor.get(link.get("href"))
    assert visitor.all("a", rel="prev")
    assert visitor.all("a", rel="next")


def test_AU2_the_downloaded_proof_and_bytes_verify_with_the_audit_library_alone(
    visitor: Visitor, world: World
):
    world.settle()
    visitor.sign_in("vpt.ktra1")
    key = Verifier.from_text(world.settings.need("ACCESSCTL_VERIFIER_KEY"))
    for index in (0, 3, 64, 100):
        proof, leaf = visitor.get(f"/journal/{index}/proof"), visitor.get(f"/journal/{index}/leaf")
        assert proof.headers["Content-Disposition"] == f'attachment; filename="nhat-ky-{index}.tlog-proof"'
        place, head = verify_proof(proof.text, leaf.data, [key])
        assert place == index
        assert head.size > 100
        with pytest.raises(ValueError, match="root"):
            verify_proof(proof.text, leaf.data.replace(b"ok", b"oK"), [key])


def test_a_changed_record_is_said_to_be_changed(visitor: Visitor, world: World):
    world.settle()
    with world.admin_control() as admin:
        admin.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL")
        admin.execute("ALTER TABLE audit_log_0 DISABLE TRIGGER ALL")
        admin.execute(
            "UPDATE audit_log SET leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '\"ok\"', '\"no\"'), 'UTF8')"
            " WHERE idx = 5"
        )
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/5")
    assert "Chưa chứng minh được bản ghi này còn nguyên vẹn" in visitor.words()
    assert visitor.get("/journal/5/proof").status_code == 404
    visitor.get("/journal/6")
    assert "Chưa chứng minh" in visitor.words(), "its neighbour's hash is part of the path"
    world.settle()
    visitor.get("/journal/?event=auth.login&person=vpt.ktra1")
    (link,) = [a for a in visitor.all("a") if "số " in "".join(a.itertext())]
    visitor.get(link.get("href"))
    assert "Bản ghi này còn nguyên vẹn" in visitor.words(), "a later batch stands on the signed frontier"


def test_a_record_that_one_may_not_see_is_as_one_that_is_not_there(
    visitor: Visitor, another: Visitor, world: World
):
    a_lease(another, world)
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?event=lease.checkout")
    (link,) = [a for a in visitor.all("a") if "số " in "".join(a.itertext())]
    address = link.get("href")
    visitor.client.delete_cookie("accessctl")
    for person, status in (
        ("gng.gd", 404),
        ("cjt.thu1", 404),
        ("vpt.cntt1", 404),
        ("dml.gd", 200),
        ("cjt.gd", 200),
    ):
        visitor.client.delete_cookie("accessctl")
        visitor.sign_in(person)
        assert visitor.get(address).status_code == status, person
        assert visitor.get(address + "/proof").status_code == 403, person
        assert visitor.get(address + "/leaf").status_code == 403, person
    assert visitor.get("/journal/99999999999").status_code == 404
    assert visitor.get("/journal/x").status_code == 404
    another.get(address)
    assert "Bản ghi này còn nguyên vẹn" in another.words(), "one's own act"


def test_a_search_is_kept_opened_and_taken_off_the_list(visitor: Visitor, another: Visitor, world: World):
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?office=CJT&event=group:leases&since=01/01/2020")
    form = {"office": "CJT", "event": "group:leases", "since": "01/01/2020"}
    visitor.send("/journal/saved", name="  Cư Jút,  sử dụng ", **form)
    assert "Đã lưu bộ lọc “Cư Jút, sử dụng”" in visitor.words()
    assert visitor.answer.request.args.to_dict() == form
    visitor.send("/journal/saved", name=unicodedata.normalize("NFD", "Cư Jút, sử dụng"), **form)
    assert visitor.answer.status_code == 200, "the same once more is the same"
    visitor.get("/journal/")
    (chip,) = [a for a in visitor.all("a") if "".join(a.itertext()) == "Cư Jút, sử dụng"]
    visitor.get(chip.get("href"))
    assert visitor.all("select", id="office")[0].findall(f"{XHTML}option[@selected]")[0].get("value") == "CJT"
    answer = visitor.send("/journal/saved", name="Cư Jút, sử dụng", office="DML")
    assert answer.status_code == 409
    assert "chưa lưu" in visitor.words()
    assert visitor.all("input", name="name")[0].get("value") == "Cư Jút, sử dụng", (
        "what was typed is still there"
    )
    end = next(f.get("action") for f in visitor.all("form") if (f.get("action") or "").endswith("/end"))
    another.sign_in("cjt.gd")
    another.get("/journal/")
    assert "Cư Jút, sử dụng" not in another.words()
    assert another.send(end).status_code == 404, "nobody else's list"
    visitor.send(end)
    visitor.send(end)
    assert visitor.answer.status_code == 200
    visitor.get("/journal/")
    assert not [a for a in visitor.all("a") if "".join(a.itertext()) == "Cư Jút, sử dụng"]
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*), count(ended_at) FROM saved_search").fetchone() == (1, 1)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ({"name": "", "office": "CJT"}, 422),
        ({"name": "x" * 61, "office": "CJT"}, 422),
        ({"name": "x"}, 422),
        ({"name": "x", "unknown": "y"}, 422),
        ({"name": "Đ" * 60, "office": "CJT"}, 200),
    ],
)
def test_a_search_without_a_name_or_without_filters_is_not_kept(
    visitor: Visitor, words: dict[str, str], status: int
):
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?office=CJT")
    assert visitor.send("/journal/saved", **words).status_code == status


def test_the_files_hold_exactly_what_the_filter_shows_and_are_recorded(
    visitor: Visitor, another: Visitor, world: World
):
    a_lease(another, world)
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?dossier=CJT-2018-000001/CLT")
    shown = len(rows(visitor))
    text = visitor.send("/journal/export/csv", dossier="CJT-2018-000001/CLT")
    assert text.mimetype == "text/csv"
    assert text.data.startswith(b"\xef\xbb\xbf")
    lines = list(csv.reader(io.StringIO(text.data.decode("utf-8-sig"), newline="")))
    assert len(lines) == shown + 2
    assert lines[0][0] == "Số"
    assert lines[-1] == [f"Hết: {shown} sự kiện"]
    assert {line[12] for line in lines[1:-1]} == {"CJT-2018-000001/CLT"}
    visitor.get("/journal/?dossier=CJT-2018-000001/CLT")
    sheet = visitor.send("/journal/export/xlsx", dossier="CJT-2018-000001/CLT", before="5")
    book = openpyxl.load_workbook(io.BytesIO(sheet.data))
    cells = [row for row in book.active.iter_rows(values_only=True) if row[0] is not None]  # type: ignore[union-attr]
    assert [row[0] for row in cells[1:-1]] == [int(line[0]) for line in lines[1:-1]]
    assert cells[1][2] == lines[1][2]
    exported = world.records("audit.exported")
    assert [(r["details"]["format"], r["details"]["count"], r["details"]["filters"]) for r in exported] == [
        (form, shown, {"dossier": "CJT-2018-000001/CLT"}) for form in ("csv", "xlsx")
    ]


@pytest.mark.parametrize("person", ["cjt.gd", "vpt.cntt1", "cjt.the2", "cjt.tn1"])
def test_S54_who_may_not_export_gets_no_file(visitor: Visitor, world: World, person: str):
    visitor.sign_in(person)
    visitor.get("/journal/")
    assert not [f for f in visitor.all("form") if "/export/" in (f.get("action") or "")]
    assert visitor.send("/journal/export/csv").status_code == 403
    assert not world.records("audit.exported")


def test_an_export_of_nothing_or_of_an_unknown_form_is_refused_and_words_typed_do_not_enter_the_log(
    visitor: Visitor, world: World
):
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/")
    assert visitor.send("/journal/export/csv", words="6799000001 Nguyễn Thị Không").status_code == 409
    visitor.get("/journal/")
    assert visitor.send("/journal/export/pdf").status_code == 422
    assert not any("6799000001" in str(leaf) for leaf in world.records())


def test_an_export_without_a_writable_log_hands_nothing_out(visitor: Visitor, world: World):
    world.settle()
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/")
    with world.admin_control() as admin:
        admin.execute("REVOKE INSERT ON audit_inbox FROM accessctl_app")
    answer = visitor.send("/journal/export/csv")
    assert answer.status_code == 503
    assert b"account.provisioned" not in answer.data


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2", "@x", "\t=1", "\r=1"])
def test_a_cell_is_never_a_formula(text: str):
    assert guarded(text) == f"'{text}"
    assert guarded(f"a{text}") == f"a{text}"


def test_the_journal_of_a_person_without_any_act_teaches(reader: Visitor):
    reader.sign_in("cjt.tn1")
    reader.get("/journal/?dossier=CJT-2018-000777/CLT")
    look_over(reader)
    assert "Chỉ tìm trong phần nhật ký mà ông/bà được xem" in reader.words()


def test_an_auditor_lets_the_log_be_checked_and_reads_the_result(visitor: Visitor, world: World):
    visitor.sign_in("vpt.ktra1")
    (link,) = {a.get("href") for a in visitor.all("a") if a.get("href") == "/journal/check"}
    visitor.get(link)
    look_over(visitor)
    assert "Chưa có lần kiểm tra nào" in visitor.words()
    visitor.send("/journal/check")
    look_over(visitor)
    assert "Chờ tiến trình nền bắt đầu" in visitor.words()
    assert visitor.all("div", id="check")[0].get("hx-get") == "/journal/check/state"
    visitor.send("/journal/check")
    assert "Một lần kiểm tra đang chạy" in visitor.words()
    world.settle()
    log_check.turn(world.rt)
    part = visitor.client.get("/journal/check/state", headers={"HX-Request": "true"})
    assert "Nhật ký toàn vẹn" in part.text
    assert "hx-get" not in part.text
    visitor.get("/journal/check")
    look_over(visitor)
    assert world.actor("vpt.ktra1").full_name in visitor.words()
