"""The documents keep their promises: links lead somewhere, `make` targets named in them exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
TARGET = re.compile(r"`(?:[A-Z_]+=\S+ )*make ([a-z0-9-]+)|^\s*make ([a-z0-9-]+)", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def main() -> int:
    targets = set(
        re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("policies/**/*.md")]
    complaints = [line for path in sorted(documents) for line in _complaints(path, targets)]
    print("\n".join(complaints) or f"{len(documents)} documents: links and commands in order")
    return 1 if complaints else 0


def _complaints(path: Path, targets: set[str]) -> list[str]:
    text = path.read_text(encoding="utf-8")
    shown = path.relative_to(ROOT)
    broken = [link for link in LINK.findall(FENCE.sub("", text)) if not _leads_somewhere(path, link)]
    named = {name for pair in TARGET.findall(text) for name in pair if name}
    return [f"{shown}: the link {link} leads nowhere" for link in broken] + [
        f"{shown}: there is no `make {name}`" for name in sorted(named - targets)
    ]


def _leads_somewhere(page: Path, link: str) -> bool:
    """Links out of the project are not followed: CI has no business on the network."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    goal = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not goal.exists():
        return False
    return not parts.fragment or goal.suffix != ".md" or parts.fragment in _anchors(goal)


def _anchors(page: Path) -> set[str]:
    """Headings as the usual renderers name them: lower case, spaces to hyphens, other signs dropped."""
    headings = re.findall(r"^#+\s+(.*?)\s*$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    plain = (re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in headings)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in plain}


if __name__ == "__main__":
    sys.exit(main())
