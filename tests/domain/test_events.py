"""The closed vocabulary of the audit log and its words."""

from __future__ import annotations

import re
import unicodedata

import pytest

from accessctl.domain.events import TAGS, Event, failed, label, parse
from tests.common.each import of_each

# domain.md §8.1 and issue 2, expanded by hand; a tag may be added to the enum but none of these may go.
SPECIFIED = """
auth.login auth.logout auth.lockout session.ended officer.added officer.transferred officer.left
role.proposed role.approved role.granted role.revoked officedb.installed key.rotated account.provisioned
account.activated account.suspended account.locked account.unlocked account.rotated account.quarantined
account.released account.retired custodian.proposed custodian.assigned custodian.acknowledged
custodian.substituted custodian.ended custodian.waived contactlist.published contactlist.read
lease.requested lease.queued lease.cancelled lease.denied lease.checkout lease.revealed lease.renewed
lease.closing lease.closed rule.changed approval.asked approval.given approval.used db.login db.logout
db.login_failed db.refused db.denied db.unexplained_login reissue.viewed holder.viewed holder.corrected
card.reissued card.printed card.misprinted card.delivered dossier.looked_up dossier.rerouted
dossier.withdrawn dossier.received dossier.refused dossier.referred dossier.sent dossier.confirmed
dossier.step dossier.hold dossier.resumed dossier.closed dossier.archived c02.opened c02.answered c02.late
blank.received blank.reserved blank.used blank.spoiled blank.decreased blank.settled recall.expected
recall.checked recall.confirmed recall.mismatch ims.account.created ims.account.disabled hours.window
duty.due duty.done duty.overdue policy.proposed policy.approved policy.applied policy.drift policy.repaired
audit.verified audit.exported audit.anchor report.issued report.stated report.countersigned report.noted
finding.raised finding.annotated finding.handled province.applied policy.broken audit.sequencer_late
access.denied
""".split()  # noqa: SIM905  a hundred quotation marks would hide the words


def test_every_event_of_the_specification_is_in_the_vocabulary() -> None:
    assert set(SPECIFIED) <= set(Event)


@pytest.mark.parametrize("family", ["token", "mfa", "office", "incident", "feedback", "waiver"])
def test_families_named_with_a_star_are_expanded(family: str) -> None:
    assert [event for event in Event if event.source == family]


@of_each("event", list(Event))
def test_an_event_has_a_tidy_tag_and_words_in_both_languages(event: Event) -> None:
    assert re.fullmatch(r"[a-z0-9]+(\.[a-z_]+)+", event.value)
    assert not event.endswith(".failed")
    assert event.name == event.upper().replace(".", "_")
    for words in (event.vi, event.en):
        assert words == words.strip() != ""
        assert unicodedata.is_normalized("NFC", words)
    assert event.vi != event.en


def test_no_two_events_have_the_same_words() -> None:
    assert len({event.vi for event in Event}) == len(Event)
    assert len({event.en for event in Event}) == len(Event)


@of_each("event", list(Event))
def test_every_event_has_a_failed_twin_that_reads_back_and_says_so(event: Event) -> None:
    assert parse(event) == (event, False)
    assert parse(failed(event)) == (event, True)
    assert label(event) == event.vi
    assert label(failed(event)) == f"{event.vi} (không thành công)"
    assert label(failed(event), "en") == f"{event.en} (unsuccessful)"


def test_the_vocabulary_is_closed() -> None:
    assert len(TAGS) == 2 * len(Event)
    for tag in ("lease", "lease.stolen", "lease.checkout.failed.failed", "", ".failed", "LEASE.CHECKOUT"):
        assert tag not in TAGS
        with pytest.raises(ValueError, match="is not a valid Event"):
            parse(tag)


def test_S54_what_it_may_read_is_about_systems_and_never_about_dossiers_or_participants() -> None:
    technical = {event.source for event in Event if event.technical}
    assert technical.isdisjoint(
        {"dossier", "reissue", "holder", "card", "lease", "c02", "blank", "recall", "report", "approval"}
    )
    assert {"account", "db", "officedb", "auth", "policy", "audit", "incident"} <= technical
