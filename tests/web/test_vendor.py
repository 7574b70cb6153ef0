"""Vendored files are exactly those that were taken, and a page stays light."""

from __future__ import annotations

import gzip
import hashlib
import re

from accessctl.web import assets

VENDOR = assets.FOLDER / "vendor"
LISTED = dict(
    re.findall(r"^\| (\S+) \| `([0-9a-f]{64})` \|$", (VENDOR / "VENDOR.md").read_text("utf-8"), re.M)
)
NAMED = re.findall(r"^\| (\S+) \| ([0-9.]+) \| (\S+) \|", (VENDOR / "VENDOR.md").read_text("utf-8"), re.M)


def test_every_vendored_file_is_listed_and_has_the_hash_that_was_written_down():
    files = {p.relative_to(VENDOR).as_posix(): p for p in VENDOR.rglob("*") if p.is_file()}
    del files["VENDOR.md"]
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()} == LISTED


def test_every_package_names_its_version_and_licence_and_ships_the_licence_text():
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}
    assert len(NAMED) == len(folders) == 4
    assert all(any(folder.endswith(f"-{version}") for folder in folders) for _, version, _ in NAMED)
    assert all((VENDOR / folder / "LICENSE").stat().st_size > 300 for folder in folders)


def test_no_stylesheet_of_ours_and_no_page_names_another_host():
    own = [p for p in assets.FOLDER.glob("*") if p.suffix in {".css", ".js"}]
    pages = list((assets.FOLDER.parent / "templates").rglob("*.html"))
    assert len(own) >= 2
    assert len(pages) >= 20
    for path in own + pages:
        assert not re.search(r"(src|href|url)\s*[=(]\s*['\"]?(https?:)?//", path.read_text("utf-8")), (
            path.name
        )


def test_styles_and_scripts_are_below_120_kB_compressed():
    sent = [n for n in assets.names() if n.endswith((".css", ".js"))]
    assert sum(len(gzip.compress((assets.FOLDER / n).read_bytes(), 9)) for n in sent) < 120_000
