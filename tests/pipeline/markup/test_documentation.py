"""Links in comments and issues are absolute, as GitHub sends them by e-mail, where a relative one leads nowhere."""

import ast
import re
from collections.abc import Iterator

import pytest

from pipeline.markup import documentation
from tests.pipeline.conftest import ROOT

PAGE = "docs/how-to/deploy.md#again"
RELATIVE = re.compile(r"\]\((?!https?://|mailto:)(\.{0,2}/\w|[\w#])")


def test_a_link_leads_to_the_page_on_the_github_that_the_workflow_runs_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "octo/credit")
    monkeypatch.delenv("GITHUB_SERVER_URL", raising=False)
    assert documentation.link("How", PAGE) == f"[How](https://github.com/octo/credit/blob/HEAD/{PAGE})"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://acme.ghe.com/")
    assert documentation.link("How", PAGE) == f"[How](https://acme.ghe.com/octo/credit/blob/HEAD/{PAGE})"


def test_without_github_the_page_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    assert documentation.link("How", PAGE) == "How: <code>docs/how-to/deploy.md#&#8203;again</code>"


def texts() -> Iterator[tuple[str, str]]:
    """Each text of the code, and each template of an issue or a pull request, with the name of its file."""
    files = {ROOT / "src/pipeline" / name for name in ("reference_pages.py", "adopt/project_files.py")}  # write pages
    modules = set((ROOT / "src/pipeline").rglob("*.py")) - files
    for path in sorted(modules):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        constants = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
        yield from ((path.name, text) for text in constants)
    for path in [ROOT / ".github/PULL_REQUEST_TEMPLATE.md", *sorted((ROOT / ".github/ISSUE_TEMPLATE").iterdir())]:
        yield path.name, path.read_text(encoding="utf-8")


def test_no_text_that_is_posted_has_a_relative_link() -> None:
    assert [(name, text) for name, text in texts() if RELATIVE.search(text)] == []


@pytest.mark.parametrize("text", ["[a](../blob/HEAD/docs/README.md)", "[a](docs/README.md)", "[a](#part)", "[a](/x)"])
def test_that_test_finds_relative_links(text: str) -> None:
    assert RELATIVE.search(text)
