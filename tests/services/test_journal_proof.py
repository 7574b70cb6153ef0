"""Proofs made from frontiers are those that the whole tree gives, whatever the batches were (audit.md §2)."""

from __future__ import annotations

import random

from sqlalchemy import event, text

from accessctl.services import record_proof
from accessctl.services.control import transaction
from audit.merkle import inclusion_proof, leaf_hash, nodes_from
from audit.proof import parse_proof
from tests.common.world import World


def in_batches(world: World, sizes: list[int]) -> None:
    """So many records at a time, each batch under a checkpoint of its own."""
    for batch, size in enumerate(sizes):
        with transaction(world.rt) as session:
            session.execute(
                text(
                    'INSERT INTO audit_inbox (at, leaf) SELECT now(), convert_to(\'{"at":"2018-04-24T00:44:00.000000Z",'
                    '"event":"audit.anchor","outcome":"ok","n":\' || (:batch * 10000 + n) || \'}\', \'UTF8\')'
                    " FROM generate_series(1, :size) n"
                ),
                {"batch": batch, "size": size},
            )
        world.settle()


def test_AU2_every_record_of_a_log_in_uneven_batches_has_the_proof_that_the_tree_gives(world: World) -> None:
    world.settle()
    chance = random.Random(6962)
    in_batches(world, [chance.choice([1, 1, 2, 3, 7, 64, 129]) for _ in range(25)])
    with world.admin_control() as admin:
        leaves = [bytes(row[0]) for row in admin.execute("SELECT leaf FROM audit_log ORDER BY idx")]
    reference = nodes_from([leaf_hash(leaf) for leaf in leaves].__getitem__)
    with transaction(world.rt) as session:
        for index in sorted({*range(0, len(leaves), 13), *range(len(leaves) - 5, len(leaves))}):
            leaf = leaves[index]
            proof = record_proof.proof_of(world.rt, session, index, leaf)
            assert proof.sound, (index, proof.why)
            assert proof.size == len(leaves)
            assert list(parse_proof(proof.text).path) == inclusion_proof(reference, index, len(leaves))
            assert [item.hex() for item in parse_proof(proof.text).path] == list(proof.path)


def test_a_proof_costs_a_few_statements_however_long_the_log_is(world: World) -> None:
    in_batches(world, [500, 1, 700, 300, 2, 900])
    seen: list[str] = []
    with world.admin_control() as admin:
        (leaf,) = admin.execute("SELECT leaf FROM audit_log WHERE idx = 3").fetchone()  # type: ignore[misc]
    event.listen(world.rt.engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    with transaction(world.rt) as session:
        assert record_proof.proof_of(world.rt, session, 3, bytes(leaf)).sound
    assert len(seen) < 40, seen


def test_a_record_that_is_not_under_a_checkpoint_and_a_leaf_that_is_another_prove_nothing(
    world: World,
) -> None:
    world.settle()
    with transaction(world.rt) as session:
        assert record_proof.proof_of(world.rt, session, 10**9, b"{}").why == "journal.not_sealed"
        assert record_proof.proof_of(world.rt, session, 3, b"{}").why == "journal.proof_broken"


def test_a_deleted_neighbour_is_said_to_be_missing(world: World) -> None:
    world.settle()
    with world.admin_control() as admin:
        (leaf,) = admin.execute("SELECT leaf FROM audit_log WHERE idx = 4").fetchone()  # type: ignore[misc]
        admin.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL")
        admin.execute("ALTER TABLE audit_log_0 DISABLE TRIGGER ALL")
        admin.execute("DELETE FROM audit_log WHERE idx = 5")
    with transaction(world.rt) as session:
        found = record_proof.proof_of(world.rt, session, 4, bytes(leaf))
    assert (found.sound, found.why) == (False, "journal.record_missing")


def test_without_the_verifier_key_the_page_says_so_instead_of_failing(world: World) -> None:
    world.settle()
    rt = world.runtime(ACCESSCTL_VERIFIER_KEY="")
    try:
        with transaction(rt) as session:
            found = record_proof.proof_of(rt, session, 3, b"{}")
    finally:
        rt.close()
    assert (found.sound, found.why) == (False, "config.missing")
