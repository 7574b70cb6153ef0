"""The founding files: the real province as it stands, and every way in which a file can be wrong."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import date, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.accounts import Kind
from accessctl.domain.calendar import Span
from accessctl.domain.custody import Department, Person, objection
from accessctl.domain.offices import DatabaseAddress, Level, OfficerEntry, Province, department_name
from accessctl.domain.permissions import Role
from accessctl.domain.province import parse_officers, parse_province
from accessctl.domain.province_file import ProvinceError
from accessctl.domain.separation import incompatible

FOLDER = Path(__file__).parents[2] / "examples" / "daknong"
TEXT = (FOLDER / "province.toml").read_text(encoding="utf-8")
STAFF = (FOLDER / "officers.csv").read_text(encoding="utf-8")
PROVINCE = parse_province(TEXT)
OFFICERS = parse_officers(STAFF, PROVINCE)
SIZES = {"VPT": 14, "GNG": 8, "DGL": 7, "CJT": 8, "DML": 8, "KNO": 7, "DSG": 7, "DRL": 8, "TDC": 6}


def line_of(text: str, part: str, nth: int = 1) -> int:
    """The line on which `part` stands for the n-th time, from 1."""
    return [number for number, line in enumerate(text.splitlines(), start=1) if part in line][nth - 1]


def staff(office: str, role: Role | None = None) -> list[OfficerEntry]:
    return [o for o in OFFICERS if o.office == office and (role is None or role in o.roles)]


# --- the real province ----------------------------------------------------------------------------


def test_the_province_is_the_one_of_the_dispatch() -> None:
    assert (PROVINCE.code, PROVINCE.timezone) == ("67", "Asia/Ho_Chi_Minh")
    assert PROVINCE.name.vi == "Đăk Nông"
    assert (PROVINCE.legal_basis.number, PROVINCE.legal_basis.date) == ("219/KH-BHXH", date(2018, 3, 16))
    assert PROVINCE.effective_from == date(2018, 4, 1)
    assert {o.code: o.gso_code for o in PROVINCE.offices} == {
        "VPT": None,
        "GNG": "660",
        "DGL": "661",
        "CJT": "662",
        "DML": "663",
        "KNO": "664",
        "DSG": "665",
        "DRL": "666",
        "TDC": "667",
    }


def test_S01_its_nine_offices_have_seventy_two_accounts_of_each_kind() -> None:
    accounts = PROVINCE.shared_accounts
    assert Counter(a.kind for a in accounts) == {Kind.TKCL: 72, Kind.TKHCTT: 72}
    for office in SIZES:
        for kind in (Kind.TKCL, Kind.TKHCTT):
            assert sum(1 for a in accounts if a.kind is kind and a.guest == office) == 8
            assert sum(1 for a in accounts if a.kind is kind and a.host == office) == 8


def test_every_office_has_a_local_pool_of_its_own() -> None:
    sizes = Counter((a.guest, a.kind) for a in PROVINCE.local_accounts)
    assert all(
        sizes[(o.code, kind)] == o.local_pool >= 2
        for o in PROVINCE.offices
        for kind in (Kind.LOCAL_CL, Kind.LOCAL_HC)
    )


def test_offices_are_open_mornings_and_afternoons_and_none_at_all_hours() -> None:
    for office in PROVINCE.offices:
        assert office.hours.spans == (Span(time(7, 30), time(11, 30)), Span(time(13, 30), time(17)))
        assert not office.always_open


def test_a_demo_is_open_at_all_hours_and_stands_on_other_databases() -> None:
    demo = PROVINCE.open_at_all_hours().with_databases({"CJT": DatabaseAddress("127.0.0.1", 5499, "cjt")})
    assert all(office.always_open for office in demo.offices)
    assert demo.office("CJT").database.port == 5499
    assert demo.office("DML").database == PROVINCE.office("DML").database
    assert not PROVINCE.office("CJT").always_open


def test_R56_departments_are_called_phong_at_the_province_and_bo_phan_elsewhere() -> None:
    assert department_name("CST", Level.PROVINCE).vi == "Phòng Cấp sổ, thẻ"
    assert department_name("CST", Level.DISTRICT).vi == "Bộ phận Cấp sổ, thẻ"
    assert department_name("THU", Level.TOWN).en == "Collection section"
    for department in Department:
        for level in Level:
            assert department_name(department, level).vi


def test_nothing_secret_stands_in_the_founding_files() -> None:
    without_comments = re.sub(r"(?m)#.*$", "", TEXT) + STAFF
    assert not re.search(r"password|passwd|secret|postgres(ql)?://", without_comments.casefold())


# --- the real staff -------------------------------------------------------------------------------


def test_the_staff_are_as_many_as_specified() -> None:
    assert Counter(o.office for o in OFFICERS) == SIZES
    assert len(OFFICERS) == 73
    assert len({o.full_name for o in OFFICERS}) == 73


def test_every_role_but_the_appointed_ones_is_held_by_somebody() -> None:
    held = {role for officer in OFFICERS for role in officer.roles}
    assert held == set(Role) - {Role.CUSTODIAN_TKCL, Role.CUSTODIAN_TKHCTT}


@pytest.mark.parametrize("office", SIZES)
def test_S27_every_office_can_serve_and_has_two_who_may_want_the_same_account(office: str) -> None:
    assert staff(office, Role.RECEPTION)
    assert len(staff(office, Role.CARD)) >= 2
    assert len(staff(office, Role.COLLECTION)) >= 2
    assert staff(office, Role.BLANK_KEEPER)


@pytest.mark.parametrize("office", SIZES)
@pytest.mark.parametrize(("kind", "role"), [(Kind.TKCL, Role.CARD), (Kind.TKHCTT, Role.COLLECTION)])
def test_R31_every_office_has_somebody_who_can_be_appointed_by_the_right_head(
    office: str, kind: Kind, role: Role
) -> None:
    candidate = staff(office, role)[1]
    heads = staff(office, Role.UNIT_HEAD)
    answers = [
        objection(
            kind=kind,
            office=office,
            head=Person(1, head.office, head.department),
            head_is_provincial=PROVINCE.office(office).provincial,
            candidate=Person(2, candidate.office, candidate.department),
            holds_other_kind=False,
            already=False,
        )
        for head in heads
    ]
    assert len(heads) == (2 if office == "VPT" else 1)
    assert answers.count(None) == 1


def test_separation_of_duties_holds_for_everybody() -> None:
    assert [o.username for o in OFFICERS if incompatible(o.roles)] == []


def test_the_province_has_its_own_people() -> None:
    wanted = {Role.DIRECTOR: 1, Role.DEPUTY_DIRECTOR: 1, Role.IT_ADMIN: 2, Role.AUDITOR: 2, Role.PUBLICITY: 1}
    assert {role: len(staff("VPT", role)) for role in wanted} == wanted
    assert len([o for o in OFFICERS if Role.FINANCE_VIEWER in o.roles]) >= 1


def test_names_are_nfc_invented_and_reachable_at_reserved_addresses_only() -> None:
    for officer in OFFICERS:
        assert unicodedata.is_normalized("NFC", officer.full_name)
        assert re.fullmatch(r"0900000[0-9]{3}", officer.phone)
        assert officer.email == f"{officer.username}@bhxh.example"
        assert officer.username.startswith(officer.office.lower() + ".")
        assert officer.full_name != "Nguyễn Khắc Tuấn"


# --- files that are wrong -------------------------------------------------------------------------


def province_error(text: str) -> ProvinceError:
    with pytest.raises(ProvinceError) as refused:
        parse_province(text)
    assert refused.value.file == "province.toml"
    return refused.value


def changed(old: str, new: str, nth: int = 1) -> str:
    """The real file with the n-th `old` replaced."""
    parts = TEXT.split(old)
    assert len(parts) > nth
    return old.join(parts[:nth]) + new + old.join(parts[nth:])


def test_a_syntax_error_names_its_line() -> None:
    text = changed('slug = "cjt"', 'slug = "cjt')
    error = province_error(text)
    assert (error.code, error.line) == ("province.syntax", line_of(text, 'slug = "cjt'))


def test_a_file_that_stops_in_the_middle_names_its_last_line() -> None:
    text = "[province]\ncode = ["
    assert (province_error(text).code, province_error(text).line) == ("province.syntax", 2)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_lacks_the_province(text: str) -> None:
    error = province_error(text)
    assert (error.code, error.line, error.what) == ("province.missing_key", 1, "province")


@pytest.mark.parametrize(
    ("old", "new", "nth", "code", "part"),
    [
        ('slug = "cjt"', 'slug = "cjt"\ncolour = "red"', 1, "province.unknown_key", "colour"),
        ("timezone =", "timezon =", 1, "province.missing_key", "[province]"),
        ('timezone = "Asia/Ho_Chi_Minh"', 'timezone = "Asia/Atlantis"', 1, "province.bad_value", "Atlantis"),
        ('timezone = "Asia/Ho_Chi_Minh"', 'timezone = "../../etc/passwd"', 1, "province.bad_value", "passwd"),
        ("effective_from = 2018-04-01", 'effective_from = "1/4/2018"', 1, "province.bad_value", "1/4/2018"),
        (
            "effective_from = 2018-04-01",
            "effective_from = 2018-04-01T00:00:00",
            1,
            "province.bad_value",
            "T00:00",
        ),
        ('code = "CJT"', 'code = "DML"', 1, "province.duplicate", 'code = "DML"#2'),
        ('code = "CJT"', 'code = "cjt"', 1, "province.bad_value", 'code = "cjt"'),
        ('code = "CJT"', "code = 662", 1, "province.bad_value", "code = 662"),
        ('slug = "dml"', 'slug = "cjt"', 1, "province.duplicate", 'slug = "cjt"#2'),
        ('gso_code = "663"', 'gso_code = "662"', 1, "province.duplicate", 'gso_code = "662"#2'),
        ("db-dml.bhxh.example", "db-cjt.bhxh.example", 1, None, ""),
        ('level = "town"', 'level = "village"', 1, "province.bad_value", "village"),
        ('"KHTC", "TTKT"]', '"KHTC", "XYZ"]', 1, "province.unknown_department", "XYZ"),
        ('["BGD", "THU", "CST"', '["BGD", "THU"', 1, "province.missing_department", '["BGD", "THU", "TNTKQ"'),
        ('["BGD", "THU", "CST"', '["BGD", "BGD", "THU", "CST"', 1, "province.duplicate", '"BGD", "BGD"'),
        ("local_pool = 4", "local_pool = 100", 1, "province.bad_value", "local_pool = 100"),
        ("local_pool = 4", "local_pool = true", 1, "province.bad_value", "local_pool = true"),
        ("port = 5432", "port = 70000", 1, "province.bad_value", "70000"),
        ('dbname = "bhyt_vpt"', 'dbname = "bhyt; drop"', 1, "province.bad_value", "bhyt; drop"),
        (
            '"07:30-11:30", "13:30-17:00"',
            '"07:30-11:30", "11:00-17:00"',
            1,
            "province.bad_hours",
            "11:00-17:00",
        ),
        ('"07:30-11:30"', '"11:30-07:30"', 1, "province.bad_hours", "11:30-07:30"),
        ('"07:30-11:30"', '"7:30-11:30"', 1, "province.bad_hours", '"7:30-11:30"'),
        ('"07:30-11:30"', '"07:30-24:00"', 1, "province.bad_hours", "24:00"),
        ("_and_kind = 8", "_and_kind = 9", 1, "province.count_mismatch", "_and_kind = 9"),
        ("_and_kind = 8", "_and_kind = 7", 1, "province.count_mismatch", "_and_kind = 7"),
        ('agency = { vi = "', 'agency = { de = "x", vi = "', 1, "province.unknown_key", "agency"),
        ('title.vi = "', 'title.fr = "', 1, "province.missing_key", "title."),
        ("local_pool = 4", 'local_pool = 4\nhours = ["25:00-26:00"]', 1, "province.bad_hours", "25:00"),
        ("local_pool = 4", 'local_pool = 4\nalways_open = "yes"', 1, "province.bad_value", "always_open"),
        ("[[office]]", '[[office]]\npassword = "x"', 5, "province.unknown_key", "password"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line_of_what_is_wrong(
    old: str, new: str, nth: int, code: str | None, part: str
) -> None:
    text = changed(old, new, nth)
    if code is None:  # another host, the same database name: still two different databases
        assert parse_province(text).office("DML").database.host == "db-cjt.bhxh.example"
        return
    error = province_error(text)
    needle, _, which = part.partition("#")
    assert (error.code, error.line) == (code, line_of(text, needle, int(which or 1)))


def test_two_offices_on_one_database_are_refused() -> None:
    text = TEXT.replace("db-dml.bhxh.example", "db-cjt.bhxh.example").replace("bhyt_dml", "bhyt_cjt")
    error = province_error(text)
    assert (error.code, error.line) == ("province.duplicate", line_of(text, "bhyt_cjt", 2))


def test_two_offices_of_one_name_are_refused_in_whatever_unicode_form() -> None:
    text = TEXT.replace("BHXH huyện Đắk Mil", unicodedata.normalize("NFD", "BHXH huyện Cư Jút"))
    error = province_error(text)
    assert (error.code, error.what) == ("province.duplicate", "name = BHXH huyện Cư Jút")


def test_one_office_is_no_province() -> None:
    head, first = TEXT.split("[[office]]")[:2]
    for text in (head, f"{head}[[office]]{first}"):
        assert province_error(text).code == "province.too_few_offices"


def test_fewer_offices_need_another_asserted_number() -> None:
    shorter = "[[office]]".join(TEXT.split("[[office]]")[:-1])
    assert province_error(shorter).code == "province.count_mismatch"
    eight = parse_province(shorter.replace("_and_kind = 8", "_and_kind = 7"))
    assert len(eight.shared_accounts) == 2 * 8 * 7


def test_names_in_nfd_and_with_a_byte_order_mark_are_read_as_nfc() -> None:
    assert parse_province("\ufeff" + unicodedata.normalize("NFD", TEXT)) == PROVINCE


def test_a_name_of_ten_kilobytes_is_refused() -> None:
    error = province_error(changed("Văn phòng BHXH tỉnh", "x" * 10_240))
    assert (error.code, error.what) == ("province.bad_value", "vi (too_long)")


def test_an_office_may_have_hours_of_its_own_and_may_never_close() -> None:
    text = changed("local_pool = 4", 'local_pool = 4\nhours = ["08:00-12:00"]\nalways_open = true')
    office = parse_province(text).office("VPT")
    assert office.hours.spans == (Span(time(8), time(12)),)
    assert office.always_open


@given(
    st.integers(0, len(TEXT) - 1), st.sampled_from(['"', "=", "[", "]", "\n", "x", "0", "{", "#", " ", "ế"])
)
def test_a_file_with_one_wrong_character_is_read_or_refused_with_a_line_that_exists(
    place: int, sign: str
) -> None:
    text = TEXT[:place] + sign + TEXT[place + 1 :]
    try:
        assert isinstance(parse_province(text), Province)
    except ProvinceError as error:
        assert 1 <= error.line <= len(text.splitlines())  # noqa: PT017  either outcome is right
        assert set(error.facts) == {"line", "what", "file"}  # noqa: PT017


# --- staff files that are wrong -------------------------------------------------------------------

HEADER = "username,full_name,title,office,department,roles,phone,email\n"
GOOD = "cjt.x1,Nguyễn Thị Hà,Cán bộ Thu,CJT,THU,collection,0900 000 101,x1@bhxh.example\n"


def officers_error(text: str) -> tuple[str, int]:
    with pytest.raises(ProvinceError) as refused:
        parse_officers(text, PROVINCE)
    assert refused.value.file == "officers.csv"
    return refused.value.code, refused.value.line


def test_a_line_is_read_with_its_number_and_a_telephone_number_without_its_spaces() -> None:
    entry = parse_officers(HEADER + GOOD, PROVINCE)[0]
    assert (entry.username, entry.phone, entry.line) == ("cjt.x1", "0900000101", 2)
    assert (entry.department, entry.roles) == (Department.COLLECTION, (Role.COLLECTION,))


def test_the_first_role_named_is_the_first_kept() -> None:
    row = GOOD.replace("THU,collection", "CST,card;blank_keeper")
    assert parse_officers(HEADER + row, PROVINCE)[0].roles == (Role.CARD, Role.BLANK_KEEPER)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("cjt.x1", "CJT.X1", "officers.bad_value"),
        ("cjt.x1", "cjt x1", "officers.bad_value"),
        ("cjt.x1", "cjt.x1'--", "officers.bad_value"),
        ("cjt.x1", "u" * 40, "officers.cell_too_long"),
        ("cjt.x1", "", "officers.cell_empty"),
        ("Nguyễn Thị Hà", "", "officers.cell_empty"),
        ("Nguyễn Thị Hà", "x" * 10_240, "officers.cell_too_long"),
        ("Nguyễn Thị Hà", "Hà\u202e", "officers.cell_control"),
        ("CJT,THU", "ZZZ,THU", "officers.unknown_office"),
        ("CJT,THU", "cjt,THU", "officers.unknown_office"),
        ("CJT,THU", "CJT,CNTT", "officers.unknown_department"),
        ("CJT,THU", "CJT,thu", "officers.unknown_department"),
        ("THU,collection", "THU,collector", "officers.unknown_role"),
        ("THU,collection", "THU,", "officers.cell_empty"),
        ("THU,collection", "THU,collection;", "officers.unknown_role"),
        ("THU,collection", "THU,collection;collection", "officers.bad_value"),
        ("THU,collection", "THU,custodian_tkhctt", "officers.role_by_appointment"),
        ("THU,collection", "THU,card", "officers.role_elsewhere"),
        ("THU,collection", "THU,unit_head", "officers.role_elsewhere"),
        ("THU,collection", "BGD,director", "officers.role_elsewhere"),
        ("0900 000 101", "0900 000 1", "officers.bad_value"),
        ("0900 000 101", "+84 900 000 101", "officers.bad_value"),
        ("x1@bhxh.example", "x1", "officers.bad_value"),
        (",CJT,", ",", "officers.columns"),
        ("x1@bhxh.example", "x1@bhxh.example,more", "officers.columns"),
        ("Nguyễn Thị Hà", '"Nguyễn" Thị Hà', "officers.syntax"),
    ],
)
def test_a_wrong_staff_line_is_refused_with_its_number(old: str, new: str, code: str) -> None:
    good = GOOD.replace("x1", "x0")
    assert officers_error(HEADER + good + GOOD.replace(old, new)) == (code, 3)


def test_a_user_name_that_stands_there_twice_is_refused() -> None:
    assert officers_error(HEADER + GOOD + "\n" + GOOD) == ("officers.duplicate", 4)


def test_an_auditor_with_a_second_role_is_refused() -> None:
    both = GOOD.replace("CJT,THU,collection", "VPT,TTKT,auditor;it_admin")
    assert officers_error(HEADER + both)[0] == "officers.role_elsewhere"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "officers.header"),
        ("\n", "officers.header"),
        (HEADER, "officers.empty"),
        (HEADER.replace("roles", "role") + GOOD, "officers.header"),
        (HEADER.replace(",", ";") + GOOD, "officers.header"),
    ],
)
def test_a_file_without_the_agreed_header_or_without_people_is_refused(text: str, code: str) -> None:
    assert officers_error(text) == (code, 1)


def test_staff_in_nfd_and_with_a_byte_order_mark_are_read_as_nfc() -> None:
    assert parse_officers("\ufeff" + unicodedata.normalize("NFD", STAFF), PROVINCE) == OFFICERS


def test_windows_line_ends_are_read_alike() -> None:
    assert parse_officers(STAFF.replace("\n", "\r\n"), PROVINCE) == OFFICERS
