"""Contacts for other programs: nothing in a name can become a line of its own (R34)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.vcard import Card, vcards


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def card(**words: str) -> Card:
    known = dict.fromkeys(("uid", "full_name", "organisation", "title", "phone", "email", "note"), "x")
    return Card(**(known | words))


def test_a_vietnamese_name_is_family_given_middle():
    lines = unfolded(vcards([card(full_name="Nguyễn Thị Thu Hà")]))
    assert "N:Nguyễn;Hà;Thị Thu;;" in lines
    assert "FN:Nguyễn Thị Thu Hà" in lines


def test_one_word_and_two_words():
    assert "N:K'Tiêng;;;;" in unfolded(vcards([card(full_name="K'Tiêng")]))
    assert "N:Điểu;Krứ;;;" in unfolded(vcards([card(full_name="Điểu Krứ")]))


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_written_stays_in_its_own_line_of_75_bytes_at_most(name: str, note: str):
    made = vcards([card(full_name=name, note=note)])
    physical = made.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in physical)
    lines = unfolded(made)
    assert len(lines) == 11
    assert [line.partition(":")[0] for line in lines[:2]] == ["BEGIN", "VERSION"]
    assert lines[-1] == "END:VCARD"
