"""Work in the host's database under a lease, as the account itself: the four functions and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from accessctl.domain.dossiers import Field, ReissueReason

Session = psycopg.Connection[tuple[Any, ...]]


class Outcome(StrEnum):
    """How the office database answered (access.md §3); all but OK are refusals, written down there."""

    OK = "ok"
    NOT_FOUND = "not_found"
    WRONG_SUBJECT = "wrong_subject"
    NOT_IN_FORCE = "not_in_force"
    NOT_BHYT_ONLY = "not_bhyt_only"
    FIELD_NOT_LISTED = "field_not_listed"
    LEASE_OVER = "lease_over"
    BAD_INPUT = "bad_input"


@dataclass(frozen=True, slots=True)
class PastReissue:
    """An earlier reissue of the same person's card."""

    id: int
    at: datetime
    reason: ReissueReason
    blank_serial: str
    serving_office: str


@dataclass(frozen=True, slots=True)
class ReissueView:
    """What a reissue needs to be seen (R13); `birth_date` is an ISO day or a year alone."""

    outcome: Outcome
    full_name: str | None
    birth_date: str | None
    card_no: str | None
    valid_from: date | None
    valid_to: date | None
    participation: str | None
    reissues: tuple[PastReissue, ...]


@dataclass(frozen=True, slots=True)
class Reissued:
    """A reissue; `already` when the record was there before this call (S31)."""

    outcome: Outcome
    reissue_id: int | None
    card_no: str | None
    already: bool


@dataclass(frozen=True, slots=True)
class HolderView:
    """The holder information that may be corrected; `birth_date` is an ISO day or a year alone."""

    outcome: Outcome
    full_name: str | None
    birth_date: str | None
    sex: str | None
    address: str | None
    id_no: str | None
    initial_care: str | None
    participation: str | None


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction; `changed` names the fields whose value became another one."""

    outcome: Outcome
    correction_id: int | None
    changed: tuple[Field, ...]
    already: bool


def view_reissue(session: Session, bhxh_no: str) -> ReissueView:
    """What the card clerk sees before a reissue."""
    row = _call(session, "SELECT * FROM bhyt.view_reissue(%s)", bhxh_no)
    past = tuple(_past(entry) for entry in row[7] or ())
    return ReissueView(Outcome(row[0]), row[1], row[2], row[3], row[4], row[5], row[6], past)


def reissue_card(
    session: Session, bhxh_no: str, reason: ReissueReason, blank_serial: str, idem: str
) -> Reissued:
    """Reissue the card on a blank; `idem` = dossier + step, so that a repeated call changes nothing (R26)."""
    row = _call(
        session, "SELECT * FROM bhyt.reissue_card(%s, %s, %s, %s)", bhxh_no, reason.value, blank_serial, idem
    )
    return Reissued(Outcome(row[0]), row[1], row[2], row[3])


def view_holder(session: Session, bhxh_no: str) -> HolderView:
    """What the collection officer sees before a correction."""
    outcome, *facts = _call(session, "SELECT * FROM bhyt.view_holder(%s)", bhxh_no)
    return HolderView(Outcome(outcome), *facts)


def correct_holder(session: Session, bhxh_no: str, changes: Mapping[Field, str], idem: str) -> Corrected:
    """Correct the listed fields, all or none; values in NFC after the call, whatever they came in (R20)."""
    payload = Jsonb({str(name): value for name, value in changes.items()})
    row = _call(session, "SELECT * FROM bhyt.correct_holder(%s, %s, %s)", bhxh_no, payload, idem)
    return Corrected(Outcome(row[0]), row[1], tuple(Field(name) for name in row[2] or ()), row[3])


def _call(session: Session, query: str, *parameters: object) -> tuple[Any, ...]:
    row = session.execute(query, parameters).fetchone()
    if row is None:
        raise AssertionError("a function of the office schema always answers one row")
    return row


def _past(entry: Mapping[str, Any]) -> PastReissue:
    return PastReissue(
        entry["id"],
        datetime.fromisoformat(entry["at"]),
        ReissueReason(entry["reason"]),
        entry["blank_serial"],
        entry["serving_office"],
    )
