"""Who has to have seen a checkpoint before it counts: the trust policy file of c2sp.org/tlog-policy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from audit.errors import NoteError, PolicyError
from audit.note import Algorithm, Verifier

NONE = "none"
MAX_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Group:
    """At least `threshold` of the members (witnesses or groups) have seen it."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Known logs, known witnesses by policy name, and the quorum."""

    logs: tuple[Verifier, ...] = ()
    witnesses: Mapping[str, Verifier] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE

    @classmethod
    def k_of_n(
        cls, threshold: int, witnesses: Iterable[Verifier], logs: Iterable[Verifier] = ()
    ) -> WitnessPolicy:
        """The plain rule: any `threshold` of these witnesses; 0 asks for none."""
        named = {f"w{number}": key for number, key in enumerate(witnesses, 1)}
        if threshold == 0:
            return cls(tuple(logs), named)
        group = {"quorum": Group(threshold, tuple(named))}
        return parse_policy(cls(tuple(logs), named, group, "quorum").text)

    @property
    def text(self) -> str:
        """The policy file."""
        lines = [f"log {key.text}" for key in self.logs]
        lines += [f"witness {name} {key.text}" for name, key in self.witnesses.items()]
        lines += [f"group {name} {g.threshold} {' '.join(g.members)}" for name, g in self.groups.items()]
        return "".join(f"{line}\n" for line in [*lines, f"quorum {self.quorum}"])

    def satisfied(self, cosigners: Collection[Verifier]) -> bool:
        """Whether these witnesses reach the quorum."""
        return self.quorum == NONE or self._seen(self.quorum, cosigners)

    def _seen(self, name: str, cosigners: Collection[Verifier]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return self.witnesses[name] in cosigners
        return sum(self._seen(member, cosigners) for member in group.members) >= group.threshold


def parse_policy(text: str) -> WitnessPolicy:
    """Read a policy file; PolicyError names the line."""
    builder = _Builder()
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise PolicyError("policy file too long")
    for number, line in enumerate(lines, 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if not words or words[0].startswith("#"):
            continue
        try:
            builder.read(words)
        except (PolicyError, NoteError) as error:
            raise PolicyError(f"policy line {number}: {error}") from error
    return builder.result()


class _Builder:
    """Lines in order; a name must be defined before it is used, and may be a member only once."""

    def __init__(self) -> None:
        self.logs: list[Verifier] = []
        self.witnesses: dict[str, Verifier] = {}
        self.groups: dict[str, Group] = {}
        self.members: set[str] = set()
        self.quorum: str | None = None

    def read(self, words: list[str]) -> None:
        match words:
            case ["log", key] | ["log", key, _]:
                self.logs.append(self._key(key, Algorithm.ED25519, self.logs))
            case ["witness", name, key] | ["witness", name, key, _]:
                self._define(name)
                self.witnesses[name] = self._key(key, Algorithm.COSIGNATURE, self.witnesses.values())
            case ["group", name, threshold, *members] if members:
                self._define(name)
                self._group(name, threshold, tuple(members))
            case ["quorum", name] if self.quorum is None:
                if name != NONE and name not in self.witnesses and name not in self.groups:
                    raise PolicyError(f"{name} is not defined")
                self.quorum = name
            case _:
                raise PolicyError(f"cannot read {' '.join(words)!r}")

    def result(self) -> WitnessPolicy:
        if self.quorum is None:
            raise PolicyError("a policy has exactly one quorum line")
        return WitnessPolicy(tuple(self.logs), self.witnesses, self.groups, self.quorum)

    def _define(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise PolicyError(f"{name} is already defined")

    def _key(self, text: str, algorithm: Algorithm, known: Iterable[Verifier]) -> Verifier:
        key = Verifier.from_text(text)
        if key.algorithm is not algorithm:
            raise PolicyError("a key of the wrong type")
        if any(other.public == key.public for other in known):
            raise PolicyError("one key twice")
        return key

    def _group(self, name: str, threshold: str, members: tuple[str, ...]) -> None:
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise PolicyError(f"{member} is not defined")
            if member in self.members:
                raise PolicyError(f"{member} is a member twice")
            self.members.add(member)
        words = {"any": 1, "all": len(members)}
        number = int(threshold) if threshold.isascii() and threshold.isdecimal() and len(threshold) < 6 else 0
        count = words.get(threshold, number)
        if not 1 <= count <= len(members):
            raise PolicyError(f"threshold {threshold} of {len(members)}")
        self.groups[name] = Group(count, members)
