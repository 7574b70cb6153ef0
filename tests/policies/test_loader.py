"""Every trap of policy.md §1, and every way in which a line can get lost, is refused with file and reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, FILES, LABELS, OBJECTS, PolicyBroken, load
from accessctl.domain.permissions import Permission

Spoil = Callable[..., None]
AUDITOR = "p, auditor,          any,     any-office,  class:change,            any-case,       deny\n"
CARD = "p, card,             foreign, any-office,  lease:open.tkcl,         servable-case,  allow\n"


def refusal(folder: Path) -> PolicyBroken:
    with pytest.raises(PolicyBroken) as caught:
        load(folder)
    return caught.value


def test_the_policy_of_the_repository_loads_and_its_version_is_64_hex_digits() -> None:
    policy = load()
    assert len(policy.version) == 64
    assert set(policy.classes) == set(Permission)


CHANGES = {
    "Deny with a capital, which Casbin skips": (AUDITOR, AUDITOR.replace("deny", "Deny"), "unknown_effect"),
    "an effect that is neither": (AUDITOR, AUDITOR.replace("deny", "refuse"), "unknown_effect"),
    "an unknown line type, which Casbin skips": (AUDITOR, AUDITOR.replace("p,", "p2,"), "unknown_type"),
    "a line type with a capital": (AUDITOR, AUDITOR.replace("p,", "P,"), "bad_line"),
    "a person given a role in the file": (AUDITOR, AUDITOR + "g, an, card, CJT\n", "unknown_type"),
    "a value too few": (AUDITOR, AUDITOR.replace(" any-case,", ""), "wrong_arity"),
    "a value too many": (AUDITOR, AUDITOR.replace("deny", "deny, deny"), "wrong_arity"),
    "a class line with three values": (
        "g3, none,                    case",
        "g3, none, case, x",
        "wrong_arity",
    ),
    "a note after the rule": (AUDITOR, AUDITOR.replace("deny", "deny # since April"), "trailing_comment"),
    "a role nobody knows": (CARD, CARD.replace("card,", "cards,"), "unknown_role"),
    "a permission nobody knows": (CARD, CARD.replace("open.tkcl", "open.tkc"), "unknown_permission"),
    "a case nobody knows": (CARD, CARD.replace("servable-case", "stolen"), "unknown_case"),
    "a scope nobody knows": (CARD, CARD.replace("foreign", "abroad"), "unknown_scope"),
    "an office group nobody knows": (CARD, CARD.replace("any-office", "some-office"), "unknown_office_class"),
    "a single office in a rule": (CARD, CARD.replace("any-office", "CJT"), "unknown_office_class"),
    "a wildcard for a permission": (CARD, CARD.replace("lease:open.tkcl", "*"), "wildcard"),
    "a wildcard for a case": (CARD, CARD.replace("servable-case", "*"), "wildcard"),
    "a wildcard behind a prefix": (CARD, CARD.replace("open.tkcl", "*"), "wildcard"),
    "an allow line for a whole class": (CARD, CARD.replace("lease:open.tkcl", "class:business"), "too_broad"),
    "a guard for one office only": (AUDITOR, AUDITOR.replace("any-office", "head-office"), "too_narrow"),
    "the same line twice": (CARD, CARD + CARD, "duplicate"),
    "a line and its contrary": (CARD, CARD + CARD.replace("allow", "deny"), "duplicate"),
    "an empty value": (CARD, CARD.replace("card,", ","), "bad_line"),
    "a tab": (CARD, CARD.replace("card,", "card,\t"), "hidden_character"),
    "Windows line ends": (CARD, CARD.replace("\n", "\r\n"), "hidden_character"),
    "a bare carriage return": (CARD, CARD.replace("\n", "\r"), "hidden_character"),
    "a zero-width space": (CARD, CARD.replace("card,", "card\u200b,"), "hidden_character"),
    "a line separator inside a comment": ("# --- Phôi thẻ", "# --- Phôi\u2028thẻ", "hidden_character"),
    "letters that look the same": (CARD, CARD.replace("card,", "\u0441ard,"), "bad_line"),
    "blanks before a rule": (CARD, " " + CARD, "bad_line"),
    "blanks after a rule": (CARD, CARD.replace("\n", " \n"), "bad_line"),
    "quotes": (CARD, CARD.replace("card,", '"card",'), "bad_line"),
    "brackets, which Casbin nests": (CARD, CARD.replace("card,", "(card, it_admin),"), "bad_line"),
    "a rule turned into a comment": (AUDITOR, "# " + AUDITOR, "commented_rule"),
    "a rule behind a bare hash": (AUDITOR, "#" + AUDITOR, "commented_rule"),
    "a comment that grew from a rule": (AUDITOR, AUDITOR.replace("p,", "#,"), "bad_comment"),
    "a permission of two classes": (
        "g2, card:reissue,            class:business",
        "g2, card:reissue,            class:business\ng2, card:reissue,            class:read",
        "classified_twice",
    ),
    "a permission of no class": ("g2, card:reissue,            class:business\n", "", "unclassified"),
    "a permission that is not declared": ("g3, card:reissue,            perm\n", "", "undeclared"),
    "an office declared in the file": ("g2, VPT,", "g3, CJT, office\ng2, VPT,", "unknown_vocabulary"),
    "a class nobody knows": (
        "g2, VPT,                     head-office",
        "g2, VPT, any-where",
        "unknown_class",
    ),
    "a class inside a class": ("g2, VPT,", "g2, class:read,  class:change\ng2, VPT,", "unknown_permission"),
    "any-case without one of the cases": ("g2, self,                    any-case\n", "", "wrong_group"),
    "not-self with self in it": (
        "g2, none,                    not-self",
        "g2, self, not-self",
        "wrong_group",
    ),
    "an office code that is none": ("g2, VPT,", "g2, vpt,", "unknown_office"),
}

WHOLE_FILE = ("unclassified", "undeclared", "wrong_group")  # something is missing: there is no line to name


@pytest.mark.parametrize(("old", "new", "code"), CHANGES.values(), ids=CHANGES.keys())
def test_the_loader_refuses(folder: Path, spoil: Spoil, old: str, new: str, code: str) -> None:
    text = (folder / CONSOLE_RULES).read_text(encoding="utf-8")
    spoil(old, new)
    error = refusal(folder)
    assert (error.code, error.file) == (code, CONSOLE_RULES)
    if code not in WHOLE_FILE:
        first = text[: text.index(old)].count("\n") + 1
        assert error.line in range(first, first + new.count("\n") + 1)


def test_an_office_that_the_province_does_not_have_is_refused_when_the_offices_are_given(
    folder: Path,
) -> None:
    assert load(folder, offices={"VPT"}).head_offices == {"VPT"}
    with pytest.raises(PolicyBroken, match="VPT is not a known office"):
        load(folder, offices={"CJT"})


@pytest.mark.parametrize("file", FILES)
def test_a_byte_order_mark_which_makes_casbin_lose_the_first_line_is_refused(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert refusal(folder).code == "byte_order_mark"


@pytest.mark.parametrize("file", FILES)
def test_bytes_that_are_not_utf8_are_refused_with_their_line(folder: Path, file: str) -> None:
    path = folder / file
    path.write_bytes(path.read_bytes() + b"# \xff\n")
    error = refusal(folder)
    assert (error.code, error.file) == ("not_utf8", file)
    assert error.line == path.read_bytes().count(b"\n")


@pytest.mark.parametrize("file", FILES)
def test_vietnamese_text_in_form_NFD_is_refused(folder: Path, file: str) -> None:
    path = folder / file
    path.write_text(unicodedata.normalize("NFD", path.read_text(encoding="utf-8")), encoding="utf-8")
    assert refusal(folder).code == "not_nfc"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"# only a comment\n", b"# end of policy: 0 allow, 0 deny, 0 words\n"]
)
@pytest.mark.parametrize("file", [CONSOLE_RULES, ACCOUNT_RULES])
def test_an_empty_policy_which_casbin_may_answer_with_allow_is_refused(
    folder: Path, file: str, content: bytes
) -> None:
    (folder / file).write_bytes(content)
    assert refusal(folder).code == "empty"


def test_a_policy_with_words_but_no_rule_is_refused(folder: Path) -> None:
    path = folder / CONSOLE_RULES
    lines = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(("p,", "# end"))
    ]
    path.write_text("\n".join([*lines, "# end of policy: 0 allow, 0 deny, 182 words", ""]), encoding="utf-8")
    assert refusal(folder).code == "empty"


def test_a_guard_lost_in_copying_is_noticed_by_the_count(folder: Path, spoil: Spoil) -> None:
    spoil(AUDITOR, "", recount=False)
    assert refusal(folder).code == "wrong_count"


def test_a_guard_turned_into_an_allow_is_noticed_by_the_count(folder: Path, spoil: Spoil) -> None:
    line = "p, it_admin,         any,     any-office,  dossier:view,            any-case,       deny"
    spoil(line, line.replace("deny", "allow"), recount=False)
    assert refusal(folder).code == "wrong_count"


@pytest.mark.parametrize("file", [CONSOLE_RULES, ACCOUNT_RULES])
def test_a_file_cut_off_at_any_line_is_refused(folder: Path, file: str) -> None:
    path = folder / file
    lines = path.read_bytes().splitlines(keepends=True)
    for count in range(0, len(lines), max(1, len(lines) // 20)):
        path.write_bytes(b"".join(lines[:count]))
        assert refusal(folder).code in ("empty", "no_seal", *WHOLE_FILE)
    path.write_bytes(b"".join(lines)[:-1])
    assert refusal(folder).code == "cut_off"


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_refused(folder: Path, file: str) -> None:
    (folder / file).unlink()
    assert (refusal(folder).code, refusal(folder).file) == ("no_file", file)


@pytest.mark.parametrize(
    "name", ["console.policy (copy).csv", "extra.conf", "Console.policy.csv", "more.toml"]
)
def test_a_data_file_that_nobody_would_read_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_text("p, card, any, any-office, log:view, any-case, allow\n", encoding="utf-8")
    assert refusal(folder).code == "unknown_file"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("console.model.conf", "&& !some", "|| !some"),
        ("console.model.conf", "r.home != r.dom", "r.home == r.dom"),
        ("console.model.conf", ' && g3(r.case, "case")', ""),
        ("console.model.conf", "[matchers]\n", "[matchers]\nm2 = true\n"),
        ("console.model.conf", "[policy_effect]\ne", "[policy_effect]\ne2 = some(where (p.eft == allow))\ne"),
        ("console.model.conf", '"office")', '"office") # checked'),
        ("dbaccount.model.conf", "r.kind == p.kind && ", ""),
        ("dbaccount.model.conf", "m = ", "m = \\\n"),
    ],
)
def test_a_model_other_than_the_proven_one_is_refused(
    folder: Path, spoil: Spoil, file: str, old: str, new: str
) -> None:
    spoil(old, new, file=file, recount=False)
    assert (refusal(folder).code, refusal(folder).file) == ("unknown_model", file)


@pytest.mark.parametrize(
    ("file", "old", "new", "code"),
    [
        (ACCOUNT_RULES, "TKCL,     card:reissue", "TKCX,     card:reissue", "unknown_kind"),
        (ACCOUNT_RULES, "TKCL,     card:reissue", "TKCL,     card:all", "unknown_permission"),
        (
            ACCOUNT_RULES,
            "TKCL,     card:reissue,   allow",
            "TKCL,     card:reissue,   Allow",
            "unknown_effect",
        ),
        (ACCOUNT_RULES, "p, TKCL,     card:reissue,   allow", "p, TKCL, card:reissue", "wrong_arity"),
        (ACCOUNT_RULES, "p, TKCL,     card:reissue", "g, TKCL,     card:reissue", "unknown_type"),
        (ACCOUNT_RULES, "TKHCTT,   holder:view", "TKCL,     card:reissue", "duplicate"),
        (ACCOUNT_RULES, "TKHCTT,   holder:view", "TKHCTT,   blank:use", "permission_without_object"),
        (OBJECTS, '"holder:view" = ["EXECUTE bhyt.view_holder(text)"]\n', "", "permission_without_object"),
        (OBJECTS, '["EXECUTE bhyt.view_holder(text)"]', "[]", "permission_without_object"),
        (
            OBJECTS,
            "[objects]",
            '[objects]\n"blank:use" = ["EXECUTE bhyt.use(text)"]',
            "object_without_permission",
        ),
        (OBJECTS, "EXECUTE bhyt.view_holder(text)", "SELECT bhyt.participant", "bad_object"),
        (OBJECTS, "EXECUTE bhyt.view_holder(text)", "EXECUTE bhyt.view_holder(text); DROP", "bad_object"),
        (OBJECTS, "EXECUTE bhyt.view_holder(text)", "EXECUTE bhyt.view_reissue(text)", "duplicate"),
        (OBJECTS, "[objects]", "[object]", "bad_map"),
        (OBJECTS, '"holder:view" =', '"holder:view" = =', "bad_toml"),
        (
            LABELS,
            'none = { vi = "Không có trường hợp riêng", en = "No particular case" }\n',
            "",
            "labels_incomplete",
        ),
        (LABELS, 'vi = "Mất thẻ", en = "Card lost"', 'vi = "Mất thẻ"', "labels_incomplete"),
        (LABELS, 'lost = { vi = "Mất thẻ"', 'lost = { vi = " "', "labels_incomplete"),
        (LABELS, "[cases]", '[cases]\nstolen = { vi = "Trộm", en = "Stolen" }', "labels_incomplete"),
    ],
)
def test_the_other_files_are_checked_as_strictly(
    folder: Path, spoil: Spoil, file: str, old: str, new: str, code: str
) -> None:
    spoil(old, new, file=file)
    assert refusal(folder).code == code


@pytest.mark.parametrize("file", FILES)
def test_the_version_changes_with_any_byte_of_any_file(folder: Path, file: str) -> None:
    before = load(folder).version
    path = folder / file
    path.write_bytes(b"# one more remark\n" + path.read_bytes())
    assert load(folder).version != before
