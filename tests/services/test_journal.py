"""Reading the log: what stands in it, who sees which part, how it is searched (S03, S04, S17, S54)."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from accessctl.domain.events import Event, failed, label
from accessctl.errors import Refused, catalogue
from accessctl.services import desk, journal, leasing
from accessctl.services.control import transaction
from accessctl.services.journal import PAGE, JournalPage, JournalQuery, JournalRow
from tests.common.evidence import collect, collect_rows, custodian_of
from tests.common.world import World

ACCOUNT, HOLDER = "TKCL-CJT-DML", "cjt.the1"


def search(world: World, username: str, **words: object) -> JournalPage:
    """What this person finds."""
    world.settle()
    with transaction(world.rt) as session:
        return journal.search(world.rt, session, world.actor(username), JournalQuery(**words))  # type: ignore[arg-type]


def everything(world: World, username: str, **words: object) -> list[JournalRow]:
    """What this person finds on all pages, newest first."""
    page = search(world, username, **words)
    rows = list(page.rows)
    while page.older is not None:
        page = search(world, username, **words, before=page.older)
        rows += page.rows
    return rows


def a_story(world: World) -> str:
    """One lease of a client that views, tries another person and a table, and goes; its id."""
    lease = world.lend(HOLDER, ACCOUNT)
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        for subject in (world.request(ACCOUNT).subject, world.request(ACCOUNT, n=4).subject):
            client.execute("SELECT bhyt.view_reissue(%s)", (subject,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            client.execute("SELECT * FROM bhyt.participant")
    leasing.close_lease(world.rt, world.actor(HOLDER), lease.lease)
    collect(world, "DML")
    return lease.lease


def test_S03_a_lease_reads_as_a_story_with_its_refusals_in_words(world: World) -> None:
    lease = a_story(world)
    rows = search(world, "vpt.ktra1", lease=lease).rows
    story = [(row.event, row.outcome, row.reason) for row in reversed(rows)]
    assert ("db.denied", "db.42501") in [(event, reason) for event, _, reason in story]
    for wanted in (
        ("lease.requested", "ok", None),
        ("lease.checkout", "ok", None),
        ("db.login", "ok", None),
        ("reissue.viewed", "ok", None),
        ("reissue.viewed.failed", "failed", "act.wrong_subject"),
        ("lease.closed", "ok", None),
    ):
        assert wanted in story
    assert story.index(("lease.requested", "ok", None)) < story.index(("lease.checkout", "ok", None))
    for row in rows:
        assert row.event_label_vi
        assert row.event_label_en
        assert row.event_label_vi != row.event_label_en
        if row.reason:
            assert row.reason in catalogue(), "every reason has its words"
        assert row.dossier == "CJT-2018-000001/CLT"


def test_S04_S17_an_act_that_the_database_refused_stands_in_the_journal_with_its_outcome(
    world: World,
) -> None:
    lease = world.lend("cjt.thu1", "TKHCTT-CJT-DML", client=False, n=2)
    desk.correct_holder(world.rt, world.actor("cjt.thu1"), lease.lease, {"full_name": "Y Bluê Niê"})
    found = search(world, "vpt.ktra1", event="holder.corrected")
    assert [(row.event, row.outcome, row.reason) for row in found.rows] == [
        ("holder.corrected.failed", "failed", "act.not_bhyt_only"),
        ("holder.corrected", "intent", None),
    ]


def test_a_refused_request_is_seen_by_the_own_custodian_and_not_by_the_other(world: World) -> None:
    with pytest.raises(Refused):
        leasing.open_lease(world.rt, world.actor(HOLDER), world.request(ACCOUNT, dossier="x"))
    custodian, other = custodian_of(world, "CJT", "TKCL"), custodian_of(world, "CJT", "TKHCTT")
    assert [row.reason for row in search(world, custodian, event="lease.denied").rows] == [
        "lease.dossier_malformed"
    ]
    assert search(world, other, event="lease.denied").rows == ()


def test_who_sees_which_part_of_the_log(world: World) -> None:
    lease = a_story(world)
    auditor = len(everything(world, "vpt.ktra1"))
    assert auditor == len(world.records())
    for username in ("vpt.gd", "vpt.pgd"):
        assert len(everything(world, username)) == auditor
    for username in ("cjt.gd", "dml.gd"):  # guest and host both answer
        assert len(search(world, username, lease=lease).rows) > 5
    assert search(world, "gng.gd", lease=lease).rows == ()
    assert search(world, HOLDER, lease=lease).rows, "one's own doings"
    if custodian_of(world, "CJT", "TKCL") != "cjt.the2":
        assert search(world, "cjt.the2", lease=lease).rows == ()
    assert search(world, "cjt.tn1", lease=lease).rows == ()


def test_S54_it_sees_technical_events_but_no_dossier(world: World) -> None:
    a_story(world)
    rows = search(world, "vpt.cntt1").rows
    assert rows
    assert {row.dossier for row in rows if row.actor != "vpt.cntt1"} == {None}
    assert search(world, "vpt.cntt1", dossier="CJT-2018-000001/CLT").rows == ()


def test_the_log_is_searched_by_person_without_diacritics_account_dossier_office_and_time(
    world: World,
) -> None:
    lease = a_story(world)
    holder = world.actor(HOLDER)
    other = world.lend("gng.the1", "TKCL-GNG-DML", number=2)
    plain = holder.full_name.replace("ị", "i").replace("ọ", "o").replace("ệ", "e").replace("Đ", "D").lower()
    for words in (
        {"person": holder.full_name},
        {"person": plain},
        {"person": HOLDER},
        {"account": ACCOUNT.lower()},
        {"dossier": "cjt-2018-000001/clt"},
        {"lease": lease.upper()},
    ):
        rows = search(world, "vpt.ktra1", **words).rows
        assert lease in {row.lease for row in rows}, words
        assert other.lease not in {row.lease for row in rows}, words
    assert search(world, "vpt.ktra1", office="GNG", lease=other.lease).rows
    assert search(world, "vpt.ktra1", office="TDC", lease=other.lease).rows == ()
    now = world.now()
    assert search(world, "vpt.ktra1", since=now + timedelta(hours=1)).rows == ()
    assert search(world, "vpt.ktra1", until=now - timedelta(days=1)).rows == ()


def test_words_that_are_sql_patterns_or_enormous_find_nothing_and_break_nothing(world: World) -> None:
    a_story(world)
    for text in ("%", "_", "'; DROP TABLE audit_log; --", "x" * 10_000, "\\"):
        for name in ("person", "account", "dossier", "lease", "event"):
            assert search(world, "vpt.ktra1", **{name: text}).rows == (), (name, text)
    assert search(world, "vpt.ktra1").rows


def test_pages_are_newest_first_and_every_record_stands_on_one_of_them(world: World) -> None:
    rows = everything(world, "vpt.ktra1")
    places = [row.index for row in rows]
    assert places == list(range(len(places)))[::-1]
    assert len(places) > 2 * PAGE


def test_turning_back_shows_the_same_pages_and_ends_at_the_newest(world: World) -> None:
    first = search(world, "vpt.ktra1")
    second = search(world, "vpt.ktra1", before=first.older)
    third = search(world, "vpt.ktra1", before=second.older)
    assert first.newer is None
    assert search(world, "vpt.ktra1", after=third.newer) == second
    back = search(world, "vpt.ktra1", after=second.newer)
    assert (back.rows, back.newer) == (first.rows, None)


@pytest.mark.parametrize(
    "words", [{"before": 0}, {"before": -5}, {"before": 2**40}, {"after": 2**40}, {"after": -1}]
)
def test_a_cursor_that_leads_nowhere_breaks_nothing(world: World, words: dict[str, int]) -> None:
    page = search(world, "vpt.ktra1", **words)
    assert len(page.rows) in (0, PAGE)


def test_every_event_and_its_failed_twin_has_words_in_both_languages() -> None:
    for event in Event:
        for tag in (event.value, failed(event)):
            vietnamese, english = label(tag, "vi"), label(tag, "en")
            assert vietnamese
            assert english
            assert vietnamese != english, tag


def test_the_search_index_can_be_lost_and_made_anew_from_the_log_alone(world: World) -> None:
    lease = a_story(world)
    before = search(world, "vpt.ktra1", lease=lease)
    with world.admin_control() as admin:
        admin.execute("TRUNCATE audit_index")
    assert search(world, "vpt.ktra1", lease=lease) == before


def test_what_the_desk_did_and_what_a_client_did_read_alike(world: World) -> None:
    at_desk = world.lend("cjt.the2", "TKCL-CJT-GNG", client=False, number=3)
    desk.view_reissue(world.rt, world.actor("cjt.the2"), at_desk.lease)
    client = world.lend(HOLDER, ACCOUNT)
    assert client.dsn is not None
    with psycopg.connect(client.dsn, autocommit=True) as session:
        session.execute("SELECT bhyt.view_reissue(%s)", (world.request(ACCOUNT).subject,))
    collect_rows(world, "DML", "GNG")
    for lease in (at_desk, client):
        rows = [
            row
            for row in search(world, "vpt.ktra1", lease=lease.lease, event="reissue.viewed").rows
            if row.outcome == "ok"
        ]
        assert [(row.actor, row.account, row.dossier, row.host) for row in rows] == [
            (lease.holder, lease.account, lease.dossier, lease.host)
        ]
