"""The policy in force reaches every machine and every office: revocations first everywhere, then grants (policy.md §5).

Nine servers know no common transaction. So each office keeps which policy it has applied in full, lends nothing while
that is not the one in force (admission.py), and is tried again until it has caught up; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from accessctl.access import in_force
from accessctl.access.loader import PolicySet
from accessctl.access.wanted import wanted_functions
from accessctl.domain.accounts import Kind
from accessctl.domain.events import Event
from accessctl.domain.permissions import Permission
from accessctl.errors import AccessError, Invalid, Unavailable
from accessctl.officedb import policy_step
from accessctl.officedb.policy_step import Pair
from accessctl.services import officedbs
from accessctl.services.actor import Actor
from accessctl.services.authorize import may, require
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.services.runtime import Runtime
from accessctl.store.models import Office, PolicyChange

NEEDS_ADMIN = "policy.needs_admin"
AdminDsn = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class OfficePolicy:
    """One office: the policy that its database has applied, and why not the one in force. `trouble` is a code."""

    office: str
    version: str | None
    current: bool
    at: datetime | None
    trouble: str | None


def standing(rt: Runtime, session: Session, actor: Actor) -> list[OfficePolicy]:
    """How far the policy in force has come, office by office as the province lists them."""
    require(rt, actor, Permission.POLICY_VIEW, actor.office)
    version = rt.policy().version
    rows = session.scalars(
        select(Office).where(Office.active).order_by(Office.level != "province", Office.gso_code, Office.code)
    )
    return [
        OfficePolicy(
            row.code, row.policy_version, row.policy_version == version, row.policy_at, row.policy_trouble
        )
        for row in rows
        if may(rt, actor, Permission.POLICY_VIEW, row.code)
    ]


def follow(rt: Runtime) -> None:
    """The newest approved policy decides on this machine too.

    Raises Invalid("config.missing"), Unavailable("policy.not_kept") when its folder cannot be written: the approval
    stands, the policy before it decides here until the next turn, and offices that have gone ahead refuse its leases.
    """
    with transaction(rt) as session:
        version = session.scalar(_newest(PolicyChange.version))
    if version is None or in_force.pointed(state := state_folder(rt)) == version:
        return
    with transaction(rt) as session:
        files = session.scalars(select(PolicyChange.files).where(PolicyChange.version == version)).first()
    try:
        in_force.keep(state, version, {name: text.encode() for name, text in (files or {}).items()})
        in_force.point(state, version)
    except OSError as error:
        raise Unavailable("policy.not_kept", why=error.strerror or type(error).__name__) from error


def in_force_number(session: Session) -> int | None:
    """The number of the approved change that is in force; None before the first one."""
    number: int | None = session.scalar(_newest(PolicyChange.id))
    return number


def _newest(what: Any) -> Select[Any]:
    approved = select(what).where(PolicyChange.state == "APPROVED")
    return approved.order_by(PolicyChange.decided_at.desc(), PolicyChange.id.desc()).limit(1)


def state_folder(rt: Runtime) -> Path:
    """Where approved policies are kept on this machine. Raises Invalid("config.missing")."""
    state = rt.settings.policy_state
    if state is None:
        raise Invalid("config.missing", name="ACCESSCTL_POLICY_STATE")
    return state


def watch(rt: Runtime) -> None:
    """The worker's turn: this machine follows, and every office that is behind is tried, as far as nobody is needed."""
    if rt.settings.policy_state is not None:
        follow(rt)
    roll_out(rt)


def roll_out(
    rt: Runtime, admin_dsn: AdminDsn | None = None, *, actor: Actor | None = None, only: str | None = None
) -> list[str]:
    """Bring every office that is behind (or `only` one) to the policy in force; those that still are behind then.

    With `admin_dsn` (a DBA's connection for each office, never stored) rights are taken and given where the
    database's own differ; without, such an office waits for its administrator and lends nothing. A process that decides
    by another policy than the approved one rolls nothing out. Whoever calls this for a person has asked the policy.
    Broken off anywhere, the next call finishes.
    """
    gate = rt.policy()
    if gate.table is None:
        return []
    policy = gate.table.policy
    with transaction(rt) as session:
        approved = session.scalar(_newest(PolicyChange.version))
    if approved not in (None, policy.version):
        return _behind(rt, approved)
    behind = [office for office in _behind(rt, policy.version) if only in (None, office)]
    if not behind:
        return []
    wanted = _wanted(policy)
    taken = [office for office in behind if _tried(rt, office, lambda o: _take(rt, o, wanted, admin_dsn))]
    done = [o for o in taken if _tried(rt, o, lambda o: _give(rt, o, wanted, policy, admin_dsn, actor))]
    _settle(rt, policy.version)
    return [office for office in behind if office not in done]


def _wanted(policy: PolicySet) -> set[Pair]:
    return {(kind.value, str(right)) for kind in Kind for right in wanted_functions(kind, policy)}


def _behind(rt: Runtime, version: str) -> list[str]:
    late = select(Office.code).where(Office.active, Office.policy_version.is_distinct_from(version))
    with transaction(rt) as session:
        found = set(session.scalars(late))
    return [office for office in rt.offices.offices if office in found]


def _tried(rt: Runtime, office: str, step: Callable[[str], None]) -> bool:
    """Whether an office's step went through; else why not stands at the office, and the others have their turn."""
    try:
        step(office)
    except AccessError as error:
        with transaction(rt) as session:
            _set(session, office, policy_trouble=error.code)
        return False
    return True


def _take(rt: Runtime, office: str, wanted: set[Pair], admin_dsn: AdminDsn | None) -> None:
    extra = _written(rt, office) - wanted
    if not extra:
        return
    if admin_dsn is None:
        raise Invalid(NEEDS_ADMIN, office=office)
    policy_step.take_back(admin_dsn(office), office, extra)
    rt.step("rollout.taken")


def _give(
    rt: Runtime,
    office: str,
    wanted: set[Pair],
    policy: PolicySet,
    admin_dsn: AdminDsn | None,
    actor: Actor | None,
) -> None:
    if _written(rt, office) != wanted:
        if admin_dsn is None:
            raise Invalid(NEEDS_ADMIN, office=office)
        officedbs.install_office(rt, office, admin_dsn(office), policy=policy)
    rt.step("rollout.given")
    with transaction(rt) as session:
        _set(session, office, policy_version=policy.version, policy_at=rt.now(), policy_trouble=None)
        record(
            rt, session, Event.POLICY_APPLIED, actor=actor, host=office, details={"version": policy.version}
        )


def _written(rt: Runtime, office: str) -> set[Pair]:
    with rt.offices.witness(office) as connection:
        return policy_step.written(connection)


def _set(session: Session, office: str, **values: object) -> None:
    session.execute(update(Office).where(Office.code == office).values(**values))


def _settle(rt: Runtime, version: str) -> None:
    """The change is done when the last office has it; one that a newer change overtook is done as well."""
    if _behind(rt, version):
        return
    with transaction(rt) as session:
        unfinished = update(PolicyChange).where(
            PolicyChange.state == "APPROVED", PolicyChange.done_at.is_(None)
        )
        session.execute(unfinished.values(done_at=rt.now()))


def behind(offices: Iterable[OfficePolicy]) -> list[str]:
    """The codes of those that lend nothing because of their policy."""
    return [one.office for one in offices if not one.current]
