"""Verdicts that are not about an attack: what cannot be told, what was not checked, and the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit import bundle as layout
from audit.__main__ import main
from audit.checkpoint import sign_checkpoint
from audit.merkle import EMPTY_ROOT
from audit.note import Signer
from audit.policy import WitnessPolicy
from audit.report import MESSAGES, Code, Finding
from audit.verify import verify_bundle

ROOT = Path(__file__).parents[2]


def blockers(folder: Path, **options: Any) -> set[Code]:
    report = verify_bundle(folder, **options)
    assert report.intact is None
    assert report.exit_code == 2
    return {item.code for item in report.blockers}


def skipped(folder: Path, **options: Any) -> set[Code]:
    report = verify_bundle(folder, **options)
    assert report.intact is True
    return {item.code for item in report.unchecked}


@pytest.mark.parametrize(
    "name",
    [
        "events.jsonl",
        "SHA256SUMS",
        "bundle.json",
        "verifier-key",
        "witness-policy",
        "tile/0/001",
        "README.vi.md",
    ],
)
def test_without_a_file_of_the_bundle_nothing_can_be_told(name: str, bundle: Path) -> None:
    (bundle / name).unlink()
    assert blockers(bundle) & {Code.FILE_MISSING, Code.INPUT_UNREADABLE}


def test_without_any_checkpoint_nothing_can_be_told(
    log: Any, tmp_path: Path, reseal: Callable[[Path], None]
) -> None:
    log.notes = []
    assert blockers(log.write(tmp_path / "b")) == {Code.NO_CHECKPOINT}


def test_with_a_key_of_another_log_nothing_can_be_told(bundle: Path) -> None:
    found = blockers(bundle, keys=[Signer.generate("accessctl/other/2026").verifier_key])
    assert {Code.UNKNOWN_KEY, Code.NO_CHECKPOINT} <= found


@pytest.mark.parametrize("folder", ["nowhere", "file"])
def test_a_folder_that_is_no_bundle_cannot_be_judged(folder: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    assert Code.FILE_MISSING in blockers(tmp_path / folder)


def test_an_outside_checkpoint_of_another_log_or_with_a_wrong_signature_is_no_anchor(
    bundle: Path, log: Any
) -> None:
    other = sign_checkpoint(Signer.generate("accessctl/other/2026"), "accessctl/other/2026", 1, EMPTY_ROOT)
    forged = log.notes[0].replace("\n50\n", "\n51\n")
    found = blockers(bundle, checkpoints={"a": other, "b": forged, "c": "rác"})
    assert found == {Code.ANCHOR_OTHER_LOG, Code.ANCHOR_SIGNATURE, Code.INPUT_UNREADABLE}


def test_an_outside_checkpoint_of_size_zero_proves_nothing_and_is_said_to(bundle: Path, log: Any) -> None:
    empty = sign_checkpoint(log.signer, log.signer.name, 0, EMPTY_ROOT)
    assert {Code.ANCHOR_EMPTY, Code.ANCHOR_PARTIAL} <= skipped(bundle, checkpoints=[empty])


def test_an_outside_checkpoint_under_an_unknown_key_counts_by_its_root(
    bundle: Path, log: Any, make_log: Callable[..., Any]
) -> None:
    same = make_log(620, signer=Signer.generate(log.signer.name))
    assert Code.ANCHOR_KEY in skipped(bundle, checkpoints=[same.notes[2]])


def test_a_rotated_key_is_known_beside_the_new_one(
    log: Any, make_log: Callable[..., Any], tmp_path: Path
) -> None:
    new = Signer.generate(log.signer.name)
    later = make_log(620, signer=new)
    log.notes[6:] = later.notes[6:]
    both = f"{log.signer.verifier_key}\n{new.verifier_key}\n"
    folder = log.write(tmp_path / "b")
    assert verify_bundle(folder, keys=[both]).intact is True
    assert verify_bundle(folder).intact is False  # the new key was not published with the bundle


def test_what_was_not_checked_is_said(bundle: Path) -> None:
    (bundle / "extra.txt").write_text("x", "utf-8")
    expected = {
        Code.NO_ANCHOR,
        Code.KEY_FROM_BUNDLE,
        Code.POLICY_FROM_BUNDLE,
        Code.NO_WITNESS,
        Code.FORM_UNCHECKED,
        Code.UNLISTED,
    }
    assert skipped(bundle) == expected


def test_with_everything_from_outside_nothing_is_left_unchecked(
    make_log: Callable[..., Any], witness: Signer, tmp_path: Path
) -> None:
    log = make_log(120, witnesses=(witness,))
    report = verify_bundle(
        log.write(tmp_path / "b"),
        checkpoints=[log.notes[-1]],
        keys=[log.signer.verifier_key],
        policy=WitnessPolicy.k_of_n(1, [witness.verifier]).text,
        records=True,
    )
    assert (report.intact, report.unchecked) == (True, ())


def test_waiting_records_and_missing_tiles_are_told(
    log: Any, tmp_path: Path, reseal: Callable[[Path], None]
) -> None:
    folder = log.write(tmp_path / "b", unsequenced=3)
    (folder / "tile/0/001").unlink()
    reseal(folder)
    report = verify_bundle(folder)
    told = {item.code: item.details for item in report.unchecked}
    assert told[Code.UNSEQUENCED] == {"count": 3}
    assert told[Code.TILES_MISSING] == {"count": 1}


def test_the_part_that_no_witness_has_seen_is_told(
    make_log: Callable[..., Any], witness: Signer, tmp_path: Path
) -> None:
    log = make_log(120, witnesses=(witness,))
    log.notes[-1] = "".join(
        line for line in log.notes[-1].splitlines(keepends=True) if witness.name not in line
    )
    report = verify_bundle(log.write(tmp_path / "b"))
    assert (report.intact, report.witnessed) == (True, 100)
    assert Finding(Code.NOT_WITNESSED, {"index": 100}) in report.unchecked


def test_a_wrong_cosignature_of_a_known_witness_is_a_problem(
    make_log: Callable[..., Any], witness: Signer, tmp_path: Path
) -> None:
    log = make_log(120, witnesses=(witness,))
    line = log.notes[0].splitlines()[-1]
    log.notes[-1] = "\n".join([*log.notes[-1].splitlines()[:-1], line]) + "\n"
    report = verify_bundle(log.write(tmp_path / "b"))
    assert report.intact is False
    assert {item.code for item in report.problems} == {Code.COSIGNATURE}


def test_a_record_that_is_not_canonical_is_named_when_asked(
    make_log: Callable[..., Any], tmp_path: Path
) -> None:
    log = make_log(0, leaves=[b'{"a":1}', b'{"a": 1}', b"x"])
    folder = log.write(tmp_path / "b")
    assert verify_bundle(folder).intact is True
    report = verify_bundle(folder, records=True)
    assert report.intact is False
    assert report.problems[0].details["index"] == 1


def test_an_empty_log_is_intact(make_log: Callable[..., Any], tmp_path: Path) -> None:
    log = make_log(0)
    log.notes = [sign_checkpoint(log.signer, log.signer.name, 0, EMPTY_ROOT)]
    report = verify_bundle(log.write(tmp_path / "b"))
    assert (report.intact, report.size, report.root) == (True, 0, EMPTY_ROOT)
    assert report.as_text().startswith("Nhật ký toàn vẹn, chưa có sự kiện nào.")


def test_a_checkpoint_from_the_database_that_cannot_be_read_is_exported_and_named(
    log: Any, tmp_path: Path
) -> None:
    log.notes.insert(2, "không phải điểm kiểm tra")
    report = verify_bundle(log.write(tmp_path / "b"))
    assert report.intact is False
    assert report.problems[0].details["name"] == "checkpoints/unreadable-000001.note"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format":"x"}',
        '{"format":"accessctl-audit-bundle/1"}',
        "[" * 50_000,
        '{"format":"accessctl-audit-bundle/1","size":true,"unsequenced":0}',
        '{"format":"accessctl-audit-bundle/1","size":-1,"unsequenced":0}',
    ],
)
def test_a_manifest_that_cannot_be_read_blocks_the_verdict(
    text: str, bundle: Path, reseal: Callable[[Path], None]
) -> None:
    (bundle / "bundle.json").write_text(text, "utf-8")
    reseal(bundle)
    assert blockers(bundle) == {Code.FILE_MISSING}


def test_a_manifest_that_lies_about_the_size_is_a_problem(
    bundle: Path, reseal: Callable[[Path], None]
) -> None:
    text = (bundle / "bundle.json").read_text("utf-8")
    for size in (619, 2**62):
        (bundle / "bundle.json").write_text(text.replace('"size": 620', f'"size": {size}'), "utf-8")
        reseal(bundle)
        report = verify_bundle(bundle)
        assert report.intact is False
        assert Code.MANIFEST_WRONG in {item.code for item in report.problems}


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "link", "."])
def test_the_hash_file_cannot_point_outside_the_bundle(name: str, bundle: Path) -> None:
    (bundle.parent / "outside").write_text("", "utf-8")
    (bundle / "link").symlink_to("../outside")
    with (bundle / "SHA256SUMS").open("a", encoding="utf-8") as file:
        file.write(f"{'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}  {name}\n")
    assert blockers(bundle) == {Code.FILE_MISSING}


def test_a_file_without_newlines_does_not_fill_the_memory(bundle: Path) -> None:
    with (bundle / "events.jsonl").open("wb") as file:
        file.truncate(1 << 30)  # sparse: a GiB of zeros
    with pytest.raises(layout.LineTooLong):
        list(layout.Lines(bundle / "events.jsonl"))
    with (bundle / "events.jsonl").open("wb") as file:
        file.truncate(1 << 22)
    report = verify_bundle(bundle)
    assert report.intact is False
    assert report.first_bad == 0


def test_every_finding_speaks_both_languages() -> None:
    assert set(MESSAGES) == set(Code)
    assert all(vi != en and vi.endswith(".") and en.endswith(".") for vi, en in MESSAGES.values())


def run(*words: str | Path, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LANG": "C"}
    return subprocess.run(
        [sys.executable, "-m", "audit", *map(str, words)],
        cwd=ROOT.anchor,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_the_command_says_intact_in_vietnamese_first_and_ends_with_0(bundle: Path) -> None:
    result = run("verify", bundle)
    assert result.returncode == 0
    assert result.stdout.splitlines()[:2] == [
        "Nhật ký toàn vẹn đến sự kiện số 619.",
        "The log is intact up to record 619 (from 0).",
    ]
    assert result.stderr == ""


def test_the_command_takes_outside_key_policy_and_checkpoints_and_prints_json(
    bundle: Path, log: Any, tmp_path: Path, tamper: Callable[..., None]
) -> None:
    (tmp_path / "old").write_text(log.notes[0], "utf-8")
    (tmp_path / "key").write_text(log.signer.verifier_key + "\n", "utf-8")
    (tmp_path / "policy").write_text("quorum none\n", "utf-8")
    words = ["--checkpoint", tmp_path / "old", "--policy", tmp_path / "policy", "--json"]
    good = run("verify", bundle, "--key", tmp_path / "key", *words)
    assert (good.returncode, json.loads(good.stdout)["anchored"]) == (0, 50)
    tamper(bundle, lambda lines: [*lines[:7], b"{}", *lines[8:]])
    bad = run("verify", bundle, "--key", log.signer.verifier_key, *words)
    report = json.loads(bad.stdout)
    assert (bad.returncode, report["intact"], report["first_bad"]) == (1, False, 7)
    assert report["problems"][0]["vi"].startswith("Bản ghi số 7 ")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["verify"],
        ["verify", "/nowhere/at/all"],
        ["verify", "/", "--key", "nokey"],
        ["other"],
        ["verify", "/", "--checkpoint", "/nowhere/at/all"],
    ],
)
def test_wrong_usage_and_missing_input_end_with_2(words: list[str]) -> None:
    assert run(*words).returncode == 2


def test_an_accident_in_the_verifier_is_not_a_verdict(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("audit.__main__.verify_bundle", broken)
    assert main(["verify", str(bundle), "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["code"] == "audit.cannot_tell"


def test_one_record_is_shown_proved_and_checked_by_command(bundle: Path, log: Any, tmp_path: Path) -> None:
    record, proof = tmp_path / "record", tmp_path / "p.tlog-proof"
    shown = run("show", bundle, "17")
    record.write_text(shown.stdout, "utf-8")
    assert shown.stdout.encode() == log.leaves[17] + b"\n"
    proof.write_text(run("prove", bundle, "17").stdout, "utf-8")
    key = log.signer.verifier_key
    assert run("check", proof, record, "--key", key).returncode == 0
    record.write_bytes(log.leaves[18])
    assert run("check", proof, record, "--key", key).returncode == 1
    assert run("check", proof, record, "--key", Signer.generate("x").verifier_key).returncode == 2
    assert run("show", bundle, "620").returncode == 2
    assert run("prove", bundle, "620").returncode == 2
