"""Notices and their mails in one statement, whoever the readers are: what the act's own transaction carries.

A reader is a row (officer_id, kind, usual, fixed). Whoever has left is told nothing; the person's own choice holds
unless the kind is fixed; without mail, or an address, a notice stands in the page only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

WRITTEN = """
told AS MATERIALIZED (
    SELECT o.id AS officer_id, reader.kind,
           CASE WHEN NOT CAST(:mails AS boolean) OR o.email = '' THEN 'page'
                WHEN reader.fixed THEN 'now' ELSE coalesce(c.how, reader.usual) END AS how
      FROM reader JOIN officer o ON o.id = reader.officer_id AND o.left_at IS NULL
      LEFT JOIN notice_choice c ON c.officer_id = o.id AND c.kind = reader.kind
), addressed AS MATERIALIZED (
    SELECT told.*, CASE WHEN how = 'now' THEN nextval('mail_id_seq') END AS mail_id FROM told
), posted AS (
    INSERT INTO mail (id, officer_id, made_at, state, tries, next_try_at)
    SELECT mail_id, officer_id, :at, 'WAITING', 0, :at FROM addressed WHERE mail_id IS NOT NULL
), noticed AS (
    INSERT INTO notice (officer_id, kind, at, about, how, mail_id, once)
    SELECT officer_id, kind, :at, CAST(:about AS jsonb), how, mail_id, CAST(:once AS text) FROM addressed
    RETURNING officer_id
)
"""
"""Common table expressions after one that is called `reader`."""

_NAMED = """
WITH reader (officer_id, kind, usual, fixed) AS MATERIALIZED (
    SELECT DISTINCT named.id, CAST(:kind AS text), CAST(:usual AS text), CAST(:fixed AS boolean)
      FROM unnest(CAST(:officers AS bigint[])) AS named (id)
     WHERE CAST(:once AS text) IS NULL
        OR NOT EXISTS (SELECT FROM notice n WHERE n.officer_id = named.id AND n.once = CAST(:once AS text))
), """
_TOLD = " SELECT officer_id FROM noticed"
_WRITE = text(_NAMED + WRITTEN + _TOLD)


def write(
    session: Session,
    officers: Sequence[int],
    *,
    kind: str,
    usual: str,
    fixed: bool,
    at: datetime,
    about: Mapping[str, Any],
    mails: bool,
    once: str | None = None,
) -> list[int]:
    """One notice for each of these officers, with its mail where one is due; returns who was told.

    `once`: nobody who was told this before is told again.
    """
    session.flush()
    told = {
        "officers": list(officers), "kind": kind, "usual": usual, "fixed": fixed, "at": at, "mails": mails,
        "about": packed(about), "once": once,
    }  # fmt: skip
    return list(session.connection().execute(_WRITE, told).scalars())


def packed(about: Mapping[str, Any]) -> str:
    """Facts as the database takes them; what is unknown is left out."""
    return json.dumps({key: value for key, value in about.items() if value is not None}, ensure_ascii=False)
