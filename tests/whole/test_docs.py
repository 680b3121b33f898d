"""What the documentation names exists: files, modules, and what is imported from them."""

import re
import shlex
from pathlib import Path

import pytest
from checkout import ROOT

import sadvae_har
from sadvae_har.__main__ import main

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
SOURCES = [
    path.relative_to(ROOT).as_posix()
    for folder in ("feature_extraction", "sadvae_har", "tests", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*.py")
]


def exists(name: str) -> bool:
    """Return whether a dotted name is a package, a module, or something that a module defines."""
    parts = name.split(".")
    if len(parts) == 2 and parts[0] == "sadvae_har" and parts[1] in sadvae_har.__all__:
        return True
    for n in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:n])
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if source.exists():
            return n == len(parts) or re.search(rf"\b{parts[n]}\b", source.read_text(encoding="utf-8")) is not None
    return False


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_files_and_modules_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = re.findall(r"`([\w./-]+\.py)`", text)
    assert [name for name in files if not any(f"/{source}".endswith(f"/{name}") for source in SOURCES)] == []
    names = re.findall(r"\b(?:feature_extraction|sadvae_har)(?:\.\w+)+", text)
    assert [name for name in names if not exists(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link]
    assert [link for link in inside if not (page.parent / link).exists()] == []


def test_readme_shows_what_the_shipped_model_says_of_the_shipped_minute(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    script = (ROOT / "scripts" / "quickstart.sh").read_text(encoding="utf-8")
    (line,) = [line for line in script.splitlines() if " predict " in line]
    assert main(shlex.split(line.partition("sadvae_har ")[2])) == 0
    said = re.sub(r"\d+ %", "N %", capsys.readouterr().out)
    assert said in re.sub(r"\d+ %", "N %", (ROOT / "README.md").read_text(encoding="utf-8"))


def test_what_enforces_the_protocol_is_defined_where_the_page_says() -> None:
    sources = {source: (ROOT / source).read_text(encoding="utf-8") for source in SOURCES}
    text = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    names = re.findall(
        r"`([A-Za-z_]+(?:\.[a-z_]+)?)`", "\n".join(line for line in text.splitlines() if line[0:1] == "|")
    )
    names = [name for name in names if ("." in name or "_" in name) and not name.endswith(".py")]  # files: above
    assert names
    for name in names:
        owner, _, member = name.rpartition(".")
        places = [
            code
            for source, code in sources.items()
            if not owner or Path(source).stem == owner or re.search(rf"^class {owner}\b", code, re.MULTILINE)
        ]
        assert any(re.search(rf"\bdef {member}\b", code) for code in places), name
