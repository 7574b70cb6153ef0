"""Words of the policy's pages: groups of permissions, places, and what would turn a refusal round."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from flask import Flask
from flask_babel import lazy_gettext as _l

from accessctl.access.explain import label
from accessctl.domain.permissions import Case, Permission
from accessctl.services.policy_matrix import COLUMNS, Row, cases_in_words
from accessctl.web.context import runtime
from accessctl.web.i18n import language

GROUPS = {
    "business": _l("Nghiệp vụ trong cơ sở dữ liệu của đơn vị"),
    "leases": _l("Nhận sử dụng tài khoản"),
    "accounts": _l("Tài khoản dùng chung"),
    "custody": _l("Cán bộ quản lý tài khoản"),
    "people": _l("Cán bộ và vai trò"),
    "offices": _l("Đơn vị, giờ làm việc, cơ sở dữ liệu"),
    "dossiers": _l("Hồ sơ cấp lại thẻ"),
    "blanks": _l("Phôi thẻ"),
    "evidence": _l("Nhật ký và phát hiện"),
    "reports": _l("Báo cáo trách nhiệm"),
    "policy": _l("Chính sách phân quyền"),
    "service": _l("Sự cố, phản ánh, nhiệm vụ, thông báo"),
}
PLACES = {
    "any": _l("mọi đơn vị"),
    "own": _l("đơn vị của mình"),
    "foreign": _l("đơn vị khác"),
    "head": _l("trụ sở BHXH tỉnh"),
    "some": _l("một số đơn vị"),
}
SHORT_PLACES = {
    "any": _l("mọi"),
    "own": _l("mình"),
    "foreign": _l("khác"),
    "head": _l("trụ sở"),
    "some": _l("một số"),
}
"""As they fit into a cell of the matrix."""
CHANGES = {
    "role": _l("Nếu có thêm vai trò:"),
    "without": _l("Nếu không giữ vai trò:"),
    "case": _l("Nếu là trường hợp:"),
    "own": _l("Nếu là:"),
    "foreign": _l("Nếu là:"),
}


def register(app: Flask) -> None:
    """Names for the templates."""
    app.jinja_env.filters.update(in_groups=in_groups, case_name=lambda word: policy_word("cases", word))
    app.jinja_env.globals.update(
        POLICY_GROUPS=GROUPS,
        PLACES=PLACES,
        SHORT_PLACES=SHORT_PLACES,
        POLICY_CHANGES=CHANGES,
        policy_word=policy_word,
        policy_words=policy_words,
        in_language=in_language,
        when_in_words=when_in_words,
    )


def policy_word(table: str, word: str) -> str:
    """What a word of the policy is called in the reader's language; `table` as in labels.toml."""
    found = runtime().gate.table
    return label(found.policy, table, word, language()) if found else word


def policy_words(table: str) -> list[tuple[str, str]]:
    """All words of a table with their names, for choosing."""
    words = {"permissions": tuple(Permission), "cases": tuple(Case), "roles": COLUMNS}[table]
    return [(str(word), policy_word(table, str(word))) for word in words]


def in_language(thing: Any, vi: str = "vi", en: str = "en") -> str:
    """The field of a thing that holds its words in the reader's language."""
    said: str = getattr(thing, vi if language() == "vi" else en)
    return said


def when_in_words(cases: tuple[str, ...]) -> str:
    """Cases by the name of their group where they are one, else one by one."""
    found = runtime().gate.table
    return cases_in_words(found.policy, cases, language()) if found else ", ".join(cases)


def in_groups(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """Rows of the matrix with the group that they stand in, in their order."""
    return [(group, list(found)) for group, found in groupby(rows, key=lambda row: row.group)]
