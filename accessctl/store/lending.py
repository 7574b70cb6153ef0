"""A loan and its record in one statement each: the two writes between which an account is opened (access.md §4).

One statement is one round trip and one decision of the database: the loan without the record, or the record
without the loan, cannot exist.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Table, bindparam, func, insert, literal, text, true
from sqlalchemy.dialects.postgresql import insert as insert_unless
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from accessctl.domain.notices import NoticeKind
from accessctl.errors import Conflict, Unavailable
from accessctl.store import noticing
from accessctl.store.journal import WAKE
from accessctl.store.models import AuditInbox, Lease, Subject

_GROUND = text(
    "SELECT check_out_ground(:account, :dossier, :officer, :hold_officer, CAST(:busy AS text[]), :at)"
)

_LEASE: Table = Lease.__table__  # type: ignore[assignment]  # declared classes have a Table, typed wider
_SUBJECT: Table = Subject.__table__  # type: ignore[assignment]
_INBOX: Table = AuditInbox.__table__  # type: ignore[assignment]
COLUMNS = (
    "id", "account_name", "host", "guest", "officer_id", "officer_name", "dossier", "subject", "fields", "reason",
    "client", "state", "minutes", "requested_at", "opened_at", "expires_at", "limit_at", "renewals", "tries", "kid",
    "nonce", "epoch", "correlation", "policy_version",
)  # fmt: skip
"""What is known of a loan when it is asked for."""

_PERSON = insert_unless(_SUBJECT).values(pseudonym=bindparam("its_subject"), bhxh_no=bindparam("its_bhxh_no"))
_LOAN = insert(_LEASE).values({name: bindparam("its_" + name) for name in COLUMNS})
_ENTER = (
    insert(_INBOX)
    .values(at=bindparam("its_at"), leaf=bindparam("its_leaf"))
    .add_cte(_PERSON.on_conflict_do_nothing().cte("person"), _LOAN.cte("loan"))
    .returning(_INBOX.c.id)
)
_ENTER_AWAITED = _ENTER.returning(
    func.pg_notify(WAKE, literal("")), func.set_config("synchronous_commit", literal("off"), true())
)

_OPENED = (
    "WITH opened AS (UPDATE lease SET state = 'ACTIVE', revealed_at = :revealed_at"
    " WHERE id = :id AND state = 'OPENING'"
    " RETURNING id, officer_id, guest, split_part(account_name, '-', 1) AS kind), "
)
_RECORDED = (
    " INSERT INTO audit_inbox (at, leaf) SELECT :at, found.leaf"
    " FROM opened, unnest(CAST(:leaves AS bytea[])) WITH ORDINALITY AS found (leaf, place) ORDER BY place RETURNING id"
)
_READERS = """
answering AS (
    SELECT c.officer_id AS custodian, opened.officer_id AS borrower, opened.guest, opened.kind
      FROM opened JOIN custody c ON c.office_code = opened.guest AND c.kind = opened.kind
       AND c.period @> CAST(:at AS timestamptz)
), reader (officer_id, kind, usual, fixed) AS MATERIALIZED (
    SELECT custodian, CAST(:checkout AS text), CAST(:checkout_usual AS text), false
      FROM answering WHERE custodian <> borrower
    UNION ALL
    SELECT h.id, CAST(:borrowed AS text), CAST(:borrowed_usual AS text), false
      FROM answering a JOIN office f ON f.code = a.guest JOIN officer h ON h.office_code = f.code
       AND (f.level <> 'province' OR h.department = :department)
      JOIN officer_role r ON r.officer_id = h.id AND r.role = 'unit_head' AND r.revoked_at IS NULL
     WHERE a.custodian = a.borrower AND h.id <> a.borrower
    UNION ALL
    SELECT officer_id, CAST(:turn AS text), CAST(:turn_usual AS text), false FROM opened WHERE CAST(:waited AS boolean)
), """
_ACTIVATE = text(_OPENED + _READERS + noticing.WRITTEN + _RECORDED)


@dataclass(frozen=True, slots=True)
class Told:
    """What the notices of a hand-over say. The custodian in force reads them; of his own loan the heads do instead.

    `waited`: it is a turn in a queue, of which its officer is told.
    """

    about: Mapping[str, Any]
    mails: bool
    department: str
    """Whose head answers for the kind where the office is the province."""
    waited: bool

    def values(self) -> dict[str, Any]:
        """The statement's own words."""
        kinds = (
            ("checkout", NoticeKind.CHECKOUT),
            ("borrowed", NoticeKind.CUSTODIAN_BORROWED),
            ("turn", NoticeKind.QUEUE_TURN),
        )
        ways = {name: kind.value for name, kind in kinds} | {
            f"{name}_usual": kind.usual.value for name, kind in kinds
        }
        about = noticing.packed(self.about)
        said = {
            "about": about,
            "mails": self.mails,
            "department": self.department,
            "waited": self.waited,
            "once": None,
        }
        return ways | said


def ground(
    session: Session,
    account: str,
    *,
    dossier: str,
    officer: int,
    hold_officer: bool,
    busy: Sequence[str],
    at: datetime,
) -> dict[str, Any] | None:
    """What a check-out is decided on, as migration 0021 words it, with the account locked; None: no such account."""
    asked = {
        "account": account,
        "dossier": dossier,
        "officer": officer,
        "hold_officer": hold_officer,
        "busy": list(busy),
        "at": at,
    }
    found: dict[str, Any] | None = session.connection().execute(_GROUND, asked).scalar()
    return found


def enter(
    session: Session, loan: Mapping[str, Any], bhxh_no: str, *, at: datetime, leaf: bytes, awaited: bool
) -> int:
    """Write person, loan and record in the caller's transaction; returns the record's inbox id.

    `awaited`: the caller releases nothing before the record is under a checkpoint. Then this commit need not be
    forced to disk by itself: the sequencer's commit, which is, comes after it in the same write-ahead log.
    Raises Conflict("lease.already_open") and Unavailable("audit.unavailable").
    """
    connection = session.connection()
    written = {**loan, "bhxh_no": bhxh_no, "at": at, "leaf": leaf}
    try:
        statement = _ENTER_AWAITED if awaited else _ENTER
        found = connection.execute(statement, {"its_" + name: value for name, value in written.items()})
        return int(found.scalar_one())
    except IntegrityError as error:
        raise Conflict("lease.already_open") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise Unavailable("audit.unavailable") from error


def activate(
    session: Session,
    identity: uuid.UUID,
    *,
    at: datetime,
    leaves: Sequence[bytes],
    revealed_at: datetime | None,
    told: Told,
) -> bool:
    """OPENING → ACTIVE, its records and notices, a transaction of its own; False when it is not OPENING any more.

    Durable when this returns. Raises Unavailable("audit.unavailable").
    """
    connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
    known = {"id": identity, "at": at, "leaves": list(leaves), "revealed_at": revealed_at, **told.values()}
    try:
        return bool(connection.execute(_ACTIVATE, known).all())
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        raise Unavailable("audit.unavailable") from error
