"""The tables of the control database, one module per noun."""

from accessctl.store.models.accounts import Account, Custody
from accessctl.store.models.audit import AuditCheckpoint, AuditInbox, AuditIndex, AuditLog
from accessctl.store.models.evidence import Act, EvidenceMark, Finding, Login
from accessctl.store.models.leases import Lease, Subject
from accessctl.store.models.officers import Officer, OfficerRole, WebSession
from accessctl.store.models.offices import CalendarOverride, HoursWindow, Office, Province

__all__ = [
    "Account",
    "Act",
    "AuditCheckpoint",
    "AuditInbox",
    "AuditIndex",
    "AuditLog",
    "CalendarOverride",
    "Custody",
    "EvidenceMark",
    "Finding",
    "HoursWindow",
    "Lease",
    "Login",
    "Office",
    "Officer",
    "OfficerRole",
    "Province",
    "Subject",
    "WebSession",
]
