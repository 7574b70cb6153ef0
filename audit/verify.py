"""Decide whether an exported log is intact, from the bodies (audit.md §3); no stored hash is trusted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from audit import bundle
from audit.entry import decode
from audit.errors import AuditError, EntryError, ProofError
from audit.heads import Head, Heads, collect
from audit.merkle import EMPTY_ROOT, HASH_BYTES, Frontier
from audit.note import Verifier
from audit.policy import NONE, WitnessPolicy, parse_policy
from audit.proof import check_path
from audit.report import Code, Finding, Report
from audit.tiles import WIDTH, TileBuilder, split_tile, tile_path, tile_width

MAX_NAMED = 10  # damaged tiles named in a report


def verify_bundle(
    folder: Path | str,
    *,
    checkpoints: Mapping[str, str] | Iterable[str] = (),
    keys: Iterable[str] = (),
    policy: str | None = None,
    records: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Re-read every body and compare with every signed head.

    `checkpoints` are signed notes that the caller kept elsewhere (optionally by name), `keys` verifier keys
    and `policy` a tlog-policy text from elsewhere; without them the bundle's own are used and the report says
    so. `records` also checks each body's canonical form. `progress` gets the bytes read. Bad input is a
    finding, never an exception.
    """
    if not isinstance(checkpoints, Mapping):
        checkpoints = {f"#{number}": note for number, note in enumerate(checkpoints, 1)}
    verification = _Verification(Path(folder), records=records, progress=progress)
    return verification.run(checkpoints, list(keys), policy)


class _Verification:
    """One run; collects findings instead of stopping at the first."""

    def __init__(self, folder: Path, *, records: bool, progress: Callable[[int], None] | None) -> None:
        self.folder = folder
        self.records = records
        self.progress = progress
        self.problems: list[Finding] = []
        self.blockers: list[Finding] = []
        self.unchecked: list[Finding] = []
        self.first_bad: int | None = None
        self.bad_range: tuple[int, int] | None = None
        self.heads = Heads()
        self.roots: dict[int, bytes] = {}
        self.proved: dict[int, bytes] = {}
        self.tree = TileBuilder(self._compare_tile)
        self.stored_size = 0
        self.tile_differs: int | None = None  # first record whose stored leaf hash is not its body's
        self.tiles_wrong: list[str] = []
        self.tiles_missing = 0
        self.malformed: Finding | None = None
        self.cut = False
        self.digest = sha256()

    def run(self, anchors: Mapping[str, str], keys: list[str], policy_text: str | None) -> Report:
        verifiers = self._keys(keys)
        policy = self._policy(policy_text)
        self.heads = collect(self.folder, verifiers, policy, anchors)
        manifest = self._manifest()
        self.stored_size = manifest.get("size", self.heads.size)
        readable = self._read_bodies()
        if readable:
            self._compare_heads()
            self._check_proofs()
            self._check_manifest(manifest)
        self._check_witnesses(policy)
        self._check_anchors(anchors)
        self._check_sums(readable=readable)
        self._note_unchecked(manifest)
        return self._report(verifiers, manifest)

    # What is needed before the bodies can be judged

    def _keys(self, given: list[str]) -> list[Verifier]:
        name = "--key"
        try:
            lines = [line for text in given for line in text.split("\n") if line]
            if not given:
                name = bundle.KEY
                text = bundle.read_small(bundle.regular(self.folder, bundle.KEY))
                lines = [line for line in text.split("\n") if line]
            found = [Verifier.from_text(line) for line in lines]
        except AuditError as error:
            self._block(Code.INPUT_UNREADABLE, name=name, why=str(error))
            return []
        if not given:
            self._skip(Code.KEY_FROM_BUNDLE, name=" ".join(f"{key.name}+{key.key_id.hex()}" for key in found))
        return found

    def _policy(self, given: str | None) -> WitnessPolicy:
        try:
            if given is None:
                policy = parse_policy(bundle.read_small(bundle.regular(self.folder, bundle.POLICY)))
                self._skip(Code.POLICY_FROM_BUNDLE)
            else:
                policy = parse_policy(given)
        except AuditError as error:
            self._block(Code.INPUT_UNREADABLE, name=bundle.POLICY, why=str(error))
            return WitnessPolicy()
        if policy.quorum == NONE:
            self._skip(Code.NO_WITNESS)
        return policy

    def _manifest(self) -> dict[str, int]:
        try:
            manifest = bundle.read_manifest(self.folder)
        except bundle.Unreadable as error:
            self._block(Code.FILE_MISSING, why=str(error))
            return {}
        numbers = {key: manifest.get(key) for key in ("size", "unsequenced")}
        if not all(type(value) is int and 0 <= value < 2**63 for value in numbers.values()):
            self._block(Code.FILE_MISSING, why=f"{bundle.MANIFEST}: size, unsequenced")
            return {}
        return {key: value for key, value in numbers.items() if isinstance(value, int)}

    # The one pass over the bodies

    def _read_bodies(self) -> bool:
        try:
            lines = bundle.Lines(bundle.regular(self.folder, bundle.EVENTS), self.digest)
            self._stream(lines)
        except bundle.LineTooLong:
            self.cut = True
        except bundle.Unreadable as error:
            self._block(Code.FILE_MISSING, why=str(error))
            return False
        self.cut = self.cut or lines.cut
        self.tree.finish()
        return True

    def _stream(self, lines: bundle.Lines) -> None:
        tree, append, hashed = self.tree, self.tree.append, sha256
        stops = iter(self.heads.sizes())
        stop = next(stops, -1)
        if stop == 0:
            self.roots[0] = EMPTY_ROOT
            stop = next(stops, -1)
        wanted = {proof.index for proof, _ in self.heads.proofs.values()}
        for index, leaf in enumerate(lines):
            digest = hashed(b"\x00" + leaf).digest()
            append(digest)
            if index + 1 == stop:
                self.roots[stop] = tree.root()
                stop = next(stops, -1)
            if index in wanted:
                self.proved[index] = digest
            if self.records and self.malformed is None:
                self._check_form(index, leaf)
            if self.progress is not None and not index & 0x3FFF:
                self.progress(lines.read)

    def _check_form(self, index: int, leaf: bytes) -> None:
        try:
            decode(leaf)
        except EntryError as error:
            self.malformed = Finding(Code.RECORD_MALFORMED, {"index": index, "why": str(error)})

    def _compare_tile(self, level: int, index: int, data: bytes) -> None:
        """Stored hashes are only compared: they help to find a bad record, they prove nothing."""
        width = tile_width(self.stored_size, level, index)
        if width == 0:
            return
        stored = self._stored(level, index, width)
        if stored is None:
            self.tiles_missing += 1
        elif stored != data:
            self.tiles_wrong += [tile_path(level, index, width)] if len(self.tiles_wrong) < MAX_NAMED else []
            if level == 0 and self.tile_differs is None:
                pairs = enumerate(zip(split_tile(data), split_tile(stored), strict=False))
                self.tile_differs = next((index * WIDTH + at for at, (our, its) in pairs if our != its), None)

    def _stored(self, level: int, index: int, width: int) -> bytes | None:
        try:
            path = bundle.regular(self.folder, tile_path(level, index, width))
            with path.open("rb") as file:
                return file.read(width * HASH_BYTES + 1)
        except (bundle.Unreadable, OSError):
            return None

    # Judging

    def _compare_heads(self) -> None:
        count = self.tree.size
        contradicted = (
            head for head in self._ascending() if self.roots.get(head.size, head.root) != head.root
        )
        wrong = next(contradicted, None)
        missing = [head for head in self.heads.own if head.size > count]
        if missing:
            newest = max(missing, key=lambda head: head.size)
            self._accuse(Code.TAIL_MISSING, name=newest.name, size=newest.size, count=count)
        if self.cut:
            self._accuse(Code.RECORD_CUT, index=max(0, count - 1))
        if wrong is not None:
            self._locate(wrong)
        elif missing:
            self._locate(min(missing, key=lambda head: head.size))
        elif self.heads.own and count > self.heads.size:
            self._accuse(Code.TAIL_UNCOVERED, count=count - self.heads.size, index=self.heads.size)
            self.first_bad = self.heads.size
        if not self.problems and not self.heads.problems:
            for name in self.tiles_wrong:
                self._accuse(Code.TILE_DAMAGED, name=name)
        if self.malformed is not None:
            self.problems.append(self.malformed)
        if not self.heads.own:
            self._block(Code.NO_CHECKPOINT)

    def _ascending(self) -> list[Head]:
        """Trusted heads, smallest first; at one size the bundle's own before the outsider's."""
        known = [head for head in self.heads.anchors if head.known]
        return sorted([*self.heads.own, *known], key=lambda head: head.size)

    def _locate(self, bad: Head) -> None:
        """Name the first bad record below a head that the bodies contradict, as exactly as can be told."""
        # Heads of a rewritten bundle agree with its bodies: below an outside head only outside heads count.
        outside = self.heads.anchors
        witnesses = outside if bad in outside else [*self.heads.own, *outside]
        sound = [head.size for head in witnesses if self.roots.get(head.size) == head.root]
        first, last = max((size for size in sound if size < bad.size), default=0), bad.size - 1
        if self._stored_root(bad.size) == bad.root:  # the stored leaf hashes are the signed ones
            first = last = self.tree.size if self.tile_differs is None else self.tile_differs
        if first == last or first == self.tree.size:
            self.first_bad = first
        else:
            self.bad_range = (first, last)
        if first == self.tree.size:
            return  # all that is there is right; what is missing was told already
        if first == last:
            self._accuse(Code.RECORD_CHANGED, index=first)
        else:
            self._accuse(Code.RANGE_CHANGED, first=first, last=last)

    def _stored_root(self, size: int) -> bytes | None:
        """Root over the first `size` stored leaf hashes; None when they are not all there."""
        frontier = Frontier.empty()
        while frontier.size < min(size, self.stored_size):
            index = frontier.size // WIDTH
            width = tile_width(self.stored_size, 0, index)
            stored = self._stored(0, index, width)
            if stored is None or len(stored) != width * HASH_BYTES:
                return None
            for item in split_tile(stored)[: size - frontier.size]:
                frontier.append(item)
        return frontier.root() if frontier.size == size else None

    def _check_proofs(self) -> None:
        for name, (proof, head) in self.heads.proofs.items():
            leaf = self.proved.get(proof.index)
            try:
                if leaf is None:
                    raise ProofError(f"no record {proof.index}")
                check_path(proof, leaf, head)
            except ProofError as error:
                self._accuse(Code.PROOF_INVALID, name=name, why=str(error))

    def _check_manifest(self, manifest: Mapping[str, int]) -> None:
        if manifest and manifest["size"] != self.tree.size:
            self._accuse(Code.MANIFEST_WRONG, size=manifest["size"], count=self.tree.size)

    def _check_witnesses(self, policy: WitnessPolicy) -> None:
        if policy.quorum == NONE or not self.heads.own:
            return
        if self.heads.witnessed == 0 and self.heads.size > 0:
            self._accuse(Code.QUORUM)
        elif self.heads.witnessed < self.heads.size:
            self._skip(Code.NOT_WITNESSED, index=self.heads.witnessed)

    def _check_anchors(self, given: Mapping[str, str]) -> None:
        count = self.tree.size
        for head in self.heads.anchors:
            if head.size > count:
                self._accuse(Code.ANCHOR_ROLLBACK, name=head.name, size=head.size, count=count)
            elif self.roots.get(head.size) != head.root:
                self._accuse(Code.ANCHOR_FORK, name=head.name, size=head.size)
        if not given:
            self._skip(Code.NO_ANCHOR)
        elif self.heads.anchored < count:
            self._skip(Code.ANCHOR_PARTIAL, index=self.heads.anchored)

    def _check_sums(self, *, readable: bool) -> None:
        try:
            sums = bundle.read_sums(self.folder)
        except bundle.Unreadable as error:
            self._block(Code.FILE_MISSING, why=str(error))
            return
        for name, digest in sums.items():
            if name == bundle.EVENTS and readable and not self.cut:
                found = self.digest.hexdigest()
            else:
                try:
                    found = bundle.file_digest(bundle.regular(self.folder, name))
                except bundle.Unreadable as error:
                    self._block(Code.FILE_MISSING, why=str(error))
                    continue
            if found != digest:
                self._accuse(Code.SUM_MISMATCH, name=name)
        self._check_unlisted(sums)

    def _check_unlisted(self, sums: Mapping[str, str]) -> None:
        names = (
            (Path(place) / name).relative_to(self.folder).as_posix()
            for place, _, files in os.walk(self.folder)
            for name in files
        )
        extra = sorted(name for name in names if name not in sums and name != bundle.SUMS)
        if extra:
            self._skip(Code.UNLISTED, count=len(extra), name=extra[0])

    def _note_unchecked(self, manifest: Mapping[str, int]) -> None:
        if manifest.get("unsequenced"):
            self._skip(Code.UNSEQUENCED, count=manifest["unsequenced"])
        if self.tiles_missing:
            self._skip(Code.TILES_MISSING, count=self.tiles_missing)
        if not self.records:
            self._skip(Code.FORM_UNCHECKED)

    def _report(self, verifiers: list[Verifier], manifest: Mapping[str, int]) -> Report:
        return Report(
            origin=verifiers[-1].name if verifiers else "",
            size=self.tree.size,
            root=self.tree.root(),
            checkpoints=len({head.size for head in self.heads.own}),
            anchored=self.heads.anchored,
            witnessed=self.heads.witnessed,
            unsequenced=manifest.get("unsequenced", 0),
            first_bad=self.first_bad,
            bad_range=self.bad_range,
            problems=(*self.problems, *self.heads.problems),
            blockers=(*self.blockers, *self.heads.blockers),
            unchecked=(*self.unchecked, *self.heads.unchecked),
        )

    def _accuse(self, code: Code, **details: str | int) -> None:
        self.problems.append(Finding(code, details))

    def _block(self, code: Code, **details: str | int) -> None:
        self.blockers.append(Finding(code, details))

    def _skip(self, code: Code, **details: str | int) -> None:
        self.unchecked.append(Finding(code, details))
