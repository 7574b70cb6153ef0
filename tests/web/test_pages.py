"""Every page: sound HTML, both languages, nothing inline, everything labelled; the journal; who sees what."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from flask import Flask

from accessctl.web import navigation
from tests.common.world import World
from tests.web.conftest import XHTML, Visitor
from tests.web.test_desk import borrow, return_form


@cache
def _icons() -> set[str]:
    (sprite,) = Path("accessctl/web/static/vendor").glob("tabler-icons-*/sprite.svg")
    return set(re.findall(r'<symbol id="([^"]+)"', sprite.read_text(encoding="utf-8")))


def look_over(visitor: Visitor) -> None:
    """What must hold on any page of ours."""
    text = visitor.answer.text
    assert visitor.page is not None
    assert not visitor.objections, (visitor.path, visitor.objections[:3])
    assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", text), "inline style or handler"
    assert all(script.get("src") for script in visitor.all("script"))
    assert not visitor.all("style")
    assert set(re.findall(r'sprite\.svg[^"#]*#([^"]*)"', text)) <= _icons(), "an icon that is not there"
    ids = [e.get("id") for e in visitor.page.iter() if e.get("id")]
    assert len(ids) == len(set(ids)), "an id stands there twice"
    labels = visitor.all("label")
    labelled, inside = {label.get("for") for label in labels}, {e for label in labels for e in label.iter()}
    for field in [*visitor.all("input"), *visitor.all("select"), *visitor.all("textarea")]:
        named = field.get("type") == "hidden" or field.get("id") in labelled or field in inside
        assert named or field.get("aria-label") or field.get("aria-labelledby"), field.get("name")
    for form in visitor.all("form"):
        if form.get("method") == "post":
            assert any(f.get("name") == "csrf_token" for f in form.iter(f"{XHTML}input")), form.get("action")
    assert len(visitor.all("main")) == 1
    assert len(visitor.all("h1")) == 1
    (title,) = visitor.all("title")
    assert "accessctl" in title.text


def sound_in(visitor: Visitor) -> str | None:
    """The language that the page says it is in, after a look over it."""
    look_over(visitor)
    return visitor.all("html")[0].get("lang")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_door_and_what_no_link_leads_to_are_sound_in_both_languages(reader: Visitor, language: str):
    reader.get("/sign-in")
    reader.send(f"/language/{language}", next="/sign-in")
    assert sound_in(reader) == language
    reader.sign_in("vpt.ktra1")
    for address in ("/nowhere", "/journal/?person=khong-co-ai", "/journal/?since=x"):
        assert reader.get(address).status_code == (404 if address == "/nowhere" else 200), address
        assert sound_in(reader) == language


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_pages_of_a_lease_are_sound_in_both_languages(visitor: Visitor, another: Visitor, language: str):
    visitor.sign_in("cjt.the2")
    visitor.send(f"/language/{language}", next="/desk/")
    borrow(visitor)
    assert sound_in(visitor) == language
    visitor.send("/desk/look")
    assert sound_in(visitor) == language
    another.sign_in("cjt.the1")
    borrow(another, dossier="CJT-2018-000009/CLT")
    look_over(another)
    visitor.send("/desk/reissue", reason="MAT", blank_serial="67A0000127")
    assert sound_in(visitor) == language
    visitor.get("/")
    assert sound_in(visitor) == language
    visitor.send(return_form(visitor))
    assert sound_in(visitor) == language


def test_the_language_stays_when_the_person_has_gone_and_comes_back(reader: Visitor):
    reader.get("/sign-in")
    reader.send("/language/en", next="/sign-in")
    reader.sign_in("cjt.the2")
    assert "Desk" in reader.words("nav")
    reader.send("/sign-out")
    assert "Sign in" in reader.words()
    assert reader.send("/language/xx", next="https://evil.example/").request.path != "/language/xx"
    assert "Sign in" in reader.words()


def test_a_refusal_is_in_the_language_of_the_reader(visitor: Visitor):
    visitor.sign_in("cjt.the2")
    visitor.send("/language/en", next="/")
    borrow(visitor, dossier="x")
    assert "The dossier number is not of the form" in visitor.words()


@pytest.mark.parametrize(
    ("person", "allowed", "hidden"),
    [
        ("cjt.the1", {"/desk/", "/custodians/", "/matrix/"}, {"/leases/", "/findings/"}),
        ("cjt.gd", {"/leases/", "/custodians/", "/journal/"}, {"/desk/"}),
        ("vpt.ktra1", {"/journal/", "/findings/", "/custodians/", "/leases/"}, {"/desk/"}),
        ("vpt.cntt1", {"/custodians/"}, {"/desk/"}),
        ("vpt.gd", {"/journal/", "/findings/", "/leases/"}, {"/desk/"}),
    ],
)
def test_the_navigation_offers_what_the_policy_allows_and_nothing_else(
    reader: Visitor, person: str, allowed: set[str], hidden: set[str]
):
    reader.sign_in(person)
    offered = {a.get("href") for a in reader.all("nav")[0].iter(f"{XHTML}a")}
    assert allowed <= offered
    assert not hidden & offered


def test_a_section_whose_page_is_not_built_is_not_there(quiet_app: Flask, reader: Visitor):
    reader.sign_in("vpt.gd")
    absent = [section for section in navigation.SECTIONS if section.endpoint not in quiet_app.view_functions]
    offered = " ".join("".join(a.itertext()) for a in reader.all("nav")[0].iter(f"{XHTML}a"))
    for section in absent:
        with quiet_app.test_request_context():
            assert str(section.label) not in offered


@pytest.mark.parametrize("person", ["vpt.ktra1", "vpt.cntt1", "vpt.gd", "cjt.tn1"])
def test_S54_auditor_IT_director_and_reception_cannot_borrow_by_sending_the_form_themselves(
    visitor: Visitor, world: World, person: str
):
    visitor.sign_in(person)
    form = {"dossier": "VPT-2018-000001/CLT", "subject": "6799000001", "reason": "Thử"}
    answer = visitor.send("/desk/borrow/TKCL-VPT-DML", **form)
    assert answer.status_code == 403
    (record,) = world.records("lease.denied")
    assert record["actor"] == person
    assert record["reason"].startswith(("policy.", "lease."))


def test_S54_an_auditor_who_revokes_and_a_clerk_who_revokes_are_refused(
    visitor: Visitor, another: Visitor, world: World
):
    visitor.sign_in("cjt.the2")
    borrow(visitor)
    lease = return_form(visitor).rpartition("/")[2]
    for person in ("vpt.ktra1", "cjt.thu1"):
        another.client.delete_cookie("accessctl")
        another.sign_in(person)
        assert another.send(f"/leases/{lease}/revoke", reason="Thử").status_code == 403
    assert {r["actor"] for r in world.records("access.denied")} >= {"vpt.ktra1", "cjt.thu1"}


def test_AU1_the_journal_finds_by_person_office_dossier_event_and_day(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the2")
    borrow(another)
    another.send(return_form(another))
    world.settle()
    visitor.sign_in("vpt.ktra1")
    visitor.get("/journal/?dossier=CJT-2018-000001/CLT")
    assert "Trần Đức Minh" in visitor.words("table")
    assert "TKCL · Cư Jút → Đắk Mil" in visitor.words("table")
    visitor.get("/journal/?person=tran+duc+minh&event=lease.requested&office=DML")
    assert len(visitor.all("tbody")[0].findall(f"{XHTML}tr")) == 1
    visitor.get("/journal/?dossier=CJT-2018-000777/CLT")
    assert "Không có sự kiện nào khớp" in visitor.words()
    visitor.get("/journal/?since=01/01/2000&until=02/01/2000")
    assert "Không có sự kiện nào khớp" in visitor.words()
    visitor.get("/journal/?since=31/02/2026")
    assert "dd/mm/yyyy" in visitor.words()
    visitor.get("/journal/?page=99999999999999999999&person='; DROP TABLE lease; --")
    assert visitor.answer.status_code == 200


def test_own_acts_are_ones_own_and_a_custodian_sees_the_own_kind(
    visitor: Visitor, another: Visitor, world: World
):
    another.sign_in("cjt.the2")
    borrow(another)
    another.send(return_form(another))
    visitor.sign_in("cjt.thu1")
    world.settle()
    another.get("/me/acts")
    assert "Nhận sử dụng tài khoản" in another.words()
    visitor.get("/me/acts")
    assert "TKCL · Cư Jút" not in visitor.words()
    assert visitor.get("/journal/?person=cjt.the2").status_code == 200
    assert "TKCL · Cư Jút" not in visitor.words()


def test_R34_the_contact_list_names_both_custodians_of_all_nine_offices_and_prints(reader: Visitor):
    reader.sign_in("cjt.tn1")
    reader.get("/custodians/")
    rows = reader.all("tbody")[0].findall(f"{XHTML}tr")
    assert len(rows) == 18
    assert "0900 000 0" in reader.words("table")
    assert reader.all("div", class_="only-print print-head")
