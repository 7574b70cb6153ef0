"""The linter: all faults of a folder at once, and what a usable policy says too little, too much or twice."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from accessctl.access.guards import FROZEN, MUST_DENY
from accessctl.access.lint import MOST, Remark, Severity, lint
from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, FILES, LABELS, OBJECTS, default_folder, load
from accessctl.access.questions import SIZE, at, questions, reach
from accessctl.domain.accounts import Kind
from tests.policies.test_loader import CHANGES

Spoil = Callable[..., None]
GUARD = "p, it_admin,         any,     any-office,  class:business,          any-case,       deny\n"
CARD = "p, card,             any,     any-office,  card:reissue,            servable-case,  allow\n"


def errors(folder: Path) -> list[Remark]:
    found = lint(folder)
    assert found.sound == (not [r for r in found.remarks if r.severity is Severity.ERROR])
    return [remark for remark in found.remarks if remark.severity is Severity.ERROR]


def codes(folder: Path, *, but: str = "guard_in_reserve") -> list[str]:
    return [remark.code for remark in lint(folder).remarks if remark.code != but]


def test_the_policy_of_the_repository_has_neither_errors_nor_warnings() -> None:
    found = lint()
    assert found.sound
    assert {(r.severity, r.code) for r in found.remarks} <= {(Severity.NOTE, "guard_in_reserve")}
    assert found.policy == load()


@pytest.mark.parametrize(("old", "new", "code"), CHANGES.values(), ids=CHANGES.keys())
def test_whatever_the_loader_refuses_is_told_with_file_line_and_reason_in_both_languages(
    folder: Path, spoil: Spoil, old: str, new: str, code: str
) -> None:
    text = (folder / CONSOLE_RULES).read_text(encoding="utf-8")
    spoil(old, new)
    told = [remark for remark in errors(folder) if remark.code == code]
    assert told
    assert told[0].file == CONSOLE_RULES
    assert told[0].vi != told[0].en
    assert told[0].detail
    if told[0].line is not None:
        first = text[: text.index(old)].count("\n") + 1
        assert told[0].line in range(first, first + new.count("\n") + 1)
        assert told[0].text


def test_several_faults_in_several_files_are_told_at_once(folder: Path, spoil: Spoil) -> None:
    spoil(GUARD, GUARD.replace("deny", "Deny"), recount=False)
    spoil(CARD, CARD.replace("card,", "cards,"), recount=False)
    spoil("TKHCTT,   holder:view,    allow", "TKX, holder:view, allow", file=ACCOUNT_RULES)
    spoil("EXECUTE bhyt.view_holder(text)", "SELECT bhyt.participant", file=OBJECTS, recount=False)
    spoil('vi = "Mất thẻ", ', "", file=LABELS, recount=False)
    (folder / "more.toml").write_text("x = 1\n", encoding="utf-8")
    found = errors(folder)
    assert {(remark.code, remark.file) for remark in found} == {
        ("unknown_effect", CONSOLE_RULES), ("unknown_role", CONSOLE_RULES), ("unknown_kind", ACCOUNT_RULES),
        ("bad_object", OBJECTS), ("labels_incomplete", LABELS), ("unknown_file", "more.toml"),
    }  # fmt: skip
    assert all(remark.line for remark in found if remark.code != "unknown_file")


def test_what_lies_between_two_files_is_told_too(folder: Path, spoil: Spoil) -> None:
    spoil("[objects]", '[objects]\n"blank:use" = ["EXECUTE bhyt.use(text)"]', file=OBJECTS, recount=False)
    told = errors(folder)
    assert [(remark.code, remark.file, remark.line) for remark in told] == [
        ("object_without_permission", OBJECTS, 4)
    ]


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_and_a_missing_folder_are_told(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert ("no_file", file) in {(remark.code, remark.file) for remark in errors(folder)}
    shutil.rmtree(folder)
    assert [remark.code for remark in errors(folder)] == ["no_folder"]


def test_a_file_of_rubbish_is_told_in_bounds(folder: Path) -> None:
    (folder / CONSOLE_RULES).write_bytes(b"\xff\x00 rubbish *\n" * 5000)
    assert 1 <= len(errors(folder)) <= MOST


@pytest.mark.parametrize("rule", MUST_DENY, ids=lambda rule: f"{rule.sub} {rule.perm} {rule.case}")
def test_a_guard_of_the_specification_that_is_taken_out_is_an_error(folder: Path, rule: object) -> None:
    path = folder / CONSOLE_RULES
    kept, allow, deny = [], 0, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        values = [value.strip() for value in line.split(",")]
        if values[0] == "p" and values[-1] == "deny" and values[1] == rule.sub:  # type: ignore[attr-defined]
            continue
        if values[0] == "p":
            allow, deny = allow + (values[-1] == "allow"), deny + (values[-1] == "deny")
        kept.append(line)
    kept[-1] = f"# end of policy: {allow} allow, {deny} deny, 182 words"
    path.write_text("\n".join([*kept, ""]), encoding="utf-8")
    lost = [remark for remark in errors(folder) if remark.code == "guard_lost"]
    assert any(f"p, {rule.sub}, any, any-office, {rule.perm}, {rule.case}" in remark.vi for remark in lost)  # type: ignore[attr-defined]


def test_a_line_that_others_cover_and_one_that_a_guard_always_beats_are_told_with_their_number(
    folder: Path, spoil: Spoil
) -> None:
    covered = CARD.replace("any,     any-office", "own,     any-office")
    beaten = "p, auditor,          any,     any-office,  blank:use,               none,           allow\n"
    spoil(CARD, CARD + covered + beaten)
    lines = (folder / CONSOLE_RULES).read_text(encoding="utf-8").splitlines(keepends=True)
    told = {(r.code, r.line) for r in lint(folder).remarks if r.severity is Severity.WARNING}
    assert told == {
        ("line_covered", lines.index(covered) + 1),
        ("line_always_denied", lines.index(beaten) + 1),
    }


def test_a_guard_that_another_guard_covers_is_told(folder: Path, spoil: Spoil) -> None:
    spoil(GUARD, GUARD + GUARD.replace("class:business,", "card:reissue,  "))
    assert codes(folder) == ["line_covered"]


def test_a_line_for_cases_of_an_empty_group_can_never_be_reached(folder: Path) -> None:
    path = folder / CONSOLE_RULES
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not (line.startswith("g2") and line.endswith("servable-case"))]
    kept[-1] = kept[-1].replace("182 words", "178 words")
    path.write_text("\n".join([*kept, ""]), encoding="utf-8")
    told = [remark for remark in lint(folder).remarks if remark.code == "line_unreachable"]
    assert len(told) == sum("servable-case," in line for line in lines)


def test_a_permission_that_nobody_has_and_a_role_without_a_line_are_told(folder: Path, spoil: Spoil) -> None:
    spoil("p, director,         any,     any-office,  waiver:grant,            not-self,       allow\n", "")
    spoil("p, finance_viewer,   own,     any-office,  report:view,             any-case,       allow\n", "")
    assert sorted(codes(folder)) == ["permission_of_nobody", "role_without_line"]


def test_a_change_of_what_TKCL_may_do_in_a_database_is_told(folder: Path, spoil: Spoil) -> None:
    spoil("p, TKCL,     reissue:view,   allow", "p, TKCL,     holder:view,    allow", file=ACCOUNT_RULES)
    told = [remark for remark in lint(folder).remarks if remark.code == "frozen_changed"]
    assert [remark.severity for remark in told] == [Severity.WARNING]
    assert "holder:view, reissue:view" in told[0].vi


def test_what_is_frozen_here_is_what_the_frozen_file_says() -> None:
    with (Path(__file__).parent / "frozen_dbaccount.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for kind in (Kind.TKCL, Kind.TKHCTT):
        assert FROZEN[kind] == {row["permission"] for row in rows if row[kind] == "allow"}
    assert (FROZEN[Kind.LOCAL_CL], FROZEN[Kind.LOCAL_HC]) == (FROZEN[Kind.TKCL], FROZEN[Kind.TKHCTT])


def test_the_questions_have_one_place_each_and_a_line_reaches_what_it_says() -> None:
    every = list(questions())
    assert [at(*question) for question in every] == list(range(SIZE))
    policy = load()
    rule = next(r for r in policy.rules if r.perm == "lease:open.tkcl" and r.eft == "allow")
    reached = [question for place, question in enumerate(every) if reach(policy, rule) >> place & 1]
    assert {question[:2] for question in reached} == {(False, False), (False, True)}
    assert {question[2] for question in reached} == {"lease:open.tkcl"}
    assert {question[3] for question in reached} == {"none", "lost", "damaged", "info_bhyt_only"}


def test_the_linter_says_nothing_of_the_shipped_folder_that_is_not_in_it() -> None:
    for remark in lint(default_folder()).remarks:
        assert remark.file in FILES
        assert remark.line
        assert remark.text.startswith("p, ")
