"""Policy files read as bytes, line by line, refusing whatever Casbin would skip or misread in silence.

Each refusal is a trap reproduced on pycasbin 2.8.0 (policy.md §1) or a way in which a line can get lost.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

LARGEST_FILE = 1_000_000  # bytes; ours have 15,000

_UNSEEN = frozenset(("Cc", "Cf", "Co", "Cn", "Zl", "Zp"))  # Unicode categories of signs that nobody sees
_RULE = re.compile(r"[a-z0-9]+(?:, *[A-Za-z0-9_:.\-]+)+")
_HIDDEN_RULE = re.compile(r"#[#\s]*[pg][0-9]*\s*,")
_SEAL = re.compile(r"# end of policy: ([0-9]+) allow, ([0-9]+) deny, ([0-9]+) words")


class PolicyBroken(Exception):
    """The policy cannot be used; nothing is decided by it. `line` is 0 where the whole file is meant."""

    def __init__(self, code: str, file: str, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message} [{code}]")
        self.code = code
        self.file = file
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Line:
    """One rule line: its type (p, g2, …), its values, and where it stands."""

    file: str
    number: int
    kind: str
    values: tuple[str, ...]

    def broken(self, code: str, message: str) -> PolicyBroken:
        """The refusal that names this line."""
        return PolicyBroken(code, self.file, self.number, message)


@dataclass(frozen=True, slots=True)
class Seal:
    """The closing line's own count of the file: a line lost in copying or merging does not go unseen."""

    allow: int
    deny: int
    words: int


def decode(file: str, data: bytes) -> str:
    """UTF-8 text in NFC without BOM, control or invisible characters, whole to its last line end."""
    if not data.strip():
        raise PolicyBroken("empty", file, 0, "the file is empty")
    if len(data) > LARGEST_FILE:
        raise PolicyBroken("too_large", file, 0, f"larger than {LARGEST_FILE} bytes")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise PolicyBroken(
            "byte_order_mark", file, 1, "starts with a byte order mark: the first rule would be lost"
        )
    try:
        text = data.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyBroken("not_utf8", file, line, "not UTF-8 text") from None
    if hidden := {sign for sign in set(text) - {"\n"} if unicodedata.category(sign) in _UNSEEN}:
        at, character = next((at, sign) for at, sign in enumerate(text) if sign in hidden)
        number = text.count("\n", 0, at) + 1
        raise PolicyBroken(
            "hidden_character", file, number, f"character U+{ord(character):04X} cannot be seen"
        )
    if not unicodedata.is_normalized("NFC", text):
        raise PolicyBroken("not_nfc", file, 0, "text is not in Unicode form NFC")
    if not text.endswith("\n"):
        raise PolicyBroken(
            "cut_off", file, text.count("\n") + 1, "the last line has no end: the file is cut off"
        )
    return text


def rules(file: str, data: bytes) -> list[Line]:
    """The rule lines of a policy file; `check_seal` tells whether they are all."""
    texts = decode(file, data).split("\n")[:-1]
    lines = [
        _rule(file, number, text)
        for number, text in enumerate(texts, start=1)
        if text and not _is_comment(file, number, text)
    ]
    if not lines:
        raise PolicyBroken("empty", file, 0, "the file has no rule")
    return lines


def _is_comment(file: str, number: int, text: str) -> bool:
    if not text.startswith("#"):
        return False
    if _HIDDEN_RULE.match(text):
        raise PolicyBroken("commented_rule", file, number, "a rule turned into a comment; delete it instead")
    if text != "#" and not text.startswith("# "):
        raise PolicyBroken("bad_comment", file, number, "a comment begins with '# '")
    return True


def _rule(file: str, number: int, text: str) -> Line:
    if not _RULE.fullmatch(text):
        if "#" in text:
            raise PolicyBroken(
                "trailing_comment", file, number, "a note after a rule becomes part of its last value"
            )
        if "*" in text:
            raise PolicyBroken("wildcard", file, number, "wildcards are not used: name the words")
        raise PolicyBroken("bad_line", file, number, "not of the form 'p, word, word, …'")
    kind, *values = (value.strip(" ") for value in text.split(","))
    return Line(file, number, kind, tuple(values))


def check_seal(file: str, data: bytes, lines: list[Line]) -> None:
    """Refuse a file whose closing line does not count its lines: one was lost, or deny turned to allow."""
    texts = data.decode("utf-8").split("\n")[:-1]
    found = _counted(lines)
    written = _SEAL.fullmatch(texts[-1])
    if written is None:
        raise PolicyBroken("no_seal", file, len(texts), f"the last line must be '{_sentence(found)}'")
    if Seal(*map(int, written.groups())) != found:
        raise PolicyBroken(
            "wrong_count", file, len(texts), f"lines were lost or added: counted '{_sentence(found)}'"
        )


def line_with(data: bytes, word: str) -> int:
    """The first line of a TOML file that names this key or table header; 0 when there is none."""
    for number, text in enumerate(data.decode("utf-8").split("\n"), start=1):
        if word in (text.strip(), text.partition("=")[0].strip().strip('"')):
            return number
    return 0


def seal_of(lines: list[Line]) -> str:
    """The closing line that these lines ask for."""
    return _sentence(_counted(lines))


def _counted(lines: list[Line]) -> Seal:
    effects = [line.values[-1] for line in lines if line.kind == "p"]
    return Seal(effects.count("allow"), effects.count("deny"), len(lines) - len(effects))


def _sentence(seal: Seal) -> str:
    return f"# end of policy: {seal.allow} allow, {seal.deny} deny, {seal.words} words"
