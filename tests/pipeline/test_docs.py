"""The manual: every page is in the index, every link has a target, and its lists are complete."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.pipeline.conftest import ROOT

PAGES = sorted((ROOT / "docs").rglob("*.md"))
ROOT_PAGES = [ROOT / name for name in ("AGENTS.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
NAMED = re.compile(r"\bdocs/[\w/.-]+\.(?:md|png)(?:#[\w-]+)?")


def links(page: Path) -> list[str]:
    """The targets of the page's links, those to other sites left out."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if not target.startswith(("http://", "https://"))]


def is_broken(target: str, folder: Path) -> bool:
    path, _, anchor = target.partition("#")
    file = folder / path if path else None
    return file is not None and (not file.exists() or (bool(anchor) and anchor not in anchors(file)))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#{1,6} (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *ROOT_PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_has_a_target(page: Path) -> None:
    in_page = [target for target in links(page) if target.startswith("#")]
    assert [target for target in in_page if target[1:] not in anchors(page)] == []
    assert [target for target in links(page) if is_broken(target, page.parent)] == []


def test_every_page_that_code_and_workflows_name_exists() -> None:
    files = [
        path for folder in ("src/pipeline", ".github", "benchmarks", "deploy") for path in (ROOT / folder).rglob("*")
    ]
    named = {
        (str(path.relative_to(ROOT)), name.group())
        for path in files
        if path.suffix in {".py", ".yaml", ".md", ".css"} or path.name in {"Dockerfile", ".env.example"}
        for name in NAMED.finditer(path.read_text(encoding="utf-8"))
    }
    assert len(named) > 5
    assert [(file, name) for file, name in sorted(named) if is_broken(name, ROOT)] == []


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/README.md"
    listed = {(index.parent / target).resolve() for target in links(index)}
    assert [page for page in PAGES if page not in listed and page != index] == []


def test_every_variable_and_secret_of_the_workflows_is_in_the_table_of_settings() -> None:
    workflows = "".join(path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.yaml"))
    settings = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    names = set(re.findall(r"\b(?:vars|secrets)\.([A-Z_]+)", workflows))
    assert "DVC_REMOTE" in names
    assert [name for name in sorted(names) if f"`{name}`" not in settings] == []


def test_every_workflow_is_in_the_table_of_permissions() -> None:
    page = (ROOT / "docs/reference/workflows.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / ".github/workflows").iterdir() if f"| `{path.name}` |" not in page] == []


def test_the_architecture_page_lists_every_package_in_the_order_of_the_import_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    page = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    rooms = page.partition("## The rooms")[2].partition("## The flow")[0]
    assert re.findall(r"^\| `([\w/]+)` \|", rooms, re.MULTILINE) == [
        layer.removeprefix("pipeline.").replace(".", "/") for layer in layers
    ]


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One heading: `it`'s here\n[a](b.md) [c](page.md#one-heading-its-here) [d](page.md#none)\n")
    assert [target for target in links(page) if is_broken(target, tmp_path)] == ["b.md", "page.md#none"]
