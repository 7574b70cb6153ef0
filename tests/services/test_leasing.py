"""Leases end to end on real databases."""

from __future__ import annotations

import psycopg
import pytest

from accessctl.services import leasing
from tests.common.world import World


def test_a_borrowed_account_logs_in_acts_and_is_dead_after_its_return(world: World) -> None:
    lease = world.lend("cjt.the1", "TKCL-CJT-DML")
    assert lease.state == "ACTIVE"
    assert lease.dsn is not None
    with psycopg.connect(lease.dsn, autocommit=True) as client:
        row = client.execute(
            "SELECT outcome FROM bhyt.view_reissue(%s)", (world.request("TKCL-CJT-DML").subject,)
        )
        assert row.fetchone() == ("ok",)
        done = leasing.close_lease(world.rt, world.actor("cjt.the1"), lease.lease)
        with pytest.raises(psycopg.OperationalError):
            client.execute("SELECT 1")
    assert (done.state, done.end_reason, done.sessions_ended) == ("CLOSED", "returned", 1)
    assert world.roles_with_login() == set()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(lease.dsn)
