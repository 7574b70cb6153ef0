"""The quick reader of pages: it reads as html5lib does, or leaves the page to it."""

from __future__ import annotations

import random
import re
from xml.etree.ElementTree import Element

import html5lib

from tests.common.each import each
from tests.common.reading import objections, quick, same, tree
from tests.web.conftest import Visitor

PLAIN = """<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><title>Sổ &amp; thẻ</title><script src="/a.js" defer></script></head>
<body class="a"> {}
</body></html>
"""
GOOD = (
    "<p>một <b>hai</b><br>ba &lt;b&gt; &#272;&#x110; &nbsp;.</p><p>bốn</p>",
    "<ul><li>một<ul><li>hai</li></ul></li><li>ba</li></ul><dl><dt>x</dt><dd>y</dd></dl>",
    "<table><caption>c</caption><thead><tr><th scope=col>x</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>",
    "<form method=post><label for=a>A</label><input id=a name=a value='&quot;' required>"
    "<textarea>\n&lt;x&gt;\n</textarea><select name=s>"
    "<option value=1 selected>một</option><option>hai</option></select></form>",
    '<svg viewBox="0 0 8 8" aria-hidden="true"><title>x</title><path d="M0 0"/><use href="#a"></use></svg><p>y</p>',
    "<pre>\n  x</pre><!-- nobody sees it --><details><summary>s</summary><p>t</p></details>",
)
CROOKED = (
    "<p>một<p>hai", "<p><div>x</div></p>", "<b><p>x</b></p>", "<ul><li>một<li>hai</ul>",
    "a & b", "<a href='?a=1&b=2'>x</a>",
    "<table><tr><td>x</td></tr></table>", "<table><tbody><p>x</p><tr><td>y</td></tr></tbody></table>",
    "<table>x<tbody></tbody></table>", "<a href=a>x<a href=b>y</a></a>", "<div/>x", "<form><form></form></form>",
    "<h1>x<h2>y</h2></h1>", "<select><p>x</p></select>", "<li>x<div><li>y</li></div></li>", "<p>x</p></p>",
    "<div id=a id=b>x</div>", "<title>x<b>y</b></title>", "<svg><foreignObject><p>x</p></foreignObject></svg>",
    "<button>x<button>y</button></button>", "<dl><dt>x<dd>y</dd></dt></dl>", "<image src=x>", "x</body>y", "<br></br>",
    "<td>x</td>", "<head><title>y</title></head>", "<![CDATA[x]]>", "<?php x ?>", "<p>\r\nx</p>", "</div>", "<option>x",
)  # fmt: skip


def test_a_plain_page_is_read_as_html5lib_reads_it():
    def check(body: str) -> None:
        page = PLAIN.format(body)
        found = quick(page)
        assert found is not None, "left to html5lib"
        assert not same(found, html5lib.parse(page))

    each(GOOD, check)


def test_what_html5lib_would_set_right_is_left_to_it():
    each(CROOKED, lambda body: _left(PLAIN.format(body)))
    each(
        ("", "x", "<p>x</p>", "<!doctype html><p>x</p>", PLAIN.format("x").replace("<!doctype html>", "")),
        _left,
    )


def _left(page: str) -> None:
    assert quick(page) is None
    assert not same(tree(page), html5lib.parse(page))


def test_another_word_attribute_or_element_is_a_difference():
    page = PLAIN.format(GOOD[0])
    for old, new in (("hai", "bai"), ("<b>hai</b>", "<i>hai</i>"), ('class="a"', 'class="b"'), ("<br>", "")):
        assert same(quick(page), html5lib.parse(page.replace(old, new))), (old, new)
    assert same(quick(page), html5lib.parse(page.replace("<p>bốn</p>", "<p>bốn</p><p></p>")))


PIECES = (
    "<p>", "</p>", "<div>", "</div>", "<li>", "</li>", "<b>", "</b>", "&", "&amp", "&lt;", "&nbsp;", "&notit;", "&#1;",
    "&#x80;", "&#0;", "&#xFFFE;", "\x01", "<", "</", "<a href=x>", "</a>", "<tr>", "<td>", "x", '"', "'", ">", "/>",
    "=", "<br>", "</br>", "<hr/>", "<div/>", "<h2>", "</h2>", "<span>", "</span>", "<form>", "<button>", "<option>",
    "<select>", "</select>", "<ul>", "</ul>", "<svg>", "</svg>", "<path/>", "<table>", "</table>", "<col>", "<caption>",
    "<input id=a id=b>", "<!--", "-->", "--", "<title>", "<script>", "</script>", "<noscript>", "</body>", "</html>",
    "<!doctype html>", "<label>", "</label>", "<dl>", "<dt>", "<dd>", "<legend>", "<fieldset>", "<textarea>", "<p",
    "<datalist>", "<optgroup>", "<details>", "<summary>", "<code>", "<pre>\n\n", "<menu>", "<DIV>", "<p x=1 X=2>",
    " class=a`b", " =x", ' a"b=c', " /",
)  # fmt: skip


def test_of_thousands_of_spoiled_pages_it_reads_none_otherwise_and_none_that_is_objected_to():
    chance = random.Random(6962)
    whole, read = PLAIN.format("".join(GOOD)), 0
    for number in range(5000):
        page = _spoiled(chance, whole if number % 8 == 0 else PLAIN.format(chance.choice(GOOD)))
        if (found := quick(page)) is not None:
            read += 1
            assert not _against(page, found), page
    assert read > 300


def _spoiled(chance: random.Random, page: str) -> str:
    tags = [tag.span() for tag in re.finditer("<[^>]*>", page)]
    (start, end), (first, last) = chance.choice(tags), chance.choice(tags)
    inside, anywhere = chance.randrange(start, end), chance.randrange(len(page))
    piece = chance.choice(PIECES)
    return chance.choice(
        [
            page[:start] + page[end:],
            page[:end] + piece + page[end:],
            page[:end] + page[first:last] + page[end:],
            page[:inside] + piece + page[inside:],
            page[:anywhere] + piece + page[anywhere:],
        ]
    )


def _against(page: str, found: Element) -> list[str]:
    """What html5lib says against a page, and where it reads something else."""
    parser = html5lib.HTMLParser()
    different = same(found, parser.parse(page))
    return [*map(repr, parser.errors), *filter(None, [different])]


def test_our_pages_are_read_quickly_and_a_crooked_one_is_objected_to(reader: Visitor):
    reader.sign_in("cjt.gd")
    each(OURS, lambda address: _ours(reader, address))
    assert objections(PLAIN.format("<p><div>x</div></p>"))


OURS = (
    "/", "/help/", "/nowhere", "/custodians/", "/custodians/CJT", "/officers/", "/officers/p/cjt.the2", "/journal/",
    "/matrix/", "/policy/", "/findings/", "/accounts/", "/me/", "/notices/", "/leases/", "/offices/",
)  # fmt: skip


def _ours(reader: Visitor, address: str) -> None:
    reader.get(address)
    found = quick(reader.answer.text)
    assert found is not None
    assert not _against(reader.answer.text, found)
    assert not reader.objections
