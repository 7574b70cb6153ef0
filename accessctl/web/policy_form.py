"""Words as they come out of the policy's forms; judging them is the services' part."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import StringField

from accessctl.services.policy_ask import Question
from accessctl.services.policy_matrix import Query
from accessctl.web.kept import FlaskForm
from accessctl.web.people_forms import text


class MatrixFilters(FlaskForm):
    """Which part of the matrix, kept in the address."""

    class Meta:
        csrf = False  # a search changes nothing

    words = StringField(_l("Quyền"))
    role = StringField(_l("Vai trò"))
    group = StringField(_l("Nhóm quyền"))

    def query(self) -> Query:
        """The search."""
        return Query(text(self.words), text(self.role), text(self.group))

    @property
    def used(self) -> bool:
        """Whether any filter is set."""
        return any(field.data for field in self)


class AskForm(FlaskForm):
    """A question to the policy, kept in the address."""

    class Meta:
        csrf = False  # a question changes nothing

    person = StringField(_l("Cán bộ (họ tên hoặc tên đăng nhập)"))
    permission = StringField(_l("Được làm việc gì"))
    office = StringField(_l("Ở đơn vị nào"))
    case = StringField(_l("Trong trường hợp nào"))

    def question(self, home: str) -> Question:
        """The question; an office that is not said is the reader's own."""
        return Question(
            text(self.person), text(self.permission), text(self.office) or home, text(self.case) or "none"
        )
