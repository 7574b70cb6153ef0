"""A filtered page of a long log reads little more than it shows, also where what is asked for is rare or not there."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.dialects import postgresql

from accessctl.services import journal_query
from accessctl.services.control import transaction
from accessctl.services.journal_query import JournalQuery, indexes
from tests.common.world import World

SIZE = 12_000
_ROWS = """
    INSERT INTO audit_index (idx, at, event, outcome, actor, office, account, kind, lease, dossier, guest, host)
    SELECT 1000000 + n, now() - make_interval(secs => %(size)s - n),
           (CASE WHEN used THEN array['lease.requested', 'lease.checkout', 'db.login', 'lease.closed']
                 ELSE array['auth.login', 'auth.logout', 'session.ended', 'audit.anchor'] END)[1 + n %% 4],
           CASE WHEN n %% 97 = 0 THEN 'failed' WHEN used AND n %% 4 = 0 THEN 'intent' ELSE 'ok' END,
           'person.' || h %% 90, guest, CASE WHEN used THEN kind || '-' || guest || '-' || host END,
           CASE WHEN used THEN kind END, CASE WHEN used THEN md5((n / 8)::text)::uuid::text END,
           CASE WHEN used THEN guest || '-2018-' || lpad((n / 8)::text, 6, '0') || '/CLT' END,
           CASE WHEN used THEN guest END, CASE WHEN used THEN host END
      FROM (SELECT n, n %% 40 < 32 AS used, abs(hashint4(n / 8)::bigint) AS h FROM generate_series(1, %(size)s) n) r,
           LATERAL (SELECT (array['VPT', 'GNG', 'DGL', 'CJT', 'DML', 'KNO', 'DSG', 'DRL'])[1 + h / 7 %% 8] AS guest,
                           (array['VPT', 'GNG', 'DGL', 'CJT', 'DML', 'KNO', 'DSG', 'DRL'])[1 + h / 64 %% 8] AS host,
                           CASE WHEN h / 576 %% 10 < 6 THEN 'TKCL' ELSE 'TKHCTT' END AS kind) s
"""
ASKED: list[tuple[str, dict[str, str]]] = [
    ("vpt.ktra1", {"event": "auth.login", "guest": "CJT"}),  # a sign-in has no serving office
    ("vpt.ktra1", {"event": "auth.login", "kind": "TKCL"}),
    ("vpt.ktra1", {"event": "auth.login", "office": "CJT"}),
    ("vpt.ktra1", {"event": "report.issued", "office": "CJT"}),
    ("vpt.ktra1", {"event": "lease.checkout", "host": "TDC"}),
    ("cjt.gd", {"event": "auth.login"}),
    ("cjt.gd", {"event": "lease.checkout", "host": "TDC"}),
    ("cjt.the2", {"event": "auth.login"}),
    ("vpt.cntt1", {"kind": "TKCL"}),  # what has a kind has a dossier, which is not for IT
    ("vpt.cntt1", {"kind": "TKCL", "event": "lease.checkout"}),
]


@pytest.fixture
def long_log(world: World) -> World:
    """A search index as that of a log of some months; what it was made of is not needed for searching."""
    world.settle()
    world.stop_sequencer()
    with world.admin_control() as admin:
        admin.execute(_ROWS, {"size": SIZE})
        admin.execute("ANALYZE audit_index")
    return world


def test_a_filter_reads_little_more_than_it_shows(long_log: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    together = journal_query._together
    monkeypatch.setattr(
        journal_query, "_together", lambda *what, **how: seen.append(together(*what, **how)) or seen[-1]
    )
    read = {}
    for person, asked in ASKED:
        with transaction(long_log.rt) as session:
            indexes(long_log.rt, session, long_log.actor(person), JournalQuery(**asked), limit=51)
            query = seen[-1].compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True})
            plan = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {query}".replace("%", "%%")
            found = session.connection().exec_driver_sql(plan).scalar_one()
        read[person, str(asked)] = _read(found[0]["Plan"])
    assert {asked: rows for asked, rows in read.items() if rows > SIZE / 10} == {}


def _read(node: dict[str, Any]) -> int:
    """Rows that a plan looked at in tables and indexes, fitting or not."""
    rows = sum(_read(child) for child in node.get("Plans", []))
    if "Scan" not in node["Node Type"] or node["Node Type"] == "Subquery Scan":
        return rows
    passed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return rows + int((node["Actual Rows"] + passed) * node["Actual Loops"])
