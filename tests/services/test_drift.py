"""Permission drift: what somebody grants by hand is found at the next look, not lent, and taken back (S05)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg import sql

from accessctl.errors import AccessError, Refused
from accessctl.services import drift, repair
from tests.common.world import World

ROLE, ACCOUNT = "tkcl_cjt_kno", "TKCL-CJT-KNO"

# what the DBA does by hand, and what takes it back where the repair is not the point
TAMPERS = {
    "a table": ("GRANT SELECT ON bhyt.participant TO tkcl_cjt_kno", "tkcl_cjt_kno", "grant"),
    "a column": ("GRANT UPDATE (full_name) ON bhyt.participant TO tkcl_cjt_kno", "tkcl_cjt_kno", "grant"),
    "another kind's function": (
        "GRANT EXECUTE ON FUNCTION bhyt.correct_holder(text, jsonb, text) TO tkcl_cjt_kno",
        "tkcl_cjt_kno",
        "grant",
    ),
    "the whole kind": ("GRANT SELECT ON bhyt.card TO tkcl", "tkcl", "grant"),
    "the schema": ("GRANT CREATE ON SCHEMA bhyt TO tkcl", "tkcl", "grant"),
    "the database": ("GRANT TEMPORARY ON DATABASE bhyt_kno TO tkcl_cjt_kno", "tkcl_cjt_kno", "grant"),
    "a sequence": ("GRANT USAGE ON SEQUENCE access.act_id_seq TO tkcl_cjt_kno", "tkcl_cjt_kno", "grant"),
    "a membership": ("GRANT tkhctt TO tkcl_cjt_kno", "tkcl_cjt_kno", "membership"),
    "set role": ("GRANT tkcl TO tkcl_cjt_kno WITH SET TRUE", "tkcl_cjt_kno", "membership"),
    "a member": ("GRANT tkcl_cjt_kno TO accessctl_witness", "tkcl_cjt_kno", "member"),
    "an attribute": ("ALTER ROLE tkcl_cjt_kno CREATEDB", "tkcl_cjt_kno", "attribute"),
}


@pytest.fixture
def kno(world: World) -> Iterator[World]:
    """A world whose office KNO is as the policy says, before and after."""
    assert drift.look(world.rt, "KNO").drifts == ()
    yield world
    repaired(world)


def repaired(world: World, who: str = "vpt.cntt1") -> repair.Outcome:
    """With a DBA's connection."""
    [outcome] = repair.apply(world.rt, world.actor(who), ["KNO"], lambda _: world.province.cluster.dsn())
    return outcome


@pytest.mark.parametrize("name", TAMPERS)
def test_S05_what_is_granted_by_hand_is_found_not_lent_and_repaired(kno: World, name: str) -> None:
    tamper, role, what = TAMPERS[name]
    with kno.admin_office("KNO") as admin:
        admin.execute(sql.SQL(tamper))
    found = drift.look(kno.rt, "KNO").drifts
    assert (role, what) in {(entry.role, entry.what) for entry in found}
    assert [r["reason"] for r in kno.records("finding.raised")] == ["finding.drift"] * len(found)
    with pytest.raises(AccessError) as refused:
        kno.lend("cjt.the1", ACCOUNT)
    assert refused.value.code in ("officedb.drift", "officedb.account_tampered")
    assert kno.roles_with_login() == set()
    assert repaired(kno).drifts == ()
    assert kno.lend("cjt.the1", ACCOUNT, number=2).state == "ACTIVE"


def test_S05_what_belongs_to_an_account_is_found_and_left_to_a_person(kno: World) -> None:
    with kno.admin_office("KNO") as admin:
        admin.execute("CREATE TABLE public.loot (n int)")
        admin.execute("ALTER TABLE public.loot OWNER TO tkcl_cjt_kno")
        found = drift.look(kno.rt, "KNO").drifts
        left = repaired(kno)
        admin.execute("DROP TABLE public.loot")
    assert [(d.role, d.what, d.repair) for d in found] == [(ROLE, "owner", None)]
    assert left.drifts == found


def test_S05_a_function_taken_from_a_kind_is_missing_and_given_back(kno: World) -> None:
    with kno.admin_office("KNO") as admin:
        admin.execute("REVOKE EXECUTE ON FUNCTION bhyt.reissue_card(text, text, text, text) FROM tkcl")
    assert [(d.role, d.what) for d in drift.look(kno.rt, "KNO").drifts] == [("tkcl", "missing")]
    assert repaired(kno).drifts == ()


def test_S05_what_public_may_and_a_trigger_switched_off_are_found(kno: World) -> None:
    with kno.admin_office("KNO") as admin:
        admin.execute("GRANT SELECT ON bhyt.participant TO PUBLIC")
        admin.execute("ALTER EVENT TRIGGER accessctl_login DISABLE")
        found = {entry.what for entry in drift.look(kno.rt, "KNO").drifts}
        admin.execute("REVOKE ALL ON bhyt.participant FROM PUBLIC")
        admin.execute("ALTER EVENT TRIGGER accessctl_login ENABLE ALWAYS")
    assert found == {"public", "trigger"}


def test_S05_only_IT_repairs_and_the_repair_is_recorded(kno: World) -> None:
    with pytest.raises(Refused):
        repaired(kno, "cjt.gd")
    repaired(kno)
    assert [r["outcome"] for r in kno.records("policy.repaired")] == ["intent", "ok"]


def test_S05_a_database_full_of_deviations_is_written_down_a_few_at_a_time_and_whole(
    kno: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with kno.admin_office("KNO") as admin:
        for table in ("participant", "card", "reissue", "correction"):
            admin.execute(sql.SQL("GRANT SELECT ON bhyt.{} TO tkcl_cjt_kno").format(sql.Identifier(table)))
    monkeypatch.setattr(drift, "_AT_ONCE", 1)
    stops = iter([None, None])  # and with the third the service is killed
    report = drift._report

    def killed(*args: object) -> None:
        next(stops)
        report(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as interrupted:
        interrupted.setattr(drift, "_report", killed)
        with pytest.raises(StopIteration):
            drift.look(kno.rt, "KNO")
    assert len(kno.records("policy.drift")) == 2  # what was written stands
    found = drift.look(kno.rt, "KNO").drifts
    assert len(found) == 4
    assert len(kno.records("policy.drift")) == 4
