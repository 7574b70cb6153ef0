"""The signed heads of a bundle and the ones an outsider kept: what the bodies have to agree with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from audit import bundle
from audit.checkpoint import Checkpoint, cosignatures, open_checkpoint, parse_checkpoint
from audit.errors import NoteError, ProofError, SignatureInvalid, UnknownKey
from audit.note import Verifier
from audit.policy import WitnessPolicy
from audit.proof import TlogProof, parse_proof
from audit.report import Code, Finding


@dataclass(frozen=True, slots=True)
class Head:
    """A checkpoint under a name people can find it by; `known` when a trusted key signed it."""

    name: str
    size: int
    root: bytes
    known: bool = True


@dataclass(slots=True)
class Heads:
    """Everything signed that was found, and what was wrong with the rest."""

    own: list[Head] = field(default_factory=list)
    anchors: list[Head] = field(default_factory=list)
    proofs: dict[str, tuple[TlogProof, Checkpoint]] = field(default_factory=dict)
    witnessed: int = 0
    problems: list[Finding] = field(default_factory=list)
    blockers: list[Finding] = field(default_factory=list)
    unchecked: list[Finding] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The most records that any trusted checkpoint of the bundle speaks of."""
        return max((head.size for head in self.own), default=0)

    @property
    def anchored(self) -> int:
        """The most records that an outside checkpoint speaks of."""
        return max((head.size for head in self.anchors), default=0)

    def sizes(self) -> list[int]:
        """Where the root is wanted, ascending."""
        proved = {head.size for _, head in self.proofs.values()}
        return sorted({head.size for head in (*self.own, *self.anchors)} | proved)


def collect(
    folder: Path, keys: Sequence[Verifier], policy: WitnessPolicy, anchors: Mapping[str, str]
) -> Heads:
    """Read and check the signatures of every head of the bundle, of its proofs, and of the outside ones."""
    heads = Heads()
    for path in _files(folder, heads):
        name = path.relative_to(folder).as_posix()
        try:
            text = bundle.read_small(bundle.regular(folder, name))
        except bundle.Unreadable as error:
            heads.blockers.append(Finding(Code.FILE_MISSING, {"why": str(error)}))
            continue
        if path.suffix == ".tlog-proof":
            _proof(heads, name, text, keys)
        else:
            _own(heads, name, text, keys, policy)
    _forks(heads)
    for name, text in anchors.items():
        _anchor(heads, name, text, keys)
    return heads


def _files(folder: Path, heads: Heads) -> Iterable[Path]:
    found = [folder / bundle.CHECKPOINT] if (folder / bundle.CHECKPOINT).exists() else []
    try:
        for place in (bundle.CHECKPOINTS, bundle.PROOFS):
            if (folder / place).is_dir():
                found += sorted((folder / place).iterdir())
    except OSError as error:
        heads.blockers.append(Finding(Code.FILE_MISSING, {"why": str(error)}))
    return found


def _own(heads: Heads, name: str, text: str, keys: Sequence[Verifier], policy: WitnessPolicy) -> None:
    head = _trusted(heads, name, text, keys)
    if head is None:
        return
    heads.own.append(Head(name, head.size, head.root))
    try:
        seen = cosignatures(text, policy.witnesses.values())
    except SignatureInvalid:
        heads.problems.append(Finding(Code.COSIGNATURE, {"name": name}))
        return
    if policy.satisfied(seen.keys()):
        heads.witnessed = max(heads.witnessed, head.size)


def _trusted(heads: Heads, name: str, text: str, keys: Sequence[Verifier]) -> Checkpoint | None:
    """The head when a trusted key signed it; otherwise the reason is noted."""
    try:
        return open_checkpoint(text, keys)
    except SignatureInvalid:
        heads.problems.append(Finding(Code.CHECKPOINT_SIGNATURE, {"name": name}))
    except UnknownKey:
        # Our log's name under a foreign key is what a rewrite without the key looks like.
        if parse_checkpoint(text)[0].origin in {key.name for key in keys}:
            heads.problems.append(Finding(Code.CHECKPOINT_KEY, {"name": name}))
        else:
            heads.blockers.append(Finding(Code.UNKNOWN_KEY, {"name": name}))
    except NoteError as error:
        heads.problems.append(Finding(Code.CHECKPOINT_UNREADABLE, {"name": name, "why": str(error)}))
    return None


def _proof(heads: Heads, name: str, text: str, keys: Sequence[Verifier]) -> None:
    try:
        proof = parse_proof(text)
    except ProofError as error:
        heads.problems.append(Finding(Code.PROOF_INVALID, {"name": name, "why": str(error)}))
        return
    head = _trusted(heads, name, proof.checkpoint, keys)
    if head is not None:
        heads.own.append(Head(name, head.size, head.root))
        heads.proofs[name] = (proof, head)


def _forks(heads: Heads) -> None:
    roots: dict[int, bytes] = {}
    for head in heads.own:
        if roots.setdefault(head.size, head.root) != head.root:
            heads.problems.append(Finding(Code.CHECKPOINT_FORK, {"name": head.name, "size": head.size}))


def _anchor(heads: Heads, name: str, text: str, keys: Sequence[Verifier]) -> None:
    """An outside checkpoint counts by its root even when its key is unknown: the outsider vouches for it."""
    try:
        head, _ = parse_checkpoint(text)
        if head.origin not in {key.name for key in keys}:
            heads.blockers.append(Finding(Code.ANCHOR_OTHER_LOG, {"name": name, "origin": head.origin}))
            return
        known = _known(text, keys)
    except SignatureInvalid:
        heads.blockers.append(Finding(Code.ANCHOR_SIGNATURE, {"name": name}))
        return
    except NoteError as error:
        heads.blockers.append(Finding(Code.INPUT_UNREADABLE, {"name": name, "why": str(error)}))
        return
    if head.size == 0:
        heads.unchecked.append(Finding(Code.ANCHOR_EMPTY, {"name": name}))
        return
    if not known:
        heads.unchecked.append(Finding(Code.ANCHOR_KEY, {"name": name}))
    heads.anchors.append(Head(name, head.size, head.root, known))


def _known(text: str, keys: Sequence[Verifier]) -> bool:
    try:
        open_checkpoint(text, keys)
    except UnknownKey:
        return False
    return True
