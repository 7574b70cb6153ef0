"""What an account may do in a database: frozen for TKCL and TKHCTT, and mapped to exactly four functions."""

from __future__ import annotations

import csv
from collections.abc import Callable
from itertools import product
from pathlib import Path

import casbin
import pytest

from accessctl.access.loader import PolicyBroken, default_folder, load
from accessctl.access.wanted import FunctionRight, wanted_functions, wanted_rights
from accessctl.domain.accounts import Kind
from accessctl.domain.permissions import Permission

Spoil = Callable[..., None]
FROZEN = Path(__file__).parent / "frozen_dbaccount.csv"
REISSUE = {"bhyt.reissue_card(text,text,text,text)", "bhyt.view_reissue(text)"}
CORRECT = {"bhyt.correct_holder(text,jsonb,text)", "bhyt.view_holder(text)"}


def test_S03_S04_R13_R14_the_rights_of_TKCL_and_TKHCTT_are_frozen() -> None:
    """A change of these rights must edit `frozen_dbaccount.csv` in plain sight."""
    with FROZEN.open(encoding="utf-8", newline="") as file:
        frozen = list(csv.DictReader(file))
    assert [row["permission"] for row in frozen] == list(Permission)
    for kind in ("TKCL", "TKHCTT"):
        allowed = {row["permission"] for row in frozen if row[kind] == "allow"}
        assert {row[kind] for row in frozen} == {"allow", "never"}
        assert set(wanted_rights(kind)) == allowed


@pytest.mark.parametrize(
    ("kind", "functions"),
    [("TKCL", REISSUE), ("TKHCTT", CORRECT), ("LOCAL_CL", REISSUE), ("LOCAL_HC", CORRECT)],
)
def test_each_kind_wants_exactly_its_two_functions(kind: str, functions: set[str]) -> None:
    assert {str(right) for right in wanted_functions(kind)} == functions
    assert wanted_functions(Kind(kind)) == wanted_functions(kind)
    assert all(
        isinstance(right, FunctionRight) and right.schema == "bhyt" for right in wanted_functions(kind)
    )


@pytest.mark.parametrize("kind", ["", "*", "tkcl", "TKCL ", "TKCL,TKHCTT", "public", "x" * 10_000])
def test_an_unknown_kind_of_account_is_refused(kind: str) -> None:
    with pytest.raises(PolicyBroken):
        wanted_functions(kind)


def test_the_rights_equal_casbin_on_the_file_as_casbin_reads_it_hostile_words_included() -> None:
    folder = default_folder()
    whole = casbin.Enforcer(str(folder / "dbaccount.model.conf"), str(folder / "dbaccount.policy.csv"))
    held = {(kind.value, right.value) for kind in Kind for right in wanted_rights(kind)}
    words = ("", "*", "None", "allow", "class:business", "card:*", "Đ", "x" * 10_000)
    kinds, permissions = [*(kind.value for kind in Kind), *words], [*(p.value for p in Permission), *words]
    for kind, permission in product(kinds, permissions):
        assert whole.enforce(kind, permission) == ((kind, permission) in held)


def test_a_deny_line_takes_the_function_away(folder: Path, spoil: Spoil) -> None:
    file = "dbaccount.policy.csv"
    spoil("p, TKCL,     card:reissue,   allow", "p, TKCL,     card:reissue,   deny", file=file)
    assert {str(right) for right in wanted_functions("TKCL", load(folder))} == {"bhyt.view_reissue(text)"}


def test_an_office_with_its_own_schema_changes_only_the_map(folder: Path, spoil: Spoil) -> None:
    spoil("bhyt.view_holder(text)", "sms.holder_by_key(text,integer)", file="grants.toml", recount=False)
    assert FunctionRight("sms", "holder_by_key", ("text", "integer")) in wanted_functions(
        "TKHCTT", load(folder)
    )
