"""An installed office database (DML) on a server of its own, a plain broker, and four people."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from accessctl.access.wanted import wanted_functions
from accessctl.domain.accounts import AccountName, Kind, local_pool, shared_accounts
from accessctl.domain.dossiers import Field
from accessctl.domain.leases import EndReason
from accessctl.embedded import Cluster
from accessctl.officedb import roles
from accessctl.officedb.accounts import disable_all, ensure_accounts
from accessctl.officedb.connection import OfficeAddress, OfficeDatabases
from accessctl.officedb.credentials import derive_secret, derive_subject_key, scram_verifier
from accessctl.officedb.install import InstallPlan, install
from accessctl.officedb.leases import Closed, CloseOrder, OpenOrder, close_lease, open_lease
from tests.common.logins import make_cheap

OFFICES = ("CJT", "DGL", "DML", "DRL", "DSG", "GNG", "KNO", "TDC", "VPT")
MAI = "6799000001"  # BHYT only, card in force
NIE = "6799000002"  # BHXH and BHYT, card in force, birth year only
OLD = "6799000003"  # BHYT only, card over
DUC = "6799000004"  # BHYT only, card in force

PEOPLE = f"""
    INSERT INTO bhyt.participant VALUES
        ('{MAI}', 'Trần Thị Mai', '1970-03-02', false, 'F', 'Thôn 1, xã Đắk Lao', '123456789', '67-001', 'GD', 'CHI_BHYT'),
        ('{NIE}', 'Y Bluê Niê', '1965-01-01', true, 'M', 'Bon U3, thị trấn Ea T''ling', NULL, '67-002', 'DN', 'BHXH_BHYT'),
        ('{OLD}', 'H''Bia Êban', '1999-02-28', false, 'F', 'Thôn 4', '012345678901', '67-001', 'HN', 'CHI_BHYT'),
        ('{DUC}', 'Điểu Krứ', '1988-12-31', false, 'M', 'Thôn 9', '987654321', '67-001', 'HN', 'CHI_BHYT');
    INSERT INTO bhyt.card VALUES
        ('GD467{MAI}', '{MAI}', '2018-01-01', '2099-12-31', 4), ('DN467{NIE}', '{NIE}', '2018-01-01', '2099-12-31', 4),
        ('HN267{OLD}', '{OLD}', '2015-01-01', '2016-12-31', 2), ('HN267{DUC}', '{DUC}', '2018-01-01', '2099-12-31', 2);
"""  # noqa: E501, S608


@dataclass(frozen=True, slots=True)
class Lent:
    """A lease that a test opened, with its secret."""

    lease_id: str
    role: str
    secret: str = field(repr=False)
    order: OpenOrder = field(repr=False)


@dataclass
class Office:
    """One office database of a real server, and what tests do with it."""

    cluster: Cluster
    dbname: str
    databases: OfficeDatabases
    broker: psycopg.Connection
    witness: psycopg.Connection
    admin: psycopg.Connection
    key: bytes = field(default_factory=lambda: os.urandom(32))
    made: list[psycopg.Connection] = field(default_factory=list)

    @property
    def admin_dsn(self) -> str:
        return self.cluster.dsn(self.dbname)

    def order(
        self,
        role: str = "tkcl_cjt_dml",
        *,
        subject: str = MAI,
        fields: Sequence[Field] = (),
        seconds: float = 900,
        dossier: str | None = None,
        iterations: int = 1,
    ) -> tuple[str, OpenOrder]:
        lease = f"L-{uuid4().hex[:10]}"
        secret = derive_secret(self.key, lease, role, b"nonce", 0)
        order = OpenOrder(
            lease_id=lease,
            role=role,
            officer="nguyen.thi.lan",
            dossier=dossier or f"CJT-2018-{uuid4().int % 1_000_000:06d}/CLT",
            subject=subject,
            subject_key=derive_subject_key(self.key, lease),
            verifier=scram_verifier(secret, iterations),
            remaining=timedelta(seconds=seconds),
            fields=fields,
        )
        return secret, order

    def lend(self, role: str = "tkcl_cjt_dml", **words: object) -> Lent:
        secret, order = self.order(role, **words)  # type: ignore[arg-type]
        open_lease(self.broker, order)
        return Lent(order.lease_id, role, secret, order)

    def dsn(self, lent: Lent, dbname: str | None = None, **more: str) -> str:
        return make_conninfo(
            self.admin_dsn, user=lent.role, password=lent.secret, dbname=dbname or self.dbname, **more
        )

    def login(self, lent: Lent, **more: str) -> psycopg.Connection:
        self.made.append(psycopg.connect(self.dsn(lent, **more), autocommit=True))
        return self.made[-1]

    def close(self, lent: Lent, reason: EndReason = EndReason.RETURNED) -> Closed:
        return close_lease(self.broker, CloseOrder(lent.lease_id, lent.role, reason))

    def enable_by_hand(self, role: str, password: str) -> str:
        """A DBA gives a role a password of their own; the address to log in with."""
        verifier = scram_verifier(password, 1)
        statement = psycopg.sql.SQL("ALTER ROLE {} LOGIN PASSWORD {} VALID UNTIL 'infinity'")
        self.admin.execute(statement.format(psycopg.sql.Identifier(role), verifier))
        return make_conninfo(self.admin_dsn, user=role, password=password)

    def acts(self, lease_id: str) -> list[tuple[str, str]]:
        query = "SELECT action, outcome FROM access.act WHERE lease_id = %s ORDER BY id"
        return self.admin.execute(query, (lease_id,)).fetchall()

    def logged(self, *words: str, count: int) -> list[str]:
        """The lines of the server's log with all these words, once there are enough: the collector lags a bit."""
        until = time.monotonic() + 20
        while True:
            files = sorted(self.cluster.log_folder.glob("*.json"))
            lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
            found = [line for line in lines if all(word in line for word in words)]
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(0.05)

    def sessions(self, role: str) -> int:
        row = self.admin.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = %s", (role,)
        ).fetchone()
        assert row is not None
        return int(row[0])


def plan(dbname: str, office: str = "DML", **words: object) -> InstallPlan:
    grants = {kind: [str(right) for right in wanted_functions(kind)] for kind in Kind}
    return InstallPlan(office, dbname, grants, "broker-secret", "witness-secret", **words)  # type: ignore[arg-type]


def accounts_at(host: str, pool: int = 2) -> list[AccountName]:
    return [name for name in shared_accounts(OFFICES) if name.host == host] + local_pool(host, pool)


def address(cluster: Cluster, dbname: str) -> OfficeAddress:
    return OfficeAddress(
        make_conninfo(cluster.dsn(dbname), user=roles.BROKER, password="broker-secret"),
        make_conninfo(cluster.dsn(dbname), user=roles.WITNESS, password="witness-secret"),
    )


def create_database(cluster: Cluster, dbname: str) -> None:
    with psycopg.connect(cluster.dsn(), autocommit=True) as conn:
        conn.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(dbname)))


@contextmanager
def opened(cluster: Cluster, dbname: str, code: str = "DML") -> Iterator[Office]:
    """An installed database with its connections."""
    known = address(cluster, dbname)
    with (
        OfficeDatabases({code: known}) as databases,
        psycopg.connect(known.broker, autocommit=True) as broker,
        psycopg.connect(known.witness, autocommit=True) as witness,
        psycopg.connect(cluster.dsn(dbname), autocommit=True) as admin,
    ):
        yield Office(cluster, dbname, databases, broker, witness, admin)


@pytest.fixture(scope="session")
def office_cluster() -> Iterator[Cluster]:
    """A server of our own: these tests create and spoil roles, which belong to a whole server."""
    folder = Path(tempfile.mkdtemp(prefix="accessctl-office-"))
    folder.chmod(0o711)
    server = Cluster(folder, fast=True)
    server.start()
    make_cheap(server)
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def installed(office_cluster: Cluster) -> str:
    """The name of an installed database with people and the 16 shared accounts and the pool of DML."""
    create_database(office_cluster, "dml")
    install(office_cluster.dsn("dml"), plan("dml"))
    known = address(office_cluster, "dml")
    make_cheap(office_cluster, (known.broker, known.witness))
    with opened(office_cluster, "dml") as office:
        ensure_accounts(office.broker, accounts_at("DML"))
        office.admin.execute(PEOPLE)
    return "dml"


@pytest.fixture
def office(office_cluster: Cluster, installed: str) -> Iterator[Office]:
    """The office database of DML; afterwards no lease, no login and no session of an account is left."""
    with opened(office_cluster, installed) as office:
        yield office
        disable_all(office.broker)
        for session in office.made:
            session.close()


@pytest.fixture
def psql(office_cluster: Cluster) -> Path:
    """An outside client: the system's psql from version 15 on, else the one that comes with the server."""
    found = shutil.which("psql")
    if found:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.split()[2].split(".")[0]) >= 15:
            return Path(found)
    return office_cluster.client("psql")


def host_and_port(dsn: str) -> tuple[str, str]:
    known = conninfo_to_dict(dsn)
    return str(known["host"]), str(known["port"])
