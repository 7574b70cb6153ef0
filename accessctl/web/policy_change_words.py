"""A change of the policy in words: by role what is gained and lost, where, in which cases."""

from __future__ import annotations

from flask import Flask
from flask_babel import lazy_gettext as _l

from accessctl.access.compare import by_role
from accessctl.errors import message
from accessctl.services.policy_change import ChangeRow
from accessctl.web.display import Status, place
from accessctl.web.i18n import language

STATES = {
    "IN_FORCE": Status("circle-check", _l("Đang có hiệu lực"), "good"),
    "WAITING": Status("clock", _l("Chờ Giám đốc phê duyệt"), "warn"),
    "APPROVED": Status("history", _l("Đã được bản khác thay thế"), "quiet"),
    "DECLINED": Status("ban", _l("Không được phê duyệt"), "quiet"),
    "WITHDRAWN": Status("arrow-back-up", _l("Đã rút lại"), "quiet"),
}


def register(app: Flask) -> None:
    """Names for the templates."""
    app.jinja_env.globals.update(CHANGE_STATES=STATES, change_state=change_state)
    app.jinja_env.filters.update(by_role=by_role, trouble_words=trouble_words)


def change_state(row: ChangeRow) -> Status:
    """How a change stands."""
    return STATES["IN_FORCE" if row.in_force else row.state]


def trouble_words(code: str, office: str) -> str:
    """Why an office has not applied the policy in force."""
    return message(code, language(), office=place(office))
