"""A province in which everything has happened once, and an address for every page of it that can be opened.

`PAGES` names, for each endpoint that answers GET with a page, who opens which address. It is held against the route
table: a route that is in neither `PAGES` nor `NO_PAGES` fails the tests that use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Flask

from accessctl.access.loader import ACCOUNT_RULES, CONSOLE_RULES, default_folder, read_files
from accessctl.clock import local
from accessctl.domain.accounts import Kind
from accessctl.domain.notices import NoticeKind
from accessctl.services import (
    accounts,
    custody,
    desk,
    findings,
    hours,
    leasing,
    moves,
    officers,
    policy_change,
    reconciliation,
    resets,
    roles,
    saved_searches,
    staff_import,
    substitution,
    tokens,
    waivers,
    working_days,
)
from accessctl.services.control import transaction
from accessctl.services.notices import notify
from tests.common.policies import without
from tests.common.postbox import deliver_all, free_port, switch_on
from tests.common.rules import ask, decide, set_rule
from tests.common.world import PASSWORD, World

NO_PAGES = {
    "static", "public.health", "matrix.changes", "custody.contacts_file", "journal.leaf", "journal.check_state",
    "notices.count",
    "journal.proof", "public.code", "custody.mine",
}  # fmt: skip
"""Files, parts of pages, the second step of signing in, which has no address of its own, and what only leads on."""
LONG = "Công Tằng Tôn Nữ Nguyễn Hoàng Phương Thảo Nguyên Thị Ngọc Quỳnh Như"
STAFF = (
    "username,full_name,title,office,department,roles,phone,email\n"
    'cjt.the9,Nguyễn Thị Hoa,"Cán bộ Cấp sổ, thẻ",CJT,CST,card;blank_keeper,0900 000 120,cjt.the9@bhxh.example\n'
    "cjt.the1,Lê Thị Ngọc Diệp,Cán bộ,CJT,CST,auditor,0900 000 033,cjt.the1@bhxh.example\n"
    "dml.the9,,Cán bộ,XXX,CST,card,x,y\n"
)
CLERK, KEEPER, COLLECTOR, HEAD = "cjt.the1", "cjt.the2", "cjt.thu1", "cjt.gd"
IT, AUDITOR, DIRECTOR, RECEPTION = "vpt.cntt1", "vpt.ktra1", "vpt.gd", "cjt.tn1"
FREE = "dml.the1"
"""A clerk of an office without a rule who holds nothing."""
EVERYBODY = (CLERK, KEEPER, COLLECTOR, HEAD, IT, AUDITOR, DIRECTOR, RECEPTION)
"""One of each role that signs in every day; a custodian is a clerk of the card department besides."""


@dataclass
class Busy:
    """What came out of the week: the numbers that addresses need."""

    facts: dict[str, str]

    def address(self, template: str) -> str:
        """`/leases/{active}` with the lease that is open now."""
        return template.format(**self.facts)

    def visits(self, endpoint: str) -> list[tuple[str, str]]:
        """(who, address) of a page."""
        return [(who, self.address(template)) for who, template in PAGES[endpoint]]


def busy_week(world: World) -> Busy:
    """Let everything happen once, through the services, by the people whose part it is."""
    facts: dict[str, str] = {}
    for step in (_staff, _loans, _accounts, _custody, _policy, _rules, _calendar, _findings, _keys, _mail):
        facts |= step(world)
    world.settle()
    with world.admin_control() as admin:
        row = admin.execute(
            "SELECT (SELECT max(n.id)::text FROM notice n JOIN officer o ON o.id = n.officer_id"
            " WHERE o.username = %s), (SELECT max(idx)::text FROM audit_index WHERE event = 'card.reissued')",
            (KEEPER,),
        ).fetchone()
    assert row is not None
    return Busy(facts | {"notice": str(row[0]), "record": str(row[1])})


def _staff(world: World) -> dict[str, str]:
    """A newcomer with a very long name, roles that wait for IT and for the director, one who left, a staff file."""
    with transaction(world.rt) as session:
        rt, it = world.rt, world.actor(IT)
        newcomer = ("cjt.moi", LONG, "Cán bộ", "0900 000 777", "cjt.moi@bhxh.example", "CJT", "CST")
        officers.add(rt, session, it, officers.Newcomer(*newcomer))
        roles.propose(rt, session, world.actor(HEAD), roles.Wanted("cjt.moi", "card", "Quyết định 3/QĐ-BHXH"))
        former = ("cjt.cu", "Hồ Thị Cũ", "Cán bộ", "0900 000 779", "cjt.cu@bhxh.example", "CJT", "CST")
        version = officers.add(rt, session, it, officers.Newcomer(*former)).version
        moves.leave(rt, session, it, "cjt.cu", "Nghỉ hưu", version=version)
        plan = staff_import.look(rt, session, it, "can-bo-cu-jut.csv", STAFF.encode())
        other = ("vpt.moi", "Nguyễn Văn Thử", "Cán bộ", "0900 000 778", "vpt.moi@bhxh.example", "VPT", "CNTT")
        officers.add(rt, session, it, officers.Newcomer(*other))
        waiting = roles.enter(rt, session, it, roles.Wanted("vpt.moi", "it_admin", "Quyết định 4/QĐ-BHXH"))
        return {"plan": str(plan.id), "waiting": str(waiting.id)}


def _loans(world: World) -> dict[str, str]:
    """One returned after a reissue, one revoked, two open, one waiting in the queue."""

    def opened(who: str, account: str, number: int, n: int = 1) -> str:
        asked = world.request(account, number=number, n=n)
        return leasing.open_lease(world.rt, world.actor(who), asked).lease

    done = opened(CLERK, "TKCL-CJT-DSG", 11)
    desk.view_reissue(world.rt, world.actor(CLERK), done)
    desk.reissue_card(world.rt, world.actor(CLERK), done, "MAT", "67A0000777")
    leasing.close_lease(world.rt, world.actor(CLERK), done)
    revoked = opened(CLERK, "TKCL-CJT-DML", 12)
    leasing.revoke_lease(world.rt, world.actor(HEAD), revoked, "Kiểm tra đột xuất")
    active = opened(CLERK, "TKCL-CJT-DML", 13)
    waiting = opened(KEEPER, "TKCL-CJT-DML", 14, 4)
    opened(COLLECTOR, "TKHCTT-CJT-DML", 15)
    return {"done": done, "revoked": revoked, "active": active, "queued": waiting}


def _accounts(world: World) -> dict[str, str]:
    """Locked, locked with a request to unlock, retired, quarantined."""
    rt, it = world.rt, world.actor(IT)
    with transaction(rt) as session:
        for host in ("KNO", "DRL"):
            accounts.lock(rt, session, it, f"TKCL-CJT-{host}", "Nghi lộ mật khẩu")
        accounts.ask_unlock(rt, session, world.actor(KEEPER), "TKCL-CJT-DRL", "Đã kiểm tra, không lộ")
        accounts.retire(rt, session, it, "TKCL-CJT-TDC", "Đơn vị sắp sáp nhập")
    with world.admin_control() as admin:
        admin.execute(
            "UPDATE account SET state = 'QUARANTINED', reason = 'officedb.down' WHERE name = 'TKCL-CJT-GNG'"
        )
    return {}


def _custody(world: World) -> dict[str, str]:
    """A change of custodian with minutes, a gap, a leave waiting for the head's word, a waiver."""
    rt, now = world.rt, world.now()
    day = local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    with transaction(rt) as session:
        held = custody.in_force(session, "DML", Kind.TKCL, now)
        assert held is not None
        next_one = FREE if held.officer.username == "dml.the2" else "dml.the2"
        wanted = custody.Appointment("DML", Kind.TKCL, next_one, "12/QĐ-BHXH", now)
        made, _ = custody.replace(rt, session, world.actor("dml.gd"), wanted, seen=held.id)
        custody.end(rt, session, world.actor("kno.gd"), "KNO", Kind.TKHCTT, "13/QĐ-BHXH")
        leave = substitution.Wanted(
            "CJT", Kind.TKCL, CLERK, day + timedelta(days=2), day + timedelta(days=6), "Nghỉ phép"
        )
        asked = substitution.propose(rt, session, world.actor(KEEPER), leave)
        lifted = waivers.Grant(
            "CJT", "both_kinds", None, CLERK, now, day + timedelta(days=30), "77/QĐ-BHXH", "Chỉ có hai người"
        )
        waiver = waivers.grant(rt, session, world.actor(DIRECTOR), lifted)
        return {"handover": str(made.id), "leave": str(asked.id), "waiver": str(waiver.id)}


def _policy(world: World) -> dict[str, str]:
    """A change of the policy that waits for the director: heads would read the policy no more, TKCL not view."""
    files = read_files(default_folder())
    changed = {
        CONSOLE_RULES: without(files[CONSOLE_RULES], "p, unit_head", "policy:view"),
        ACCOUNT_RULES: without(files[ACCOUNT_RULES], "p, TKCL", "reissue:view"),
    }
    with transaction(world.rt) as session:
        reason = "Theo công văn 12/BHXH-CNTT"
        made = policy_change.propose(world.rt, session, world.actor(IT), changed, reason, frozen=True)
        return {"change": str(made.id)}


def _rules(world: World) -> dict[str, str]:
    """A rule with everything in it, a request that waits, one that was declined."""
    set_rule(
        world, KEEPER, officers=(KEEPER,), days=(1, 2, 3, 4, 5), spans=(("07:30", "11:30"),), per_day="9",
        note="Mùa thi, chỉ người trực",
    )  # fmt: skip
    asked = ask(world, CLERK, "TKCL-CJT-DGL", number=21)
    declined = ask(world, CLERK, "TKCL-CJT-VPT", number=22)
    decide(world, KEEPER, declined, give=False, note="Ngoài giờ trực")
    return {"asked": str(asked), "declined": str(declined)}


def _calendar(world: World) -> dict[str, str]:
    """A day announced as off, extra hours of an office."""
    rt, now = world.rt, world.now()
    with transaction(rt) as session:
        off = working_days.Announcement(
            (local(now) + timedelta(days=20)).date(), False, "45/QĐ-TTg", "Nghỉ bù lễ của tỉnh", 0
        )
        day = working_days.announce(rt, session, world.actor(IT), off)
        window = hours.open_window(
            rt, session, world.actor(HEAD), office="CJT", opens=now + timedelta(days=1),
            closes=now + timedelta(days=1, hours=3), reason="Đối chiếu cuối quý",
        )  # fmt: skip
        return {"override": str(day.id), "window": str(window.id), "year": str(off.day.year)}


def _findings(world: World) -> dict[str, str]:
    """One of every kind that can be told of an account or an office; the statement of today."""
    rt = world.rt
    with transaction(rt) as session:
        account = session.get_one(findings.Account, "TKCL-CJT-DML")
        for severity, kind in enumerate(findings.Kind):
            findings.raise_finding(
                rt, session, kind, key="busy", severity=severity % 3 + 1, account=account,
                details={"address": "10.0.0.9", "why": "no_such_lease"},
            )  # fmt: skip
    today = local(world.now()).date()
    reconciliation.reconcile(rt, world.actor(AUDITOR), today)
    with world.admin_control() as admin:
        row = admin.execute("SELECT min(id)::text FROM finding").fetchone()
    assert row is not None
    return {"finding": str(row[0]), "today": today.isoformat()}


def _keys(world: World) -> dict[str, str]:
    """A kept search, a token, a one-time link."""
    rt = world.rt
    tokens.issue(rt, world.actor(KEEPER), tokens.Wanted("Máy ở quầy", "read", 30), PASSWORD)
    with transaction(rt) as session:
        saved_searches.save(rt, session, world.actor(AUDITOR), "Hồ sơ Cư Jút", {"office": "CJT"})
        link = resets.issue(rt, session, world.actor(IT), "cjt.thu2", "password", "Quên mật khẩu")
    return {"link": link.token}


def _mail(world: World) -> dict[str, str]:
    """A mail server that does not answer; a notice with the longest name there is."""
    switch_on(world, free_port())
    about = {"account": "TKCL-CJT-GNG", "officer": LONG, "dossier": "CJT-2018-000007/CLT"}
    about |= {"until": f"{datetime(2018, 4, 24, 0, 44, tzinfo=UTC):%Y-%m-%dT%H:%M:%SZ}"}
    with transaction(world.rt) as session:
        to = [world.actor(KEEPER).id, world.actor(IT).id]
        notify(world.rt, session, NoticeKind.CHECKOUT, to=to, about=about)
    deliver_all(world)
    return {}


_A = "/accounts/TKCL-CJT-"
_C = "/custodians/CJT/"
PAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "accounts.ask_unlock_form": ((HEAD, _A + "KNO/ask-unlock"),),
    "accounts.index": ((IT, "/accounts/"), (HEAD, "/accounts/?state=LOCKED")),
    "accounts.lock_form": ((IT, _A + "DML/lock"), (DIRECTOR, _A + "DML/lock")),
    "accounts.retire_form": ((IT, _A + "DML/retire"),),
    "accounts.rotate_form": ((IT, _A + "DML/rotate"),),
    "accounts.show": (
        (HEAD, _A + "DML"), (IT, _A + "KNO"), (IT, _A + "DRL"), (IT, _A + "TDC"), (IT, _A + "GNG"),
        (IT, "/accounts/LOCAL_CL-CJT-01"),
    ),
    "accounts.unlock_form": ((IT, _A + "DRL/unlock"),),
    "approvals.ask_form": ((CLERK, "/approvals/ask?account=TKCL-CJT-DGL"),),
    "approvals.index": ((KEEPER, "/approvals/"),),
    "approvals.show": ((KEEPER, "/approvals/{asked}"), (CLERK, "/approvals/{declined}")),
    "custody.appoint_form": ((HEAD, _C + "tkcl/appoint"),),
    "custody.contacts": ((HEAD, "/custodians/"),),
    "custody.end_form": ((HEAD, _C + "tkcl/end"),),
    "custody.minutes": (("dml.gd", "/custodians/handover/{handover}"),),
    "custody.office": ((HEAD, "/custodians/CJT"), (HEAD, "/custodians/KNO")),
    "custody.on_day": ((AUDITOR, "/custodians/on"),),
    "custody.readers": (("vpt.tpcst", "/custodians/readers"),),
    "custody.readiness": ((DIRECTOR, "/custodians/readiness"),),
    "custody.substitute_form": ((KEEPER, _C + "tkcl/substitute"), (HEAD, _C + "tkcl/substitute")),
    "custody.substitution_page": ((HEAD, "/custodians/substitution/{leave}"),),
    "custody.versions": ((HEAD, _C + "list"),),
    "databases.day": ((IT, "/databases/days/{today}"),),
    "databases.days": ((AUDITOR, "/databases/days"),),
    "databases.index": ((IT, "/databases/"),),
    "databases.show": ((IT, "/databases/DML"),),
    "drift.index": ((IT, "/drift/"), (DIRECTOR, "/drift/")),
    "drift.show": ((IT, "/drift/KNO"),),
    "drift.preview": ((IT, "/drift/KNO/repair"),),
    "desk.borrow_form": (
        (FREE, "/desk/borrow/TKCL-DML-CJT"), ("dml.thu1", "/desk/borrow/TKHCTT-DML-CJT"),
        ("dml.thu1", "/desk/borrow/LOCAL_HC-DML-01"), (CLERK, "/desk/borrow/TKCL-CJT-DGL"),
    ),
    "desk.index": ((CLERK, "/desk/"), (KEEPER, "/desk/"), (COLLECTOR, "/desk/"), (FREE, "/desk/")),
    "findings.index": ((HEAD, "/findings/"),),
    "findings.show": ((IT, "/findings/{finding}"),),
    "help.index": ((CLERK, "/help/"),),
    "help.show": ((CLERK, "/help/desk"),),
    "home.index": tuple((who, "/") for who in EVERYBODY),
    "home.search": ((HEAD, "/search?q=minh"), (AUDITOR, "/search?q=CJT-2018-000013/CLT")),
    "journal.check": ((AUDITOR, "/journal/check"),),
    "journal.index": ((AUDITOR, "/journal/"), (HEAD, "/journal/?office=CJT")),
    "journal.record": ((AUDITOR, "/journal/3"), (AUDITOR, "/journal/{record}")),
    "leases.index": ((HEAD, "/leases/"),),
    "leases.revoke_form": ((HEAD, "/leases/{active}/revoke"),),
    "leases.show": ((CLERK, "/leases/{active}"), (HEAD, "/leases/{done}"), (CLERK, "/leases/{revoked}")),
    "matrix.index": ((DIRECTOR, "/matrix/"), (IT, "/matrix/?kind=TKHCTT")),
    "me.acts": ((CLERK, "/me/acts"),),
    "me.index": ((KEEPER, "/me/"),),
    "me.password": ((CLERK, "/me/password"),),
    "me.second_factor": ((KEEPER, "/me/second-factor"),),
    "me.sessions": ((KEEPER, "/me/sessions"),),
    "me.tokens": ((KEEPER, "/me/tokens"),),
    "notices.index": ((KEEPER, "/notices/"), (IT, "/notices/")),
    "notices.mail": ((IT, "/notices/mail"),),
    "notices.preferences": ((KEEPER, "/notices/preferences"),),
    "notices.show": ((KEEPER, "/notices/{notice}"),),
    "officers.add_form": ((IT, "/officers/add"),),
    "officers.edit_form": ((IT, "/officers/p/cjt.the1/edit"),),
    "officers.import_form": ((IT, "/officers/import"),),
    "officers.index": ((IT, "/officers/"), (HEAD, "/officers/")),
    "officers.leave_form": ((IT, "/officers/p/cjt.the1/leave"),),
    "officers.preview": ((IT, "/officers/import/{plan}"),),
    "officers.return_form": ((IT, "/officers/p/cjt.cu/return"),),
    "officers.show": ((IT, "/officers/p/cjt.the2"), (HEAD, "/officers/p/cjt.moi")),
    "officers.transfer_form": ((IT, "/officers/p/cjt.the1/transfer"),),
    "offices.announce_form": ((IT, "/offices/calendar/announce"),),
    "offices.calendar": ((IT, "/offices/calendar?year={year}"),),
    "offices.hours_form": ((IT, "/offices/CJT/hours"),),
    "offices.index": ((CLERK, "/offices/"),),
    "offices.show": ((HEAD, "/offices/CJT"),),
    "offices.window_form": ((HEAD, "/offices/CJT/windows/open"),),
    "offices.withdraw_day_form": ((IT, "/offices/calendar/{override}/withdraw"),),
    "offices.withdraw_window_form": ((HEAD, "/offices/CJT/windows/{window}/withdraw"),),
    "policy.ask": (
        (DIRECTOR, "/policy/ask?person=cjt.the1&permission=lease:open.tkhctt&office=DML&case=info_other"),
        (DIRECTOR, "/policy/ask?permission=lease:open.tkcl&office=DML&case=lost"),
    ),
    "policy.index": ((DIRECTOR, "/policy/"), (HEAD, "/policy/?role=custodian_tkcl")),
    "policy.person": ((DIRECTOR, "/policy/people/cjt.the2"), (CLERK, "/policy/people/cjt.the1")),
    "policy_changes.approve_form": ((DIRECTOR, "/policy/changes/{change}/approve"),),
    "policy_changes.decline_form": ((DIRECTOR, "/policy/changes/{change}/decline"),),
    "policy_changes.index": ((IT, "/policy/changes/"),),
    "policy_changes.propose_form": ((IT, "/policy/changes/propose"),),
    "policy_changes.show": ((DIRECTOR, "/policy/changes/{change}"),),
    "public.sign_in": (("", "/sign-in"),),
    "resets.ask": ((IT, "/resets/cjt.the2"),),
    "resets.use": (("", "/reset/{link}"),),
    "roles.decline_form": ((DIRECTOR, "/roles/waiting/{waiting}/decline"),),
    "roles.index": ((DIRECTOR, "/roles/"), (IT, "/roles/")),
    "roles.revoke_form": ((IT, "/roles/for/cjt.the1/card/revoke"),),
    "roles.say_form": ((HEAD, "/roles/for/cjt.phoi1"), (IT, "/roles/for/cjt.phoi1")),
    "rules.edit": ((KEEPER, "/rules/CJT/tkcl/edit"),),
    "rules.show": ((CLERK, "/rules/CJT/tkcl"),),
    "waivers.end_form": ((DIRECTOR, "/waivers/{waiver}/end"),),
    "waivers.grant_form": ((DIRECTOR, "/waivers/grant?office=CJT"),),
    "waivers.index": ((HEAD, "/waivers/"),),
    "waivers.show": ((DIRECTOR, "/waivers/{waiver}"),),
}  # fmt: skip
"""Each page with whoever sees most of it first; nobody ("") is somebody who has not signed in."""


def unknown(app: Flask) -> set[str]:
    """Endpoints that answer GET and of which nobody has said how they are looked at."""
    found = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())}
    return found ^ (PAGES.keys() | NO_PAGES)
