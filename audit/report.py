"""What a verification found, in Vietnamese and English, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """Closed vocabulary of findings; part of the `--json` contract."""

    RECORD_CHANGED = "record.changed"
    RANGE_CHANGED = "record.range_changed"
    RECORD_CUT = "record.cut"
    RECORD_MALFORMED = "record.malformed"
    TAIL_MISSING = "tail.missing"
    TAIL_UNCOVERED = "tail.uncovered"
    CHECKPOINT_UNREADABLE = "checkpoint.unreadable"
    CHECKPOINT_SIGNATURE = "checkpoint.signature"
    CHECKPOINT_KEY = "checkpoint.other_key"
    CHECKPOINT_FORK = "checkpoint.fork"
    ANCHOR_FORK = "anchor.fork"
    ANCHOR_ROLLBACK = "anchor.rollback"
    COSIGNATURE = "witness.signature"
    QUORUM = "witness.quorum"
    SUM_MISMATCH = "file.changed"
    TILE_DAMAGED = "tile.damaged"
    PROOF_INVALID = "proof.invalid"
    MANIFEST_WRONG = "manifest.wrong"
    FILE_MISSING = "file.missing"
    NO_CHECKPOINT = "checkpoint.none"
    UNKNOWN_KEY = "key.unknown"
    INPUT_UNREADABLE = "input.unreadable"
    ANCHOR_OTHER_LOG = "anchor.other_log"
    ANCHOR_SIGNATURE = "anchor.signature"
    NO_ANCHOR = "anchor.none"
    ANCHOR_EMPTY = "anchor.empty"
    ANCHOR_KEY = "anchor.key_unknown"
    ANCHOR_PARTIAL = "anchor.partial"
    KEY_FROM_BUNDLE = "key.from_bundle"
    POLICY_FROM_BUNDLE = "policy.from_bundle"
    NO_WITNESS = "witness.none"
    NOT_WITNESSED = "witness.partial"
    UNSEQUENCED = "records.unsequenced"
    FORM_UNCHECKED = "records.form"
    TILES_MISSING = "tile.missing"
    UNLISTED = "file.unlisted"


MESSAGES: dict[Code, tuple[str, str]] = {
    Code.RECORD_CHANGED: (
        "Bản ghi số {index} không phải bản ghi đã được ký: đã bị sửa, xóa, đổi chỗ hoặc chèn.",
        "Record {index} is not the one that was signed: edited, deleted, swapped or inserted.",
    ),
    Code.RANGE_CHANGED: (
        "Có bản ghi bị thay đổi trong khoảng từ số {first} đến số {last}; không xác định được chính xác hơn.",
        "A record between {first} and {last} was changed; it cannot be told more exactly.",
    ),
    Code.RECORD_CUT: ("Bản ghi số {index} bị cắt dở.", "Record {index} is cut off."),
    Code.RECORD_MALFORMED: (
        "Bản ghi số {index} không đúng dạng chuẩn: {why}.",
        "Record {index} is not in canonical form: {why}.",
    ),
    Code.TAIL_MISSING: (
        "Thiếu bản ghi: điểm kiểm tra {name} xác nhận {size} bản ghi, tệp chỉ có {count}.",
        "Records are missing: checkpoint {name} speaks of {size}, the file has {count}.",
    ),
    Code.TAIL_UNCOVERED: (
        "{count} bản ghi cuối, từ số {index}, không được điểm kiểm tra nào xác nhận.",
        "The last {count} records, from {index} on, are under no checkpoint.",
    ),
    Code.CHECKPOINT_UNREADABLE: (
        "Điểm kiểm tra {name} không đọc được: {why}.",
        "Checkpoint {name} cannot be read: {why}.",
    ),
    Code.CHECKPOINT_SIGNATURE: (
        "Chữ ký của điểm kiểm tra {name} không đúng.",
        "The signature of checkpoint {name} is wrong.",
    ),
    Code.CHECKPOINT_KEY: (
        "Điểm kiểm tra {name} mang tên nhật ký này nhưng được ký bằng khóa khác.",
        "Checkpoint {name} bears this log's name but was signed with another key.",
    ),
    Code.CHECKPOINT_FORK: (
        "Hai điểm kiểm tra đã ký cho cùng {size} bản ghi có gốc khác nhau ({name}).",
        "Two signed checkpoints of {size} records have different roots ({name}).",
    ),
    Code.ANCHOR_FORK: (
        "Nhật ký mâu thuẫn với điểm kiểm tra lưu ngoài {name} ({size} bản ghi): nhật ký đã bị viết lại.",
        "The log contradicts the outside checkpoint {name} (size {size}): it was rewritten.",
    ),
    Code.ANCHOR_ROLLBACK: (
        "Điểm kiểm tra lưu ngoài {name} xác nhận {size} bản ghi, nhật ký chỉ có {count}: bị cắt đuôi hoặc "
        "khôi phục từ bản sao lưu cũ.",
        "Outside checkpoint {name} speaks of {size} records, the log has {count}: tail cut or old backup.",
    ),
    Code.COSIGNATURE: (
        "Chữ ký nhân chứng trên điểm kiểm tra {name} không đúng.",
        "A witness cosignature on checkpoint {name} is wrong.",
    ),
    Code.QUORUM: (
        "Không điểm kiểm tra nào có đủ chữ ký nhân chứng theo quy định.",
        "No checkpoint reaches the quorum of witnesses that the policy asks for.",
    ),
    Code.SUM_MISMATCH: ("Tệp {name} không khớp SHA256SUMS.", "File {name} does not match SHA256SUMS."),
    Code.TILE_DAMAGED: (
        "Tệp cây băm {name} sai, trong khi các bản ghi đúng.",
        "Tile {name} is wrong although the records are right.",
    ),
    Code.PROOF_INVALID: ("Chứng minh {name} không đúng: {why}.", "Proof {name} does not hold: {why}."),
    Code.MANIFEST_WRONG: (
        "bundle.json ghi {size} bản ghi, tệp có {count}.",
        "bundle.json speaks of {size} records, the file has {count}.",
    ),
    Code.FILE_MISSING: ("Thiếu hoặc không đọc được tệp: {why}.", "Missing or unreadable file: {why}."),
    Code.NO_CHECKPOINT: (
        "Không có điểm kiểm tra nào được ký bằng khóa đã biết.",
        "There is no checkpoint signed by a known key.",
    ),
    Code.UNKNOWN_KEY: (
        "Điểm kiểm tra {name} thuộc nhật ký khác hoặc được ký bằng khóa không biết.",
        "Checkpoint {name} is of another log or signed by an unknown key.",
    ),
    Code.INPUT_UNREADABLE: ("Không đọc được {name}: {why}.", "Cannot read {name}: {why}."),
    Code.ANCHOR_OTHER_LOG: (
        "Điểm kiểm tra lưu ngoài {name} thuộc nhật ký khác ({origin}).",
        "Outside checkpoint {name} is of another log ({origin}).",
    ),
    Code.ANCHOR_SIGNATURE: (
        "Chữ ký của điểm kiểm tra lưu ngoài {name} không đúng: không dùng được để đối chiếu.",
        "The signature of outside checkpoint {name} is wrong: it cannot serve as an anchor.",
    ),
    Code.NO_ANCHOR: (
        "Không có điểm kiểm tra lưu ngoài: không phát hiện được việc cắt đuôi, khôi phục bản cũ hoặc viết "
        "lại toàn bộ bằng chính khóa của nhật ký.",
        "No outside checkpoint given: a cut tail, an old backup or a rewrite with the log's own key "
        "would not be seen.",
    ),
    Code.ANCHOR_EMPTY: (
        "Điểm kiểm tra lưu ngoài {name} có 0 bản ghi, không chứng minh được gì.",
        "Outside checkpoint {name} has size 0 and proves nothing.",
    ),
    Code.ANCHOR_KEY: (
        "Chưa kiểm tra chữ ký của điểm kiểm tra lưu ngoài {name}: khóa không biết (nội dung thì khớp).",
        "The signature of outside checkpoint {name} was not checked: unknown key (its root does match).",
    ),
    Code.ANCHOR_PARTIAL: (
        "Từ bản ghi số {index} trở đi không có điểm kiểm tra lưu ngoài nào xác nhận.",
        "From record {index} on, no outside checkpoint confirms the log.",
    ),
    Code.KEY_FROM_BUNDLE: (
        "Khóa lấy từ chính bản trích xuất ({name}): đề nghị so sánh với khóa nhận được bằng đường khác.",
        "The key came from the bundle itself ({name}): compare it with one from elsewhere.",
    ),
    Code.POLICY_FROM_BUNDLE: (
        "Quy định về nhân chứng lấy từ chính bản trích xuất.",
        "The witness policy came from the bundle itself.",
    ),
    Code.NO_WITNESS: ("Quy định không yêu cầu nhân chứng.", "The policy asks for no witness."),
    Code.NOT_WITNESSED: (
        "Từ bản ghi số {index} trở đi đã ký nhưng chưa đủ chữ ký nhân chứng.",
        "From record {index} on, signed but not yet seen by enough witnesses.",
    ),
    Code.UNSEQUENCED: (
        "{count} bản ghi còn chờ đưa vào nhật ký, chưa được điểm kiểm tra nào xác nhận.",
        "{count} records were waiting to be sequenced and are under no checkpoint.",
    ),
    Code.FORM_UNCHECKED: (
        "Chưa kiểm tra dạng chuẩn của từng bản ghi (dùng --records).",
        "The canonical form of each record was not checked (use --records).",
    ),
    Code.TILES_MISSING: (
        "Thiếu {count} tệp cây băm: vị trí bản ghi sai có thể chỉ xác định được theo khoảng.",
        "{count} tiles are missing: a bad record may be told only as a range.",
    ),
    Code.UNLISTED: (
        "{count} tệp không có trong SHA256SUMS, ví dụ {name}.",
        "{count} files are not in SHA256SUMS, for example {name}.",
    ),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with a stable code; `details` holds the names and numbers in it."""

    code: Code
    details: dict[str, str | int] = field(default_factory=dict)

    @property
    def vi(self) -> str:
        """The sentence in Vietnamese."""
        return MESSAGES[self.code][0].format(**self.details)

    @property
    def en(self) -> str:
        """The sentence in English."""
        return MESSAGES[self.code][1].format(**self.details)

    def as_json(self) -> dict[str, object]:
        """Machine form."""
        return {"code": str(self.code), "vi": self.vi, "en": self.en, **self.details}


@dataclass(frozen=True, slots=True)
class Report:
    """`intact` is None when it cannot be told; `problems` speak against the log, `blockers` hide it."""

    origin: str
    size: int
    root: bytes
    checkpoints: int
    anchored: int
    witnessed: int
    unsequenced: int
    first_bad: int | None
    bad_range: tuple[int, int] | None
    problems: tuple[Finding, ...]
    blockers: tuple[Finding, ...]
    unchecked: tuple[Finding, ...]

    @property
    def intact(self) -> bool | None:
        """True only when nothing speaks against the log and nothing needed was missing."""
        if self.problems:
            return False
        return None if self.blockers else True

    @property
    def exit_code(self) -> int:
        """0 intact, 1 not intact, 2 cannot tell (issue contract)."""
        return {True: 0, False: 1, None: 2}[self.intact]

    def as_json(self) -> dict[str, object]:
        """The `--json` form; `bad_range` is inclusive."""
        return {
            "intact": self.intact,
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "checkpoints": self.checkpoints,
            "anchored": self.anchored,
            "witnessed": self.witnessed,
            "unsequenced": self.unsequenced,
            "first_bad": self.first_bad,
            "bad_range": list(self.bad_range) if self.bad_range else None,
            "problems": [item.as_json() for item in self.problems],
            "blockers": [item.as_json() for item in self.blockers],
            "unchecked": [item.as_json() for item in self.unchecked],
        }

    def as_text(self) -> str:
        """For people: the verdict, then each finding, Vietnamese first."""
        lines = [*self._verdict(), f"  {self.origin} · {self.size} · {self.root.hex()}"]
        for sign, items in (("✗", self.problems), ("?", self.blockers), ("!", self.unchecked)):
            for item in items:
                lines += [f"{sign} {item.vi}", f"  {item.en}"]
        return "\n".join(lines)

    def _verdict(self) -> tuple[str, str]:
        match self.intact:
            case None:
                return "KHÔNG KẾT LUẬN ĐƯỢC.", "CANNOT TELL."
            case False:
                return "NHẬT KÝ KHÔNG TOÀN VẸN.", "THE LOG IS NOT INTACT."
        if self.size == 0:
            return "Nhật ký toàn vẹn, chưa có sự kiện nào.", "The log is intact and empty."
        last = self.size - 1
        return f"Nhật ký toàn vẹn đến sự kiện số {last}.", f"The log is intact up to record {last} (from 0)."
