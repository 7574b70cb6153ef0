"""Dossier numbers, subjects and fields: what a lease must name before it is given (S25, R20)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

_DOSSIER = re.compile(r"([A-Z]{3})-(20[0-9]{2})-([0-9]{6})/(CLT)")
_SUBJECT = re.compile(r"[0-9]{10}")
_LONGEST = 100  # characters; no work is spent on more


class Field(StrEnum):
    """What TKHCTT may correct (domain.md §7.2); never number, category, benefit, validity, amounts, unit."""

    FULL_NAME = "full_name"
    BIRTH_DATE = "birth_date"
    SEX = "sex"
    ADDRESS = "address"
    ID_NO = "id_no"
    INITIAL_CARE = "initial_care"


class ReissueReason(StrEnum):
    """R7, R10: lost, damaged, change of information."""

    LOST = "MAT"
    DAMAGED = "HONG"
    CHANGE = "THAY_DOI"


class BadDossier(ValueError):
    """A dossier or subject number not of the agreed form; `why` is a stable word."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class DossierNo:
    """`CJT-2018-000123/CLT`: serving office, year, number within it, procedure (CLT = reissue)."""

    office: str
    year: int
    number: int
    procedure: str = "CLT"

    def __str__(self) -> str:
        return f"{self.office}-{self.year}-{self.number:06d}/{self.procedure}"

    @classmethod
    def parse(cls, text: str) -> DossierNo:
        """Read a written number; raises BadDossier("missing" or "malformed")."""
        tidy = unicodedata.normalize("NFC", text).strip() if len(text) <= _LONGEST else "too long"
        if not tidy:
            raise BadDossier("missing")
        match = _DOSSIER.fullmatch(tidy)
        if match is None or int(match[3]) == 0:
            raise BadDossier("malformed")
        return cls(match[1], int(match[2]), int(match[3]), match[4])


def subject_number(text: str) -> str:
    """A mã số BHXH: ten ASCII digits (domain.md §11.2). Raises BadDossier("subject_malformed")."""
    tidy = text.strip() if len(text) <= _LONGEST else "too long"
    if _SUBJECT.fullmatch(tidy) is None:
        raise BadDossier("subject_malformed")
    return tidy


def listed_fields(names: list[str] | tuple[str, ...]) -> tuple[Field, ...]:
    """The fields a correction lists, each once, in the order of `Field`. Raises BadDossier("field_unknown")."""
    try:
        wanted = {Field(name) for name in names}
    except ValueError:
        raise BadDossier("field_unknown") from None
    return tuple(field for field in Field if field in wanted)
