"""Where a notice leads: the page of the thing it is about, whose own gate decides whether it opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _l

from accessctl.domain.notices import NoticeGroup
from accessctl.domain.notices import NoticeKind as K
from accessctl.services.notices import NoticeView
from accessctl.web.display import day
from accessctl.web.navigation import exists

ICONS = {
    NoticeGroup.USE: "key",
    NoticeGroup.ACCOUNTS: "lock",
    NoticeGroup.CUSTODY: "user-shield",
    NoticeGroup.FINDINGS: "alert-triangle",
    NoticeGroup.PEOPLE: "user-circle",
}

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """An endpoint, what its address needs, and what the button says."""

    endpoint: str
    values: Callable[[Facts], dict[str, Any]]
    label: Any


_LEASE = Way("leases.show", lambda about: {"lease_id": about["lease"]}, _l("Xem phiên sử dụng"))
_DESK = Way("desk.index", lambda _: {}, _l("Đến bàn làm việc"))
_APPROVAL = Way("approvals.show", lambda about: {"identity": about["approval"]}, _l("Xem đề nghị"))
_ACCOUNT = Way("accounts.show", lambda about: {"name": about["account"]}, _l("Xem tài khoản"))
_OFFICE = Way("custody.office", lambda about: {"office": about["office"]}, _l("Xem phân công"))
_WAIVER = Way("waivers.show", lambda about: {"number": about["waiver"]}, _l("Xem ngoại lệ"))
_CONTACTS = Way("custody.versions", lambda about: {"office": about["office"]}, _l("Xem danh sách"))
_FINDING = Way("findings.show", lambda about: {"identity": about["of"]}, _l("Xem phát hiện"))
_OFFICER = Way("officers.show", lambda about: {"username": about["username"]}, _l("Xem cán bộ"))
_ROLES = Way("roles.index", lambda _: {}, _l("Xem vai trò chờ ý kiến"))
_POLICY = Way("policy_changes.show", lambda about: {"number": about["change"]}, _l("Xem đề nghị"))
_SESSIONS = Way("me.sessions", lambda _: {}, _l("Xem nơi đang đăng nhập"))
_USE = Way(
    "journal.index",
    lambda about: {
        "host": about["office"],
        "since": day(about["day"]),
        "until": day(about["day"]),
        "event": "lease.checkout",
    },
    _l("Xem trong nhật ký"),
)

_WAYS = {
    K.CHECKOUT: _LEASE,
    K.CUSTODIAN_BORROWED: _LEASE,
    K.LEASE_REVOKED: _LEASE,
    K.QUEUE_ENDED: _LEASE,
    K.QUEUE_TURN: _DESK,
    K.HOST_USE: _USE,
    K.APPROVAL_ASKED: _APPROVAL,
    K.APPROVAL_GIVEN: _APPROVAL,
    K.APPROVAL_DECLINED: _APPROVAL,
    K.ACCOUNT_LOCKED: _ACCOUNT,
    K.UNLOCK_ASKED: _ACCOUNT,
    K.ACCOUNT_UNLOCKED: _ACCOUNT,
    K.ACCOUNT_ROTATED: _ACCOUNT,
    K.ACCOUNT_RETIRED: _ACCOUNT,
    K.ACCOUNT_QUARANTINED: _ACCOUNT,
    K.ACCOUNT_RELEASED: _ACCOUNT,
    K.APPOINTED: _OFFICE,
    K.ACKNOWLEDGED: _OFFICE,
    K.CUSTODY_ENDED: _OFFICE,
    K.SUBSTITUTION_ASKED: _OFFICE,
    K.SUBSTITUTED: _OFFICE,
    K.SUBSTITUTION_DECLINED: _OFFICE,
    K.SUBSTITUTION_OVER: _OFFICE,
    K.WAIVER_GRANTED: _WAIVER,
    K.WAIVER_OVER: _WAIVER,
    K.CONTACTS_PUBLISHED: _CONTACTS,
    K.FINDING: _FINDING,
    K.FINDING_SEVERE: _FINDING,
    K.ROLE_WAITS: _ROLES,
    K.ROLES_WAIT: _ROLES,
    K.ROLE_DECLINED: _ROLES,
    K.POLICY_WAITS: _POLICY,
    K.POLICY_DECIDED: _POLICY,
    K.PASSWORD_CHANGED: _SESSIONS,
    K.OFFICER_RETURNED: _OFFICER,
}
"""Kinds that lead nowhere are not here: all that there is to say stands in the notice."""


def way_of(notice: NoticeView) -> Way | None:
    """The way on, when there is a page for it and the notice says enough to find it."""
    way = _WAYS.get(notice.kind)
    return way if way is not None and exists(way.endpoint) and address_of(notice, way) else None


def address_of(notice: NoticeView, way: Way | None) -> str | None:
    """The address, or None where a fact is missing."""
    try:
        return url_for(way.endpoint, **way.values(notice.about)) if way else None
    except KeyError:
        return None
