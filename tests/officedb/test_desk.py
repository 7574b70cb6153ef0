"""What an account may do in the host's database, and what the database itself refuses (S03, S04, S18, S25, S26)."""

from __future__ import annotations

import time
import unicodedata
from datetime import date

import psycopg
import pytest

from accessctl.domain.dossiers import Field, ReissueReason
from accessctl.officedb import desk
from accessctl.officedb.desk import Outcome
from tests.officedb.conftest import DUC, MAI, NIE, OLD, Office

LOST, CHANGE = ReissueReason.LOST, ReissueReason.CHANGE
ALL = tuple(Field)
serial_numbers = (f"67A{number:07d}" for number in range(1000, 9999))


def serial() -> str:
    return next(serial_numbers)


def row_of(office: Office, bhxh_no: str) -> tuple[object, ...]:
    row = office.admin.execute("SELECT * FROM bhyt.participant WHERE bhxh_no = %s", (bhxh_no,)).fetchone()
    assert row is not None
    return row


def test_a_reissue_is_seen_done_once_and_leaves_number_and_validity_as_they_were(office: Office) -> None:
    lent = office.lend(subject=DUC)
    with office.login(lent) as session:
        seen = desk.view_reissue(session, DUC)
        assert (seen.outcome, seen.full_name, seen.birth_date) == (Outcome.OK, "Điểu Krứ", "1988-12-31")
        assert (seen.card_no, seen.valid_to) == ("HN2676799000004", date(2099, 12, 31))
        blank = serial()
        done = desk.reissue_card(session, DUC, LOST, blank, "step-1")
        assert (done.outcome, done.card_no, done.already) == (Outcome.OK, "HN2676799000004", False)
        again = desk.reissue_card(session, DUC, LOST, blank, "step-1")
        assert (again.outcome, again.reissue_id, again.already) == (Outcome.OK, done.reissue_id, True)
        after = desk.view_reissue(session, DUC)
        assert (after.card_no, after.valid_from, after.valid_to) == (
            seen.card_no,
            seen.valid_from,
            seen.valid_to,
        )
        assert [past.blank_serial for past in after.reissues][-1] == blank
        assert after.reissues[-1].serving_office == "CJT"
    row = office.admin.execute(
        "SELECT officer, dossier, lease_id, serving_office FROM bhyt.reissue WHERE id = %s",
        (done.reissue_id,),
    ).fetchone()
    assert row == ("nguyen.thi.lan", lent.order.dossier, lent.lease_id, "CJT")
    assert [outcome for _, outcome in office.acts(lent.lease_id)] == ["ok"] * 4


def test_R26_a_dossier_gives_at_most_one_reissue_whatever_the_key(office: Office) -> None:
    lent = office.lend()
    with office.login(lent) as session:
        first = desk.reissue_card(session, MAI, LOST, serial(), "key-1")
        second = desk.reissue_card(session, MAI, LOST, serial(), "key-2")
    assert second == desk.Reissued(Outcome.OK, first.reissue_id, first.card_no, already=True)


def test_a_used_blank_or_a_key_of_another_dossier_is_bad_input(office: Office) -> None:
    lent = office.lend()
    blank = serial()
    with office.login(lent) as session:
        assert desk.reissue_card(session, MAI, LOST, blank, "key-a").outcome is Outcome.OK
    office.close(lent)
    with office.login(office.lend("tkcl_gng_dml", subject=DUC)) as session:
        assert desk.reissue_card(session, DUC, LOST, blank, "key-b").outcome is Outcome.BAD_INPUT
        assert desk.reissue_card(session, DUC, LOST, serial(), "key-a").outcome is Outcome.BAD_INPUT


def test_S18_a_reissue_without_change_is_allowed_for_bhxh_and_bhyt_and_one_for_a_change_is_not(
    office: Office,
) -> None:
    with office.login(office.lend(subject=NIE)) as session:
        assert desk.reissue_card(session, NIE, CHANGE, serial(), "k1").outcome is Outcome.NOT_BHYT_ONLY
        seen = desk.view_reissue(session, NIE)
        assert (seen.outcome, seen.birth_date) == (Outcome.OK, "1965")
        assert desk.reissue_card(session, NIE, LOST, serial(), "k2").outcome is Outcome.OK


def test_S22_a_card_that_is_not_in_force_is_not_reissued(office: Office) -> None:
    lent = office.lend(subject=OLD)
    with office.login(lent) as session:
        assert desk.view_reissue(session, OLD).outcome is Outcome.OK
        assert desk.reissue_card(session, OLD, LOST, serial(), "k").outcome is Outcome.NOT_IN_FORCE
    assert office.acts(lent.lease_id)[-1] == ("card:reissue", "not_in_force")


def test_S20_a_person_who_is_not_in_this_database_is_not_found(office: Office) -> None:
    with office.login(office.lend(subject="6799999999")) as session:
        assert desk.view_reissue(session, "6799999999").outcome is Outcome.NOT_FOUND
        assert desk.reissue_card(session, "6799999999", LOST, serial(), "k").outcome is Outcome.NOT_FOUND
    with office.login(office.lend("tkhctt_cjt_dml", subject="6799999999", fields=ALL)) as session:
        assert desk.view_holder(session, "6799999999").outcome is Outcome.NOT_FOUND
        found = desk.correct_holder(session, "6799999999", {Field.SEX: "M"}, "k")
        assert found.outcome is Outcome.NOT_FOUND


@pytest.mark.parametrize("role", ["tkcl_cjt_dml", "tkhctt_cjt_dml", "local_cl_dml_01", "local_hc_dml_01"])
def test_S25_a_lease_for_one_person_opens_no_other(office: Office, role: str) -> None:
    corrects = "hc" in role
    lent = office.lend(role, subject=MAI, fields=ALL if corrects else ())
    before = row_of(office, DUC)
    with office.login(lent) as session:
        if corrects:
            seen = desk.view_holder(session, DUC)
            done = desk.correct_holder(session, DUC, {Field.SEX: "F"}, "k")
        else:
            seen = desk.view_reissue(session, DUC)
            done = desk.reissue_card(session, DUC, LOST, serial(), "k")
    assert (seen.outcome, done.outcome) == (Outcome.WRONG_SUBJECT, Outcome.WRONG_SUBJECT)
    assert (seen.full_name, seen.birth_date) == (None, None)
    assert row_of(office, DUC) == before
    assert [outcome for _, outcome in office.acts(lent.lease_id)] == ["wrong_subject"] * 2


def test_S04_a_holder_in_bhxh_and_bhyt_is_neither_shown_nor_corrected(office: Office) -> None:
    lent = office.lend("tkhctt_cjt_dml", subject=NIE, fields=ALL)
    before = row_of(office, NIE)
    with office.login(lent) as session:
        seen = desk.view_holder(session, NIE)
        assert (seen.outcome, seen.full_name, seen.address) == (Outcome.NOT_BHYT_ONLY, None, None)
        done = desk.correct_holder(session, NIE, {Field.FULL_NAME: "Y Khác"}, "k")
        assert done.outcome is Outcome.NOT_BHYT_ONLY
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            desk.reissue_card(session, NIE, LOST, serial(), "k")
    assert row_of(office, NIE) == before
    assert office.acts(lent.lease_id) == [
        ("holder:view", "not_bhyt_only"),
        ("holder:correct", "not_bhyt_only"),
    ]


def test_S26_a_field_that_the_lease_does_not_list_is_refused_with_all_the_rest(office: Office) -> None:
    lent = office.lend("tkhctt_cjt_dml", fields=[Field.ADDRESS])
    before = row_of(office, MAI)
    with office.login(lent) as session:
        mixed = desk.correct_holder(session, MAI, {Field.ADDRESS: "Thôn 7", Field.SEX: "M"}, "k1")
        assert mixed.outcome is Outcome.FIELD_NOT_LISTED
        for never in ("bhxh_no", "category", "participation", "benefit", "valid_to", "no such field"):
            done = desk.correct_holder(session, MAI, {never: "X"}, "k2")  # type: ignore[dict-item]
            assert done.outcome is Outcome.FIELD_NOT_LISTED
    assert row_of(office, MAI) == before
    assert {outcome for _, outcome in office.acts(lent.lease_id)} == {"field_not_listed"}


def test_R20_a_correction_keeps_old_and_new_and_a_repeated_call_changes_nothing(office: Office) -> None:
    lent = office.lend("tkhctt_cjt_dml", subject=DUC, fields=ALL)
    changes = {Field.FULL_NAME: "Điểu K’Rứ", Field.BIRTH_DATE: "1988", Field.SEX: "M"}
    with office.login(lent) as session:
        done = desk.correct_holder(session, DUC, changes, "corr-1")
        assert done.outcome is Outcome.OK
        assert done.changed == (Field.BIRTH_DATE, Field.FULL_NAME)  # the sex was M already
        again = desk.correct_holder(session, DUC, changes, "corr-1")
        assert (again.correction_id, again.changed, again.already) == (done.correction_id, done.changed, True)
        other = desk.correct_holder(session, DUC, {Field.FULL_NAME: "Ai Khác"}, "corr-1")
        assert other.outcome is Outcome.BAD_INPUT
        seen = desk.view_holder(session, DUC)
        assert (seen.full_name, seen.birth_date) == ("Điểu K’Rứ", "1988")
        desk.correct_holder(
            session, DUC, {Field.FULL_NAME: "Điểu Krứ", Field.BIRTH_DATE: "1988-12-31"}, "corr-2"
        )
    rows = office.admin.execute(
        "SELECT field, old_value, new_value, officer, dossier FROM bhyt.correction WHERE id = %s ORDER BY field",
        (done.correction_id,),
    ).fetchall()
    by = ("nguyen.thi.lan", lent.order.dossier)
    assert rows == [
        ("birth_date", "1988-12-31", "1988", *by),
        ("full_name", "Điểu Krứ", "Điểu K’Rứ", *by),
        ("sex", "M", "M", *by),
    ]


def test_a_key_of_another_persons_correction_is_bad_input(office: Office) -> None:
    with office.login(office.lend("tkhctt_cjt_dml", fields=ALL)) as session:
        assert desk.correct_holder(session, MAI, {Field.SEX: "F"}, "shared-key").outcome is Outcome.OK
    with office.login(office.lend("tkhctt_gng_dml", subject=DUC, fields=ALL)) as session:
        found = desk.correct_holder(session, DUC, {Field.SEX: "F"}, "shared-key")
        assert found.outcome is Outcome.BAD_INPUT


def test_names_in_nfd_stand_as_nfc(office: Office) -> None:
    lent = office.lend("tkhctt_cjt_dml", fields=ALL)
    with office.login(lent) as session:
        decomposed = unicodedata.normalize("NFD", "  Trần  Thị Mài ")
        done = desk.correct_holder(session, MAI, {Field.FULL_NAME: decomposed}, "nfd")
        assert done.outcome is Outcome.OK
        assert desk.view_holder(session, MAI).full_name == unicodedata.normalize("NFC", "Trần Thị Mài")
        desk.correct_holder(session, MAI, {Field.FULL_NAME: "Trần Thị Mai"}, "nfc")


FULL_WIDTH = "".join(chr(0xFF10 + int(digit)) for digit in "6799000001")  # digits, but not ASCII ones

BAD_VALUES = [
    (Field.FULL_NAME, ""),
    (Field.FULL_NAME, "   "),
    (Field.FULL_NAME, "x" * 10_240),
    (Field.FULL_NAME, "'; DROP TABLE bhyt.participant; --"),
    (Field.FULL_NAME, "Mai\u202eiaM"),
    (Field.FULL_NAME, "Mai\x07"),
    (Field.FULL_NAME, 7),
    (Field.FULL_NAME, None),
    (Field.FULL_NAME, ["Mai"]),
    (Field.FULL_NAME, {"a": "b"}),
    (Field.BIRTH_DATE, "2018-02-30"),
    (Field.BIRTH_DATE, "02/03/1970"),
    (Field.BIRTH_DATE, "1899-12-31"),
    (Field.BIRTH_DATE, "2999-01-01"),
    (Field.BIRTH_DATE, "infinity"),
    (Field.BIRTH_DATE, "today"),
    (Field.BIRTH_DATE, "0000"),
    (Field.SEX, "Nam"),
    (Field.SEX, "m"),
    (Field.ID_NO, "12345678"),
    (Field.ID_NO, FULL_WIDTH[:9]),
    (Field.ADDRESS, "y" * 301),
    (Field.INITIAL_CARE, "\n"),
]


@pytest.mark.parametrize(
    ("name", "value"), BAD_VALUES, ids=lambda value: str(value)[:24].encode("unicode_escape")
)
def test_a_value_that_is_not_one_for_its_field_is_an_outcome_and_is_written_down(
    office: Office, name: Field, value: object
) -> None:
    lent = office.lend("tkhctt_cjt_dml", fields=ALL)
    before = row_of(office, MAI)
    with office.login(lent) as session:
        done = desk.correct_holder(session, MAI, {name: value}, "bad")  # type: ignore[dict-item]
    assert done.outcome is Outcome.BAD_INPUT
    assert office.acts(lent.lease_id) == [("holder:correct", "bad_input")]
    assert row_of(office, MAI) == before


@pytest.mark.parametrize("value", ["1972-02-29", "1900-01-01", "1950"])
def test_edge_dates_are_taken(office: Office, value: str) -> None:
    with office.login(office.lend("tkhctt_cjt_dml", fields=ALL)) as session:
        assert desk.correct_holder(session, MAI, {Field.BIRTH_DATE: value}, value).outcome is Outcome.OK
        assert desk.view_holder(session, MAI).birth_date == value
        desk.correct_holder(session, MAI, {Field.BIRTH_DATE: "1970-03-02"}, f"back-{value}")


def test_sql_in_a_free_text_is_text(office: Office) -> None:
    sql = "Thôn 1'; DELETE FROM bhyt.participant; --"
    with office.login(office.lend("tkhctt_cjt_dml", fields=ALL)) as session:
        assert desk.correct_holder(session, MAI, {Field.ADDRESS: sql}, "sql-1").outcome is Outcome.OK
        assert desk.view_holder(session, MAI).address == sql
        desk.correct_holder(session, MAI, {Field.ADDRESS: "Thôn 1, xã Đắk Lao"}, "sql-2")


@pytest.mark.parametrize("changes", ["[]", "{}", "null", "7", '"full_name"', '[{"full_name": "A"}]'])
def test_changes_of_the_wrong_shape_are_an_outcome(office: Office, changes: str) -> None:
    lent = office.lend("tkhctt_cjt_dml", fields=ALL)
    with office.login(lent) as session:
        query = "SELECT outcome FROM bhyt.correct_holder(%s, %s::jsonb, 'shape')"
        assert session.execute(query, (MAI, changes)).fetchone() == ("bad_input",)
    assert office.acts(lent.lease_id) == [("holder:correct", "bad_input")]


LONG = "9" * 10_240
HOSTILE = [
    None,
    "",
    "679900000",
    "67990000011",
    LONG,
    " 6799000001",
    "6799000001\n",
    "' OR '1'='1",
    FULL_WIDTH,
]


@pytest.mark.parametrize("number", HOSTILE, ids=lambda value: ascii(value)[:20])
def test_a_number_of_the_wrong_form_is_an_outcome_in_every_function(
    office: Office, number: str | None
) -> None:
    card, holder = office.lend("tkcl_cjt_dml"), office.lend("tkhctt_cjt_dml", fields=ALL)
    calls = {
        card: (
            "SELECT outcome FROM bhyt.view_reissue(%s)",
            "SELECT outcome FROM bhyt.reissue_card(%s, 'MAT', '67A0000001', 'k')",
        ),
        holder: (
            "SELECT outcome FROM bhyt.view_holder(%s)",
            "SELECT outcome FROM bhyt.correct_holder(%s, '{\"sex\": \"F\"}', 'k')",
        ),
    }
    for lent, functions in calls.items():
        with office.login(lent) as session:
            for function in functions:
                assert session.execute(function, (number,)).fetchone() == ("bad_input",)
        assert [outcome for _, outcome in office.acts(lent.lease_id)] == ["bad_input"] * 2


@pytest.mark.parametrize(
    ("reason", "blank", "idem"),
    [
        ("LOST", "67A0000001", "k"),
        (None, "67A0000001", "k"),
        ("MAT", None, "k"),
        ("MAT", "", "k"),
        ("MAT", "67A'--", "k"),
        ("MAT", LONG, "k"),
        ("MAT", "67A0000001", None),
        ("MAT", "67A0000001", ""),
        ("MAT", "67A0000001", LONG),
        ("MAT", "67A0000001", "two words"),
        ("'; DROP TABLE x; --", "67A0000001", "k"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a_reissue_with_bad_words_is_an_outcome_and_is_written_down(
    office: Office, reason: str | None, blank: str | None, idem: str | None
) -> None:
    lent = office.lend()
    with office.login(lent) as session:
        row = session.execute(
            "SELECT outcome FROM bhyt.reissue_card(%s, %s, %s, %s)", (MAI, reason, blank, idem)
        ).fetchone()
    assert row == ("bad_input",)
    assert office.acts(lent.lease_id) == [("card:reissue", "bad_input")]


def test_S31_a_reissue_before_the_network_was_cut_is_found_by_its_key(office: Office) -> None:
    lent = office.lend()
    session = office.login(lent)
    blank = serial()
    done = desk.reissue_card(session, MAI, LOST, blank, "cut-1")
    session.close()  # the answer never arrived
    with office.login(lent) as again:
        found = desk.reissue_card(again, MAI, LOST, blank, "cut-1")
    assert (found.reissue_id, found.already) == (done.reissue_id, True)


def test_S31_nothing_is_changed_when_the_session_dies_before_its_commit(office: Office) -> None:
    lent = office.lend(subject=DUC)
    session = office.login(lent)
    session.execute("BEGIN")
    assert desk.reissue_card(session, DUC, LOST, serial(), "never").outcome is Outcome.OK
    office.close(lent)
    row = office.admin.execute("SELECT count(*) FROM bhyt.reissue WHERE idem = 'never'").fetchone()
    assert row == (0,)


def test_by_key_only_the_database_never_scans_the_people(office: Office) -> None:
    """With 95,000 people a call must not get slower: every plan goes through a key."""
    lent = office.lend()
    office.admin.execute("SELECT pg_stat_reset_single_table_counters('bhyt.participant'::regclass)")
    with psycopg.connect(office.dsn(lent), autocommit=True) as session:
        session.execute("SET enable_seqscan = off")  # so small a table would be scanned for a good reason
        desk.view_reissue(session, MAI)
        desk.reissue_card(session, MAI, LOST, serial(), "scan")
    until = time.monotonic() + 10
    scans = (0, 0)
    while scans[1] < 2 and time.monotonic() < until:  # counters arrive when the session has ended
        scans = office.admin.execute(
            "SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relid = 'bhyt.participant'::regclass"
        ).fetchone()
    assert scans[0] == 0
    assert scans[1] >= 2
