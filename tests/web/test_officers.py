"""The pages of the staff: who sees what, add, correct, transfer, leave, roles, and a staff file with its preview."""

from __future__ import annotations

import io
import time
import unicodedata

import openpyxl
import pytest

from tests.common.each import each
from tests.common.world import World
from tests.services.test_officers_moves import add as add_officer
from tests.services.test_roles import newcomer, say
from tests.web.conftest import XHTML, Visitor
from tests.web.test_pages import look_over

PAGES = [
    "/officers/",
    "/officers/?name=tran&office=CJT&role=custodian_tkcl&state=all",
    "/officers/?name=khong-co-ai",
    "/officers/?state=left",
    "/officers/p/cjt.the2",
    "/officers/p/vpt.gd",
    "/officers/add",
    "/officers/import",
    "/officers/p/cjt.the2/edit",
    "/officers/p/cjt.the2/transfer",
    "/officers/p/cjt.the2/leave",
    "/roles/",
    "/roles/for/cjt.the1",
    "/roles/for/cjt.the1/card/revoke",
]
HEADER = "username,full_name,title,office,department,roles,phone,email\n"
GOOD = 'cjt.the9,Nguyễn Thị Hoa,"Cán bộ Cấp sổ, thẻ",CJT,CST,card;blank_keeper,0900 000 120,cjt.the9@bhxh.example\n'


def rows(visitor: Visitor) -> list[str]:
    found = visitor.all("tbody")[0].findall(f"{XHTML}tr")
    return [" ".join("".join(cell.itertext()) for cell in tr.findall(f"{XHTML}td")) for tr in found]


def version(visitor: Visitor, page: str) -> str:
    visitor.get(page)
    return str(visitor.all("input", name="version")[0].get("value"))


@pytest.mark.parametrize(
    ("person", "sees"),
    [
        ("vpt.cntt1", True),
        ("vpt.ktra1", True),
        ("vpt.gd", True),
        ("vpt.pgd", True),
        ("cjt.gd", True),
        ("cjt.the2", True),  # custodian
        ("cjt.the1", False),
        ("cjt.tn1", False),
        ("vpt.tt1", False),
    ],
)
def test_the_staff_is_for_whom_the_policy_lets_see_it_and_of_the_own_office_for_heads(
    reader: Visitor, person: str, sees: bool
):
    reader.sign_in(person)
    assert reader.get("/officers/").status_code == (200 if sees else 403)
    assert reader.get("/officers/p/cjt.the1").status_code == (200 if sees else 403)
    if sees:
        provincial = person.startswith("vpt.")
        assert ("70 " in reader.get("/officers/").text or "73 " in reader.answer.text) == provincial
        assert reader.get("/officers/p/dml.the1").status_code == (200 if provincial else 403)


@pytest.mark.parametrize("person", ["vpt.ktra1", "vpt.gd", "cjt.gd", "cjt.the2", "cjt.the1"])
def test_only_it_opens_the_forms_that_change_the_staff(reader: Visitor, person: str):
    reader.sign_in(person)

    def check(address: str) -> None:
        assert reader.get(address).status_code == 403
        assert "Không được phép" in reader.words()

    each(PAGES[6:11] + PAGES[13:], check)


def test_buttons_stand_there_only_for_whom_the_policy_lets_act(reader: Visitor):
    offered = {}
    for person in ("vpt.cntt1", "cjt.gd", "vpt.ktra1", "vpt.gd", "cjt.the2"):
        reader.client.delete_cookie("accessctl")
        reader.sign_in(person)
        reader.get("/officers/p/cjt.the1")
        offered[person] = {
            a.get("href").rpartition("/")[2]
            for a in reader.all("a")
            if "cjt.the1" in a.get("href", "") and "@" not in a.get("href")
        }
    assert {"edit", "transfer", "leave", "revoke", "cjt.the1"} <= offered["vpt.cntt1"]
    assert offered["cjt.gd"] == {"cjt.the1", "?person=cjt.the1"}  # propose, journal
    for person in ("vpt.ktra1", "vpt.gd"):
        assert not offered[person] & {"edit", "transfer", "leave", "revoke"}
    reader.client.delete_cookie("accessctl")
    reader.sign_in("vpt.cntt1")
    reader.get("/officers/p/vpt.cntt1")
    assert not {a.get("href") for a in reader.all("a")} & {
        f"/officers/p/vpt.cntt1/{act}" for act in ("edit", "transfer", "leave")
    }


def test_a_name_is_found_with_or_without_its_marks_and_the_list_is_by_given_name(reader: Visitor):
    reader.sign_in("vpt.cntt1")
    for words in ("tran duc minh", "TRẦN ĐỨC MINH", "Trâ\u0300n", "cjt.the2", "đưc  minh"):
        reader.get(f"/officers/?name={words}")
        assert "Trần Đức Minh" in reader.words("table"), words
    reader.get("/officers/?office=CJT")
    given = [b.text.split()[-1] for b in reader.all("tbody")[0].iter(f"{XHTML}b")]
    assert given == ["Cường", "Diệp", "Dũng", "Minh", "Niê", "Phương", "Thủy", "Toàn"]
    reader.get("/officers/?name=%25")
    assert "Không có cán bộ nào khớp" in reader.words()
    for strange in ("?page=99999999999", "?role=%00&office=%00&state=x", "?name=%00", "?department=';--"):
        assert reader.get(f"/officers/{strange}").status_code == 200, strange


def test_an_officer_is_added_on_the_page_and_a_refused_form_keeps_what_was_typed(
    visitor: Visitor, another: Visitor
):
    visitor.sign_in("vpt.cntt1")
    visitor.get("/officers/add")
    typed = {
        "username": "cjt.the9",
        "full_name": "Nguyễn Thị Hoa",
        "title": "Cán bộ Cấp sổ, thẻ",
        "phone": "0900 000 120",
        "email": "hoa@bhxh.example",
        "office": "CJT",
        "department": "CST",
        "roles": ["card", "it_admin"],
        "reason": "Quyết định 7/QĐ-BHXH",
    }
    assert visitor.send("/officers/add", **typed).status_code == 403
    assert "“Quản trị công nghệ thông tin” không thuộc phòng, bộ phận" in visitor.words()
    assert visitor.all("input", name="full_name")[0].get("value") == "Nguyễn Thị Hoa"
    look_over(visitor)
    assert visitor.send("/officers/add", **typed | {"roles": ["card"]}).status_code == 200
    assert visitor.path == "/officers/p/cjt.the9"
    assert "Chưa có mật khẩu" in visitor.words()
    assert "chờ thủ trưởng đơn vị đề nghị" in visitor.words()
    look_over(visitor)
    assert visitor.send("/officers/add", **typed).status_code == 409
    another.sign_in("cjt.gd")
    another.get("/roles/")
    assert "Nguyễn Thị Hoa" in another.words("table")
    (form,) = [f for f in another.all("form") if str(f.get("action")).endswith("/agree")]
    another.send(str(form.get("action")))
    assert "Vai trò có hiệu lực từ bây giờ" in another.words()
    assert another.send(str(form.get("action"))).status_code == 409  # the same button once more is harmless
    another.get("/roles/")
    assert "Không có vai trò nào đang chờ" in another.words()


def test_the_second_editor_is_told_and_nothing_is_overwritten(visitor: Visitor, another: Visitor):
    for person in (visitor, another):
        person.sign_in("vpt.cntt1" if person is visitor else "vpt.cntt2")
        person.get("/officers/p/cjt.the1/edit")
    typed = {"full_name": "Lê Thị Ngọc Diệp", "title": "Cán bộ", "email": "a@bhxh.example"}
    known = version(visitor, "/officers/p/cjt.the1/edit")
    another.get("/officers/p/cjt.the1/edit")
    assert (
        visitor.send("/officers/p/cjt.the1/edit", version=known, phone="0900 000 201", **typed).status_code
        == 200
    )
    answer = another.send("/officers/p/cjt.the1/edit", version=known, phone="0900 000 202", **typed)
    assert answer.status_code == 409
    assert "vừa được người khác thay đổi" in another.words()
    assert another.all("input", name="phone")[0].get("value") == "0900 000 202"
    look_over(another)
    assert (
        another.send("/officers/p/cjt.the1/edit", version=known, phone="0900 000 202", **typed).status_code
        == 409
    )
    visitor.get("/officers/p/cjt.the1")
    assert "0900 000 201" in visitor.words()


def test_S11_the_transfer_page_spells_out_what_ends_and_then_it_ends(
    visitor: Visitor, another: Visitor, world: World
):
    world.lend("cjt.the2", "TKCL-CJT-DML")
    another.sign_in("cjt.the2")
    visitor.sign_in("vpt.cntt1")
    known = version(visitor, "/officers/p/cjt.the2/transfer")
    for words in (
        "TKCL · Cư Jút → Đắk Mil: phiên bị ngắt ngay",
        "Đang quản lý TKCL",
        "“Cấp sổ, thẻ” kết thúc",
        "1 phiên đăng nhập",
    ):
        assert words in visitor.words(), words
    typed = {"office": "DSG", "department": "CST", "title": "Cán bộ", "version": known}
    assert visitor.send("/officers/p/cjt.the2/transfer", decision_no="", **typed).status_code == 422
    assert world.roles_with_login() != set()
    look_over(visitor)
    assert visitor.send("/officers/p/cjt.the2/transfer", decision_no="9/QĐ", **typed).status_code == 200
    assert visitor.path == "/officers/p/cjt.the2"
    assert "BHXH huyện Đắk Song" in visitor.words("h1") + visitor.words()
    assert world.roles_with_login() == set()
    assert another.get("/").request.path == "/sign-in"  # the next click is at the door
    again = visitor.send("/officers/p/cjt.the2/transfer", decision_no="9/QĐ", **typed)
    assert again.status_code == 409
    assert len(world.records("officer.transferred")) == 1


def test_who_leaves_is_out_the_same_minute_and_stays_in_the_list_of_those_who_left(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.thu1")
    visitor.sign_in("vpt.cntt1")
    known = version(visitor, "/officers/p/cjt.thu1/leave")
    assert "Không đăng nhập được nữa" in visitor.words()
    visitor.send("/officers/p/cjt.thu1/leave", reason="Nghỉ hưu theo chế độ", version=known)
    assert "Thôi công tác từ" in visitor.words()
    look_over(visitor)
    assert another.get("/").request.path == "/sign-in"
    visitor.get("/officers/?name=cjt.thu1")
    assert "Không có cán bộ nào khớp" in visitor.words()
    visitor.get("/officers/?name=cjt.thu1&state=left")
    assert "Võ Thị Thu Thủy" in visitor.words("table")
    assert visitor.get("/officers/p/cjt.thu1/edit").status_code == 404
    assert visitor.get("/officers/p/khong.co/edit").status_code == 404


def test_a_head_proposes_on_the_page_and_the_director_approves_what_only_he_may(
    visitor: Visitor, another: Visitor, world: World
):
    newcomer(world, "cjt.moi")
    newcomer(world, "vpt.moi", "VPT", "CNTT")
    say(world, "vpt.cntt1", "enter", "vpt.moi", "it_admin")
    visitor.sign_in("cjt.gd")
    visitor.get("/roles/for/cjt.moi")
    offered = {i.get("value") for i in visitor.all("input", name="role")}
    assert offered == {"card", "blank_keeper"}
    assert visitor.send("/roles/for/cjt.moi/propose", role="card", reason="").status_code == 422
    look_over(visitor)
    visitor.send("/roles/for/cjt.moi/propose", role="card", reason="Quyết định 3")
    assert "chờ Phòng Công nghệ thông tin nhập" in visitor.words()
    assert visitor.send("/roles/for/cjt.moi/enter", role="card", reason="Quyết định 3").status_code == 403
    assert visitor.get("/roles/for/cjt.gd").status_code == 403
    another.sign_in("vpt.gd")
    another.get("/roles/")
    look_over(another)
    number = next(
        str(f.get("action")).split("/")[3] for f in another.all("form") if "agree" in str(f.get("action"))
    )
    assert another.get(f"/roles/waiting/{number}/decline").status_code == 200
    assert another.send(f"/roles/waiting/{number}/decline", reason="").status_code == 422
    look_over(another)
    another.send(f"/roles/waiting/{number}/agree")
    assert "Vai trò có hiệu lực từ bây giờ" in another.words()
    assert "Quản trị công nghệ thông tin" in another.words("table")
    for address in (
        "/roles/waiting/x/decline",
        "/roles/waiting/99999/decline",
        "/roles/for/cjt.moi/zzz/revoke",
    ):
        assert another.get(address).status_code in (403, 404, 409), address


def upload(visitor: Visitor, data: bytes, name: str = "can-bo.csv"):
    """As a browser sends it; written out here because the test client leaves its own temporary file open."""
    visitor.get("/officers/import")
    mark = b"--mark\r\nContent-Disposition: form-data; name="
    body = mark + b'"csrf_token"\r\n\r\n' + visitor.token.encode() + b"\r\n" + mark
    body += f'"file"; filename="{name}"'.encode() + b"\r\nContent-Type: text/csv\r\n\r\n" + data
    headers = {"Content-Type": "multipart/form-data; boundary=mark"}
    sent = visitor.client.post("/officers/import", data=body + b"\r\n--mark--\r\n", headers=headers)
    follow = sent.headers.get("Location")
    return visitor.get(follow) if follow else visitor._seen(sent)


def test_ten_thousand_lines_are_looked_at_within_seconds_a_page_at_a_time_with_counts(
    visitor: Visitor, world: World
):
    """10,000 lines took 5 s on two busy cores; the upload and each page of it look anew."""
    line = 'cjt.m{n},Nguyễn Thị Hoa,"Cán bộ Cấp sổ, thẻ",CJT,{department},card,0900 000 120,cjt.m{n}@bhxh.example\n'
    good = [line.format(n=n, department="CST") for n in range(9_900)]
    wrong = [line.format(n=n, department="CNTT") for n in range(9_900, 10_000 - 1)]
    visitor.sign_in("vpt.cntt1")
    began = time.perf_counter()
    assert upload(visitor, (HEADER + "".join(good + wrong)).encode()).status_code == 200
    assert time.perf_counter() - began < 60, "a guard against squares, not a measurement"
    assert "99 dòng sai" in visitor.words()
    assert "9.900" in visitor.words()
    assert len(rows(visitor)) == 99
    look_over(visitor)
    upload(visitor, (HEADER + "".join(good[:600])).encode())
    assert len(rows(visitor)) == 100
    (forward,) = visitor.all("a", rel="next")
    visitor.get(forward.get("href"))
    assert "Trang 2 / 6" in visitor.words()
    assert rows(visitor)[0].split()[0] == "102"
    began = time.perf_counter()
    assert confirm(visitor).status_code == 200
    assert time.perf_counter() - began < 20, "a guard against squares, not a measurement"
    assert "Đã thêm 600 cán bộ" in visitor.words()
    (imported,) = world.records("officer.imported")
    assert imported["details"]["new"] == 600
    added = [record for record in world.records("officer.added") if record["actor"] == "vpt.cntt1"]
    assert len(added) == len(world.records("role.entered")) == 600
    assert added[-1]["details"]["officer"] == "cjt.m599"
    with world.admin_control() as admin:
        told = admin.execute(
            "SELECT o.username, n.about->>'count' FROM notice n JOIN officer o ON o.id = n.officer_id"
            " WHERE n.kind = 'roles_wait'"
        ).fetchall()
    assert told == [("cjt.gd", "600")]  # once for the file


ODD_FILES = {
    "header only": (HEADER, "Tệp không có cán bộ nào"),
    "only a mark of order": ("\ufeff", "Dòng tiêu đề không đúng mẫu"),
    "a column twice": (HEADER.replace("title", "phone") + GOOD, "Dòng tiêu đề không đúng mẫu"),
    "semicolons": (HEADER.replace(",", ";") + GOOD.replace(",", ";"), "Dòng tiêu đề không đúng mẫu"),
    "tabs": (HEADER.replace(",", "\t") + GOOD.replace(",", "\t"), "Dòng tiêu đề không đúng mẫu"),
    "a quote that never ends": (HEADER + GOOD + '"cjt.the8,' + GOOD, "Sai cú pháp CSV"),
    "a quote in the middle": (HEADER + GOOD.replace("Nguyễn", '"Ngu"yễn'), "Sai cú pháp CSV"),
    "a cell of 10 kB": (HEADER + GOOD.replace("Nguyễn", "ễ" * 10_000), "Nội dung cột full_name quá dài"),
    "a cell of 200 kB": (HEADER + GOOD.replace("Nguyễn", "e" * 200_000), "Sai cú pháp CSV"),
    "control characters": (
        HEADER + GOOD.replace("Nguyễn", "Ngu\u202eyễn\x07"),
        "Cột full_name có ký tự điều khiển",
    ),
    "a tab in a cell": (HEADER + GOOD.replace("Nguyễn Thị", "Nguyễn\tThị"), "Tệp dùng được"),
    "lines of old machines": ((HEADER + GOOD).replace("\n", "\r"), "Tệp dùng được"),
    "a line separator in a cell": (HEADER + GOOD.replace("Nguyễn", "Ngu\u2028yễn"), "Sai số cột"),
    "NFD": (unicodedata.normalize("NFD", HEADER + GOOD), "Tệp dùng được"),
    "braces and percents": (HEADER + GOOD.replace("CJT", "{x} %s"), "Không có đơn vị {x} %s"),
    "an empty cell": (HEADER + GOOD.replace("0900 000 120", " "), "Cột phone bị bỏ trống"),
    "a formula": (HEADER + GOOD.replace("Nguyễn", "=HYPERLINK(1)"), "Tệp dùng được"),
}
UNREADABLE = {
    "nothing": (b"", "Chưa chọn tệp, hoặc tệp trống"),
    "blanks": (b" \r\n ", "Chưa chọn tệp, hoặc tệp trống"),
    "NUL": ((HEADER + GOOD.replace("Hoa", "H\x00a")).encode(), "không phải bảng mã UTF-8 (dòng 2)"),
    "UTF-16": ((HEADER + GOOD).encode("utf-16"), "không phải bảng mã UTF-8"),
    "windows-1258": ((HEADER + "cjt.x,Ho\xe0ng").encode("latin-1"), "không phải bảng mã UTF-8 (dòng 2)"),
    "a workbook": (b"PK\x03\x04" + bytes(range(256)), "sổ tính Excel"),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "sổ tính Excel"),
}


def test_a_staff_file_of_any_kind_is_refused_in_words_never_by_a_failure(visitor: Visitor, world: World):
    visitor.sign_in("vpt.cntt1")
    for name, (text, words) in ODD_FILES.items():
        answer = upload(visitor, text.encode(), name=f"{name}.csv")
        assert answer.status_code == 200, name
        assert words in visitor.words(), (name, visitor.words())
    look_over(visitor)
    for name, (data, words) in UNREADABLE.items():
        assert upload(visitor, data).status_code == 422, name
        assert words in visitor.words(), (name, visitor.words())
    look_over(visitor)
    for file_name in ("", "../../x\x01.csv", "ten " * 200 + ".csv", "C:\\Tệp\\cán bộ.csv"):
        assert upload(visitor, (HEADER + GOOD).encode(), name=file_name).status_code in (200, 422), file_name
    for number in ("0", "99999999999999999999", "-1", "x", "%00", "1?page=99999999999", "1?page=x"):
        assert visitor.get(f"/officers/import/{number}").status_code in (200, 404), number


def confirm(visitor: Visitor):
    plan = visitor.all("input", name="plan")[0].get("value")
    return visitor.send(visitor.path, plan=plan)


def test_a_staff_file_is_looked_at_line_by_line_and_applied_as_a_whole(visitor: Visitor, world: World):
    visitor.sign_in("vpt.cntt1")
    assert upload(visitor, ("\ufeff" + HEADER + GOOD).encode()).status_code == 200
    assert "Tệp dùng được" in visitor.words()
    assert "Nguyễn Thị Hoa" in visitor.words("table")
    look_over(visitor)
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM officer WHERE username = 'cjt.the9'").fetchone() == (0,)
    page = visitor.path
    assert confirm(visitor).status_code == 200
    assert "Đã thêm 1 cán bộ" in visitor.words()
    look_over(visitor)
    assert visitor.send(page, plan="x").status_code == 200  # sent twice: nothing more
    assert len(world.records("officer.imported")) == 1
    visitor.get("/officers/p/cjt.the9")
    assert visitor.words().count("chờ thủ trưởng đơn vị đề nghị") == 2


def test_every_wrong_line_is_named_and_nothing_can_be_applied(visitor: Visitor, world: World):
    wrong = (
        HEADER
        + GOOD
        + GOOD
        + "a.b,X,Y,XXX,CST,card,0900000121,a@b.example\n"
        + "a.c,X,Y,CJT,CNTT,card,0900000121,a@b.example\n"
        + "a.d,X,Y,CJT,CST,vua,0900000121,a@b.example\n"
        + "a.e,X,Y,VPT,CNTT,it_admin;card,0900000121,a@b.example\n"
        + "a.f,X,Y,CJT\n"
        + "cjt.the1,Lê Thị Ngọc Diệp,Cán bộ,DML,CST,card,0900000033,c@b.example\n"
        + "cjt.the2,Trần Đức Minh,Cán bộ,CJT,CST,blank_keeper,0900000034,c@b.example\n"
        + "A B,X,Y,CJT,CST,card,0900000121,a@b.example\n"
    )
    visitor.sign_in("vpt.cntt1")
    assert upload(visitor, wrong.encode()).status_code == 200
    assert "9 dòng sai" in visitor.words()
    told = dict(row.split(" Sai", 1) for row in rows(visitor))
    expected = {
        "3": "đã có ở dòng trên",
        "4": "Không có đơn vị XXX",
        "5": "không có phòng, bộ phận CNTT",
        "6": "Không có vai trò vua",
        "7": "không thuộc đơn vị",
        "8": "Sai số cột",
        "9": "dùng chức năng Điều chuyển",
        "10": "thiếu vai trò mà cán bộ đang giữ",
        "11": "Giá trị không hợp lệ",
    }
    assert set(told) == set(expected)
    for line, words in expected.items():
        assert words in told[line], (line, told[line])
    assert not visitor.all("input", name="plan")
    look_over(visitor)
    assert visitor.send(visitor.path, plan="").status_code == 409
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM officer WHERE username = 'cjt.the9'").fetchone() == (0,)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Chưa chọn tệp"),
        (HEADER.encode() + "cjt.x,Nguyễn".encode("utf-16-le"), "không phải bảng mã UTF-8"),
        ((HEADER + GOOD).encode("utf-16"), "không phải bảng mã UTF-8"),
        ((HEADER + "x" * 10 + "\n\xe0").encode("latin-1"), "không phải bảng mã UTF-8 (dòng 3)"),
        (HEADER.encode() + b"\n" * 10_500, "hơn 10000 dòng"),
        (b"x" * (5 * 1024 * 1024), "dài hơn"),
    ],
)
def test_a_file_that_is_no_staff_file_at_all_is_refused_with_the_reason(
    reader: Visitor, data: bytes, words: str
):
    reader.sign_in("vpt.cntt1")
    assert upload(reader, data).status_code in (413, 422)
    assert words in reader.words()


def test_a_plan_that_is_not_of_now_is_refused_and_the_file_is_its_owners(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("vpt.cntt1")
    upload(visitor, (HEADER + GOOD).encode())
    page = visitor.path
    add_officer(world, username="cjt.the9", roles=())
    assert confirm(visitor).status_code == 409
    assert "chưa áp dụng dòng nào" in visitor.words()
    assert "Thay đổi" in visitor.words("table")  # shown anew: the person exists now
    look_over(visitor)
    another.sign_in("vpt.cntt2")
    assert another.get(page).status_code == 404
    another.get("/officers/import")
    assert another.send(page, plan="x").status_code == 404
    visitor.get(page)
    assert confirm(visitor).status_code == 200
    visitor.get("/officers/p/cjt.the9")
    assert "Nguyễn Thị Hoa" in visitor.words()


def test_the_staff_as_a_file_is_what_the_filters_choose_and_leaves_a_record(visitor: Visitor, world: World):
    visitor.sign_in("cjt.gd")
    visitor.get("/officers/?department=CST")
    shown = len(rows(visitor))
    book = openpyxl.load_workbook(io.BytesIO(visitor.send("/officers/file/xlsx", department="CST").data))
    lines = list(book.active.values)  # type: ignore[union-attr]
    assert (lines[0][0], lines[-1][0]) == ("Họ và tên", f"Hết: {shown} dòng")
    assert {line[3] for line in lines[1:-1]} == {"BHXH huyện Cư Jút"}, "a head takes away the own office only"
    visitor.get("/officers/")
    assert visitor.send("/officers/file/csv", office="DML").data.decode("utf-8-sig").splitlines()[1:] == [
        "Hết: 0 dòng"
    ]
    taken = [
        (r["actor"], r["details"]["list"], r["details"]["count"]) for r in world.records("audit.exported")
    ]
    assert taken == [("cjt.gd", "officers", shown), ("cjt.gd", "officers", 0)]


def test_S54_a_clerk_gets_no_file_of_the_staff(visitor: Visitor, world: World):
    visitor.sign_in("cjt.the1")
    visitor.get("/desk/")
    assert visitor.send("/officers/file/csv").status_code == 403
    assert not world.records("audit.exported")


def test_IT_brings_back_who_had_left_and_hands_the_link_over_once(visitor: Visitor, world: World):
    visitor.sign_in("vpt.cntt1")
    page = "/officers/p/cjt.the1"
    assert visitor.get(f"{page}/return").status_code == 409
    visitor.send(f"{page}/leave", reason="Nghỉ việc", version=version(visitor, f"{page}/leave"))
    visitor.get(page)
    assert visitor.all("a", href=f"{page}/return")
    seen = version(visitor, f"{page}/return")
    look_over(visitor)
    assert "cùng tên đăng nhập cjt.the1" in visitor.words()
    words = {"office": "CJT", "department": "CST", "title": "Cán bộ Cấp sổ, thẻ", "version": seen}
    assert visitor.send(f"{page}/return", reason="", **words).status_code == 422
    assert [field.get("value") for field in visitor.all("input", name="title")] == ["Cán bộ Cấp sổ, thẻ"]
    answer = visitor.send(f"{page}/return", reason="Quyết định 9/QĐ", **words)
    assert "/reset/" in visitor.words("code")
    assert answer.headers["Cache-Control"].startswith("no-store")
    visitor.get(f"{page}/return")
    visitor.get(page)
    assert "Chưa có mật khẩu" in visitor.words()
    assert visitor.send(f"{page}/return", reason="x", **words).status_code == 409


def test_S54_the_page_of_coming_back_is_ITs_alone(reader: Visitor):
    for person in ("cjt.gd", "vpt.gd", "vpt.ktra1", "cjt.the1"):
        reader.sign_in(person)
        assert reader.get("/officers/p/cjt.tn1/return").status_code == 403, person
        reader.send("/sign-out")
