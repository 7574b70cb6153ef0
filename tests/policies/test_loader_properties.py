"""Whatever happens to the bytes of the policy on their way: no guard is lost, nothing given in silence."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from accessctl.access.loader import CONSOLE_RULES, PolicyBroken, PolicySet, default_folder, parse, read_files

OFFICES = frozenset(("VPT", "CJT", "DML", "KNO", "DSG", "DRL", "DGL", "TDC", "GNG"))
FILES = read_files(default_folder())
GOOD = parse(FILES)
BYTES = FILES[CONSOLE_RULES]
PLACES = st.integers(0, len(BYTES) - 1)
LINES = BYTES.splitlines(keepends=True)
LINE_NUMBERS = st.integers(0, len(LINES) - 1)
WORDS = sorted({value.encode() for rule in GOOD.rules for value in rule.values()})


def loaded(data: bytes) -> PolicySet | None:
    try:
        return parse({**FILES, CONSOLE_RULES: data}, offices=OFFICES)
    except PolicyBroken:
        return None


def meaning(policy: PolicySet) -> tuple[frozenset[tuple[str, ...]], ...]:
    return (
        frozenset(rule.values() for rule in policy.rules),
        frozenset(policy.links),
        frozenset(policy.words),
    )


def guards(policy: PolicySet) -> frozenset[tuple[str, ...]]:
    return frozenset(rule.values() for rule in policy.rules if rule.eft == "deny")


@settings(max_examples=250, deadline=None)
@given(place=PLACES, byte=st.integers(0, 255), kind=st.sampled_from(["replace", "insert", "delete"]))
def test_one_changed_byte_is_refused_or_changes_no_rule(place: int, byte: int, kind: str) -> None:
    kept = BYTES[place:] if kind == "insert" else BYTES[place + 1 :]
    middle = b"" if kind == "delete" else bytes([byte])
    found = loaded(BYTES[:place] + middle + kept)
    assert found is None or meaning(found) == meaning(GOOD)


@settings(max_examples=120, deadline=None)
@given(start=PLACES, length=st.integers(1, 400), into=st.binary(max_size=40) | st.sampled_from(WORDS))
def test_a_damaged_stretch_never_loses_a_guard(start: int, length: int, into: bytes) -> None:
    found = loaded(BYTES[:start] + into + BYTES[start + length :])
    assert found is None or guards(found) >= guards(GOOD)


@settings(max_examples=60, deadline=None)
@given(number=LINE_NUMBERS, other=LINE_NUMBERS)
def test_a_line_lost_or_doubled_is_refused_unless_it_says_nothing_and_order_does_not_matter(
    number: int, other: int
) -> None:
    lost = loaded(b"".join(LINES[:number] + LINES[number + 1 :]))
    doubled = loaded(b"".join(LINES[: number + 1] + LINES[number:]))
    for found in (lost, doubled):
        assert found is None or (LINES[number][:1] in b"#\n" and meaning(found) == meaning(GOOD))
    swapped = list(LINES)
    if max(number, other) < len(LINES) - 1:
        swapped[number], swapped[other] = swapped[other], swapped[number]
    exchanged = loaded(b"".join(swapped))
    assert exchanged is not None
    assert meaning(exchanged) == meaning(GOOD)


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")))
def test_any_other_bytes_are_refused_and_nothing_else_is_raised(data: bytes) -> None:
    assert loaded(data) is None


def test_no_guard_can_be_lost_commented_out_or_turned_without_being_noticed() -> None:
    for number, line in enumerate(LINES):
        if line.startswith(b"p,") and line.endswith(b"deny\n"):
            for instead in (b"", b"# " + line, b"#" + line, line.replace(b"deny", b"allow"), b"\n"):
                assert loaded(b"".join([*LINES[:number], instead, *LINES[number + 1 :]])) is None
