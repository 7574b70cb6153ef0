"""The attacks of audit.md §4 on an exported bundle, by an attacker without and with the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.entry import encode
from audit.note import Signer
from audit.policy import WitnessPolicy
from audit.report import Code, Report
from audit.verify import verify_bundle

FORGED = encode({"event": "lease.checkout", "actor": "người khác"})
Lines = list[bytes]


def edit(lines: Lines) -> Lines:
    return [*lines[:321], FORGED, *lines[322:]]


def delete(lines: Lines) -> Lines:
    return lines[:321] + lines[322:]


def swap(lines: Lines) -> Lines:
    return [*lines[:321], lines[322], lines[321], *lines[323:]]


def insert(lines: Lines) -> Lines:
    return [*lines[:321], FORGED, *lines[321:]]


INSIDE = pytest.mark.parametrize("attack", [edit, delete, swap, insert])


def codes(report: Report) -> set[Code]:
    return {item.code for item in report.problems}


def trusted(bundle: Path, log: Any, **options: Any) -> Report:
    """Verify as an outsider who holds the real key."""
    return verify_bundle(bundle, keys=[log.signer.verifier_key], **options)


def test_S52_an_untouched_bundle_is_intact_with_and_without_an_anchor(bundle: Path, log: Any) -> None:
    assert trusted(bundle, log).intact is True
    report = trusted(bundle, log, checkpoints=log.notes)
    assert (report.intact, report.size, report.anchored, report.checkpoints) == (True, 620, 620, 13)
    assert (report.problems, report.blockers) == ((), ())


@INSIDE
def test_S52_a_change_inside_the_bodies_is_found_at_its_index(
    attack: Callable[[Lines], Lines], bundle: Path, tamper: Callable[..., None]
) -> None:
    tamper(bundle, attack)
    report = verify_bundle(bundle)
    assert (report.intact, report.first_bad) == (False, 321)
    assert {Code.RECORD_CHANGED, Code.SUM_MISMATCH} <= codes(report)


@INSIDE
def test_S52_a_right_hash_file_over_forged_bodies_helps_nobody(
    attack: Callable[[Lines], Lines],
    bundle: Path,
    tamper: Callable[..., None],
    reseal: Callable[[Path], None],
) -> None:
    tamper(bundle, attack)
    reseal(bundle)
    report = verify_bundle(bundle)
    assert (report.intact, report.first_bad) == (False, 321)
    assert Code.SUM_MISMATCH not in codes(report)


@INSIDE
def test_S52_with_every_stored_hash_forged_the_signed_roots_still_tell_the_range(
    attack: Callable[[Lines], Lines], bundle: Path, log: Any, forge: Callable[..., Path]
) -> None:
    report = verify_bundle(forge(bundle, attack(log.leaves)))
    assert (report.intact, report.first_bad, report.bad_range) == (False, None, (300, 349))
    assert Code.RANGE_CHANGED in codes(report)


def test_S52_a_record_added_behind_the_last_checkpoint_is_found(
    bundle: Path, log: Any, forge: Callable[..., Path]
) -> None:
    report = verify_bundle(forge(bundle, [*log.leaves, FORGED]))
    assert (report.intact, report.first_bad) == (False, 620)
    assert codes(report) == {Code.TAIL_UNCOVERED}


def test_S52_a_deleted_tail_is_found_while_its_checkpoint_is_there(
    bundle: Path, log: Any, forge: Callable[..., Path]
) -> None:
    report = verify_bundle(forge(bundle, log.leaves[:600]))
    assert (report.intact, report.first_bad) == (False, 600)
    assert Code.TAIL_MISSING in codes(report)


def test_S52_a_deleted_tail_is_located_by_the_tiles_between_two_checkpoints(
    bundle: Path, tamper: Callable[..., None], reseal: Callable[[Path], None]
) -> None:
    tamper(bundle, lambda lines: lines[:611])
    reseal(bundle)
    report = verify_bundle(bundle)
    assert (report.intact, report.first_bad) == (False, 611)


def restored(log: Any, make_log: Callable[..., Any], folder: Path) -> Path:
    """An old backup: fewer records under genuine older checkpoints."""
    return Path(make_log(400, signer=log.signer, leaves=log.leaves[:400]).write(folder))


def test_S52_a_restored_backup_is_seen_only_with_an_outside_checkpoint(
    log: Any, make_log: Callable[..., Any], tmp_path: Path
) -> None:
    folder = restored(log, make_log, tmp_path / "old")
    alone = trusted(folder, log)
    assert alone.intact is True
    assert Code.NO_ANCHOR in {item.code for item in alone.unchecked}
    report = trusted(folder, log, checkpoints=[log.notes[-1]])
    assert report.intact is False
    assert codes(report) == {Code.ANCHOR_ROLLBACK}
    older = trusted(folder, log, checkpoints=[log.notes[3]])
    assert older.intact is True
    assert [i.details["index"] for i in older.unchecked if i.code is Code.ANCHOR_PARTIAL] == [200]


@pytest.mark.parametrize("keep", [0, 1, 40, 5000, 40_000])
def test_S52_a_truncated_export_is_found_wherever_it_ends(keep: int, bundle: Path) -> None:
    path = bundle / "events.jsonl"
    data = path.read_bytes()
    path.write_bytes(data[:keep])
    report = verify_bundle(bundle)
    whole = data[:keep].count(b"\n")
    assert (report.intact, report.first_bad) == (False, whole)
    assert {Code.TAIL_MISSING, Code.SUM_MISMATCH} <= codes(report)


def test_S52_an_export_cut_by_its_last_newline_is_found(bundle: Path, reseal: Callable[[Path], None]) -> None:
    path = bundle / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    reseal(bundle)
    assert Code.RECORD_CUT in codes(verify_bundle(bundle))


def test_S52_a_rewrite_without_the_key_fails_at_the_signature(
    bundle: Path, log: Any, forge: Callable[..., Path]
) -> None:
    thief = Signer.generate(log.signer.name)
    forged = forge(bundle, edit(log.leaves), signer=thief)
    report = trusted(forged, log)
    assert report.intact is False
    assert codes(report) == {Code.CHECKPOINT_KEY}
    anchored = verify_bundle(forged, checkpoints=[log.notes[-1]])  # no key at hand, only an old checkpoint
    assert anchored.intact is False
    assert codes(anchored) == {Code.ANCHOR_FORK}


def test_S52_a_signature_that_does_not_fit_is_named(bundle: Path, reseal: Callable[[Path], None]) -> None:
    path = bundle / "checkpoints/000000000300.note"
    lines = path.read_text("utf-8").split("\n")
    lines[2] = "A" * 43 + "="
    path.write_text("\n".join(lines), "utf-8")
    reseal(bundle)
    report = verify_bundle(bundle)
    assert report.intact is False
    assert [item.details["name"] for item in report.problems] == ["checkpoints/000000000300.note"]


def test_S52_a_rewrite_with_the_key_is_seen_only_with_an_outside_checkpoint(
    bundle: Path, log: Any, forge: Callable[..., Path]
) -> None:
    forged = forge(bundle, edit(log.leaves), signer=log.signer)
    alone = trusted(forged, log)
    assert alone.intact is True  # the honest limit; the report says so
    assert Code.NO_ANCHOR in {item.code for item in alone.unchecked}
    report = trusted(forged, log, checkpoints=log.notes)
    assert (report.intact, report.bad_range) == (False, (300, 349))
    assert Code.ANCHOR_FORK in codes(report)
    # The rewritten bundle's own checkpoints agree with it and must not narrow the range.
    assert trusted(forged, log, checkpoints=[log.notes[1], log.notes[-1]]).bad_range == (100, 619)


def test_S52_a_rewrite_with_the_key_does_not_get_the_witnesses(
    make_log: Callable[..., Any], witness: Signer, forge: Callable[..., Path], tmp_path: Path
) -> None:
    log = make_log(120, witnesses=(witness,))
    policy = WitnessPolicy.k_of_n(1, [witness.verifier]).text
    bundle = log.write(tmp_path / "b")
    assert trusted(bundle, log, policy=policy).intact is True
    assert trusted(bundle, log, policy=policy).witnessed == 120
    forged = forge(bundle, [FORGED, *log.leaves[1:]], signer=log.signer)
    report = trusted(forged, log, policy=policy)
    assert report.intact is False
    assert codes(report) == {Code.QUORUM}


def test_S52_two_signed_trees_of_one_size_are_a_fork(
    bundle: Path, log: Any, make_log: Callable[..., Any], reseal: Callable[[Path], None]
) -> None:
    other = make_log(620, signer=log.signer, leaves=edit(log.leaves))
    (bundle / "checkpoint").write_text(other.notes[-1], "utf-8")
    reseal(bundle)
    report = verify_bundle(bundle)
    assert report.intact is False
    assert Code.CHECKPOINT_FORK in codes(report)


def test_stored_hashes_are_never_believed(bundle: Path, reseal: Callable[[Path], None]) -> None:
    tile = bundle / "tile/0/001"
    data = tile.read_bytes()
    tile.write_bytes(data[:64] + bytes(32) + data[96:])
    reseal(bundle)
    report = verify_bundle(bundle)
    assert report.intact is False
    assert [(item.code, item.details["name"]) for item in report.problems] == [
        (Code.TILE_DAMAGED, "tile/0/001")
    ]
    assert report.first_bad is None


def test_a_forged_proof_file_is_named(bundle: Path, reseal: Callable[[Path], None]) -> None:
    path = bundle / "proofs/299.tlog-proof"
    path.write_text(path.read_text("utf-8").replace("index 299", "index 298"), "utf-8")
    (bundle / "proofs/1.tlog-proof").write_text("rác", "utf-8")
    reseal(bundle)
    report = verify_bundle(bundle)
    assert [item.code for item in report.problems] == [Code.PROOF_INVALID] * 2


def test_a_changed_paper_of_the_bundle_is_named(bundle: Path) -> None:
    (bundle / "README.vi.md").write_text("Không cần kiểm tra.", "utf-8")
    assert codes(verify_bundle(bundle)) == {Code.SUM_MISMATCH}
