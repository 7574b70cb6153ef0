"""The catalogue of refusals: complete, bilingual, and told with the facts that the code really gives."""

from __future__ import annotations

import ast
import re
import string
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import accessctl
from accessctl.domain.accounts import AccountState
from accessctl.errors import AccessError, Refused, catalogue, message
from tests.common.each import of_each

PACKAGE = Path(accessctl.__file__).parent
ERRORS = {
    "AccessError",
    "Refused",
    "NotSignedIn",
    "NotFound",
    "Conflict",
    "Invalid",
    "Unavailable",
    "ProvinceError",
}
CODES = sorted(catalogue())


@dataclass(frozen=True)
class Use:
    """A place in the code that raises an error: its code (f-string holes as None) and the facts it gives."""

    where: str
    code: tuple[str | None, ...]
    facts: frozenset[str] | None

    @property
    def literal(self) -> str | None:
        return self.code[0] if len(self.code) == 1 else None

    @property
    def pattern(self) -> str:
        return "".join("[a-z_]+" if part is None else re.escape(part) for part in self.code)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def _written(node: ast.expr) -> Iterator[tuple[str | None, ...]]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield (node.value,)
    elif isinstance(node, ast.IfExp):
        yield from _written(node.body)
        yield from _written(node.orelse)
    elif isinstance(node, ast.JoinedStr):
        parts = (v.value if isinstance(v, ast.Constant) else None for v in node.values)
        yield tuple(p if isinstance(p, str) else None for p in parts)


def uses() -> list[Use]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name not in ERRORS:
                continue
            given = frozenset(k.arg for k in node.keywords if k.arg)
            unknown = any(k.arg is None for k in node.keywords)
            where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            if where.startswith("officedb/"):
                given |= {"office"}  # `connection.worded` adds it to whatever passes
            for code in _written(node.args[1 if name == "ProvinceError" and len(node.args) > 1 else 0]):
                facts = None if unknown or name == "ProvinceError" else given
                found.append(Use(where, code, facts))
    return found


def returned() -> list[str]:
    """Codes that a function of the inner layers hands back for somebody else to raise."""
    found = []
    for layer in ("domain", "officedb", "services"):
        for path in sorted((PACKAGE / layer).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Constant | ast.IfExp):
                    found += [part[0] for part in _written(node.value) if part[0]]
    return [code for code in found if re.fullmatch(r"[a-z]+\.[a-z_]+", code)]


USES = uses()


@of_each("code", CODES)
def test_a_code_has_both_languages_with_the_same_placeholders(code: str) -> None:
    sentences = catalogue()[code]
    assert set(sentences) == {"vi", "en"}
    assert placeholders(sentences["vi"]) == placeholders(sentences["en"])
    for sentence in sentences.values():
        assert sentence == sentence.strip() != ""
        assert unicodedata.is_normalized("NFC", sentence)


def test_the_catalogue_is_sorted_and_holds_each_code_once() -> None:
    text = (PACKAGE / "messages.toml").read_text(encoding="utf-8")
    written = re.findall(r'^\["([^"]+)"\]$', text, flags=re.MULTILINE)
    assert written == sorted(written)
    assert set(written) == set(tomllib.loads(text))


@of_each("code", CODES)
def test_no_sentence_speaks_down_to_the_reader(code: str) -> None:
    words = re.findall(r"\w+", catalogue()[code]["vi"].casefold())
    assert "bạn" not in words
    assert "vui" not in words or "lòng" not in words


def test_there_are_many_places_to_check() -> None:
    assert sum(1 for use in USES if use.literal) > 40


@of_each("use", USES, ids=lambda use: f"{use.where} {use.pattern}")
def test_every_code_that_is_raised_has_its_sentence(use: Use) -> None:
    if use.literal is not None:
        assert use.literal in catalogue()
    else:
        assert any(re.fullmatch(use.pattern, code) for code in CODES)


@of_each(
    "use", [u for u in USES if u.literal in catalogue() and u.facts is not None], ids=lambda u: f"{u.where}"
)
def test_every_sentence_gets_the_facts_it_needs(use: Use) -> None:
    assert use.literal is not None
    assert use.facts is not None
    assert placeholders(message_source(use.literal)) <= use.facts | {"code"}


def message_source(code: str) -> str:
    return catalogue()[code]["vi"]


@of_each("code", returned())
def test_every_code_that_is_handed_back_has_its_sentence(code: str) -> None:
    assert code in catalogue()


@pytest.mark.parametrize("state", list(AccountState))
def test_every_state_of_an_account_can_be_explained(state: AccountState) -> None:
    assert f"account.{state.lower()}" in catalogue()


def outcomes(pattern: str) -> set[str]:
    """The outcomes that the SQL of an office database hands back, other than ok."""
    words: set[str] = set()
    for path in sorted((PACKAGE / "officedb" / "sql").glob(pattern)):
        words |= set(re.findall(r"(?:THEN|outcome :=) '([a-z_]+)'", path.read_text(encoding="utf-8")))
    return words - {"ok"}


def test_every_refusal_of_the_business_functions_can_be_explained() -> None:
    named = "not_found wrong_subject not_in_force not_bhyt_only field_not_listed lease_over bad_input"
    for outcome in outcomes("*_bhyt_*.sql") | set(named.split()):
        assert f"act.{outcome}" in catalogue()


def test_every_refusal_to_lend_in_an_office_database_can_be_explained() -> None:
    lending = outcomes("*_access_lending.sql")
    assert {"account_busy", "clock_skew", "lease_ended"} <= lending
    for outcome in lending:
        assert f"officedb.{outcome}" in catalogue()


@pytest.mark.parametrize(
    "reason", ["no_rule", "denied_by_rule", "policy_broken", "unknown_word", "not_authenticated"]
)
def test_every_answer_of_the_policy_can_be_explained(reason: str) -> None:
    assert f"policy.{reason}" in catalogue()


@pytest.mark.parametrize("why", ["empty", "too_long", "control"])
def test_every_refused_text_can_be_explained(why: str) -> None:
    assert f"input.{why}" in catalogue()


@pytest.mark.parametrize("why", ["already_renewed", "over", "nothing_to_gain"])
def test_every_refused_renewal_can_be_explained(why: str) -> None:
    assert f"lease.not_renewable.{why}" in catalogue()


CUSTODY = set(
    re.findall(r'"(custody\.[a-z_]+)"', (PACKAGE / "domain" / "custody.py").read_text(encoding="utf-8"))
)


def test_every_objection_to_a_custodian_can_be_explained() -> None:
    assert len(CUSTODY) >= 7
    assert set(catalogue()) >= CUSTODY


FOUNDING = {
    code
    for name in ("province.py", "province_file.py")
    for code in re.findall(
        r'"((?:province|officers)\.[a-z_]+)"', (PACKAGE / "domain" / name).read_text(encoding="utf-8")
    )
} - {"province.toml", "officers.csv"}


@of_each("code", sorted(FOUNDING))
def test_every_complaint_about_a_founding_file_names_file_line_and_thing(code: str) -> None:
    assert placeholders(message_source(code)) <= {"file", "line", "what"}
    assert {"file", "line"} <= placeholders(message_source(code))


KEY_MESSAGES = {
    "act.not_bhyt_only": "Hồ sơ này không được hiệu chỉnh tại đơn vị: người tham gia thuộc diện BHXH và "
    "BHYT. Đề nghị hướng dẫn đến {}.",
    "lease.queued": "Tài khoản {} đang được {} sử dụng đến {}. Ông/bà đứng thứ {} trong hàng chờ.",
    "lease.no_custodian_count": "Chưa có cán bộ quản lý {}; {} tài khoản đã tạm ngừng.",
    "act.not_found": "Không tìm thấy người tham gia tại {}. Trả hồ sơ về bộ phận Tiếp nhận để xác định lại.",
    "lease.expired": "Phiên sử dụng đã hết hạn lúc {}; kết nối đã được đóng.",
    "audit.intact": "Nhật ký toàn vẹn đến sự kiện số {}.",
    "dossier.ordinary_procedure": "Người tham gia thuộc diện BHXH và BHYT: đề nghị điều chỉnh qua đơn vị "
    "sử dụng lao động theo thủ tục thông thường.",
    "officedb.drift": "Phát hiện sai lệch quyền tại cơ sở dữ liệu {}: {}.",
}


@pytest.mark.parametrize("code", sorted(KEY_MESSAGES))
def test_the_key_messages_of_the_glossary_stand_word_for_word(code: str) -> None:
    assert re.sub(r"\{\w+\}", "{}", message_source(code)) == KEY_MESSAGES[code]


def test_a_refusal_reads_with_its_facts_in_both_languages() -> None:
    error = Refused("lease.dossier_other_office", dossier="CJT-2018-000123/CLT", office="Đắk Mil")
    assert str(error) == "Hồ sơ CJT-2018-000123/CLT không do Đắk Mil tiếp nhận; chưa giao tài khoản."
    assert message(error.code, "en", **error.facts).startswith("Dossier CJT-2018-000123/CLT was not received")


def test_an_unknown_code_is_an_internal_error_that_can_be_quoted() -> None:
    assert str(AccessError("nobody.wrote_this")).endswith("kèm mã nobody.wrote_this.")


def test_a_missing_fact_never_breaks_an_error_message() -> None:
    assert message("lease.queued", "vi", account="TKCL-CJT-DML").count("…") == 3


def test_a_fact_with_braces_is_only_text() -> None:
    assert "{0} {x!r}" in message("account.unknown", "vi", account="{0} {x!r}")
