"""The closed vocabulary of the audit log, and what each event is called before a reader (domain.md §8.1).

Every event has a failed twin, `<event>.failed`, which carries a reason: failures count as much as successes.
Tags stand in signed records for ever: add at will, never rename, never reuse.
"""

from __future__ import annotations

from enum import StrEnum

FAILED = ".failed"


class Event(StrEnum):
    """What can be recorded; each member is a tag with its Vietnamese and English words."""

    vi: str
    en: str

    def __new__(cls, tag: str, vi: str = "", en: str = "") -> Event:
        """A member is its tag; the words hang on it (defaults only so that `Event(tag)` looks one up)."""
        member = str.__new__(cls, tag)
        member._value_ = tag
        member.vi = vi
        member.en = en
        return member

    # Sign-in and sessions of the service
    AUTH_LOGIN = "auth.login", "Đăng nhập", "Signed in"
    AUTH_LOGOUT = "auth.logout", "Đăng xuất", "Signed out"
    AUTH_LOCKOUT = (
        "auth.lockout",
        "Tạm khóa đăng nhập do nhập sai nhiều lần",
        "Sign-in locked after repeated failures",
    )
    AUTH_PASSWORD_CHANGED = "auth.password_changed", "Đổi mật khẩu", "Password changed"
    AUTH_PASSWORD_RESET = (
        "auth.password_reset",
        "Cấp lại mật khẩu bằng liên kết dùng một lần",
        "Password reset by one-time link",
    )
    SESSION_ENDED = "session.ended", "Kết thúc phiên làm việc", "Working session ended"
    TOKEN_ISSUED = "token.issued", "Cấp mã truy cập", "Access token issued"
    TOKEN_USED = "token.used", "Sử dụng mã truy cập", "Access token used"
    TOKEN_REVOKED = "token.revoked", "Thu hồi mã truy cập", "Access token revoked"
    MFA_ENROLLED = "mfa.enrolled", "Đăng ký yếu tố xác thực thứ hai", "Second factor enrolled"
    MFA_VERIFIED = "mfa.verified", "Xác nhận yếu tố xác thực thứ hai", "Second factor verified"
    MFA_RESET = "mfa.reset", "Đặt lại yếu tố xác thực thứ hai", "Second factor reset"
    MFA_CODES_RENEWED = "mfa.codes_renewed", "Cấp lại mã khôi phục", "Recovery codes renewed"
    AUTH_RESET_ISSUED = (
        "auth.reset_issued",
        "Cấp liên kết đặt lại thông tin đăng nhập",
        "Reset link issued",
    )
    ACCESS_DENIED = "access.denied", "Yêu cầu không được phép", "Not allowed"

    # People, roles, offices
    OFFICER_ADDED = "officer.added", "Thêm cán bộ", "Officer added"
    OFFICER_CHANGED = "officer.changed", "Sửa thông tin cán bộ", "Officer's details changed"
    OFFICER_TRANSFERRED = "officer.transferred", "Điều chuyển cán bộ", "Officer transferred"
    OFFICER_IMPORTED = "officer.imported", "Nhập danh sách cán bộ từ tệp", "Staff file imported"
    OFFICER_LEFT = "officer.left", "Cán bộ thôi công tác", "Officer left"
    OFFICER_RETURNED = "officer.returned", "Cán bộ trở lại công tác", "Officer back in service"
    ROLE_PROPOSED = "role.proposed", "Đề nghị giao vai trò", "Role proposed"
    ROLE_ENTERED = "role.entered", "Nhập vai trò", "Role entered"
    ROLE_APPROVED = "role.approved", "Duyệt giao vai trò", "Role approved"
    ROLE_DECLINED = "role.declined", "Không chấp nhận giao vai trò", "Role declined"
    ROLE_GRANTED = "role.granted", "Giao vai trò", "Role granted"
    ROLE_REVOKED = "role.revoked", "Thu hồi vai trò", "Role withdrawn"
    PROVINCE_APPLIED = "province.applied", "Áp dụng cấu hình tỉnh", "Province configuration applied"
    OFFICE_ADDED = "office.added", "Thêm đơn vị", "Office added"
    OFFICE_CHANGED = "office.changed", "Sửa thông tin đơn vị", "Office changed"
    OFFICE_MERGED = "office.merged", "Sáp nhập đơn vị", "Office merged"
    OFFICE_SPLIT = "office.split", "Chia tách đơn vị", "Office split"
    OFFICE_CLOSED = "office.closed", "Đơn vị ngừng hoạt động", "Office closed"
    HOURS_WINDOW = "hours.window", "Mở cửa sổ làm việc ngoài giờ", "Extra hours opened"
    CALENDAR_OVERRIDDEN = "calendar.overridden", "Điều chỉnh lịch làm việc", "Working calendar overridden"
    OFFICEDB_INSTALLED = "officedb.installed", "Cài đặt tại cơ sở dữ liệu đơn vị", "Office database installed"
    OFFICEDB_UPGRADED = "officedb.upgraded", "Nâng cấp tại cơ sở dữ liệu đơn vị", "Office database upgraded"
    OFFICEDB_UNREACHABLE = (
        "officedb.unreachable",
        "Mất kết nối cơ sở dữ liệu đơn vị",
        "Office database unreachable",
    )
    OFFICEDB_RESTORED = (
        "officedb.restored",
        "Kết nối lại cơ sở dữ liệu đơn vị",
        "Office database reachable again",
    )
    OFFICEDB_SHUT = (
        "officedb.shut",
        "Đóng mọi tài khoản tại cơ sở dữ liệu đơn vị",
        "Every account of an office database shut",
    )
    KEY_ROTATED = "key.rotated", "Thay khóa bí mật", "Key rotated"

    # Accounts and their custodians
    ACCOUNT_PROVISIONED = "account.provisioned", "Cấp tài khoản", "Account provisioned"
    ACCOUNT_ACTIVATED = "account.activated", "Đưa tài khoản vào sử dụng", "Account activated"
    ACCOUNT_SUSPENDED = "account.suspended", "Tạm ngừng sử dụng tài khoản", "Account suspended"
    ACCOUNT_LOCKED = "account.locked", "Khóa tài khoản", "Account locked"
    ACCOUNT_UNLOCK_REQUESTED = "account.unlock_requested", "Đề nghị mở khóa tài khoản", "Unlocking requested"
    ACCOUNT_UNLOCKED = "account.unlocked", "Mở khóa tài khoản", "Account unlocked"
    ACCOUNT_LOCK_ORDERED = (
        "account.lock_ordered",
        "Giám đốc yêu cầu khóa tài khoản",
        "Locking ordered by the director",
    )
    ACCOUNT_ROTATED = "account.rotated", "Vô hiệu thông tin đăng nhập cũ", "Old credentials voided"
    ACCOUNT_QUARANTINED = "account.quarantined", "Cách ly tài khoản", "Account quarantined"
    ACCOUNT_RELEASED = "account.released", "Kết thúc cách ly tài khoản", "Account released from quarantine"
    ACCOUNT_RETIRED = "account.retired", "Thu hồi vĩnh viễn tài khoản", "Account retired"
    CUSTODIAN_PROPOSED = "custodian.proposed", "Đề nghị cán bộ quản lý tài khoản", "Custodian proposed"
    CUSTODIAN_ASSIGNED = "custodian.assigned", "Phân công cán bộ quản lý tài khoản", "Custodian assigned"
    CUSTODIAN_ACKNOWLEDGED = (
        "custodian.acknowledged",
        "Xác nhận phân công quản lý tài khoản",
        "Custodian acknowledged",
    )
    CUSTODIAN_SUBSTITUTED = "custodian.substituted", "Phân công thay thế tạm thời", "Temporary substitution"
    CUSTODIAN_ENDED = (
        "custodian.ended",
        "Kết thúc phân công quản lý tài khoản",
        "Custodian's assignment ended",
    )
    CUSTODIAN_WAIVED = "custodian.waived", "Ngoại lệ về phân công được phê duyệt", "Custody rule waived"
    CUSTODIAN_BORROWED = (
        "custodian.borrowed",
        "Cán bộ quản lý tự nhận sử dụng tài khoản",
        "Custodian borrowed an account himself",
    )
    CONTACTLIST_PUBLISHED = (
        "contactlist.published",
        "Thông báo danh sách liên hệ cán bộ quản lý",
        "Contact list published",
    )
    CONTACTLIST_READ = "contactlist.read", "Xác nhận đã xem danh sách liên hệ", "Contact list acknowledged"
    CONTACTLIST_DELEGATED = (
        "contactlist.delegated",
        "Cử người xác nhận danh sách liên hệ cho phòng",
        "Reader of the contact lists named for a department",
    )

    # Borrowing an account
    LEASE_REQUESTED = "lease.requested", "Đề nghị nhận sử dụng tài khoản", "Account requested"
    LEASE_QUEUED = "lease.queued", "Vào hàng chờ tài khoản", "Queued for an account"
    LEASE_CANCELLED = "lease.cancelled", "Hủy đề nghị nhận tài khoản", "Request for an account cancelled"
    LEASE_DENIED = "lease.denied", "Không cho nhận sử dụng tài khoản", "Account denied"
    LEASE_CHECKOUT = "lease.checkout", "Nhận sử dụng tài khoản", "Account checked out"
    LEASE_REVEALED = "lease.revealed", "Hiển thị thông tin đăng nhập một lần", "Credential shown once"
    LEASE_RENEWED = "lease.renewed", "Gia hạn phiên sử dụng", "Account session renewed"
    LEASE_CLOSING = "lease.closing", "Đang kết thúc phiên sử dụng", "Account session closing"
    LEASE_CLOSED = "lease.closed", "Kết thúc phiên sử dụng", "Account session closed"
    RULE_CHANGED = "rule.changed", "Thay đổi quy tắc sử dụng tài khoản", "Rules for an account changed"
    APPROVAL_ASKED = "approval.asked", "Đề nghị phê duyệt", "Approval asked for"
    APPROVAL_GIVEN = "approval.given", "Đã phê duyệt", "Approval given"
    APPROVAL_USED = "approval.used", "Sử dụng phê duyệt", "Approval used"

    # What the office databases saw
    DB_LOGIN = "db.login", "Đăng nhập cơ sở dữ liệu", "Database login"
    DB_LOGOUT = "db.logout", "Ngắt kết nối cơ sở dữ liệu", "Database logout"
    DB_LOGIN_FAILED = "db.login_failed", "Đăng nhập cơ sở dữ liệu không thành công", "Database login failed"
    DB_REFUSED = "db.refused", "Cơ sở dữ liệu từ chối đăng nhập", "Database refused a login"
    DB_DENIED = "db.denied", "Cơ sở dữ liệu từ chối thao tác", "Database refused an act"
    DB_UNEXPLAINED_LOGIN = "db.unexplained_login", "Đăng nhập không rõ nguồn gốc", "Unexplained login"
    DB_SELF_CHANGED = "db.self_changed", "Tài khoản tự thay đổi thiết lập", "Account changed its own settings"
    REISSUE_VIEWED = "reissue.viewed", "Xem thông tin cấp lại thẻ", "Reissue information viewed"
    HOLDER_VIEWED = "holder.viewed", "Xem thông tin người tham gia", "Holder information viewed"
    HOLDER_CORRECTED = (
        "holder.corrected",
        "Hiệu chỉnh thông tin người tham gia",
        "Holder information corrected",
    )
    CARD_REISSUED = "card.reissued", "Cấp lại thẻ", "Card reissued"
    CARD_PRINTED = "card.printed", "In thẻ", "Card printed"
    CARD_MISPRINTED = "card.misprinted", "In hỏng thẻ", "Card misprinted"
    CARD_DELIVERED = "card.delivered", "Trả thẻ cho người tham gia", "Card delivered"

    # Dossiers
    DOSSIER_RECEIVED = "dossier.received", "Tiếp nhận hồ sơ", "Dossier received"
    DOSSIER_LOOKED_UP = "dossier.looked_up", "Tra cứu đơn vị đang quản lý", "Managing office looked up"
    DOSSIER_REROUTED = "dossier.rerouted", "Xác định lại đơn vị đang quản lý", "Dossier rerouted"
    DOSSIER_REFUSED = "dossier.refused", "Từ chối tiếp nhận hồ sơ", "Dossier refused"
    DOSSIER_REFERRED = "dossier.referred", "Hướng dẫn đến cơ quan quản lý", "Dossier referred"
    DOSSIER_WITHDRAWN = "dossier.withdrawn", "Rút hồ sơ", "Dossier withdrawn"
    DOSSIER_SENT = "dossier.sent", "Chuyển hồ sơ", "Dossier forwarded"
    DOSSIER_CONFIRMED = "dossier.confirmed", "Xác nhận giao nhận hồ sơ", "Receipt of dossier confirmed"
    DOSSIER_STEP = "dossier.step", "Cập nhật tình trạng hồ sơ", "Dossier status updated"
    DOSSIER_HOLD = "dossier.hold", "Tạm dừng hồ sơ", "Dossier put on hold"
    DOSSIER_RESUMED = "dossier.resumed", "Tiếp tục xử lý hồ sơ", "Dossier resumed"
    DOSSIER_CLOSED = "dossier.closed", "Kết thúc hồ sơ", "Dossier closed"
    DOSSIER_ARCHIVED = "dossier.archived", "Bóc tách, lưu hồ sơ", "Dossier separated and archived"
    C02_OPENED = "c02.opened", "Lập Phiếu điều chỉnh (C02-TS)", "Correction slip opened"
    C02_ANSWERED = "c02.answered", "Trả kết quả Phiếu điều chỉnh (C02-TS)", "Correction slip answered"
    C02_LATE = "c02.late", "Phiếu điều chỉnh (C02-TS) quá hạn", "Correction slip late"
    BLANK_RECEIVED = "blank.received", "Nhận phôi thẻ BHYT", "Blank cards received"
    BLANK_RESERVED = "blank.reserved", "Dành phôi thẻ cho hồ sơ", "Blank card reserved"
    BLANK_USED = "blank.used", "Sử dụng phôi thẻ", "Blank card used"
    BLANK_SPOILED = "blank.spoiled", "Phôi hỏng do in", "Blank card spoiled in printing"
    BLANK_DECREASED = "blank.decreased", "Giảm phôi thẻ khác", "Blank cards decreased"
    BLANK_SETTLED = "blank.settled", "Quyết toán phôi thẻ", "Blank cards settled"
    RECALL_EXPECTED = "recall.expected", "Xác định số thẻ BHYT thu hồi", "Cards to recall counted"
    RECALL_CHECKED = "recall.checked", "Kiểm tra thẻ BHYT thu hồi", "Recalled cards checked"
    RECALL_CONFIRMED = "recall.confirmed", "Tập hợp thu hồi thẻ", "Recall of cards confirmed"
    RECALL_MISMATCH = "recall.mismatch", "Chênh lệch số thẻ thu hồi", "Recall counts differ"
    IMS_ACCOUNT_CREATED = "ims.account.created", "Cấp tài khoản sử dụng IMS", "IMS user created"
    IMS_ACCOUNT_DISABLED = "ims.account.disabled", "Ngừng tài khoản sử dụng IMS", "IMS user disabled"

    # Incidents, feedback, findings, duties
    INCIDENT_RAISED = "incident.raised", "Báo sự cố", "Incident raised"
    INCIDENT_ACKNOWLEDGED = "incident.acknowledged", "Tiếp nhận sự cố", "Incident acknowledged"
    INCIDENT_STARTED = "incident.started", "Bắt đầu xử lý sự cố", "Work on incident started"
    INCIDENT_RESOLVED = "incident.resolved", "Đã xử lý sự cố", "Incident resolved"
    INCIDENT_REOPENED = "incident.reopened", "Xử lý lại sự cố", "Incident reopened"
    INCIDENT_CLOSED = "incident.closed", "Kết thúc sự cố", "Incident closed"
    FEEDBACK_RAISED = "feedback.raised", "Phản ánh khó khăn, vướng mắc", "Feedback raised"
    FEEDBACK_ANSWERED = "feedback.answered", "Trả lời phản ánh", "Feedback answered"
    FINDING_RAISED = "finding.raised", "Ghi nhận phát hiện", "Finding raised"
    FINDING_ANNOTATED = "finding.annotated", "Ghi chú phát hiện", "Finding annotated"
    FINDING_TAKEN = "finding.taken", "Nhận xử lý phát hiện", "Finding taken"
    FINDING_HANDLED = "finding.handled", "Trả lời phát hiện", "Finding answered"
    FINDING_CLOSED = "finding.closed", "Kết thúc phát hiện", "Finding closed"
    FINDING_REOPENED = "finding.reopened", "Mở lại phát hiện", "Finding reopened"
    WAIVER_GRANTED = "waiver.granted", "Phê duyệt ngoại lệ", "Waiver granted"
    WAIVER_USED = "waiver.used", "Sử dụng ngoại lệ", "Waiver used"
    WAIVER_ENDED = "waiver.ended", "Kết thúc ngoại lệ", "Waiver ended"
    DUTY_DUE = "duty.due", "Nhiệm vụ đến hạn", "Duty due"
    DUTY_DONE = "duty.done", "Hoàn thành nhiệm vụ", "Duty done"
    DUTY_OVERDUE = "duty.overdue", "Nhiệm vụ quá hạn", "Duty overdue"
    NOTICE_PUBLISHED = "notice.published", "Ban hành thông báo", "Notice published"
    NOTICE_MAIL_RETRIED = "notice.mail_retried", "Gửi lại thư thông báo", "Notice mail sent again"

    # Policy, audit, reports
    POLICY_PROPOSED = "policy.proposed", "Đề nghị thay đổi chính sách phân quyền", "Policy change proposed"
    POLICY_APPROVED = "policy.approved", "Phê duyệt chính sách phân quyền", "Policy change approved"
    POLICY_APPLIED = "policy.applied", "Áp dụng chính sách phân quyền", "Policy applied"
    POLICY_BROKEN = "policy.broken", "Chính sách phân quyền không sử dụng được", "Policy unusable"
    POLICY_DRIFT = "policy.drift", "Phát hiện sai lệch quyền", "Permission drift found"
    POLICY_REPAIRED = "policy.repaired", "Khắc phục sai lệch quyền", "Permission drift repaired"
    RECONCILIATION_DONE = (
        "reconciliation.done",
        "Đối chiếu đăng nhập với phiên sử dụng",
        "Logins reconciled with leases",
    )
    AUDIT_VERIFIED = "audit.verified", "Kiểm tra tính toàn vẹn nhật ký", "Log integrity verified"
    AUDIT_EXPORTED = "audit.exported", "Trích xuất nhật ký", "Log exported"
    AUDIT_ANCHOR = "audit.anchor", "Công bố mã băm gốc (điểm kiểm tra)", "Checkpoint root published"
    AUDIT_SEQUENCER_LATE = "audit.sequencer_late", "Ghi nhật ký chậm", "Log sequencing late"
    AUDIT_VIEWED = "audit.viewed", "Xem nhật ký truy vết", "Audit log viewed"
    AUDIT_SUBJECT_TRACED = (
        "audit.subject_traced",
        "Tra cứu người đã xem thông tin",
        "Accesses to a person traced",
    )
    REPORT_ISSUED = "report.issued", "Lập báo cáo", "Report issued"
    REPORT_STATED = "report.stated", "Cán bộ quản lý xác nhận báo cáo", "Report stated by custodian"
    REPORT_COUNTERSIGNED = "report.countersigned", "Thủ trưởng đơn vị ký xác nhận", "Report countersigned"
    REPORT_NOTED = "report.noted", "Giám đốc cho ý kiến", "Report noted by director"

    @property
    def source(self) -> str:
        """The noun it is about: the part before the first dot."""
        return self.value.split(".", 1)[0]

    @property
    def technical(self) -> bool:
        """True where IT may read it: systems, accounts and staff, not dossiers or participants (§7.1)."""
        return self.source in _TECHNICAL


_TECHNICAL = frozenset(
    {
        "account",
        "audit",
        "auth",
        "calendar",
        "db",
        "finding",
        "incident",
        "key",
        "mfa",
        "office",
        "officedb",
        "officer",
        "policy",
        "province",
        "reconciliation",
        "role",
        "session",
        "token",
    }
)


def failed(event: Event) -> str:
    """The tag of the event's failed twin."""
    return event.value + FAILED


def parse(tag: str) -> tuple[Event, bool]:
    """The event behind a tag and whether it is the failed twin. Raises ValueError outside the vocabulary."""
    return Event(tag.removesuffix(FAILED)), tag.endswith(FAILED)


def label(tag: str, language: str = "vi") -> str:
    """What a reader sees instead of a tag, "vi" or "en". Raises ValueError outside the vocabulary."""
    event, unsuccessful = parse(tag)
    if language == "vi":
        return f"{event.vi} (không thành công)" if unsuccessful else event.vi
    return f"{event.en} (unsuccessful)" if unsuccessful else event.en


TAGS = frozenset(tag for event in Event for tag in (event.value, failed(event)))
"""Every tag that a record may carry."""
