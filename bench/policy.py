"""Deciding: the table against `Enforcer.enforce` of an unmodified pycasbin on the whole file, in the same run."""

from __future__ import annotations

import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import casbin

from accessctl.access.enforcer import Gate, Subject, TableFile
from accessctl.access.loader import default_folder, load
from accessctl.access.table import Table
from accessctl.domain.permissions import Case, Permission, Role
from bench.measure import Row, p

NINE = ("VPT", "CJT", "DML", "KNO", "DSG", "DRL", "DGL", "TDC", "GNG")
STAFF = (
    frozenset[Role](), *(frozenset({role}) for role in Role), frozenset({Role.CARD, Role.CUSTODIAN_TKCL}),
    frozenset({Role.COLLECTION, Role.CUSTODIAN_TKHCTT}), frozenset({Role.CARD, Role.BLANK_KEEPER}),
    frozenset({Role.UNIT_HEAD, Role.CUSTODIAN_TKCL}), frozenset({Role.UNIT_HEAD, Role.CARD}),
    frozenset({Role.UNIT_HEAD, Role.COLLECTION}),
)  # fmt: skip
"""Role sets as the staff of a province holds them, all single roles among them."""
THEIRS, ROUNDS = 250, 40
OFFICES, OFFICERS = 756, 12_000

Asked = tuple[Subject, str, str, str]


def rows() -> list[Row]:
    """Decisions, making the table, and growth; needs no database."""
    return [*_decisions(), *_making(), _growth()]


def _questions(offices: Sequence[str], people: Sequence[Subject], count: int) -> list[Asked]:
    """A fixed mixture of every permission and case at the own office and at others, from one officer after another."""
    perms, cases = [permission.value for permission in Permission], [case.value for case in Case]
    return [
        (people[n % len(people)], perms[n * 31 % len(perms)], offices[n * 104_729 % len(offices)],
         cases[n * 13 % len(cases)])
        for n in range(count)
    ]  # fmt: skip


def _people(offices: Sequence[str], count: int) -> list[Subject]:
    return [
        Subject(f"officer-{n}", STAFF[n % len(STAFF)], offices[n * 37 % len(offices)]) for n in range(count)
    ]


def _ready(offices: Sequence[str]) -> Gate:
    gate = Gate(offices=frozenset(offices))
    gate.compile(STAFF)
    return gate


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """On the clock of the wall, or of this process: what others do on the machine in between then does not count."""
    began = clock()
    work()
    return clock() - began


def _ask_all(gate: Gate, asked: Sequence[Asked]) -> None:
    decide = gate.decide
    for subject, permission, office, case in asked:
        decide(subject, permission, office, case=case)


def _ask_anew(gate: Gate, asked: Sequence[Asked]) -> None:
    """As at each request: the officer was read from the database a moment ago and is made anew."""
    decide = gate.decide
    for known, permission, office, case in asked:
        decide(Subject(known.username, known.roles, known.home), permission, office, case=case)


def _whole(people: Sequence[Subject]) -> casbin.Enforcer:
    """Casbin as it comes, on the files as they are, with the staff as grouping lines."""
    folder = default_folder()
    found = casbin.Enforcer(str(folder / "console.model.conf"), str(folder / "console.policy.csv"))
    found.add_named_grouping_policies("g2", [[office, "any-office"] for office in NINE])
    found.add_named_grouping_policies("g3", [[office, "office"] for office in NINE])
    found.add_named_grouping_policies(
        "g", [[one.username, role, one.home] for one in people for role in (*one.roles, "officer")]
    )
    return found


def _decisions() -> list[Row]:
    people = _people(NINE, 60)
    gate, whole, asked = _ready(NINE), _whole(people), _questions(NINE, people, 20_000)
    ours, theirs = [], []
    for subject, permission, office, case in asked[:: len(asked) // THEIRS]:
        took: list[float] = []
        for _ in range(5):
            began = time.perf_counter()
            said = gate.decide(subject, permission, office, case=case)
            took.append(time.perf_counter() - began)
        began = time.perf_counter()
        wanted = whole.enforce(subject.username, subject.home, office, permission, case)
        theirs.append(time.perf_counter() - began)
        ours.append(statistics.median(took))
        assert said.allowed == wanted, (subject, permission, office, case)
    ratio = statistics.median(theirs) / statistics.median(ours)
    best = min(_seconds(lambda: _ask_all(gate, asked), time.process_time) for _ in range(ROUNDS))
    rate = len(asked) / best
    theirs_rate = len(theirs) / sum(theirs)
    return [
        Row("one decision with its reason, p50, against Enforcer.enforce on the whole file", _micro(ours),
            _micro(theirs), f"{ratio:,.0f} × faster", "≥ 500 ×", ratio >= 500, len(ours)),
        Row("decisions a second, one process, one thread", f"{rate:,.0f}/s", f"{theirs_rate:,.0f}/s",
            f"{rate / theirs_rate:,.0f} × throughput", "≥ 1,000,000/s", rate >= 1_000_000, len(asked) * ROUNDS),
    ]  # fmt: skip


def _micro(values: Sequence[float]) -> str:
    return f"p50 {statistics.median(values) * 1e6:,.2f} µs, p95 {p(values, 95) * 1e6:,.2f} µs"


def _making() -> list[Row]:
    """All answers for the role sets of the staff, by Casbin and from disk."""
    policy = load()
    cold = [_seconds(lambda: Table(policy).warm(STAFF)) for _ in range(3)]
    table = Table(policy)
    answers = table.warm(STAFF)
    with tempfile.TemporaryDirectory() as folder:
        file = TableFile(Path(folder) / "cache" / "policy-table.json", secrets.token_bytes(32))
        assert file.save(table)
        kept = [_seconds(lambda: file.load(policy)) for _ in range(20)]
        read = file.load(policy)
        assert read is not None
        assert read.numbers() == table.numbers()
    built, loaded = statistics.median(cold), statistics.median(kept)
    return [
        Row(f"making the table: {answers:,} answers for {len(STAFF)} role sets, cold", f"{built:.2f} s", "–",
            f"{built:.2f} s", "< 5 s", built < 5, len(cold)),
        Row("the same from disk, checked", f"{loaded * 1000:.1f} ms", f"{built * 1000:.0f} ms",
            f"{loaded * 1000:.1f} ms", "< 50 ms", loaded < 0.05, len(kept)),
    ]  # fmt: skip


def _growth() -> Row:
    """The same number of questions to a province of nine offices and to a country of 756 with 12,000 officers."""
    many = [f"O{n:03d}" for n in range(OFFICES - len(NINE))]
    small, large = _ready(NINE), _ready((*NINE, *many))
    few = _questions(NINE, _people(NINE, 106), 50_000)
    all_ = _questions((*NINE, *many), _people((*NINE, *many), OFFICERS), 50_000)
    for gate, asked in ((small, few), (large, all_)):
        _ask_anew(gate, asked)
    # in turn, so that both meet the same machine; the quickest of each is the one least disturbed
    sides = ((small, few), (large, all_))
    times = [[_seconds(partial(_ask_anew, *side), time.process_time) for side in sides] for _ in range(25)]
    base, grown = (min(side) / len(few) for side in zip(*times, strict=True))
    ratio = grown / base
    return Row(
        f"lookup at 9 offices and at {OFFICES} offices with {OFFICERS:,} officers", f"{grown * 1e6:.2f} µs",
        f"{base * 1e6:.2f} µs", f"{ratio:.2f} ×", "≤ 1.2 ×", ratio <= 1.2, len(few) * len(times),
    )  # fmt: skip
