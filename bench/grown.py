"""A province grown large in its control database, by its own rules: the log through the inbox, so it stays provable."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from accessctl.cli.demo_folder import CONTROL
from bench.site import Bench

_ACCOUNTS = """
    INSERT INTO account (name, kind, guest, host, role, state, epoch)
    SELECT format('LOCAL_CL-%%s-%%s', code, n), 'LOCAL_CL', code, code,
           format('grown_%%s_%%s', lower(code), n), 'ACTIVE', 0
      FROM office, generate_series(1000, 999 + %s / 9) n
"""
_OFFICERS = """
    INSERT INTO officer (username, full_name, title, phone, email, office_code, department, must_change, failures)
    SELECT format('grown.%%s', n), format('Nguyễn Văn Số %%s', n), 'Chuyên viên', '0900000000',
           format('g%%s@bhxh.example', n), (array['CJT', 'DML', 'VPT', 'KNO'])[1 + n %% 4], 'CST', true, 0
      FROM generate_series(1, %s) n
"""
# Sorted keys, RFC 3339: what `audit.entry.encode` would write of such a record.
_RECORDS = """
    INSERT INTO audit_inbox (at, leaf)
    SELECT clock_timestamp(), convert_to(format(
               '{"account":"TKCL-CJT-DML","actor":"cjt.the%%s","actor_name":"Người thử %%s","at":"%%s",'
               '"correlation":"%%s","dossier":"CJT-2018-%%s/CLT","event":"%%s","guest":"CJT","host":"DML",'
               '"kind":"TKCL","office":"CJT","outcome":"ok","v":1}',
               n %% 4, n %% 4, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
               md5(n::text), lpad((n %% 900000)::text, 6, '0'),
               (array['lease.checkout', 'db.login', 'reissue.viewed'])[1 + n %% 3]), 'UTF8')
      FROM generate_series(%s::int, %s::int) n
"""
_STEP = 100_000


def grow(bench: Bench, accounts: int, officers: int, records: int) -> None:
    """Up to so many accounts (in the offices' own pools), and so many more officers and records."""
    with bench.admin(CONTROL) as admin:
        admin.execute(_ACCOUNTS, (accounts - 144,))
        admin.execute(_OFFICERS, (officers,))
        for first in range(0, records, _STEP):
            admin.execute(_RECORDS, (first, first + _STEP - 1))
            _until(admin, "SELECT NOT EXISTS (SELECT FROM audit_inbox)")
        _until(admin, "SELECT (SELECT max(idx) FROM audit_index) >= (SELECT max(idx) FROM audit_log)")
        admin.execute("VACUUM ANALYZE")


def _until(admin: psycopg.Connection[Any], query: str) -> None:
    """Wait for the worker."""
    until = time.monotonic() + 600
    while True:
        (there,) = admin.execute(query).fetchone() or (False,)
        if there:
            return
        if time.monotonic() > until:
            raise RuntimeError(f"not within 600 s: {query}")
        time.sleep(0.2)
