"""Bundles: what is written, that it is written whole or not at all, and that its files are the C2SP ones."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audit.bundle import record
from audit.errors import ExportError, NoteError, ProofError, SignatureInvalid, UnknownKey
from audit.export import write_bundle
from audit.merkle import inclusion_proof, leaf_hash, nodes_from, root, verify_inclusion
from audit.note import Signer, Verifier
from audit.policy import WitnessPolicy
from audit.proof import TlogProof, parse_proof, verify_proof
from audit.tiles import entries_path, split_tile, tile_nodes, tile_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(1, 1234067), "tile/1/x001/x234/067"),
        (tile_path(0, 273, 112), "tile/0/273.p/112"),
        (entries_path(1000, 1), "tile/entries/x001/000.p/1"),
    ],
)
def test_tiles_lie_where_c2sp_puts_them(path: str, expected: str) -> None:
    assert path == expected


def test_a_log_of_620_has_the_tiles_of_the_document(bundle: Path) -> None:
    found = sorted(p.relative_to(bundle).as_posix() for p in (bundle / "tile").rglob("*") if p.is_file())
    assert found == ["tile/0/000", "tile/0/001", "tile/0/002.p/108", "tile/1/000.p/2"]


def test_line_i_is_exactly_record_i_and_hashes_to_the_tile(bundle: Path, log: Any) -> None:
    assert (bundle / "events.jsonl").read_bytes() == b"".join(leaf + b"\n" for leaf in log.leaves)
    assert record(bundle, 300) == log.leaves[300]
    assert split_tile((bundle / "tile/0/001").read_bytes())[300 - 256] == leaf_hash(log.leaves[300])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600, 66_000])
def test_proofs_from_tiles_hold_for_every_shape_of_tree(size: int, tmp_path: Path) -> None:
    leaves = [str(number).encode() for number in range(size)]
    write_bundle(
        tmp_path / "b", leaves=leaves, checkpoints=[], verifier_key=Signer.generate("x").verifier_key
    )
    hashes = [leaf_hash(leaf) for leaf in leaves]
    stored, head = tile_nodes(tmp_path / "b", size), root(hashes)
    for index in {0, size // 3, size // 2, size - 1}:
        path = inclusion_proof(stored, index, size)
        assert path == inclusion_proof(nodes_from(hashes.__getitem__), index, size)
        verify_inclusion(hashes[index], index, size, head, path)


def test_a_missing_or_cut_tile_proves_nothing(bundle: Path) -> None:
    (bundle / "tile/0/001").write_bytes((bundle / "tile/0/001").read_bytes()[: 100 * 32])
    (bundle / "tile/0/000").unlink()
    nodes = tile_nodes(bundle, 620)
    for level, index in ((0, 0), (0, 300), (0, 511), (0, 5000), (9, 7)):
        with pytest.raises(ProofError):
            nodes(level, index)


def test_entry_bundles_are_length_prefixed_records(log: Any, tmp_path: Path) -> None:
    folder = log.write(tmp_path / "b", entry_bundles=True)
    data = (folder / "tile/entries/002.p/108").read_bytes()
    found = []
    while data:
        length = int.from_bytes(data[:2], "big")
        found.append(data[2 : 2 + length])
        data = data[2 + length :]
    assert found == log.leaves[512:]
    assert (folder / "tile/entries/000").is_file()


def test_a_single_case_is_proved_by_its_file_and_the_key_alone(bundle: Path, log: Any) -> None:
    text = (bundle / "proofs/299.tlog-proof").read_text("utf-8")
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 299\n")
    index, head = verify_proof(text, log.leaves[299], [log.signer.verifier])
    assert (index, head.size) == (299, 620)
    assert parse_proof(text).text == text


def test_a_proof_does_not_hold_for_another_record_key_or_witness(
    bundle: Path, log: Any, witness: Signer
) -> None:
    text = (bundle / "proofs/299.tlog-proof").read_text("utf-8")
    with pytest.raises(ProofError):
        verify_proof(text, log.leaves[298], [log.signer.verifier])
    with pytest.raises(ProofError):
        verify_proof(text.replace("index 299", "index 298"), log.leaves[299], [log.signer.verifier])
    with pytest.raises(UnknownKey):
        verify_proof(text, log.leaves[299], [Signer.generate(log.signer.name).verifier])
    with pytest.raises(SignatureInvalid):
        verify_proof(text.replace("\n620\n", "\n621\n"), log.leaves[299], [log.signer.verifier])
    policy = WitnessPolicy.k_of_n(1, [witness.verifier])
    with pytest.raises(NoteError, match="quorum"):
        verify_proof(text, log.leaves[299], [log.signer.verifier], policy)


def test_a_proof_may_carry_extra_data_that_nothing_authenticates(log: Any) -> None:
    proof = TlogProof(0, (bytes(32),), log.notes[0], b"phu luc")
    assert parse_proof(proof.text) == proof


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 0", "index 00"),
        ("index 0", "index -1"),
        ("index 0", "number 0"),
        ("index 0\n", "index 0\nAAAA\n"),
        ("index 0\n", "index 0\n!\n"),
        ("index 0\n", "extra *\nindex 0\n"),
        ("c2sp.org", "\nc2sp.org"),
        ("index 0\n", "extra QUI=\n"),
    ],
)
def test_a_proof_in_any_other_shape_is_refused(old: str, new: str, log: Any) -> None:
    text = TlogProof(0, (bytes(32),), log.notes[0]).text
    with pytest.raises(ProofError):
        parse_proof(text.replace(old, new, 1))


def test_a_folder_with_something_in_it_is_left_alone(log: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x", "utf-8")
    with pytest.raises(ExportError):
        log.write(tmp_path)
    with pytest.raises(ExportError):
        log.write(tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_filled(log: Any, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    assert (log.write(tmp_path / "b") / "SHA256SUMS").is_file()


def test_an_export_that_breaks_in_the_middle_leaves_nothing_behind(log: Any, tmp_path: Path) -> None:
    def leaves() -> Iterator[bytes]:
        yield from log.leaves[:300]
        raise ConnectionError("database gone")

    key = log.signer.verifier_key
    with pytest.raises(ConnectionError):
        write_bundle(tmp_path / "b", leaves=leaves(), checkpoints=log.notes, verifier_key=key)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"leaves": [b"{}\n{}"]}, "more than one line"),
        ({"unsequenced": [b"a\nb"]}, "more than one line"),
        ({"proofs_for": [620]}, "no checkpoint"),
        ({"verifier_key": ""}, "no verifier key"),
        ({"leaves": [b"x" * 65_536], "entry_bundles": True}, "65,535"),
    ],
)
def test_what_cannot_be_exported_truthfully_is_refused(
    change: dict[str, Any], message: str, log: Any, tmp_path: Path
) -> None:
    given = {
        "leaves": log.leaves,
        "checkpoints": log.notes,
        "verifier_key": log.signer.verifier_key,
        **change,
    }
    with pytest.raises(ExportError, match=message):
        write_bundle(tmp_path / "b", **given)
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_must_come_by_size(log: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="after"):
        write_bundle(
            tmp_path / "b",
            leaves=log.leaves,
            checkpoints=[*log.notes, log.notes[0]],
            verifier_key=log.signer.verifier_key,
        )


def test_many_checkpoints_are_thinned_but_the_last_and_the_cosigned_stay(
    make_log: Callable[..., Any], witness: Signer, tmp_path: Path
) -> None:
    log = make_log(620, batch=10)
    cosigned = make_log(620, batch=100, signer=log.signer, witnesses=(witness,))
    at = next(index for index, note in enumerate(log.notes) if note.split("\n")[1] == "300")
    log.notes[at] = next(note for note in cosigned.notes if note.split("\n")[1] == "300")
    folder = log.write(tmp_path / "b", step=256)
    kept = [int(path.stem) for path in sorted((folder / "checkpoints").iterdir())]
    assert kept == [250, 300, 510, 620]


def test_the_manifest_tells_what_waits_outside_the_log(log: Any, tmp_path: Path) -> None:
    folder = log.write(tmp_path / "b", unsequenced=[b'{"n":1}', b'{"n":2}'])
    manifest = json.loads((folder / "bundle.json").read_text("utf-8"))
    assert (manifest["size"], manifest["unsequenced"], manifest["origin"]) == (620, 2, log.signer.name)
    assert (folder / "unsequenced.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n'


def test_the_policy_in_the_bundle_names_the_log_for_others_tools(bundle: Path, log: Any) -> None:
    text = (bundle / "witness-policy").read_text("utf-8")
    assert text == f"log {log.signer.verifier_key}\nquorum none\n"
    assert Verifier.from_text((bundle / "verifier-key").read_text("utf-8")) == log.signer.verifier


def test_the_commands_of_the_readme_work_without_this_package(
    bundle: Path, reseal: Callable[[Path], None]
) -> None:
    assert all(shutil.which(tool) for tool in ("bash", "sha256sum", "openssl", "xxd", "python3")), (
        "tools of the README"
    )
    script = "".join(
        block.split("```")[0] for block in (bundle / "README.vi.md").read_text("utf-8").split("```sh\n")[1:]
    )
    assert script.count("\n") > 20

    def status() -> int:
        return subprocess.run(
            ["bash", "-e", "-c", script], cwd=bundle, capture_output=True, check=False
        ).returncode

    assert status() == 0
    lines = (bundle / "checkpoint").read_text("utf-8").split("\n")
    changes = (
        ("events.jsonl", "L0007", "L0008"),
        ("checkpoint", "\n620\n", "\n621\n"),
        ("checkpoint", lines[-2], lines[-2][:-8] + lines[-2][-8:].swapcase()),
    )
    for file, old, new in changes:
        text = (bundle / file).read_text("utf-8")
        (bundle / file).write_text(text.replace(old, new, 1), "utf-8")
        reseal(bundle)
        assert status() != 0, file
        (bundle / file).write_text(text, "utf-8")
        reseal(bundle)
    assert status() == 0
