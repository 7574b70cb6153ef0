"""How long a lease runs and when it may be renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.leases import (
    DEFAULT_PERIOD,
    HOLDS_ACCOUNT,
    HOLDS_OFFICER,
    LONGEST,
    OVER,
    EndReason,
    LeaseState,
    NotRenewable,
    Term,
)

OPENED = datetime(2018, 4, 24, 0, 44, tzinfo=UTC)  # 07:44 in the province


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def test_S30_a_lease_runs_fifteen_minutes_and_no_longer_when_more_is_asked() -> None:
    assert Term.start(OPENED, minutes(15), None).expires == OPENED + minutes(15)
    assert Term.start(OPENED, minutes(60), None).expires == OPENED + minutes(15)
    assert Term.start(OPENED, minutes(5), None).expires == OPENED + minutes(5)


def test_S30_one_renewal_gives_fifteen_minutes_from_then_and_a_second_is_refused() -> None:
    term = Term.start(OPENED, minutes(15), None).renewed(OPENED + minutes(10))
    assert term.expires == OPENED + minutes(25)
    with pytest.raises(NotRenewable) as refused:
        term.renewed(OPENED + minutes(20))
    assert refused.value.why == "already_renewed"


@pytest.mark.parametrize("late", [minutes(15), minutes(15.01), minutes(600)])
def test_S30_nothing_is_renewed_once_it_has_ended(late: timedelta) -> None:
    with pytest.raises(NotRenewable) as refused:
        Term.start(OPENED, minutes(15), None).renewed(OPENED + late)
    assert refused.value.why == "over"


def test_S34_a_lease_ends_at_closing_time_and_a_renewal_cannot_carry_it_past() -> None:
    closing = OPENED + minutes(12)
    term = Term.start(OPENED, minutes(15), closing)
    assert term.expires == term.limit == closing
    with pytest.raises(NotRenewable) as refused:
        term.renewed(OPENED + minutes(11))
    assert refused.value.why == "nothing_to_gain"


def test_a_renewal_in_the_same_minute_that_gains_nothing_is_refused() -> None:
    with pytest.raises(NotRenewable) as refused:
        Term.start(OPENED, minutes(15), None).renewed(OPENED)
    assert refused.value.why == "nothing_to_gain"


@given(
    period=st.integers(1, 10_000).map(lambda s: timedelta(seconds=s)),
    closing=st.none() | st.integers(0, 20_000).map(lambda s: OPENED + timedelta(seconds=s)),
    moments=st.lists(st.integers(0, 8_000).map(lambda s: OPENED + timedelta(seconds=s)), max_size=5),
)
def test_S30_however_it_is_renewed_a_lease_stays_within_its_limits(
    period: timedelta, closing: datetime | None, moments: list[datetime]
) -> None:
    term = Term.start(OPENED, period, closing)
    renewals = 0
    for moment in sorted(moments):
        try:
            longer = term.renewed(moment)
        except NotRenewable:
            continue
        assert longer.expires > term.expires
        assert longer.expires <= moment + DEFAULT_PERIOD
        term, renewals = longer, renewals + 1
    assert renewals <= 1
    assert term.expires <= term.limit <= OPENED + LONGEST
    assert closing is None or term.expires <= closing
    assert term.opened == OPENED


def test_no_state_is_both_over_and_holding() -> None:
    assert OVER.isdisjoint(HOLDS_ACCOUNT | HOLDS_OFFICER)
    assert set(LeaseState) == OVER | HOLDS_ACCOUNT | HOLDS_OFFICER


def test_S27_a_queued_lease_holds_its_officer_but_not_the_account_and_a_closing_one_the_reverse() -> None:
    assert LeaseState.QUEUED in HOLDS_OFFICER - HOLDS_ACCOUNT
    assert LeaseState.CLOSING in HOLDS_ACCOUNT - HOLDS_OFFICER


def test_a_lease_ends_in_one_of_four_ways() -> None:
    assert set(EndReason) == {"returned", "expired", "revoked", "abandoned"}
