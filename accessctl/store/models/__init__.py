"""The tables of the control database, one module per noun."""

from accessctl.store.models.accounts import Account
from accessctl.store.models.audit import AuditCheck, AuditCheckpoint, AuditInbox, AuditIndex, AuditLog
from accessctl.store.models.custody import (
    ContactPublication,
    ContactReader,
    ContactReceipt,
    Custody,
    Substitution,
    Waiver,
)
from accessctl.store.models.drift import DriftLook
from accessctl.store.models.evidence import Act, EvidenceMark, Finding, FindingRemark, Login, OfficeLink
from accessctl.store.models.journal import SavedSearch
from accessctl.store.models.leases import Lease, Subject
from accessctl.store.models.notices import Mail, Notice, NoticeChoice
from accessctl.store.models.officers import Officer, OfficerRole, WebSession
from accessctl.store.models.offices import CalendarOverride, HoursWindow, Office, Province
from accessctl.store.models.people import Posting, RoleProposal, StaffImport
from accessctl.store.models.policy import PolicyChange
from accessctl.store.models.rules import Approval, StandingRule
from accessctl.store.models.signin import (
    AccessToken,
    RecoveryCode,
    ResetLink,
    SecondFactor,
    SignInPlace,
    SignInStep,
    SignInStranger,
)

__all__ = [
    "AccessToken",
    "Account",
    "Act",
    "Approval",
    "AuditCheck",
    "AuditCheckpoint",
    "AuditInbox",
    "AuditIndex",
    "AuditLog",
    "CalendarOverride",
    "ContactPublication",
    "ContactReader",
    "ContactReceipt",
    "Custody",
    "DriftLook",
    "EvidenceMark",
    "Finding",
    "FindingRemark",
    "HoursWindow",
    "Lease",
    "Login",
    "Mail",
    "Notice",
    "NoticeChoice",
    "Office",
    "OfficeLink",
    "Officer",
    "OfficerRole",
    "PolicyChange",
    "Posting",
    "Province",
    "RecoveryCode",
    "ResetLink",
    "RoleProposal",
    "SavedSearch",
    "SecondFactor",
    "SignInPlace",
    "SignInStep",
    "SignInStranger",
    "StaffImport",
    "StandingRule",
    "Subject",
    "Substitution",
    "Waiver",
    "WebSession",
]
