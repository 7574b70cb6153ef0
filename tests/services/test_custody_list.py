"""The contact list told in versions, and the receipts of the eight other offices (R34, S12)."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from accessctl.domain.accounts import Kind
from accessctl.errors import AccessError, Conflict, NotFound, Refused
from accessctl.services import contact_list, contact_readers, contact_receipts, moves
from accessctl.services.contact_receipts import Publication
from accessctl.services.control import transaction
from tests.common.custodians import appoint, end, time_passes
from tests.common.world import World

OTHERS = {"vpt.tpthu": "VPT", "dml.gd": "DML", "gng.gd": "GNG", "dgl.gd": "DGL", "kno.gd": "KNO"}


def versions(world: World, office: str = "CJT") -> list[Publication]:
    with transaction(world.rt) as session:
        return contact_receipts.versions(world.rt, session, world.actor("cjt.tn1"), office)


def latest(world: World, office: str = "CJT") -> Publication:
    return versions(world, office)[0]


def read(world: World, who: str, *which: tuple[str, int]) -> int:
    with transaction(world.rt) as session:
        return contact_receipts.acknowledge(world.rt, session, world.actor(who), which)


def test_R34_every_office_has_told_a_list_with_both_custodians_number_and_date(world: World):
    with transaction(world.rt) as session:
        told = contact_receipts.published(world.rt, session, world.actor("tdc.tn1"))
    assert len(told) == 9
    for one in told:
        assert [entry["kind"] for entry in one.entries] == ["TKCL", "TKHCTT"]
        assert all(entry["full_name"] and entry["phone"] and entry["email"] for entry in one.entries)
        assert one.publisher
        assert (one.received, len(one.receipts)) == (0, 8)
        assert one.office not in {receipt.office for receipt in one.receipts}


def test_S12_a_change_tells_the_next_version_and_all_eight_receipts_are_pending_again(world: World):
    before = latest(world)
    for who, office in OTHERS.items():
        assert read(world, who, ("CJT", before.version)) == 1
        receipt = latest(world).receipt_of(office)
        assert receipt is not None
        assert receipt.reader == world.actor(who).full_name
        assert receipt.read_at is not None
    assert latest(world).received == 5
    end(world, "cjt.gd", "CJT", Kind.TKCL)
    appoint(world, "cjt.gd", "CJT", Kind.TKCL, "cjt.the1")
    after = latest(world)
    assert (after.version, after.received, len(after.receipts)) == (before.version + 2, 0, 8)
    assert [one.version for one in versions(world)] == list(range(after.version, 0, -1))
    assert next(one for one in versions(world) if one.version == before.version).received == 5


def test_R34_a_receipt_is_given_once_by_the_head_and_recorded(world: World):
    version = latest(world).version
    assert read(world, "dml.gd", ("CJT", version)) == 1
    assert read(world, "dml.gd", ("CJT", version)) == 0
    (record,) = world.records("contactlist.read")
    assert (record["actor"], record["office"], record["guest"]) == ("dml.gd", "DML", "CJT")
    assert record["details"] == {"version": version}


def test_R34_several_lists_at_once_and_an_older_version_gives_no_receipt_at_all(world: World):
    asked = [("CJT", latest(world).version), ("KNO", latest(world, "KNO").version - 1)]
    with pytest.raises(Conflict) as raised:
        read(world, "dml.gd", *asked)
    assert raised.value.code == "contactlist.superseded"
    assert latest(world).received == 0
    assert read(world, "dml.gd", asked[0], ("KNO", latest(world, "KNO").version)) == 2


def test_R34_only_the_heads_of_other_offices_acknowledge(world: World):
    version = latest(world).version
    for stranger in ("dml.the1", "dml.the2", "dml.tn1", "vpt.gd", "vpt.cntt1", "vpt.ktra1"):
        with pytest.raises(Refused):
            read(world, stranger, ("CJT", version))
    with pytest.raises(Refused) as raised:
        read(world, "cjt.gd", ("CJT", version))
    assert raised.value.code == "contactlist.own"
    for wrong in [("CJT", 999), ("XYZ", 1), ("CJT", 0), ("CJT", -1)]:
        with pytest.raises(NotFound):
            read(world, "dml.gd", wrong)
    assert latest(world).received == 0


def test_R34_the_head_tells_the_list_anew_and_nobody_else_does(world: World):
    before = latest(world).version

    def publish(who: str, seen: int) -> int:
        with transaction(world.rt) as session:
            return contact_list.publish(world.rt, session, world.actor(who), "CJT", seen=seen)

    for stranger in ("cjt.the2", "cjt.tn1", "dml.gd", "vpt.gd", "vpt.cntt1"):
        with pytest.raises(Refused):
            publish(stranger, before)
    assert publish("cjt.gd", before) == before + 1
    with pytest.raises(Conflict):  # a form sent twice
        publish("cjt.gd", before)
    assert latest(world).publisher == world.actor("cjt.gd").full_name
    assert world.records("contactlist.published")[-1]["details"]["version"] == before + 1


def test_R34_another_telephone_number_is_told_by_itself_and_looking_again_tells_nothing(world: World):
    before = latest(world)
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET phone = '0900000999' WHERE username = 'cjt.the2'")
    time_passes(world)
    time_passes(world)
    after = latest(world)
    assert (after.version, after.publisher) == (before.version + 1, None)
    assert after.entries[0]["phone"] == "0900000999"
    assert {one.version for one in versions(world, "KNO")} == set(range(1, latest(world, "KNO").version + 1))


def test_R34_a_gap_is_told_as_such(world: World):
    end(world, "cjt.gd", "CJT", Kind.TKHCTT)
    assert latest(world).entries[1] == {"kind": "TKHCTT", "username": None}


def test_R34_two_workers_at_one_instant_tell_one_version(world: World):
    before = latest(world).version
    with world.admin_control() as admin:
        admin.execute("UPDATE officer SET phone = '0900000998' WHERE username = 'cjt.the2'")
    one, two = world.rt.sessions(), world.rt.sessions()
    told: list[int | str] = []
    with one, two:
        assert contact_list.settle(world.rt, one) == 1

        def late() -> None:
            try:
                told.append(contact_list.settle(world.rt, two))
                two.commit()
            except AccessError as error:
                told.append(error.code)

        waiting = threading.Thread(target=late)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        one.commit()
        waiting.join(10)
    assert told == [0]
    assert latest(world).version == before + 1


def pending(world: World, who: str) -> int:
    with transaction(world.rt) as session:
        return contact_receipts.receipts_pending(world.rt, session, world.actor(who))


def test_how_many_lists_wait_for_this_person(world: World):
    assert pending(world, "dml.gd") == 8
    read(world, "dml.gd", ("CJT", latest(world).version))
    assert pending(world, "dml.gd") == 7
    assert pending(world, "vpt.tpthu") == 8
    read(world, "vpt.tpcst", ("CJT", latest(world).version))
    assert (pending(world, "vpt.tpcst"), pending(world, "vpt.tpthu")) == (7, 8)
    assert pending(world, "dml.the1") == pending(world, "vpt.tn1") == pending(world, "vpt.gd") == 0


# --- the departments of the head office -----------------------------------------------------------


def name(world: World, who: str, department: str, officer: str, *, seen: int | None = None) -> bool:
    """`who` names `officer` for the department, having seen how it stands now unless the test says otherwise."""
    with transaction(world.rt) as session:
        if seen is None:
            posts = contact_readers.posts(world.rt, session, world.actor(who))
            seen = next((post.seen for post in posts if post.department == department), 0)
        return contact_readers.name(world.rt, session, world.actor(who), department, officer, seen=seen)


def departments(world: World, office: str = "CJT") -> dict[str | None, str | None]:
    """By department who has given its receipt."""
    return {receipt.department: receipt.reader for receipt in latest(world, office).departments}


def test_R34_a_list_is_read_in_each_addressed_department_of_the_head_office_too(world: World):
    assert departments(world) == dict.fromkeys(["VP", "THU", "CNTT", "TNTKQ"])
    assert departments(world, "VPT") == dict.fromkeys(
        ["VP", "CNTT", "TNTKQ"]
    )  # Collection and Card have told it
    awaited = {one.department: one.awaited for one in latest(world).departments}
    assert awaited == {"VP": (), "THU": (world.actor("vpt.tpthu").full_name,), "CNTT": (), "TNTKQ": ()}
    version = latest(world).version
    assert read(world, "vpt.tpcst", ("CJT", version)) == 1  # for the head office; Card is not addressed
    assert set(departments(world).values()) == {None}
    assert read(world, "vpt.tpthu", ("CJT", version)) == 1
    assert departments(world)["THU"] == world.actor("vpt.tpthu").full_name
    assert latest(world).received == 1
    assert latest(world).received_in_departments == 1


def test_R34_somebody_named_reads_for_a_department_until_he_leaves_it(world: World):
    version = latest(world).version
    with pytest.raises(Refused):
        read(world, "vpt.tn1", ("CJT", version))
    assert name(world, "vpt.tpcst", "TNTKQ", "vpt.tn1")
    assert pending(world, "vpt.tn1") == 9
    assert not name(world, "vpt.tpcst", "TNTKQ", "vpt.tn1")
    with transaction(world.rt) as session:
        shown = contact_receipts.versions(world.rt, session, world.actor("vpt.tn1"), "CJT")[0]
    assert shown.waits
    assert [receipt.department for receipt in shown.mine] == [None, "TNTKQ"]
    assert read(world, "vpt.tn1", ("CJT", version), ("VPT", latest(world, "VPT").version)) == 2
    assert read(world, "vpt.tn1", ("CJT", version)) == 0
    assert (
        departments(world)["TNTKQ"] == departments(world, "VPT")["TNTKQ"] == world.actor("vpt.tn1").full_name
    )
    assert latest(world).received == 0
    assert world.records("contactlist.read")[0]["details"] == {"version": version, "department": "TNTKQ"}
    (named,) = world.records("contactlist.delegated")
    assert (named["actor"], named["details"]["officer"]) == ("vpt.tpcst", "vpt.tn1")
    with transaction(world.rt) as session:
        it, leaver = world.actor("vpt.cntt1"), world.actor("vpt.tn1")
        moves.leave(world.rt, session, it, "vpt.tn1", "Nghỉ hưu", version=leaver.version)
    assert [r["details"].get("before") for r in world.records("contactlist.delegated")] == [None, "vpt.tn1"]
    assert next(one for one in latest(world).departments if one.department == "TNTKQ").awaited == ()


def test_R34_only_the_right_head_names_and_only_somebody_of_the_department(world: World):
    for stranger in ("cjt.gd", "vpt.gd", "vpt.cntt1", "vpt.ktra1", "vpt.tn1"):
        with pytest.raises(Refused):
            name(world, stranger, "CNTT", "vpt.cntt1", seen=0)
    with pytest.raises(Refused) as raised:
        name(world, "vpt.tpcst", "THU", "vpt.thu1")
    assert raised.value.code == "contactlist.by_function"
    for department, officer in [
        ("CNTT", "vpt.tn1"),
        ("CNTT", "cjt.the1"),
        ("CST", "vpt.the1"),
    ]:
        with pytest.raises(NotFound):
            name(world, "vpt.tpcst", department, officer)
    with pytest.raises(Refused):
        name(world, "vpt.tpthu", "THU", "vpt.tpthu")
    assert name(world, "vpt.tpthu", "THU", "vpt.thu1")
    assert name(world, "vpt.tpthu", "CNTT", "vpt.cntt1", seen=0)
    with pytest.raises(Conflict):  # the other head had the page open meanwhile
        name(world, "vpt.tpcst", "CNTT", "vpt.cntt2", seen=0)
    assert name(world, "vpt.tpcst", "CNTT", "")
    assert departments(world)["CNTT"] is None


def test_R34_the_auditor_or_a_token_that_only_reads_gives_no_receipt_for_a_department(world: World):
    name(world, "vpt.tpcst", "VP", "vpt.tt1")
    reads = replace(world.actor("vpt.tt1"), read_only=True)
    with transaction(world.rt) as session, pytest.raises(Refused) as raised:
        contact_receipts.acknowledge(world.rt, session, reads, [("CJT", latest(world).version)])
    assert raised.value.code == "policy.token_reads_only"
