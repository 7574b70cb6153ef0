"""The sections a person may open, named by task (ui.md, Frame). What may not be opened is not offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, request
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from accessctl.domain.permissions import Permission, Role
from accessctl.services import authorize
from accessctl.services.actor import Actor
from accessctl.web.context import runtime

P = Permission


@dataclass(frozen=True, slots=True)
class Section:
    """One entry: shown when the policy allows any of `permissions` at the person's own office, and the page exists.

    `also` names further blueprints whose pages belong to the section.
    """

    endpoint: str
    icon: str
    label: Any
    purpose: Any
    permissions: tuple[Permission, ...]
    also: tuple[str, ...] = ()

    def holds(self, blueprint: str | None) -> bool:
        """Whether a page of this blueprint belongs to the section, for marking the current one."""
        return blueprint is not None and blueprint in (self.endpoint.partition(".")[0], *self.also)


SECTIONS = (
    Section(
        "desk.index",
        "cards",
        _l("Bàn làm việc"),
        _l("Nhận sử dụng tài khoản, cấp lại thẻ hoặc hiệu chỉnh thông tin, rồi trả lại"),
        (P.LEASE_OPEN_TKCL, P.LEASE_OPEN_TKHCTT, P.LEASE_OPEN_LOCAL),
    ),
    Section(
        "dossiers.index",
        "file-text",
        _l("Hồ sơ"),
        _l("Tiếp nhận, chuyển, theo dõi và trả kết quả hồ sơ"),
        (P.DOSSIER_VIEW,),
    ),
    Section(
        "matrix.index",
        "layout-grid",
        lazy_pgettext("mục", "Tài khoản"),
        _l("Hình vuông 9 × 9: mọi tài khoản dùng chung, tài khoản nào sẵn sàng, ai đang sử dụng"),
        (P.ACCOUNT_VIEW,),
        ("accounts",),
    ),
    Section(
        "leases.index",
        "key",
        _l("Phiên đang mở"),
        _l("Ai đang giữ tài khoản, từ lúc nào, cho hồ sơ nào; thu hồi khi cần"),
        (P.LEASE_REVOKE, P.LOG_VIEW),
    ),
    Section(
        "custody.contacts",
        "user-shield",
        lazy_pgettext("mục", "Cán bộ quản lý"),
        _l("Danh sách thông tin liên hệ của cán bộ quản lý tài khoản ở các đơn vị"),
        (P.CUSTODIAN_VIEW,),
        ("rules", "approvals", "waivers"),
    ),
    Section(
        "officers.index",
        "users-group",
        lazy_pgettext("mục", "Cán bộ"),
        _l("Danh sách cán bộ, vai trò, điều chuyển và thôi công tác"),
        (P.OFFICER_VIEW,),
        ("roles",),
    ),
    Section(
        "offices.index",
        "building-community",
        lazy_pgettext("mục", "Đơn vị"),
        _l("Các đơn vị, phòng và bộ phận, giờ làm việc, ngày nghỉ"),
        (P.OFFICE_VIEW,),
    ),
    Section(
        "journal.index",
        "list-search",
        _l("Nhật ký"),
        _l("Tra cứu ai đã làm gì, lúc nào, bằng tài khoản nào, cho hồ sơ nào"),
        (P.LOG_VIEW, P.OFFICEDB_VIEW),
    ),
    Section(
        "findings.index",
        "alert-triangle",
        lazy_pgettext("mục", "Phát hiện"),
        _l("Những việc hệ thống thấy khác thường và cần người xem xét"),
        (P.FINDING_VIEW,),
    ),
    Section(
        "reports.index",
        "receipt",
        _l("Báo cáo"),
        _l("Báo cáo trách nhiệm sử dụng tài khoản"),
        (P.REPORT_VIEW,),
    ),
    Section(
        "databases.index",
        "database",
        lazy_pgettext("mục", "Cơ sở dữ liệu"),
        _l("Cơ sở dữ liệu của các đơn vị: tình trạng, phiên bản, đối chiếu, cách ly"),
        (P.OFFICEDB_VIEW,),
        ("drift",),
    ),
    Section(
        "policy.index",
        "shield-lock",
        _l("Chính sách"),
        _l("Chính sách phân quyền: ai được làm gì, ở đâu, do dòng nào"),
        (P.POLICY_VIEW,),
        ("policy_changes",),
    ),
    Section(
        "incidents.index",
        "bolt",
        _l("Sự cố"),
        _l("Báo và xử lý sự cố phần mềm"),
        (P.INCIDENT_RAISE,),
    ),
)
"""Every section there is or will be; one whose page does not exist yet is simply not there."""


@dataclass(frozen=True, slots=True)
class Personal:
    """One entry of the menu behind the person's name."""

    endpoint: str
    icon: str
    label: Any


PERSONAL = (
    Personal("me.index", "id-badge-2", _l("Thông tin của tôi")),
    Personal("notices.index", "bell", _l("Thông báo")),
    Personal("notices.preferences", "mail", _l("Cách nhận thông báo")),
    Personal("me.acts", "history", _l("Việc tôi đã làm")),
    Personal("me.password", "lock", _l("Đổi mật khẩu")),
    Personal("me.second_factor", "shield-lock", _l("Yếu tố xác thực thứ hai")),
    Personal("me.sessions", "login-2", _l("Nơi đang đăng nhập")),
    Personal("me.tokens", "key", _l("Mã truy cập dòng lệnh")),
)
"""What concerns nobody but the person; entries whose page does not exist are not shown."""

_FIRST_FOR = {
    Role.CUSTODIAN_TKCL: "leases.index",
    Role.CUSTODIAN_TKHCTT: "leases.index",
    Role.UNIT_HEAD: "leases.index",
    Role.AUDITOR: "journal.index",
    Role.DIRECTOR: "findings.index",
    Role.DEPUTY_DIRECTOR: "findings.index",
    Role.IT_ADMIN: "matrix.index",
}
"""What the role shown first comes for most often; a clerk comes for the desk."""


def register(app: Flask) -> None:
    """The left navigation of every page."""
    app.context_processor(_frame)
    app.jinja_env.globals.update(exists=exists, allowed=_allowed_here, personal=personal)


def _frame() -> dict[str, Any]:
    """What the frame of every page shows; a policy that cannot be read is said on each of them."""
    broken = g.get("actor") is not None and runtime().policy().broken is not None
    return {"sections": sections(), "current": request.blueprint, "policy_broken": broken}


def sections() -> list[Section]:
    """What this person may open, asked of the policy once per request."""
    actor: Actor | None = g.get("actor")
    if actor is None or actor.held_back:
        return []
    if "sections" not in g:
        there = (section for section in SECTIONS if exists(section.endpoint))
        g.sections = [section for section in there if any(allowed(actor, p) for p in section.permissions)]
    found: list[Section] = g.sections
    return found


def personal() -> list[Personal]:
    """The menu behind the person's name."""
    return [entry for entry in PERSONAL if exists(entry.endpoint)]


def exists(endpoint: str) -> bool:
    """Whether the page is built: a link to what is not there is never shown."""
    return endpoint in current_app.view_functions


def main_section(actor: Actor) -> Section | None:
    """The one big button of the start page."""
    wanted = _FIRST_FOR.get(actor.role) if actor.role else None
    found = sections()
    return next((section for section in found if section.endpoint == wanted), found[0] if found else None)


def allowed(actor: Actor, permission: Permission) -> bool:
    """Whether the policy lets this person do this at the own office: for offering, not for acting."""
    return authorize.decide(runtime(), actor, permission, actor.office).allowed


def _allowed_here(permission: str) -> bool:
    """The same for templates, which name a permission by its word (`account:lock`)."""
    actor: Actor | None = g.get("actor")
    return actor is not None and allowed(actor, Permission(permission))
