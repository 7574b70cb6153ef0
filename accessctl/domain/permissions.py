"""The closed words of the access policy: roles, permissions, cases and their classes (policy.md §2).

Only words stand here. Which role has which permission is data: `policies/console.policy.csv`.
Permissions are added, never renamed: the names stand in audit records.
"""

from __future__ import annotations

from enum import StrEnum

EVERY_OFFICER = "officer"
"""Policy word for anybody who is signed in, whatever the roles; never assigned to a person."""


class Role(StrEnum):
    """What an officer is in the office; several at once are decided as a set (domain.md §2.2)."""

    DIRECTOR = "director"
    DEPUTY_DIRECTOR = "deputy_director"
    UNIT_HEAD = "unit_head"
    CUSTODIAN_TKCL = "custodian_tkcl"
    CUSTODIAN_TKHCTT = "custodian_tkhctt"
    IT_ADMIN = "it_admin"
    RECEPTION = "reception"
    COLLECTION = "collection"
    CARD = "card"
    BLANK_KEEPER = "blank_keeper"
    AUDITOR = "auditor"
    PUBLICITY = "publicity"
    FINANCE_VIEWER = "finance_viewer"


class Case(StrEnum):
    """In which case something is asked for; computed honestly by the service, never taken from a request."""

    NONE = "none"
    LOST = "lost"
    DAMAGED = "damaged"
    INFO_BHYT_ONLY = "info_bhyt_only"
    INFO_OTHER = "info_other"
    SELF = "self"
    SELF_WAIVED = "self_waived"


class Scope(StrEnum):
    """Whose office it is, seen from the officer: the own one, another one, or no matter."""

    OWN = "own"
    FOREIGN = "foreign"
    ANY = "any"


class PermissionClass(StrEnum):
    """What kind of doing a permission is; each permission stands in exactly one, guards speak of them."""

    READ = "class:read"
    REMARK = "class:remark"
    CHANGE = "class:change"
    BUSINESS = "class:business"


class CaseClass(StrEnum):
    """Groups of cases that policy lines may name."""

    ANY = "any-case"
    NOT_SELF = "not-self"
    SERVABLE = "servable-case"


class OfficeClass(StrEnum):
    """Groups of offices that policy lines may name."""

    ANY = "any-office"
    HEAD = "head-office"


class Permission(StrEnum):
    """Everything that an officer can be allowed to do; one name per question that a service asks."""

    CARD_REISSUE = "card:reissue"
    REISSUE_VIEW = "reissue:view"
    HOLDER_CORRECT = "holder:correct"
    HOLDER_VIEW = "holder:view"

    LEASE_OPEN_TKCL = "lease:open.tkcl"
    LEASE_OPEN_TKHCTT = "lease:open.tkhctt"
    LEASE_OPEN_LOCAL = "lease:open.local"
    LEASE_REVEAL = "lease:reveal"
    LEASE_RULE_TKCL = "lease:rule.tkcl"
    LEASE_RULE_TKHCTT = "lease:rule.tkhctt"
    LEASE_APPROVE_TKCL = "lease:approve.tkcl"
    LEASE_APPROVE_TKHCTT = "lease:approve.tkhctt"
    LEASE_REVOKE = "lease:revoke"

    ACCOUNT_VIEW = "account:view"
    ACCOUNT_PROVISION = "account:provision"
    ACCOUNT_LOCK = "account:lock"
    ACCOUNT_UNLOCK = "account:unlock"
    ACCOUNT_UNLOCK_REQUEST = "account:unlock.request"
    ACCOUNT_LOCK_ORDER = "account:lock.order"
    ACCOUNT_RETIRE = "account:retire"
    ACCOUNT_ROTATE = "account:rotate"

    CUSTODIAN_VIEW = "custodian:view"
    CUSTODIAN_PROPOSE = "custodian:propose"
    CUSTODIAN_APPOINT = "custodian:appoint"
    CUSTODIAN_ACKNOWLEDGE = "custodian:acknowledge"
    CUSTODIAN_END = "custodian:end"
    CONTACTLIST_PUBLISH = "contactlist:publish"
    CONTACTLIST_ACKNOWLEDGE = "contactlist:acknowledge"

    OFFICER_VIEW = "officer:view"
    OFFICER_ADD = "officer:add"
    OFFICER_TRANSFER = "officer:transfer"
    OFFICER_LEAVE = "officer:leave"
    ROLE_PROPOSE = "role:propose"
    ROLE_ENTER = "role:enter"
    ROLE_APPROVE = "role:approve"
    CREDENTIAL_RESET = "credential:reset"
    SESSION_END = "session:end"

    OFFICE_VIEW = "office:view"
    OFFICE_EDIT = "office:edit"
    HOURS_WINDOW = "hours:window"
    CALENDAR_OVERRIDE = "calendar:override"
    OFFICEDB_INSTALL = "officedb:install"
    OFFICEDB_VIEW = "officedb:view"

    DOSSIER_RECEIVE = "dossier:receive"
    DOSSIER_LOOKUP = "dossier:lookup"
    DOSSIER_ROUTE = "dossier:route"
    DOSSIER_HANDOVER = "dossier:handover"
    DOSSIER_RETURN = "dossier:return"
    DOSSIER_ARCHIVE = "dossier:archive"
    DOSSIER_VIEW = "dossier:view"

    BLANK_USE = "blank:use"
    BLANK_RECEIVE = "blank:receive"
    BLANK_SETTLE = "blank:settle"
    BLANK_VIEW = "blank:view"

    LOG_VIEW = "log:view"
    LOG_VIEW_OWN = "log:view.own"
    LOG_VERIFY = "log:verify"
    LOG_EXPORT = "log:export"
    SUBJECT_TRACE = "subject:trace"
    FINDING_VIEW = "finding:view"
    FINDING_ANNOTATE = "finding:annotate"
    FINDING_HANDLE = "finding:handle"

    REPORT_VIEW = "report:view"
    REPORT_STATE = "report:state"
    REPORT_COUNTERSIGN = "report:countersign"
    REPORT_NOTE = "report:note"

    POLICY_VIEW = "policy:view"
    POLICY_PROPOSE = "policy:propose"
    POLICY_APPROVE = "policy:approve"
    DRIFT_VIEW = "drift:view"
    DRIFT_REPAIR = "drift:repair"
    WAIVER_GRANT = "waiver:grant"

    INCIDENT_RAISE = "incident:raise"
    INCIDENT_HANDLE = "incident:handle"
    FEEDBACK_RAISE = "feedback:raise"
    FEEDBACK_ANSWER = "feedback:answer"
    DUTY_VIEW = "duty:view"
    DUTY_DO = "duty:do"
    NOTICE_PUBLISH = "notice:publish"
