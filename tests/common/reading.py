"""Pages as trees, read quickly: a strict reader of HTML takes six times as long, and most tests only look for a word.

What the quick reader understands it reads as html5lib does, and html5lib has nothing against it: tests/web/
test_reading.py proves both, on pages of ours and on thousands spoiled by chance. Whatever leaves the plain – a tag that
is not closed, a table without a body, an ampersand by itself – it does not understand, and html5lib reads the page.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from html.entities import html5
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from html5lib.constants import adjustSVGAttributes

XHTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"

_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
_IN_HEAD = {"meta", "title", "link", "script", "style"}
_RAW = {"title", "textarea", "script", "style"}
_ENDS_P = {
    "address", "article", "aside", "blockquote", "details", "dialog", "div", "dl", "fieldset", "figcaption", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "main", "nav", "ol", "p", "pre", "section",
    "summary", "table", "ul", "li", "dd", "dt",
}  # fmt: skip
_PHRASE = {
    "a", "abbr", "b", "bdi", "bdo", "button", "cite", "code", "data", "del", "dfn", "em", "i", "img", "br", "input",
    "ins", "kbd", "label", "legend", "mark", "meter", "output", "progress", "q", "s", "samp", "select", "small",
    "span", "strong", "sub", "sup", "svg", "textarea", "time", "u", "var", "wbr", "script",
}  # fmt: skip
_ONLY_IN = {
    "head": {"html"}, "body": {"html"},
    "caption": {"table"}, "colgroup": {"table"}, "thead": {"table"}, "tbody": {"table"}, "tfoot": {"table"},
    "col": {"colgroup"}, "tr": {"thead", "tbody", "tfoot"}, "td": {"tr"}, "th": {"tr"},
    "option": {"select", "optgroup", "datalist"}, "optgroup": {"select"},
}  # fmt: skip
_ONLY_HOLDS = {
    "html": {"head", "body"}, "head": _IN_HEAD,
    "table": {"caption", "colgroup", "thead", "tbody", "tfoot"}, "colgroup": {"col"},
    "thead": {"tr"}, "tbody": {"tr"}, "tfoot": {"tr"}, "tr": {"td", "th"},
    "select": {"option", "optgroup"}, "optgroup": {"option"}, "option": set(), "datalist": {"option"},
}  # fmt: skip
_WORDLESS = _ONLY_HOLDS.keys() - {"option"}
_NOT_INSIDE_ITSELF = {"a", "button", "form", "label", "p", "select", "dd", "dt"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_IN_SVG = {"svg", "use", "path", "g", "rect", "circle", "line", "polyline", "polygon", "symbol", "text",
           "title"}  # fmt: skip
_KNOWN = {"html", "noscript", "datalist"} | _ENDS_P | _PHRASE | _ONLY_IN.keys() | _IN_HEAD
_ONLY_IN_HEAD = _IN_HEAD - {"script"}

_WORD = r"""\s+([^\s"'<>/=]+)(?:=(?:"([^"]*)"|'([^']*)'|([^\s"'=<>`]+)))?"""
_ATTRIBUTE = re.compile(_WORD).findall
_WORDS = re.sub(r"\((?!\?)", "(?:", _WORD)
_TOKEN = re.compile(
    rf"<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:{_WORDS})*)\s*(/?)>|<!--(?!-?>)(?:(?!--).)*-->", re.DOTALL
).match
_DOCTYPE = re.compile(r"\s*<!doctype html>", re.IGNORECASE).match
_BARE = re.compile(r"&(?!(?:[a-zA-Z][a-zA-Z0-9]*|#[0-9]+|#[xX][0-9a-fA-F]+);)").search
_NAMED = re.compile(r"&([a-zA-Z][a-zA-Z0-9]*);").findall
_NUMBERED = re.compile(r"&#(?:([0-9]+)|[xX]([0-9a-fA-F]+));").findall
_NEVER = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_NO_CHARACTER = re.compile(
    f"[\\x00-\\x08\\x0b\\r-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufdd0-\\ufdef{_NEVER}]"
).search


class _Unusual(Exception):
    """Something that html5lib would set right; it shall do so."""


class _Reader:
    """Builds the tree as long as every tag stands where the standard has no correction to make."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._names: list[str] = []
        self._elements: list[Element] = []
        self._last: Element | None = None
        self._in_svg = False

    def read(self, text: str) -> Element:
        """The whole page."""
        at = _DOCTYPE(text)
        position = at.end() if at else 0
        if not at:
            raise _Unusual("no doctype")
        while True:
            following = text.find("<", position)
            if data := text[position:following] if following >= 0 else text[position:]:
                self._say(data)
            if following < 0:
                break
            if not (token := _TOKEN(text, following)):
                raise _Unusual(text[following : following + 20])
            position = token.end()
            end, name, attributes, closed = token.groups()
            if name is None:
                continue  # a comment
            tag = name.lower()
            if end:
                if attributes or closed:
                    raise _Unusual(tag)
                self._end(tag)
            else:
                self._start(tag, attributes, closed=bool(closed))
                if tag in _RAW and not self._in_svg:
                    position = self._raw(tag, text, position)
        if self._names or self.root is None or len(self.root) != 2:
            raise _Unusual("the end")
        return self.root

    def _start(self, tag: str, written: str, *, closed: bool) -> None:
        if self._in_svg:
            if tag not in _IN_SVG or self._names[-1] == "title":
                raise _Unusual(tag)
        else:
            self._expect(tag)
        foreign = self._in_svg or tag == "svg"
        element = Element((SVG if foreign else XHTML) + tag, _attributes(written, foreign=foreign))
        if closed and not foreign and tag not in _VOID:
            raise _Unusual(tag)
        if self._elements:
            self._elements[-1].append(element)
        else:
            self.root = element
        if closed or (tag in _VOID and not foreign):
            self._last = element
            return
        self._names.append(tag)
        self._elements.append(element)
        self._last = None
        self._in_svg = foreign

    def _end(self, tag: str) -> None:
        if not self._names or self._names.pop() != tag:
            raise _Unusual(tag)
        self._last = self._elements.pop()
        if tag == "svg":
            self._in_svg = False

    def _raw(self, tag: str, text: str, position: int) -> int:
        """What stands in a script or a title is no tag; where it ends."""
        end = text.find(f"</{tag}", position)
        if end < 0 or "<" in (data := text[position:end]):
            raise _Unusual(tag)
        if data:
            self._elements[-1].text = data if tag in {"script", "style"} else unescape(data)
            if tag == "textarea":
                self._elements[-1].text = unescape(data.removeprefix("\n"))
        return end

    def _say(self, data: str) -> None:
        names = self._names
        if (not names or names[-1] in _WORDLESS) and data.strip(" \t\n\f"):
            raise _Unusual(data)
        if not names:
            return
        data = unescape(data)
        if self._last is not None:
            self._last.tail = (self._last.tail or "") + data
            return
        parent = self._elements[-1]
        if parent.text is None and names[-1] == "pre":
            data = data.removeprefix("\n")
        if names[-1] not in _RAW or self._in_svg:
            parent.text = (parent.text or "") + data

    def _expect(self, tag: str) -> None:
        """Complain when the standard would move, close or drop something before this tag."""
        names = self._names
        if not names:
            if tag != "html" or self.root is not None:
                raise _Unusual(tag)
            return
        parent = names[-1]
        if (
            tag not in _KNOWN
            or (parent not in _ONLY_IN[tag] if tag in _ONLY_IN else False)
            or (tag not in _ONLY_HOLDS[parent] if parent in _ONLY_HOLDS else False)
            or (tag in _ONLY_IN_HEAD and parent != "head")
            or (tag in _ENDS_P and "p" in names)
            or (tag in _HEADINGS and parent in _HEADINGS)
            or (tag in _NOT_INSIDE_ITSELF and tag in names)
            or (tag == "li" and self._within("li", {"ul", "ol"}))
            or (tag in {"dd", "dt"} and ("dd" in names or "dt" in names))
            or (tag in {"head", "body"} and any(child.tag == XHTML + tag for child in self._elements[0]))
        ):
            raise _Unusual(tag)

    def _within(self, tag: str, walls: set[str]) -> bool:
        for name in reversed(self._names):
            if name == tag or name in walls:
                return name == tag
        return False


@lru_cache(maxsize=20_000)
def _read_attributes(written: str, foreign: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE(written):
        name = name.lower()
        if name in found or (foreign and ":" in name):
            raise _Unusual(name)
        found[adjustSVGAttributes.get(name, name) if foreign else name] = unescape(double or single or bare)
    return found


def _attributes(written: str, *, foreign: bool) -> dict[str, str]:
    return _read_attributes(written, foreign) if written else {}


def quick(text: str) -> Element | None:
    """The tree of a page that leaves nothing to be set right or objected to; None for any other."""
    try:
        _expect_characters(text)
        return _Reader().read(text)
    except _Unusual:
        return None


def _expect_characters(text: str) -> None:
    numbers = {int(ten) if ten else int(sixteen, 16) for ten, sixteen in _NUMBERED(text)}
    if (
        _NO_CHARACTER(text)
        or _BARE(text)
        or not {f"{name};" for name in _NAMED(text)} <= html5.keys()
        or any(number > 0x10FFFF or _NO_CHARACTER(chr(number)) for number in numbers)
    ):
        raise _Unusual("a character")


def tree(text: str) -> Any:
    """The tree of whatever a browser would make a page of."""
    found = quick(text)
    return html5lib.parse(text) if found is None else found


def objections(text: str) -> list[str]:
    """What a strict reader of HTML says against this page; nothing against one that leaves nothing to be set right."""
    if quick(text) is not None:
        return []
    parser = html5lib.HTMLParser()
    parser.parse(text)
    return [f"{place}: {code} {facts}" for place, code, facts in parser.errors]


def same(ours: Element, theirs: Any) -> str:
    """Where two trees differ in elements, attributes or words; empty when they do not."""
    for one, other in zip(_shape(ours), _shape(theirs), strict=False):
        if one != other:
            return f"{one} is {other}"
    return ""


def _shape(root: Any) -> list[tuple[object, ...]]:
    """Every start, text and end in turn; blanks folded, comments left out."""
    found: list[tuple[object, ...]] = []
    words: list[str] = []

    def say() -> None:
        if text := " ".join("".join(words).split()):
            found.append(("words", text))
        words.clear()

    def walk(element: Any) -> None:
        if isinstance(element.tag, str):
            say()
            found.append(("start", element.tag, dict(element.attrib)))
            words.append(element.text or "")
            for child in element:
                walk(child)
            say()
            found.append(("end", element.tag))
        words.append(element.tail or "")

    walk(root)
    found.append(("over",))
    return found


__all__ = ["SVG", "XHTML", "objections", "quick", "same", "tree"]
