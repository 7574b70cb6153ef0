"""Text as it enters: one line, NFC, bounded; and how people are found and sorted."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.text import BadText, by_given_name, folded, one_line

NAMES = ["Điểu Krứ", "Y Bluê Niê", "H'Bia Êban", "K'Tiêng", "Nguyễn Thị Thu Hà", "Đắk R'lấp", "Ayŭn"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_nfd_becomes_the_same_name_in_nfc(name: str) -> None:
    assert one_line(unicodedata.normalize("NFD", name)) == unicodedata.normalize("NFC", name)


def test_spaces_are_folded_and_trimmed() -> None:
    assert one_line("  Nguyễn \t Thị\u00a0\u2003Hà \n") == "Nguyễn Thị Hà"


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u3000"])
def test_empty_text_is_refused_unless_it_may_be(text: str) -> None:
    with pytest.raises(BadText) as refused:
        one_line(text)
    assert refused.value.why == "empty"
    assert one_line(text, empty_ok=True) == ""


@pytest.mark.parametrize("length", [201, 801, 10_240])
def test_too_long_text_is_refused_never_cut(length: int) -> None:
    with pytest.raises(BadText) as refused:
        one_line("ế" * length)
    assert (refused.value.why, refused.value.limit) == ("too_long", 200)
    assert one_line("ế" * 200) == "ế" * 200


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066"])
def test_control_characters_and_direction_tricks_are_refused(sign: str) -> None:
    with pytest.raises(BadText) as refused:
        one_line(f"mất{sign}thẻ")
    assert refused.value.why == "control"


def test_what_looks_like_sql_is_only_text() -> None:
    assert one_line("'; DROP TABLE x; --") == "'; DROP TABLE x; --"


@given(st.text(max_size=900))
def test_whatever_comes_in_what_is_kept_is_tidy_and_tidying_it_again_changes_nothing(text: str) -> None:
    try:
        tidy = one_line(text, empty_ok=True)
    except BadText:
        return
    assert len(tidy) <= 200
    assert unicodedata.is_normalized("NFC", tidy)
    assert "\n" not in tidy
    assert one_line(tidy, empty_ok=True) == tidy


@pytest.mark.parametrize("written", ["Đăk Nông", "Đắk Nông", "dak nong", "DAK NONG", "ĐĂK NÔNG"])
def test_every_spelling_of_the_province_is_found(written: str) -> None:
    assert folded(written) == folded(unicodedata.normalize("NFD", written)) == "dak nong"


@pytest.mark.parametrize(
    ("written", "plain"), [("Ayŭn", "ayun"), ("H'Bia Êban", "h'bia eban"), ("Điểu", "dieu")]
)
def test_names_of_the_province_are_found_without_their_signs(written: str, plain: str) -> None:
    assert folded(written) == plain


def test_people_are_sorted_by_given_name_then_the_rest() -> None:
    people = ["Trần Văn An", "Nguyễn Thị Yến", "Lê Thị Ánh", "Nguyễn Văn An", "Điểu Krứ", "K'Tiêng"]
    assert sorted(people, key=by_given_name) == [
        "Nguyễn Văn An",
        "Trần Văn An",
        "Lê Thị Ánh",
        "K'Tiêng",
        "Điểu Krứ",
        "Nguyễn Thị Yến",
    ]


@given(st.text(max_size=50))
def test_the_sort_key_of_any_text_exists_and_tells_names_apart(text: str) -> None:
    assert by_given_name(text)[2] == text
