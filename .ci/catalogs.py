"""Translations: collect the texts of templates and code into the catalogs, compile them, and check them.

    catalogs.py update    add new texts to every messages.po, write every messages.mo
    catalogs.py check     exit 1 when a text has no translation, is fuzzy, or a messages.mo is behind

Texts that are named only at run time (codes of errors and events) are written into the catalogs by hand; so
nothing is ever removed here, and `check` wants a translation for those too.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
CODE = ROOT / "accessctl"
TRANSLATIONS = CODE / "web" / "translations"
LANGUAGES = ("en",)  # the texts themselves are Vietnamese
CATALOGS = [TRANSLATIONS / language / "LC_MESSAGES" / "messages.po" for language in LANGUAGES]
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {**DEFAULT_KEYWORDS, "lazy_gettext": None, "_l": None, "lazy_pgettext": ((1, "c"), 2)}


def main(action: str) -> int:
    template = texts()
    complaints = [line for path in CATALOGS for line in ACTIONS[action](path, template)]
    print("\n".join(complaints) or f"{len(CATALOGS)} catalogs, {len(template)} texts of the pages: in order")
    return 1 if complaints else 0


def texts() -> Catalog:
    """Every text that templates and code mark as to be translated, with where it stands."""
    found = Catalog(charset="utf-8")
    options = {"**/templates/**.html": {"silent": "false"}}
    for name, line, message, comments, context in extract_from_dir(
        CODE, method_map=METHODS, options_map=options, keywords=KEYWORDS, comment_tags=("i18n:",)
    ):
        place = [(f"accessctl/{name}", line)]
        found.add(message, locations=place, auto_comments=comments, context=context)
    return found


def update(path: Path, template: Catalog) -> list[str]:
    catalog = _read(path)
    for message in template:
        if message.id and catalog.get(message.id, message.context) is None:
            catalog.add(message.id, locations=message.locations, context=message.context)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, width=110, sort_output=True, no_location=True, include_previous=False)
    path.with_suffix(".mo").write_bytes(_compiled(catalog))
    return []


def check(path: Path, template: Catalog) -> list[str]:
    catalog = _read(path)
    shown = path.relative_to(ROOT)
    lost = [m for m in template if m.id and catalog.get(m.id, m.context) is None]
    complaints = [f"{shown}: not collected, run `make i18n`: {_first(m.id)} ({_place(m)})" for m in lost]
    for message in catalog:
        if message.id and (message.fuzzy or not _translated(message.string)):
            word = "fuzzy" if message.fuzzy else "no translation"
            complaints.append(f"{shown}:{message.lineno}: {word}: {_first(message.id)}")
        complaints += [f"{shown}:{message.lineno}: {error}" for error in message.check(catalog)]
    compiled = path.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != _compiled(catalog):
        complaints.append(f"{compiled.relative_to(ROOT)} is behind, run `make i18n`")
    return complaints


ACTIONS = {"update": update, "check": check}


def _read(path: Path) -> Catalog:
    """A catalog that is not there yet is an empty one."""
    if not path.exists():
        return Catalog(locale=path.parts[-3], charset="utf-8", project="accessctl")
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def _compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def _translated(text: str | tuple[str, ...] | list[str]) -> bool:
    return bool(text) if isinstance(text, str) else all(text)


def _first(text: str | tuple[str, ...] | list[str]) -> str:
    return text if isinstance(text, str) else text[0]


def _place(message: object) -> str:
    return ", ".join(f"{name}:{line}" for name, line in message.locations[:1])  # type: ignore[attr-defined]


if __name__ == "__main__":
    if sys.argv[1:] not in (["update"], ["check"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
