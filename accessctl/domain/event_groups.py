"""Events by what they are about: how a person looks for one among a hundred and more."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from accessctl.domain.events import Event, failed


class EventGroup(StrEnum):
    """A heading with the sources (first parts of the tags) that stand under it; members in the order of a list."""

    vi: str
    en: str
    sources: tuple[str, ...]

    def __new__(cls, key: str, vi: str = "", en: str = "", *sources: str) -> EventGroup:
        """A member is its key; the rest hangs on it (defaults only so that `EventGroup(key)` looks one up)."""
        member = str.__new__(cls, key)
        member._value_ = key
        member.vi, member.en, member.sources = vi, en, sources
        return member

    LEASES = "leases", "Sử dụng tài khoản", "Use of accounts", "lease", "rule", "approval"
    CARDS = (
        "cards",
        "Cấp lại thẻ, hiệu chỉnh thông tin",
        "Reissue and correction",
        "reissue",
        "holder",
        "card",
    )
    WITNESS = "witness", "Cơ sở dữ liệu đơn vị ghi nhận", "Seen by office databases", "db"
    ACCOUNTS = "accounts", "Tài khoản", "Accounts", "account"
    CUSTODY = "custody", "Cán bộ quản lý tài khoản", "Custodians", "custodian", "contactlist"
    SIGN_IN = "sign_in", "Đăng nhập hệ thống", "Signing in", "auth", "session", "token", "mfa", "access"
    PEOPLE = "people", "Cán bộ, vai trò", "Officers and roles", "officer", "role"
    OFFICES = (
        "offices",
        "Đơn vị, lịch làm việc",
        "Offices and calendar",
        "office",
        "province",
        "hours",
        "calendar",
    )
    DATABASES = "databases", "Cài đặt, kết nối cơ sở dữ liệu", "Databases and keys", "officedb", "key"
    DOSSIERS = (
        "dossiers",
        "Hồ sơ, phôi thẻ",
        "Dossiers and blanks",
        "dossier",
        "c02",
        "blank",
        "recall",
        "ims",
    )
    FINDINGS = (
        "findings",
        "Phát hiện, ngoại lệ, đối chiếu",
        "Findings and waivers",
        "finding",
        "waiver",
        "reconciliation",
    )
    INCIDENTS = (
        "incidents",
        "Sự cố, phản ánh, nhiệm vụ",
        "Incidents and duties",
        "incident",
        "feedback",
        "duty",
        "notice",
    )
    POLICY = "policy", "Chính sách phân quyền", "Access policy", "policy"
    LOG = "log", "Nhật ký, báo cáo", "Log and reports", "audit", "report"

    @property
    def events(self) -> tuple[Event, ...]:
        """The events under this heading, as they stand in the vocabulary."""
        return _events(self)

    @property
    def tags(self) -> frozenset[str]:
        """Their tags, failed twins included."""
        return frozenset(tag for event in self.events for tag in (event.value, failed(event)))


@cache
def _events(group: EventGroup) -> tuple[Event, ...]:
    return tuple(event for event in Event if event.source in group.sources)


def tags_of(wanted: str) -> frozenset[str]:
    """The tags that a filter asks for: an event with its twin, a twin alone, or a whole `group:<key>`."""
    if wanted.startswith("group:"):
        known = {group.value: group for group in EventGroup}
        group = known.get(wanted.removeprefix("group:"))
        return group.tags if group else frozenset()
    return frozenset({wanted, wanted + ".failed"})
