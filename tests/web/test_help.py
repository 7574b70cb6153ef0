"""Help: a text for every page that can be opened, in both languages."""

from __future__ import annotations

import re
import unicodedata

from flask import Flask

from accessctl.web import help_texts
from tests.common.each import of_each
from tests.web.conftest import Visitor
from tests.web.test_pages import look_over

NOT_READ = {"static", "public.health", "matrix.changes"}  # no pages


def test_every_page_that_can_be_opened_has_a_help_text(quiet_app: Flask):
    readable = {rule.endpoint for rule in quiet_app.url_map.iter_rules() if "GET" in (rule.methods or set())}
    without = sorted(name for name in readable - NOT_READ if help_texts.key_for(name) is None)
    assert not without, f"write a text for these into {help_texts.FILE.name}: {without}"
    assert len(readable) > 25


@of_each("key", sorted(help_texts.texts()))
def test_a_text_says_what_the_page_is_for_and_what_to_do_in_both_languages(key: str):
    vi, en = (help_texts.texts()[key][language] for language in ("vi", "en"))
    assert (len(vi.steps), len(vi.notes)) == (len(en.steps), len(en.notes))
    for text in (vi, en):
        said = [text.title, text.what, *text.steps, *text.notes]
        assert all(s == s.strip() and s and unicodedata.is_normalized("NFC", s) for s in said)
        assert len(text.what) > 20
        assert text.steps
    assert "bạn" not in re.findall(r"\w+", " ".join([vi.title, vi.what, *vi.steps, *vi.notes]).casefold())
    assert not re.search("[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]", en.what)


def test_the_question_mark_leads_to_the_text_of_the_page_at_hand(reader: Visitor):
    reader.sign_in("cjt.the2")
    for address, title in [("/desk/", "Bàn làm việc"), ("/matrix/", "Hình vuông"), ("/nowhere", "Trang đầu")]:
        reader.get(address)
        (link,) = [a for a in reader.all("a") if (a.get("href") or "").startswith("/help/")]
        assert link.get("target") == "_blank", "what was typed into the page must stay"
        assert reader.get(link.get("href")).status_code == 200
        assert title in reader.words("h1")
        look_over(reader)


def test_the_list_of_texts_and_an_unknown_one(reader: Visitor):
    reader.sign_in("vpt.ktra1")
    reader.get("/help/")
    assert "Nhật ký" in reader.words()
    look_over(reader)
    assert reader.get("/help/no-such-page").status_code == 404


def test_help_is_in_the_language_of_the_reader(reader: Visitor):
    reader.sign_in("vpt.ktra1")
    reader.get("/")
    reader.send("/language/en", next="/help/journal")
    assert "Nobody can change or delete it" in reader.words()
    reader.send("/language/vi", next="/")
