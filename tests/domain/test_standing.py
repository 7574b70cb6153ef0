"""The standing rule of a custodian: officer, day, hour, number (A4)."""

from __future__ import annotations

from datetime import datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.calendar import Span
from accessctl.domain.standing import BadRule, StandingRule

MONDAY = datetime(2018, 4, 23, 8, 0)
MORNING = Span(time(7, 30), time(11, 30))
AFTERNOON = Span(time(13, 0), time(16, 30))


def test_A4_a_rule_that_says_nothing_lets_everybody_at_any_time():
    assert StandingRule().objection(1, MONDAY) is None
    assert not StandingRule().exhausted(10_000)


def test_A4_officer_day_and_hour_are_named_in_this_order():
    rule = StandingRule(frozenset({1}), frozenset({1, 2}), (MORNING, AFTERNOON))
    assert rule.objection(1, MONDAY) is None
    assert rule.objection(2, MONDAY) == "officer"
    assert rule.objection(1, MONDAY.replace(day=28)) == "day"
    assert rule.objection(1, MONDAY.replace(hour=12)) == "hours"
    assert rule.objection(2, MONDAY.replace(day=28, hour=12)) == "officer"


def test_A4_an_hour_holds_from_its_first_minute_and_not_at_its_last():
    rule = StandingRule(spans=(MORNING,))
    assert rule.objection(1, MONDAY.replace(hour=7, minute=30)) is None
    assert rule.objection(1, MONDAY.replace(hour=11, minute=29, second=59)) is None
    assert rule.objection(1, MONDAY.replace(hour=11, minute=30)) == "hours"
    assert rule.objection(1, MONDAY.replace(hour=7, minute=29, second=59)) == "hours"


@pytest.mark.parametrize(("used", "over"), [(0, False), (2, False), (3, True), (4, True)])
def test_A4_the_most_per_day_is_the_last_that_is_given(used: int, over: bool):
    assert StandingRule(per_day=3).exhausted(used) is over


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"days": frozenset()}, "days"),
        ({"days": frozenset({0})}, "days"),
        ({"days": frozenset({8})}, "days"),
        ({"officers": frozenset()}, "officers"),
        ({"per_day": 0}, "per_day"),
        ({"per_day": 501}, "per_day"),
        ({"spans": (Span(time(9), time(9)),)}, "hours"),
        ({"spans": (Span(time(9), time(8)),)}, "hours"),
        ({"spans": (AFTERNOON, MORNING)}, "hours"),
        ({"spans": (MORNING, Span(time(11), time(12)))}, "hours"),
        ({"spans": tuple(Span(time(h), time(h, 30)) for h in range(5))}, "hours"),
    ],
)
def test_A4_a_rule_that_cannot_be_kept_is_not_made(words: dict[str, object], why: str):
    with pytest.raises(BadRule) as raised:
        StandingRule(**words)  # type: ignore[arg-type]
    assert raised.value.why == why


@given(
    officers=st.none() | st.frozensets(st.integers(1, 99), min_size=1),
    days=st.frozensets(st.integers(1, 7), min_size=1),
    per_day=st.none() | st.integers(1, 500),
    spans=st.sampled_from([(), (MORNING,), (MORNING, AFTERNOON)]),
)
def test_A4_what_is_kept_comes_back_the_same(officers, days, per_day, spans):
    rule = StandingRule(officers, days, spans, per_day)
    assert StandingRule.stored(rule.kept()) == rule
