"""Every trap of policy.md §1, by name: what Casbin makes of it, and that here it is refused or cannot happen."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import casbin
import pytest

from accessctl.access import engine
from accessctl.access.enforcer import Gate, Subject
from accessctl.access.lint import Severity, lint
from accessctl.access.loader import CONSOLE_RULES, PolicyBroken, load
from accessctl.domain.permissions import Role

MODEL = """
[request_definition]
r = sub, perm
[policy_definition]
p = sub, perm, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.sub == p.sub && r.perm == p.perm
"""
AUDITOR = b"p, auditor,          any,     any-office,  class:change,            any-case,       deny\n"
CARD = b"p, card,             foreign, any-office,  lease:open.tkcl,         servable-case,  allow\n"


def by_casbin(tmp_path: Path, rules: bytes) -> casbin.Enforcer:
    """Casbin on a small policy file, read by its own adapter."""
    (tmp_path / "model.conf").write_text(MODEL, encoding="utf-8")
    (tmp_path / "rules.csv").write_bytes(rules)
    return casbin.Enforcer(str(tmp_path / "model.conf"), str(tmp_path / "rules.csv"))


def refused(folder: Path, old: bytes, new: bytes, code: str) -> None:
    """The loader refuses the changed file, and the linter names the fault with its file and line."""
    path = folder / CONSOLE_RULES
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))
    with pytest.raises(PolicyBroken) as caught:
        load(folder)
    assert caught.value.code == code
    told = [(r.code, r.file, r.line) for r in lint(folder).remarks if r.severity is Severity.ERROR]
    assert (code, CONSOLE_RULES, caught.value.line or None) in told


def test_a_byte_order_mark_loses_the_first_line(tmp_path: Path, folder: Path) -> None:
    rules = b"p, an, log:view, deny\np, an, log:view, allow\n"
    assert not by_casbin(tmp_path, rules).enforce("an", "log:view")
    assert by_casbin(tmp_path, b"\xef\xbb\xbf" + rules).enforce("an", "log:view"), "the deny was lost"
    refused(folder, b"# Ch", b"\xef\xbb\xbf# Ch", "byte_order_mark")


def test_deny_with_a_capital_is_skipped_in_silence(tmp_path: Path, folder: Path) -> None:
    assert by_casbin(tmp_path, b"p, an, log:view, Deny\np, an, log:view, allow\n").enforce("an", "log:view")
    refused(folder, AUDITOR, AUDITOR.replace(b"deny", b"Deny"), "unknown_effect")


def test_an_unknown_type_of_line_is_skipped_in_silence(tmp_path: Path, folder: Path) -> None:
    assert by_casbin(tmp_path, b"d, an, log:view, deny\np, an, log:view, allow\n").enforce("an", "log:view")
    refused(folder, AUDITOR, AUDITOR.replace(b"p,", b"d,"), "unknown_type")


def test_a_wrong_number_of_values_is_noticed_only_when_the_line_is_reached(
    tmp_path: Path, folder: Path
) -> None:
    late = by_casbin(tmp_path, b"p, an, log:view, allow\np, binh, log:view\n")  # does not complain here
    with pytest.raises(Exception, match=r"."):
        late.enforce("binh", "log:view")
    refused(folder, AUDITOR, AUDITOR.replace(b" any-case,", b""), "wrong_arity")


def test_a_note_after_a_rule_becomes_part_of_its_value(tmp_path: Path, folder: Path) -> None:
    rules = b"p, an, log:view, deny # since April\np, an, log:view, allow\n"
    assert by_casbin(tmp_path, rules).enforce("an", "log:view"), "the deny is no deny any more"
    refused(folder, AUDITOR, AUDITOR.replace(b"deny", b"deny # since April"), "trailing_comment")


def test_a_second_effect_is_ignored_so_only_the_proven_models_are_accepted(folder: Path) -> None:
    path = folder / "console.model.conf"
    path.write_bytes(
        path.read_bytes().replace(b"[matchers]", b"e2 = some(where (p.eft == allow))\n\n[matchers]")
    )
    with pytest.raises(PolicyBroken, match="unknown_model"):
        load(folder)
    assert [r.code for r in lint(folder).remarks if r.severity is Severity.ERROR] == ["unknown_model"]


def test_the_fast_enforcer_which_skips_denies_is_not_used_and_wildcards_are_refused(folder: Path) -> None:
    made = engine.ConsoleEngine(load(), frozenset({"card"}))
    assert not isinstance(made._enforcer, casbin.FastEnforcer)
    assert type(made._enforcer).__mro__[1] is casbin.Enforcer
    refused(folder, CARD, CARD.replace(b"servable-case", b"*"), "wildcard")


def test_a_policy_read_beside_readers_is_a_new_table_and_one_reference_swapped(folder: Path) -> None:
    gate = Gate(folder, {"CJT", "DML"})
    before = gate.table
    assert before is not None
    rules = before.policy.rules
    path = folder / CONSOLE_RULES
    path.write_bytes(path.read_bytes().replace(b"# Ch", b"# ch", 1))
    gate.refresh()
    assert gate.table is not before
    assert before.policy.rules is rules, "who still reads the old one reads it whole"


def test_an_empty_policy_allows_an_empty_request(tmp_path: Path, folder: Path) -> None:
    model = MODEL.replace("r.perm == p.perm", "r.perm == p.perm && r.sub == p.eft")
    (tmp_path / "model.conf").write_text(
        model.replace(" && !some(where (p.eft == deny))", ""), encoding="utf-8"
    )
    assert casbin.Enforcer(str(tmp_path / "model.conf")).enforce("", "")
    gate = Gate(folder, {"", "CJT"})
    for path in folder.iterdir():
        path.write_bytes(b"")
    gate.refresh()
    assert not gate.decide(Subject("", frozenset(), ""), "", "", case="").allowed
    assert not Gate(folder, {""}).decide(Subject("an", frozenset(), ""), "", "", case="").allowed


def test_names_that_were_asked_about_are_remembered_for_ever() -> None:
    gate = Gate(offices={"CJT", "DML"})
    for number in range(50):
        subject = Subject(f"nobody-{number}", frozenset({Role.CARD}), "CJT")
        assert gate.decide(subject, "lease:open.tkcl", "DML", case="lost").allowed
        assert not gate.decide(subject, f"nobody-{number}", "DML", case="lost").allowed
        assert not gate.decide(subject, "lease:open.tkcl", "DML", case=f"nobody-{number}").allowed
    assert gate.table is not None
    engines = gate.table._engines.values()
    assert engines
    assert "nobody" not in "".join(_names(engine._enforcer) for engine in engines)
    spoiled = next(iter(engines))._enforcer
    spoiled.enforce("an", "an-office", "an-office", "nobody-51", "lost")
    assert "nobody-51" in _names(spoiled), "Casbin itself does"


def _names(enforcer: casbin.Enforcer) -> str:
    """Every name that Casbin's role managers hold, wherever they keep it."""
    found = []
    for manager in enforcer.rm_map.values():
        for inside in (manager, *getattr(manager, "rm_map", {}).values()):
            found += [repr(value) for value in vars(inside).values()]
    return " ".join(found)


def test_the_old_distribution_of_casbin_is_not_installed_beside_the_new_one() -> None:
    names = {(found.metadata["Name"] or "").lower() for found in importlib.metadata.distributions()}
    assert "pycasbin" in names
    assert not names & {"casbin", "casbin-sqlalchemy-adapter"}
