"""The words of the notices: every kind in both languages with the same facts, and the roles as the pages call them."""

from __future__ import annotations

import unicodedata

from babel.messages.pofile import read_po

from accessctl.domain.notices import NoticeGroup, NoticeKind, kinds_in
from accessctl.services import notice_words
from accessctl.services.notice_words import placeholders, texts
from accessctl.web import display
from tests.common.each import of_each

CATALOGUE = "accessctl/web/translations/en/LC_MESSAGES/messages.po"


@of_each("kind", list(NoticeKind))
def test_every_kind_has_words_in_both_languages_with_the_same_facts(kind: NoticeKind) -> None:
    vi, en = (texts()["kind"][kind.value][language] for language in ("vi", "en"))
    assert set(vi) == set(en) == {"label", "title", "text"}
    for part in ("label", "title", "text"):
        assert placeholders(vi[part]) == placeholders(en[part])
        assert vi[part] != en[part]
        assert unicodedata.is_normalized("NFC", vi[part])
    assert not placeholders(vi["label"])


def test_there_are_words_for_nothing_else() -> None:
    assert set(texts()["kind"]) == {kind.value for kind in NoticeKind}
    assert set(texts()["group"]) == {group.value for group in NoticeGroup}
    assert [kind for group in NoticeGroup for kind in kinds_in(group)] == list(NoticeKind)
    for word in texts()["word"].values():
        assert placeholders(word["vi"]) == placeholders(word["en"])


def test_no_fact_is_a_reason_that_a_person_typed() -> None:
    named = {
        name
        for kind in texts()["kind"].values()
        for part in ("title", "text")
        for name in placeholders(kind["vi"][part])
    }
    assert named.isdisjoint({"reason", "why", "note", "subject", "decision_no", "details"})


def test_roles_are_called_as_on_the_pages() -> None:
    with open(CATALOGUE, "rb") as file:
        english = {message.id: message.string for message in read_po(file)}
    said = texts()["role"]
    assert set(said) == set(display.ROLES)
    for role, words in display.ROLES.items():
        vietnamese = words._args[0]
        assert said[role] == {"vi": vietnamese, "en": english[vietnamese]}, role


def test_a_kind_that_is_fixed_comes_at_once_and_concerns_those_who_can_meet_with_it() -> None:
    for kind in NoticeKind:
        assert not kind.fixed or kind.usual == "now"
    assert {kind for kind in NoticeKind if kind.fixed} == {
        NoticeKind.FINDING_SEVERE,
        NoticeKind.ACCOUNT_QUARANTINED,
        NoticeKind.PASSWORD_CHANGED,
        NoticeKind.RESET_ISSUED,
        NoticeKind.RESET_DONE,
    }
    assert NoticeKind.RESET_ISSUED.concerns(())
    assert not NoticeKind.UNLOCK_ASKED.concerns(())


def test_a_missing_fact_shows_as_an_ellipsis_and_never_fails() -> None:
    said = texts()["kind"]["checkout"]["vi"]["title"]
    assert said.format_map(notice_words._Facts({"officer": "A"})) == "A nhận sử dụng …"
