"""One box of words over everything: people, offices, accounts, dossiers, leases (AU-1), each as the policy shows it."""

from __future__ import annotations

import re
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from accessctl.domain.accounts import AccountName, BadAccountName
from accessctl.domain.dossiers import BadDossier, DossierNo
from accessctl.domain.permissions import Permission
from accessctl.domain.text import BadText, folded, one_line
from accessctl.errors import Invalid
from accessctl.services import contact_list
from accessctl.services.actor import Actor
from accessctl.services.authorize import may
from accessctl.services.contact_list import Contact
from accessctl.services.runtime import Runtime
from accessctl.store.models import Account, Lease, Office, Officer

LIMIT = 20
LONGEST = 100
_CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


@dataclass(frozen=True, slots=True)
class FoundOfficer:
    """A person: by user name or full name, diacritics or not."""

    username: str
    full_name: str
    title: str
    office: str
    left_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundLease:
    """A loan: by dossier or by its own id."""

    lease: str
    account: str
    dossier: str
    holder_name: str
    state: str
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What fits the words. `code` is a code that an error page told somebody to quote."""

    words: str
    officers: tuple[FoundOfficer, ...] = ()
    offices: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    leases: tuple[FoundLease, ...] = ()
    custodians: tuple[Contact, ...] = ()
    """By name, for every officer: they stand in the contact list (R34)."""
    code: str | None = None
    dossier: str | None = field(default=None)

    @property
    def nothing(self) -> bool:
        """Whether nothing fits."""
        lists = (self.officers, self.offices, self.accounts, self.leases, self.custodians)
        return not (any(lists) or self.code or self.dossier)


def search(rt: Runtime, session: Session, actor: Actor, words: str) -> Found:
    """Everything that fits the words and that this person may see, at most 20 of each."""
    try:
        words = one_line(words, limit=LONGEST, empty_ok=True)
    except BadText as error:
        raise Invalid(f"input.{error.why}", limit=error.limit) from None
    if len(words) < 2:
        return Found(words)
    readable = [code for code in rt.office_codes() if may(rt, actor, Permission.LOG_VIEW, code)]
    dossier = _dossier(words)
    return Found(
        words,
        officers=_officers(rt, session, actor, words),
        offices=_offices(rt, session, actor, words),
        accounts=_accounts(rt, session, actor, words),
        leases=_leases(session, actor, words, dossier, readable),
        custodians=_custodians(rt, session, actor, words),
        code=words.upper() if _CODE.fullmatch(words.upper()) else None,
        dossier=dossier,
    )


def _dossier(words: str) -> str | None:
    with suppress(BadDossier):
        return str(DossierNo.parse(words))
    return None


def _officers(rt: Runtime, session: Session, actor: Actor, words: str) -> tuple[FoundOfficer, ...]:
    places = [code for code in rt.office_codes() if may(rt, actor, Permission.OFFICER_VIEW, code)]
    if not places:
        return ()
    people = session.scalars(
        select(Officer)
        .where(Officer.office_code.in_(places), Officer.search_name.contains(folded(words), autoescape=True))
        .order_by(Officer.sort_name)
        .limit(LIMIT)
    )
    return tuple(FoundOfficer(p.username, p.full_name, p.title, p.office_code, p.left_at) for p in people)


def _custodians(rt: Runtime, session: Session, actor: Actor, words: str) -> tuple[Contact, ...]:
    if not may(rt, actor, Permission.CUSTODIAN_VIEW, actor.office):
        return ()
    wanted = folded(words)
    posts = contact_list.current(rt, session, actor)
    return tuple(post for post in posts if post.full_name and wanted in folded(post.full_name))[:LIMIT]


def _offices(rt: Runtime, session: Session, actor: Actor, words: str) -> tuple[str, ...]:
    wanted = folded(words)
    names = session.execute(select(Office.code, Office.name, Office.name_en).order_by(Office.code))
    fits = (
        code for code, *called in names if wanted == folded(code) or any(wanted in folded(n) for n in called)
    )
    return tuple(code for code in fits if may(rt, actor, Permission.OFFICE_VIEW, code))[:LIMIT]


def _accounts(rt: Runtime, session: Session, actor: Actor, words: str) -> tuple[str, ...]:
    """By name (`TKCL-CJT-DML`), as pages write it (`TKCL · Cư Jút → Đắk Mil`, or with codes) or by database role."""
    parts = _spelled_out(session, words) or re.findall(r"[A-Z0-9]+", words.upper().replace("LOCAL_", "LOCAL"))
    name = "-".join(parts).replace("LOCALCL", "LOCAL_CL").replace("LOCALHC", "LOCAL_HC")
    try:
        known = AccountName.parse(name)
    except BadAccountName:
        return ()
    if not {known.guest, known.host} & {
        c for c in rt.office_codes() if may(rt, actor, Permission.ACCOUNT_VIEW, c)
    }:
        return ()
    return tuple(session.scalars(select(Account.name).where(Account.name == str(known))))


def _spelled_out(session: Session, words: str) -> list[str]:
    """Kind and office codes of an account whose offices are called by their names; [] for anything else."""
    kind, _, rest = words.partition("·")
    places = [folded(part).split() for part in re.split("→|->", rest)]
    if len(places) != 2 or not all(places):
        return []
    called = {
        code: set(folded(f"{name} {code}").split())
        for code, name in session.execute(select(Office.code, Office.name))
    }
    found = [[code for code, said in called.items() if said.issuperset(place)] for place in places]
    return (
        [kind.strip().upper(), *(codes[0] for codes in found)]
        if all(len(codes) == 1 for codes in found)
        else []
    )


def _leases(
    session: Session, actor: Actor, words: str, dossier: str | None, readable: list[str]
) -> tuple[FoundLease, ...]:
    if dossier is not None:
        fits = Lease.dossier == dossier
    elif (identity := _identity(words)) is not None:
        fits = Lease.id == identity
    else:
        return ()
    found = session.scalars(
        select(Lease)
        .where(fits, or_(Lease.guest.in_(readable), Lease.officer_id == actor.id))
        .order_by(Lease.place.desc())
        .limit(LIMIT)
    )
    return tuple(
        FoundLease(str(x.id), x.account_name, x.dossier, x.officer_name, x.state, x.requested_at)
        for x in found
    )


def _identity(words: str) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(words)
    return None
