"""What a lease must name before it is given (S25)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.dossiers import BadDossier, DossierNo, Field, listed_fields, subject_number


def test_S25_a_number_in_the_offices_form_is_read() -> None:
    number = DossierNo.parse("  CJT-2018-000123/CLT ")
    assert (number.office, number.year, number.number, number.procedure) == ("CJT", 2018, 123, "CLT")
    assert str(number) == "CJT-2018-000123/CLT"


@given(st.sampled_from(["CJT", "VPT"]), st.integers(2000, 2099), st.integers(1, 999_999))
def test_S25_every_number_reads_back_as_itself(office: str, year: int, number: int) -> None:
    written = DossierNo(office, year, number)
    assert DossierNo.parse(str(written)) == written


@pytest.mark.parametrize("text", ["", "   ", "\t\n", "\u00a0"])
def test_S25_a_missing_number_is_told_from_a_malformed_one(text: str) -> None:
    with pytest.raises(BadDossier) as refused:
        DossierNo.parse(text)
    assert refused.value.why == "missing"


@pytest.mark.parametrize(
    "text",
    [
        "CJT-2018-000123",
        "CJT-2018-123/CLT",
        "cjt-2018-000123/CLT",
        "CJT-1918-000123/CLT",
        "CJT-2018-000000/CLT",
        "CJT-2018-000123/XYZ",
        "CJT-2018-000123/CLT; DELETE FROM lease",
        "CJT-2018-٠٠٠١٢٣/CLT",
        "ĐJT-2018-000123/CLT",
        "CJT-2018-000123/CLT\n1",
        "9" * 10_000,
    ],
)
def test_S25_a_malformed_number_is_refused(text: str) -> None:
    with pytest.raises(BadDossier) as refused:
        DossierNo.parse(text)
    assert refused.value.why == "malformed"


def test_a_subject_is_ten_ascii_digits() -> None:
    assert subject_number(" 6799300001 ") == "6799300001"


@pytest.mark.parametrize(
    "text", ["", "679930000", "67993000011", "67993OOOO1", "٦٧٩٩٣٠٠٠٠١", "6799300001'--", "1" * 10_000]
)
def test_anything_else_is_not_a_subject(text: str) -> None:
    with pytest.raises(BadDossier) as refused:
        subject_number(text)
    assert refused.value.why == "subject_malformed"


@given(st.lists(st.sampled_from([field.value for field in Field])))
def test_R20_listed_fields_come_once_each_and_in_one_order(names: list[str]) -> None:
    fields = listed_fields(names)
    assert set(fields) == set(names)
    assert list(fields) == [field for field in Field if field in set(names)]


@pytest.mark.parametrize(
    "name", ["bhxh_no", "category", "benefit", "valid_to", "participation", "full_name ", "", "*"]
)
def test_fields_that_may_never_be_corrected_are_unknown_words(name: str) -> None:
    with pytest.raises(BadDossier) as refused:
        listed_fields(["full_name", name])
    assert refused.value.why == "field_unknown"


def test_the_correctable_fields_are_these_six() -> None:
    assert set(Field) == {"full_name", "birth_date", "sex", "address", "id_no", "initial_care"}


def test_a_number_in_nfd_is_the_same_number() -> None:
    text = "CJT-2018-000123/CLT"
    assert DossierNo.parse(unicodedata.normalize("NFD", text)) == DossierNo.parse(text)
