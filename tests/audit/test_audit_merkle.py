"""The tree against the published answers, against the definition, and against forged proofs."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audit.errors import ProofError
from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    nodes_from,
    range_root,
    root,
    verify_consistency,
    verify_inclusion,
)

# The reference tree of RFC 6962 implementations (google/certificate-transparency, merkle_tree_test).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]
MANY = [leaf_hash(bytes([i % 256, i // 256])) for i in range(300)]


def definition(hashes: list[bytes]) -> bytes:
    """RFC 6962 §2.1 word by word; the slow second opinion."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(definition(hashes[:split]), definition(hashes[split:]))


@pytest.mark.parametrize("size", range(9))
def test_the_reference_trees_of_rfc_6962_have_their_published_roots(size: int) -> None:
    assert root(HASHES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [
        (0, 1, []),
        (
            0,
            8,
            [
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    ],
)
def test_the_reference_paths_are_generated_and_accepted(index: int, size: int, path: list[str]) -> None:
    made = inclusion_proof(nodes_from(HASHES.__getitem__), index, size)
    assert [item.hex() for item in made] == path
    verify_inclusion(HASHES[index], index, size, bytes.fromhex(ROOTS[size]), made)


def test_all_subtrees_of_130_single_byte_leaves_have_the_known_digest() -> None:
    hashes = [leaf_hash(bytes([i])) for i in range(130)]
    nodes = nodes_from(hashes.__getitem__)
    digest = sha256()
    for end in range(131):
        for start in range(end + 1):
            if start in (0, end) or start % (1 << (end - start - 1).bit_length()) == 0:
                digest.update(f"[{start}, {end}) {range_root(nodes, start, end).hex()}\n".encode())
    assert digest.hexdigest() == "b82806ad4265bb151c1119c0f4db437bb4d1a1f887b3a7fba1cd4ebf552e3e81"


@given(st.integers(0, 300))
def test_the_frontier_agrees_with_the_definition_and_survives_storage(size: int) -> None:
    frontier = Frontier.empty()
    for item in MANY[:size]:
        frontier.append(item)
    restored = Frontier.from_bytes(frontier.to_bytes())
    assert restored.size == size
    assert restored.root() == frontier.root() == definition(MANY[:size])
    branch = restored.copy()
    branch.append(MANY[0])
    assert restored.root() == frontier.root() != branch.root()


@pytest.mark.parametrize(
    "data", [b"", bytes(7), bytes(7) + b"\x01", bytes(8) + bytes(32), bytes(7) + b"\x03" + bytes(32)]
)
def test_bytes_that_are_no_frontier_are_refused(data: bytes) -> None:
    with pytest.raises(ProofError):
        Frontier.from_bytes(data)


def test_something_that_is_not_a_hash_is_not_appended() -> None:
    with pytest.raises(ProofError):
        Frontier.empty().append(b"leaf itself")


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert Frontier.empty().root() == EMPTY_ROOT == sha256(b"").digest()


@given(st.data(), st.integers(1, 300))
def test_every_record_of_every_tree_is_provable_and_no_other_in_its_place(
    data: st.DataObject, size: int
) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = inclusion_proof(nodes_from(MANY.__getitem__), index, size)
    head = definition(MANY[:size])
    verify_inclusion(MANY[index], index, size, head, path)
    other = data.draw(st.integers(0, size - 1))
    assume(other != index)
    for leaf, at in ((MANY[other], index), (MANY[index], other)):
        with pytest.raises(ProofError):
            verify_inclusion(leaf, at, size, head, path)


@given(st.data(), st.integers(1, 300))
def test_every_prefix_is_provable_and_a_changed_proof_is_not_believed(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    path = consistency_proof(nodes_from(MANY.__getitem__), old, new)
    roots = definition(MANY[:old]), definition(MANY[:new])
    verify_consistency(old, roots[0], new, roots[1], path)
    with pytest.raises(ProofError):
        verify_consistency(old, roots[0], new, roots[1], [*path, bytes(32)])
    with pytest.raises(ProofError):
        verify_consistency(old, bytes(32), new, roots[1], path)
    with pytest.raises(ProofError):
        verify_consistency(old, roots[0], new, bytes(32), path)
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        with pytest.raises(ProofError):
            verify_consistency(old, roots[0], new, roots[1], path[:at] + path[at + 1 :])
        with pytest.raises(ProofError):
            verify_consistency(old, roots[0], new, roots[1], [*path[:at], bytes(32), *path[at + 1 :]])


def test_a_consistency_proof_from_size_zero_is_refused_by_prover_and_verifier() -> None:
    with pytest.raises(ProofError):
        consistency_proof(nodes_from(HASHES.__getitem__), 0, 8)
    for path in ([], [bytes.fromhex(ROOTS[8])]):
        with pytest.raises(ProofError):
            verify_consistency(0, EMPTY_ROOT, 8, bytes.fromhex(ROOTS[8]), path)


@pytest.mark.parametrize(("old", "new"), [(8, 7), (-1, 5)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(ProofError):
        consistency_proof(nodes_from(HASHES.__getitem__), old, new)
    with pytest.raises(ProofError):
        verify_consistency(old, bytes(32), new, bytes(32), [])


@pytest.mark.parametrize(("index", "size"), [(8, 8), (-1, 8), (0, 0)])
def test_a_record_outside_the_tree_is_not_provable(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        inclusion_proof(nodes_from(HASHES.__getitem__), index, size)
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[0], index, size, bytes(32), [])


def test_a_hash_of_the_wrong_length_is_no_proof() -> None:
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[0], 0, 2, bytes.fromhex(ROOTS[2]), [HASHES[1][:31]])


def test_a_range_that_is_no_subtree_has_no_root() -> None:
    with pytest.raises(ProofError):
        range_root(nodes_from(HASHES.__getitem__), 1, 3)


def test_a_short_proof_of_a_small_tree_is_not_one_of_a_bigger_tree() -> None:
    path = inclusion_proof(nodes_from(HASHES.__getitem__), 0, 4)
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[0], 0, 8, bytes.fromhex(ROOTS[4]), path)
