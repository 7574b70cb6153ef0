"""psql as an outside client: what a person with the shown secret can do, and when it ends."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from accessctl.domain.leases import EndReason
from tests.officedb.conftest import MAI, Office

VIEW = f"SELECT outcome, full_name FROM bhyt.view_reissue('{MAI}')"  # noqa: S608 – a constant
REISSUE = f"SELECT outcome, already FROM bhyt.reissue_card('{MAI}', 'MAT', '67P0000001', 'psql-1')"  # noqa: S608


def run(psql: Path, dsn: str, *statements: str) -> subprocess.CompletedProcess[str]:
    commands = [word for statement in statements for word in ("-c", statement)]
    return subprocess.run(
        [psql, "-X", "-A", "-t", "-d", dsn, *commands],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_psql_logs_in_with_the_secret_of_a_lease_and_reissues(office: Office, psql: Path) -> None:
    lent = office.lend(iterations=4096)
    done = run(psql, office.dsn(lent), VIEW)
    assert (done.returncode, done.stdout) == (0, "ok|Trần Thị Mai\n")
    done = run(psql, office.dsn(lent), REISSUE, REISSUE)
    assert done.stdout == "ok|f\nok|t\n"
    assert [outcome for _, outcome in office.acts(lent.lease_id)] == ["ok", "ok", "ok"]


def test_S03_psql_gets_no_list_no_table_and_no_correction(office: Office, psql: Path) -> None:
    lent = office.lend()
    for statement in (
        "TABLE bhyt.participant",
        "UPDATE bhyt.card SET benefit = 1",
        "\\copy bhyt.participant TO STDOUT",
        f"SELECT bhyt.correct_holder('{MAI}', '{{}}', 'k')",
        "SET ROLE tkhctt",
    ):
        done = run(psql, office.dsn(lent), statement)
        assert done.returncode != 0
        assert "permission denied" in done.stderr
        assert "Mai" not in done.stdout


def test_psql_without_a_lease_does_not_get_in(office: Office, psql: Path) -> None:
    lent = office.lend()
    office.close(lent)
    done = run(psql, office.dsn(lent), "SELECT 1")
    assert done.returncode == 2
    assert "password authentication failed" in done.stderr


def test_a_psql_session_with_an_open_transaction_dies_within_a_second_of_revoke(
    office: Office, psql: Path
) -> None:
    lent = office.lend()
    client = subprocess.Popen(
        [psql, "-X", "-q", "-A", "-t", "-d", office.dsn(lent)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write(f"BEGIN;\n{VIEW};\n")
    client.stdin.flush()
    assert client.stdout.readline() == "ok|Trần Thị Mai\n"
    start = time.monotonic()
    closed = office.close(lent, EndReason.REVOKED)
    assert office.sessions(lent.role) == 0
    assert time.monotonic() - start < 1
    assert closed.sessions_ended == 1
    out, err = client.communicate(f"{VIEW};\nCOMMIT;\n", timeout=20)
    assert out == ""
    assert "terminating connection" in err
    assert office.acts(lent.lease_id) == []
