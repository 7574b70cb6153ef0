"""The sections a person may open, named by task (ui.md, Frame). What may not be opened is not offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, g, request
from flask_babel import lazy_gettext as _l

from accessctl.domain.permissions import Permission, Role
from accessctl.services import authorize
from accessctl.services.actor import Actor
from accessctl.web.context import runtime

P = Permission


@dataclass(frozen=True, slots=True)
class Section:
    """One entry: shown when the policy allows any of `permissions` at the person's own office."""

    endpoint: str
    icon: str
    label: Any
    purpose: Any
    permissions: tuple[Permission, ...]

    @property
    def blueprint(self) -> str:
        """The pages that belong to the section, for marking the current one."""
        return self.endpoint.partition(".")[0]


SECTIONS = (
    Section(
        "desk.index",
        "cards",
        _l("Bàn làm việc"),
        _l("Nhận sử dụng tài khoản, cấp lại thẻ hoặc hiệu chỉnh thông tin, rồi trả lại"),
        (P.LEASE_OPEN_TKCL, P.LEASE_OPEN_TKHCTT, P.LEASE_OPEN_LOCAL),
    ),
    Section(
        "leases.index",
        "key",
        _l("Tài khoản đang dùng"),
        _l("Ai đang giữ tài khoản, từ lúc nào, cho hồ sơ nào; thu hồi khi cần"),
        (P.LEASE_REVOKE,),
    ),
    Section(
        "custody.contacts",
        "user-shield",
        _l("Cán bộ quản lý"),
        _l("Danh sách thông tin liên hệ của cán bộ quản lý tài khoản ở các đơn vị"),
        (P.CUSTODIAN_VIEW,),
    ),
    Section(
        "journal.index",
        "list-search",
        _l("Nhật ký"),
        _l("Tra cứu ai đã làm gì, lúc nào, bằng tài khoản nào, cho hồ sơ nào"),
        (P.LOG_VIEW,),
    ),
    Section(
        "findings.index",
        "alert-triangle",
        _l("Phát hiện"),
        _l("Những việc hệ thống thấy khác thường và cần người xem xét"),
        (P.FINDING_VIEW,),
    ),
)


_FIRST_FOR = {
    Role.CUSTODIAN_TKCL: "leases.index",
    Role.CUSTODIAN_TKHCTT: "leases.index",
    Role.UNIT_HEAD: "leases.index",
    Role.AUDITOR: "journal.index",
    Role.DIRECTOR: "findings.index",
    Role.DEPUTY_DIRECTOR: "findings.index",
    Role.IT_ADMIN: "leases.index",
}
"""What the role shown first comes for most often; a clerk comes for the desk."""


def register(app: Flask) -> None:
    """The left navigation of every page."""
    app.context_processor(lambda: {"sections": sections(), "current": request.blueprint})


def sections() -> list[Section]:
    """What this person may open, asked of the policy once per request."""
    actor: Actor | None = g.get("actor")
    if actor is None or actor.must_change:
        return []
    if "sections" not in g:
        g.sections = [section for section in SECTIONS if any(allowed(actor, p) for p in section.permissions)]
    found: list[Section] = g.sections
    return found


def main_section(actor: Actor) -> Section | None:
    """The one big button of the start page."""
    wanted = _FIRST_FOR.get(actor.role) if actor.role else None
    found = sections()
    return next((section for section in found if section.endpoint == wanted), found[0] if found else None)


def allowed(actor: Actor, permission: Permission) -> bool:
    """Whether the policy lets this person do this at the own office: for offering, not for acting."""
    return authorize.decide(runtime(), actor, permission, actor.office).allowed
