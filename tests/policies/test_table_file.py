"""The compiled table on disk: the same answers, and never trusted when anything about it is wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accessctl.access import table_file
from accessctl.access.enforcer import Gate, Subject, TableFile
from accessctl.access.loader import CONSOLE_RULES, load
from accessctl.access.questions import SIZE, questions
from accessctl.access.table import Table
from accessctl.domain.permissions import Role

pytestmark = pytest.mark.xdist_group("policies")
OFFICES = frozenset({"VPT", "CJT", "DML"})
SETS = [frozenset[str](), frozenset({Role.CARD}), frozenset({Role.UNIT_HEAD, Role.CUSTODIAN_TKCL})]
CLERK = Subject("an", frozenset({Role.CARD}), "CJT")
KEY = b"k" * 32


@pytest.fixture(scope="module")
def made() -> Table:
    """A table that Casbin has answered whole for three role sets."""
    table = Table(load())
    assert table.warm(SETS) == len(SETS) * SIZE
    return table


@pytest.fixture
def kept(tmp_path: Path, made: Table) -> TableFile:
    file = TableFile(tmp_path / "cache" / "policy-table.json", KEY)
    assert file.save(made)
    return file


def resealed(kept: TableFile, change: Callable[[dict[str, Any]], None]) -> None:
    """What somebody who has the key as well could write."""
    said = json.loads(kept.path.read_bytes().partition(b"\n")[2])
    change(said)
    body = json.dumps(said).encode()
    kept.path.write_bytes(kept._seal(body) + b"\n" + body)


def test_the_answers_from_disk_are_those_of_casbin_every_one(kept: TableFile, made: Table) -> None:
    read = TableFile(kept.path, KEY).load(load())
    assert read is not None
    for roles in SETS:
        assert read.holds(roles)
        for question in questions():
            assert read.find(roles, *question) == made.find(roles, *question)


def test_it_is_read_in_well_under_a_twentieth_of_a_second(kept: TableFile) -> None:
    policy = load()
    kept.load(policy)
    began = time.perf_counter()
    assert kept.load(policy) is not None
    assert time.perf_counter() - began < 0.05


def test_the_file_and_its_folder_are_private_to_their_owner_and_it_is_plain_json(kept: TableFile) -> None:
    assert kept.path.stat().st_mode & 0o777 == 0o600
    assert kept.path.parent.stat().st_mode & 0o777 == 0o700
    seal, _, body = kept.path.read_bytes().partition(b"\n")
    assert len(seal) == 64
    assert set(json.loads(body)) == {"format", "policy", "program", "rows"}
    assert [path.name for path in kept.path.parent.iterdir()] == ["policy-table.json"]


def spoil_byte(kept: TableFile) -> None:
    data = bytearray(kept.path.read_bytes())
    data[len(data) // 2] ^= 1
    kept.path.write_bytes(bytes(data))


def cut(kept: TableFile) -> None:
    kept.path.write_bytes(kept.path.read_bytes()[:-100])


def empty(kept: TableFile) -> None:
    kept.path.write_bytes(b"")


def open_to_others(kept: TableFile) -> None:
    kept.path.chmod(0o644)


def open_folder(kept: TableFile) -> None:
    kept.path.parent.chmod(0o770)


def another_key(kept: TableFile) -> None:
    body = kept.path.read_bytes().partition(b"\n")[2]
    kept.path.write_bytes(hmac.new(b"x" * 32, body, hashlib.sha256).hexdigest().encode() + b"\n" + body)


def a_link(kept: TableFile) -> None:
    real = kept.path.with_name("elsewhere")
    kept.path.rename(real)
    kept.path.symlink_to(real)


def gone(kept: TableFile) -> None:
    kept.path.unlink()


def allow_everything(kept: TableFile) -> None:
    line = next(rule.line for rule in load().rules if rule.eft == "allow")
    resealed(kept, lambda said: [row.__setitem__(1, [line] * SIZE) for row in said["rows"]])


def turn_a_guard(kept: TableFile) -> None:
    line = next(r.line for r in load().rules if r.eft == "deny" and r.sub == "officer")
    resealed(kept, lambda said: [row.__setitem__(1, [line] * SIZE) for row in said["rows"]])


def an_unknown_role(kept: TableFile) -> None:
    resealed(kept, lambda said: said["rows"].append([["root"], [0] * SIZE]))


def too_short(kept: TableFile) -> None:
    resealed(kept, lambda said: [row.__setitem__(1, row[1][:-1]) for row in said["rows"]])


def no_rows(kept: TableFile) -> None:
    resealed(kept, lambda said: said.pop("rows"))


def another_policy(kept: TableFile) -> None:
    resealed(kept, lambda said: said.update(policy="0" * 64))


def another_program(kept: TableFile) -> None:
    resealed(kept, lambda said: said.update(program="0" * 64))


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (spoil_byte, "forged"), (cut, "forged"), (empty, "forged"), (another_key, "forged"),
        (open_to_others, "not_private"), (open_folder, "not_private"), (a_link, "missing"), (gone, "missing"),
        (allow_everything, "odd"), (turn_a_guard, "odd"), (an_unknown_role, "odd"), (too_short, "odd"),
        (no_rows, "odd"), (another_policy, "stale"), (another_program, "stale"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)  # fmt: skip
def test_a_file_with_anything_wrong_about_it_is_not_used_and_made_anew(
    kept: TableFile, damage: Callable[[TableFile], None], why: str
) -> None:
    damage(kept)
    gate = Gate(None, OFFICES, kept=TableFile(kept.path, KEY))
    assert gate._kept is not None
    assert gate._kept.refused == why
    assert gate.table is not None
    assert not any(gate.table.holds(roles) for roles in SETS), "nothing was taken from it"
    assert gate.decide(CLERK, "lease:open.tkcl", "DML", case="lost").allowed
    assert not gate.decide(CLERK, "waiver:grant", "CJT").allowed


def test_what_was_refused_is_written_anew_and_serves_the_next_start(kept: TableFile) -> None:
    spoil_byte(kept)
    first = Gate(None, OFFICES, kept=TableFile(kept.path, KEY))
    assert first.compile([frozenset({Role.CARD})]) == SIZE
    second = Gate(None, OFFICES, kept=TableFile(kept.path, KEY))
    assert second.table is not None
    assert second.table.holds(frozenset({Role.CARD}))
    before = kept.path.stat().st_mtime_ns
    assert second.compile([frozenset({Role.CARD})]) == SIZE
    assert kept.path.stat().st_mtime_ns == before, "nothing was missing"


def test_a_changed_policy_takes_nothing_from_the_file_of_the_old_one(
    kept: TableFile, folder: Path, spoil: Callable[..., None]
) -> None:
    spoil("p, card,             foreign, any-office,  lease:open.tkcl,         servable-case,  allow\n", "")
    gate = Gate(folder, OFFICES, kept=TableFile(kept.path, KEY))
    assert gate._kept is not None
    assert gate._kept.refused == "stale"
    assert gate.decide(CLERK, "lease:open.tkcl", "DML", case="lost").reason == "no_rule"
    assert (folder / CONSOLE_RULES).exists()


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, made: Table) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert not TableFile(tmp_path / "file" / "policy-table.json", KEY).save(made)
    wide = tmp_path / "wide"
    wide.mkdir()
    wide.chmod(0o777)
    assert not TableFile(wide / "policy-table.json", KEY).save(made)
    assert not list(wide.iterdir())


def test_the_digest_of_the_program_covers_every_file_that_makes_answers() -> None:
    here = Path(table_file.__file__).parent
    names_only = {"labels.py", "objects.py"}  # what words are called, and the databases' side
    for name in table_file._PROGRAM:
        imported = re.findall(
            r"^from accessctl\.access\.(\w+) import", (here / name).read_text("utf-8"), re.MULTILINE
        )
        assert {f"{module}.py" for module in imported} <= names_only | set(table_file._PROGRAM), name
