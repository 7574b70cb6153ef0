"""Who hears of what: one function for each act, called in its transaction. Whoever did it is not told of it.

The custodian in force is told, a substitute during a substitution (S09); of an office's heads the one who answers:
at the province each for the kinds of the own department (A2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select, union
from sqlalchemy.orm import Session

from accessctl.clock import rfc3339
from accessctl.domain.accounts import AccountName, Kind
from accessctl.domain.custody import CUSTODY_DEPARTMENT
from accessctl.domain.granting import Word
from accessctl.domain.leases import LeaseState
from accessctl.domain.notices import NoticeKind
from accessctl.domain.permissions import Role
from accessctl.services.actor import Actor
from accessctl.services.notices import notify
from accessctl.services.runtime import Runtime
from accessctl.store.models import (
    Account,
    Approval,
    ContactReader,
    Custody,
    Lease,
    Office,
    Officer,
    OfficerRole,
    RoleProposal,
    Substitution,
    Waiver,
)

Readers = Select[int]


# --- readers --------------------------------------------------------------------------------------


def custodians(office: str, kind: str | None, at: datetime) -> Readers:
    """The custodian in force of a kind; of both kinds without one."""
    found = select(Custody.officer_id).where(Custody.office_code == office, Custody.period.contains(at))
    return found.where(Custody.kind == kind) if kind else found


def heads(office: str, kind: str | None = None) -> Readers:
    """The unit heads of an office; at the province for a kind only the one whose department it is."""
    found = _holding(Role.UNIT_HEAD).where(Officer.office_code == office)
    if kind not in CUSTODY_DEPARTMENT:
        return found
    return found.join(Office, Office.code == Officer.office_code).where(
        or_(Office.level != "province", Officer.department == CUSTODY_DEPARTMENT[Kind(kind)])
    )


def other_heads(office: str) -> Readers:
    """The unit heads of every other office."""
    return _holding(Role.UNIT_HEAD).where(Officer.office_code != office)


def _department_readers(publishing: str) -> Readers:
    """Who was named to read for a department; nobody of those that tell the head office's own list."""
    named = (
        select(Officer.id)
        .join(ContactReader, ContactReader.officer_id == Officer.id)
        .where(ContactReader.ended_at.is_(None), ContactReader.department == Officer.department)
    )
    telling = or_(
        Officer.office_code != publishing, Officer.department.not_in(list(CUSTODY_DEPARTMENT.values()))
    )
    return named.where(ContactReader.office_code == Officer.office_code, telling)


def holders(role: Role) -> Readers:
    """Everybody who has an entered role."""
    return _holding(role)


def _holding(role: Role) -> Readers:
    return (
        select(Officer.id)
        .join(OfficerRole, OfficerRole.officer_id == Officer.id)
        .where(Officer.left_at.is_(None), OfficerRole.role == role, OfficerRole.revoked_at.is_(None))
    )


def _tell(
    rt: Runtime,
    session: Session,
    kind: NoticeKind,
    readers: list[Readers],
    about: Mapping[str, Any],
    by: Actor | None = None,
    *,
    mails: bool = True,
) -> None:
    session.flush()  # who answers may have changed a moment ago, in this very transaction
    found = session.scalars(readers[0] if len(readers) == 1 else union(*readers)).all()
    said = {"by": by.full_name if by else None, **about}
    notify(rt, session, kind, to={o for o in found if by is None or o != by.id}, about=said, mails=mails)


# --- the use of accounts --------------------------------------------------------------------------


def loan(lease: Lease, officer: str) -> dict[str, Any]:
    """What a notice says of a loan: no person whom it is about, no reason."""
    return {
        "lease": str(lease.id),
        "account": lease.account_name,
        "dossier": lease.dossier,
        "officer": officer,
        "until": rfc3339(lease.expires_at) if lease.expires_at else None,
    }


def revoked(rt: Runtime, session: Session, lease: Lease, by: Actor | None) -> None:
    """A loan, or a place in a queue, was taken from its holder."""
    if by is not None and by.id == lease.officer_id:
        return
    held = lease.state_ is LeaseState.CLOSING
    kind = NoticeKind.LEASE_REVOKED if held else NoticeKind.QUEUE_ENDED
    about = {"by": by.full_name if by else None, **loan(lease, lease.officer_name)}
    notify(rt, session, kind, to=[lease.officer_id], about=about)


def approval_asked(rt: Runtime, session: Session, row: Approval, by: Actor) -> None:
    """The custodian decides; the head where there is none, or where the custodian is the one who asks."""
    custodian = session.scalars(custodians(row.office_code, row.kind, rt.now())).first()
    decides = (
        [custodians(row.office_code, row.kind, rt.now())]
        if custodian not in (None, row.officer_id)
        else [heads(row.office_code, row.kind)]
    )
    _tell(rt, session, NoticeKind.APPROVAL_ASKED, decides, {**_asked(row), "officer": by.full_name}, by)


def approval_decided(rt: Runtime, session: Session, row: Approval, by: Actor, *, given: bool) -> None:
    """Whoever asked hears the answer."""
    kind = NoticeKind.APPROVAL_GIVEN if given else NoticeKind.APPROVAL_DECLINED
    notify(rt, session, kind, to=[row.officer_id], about={**_asked(row), "by": by.full_name})


def _asked(row: Approval) -> dict[str, Any]:
    return {
        "approval": row.id,
        "account": row.account_name,
        "dossier": row.dossier,
        "opens": rfc3339(row.opens),
        "closes": rfc3339(row.closes),
    }


# --- accounts and findings ------------------------------------------------------------------------


def account(rt: Runtime, session: Session, kind: NoticeKind, row: Account, by: Actor | None) -> None:
    """An account changed its state or its credentials: the custodian, the head and IT.

    Whoever loses a loan or a place in the queue by it hears of that besides (`revoked`).
    """
    about = {"account": row.name, "office": row.host}
    readers = [*_answering(rt, row.guest, row.kind), holders(Role.IT_ADMIN)]
    if kind is NoticeKind.UNLOCK_ASKED:
        readers = [holders(Role.IT_ADMIN)]
    _tell(rt, session, kind, readers, about, by)


def finding(
    rt: Runtime,
    session: Session,
    identity: int,
    kind: str,
    severity: int,
    *,
    office: str | None,
    account: str | None,
    account_kind: str | None = None,
    mails: bool = True,
) -> None:
    """IT hears of 1 and 2 and of what belongs to no office, the office's custodians and head of theirs, the
    director of severity 1. A quarantine has words of its own.
    """
    told = {1: NoticeKind.FINDING_SEVERE}.get(severity, NoticeKind.FINDING)
    if kind == "quarantined" and account:
        told, office = NoticeKind.ACCOUNT_QUARANTINED, AccountName.parse(account).host
    guest = AccountName.parse(account).guest if account else office
    which = account.split("-")[0] if account else account_kind
    readers = _answering(rt, guest, which) if guest else []
    if severity <= 2 or guest is None:
        readers.append(holders(Role.IT_ADMIN))
    if severity == 1:
        readers.append(holders(Role.DIRECTOR))
    about = {
        "of": identity,
        "finding": kind,
        "severity": severity,
        "office": office,
        "account": account,
    }
    _tell(rt, session, told, readers, about, mails=mails)


def _answering(rt: Runtime, office: str, kind: str | None) -> list[Readers]:
    return [custodians(office, kind, rt.now()), heads(office, kind)]


# --- custody --------------------------------------------------------------------------------------


def appointed(rt: Runtime, session: Session, row: Custody) -> None:
    """The new custodian is asked to acknowledge."""
    notify(rt, session, NoticeKind.APPOINTED, to=[row.officer_id], about=_custody(row))


def acknowledged(rt: Runtime, session: Session, row: Custody, by: Actor) -> None:
    """The head hears that the custodian has confirmed."""
    _tell(rt, session, NoticeKind.ACKNOWLEDGED, [heads(row.office_code, row.kind)], _custody(row), by)


def custody_ended(rt: Runtime, session: Session, row: Custody, by: Actor | None) -> None:
    """The custodian and the head; of a substitution the substitute and whoever was stood in for."""
    about = _custody(row)
    if row.substitutes is None:
        readers = [_only(row.officer_id), heads(row.office_code, row.kind)]
        _tell(rt, session, NoticeKind.CUSTODY_ENDED, readers, about, by)
        return
    about["principal"] = row.principal.full_name if row.principal else None
    readers = [_only(row.officer_id), _only(row.substitutes)]
    _tell(rt, session, NoticeKind.SUBSTITUTION_OVER, readers, about, by)


def substitution_asked(rt: Runtime, session: Session, asked: Substitution, by: Actor) -> None:
    """The head decides."""
    row = asked.custody
    readers = [heads(row.office_code, row.kind)]
    _tell(rt, session, NoticeKind.SUBSTITUTION_ASKED, readers, _instead(asked), by)


def substitution_decided(
    rt: Runtime, session: Session, asked: Substitution, by: Actor, *, given: bool
) -> None:
    """The custodian and the substitute hear of a yes, whoever proposed it of a no."""
    if not given:
        _tell(rt, session, NoticeKind.SUBSTITUTION_DECLINED, [_only(asked.proposed_by)], _instead(asked), by)
        return
    readers = [_only(asked.officer_id), _only(asked.custody.officer_id)]
    _tell(rt, session, NoticeKind.SUBSTITUTED, readers, _instead(asked), by)


def _only(officer: int) -> Readers:
    return select(Officer.id).where(Officer.id == officer)


def _custody(row: Custody) -> dict[str, Any]:
    return {
        "office": row.office_code,
        "kind": row.kind,
        "officer": row.officer.full_name,
        "since": rfc3339(row.period.lower) if row.period.lower else None,
    }


def _instead(asked: Substitution) -> dict[str, Any]:
    return {
        "office": asked.custody.office_code,
        "kind": asked.custody.kind,
        "officer": asked.officer.full_name,
        "principal": asked.custody.officer.full_name,
        "opens": rfc3339(asked.opens),
        "closes": rfc3339(asked.closes),
    }


def waiver(rt: Runtime, session: Session, row: Waiver, by: Actor | None, *, over: bool) -> None:
    """The person for whom a rule is lifted, and the heads of the unit (S13)."""
    about = {
        "waiver": row.id,
        "office": row.office_code,
        "officer": row.officer.full_name,
        "opens": rfc3339(row.opens),
        "closes": rfc3339(row.closes),
    }
    kind = NoticeKind.WAIVER_OVER if over else NoticeKind.WAIVER_GRANTED
    _tell(rt, session, kind, [_only(row.officer_id), heads(row.office_code, row.kind)], about, by)


def contacts_published(rt: Runtime, session: Session, office: str, version: int) -> None:
    """The heads of the other offices are to acknowledge, and who reads for a department of the head office (R34)."""
    about = {"office": office, "version": version}
    _tell(
        rt, session, NoticeKind.CONTACTS_PUBLISHED, [other_heads(office), _department_readers(office)], about
    )


# --- people ---------------------------------------------------------------------------------------


def role_waits(
    rt: Runtime,
    session: Session,
    proposal: RoleProposal,
    officer: Officer,
    lacking: frozenset[Word],
    by: Actor,
) -> None:
    """Whoever's word is lacking: the head, IT, the director."""
    readers = [
        _who_says(word, officer.office_code, officer.department).where(Officer.id != officer.id)
        for word in sorted(lacking)
    ]
    if readers:
        _tell(rt, session, NoticeKind.ROLE_WAITS, readers, _role(proposal.role, officer, proposal.id), by)


def _who_says(word: Word, office: str, department: str) -> Readers:
    of = {
        Word.HEAD: heads(office).where(or_(Officer.department == department, Officer.department == "BGD")),
        Word.IT: holders(Role.IT_ADMIN),
        Word.DIRECTOR: holders(Role.DIRECTOR),
    }
    return of[word]


def roles_wait(
    rt: Runtime, session: Session, waiting: Iterable[tuple[Officer, Collection[Word]]], by: Actor
) -> None:
    """The same for all roles of a staff file: each reader is told once how many wait for his word."""
    known: dict[tuple[Word, str, str], frozenset[int]] = {}
    counts: Counter[int] = Counter()
    for officer, lacking in waiting:
        for word in lacking:
            key = (word, officer.office_code, officer.department)
            if key not in known:
                known[key] = frozenset(session.scalars(_who_says(*key)))
            counts.update(known[key] - {officer.id, by.id})
    for reader, count in counts.items():
        notify(rt, session, NoticeKind.ROLES_WAIT, to=[reader], about={"by": by.full_name, "count": count})


def role_declined(
    rt: Runtime, session: Session, proposal: RoleProposal, officer: Officer, by: Actor | None
) -> None:
    """Whoever has spoken for it."""
    spoke = {proposal.opened_by, proposal.proposed_by, proposal.entered_by, proposal.approved_by}
    to = {who for who in spoke if who is not None and (by is None or who != by.id)}
    about = _role(proposal.role, officer, proposal.id)
    notify(rt, session, NoticeKind.ROLE_DECLINED, to=to, about=about)


def role_changed(rt: Runtime, session: Session, kind: NoticeKind, officer: Officer, role: str) -> None:
    """The officer has a role, or has it no more."""
    notify(rt, session, kind, to=[officer.id], about=_role(role, officer))


def _role(role: str, officer: Officer, proposal: int | None = None) -> dict[str, Any]:
    return {"role": role, "officer": officer.full_name, "office": officer.office_code, "proposal": proposal}


def transferred(rt: Runtime, session: Session, officer: Officer, old: str) -> None:
    """The officer, at the new place."""
    about = {"from_office": old, "office": officer.office_code}
    notify(rt, session, NoticeKind.TRANSFERRED, to=[officer.id], about=about)


def password_changed(rt: Runtime, session: Session, officer: Actor) -> None:
    """The officer, whatever was chosen: who did not do it has to know."""
    about = {"from": officer.origin.address or "localhost"}
    notify(rt, session, NoticeKind.PASSWORD_CHANGED, to=[officer.id], about=about)


def returned(rt: Runtime, session: Session, heads_: list[Officer], officer: Officer, by: Actor) -> None:
    """The head of the unit that has the officer now: roles are theirs to propose."""
    about = {"officer": officer.full_name, "username": officer.username, "office": officer.office_code}
    to = [head.id for head in heads_ if head.id != by.id]
    notify(rt, session, NoticeKind.OFFICER_RETURNED, to=to, about={**about, "by": by.full_name})


def reset(
    rt: Runtime,
    session: Session,
    people: list[Officer],
    officer: Officer,
    purpose: str,
    by: Actor,
    *,
    done: bool,
) -> None:
    """The officer and the unit head hear of each step, whatever they chose (policy.md §2)."""
    kind = NoticeKind.RESET_DONE if done else NoticeKind.RESET_ISSUED
    about = {"officer": officer.full_name, "purpose": purpose, "by": by.full_name}
    notify(rt, session, kind, to=[person.id for person in people], about=about)
