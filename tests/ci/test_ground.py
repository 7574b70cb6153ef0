"""The ground of the project: pinned requirements, .venv, the gates over documents and translations."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

ROOT = Path(__file__).parents[2]
PINNED = ["requirements.txt", "requirements/dev.txt"]
PIN = re.compile(r"^([a-z0-9.-]+)(?:\[[^]]*])?==(\S+)", re.MULTILINE)


def _script(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _pins(path: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / path).read_text()))


@pytest.mark.parametrize("path", PINNED)
def test_every_requirement_is_pinned_and_hashed_and_names_no_index(path: str) -> None:
    text = (ROOT / path).read_text()
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(entries) > 20
    for entry in entries:
        assert PIN.match(entry), entry
        assert "--hash=sha256:" in entry, entry
    assert "://" not in text
    assert "--index-url" not in text


def test_the_old_distributions_of_casbin_and_passlib_are_not_beside_the_maintained_ones() -> None:
    names = set(_pins("requirements/dev.txt"))
    assert {"pycasbin", "libpass"} <= names
    assert not {"casbin", "passlib"} & names


def test_development_runs_the_very_versions_of_the_service() -> None:
    assert _pins("requirements.txt").items() <= _pins("requirements/dev.txt").items()


def test_make_help_lists_every_promised_target() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    promised = {"help", "setup", "demo", "test", "sure", "lint", "fix", "types", "i18n", "bench", "browser"}
    assert promised | {"docs"} <= set(re.findall(r"make ([a-z0-9-]+)", told))


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The setup script over a project of its own, its .venv said to be up to date."""
    script = _script("requirements/setup_venv.py")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.txt").write_text("a==1 \\\n    --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / ".venv").mkdir()
    for name, path in {
        "ROOT": tmp_path,
        "VENV": tmp_path / ".venv",
        "STAMP": tmp_path / ".venv" / ".built-from",
        "PINS": tmp_path / "requirements" / "dev.txt",
    }.items():
        monkeypatch.setattr(script, name, path)
    monkeypatch.setenv("PYTHON_ASKED_FOR", "")
    script.STAMP.write_text(script._wanted())
    return script


def test_setup_is_silent_when_nothing_changed(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "_build", lambda: pytest.fail("built for nothing"))
    assert setup.main() == 0
    assert capsys.readouterr() == ("", "")


def test_setup_builds_again_after_other_pins(setup: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(setup, "_build", lambda: built.append("built"))
    setup.PINS.write_text("a==2 \\\n    --hash=sha256:00\n")
    assert setup.main() == 0
    assert setup.main() == 0
    assert built == ["built"]


def test_setup_says_which_python_it_needs(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "OLDEST", (9, 9))
    setup.STAMP.unlink()
    assert setup.main() == 1
    assert "Python 3.11 or newer is needed" in capsys.readouterr().err


def test_setup_says_what_is_missing_without_ensurepip(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "find_spec", lambda name: None)
    setup.STAMP.unlink()
    assert setup.main() == 1
    assert "cannot make virtual environments" in capsys.readouterr().err


def test_broken_links_and_unknown_commands_in_documents_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = _script(".ci/check_docs.py")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    (tmp_path / "Makefile").write_text("test: setup ## x\n")
    (tmp_path / "README.md").write_text(
        "# A b\n[good](docs/x.md#c-d) [here](#a-b) [out](https://example.org)\n`make test`\n"
    )
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "x.md").write_text("# C `d`\n")
    assert script.main() == 0
    (tmp_path / "docs" / "x.md").write_text("[gone](y.md) [nowhere](../README.md#z)\n```\nmake tset\n```\n")
    assert script.main() == 1
    told = capsys.readouterr().out
    for expected in ("link y.md", "link ../README.md#z", "no `make tset`"):
        assert expected in told


def test_texts_without_translation_and_old_compilations_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = _script(".ci/catalogs.py")
    monkeypatch.setattr(script, "ROOT", tmp_path)
    path = tmp_path / "en" / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    catalog = Catalog(locale="en")
    catalog.add("Đăng nhập", "Sign in")
    catalog.add("Mượn", "Borrow", flags=["fuzzy"])
    with path.open("wb") as file:
        write_po(file, catalog)
    template = Catalog()
    template.add("Đăng nhập")
    template.add("Trả", locations=[("page.html", 3)])
    found = " | ".join(script.check(path, template))
    assert "not collected" in found
    assert "Trả" in found
    assert "fuzzy: Mượn" in found
    assert "is behind" in found
    assert "Đăng nhập" not in found
    script.update(path, template)
    found = " | ".join(script.check(path, template))
    assert "no translation: Trả" in found
    assert "behind" not in found
