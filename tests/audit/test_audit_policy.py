"""Witness policies: the quorum of c2sp.org/tlog-policy."""

from __future__ import annotations

import pytest

from audit.errors import PolicyError
from audit.note import Algorithm, Signer
from audit.policy import WitnessPolicy, parse_policy

KEYS = [Signer.generate(f"w{number}.example", Algorithm.COSIGNATURE).verifier for number in range(4)]
LOG = Signer.generate("accessctl/daknong/2026").verifier
DEFINED = "".join(f"witness W{number} {key.text}\n" for number, key in enumerate(KEYS))


def test_k_of_n_is_reached_by_k_and_by_no_fewer() -> None:
    policy = WitnessPolicy.k_of_n(2, KEYS[:3], [LOG])
    assert [policy.satisfied(KEYS[:count]) for count in range(4)] == [False, False, True, True]
    assert not policy.satisfied([KEYS[0], KEYS[3]])
    assert parse_policy(policy.text) == policy


def test_nested_groups_count_each_member() -> None:
    policy = parse_policy(
        f"# chú thích\nlog {LOG.text} https://log.example/\n\n{DEFINED}"
        "group any any W0 W1\n\tgroup  both all W2 W3\ngroup top 2 any both\nquorum top\n"
    )
    assert policy.satisfied([KEYS[1], KEYS[2], KEYS[3]])
    assert not policy.satisfied([KEYS[0], KEYS[1], KEYS[2]])


def test_a_policy_may_ask_for_nobody() -> None:
    assert parse_policy("quorum none\n").satisfied([])


@pytest.mark.parametrize(
    "text",
    [
        "",
        DEFINED,
        "quorum W0\n",
        "quorum none\nquorum none\n",
        DEFINED + "group g 5 W0 W1\nquorum g\n",
        DEFINED + "group g 0 W0\nquorum g\n",
        DEFINED + "group g x W0\nquorum g\n",
        DEFINED + "group g any\nquorum g\n",
        DEFINED + "group g any W0 W0\nquorum g\n",
        DEFINED + "group g any W9\nquorum g\n",
        DEFINED + "group g any W0\ngroup h any W0\nquorum h\n",
        DEFINED + "group W0 any W1\nquorum W0\n",
        DEFINED + f"witness again {KEYS[0].text}\nquorum none\n",
        f"witness none {KEYS[0].text}\nquorum none\n",
        f"witness L {LOG.text}\nquorum L\n",
        f"log {KEYS[0].text}\nquorum none\n",
        "log nokey\nquorum none\n",
        "hello\nquorum none\n",
        "quorum none\n" + "\n" * 2000,
    ],
    ids=lambda _: "policy",  # the keys in the texts are new in each process
)
def test_a_policy_that_is_not_well_formed_is_refused(text: str) -> None:
    with pytest.raises(PolicyError):
        parse_policy(text)
