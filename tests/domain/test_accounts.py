"""Which accounts exist, what they are called, which states follow which."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessctl.domain.accounts import (
    AccountName,
    AccountState,
    BadAccountName,
    Kind,
    local_pool,
    may_move,
    shared_accounts,
)
from accessctl.domain.permissions import Permission

NINE = ("VPT", "GNG", "DGL", "CJT", "DML", "KNO", "DSG", "DRL", "TDC")

codes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)


def test_S01_nine_offices_give_seventy_two_accounts_of_each_kind_and_none_to_itself() -> None:
    accounts = shared_accounts(NINE)
    assert Counter(a.kind for a in accounts) == {Kind.TKCL: 72, Kind.TKHCTT: 72}
    assert all(a.guest != a.host for a in accounts)
    assert len({a.role for a in accounts}) == 144


def test_S01_each_office_has_eight_of_a_kind_as_guest_and_eight_as_host() -> None:
    accounts = shared_accounts(NINE)
    as_guest = Counter((a.kind, a.guest) for a in accounts)
    as_host = Counter((a.kind, a.host) for a in accounts)
    assert as_guest == as_host == {(kind, o): 8 for kind in (Kind.TKCL, Kind.TKHCTT) for o in NINE}


@given(st.sets(codes, max_size=7))
def test_S01_any_number_of_offices_gives_every_ordered_pair_once_per_kind(offices: set[str]) -> None:
    n = len(offices)
    accounts = shared_accounts(offices)
    assert len(set(accounts)) == len(accounts) == 2 * n * (n - 1)
    assert shared_accounts(sorted(offices, reverse=True)) == accounts


def test_a_local_pool_is_numbered_from_one_in_both_local_kinds() -> None:
    assert [str(a) for a in local_pool("CJT", 2)] == [
        "LOCAL_CL-CJT-01",
        "LOCAL_CL-CJT-02",
        "LOCAL_HC-CJT-01",
        "LOCAL_HC-CJT-02",
    ]
    assert local_pool("CJT", 0) == []
    assert not any(a.kind.shared for a in local_pool("CJT", 3))


def test_a_name_is_its_role_in_lower_case() -> None:
    assert AccountName(Kind.TKCL, "CJT", "DML").role == "tkcl_cjt_dml"
    assert AccountName(Kind.LOCAL_HC, "CJT", "CJT", 3).role == "local_hc_cjt_03"


@given(st.sampled_from(Kind), codes, codes, st.integers(1, 99))
def test_every_name_that_can_be_built_reads_back_as_itself(kind: Kind, a: str, b: str, number: int) -> None:
    if kind.shared and a == b:
        return
    name = AccountName(kind, a, b) if kind.shared else AccountName(kind, a, a, number)
    assert AccountName.parse(str(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TKCL-CJT-CJT",
        "tkcl-cjt-dml",
        "TKCL-CJT-DML ",
        "TKCL-CJT-DML\n",
        "TKCL-CJT",
        "TKCL-CJT-DML-01",
        "LOCAL_CL-CJT-00",
        "LOCAL_CL-CJT-1",
        "LOCAL_CL-CJT-DML",
        "TKCL-CJT-ĐML",
        "TKCL-CJT-DML'; DROP ROLE x; --",
        "LOCAL_CL-CJT-١٢",
        "x" * 10_000,
    ],
)
def test_what_is_not_a_name_is_refused(text: str) -> None:
    with pytest.raises(BadAccountName) as refused:
        AccountName.parse(text)
    assert len(str(refused.value)) <= 60


@pytest.mark.parametrize(
    ("kind", "guest", "host", "number"),
    [
        (Kind.TKCL, "CJT", "CJT", None),
        (Kind.TKHCTT, "CJT", "DML", 1),
        (Kind.LOCAL_CL, "CJT", "DML", 1),
        (Kind.LOCAL_CL, "CJT", "CJT", None),
        (Kind.LOCAL_CL, "CJT", "CJT", 0),
        (Kind.LOCAL_HC, "CJT", "CJT", 100),
    ],
)
def test_impossible_accounts_cannot_be_built(kind: Kind, guest: str, host: str, number: int | None) -> None:
    with pytest.raises(BadAccountName):
        AccountName(kind, guest, host, number)


def test_R13_R14_a_kind_says_what_it_is_for_and_what_borrowing_it_asks() -> None:
    assert {k: (k.shared, k.corrects, k.group, k.open_permission) for k in Kind} == {
        Kind.TKCL: (True, False, "tkcl", Permission.LEASE_OPEN_TKCL),
        Kind.TKHCTT: (True, True, "tkhctt", Permission.LEASE_OPEN_TKHCTT),
        Kind.LOCAL_CL: (False, False, "local_cl", Permission.LEASE_OPEN_LOCAL),
        Kind.LOCAL_HC: (False, True, "local_hc", Permission.LEASE_OPEN_LOCAL),
    }


def test_a_retired_account_never_comes_back_and_every_other_can_be_retired() -> None:
    for state in AccountState:
        assert not may_move(AccountState.RETIRED, state)
        assert may_move(state, AccountState.RETIRED) == (state is not AccountState.RETIRED)


def test_states_move_as_the_state_machine_says() -> None:
    living = [s for s in AccountState if s is not AccountState.RETIRED]
    moves = {(a, b) for a, b in product(living, living) if may_move(a, b)}
    assert all(a is not b for a, b in moves)
    assert not any(b is AccountState.PROVISIONED for _, b in moves)
    for state in living:
        if state is not AccountState.QUARANTINED:
            assert (state, AccountState.QUARANTINED) in moves
    assert {(AccountState.LOCKED, AccountState.ACTIVE), (AccountState.ACTIVE, AccountState.LOCKED)} <= moves
    assert (AccountState.SUSPENDED, AccountState.ACTIVE) in moves
