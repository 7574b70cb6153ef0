"""The office databases: installing the gate in them, looking how they stand, what an account may execute there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from accessctl.access import in_force
from accessctl.access.loader import PolicySet, load
from accessctl.access.wanted import wanted_functions
from accessctl.config import Settings
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.errors import AccessError, Invalid, NotFound, Unavailable
from accessctl.officedb.accounts import disable_account, managed_roles
from accessctl.officedb.connection import parts
from accessctl.officedb.install import InstallReport, install, render
from accessctl.officedb.install_plan import InstallPlan
from accessctl.officedb.status import Status, status
from accessctl.services.actor import Origin
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Office


@dataclass(frozen=True, slots=True)
class OfficeStatus:
    """One office's database for a list: `status` None when it cannot be reached, `code` then says why."""

    office: str
    reachable: bool
    code: str | None
    status: Status | None


def wanted_grants(settings: Settings, policy: PolicySet | None = None) -> dict[Kind, tuple[str, ...]]:
    """What the dbaccount policy in force gives each kind, as function signatures; the only source of GRANTs."""
    if policy is None:
        policy = load(in_force.folder_of(settings.policies, settings.policy_state)[0])
    return {kind: tuple(str(right) for right in wanted_functions(kind, policy)) for kind in Kind}


def install_plan(
    settings: Settings,
    office: str,
    *,
    keep_connect: Mapping[str, Sequence[str]] | None = None,
    policy: PolicySet | None = None,
) -> InstallPlan:
    """The plan for one office from its addresses: the passwords in them become the service roles' verifiers."""
    try:
        dsns = settings.office_dsns[office]
    except KeyError:
        raise NotFound("office.unknown", office=office[:20]) from None
    broker, witness = parts(dsns["broker"]), parts(dsns["witness"])
    if not broker.get("password") or not witness.get("password"):
        raise Invalid("officedb.no_password", office=office)
    return InstallPlan(
        office=office,
        dbname=broker["dbname"],
        grants=wanted_grants(settings, policy),
        broker_password=broker["password"],
        witness_password=witness["password"],
        keep_connect=keep_connect or {},
    )


def install_office(
    rt: Runtime, office: str, admin_dsn: str, *, policy: PolicySet | None = None
) -> InstallReport:
    """The DBA's one step for an office; recorded when something changed and the control database knows the office."""
    report = install(admin_dsn, install_plan(rt.settings, office, policy=policy))
    if report.changed:
        with transaction(rt) as session:
            if session.get(Office, office) is not None:
                details = {"version": report.version, "steps": sum(step.executed for step in report.steps)}
                record(
                    rt, session, Event.OFFICEDB_INSTALLED, origin=Origin("cli"), host=office, details=details
                )
    return report


def install_script(settings: Settings, office: str) -> str:
    """What an installation would run, for a DBA to read first; no password in it."""
    return render(install_plan(settings, office))


def statuses(rt: Runtime, office: str | None = None) -> list[OfficeStatus]:
    """How the databases stand, one after the other; an unreachable one is a line, not an error."""
    wanted = [office] if office else list(rt.offices.offices)
    return [_status(rt, code) for code in wanted]


def _status(rt: Runtime, office: str) -> OfficeStatus:
    if office not in rt.offices.offices:
        raise NotFound("office.unknown", office=office[:20])
    try:
        with rt.offices.broker(office) as connection:
            return OfficeStatus(office, True, None, status(connection))
    except Unavailable as error:
        return OfficeStatus(office, False, error.code, None)


@dataclass(frozen=True, slots=True)
class Shut:
    """One office after every account was shut: `failed` has a code for each role that is not provably shut,
    `code` says why the office was out of reach, `recorded` whether the log could take it.
    """

    office: str
    accounts: int
    sessions_ended: int
    failed: dict[str, str]
    code: str | None
    recorded: bool

    @property
    def sound(self) -> bool:
        """Whether nobody can log in with an account of this office now."""
        return self.code is None and not self.failed


def shut_all(rt: Runtime, office: str | None = None) -> list[Shut]:
    """Every account NOLOGIN, every lease and session ended: the first step after a restore (access.md §4).

    Needs nothing but the hosts; one that is out of reach, or one account that resists, leaves the others their turn.
    """
    if office is not None and office not in rt.offices.offices:
        raise NotFound("office.unknown", office=office[:20])
    return [_shut(rt, code) for code in ([office] if office else rt.offices.offices)]


def _shut(rt: Runtime, office: str) -> Shut:
    ended, failed = 0, {}
    try:
        with rt.offices.broker(office) as connection:
            names = managed_roles(connection)
    except Unavailable as error:
        return Shut(office, 0, 0, {}, error.code, False)
    for role in names:
        try:
            with rt.offices.broker(office) as connection:
                ended += disable_account(connection, role)
        except AccessError as error:
            failed[role] = error.code
    return Shut(office, len(names), ended, failed, None, _told(rt, office, ended, failed))


def _told(rt: Runtime, office: str, ended: int, failed: Mapping[str, str]) -> bool:
    details = {"sessions_ended": ended, "failed": dict(failed)}
    reason = "officedb.not_closed" if failed else None
    try:
        with transaction(rt) as session:
            record(
                rt, session, Event.OFFICEDB_SHUT, origin=Origin("cli"), host=office, details=details,
                failed=bool(failed), reason=reason,
            )  # fmt: skip
    except Unavailable:  # shutting does not wait for the log; the caller says that it is not in there
        return False
    return True
