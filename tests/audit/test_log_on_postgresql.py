"""The log where it stands, attacked by a superuser who switches every trigger off (S52, S53; audit.md §4)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from accessctl.cli import cli
from accessctl.domain.events import Event
from accessctl.errors import Refused
from accessctl.services import exporting
from accessctl.services.control import transaction
from accessctl.services.recording import record
from accessctl.store.sequencing import LogCorrupt, Sequencer
from audit.checkpoint import sign_checkpoint
from audit.merkle import Frontier, leaf_hash
from audit.note import Signer
from audit.report import Report
from audit.verify import verify_bundle
from tests.common.world import PASSWORD, World, eventually

Admin = psycopg.Connection[Any]
AUDITOR = "vpt.ktra1"


def write(world: World, count: int) -> None:
    """So many records, each under a checkpoint of its own, as on a quiet day."""
    for number in range(count):
        with transaction(world.rt) as session:
            record(world.rt, session, Event.AUDIT_ANCHOR, details={"number": number})
        world.settle()


def size_of(world: World) -> int:
    """How many records the log has."""
    with world.admin_control() as admin:
        row = admin.execute("SELECT count(*) FROM audit_log").fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def tampering(world: World) -> Iterator[Admin]:
    """A superuser's session in which no trigger fires."""
    with world.admin_control() as admin:
        admin.execute("SET session_replication_role = replica")
        yield admin


def exported(world: World, folder: Path, **words: Any) -> Report:
    """Export as the auditor and let the stand-alone verifier judge."""
    exporting.export(world.rt, world.actor(AUDITOR), folder)
    return verify_bundle(folder, keys=[world.settings.need("ACCESSCTL_VERIFIER_KEY")], **words)


def newest_checkpoint(world: World) -> str:
    """What an outsider may have kept."""
    with world.admin_control() as admin:
        row = admin.execute("SELECT note FROM audit_checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    assert row is not None
    return str(row[0])


def test_S53_an_untouched_log_verifies_offline_by_the_program_alone(world: World, tmp_path: Path) -> None:
    write(world, 3)
    env = dict(world.settings.env) | {"ACCESSCTL_PASSWORD": PASSWORD}
    folder = tmp_path / "bundle"
    result = CliRunner().invoke(
        cli, ["audit", "export", "--out", str(folder), "--json", "--as", AUDITOR], env=env
    )
    assert result.exit_code == 0, result.output
    key = world.settings.need("ACCESSCTL_VERIFIER_KEY")
    done = subprocess.run(
        [sys.executable, "-m", "audit", "verify", str(folder), "--key", key, "--records", "--json"],
        capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["size"] == json.loads(result.stdout)["size"]
    assert said["root"] == json.loads(result.stdout)["root"]
    (told,) = world.records("audit.exported")
    assert (told["actor"], told["details"]["size"]) == (AUDITOR, said["size"])


def edit(admin: Admin, at: int) -> None:
    """One byte of one record."""
    admin.execute(
        "UPDATE audit_log SET leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1) WHERE idx = %s", (at,)
    )


def delete(admin: Admin, at: int) -> None:
    """One record is gone and the later ones move up."""
    admin.execute("DELETE FROM audit_log WHERE idx = %s", (at,))
    far = 1_000_000  # two steps, since the order of rows in one is nobody's promise
    admin.execute("UPDATE audit_log SET idx = idx + %s WHERE idx > %s", (far, at))
    admin.execute("UPDATE audit_log SET idx = idx - %s WHERE idx > %s", (far + 1, far))


def swap(admin: Admin, at: int) -> None:
    """Two neighbours change places."""
    admin.execute(
        "UPDATE audit_log a SET leaf = b.leaf, at = b.at FROM audit_log b"
        " WHERE (a.idx, b.idx) IN ((%(i)s, %(i)s + 1), (%(i)s + 1, %(i)s))",
        {"i": at},
    )


def insert_behind(admin: Admin, at: int) -> None:
    """A record that never was, written behind the one before."""
    admin.execute("UPDATE audit_log SET idx = idx + 1000000 WHERE idx >= %s", (at,))
    admin.execute(
        "INSERT INTO audit_log (idx, at, leaf, inbox_id) SELECT %s, at, leaf, -1 FROM audit_log WHERE idx = 0",
        (at,),
    )
    admin.execute("UPDATE audit_log SET idx = idx - 999999 WHERE idx >= 1000000")


@pytest.mark.parametrize("attack", [edit, delete, swap, insert_behind])
def test_S52_a_superusers_change_of_the_past_is_found_and_the_first_bad_record_named(
    world: World, tmp_path: Path, attack: Callable[[Admin, int], None]
) -> None:
    write(world, 6)
    at = size_of(world) - 4
    world.stop_sequencer()
    with tampering(world) as admin:
        attack(admin, at)
    report = exported(world, tmp_path / "bundle")
    assert report.exit_code == 1
    assert report.first_bad == at
    alone = subprocess.run(
        [sys.executable, "-m", "audit", "verify", str(tmp_path / "bundle"), "--json"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert alone.returncode == 1
    assert json.loads(alone.stdout)["first_bad"] == at


def test_S52_a_cut_tail_is_seen_by_any_checkpoint_that_was_not_cut_with_it(
    world: World, tmp_path: Path
) -> None:
    write(world, 4)
    size = size_of(world)
    kept = newest_checkpoint(world)
    world.stop_sequencer()
    with tampering(world) as admin:
        admin.execute("DELETE FROM audit_log WHERE idx >= %s", (size - 2,))
    report = exported(world, tmp_path / "bodies only")
    assert (report.exit_code, report.first_bad) == (1, size - 2)

    with tampering(world) as admin:  # the attacker thinks of the checkpoints too
        admin.execute("DELETE FROM audit_checkpoint WHERE size > %s", (size - 2,))
    clean = exported(world, tmp_path / "both")
    assert clean.exit_code == 0, "nothing inside can show it"
    assert any(finding.code == "anchor.none" for finding in clean.unchecked), "and the report says so"
    anchored = verify_bundle(tmp_path / "both", checkpoints={"kept by the director": kept})
    assert anchored.exit_code == 1
    assert any(finding.code == "anchor.rollback" for finding in anchored.problems)


def test_S52_a_restored_backup_that_went_on_is_a_fork_to_whoever_kept_a_checkpoint(
    world: World, tmp_path: Path
) -> None:
    write(world, 3)
    size = size_of(world)
    kept = newest_checkpoint(world)
    world.stop_sequencer()
    with tampering(world) as admin:  # yesterday's backup, log and checkpoints alike
        admin.execute("DELETE FROM audit_log WHERE idx >= %s", (size - 2,))
        admin.execute("DELETE FROM audit_checkpoint WHERE size > %s", (size - 2,))
    world.start_sequencer()
    write(world, 4)
    assert exported(world, tmp_path / "bundle").exit_code == 0
    report = verify_bundle(tmp_path / "bundle", checkpoints=[kept])
    assert report.exit_code == 1
    assert any(finding.code == "anchor.fork" for finding in report.problems)


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM audit_log WHERE idx = (SELECT max(idx) FROM audit_log)",
        "DELETE FROM audit_checkpoint WHERE size = (SELECT max(size) FROM audit_checkpoint)",
        "DELETE FROM audit_checkpoint",
        "UPDATE audit_checkpoint SET frontier = set_byte(frontier, 20, get_byte(frontier, 20) # 1)",
    ],
)
def test_S52_a_sequencer_that_starts_over_a_log_that_does_not_fit_signs_nothing(
    world: World, damage: str
) -> None:
    write(world, 2)
    world.stop_sequencer()
    with tampering(world) as admin:
        admin.execute(damage)
        before = admin.execute("SELECT count(*) FROM audit_checkpoint").fetchone()
    signer = Signer.from_text(world.settings.signing_key)
    sequencer = Sequencer.connect(world.settings.sequencer_url, signer, world.settings.audit_origin)
    try:
        assert sequencer.elected()
        with pytest.raises(LogCorrupt):
            sequencer.resume()
    finally:
        sequencer.close()
    with world.admin_control() as admin:
        assert admin.execute("SELECT count(*) FROM audit_checkpoint").fetchone() == before


def test_S52_all_rewritten_without_the_key_fails_by_the_signature(world: World, tmp_path: Path) -> None:
    write(world, 3)
    world.stop_sequencer()
    thief = Signer.generate(world.settings.audit_origin)
    with tampering(world) as admin:
        edit(admin, 1)
        frontier = Frontier.empty()
        for (leaf,) in admin.execute("SELECT leaf FROM audit_log ORDER BY idx").fetchall():
            frontier.append(leaf_hash(bytes(leaf)))
        note = sign_checkpoint(thief, world.settings.audit_origin, frontier.size, frontier.root())
        admin.execute("DELETE FROM audit_checkpoint")
        admin.execute(
            "INSERT INTO audit_checkpoint (size, frontier, note, at) VALUES (%s, %s, %s, now())",
            (frontier.size, frontier.to_bytes(), note),
        )
    assert exported(world, tmp_path / "bundle").exit_code != 0


def test_S52_without_a_superuser_nobody_changes_the_log_not_even_the_role_that_writes_it(
    world: World,
) -> None:
    write(world, 1)
    statements = (
        "UPDATE audit_log SET at = now()",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE audit_log_0",
        "UPDATE audit_checkpoint SET at = now()",
        "DELETE FROM audit_checkpoint",
        "TRUNCATE audit_checkpoint",
        "UPDATE audit_inbox SET at = now()",
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
    )
    for name in ("ACCESSCTL_DATABASE_URL", "ACCESSCTL_SEQUENCER_URL", "ACCESSCTL_READER_URL"):
        dsn = world.settings.need(name).replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(dsn, autocommit=True) as session:
            for statement in statements:
                with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedTable)):
                    session.execute(statement)


def test_S52_row_and_truncate_triggers_refuse_even_a_superuser_who_does_not_switch_them_off(
    world: World,
) -> None:
    write(world, 1)
    with world.admin_control() as admin:
        tables = admin.execute(
            "SELECT relid::regclass::text FROM pg_partition_tree('audit_log') ORDER BY 1"
        ).fetchall()
        assert len(tables) > 1
        for (table,) in tables:
            for verb in ("UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}"):
                statement = psycopg.sql.SQL(verb).format(psycopg.sql.SQL(table))  # type: ignore[arg-type]
                if "TRUNCATE" not in verb and table != "audit_log" and not _rows(admin, table):
                    continue  # a row trigger has no row to refuse there
                with pytest.raises(psycopg.Error):
                    admin.execute(statement)


def _rows(admin: Admin, table: str) -> bool:
    query = psycopg.sql.SQL("SELECT EXISTS (SELECT FROM {})").format(psycopg.sql.SQL(table))  # type: ignore[arg-type]
    return admin.execute(query).fetchone() == (True,)


def test_64_writers_at_once_make_one_line_without_gap_or_fork(world: World, tmp_path: Path) -> None:
    world.settle()  # what the building of the province left in the inbox
    before = size_of(world)
    together = threading.Barrier(64)

    def one(number: int) -> None:
        dsn = world.settings.database_url.replace("postgresql+psycopg://", "postgresql://")
        with psycopg.connect(dsn, autocommit=True) as session:
            together.wait(60)
            said = {"at": "2018-04-24T00:44:00Z", "event": "audit.anchor", "n": number, "outcome": "ok"}
            leaf = json.dumps(said, sort_keys=True)
            session.execute("INSERT INTO audit_inbox (at, leaf) VALUES (now(), %s)", (leaf.encode(),))

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(one, range(64)))
    world.settle()
    with world.admin_control() as admin:
        row = admin.execute(
            "SELECT count(*), min(idx), max(idx), count(DISTINCT inbox_id) FROM audit_log"
        ).fetchone()
    assert row == (before + 64, 0, before + 63, before + 64)
    assert exported(world, tmp_path / "bundle").exit_code == 0


def test_a_second_sequencer_is_not_elected_while_the_first_lives(world: World) -> None:
    signer = Signer.from_text(world.settings.signing_key)
    write(world, 1)
    second = Sequencer.connect(world.settings.sequencer_url, signer, world.settings.audit_origin)
    try:
        assert not second.elected()
        world.stop_sequencer()
        assert eventually(second.elected)  # the server learns in its own time that the first has gone
        second.resume()
        assert second.frontier.size == size_of(world)
    finally:
        second.close()


def test_S54_the_log_is_exported_by_auditor_and_directors_only_and_a_refusal_writes_no_file(
    world: World, tmp_path: Path
) -> None:
    for username in ("vpt.cntt1", "cjt.gd", "cjt.the1"):
        with pytest.raises(Refused):
            exporting.export(world.rt, world.actor(username), tmp_path / username)
        assert not (tmp_path / username).exists()
    for username in ("vpt.gd", "vpt.pgd", AUDITOR):
        assert exporting.export(world.rt, world.actor(username), tmp_path / username).size > 0


def test_personal_data_can_be_erased_without_touching_the_log(world: World, tmp_path: Path) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    world.settle()
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE subject SET bhxh_no = '' WHERE bhxh_no = %s", (world.request(lease.account).subject,)
        )
    report = exported(world, tmp_path / "bundle")
    assert report.exit_code == 0
    assert world.request(lease.account).subject not in (tmp_path / "bundle" / "events.jsonl").read_text()
