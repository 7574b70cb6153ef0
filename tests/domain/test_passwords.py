"""What a password must be, in both profiles, and which ones are guessed first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.common_passwords import COMMON
from accessctl.domain.passwords import LONGEST, PROFILES, weakness
from accessctl.domain.text import folded

TCVN, ASVS = PROFILES["tcvn14423-l3"], PROFILES["asvs5-l2"]
NAMES = ("cjt.the2", "Trần Thị Hồng Nhung", "BHXH huyện Cư Jút")


def why(profile: str, password: str, *, second_factor: bool = False) -> str | None:
    found = weakness(PROFILES[profile], password, names=NAMES, second_factor=second_factor)
    return found.why if found else None


@pytest.mark.parametrize(
    ("profile", "second_factor", "shortest"),
    [(TCVN, False, 14), (TCVN, True, 8), (ASVS, False, 8), (ASVS, True, 8)],
)
def test_the_least_length_is_that_of_the_profile_and_less_beside_a_second_factor(
    profile: object, second_factor: bool, shortest: int
) -> None:
    name = profile.name  # type: ignore[attr-defined]
    words = "mèo đen 79 ngủ kỹ"
    assert why(name, words[:shortest], second_factor=second_factor) is None
    assert why(name, words[: shortest - 1], second_factor=second_factor) == "too_short"
    assert profile.shortest_for(second_factor=second_factor) == shortest  # type: ignore[attr-defined]


def test_idling_and_lockout_are_those_of_the_profile() -> None:
    minutes = [(p.idle_admin.seconds // 60, p.idle.seconds // 60, p.failures) for p in (TCVN, ASVS)]
    assert minutes == [(5, 15, 5), (15, 30, 5)]


@pytest.mark.parametrize(
    "password",
    [
        "password", "Password123!", "P@ssw0rd", "12345678", "qwertyuiop", "iloveyou1", "Matkhau@123", "mật khẩu 2026",
        "Anh yêu em", "anhyeuemanhyeuem", "VietNam1945", "ĐĂNG NHẬP 123", "Quản trị viên 1", "abcd1234",
    ],
)  # fmt: skip
def test_what_is_tried_first_is_refused_however_it_is_dressed(password: str) -> None:
    assert why("asvs5-l2", password) == "too_common"


@pytest.mark.parametrize(
    "password",
    ["BHXH-2026-2027", "bhxh huyen cu jut", "CuJut@01042018", "HongNhung1990!", "tranthihongnhung", "Dak-Nong-01042018",
     "Bảo hiểm xã hội 26", "TKCL TKHCTT 2026"],
)  # fmt: skip
def test_names_of_agency_office_and_person_with_figures_are_refused(password: str) -> None:
    assert why("asvs5-l2", password) == "too_common"
    assert why("tcvn14423-l3", password.ljust(14, "7")) in ("too_common", "too_simple")


@pytest.mark.parametrize(
    "password",
    [
        "con mèo đen ngủ trưa",
        "Cư Jút mùa cà phê nở",
        "meo den 79",
        "correct horse battery staple",
        "k7#Wm2$xQ9",
    ],
)
def test_a_phrase_of_ones_own_is_good_even_with_a_name_in_it(password: str) -> None:
    assert why("asvs5-l2", password) is None


def test_the_user_name_inside_few_signs_and_overlong_ones_are_refused() -> None:
    assert why("asvs5-l2", "đây là CJT.THE2 nhé") == "too_simple"
    assert why("asvs5-l2", "ababababab") == "too_simple"
    assert why("asvs5-l2", "dài lắm " * 100) == "too_long"
    assert why("asvs5-l2", ("đủ dài, khác nhau; " * 20)[:LONGEST]) is None


def test_the_list_is_written_as_it_is_compared() -> None:
    assert all(word == folded(word) and " " not in word for word in COMMON)
    assert len(COMMON) > 300


@given(st.text(max_size=250), st.lists(st.text(max_size=30), max_size=3), st.booleans())
def test_any_words_at_all_are_judged(password: str, names: list[str], second_factor: bool) -> None:
    for profile in PROFILES.values():
        found = weakness(profile, password, names=names, second_factor=second_factor)
        if found is None:
            assert profile.shortest_for(second_factor=second_factor) <= len(password) <= LONGEST
