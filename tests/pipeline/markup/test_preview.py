"""The preview opens without a network, and all its charts are drawn."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from pipeline.markup import preview
from pipeline.review.comment.render import render
from tests.pipeline.conftest import require
from tests.pipeline.review.comment import factories, reading
from tests.pipeline.review.comment.factories import bundle, context, scored, verdict

MARKUP = 'a"] %%{init}%% `<b>`#1|\u202e'


def comments(folder: Path) -> dict[str, str]:
    """A comment of every kind."""
    texts = {}
    for task in ("binary", "multiclass", "regression"):
        for name, champion in (("better", scored(task, 1.2, 3)), ("worse", scored(task, 3.0, 3)), ("alone", None)):
            measurement = bundle(folder / task / name, task, champion)
            texts[f"{task} {name}"] = render(measurement, verdict(task, champion), context())
    failure = {"stage": "train", "lines": ["ValueError"]}
    failed = bundle(folder / "failed", outcome="failed", failure=failure)
    texts["failed"] = render(failed, factories.failed(), context())
    texts["unchanged"] = render(bundle(folder / "unchanged", outcome="unchanged"), factories.unchanged(), context())
    measurement = bundle(
        folder / "markup", champion=scored(strength=1.2), champion_gains=[{"feature": MARKUP, "gain": 1}]
    )
    for name, content in factories.files("binary", (MARKUP, f"{MARKUP}2")).items():
        (folder / "markup" / name).write_text(json.dumps(content))
    texts["markup"] = render(measurement, verdict("binary", scored(strength=1.2)), context())
    return texts


def rendered(path: Path) -> str:
    """The article as Chromium renders it."""
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=60000"]
    result = subprocess.run([*command, f"file://{path}#open"], capture_output=True, text=True, timeout=120, check=True)
    return result.stdout.partition("<article>")[2].partition("</article>")[0]


@pytest.mark.engine
def test_every_chart_of_every_comment_is_drawn(tmp_path: Path) -> None:
    require("chromium")
    texts = comments(tmp_path)
    preview.write("\n\n".join(texts.values()), tmp_path / "page.html")
    article = rendered(tmp_path / "page.html")
    expected = sum(len(reading.charts(text)) for text in texts.values())
    assert expected > 40
    assert len(re.findall(r'<pre class="mermaid" data-processed="true"><svg', article)) == expected
    assert "Syntax error" not in article
    assert 'aria-roledescription="error"' not in article


@pytest.mark.engine
@pytest.mark.parametrize("kind", ["bars", "lines"])
def test_every_bar_and_point_is_drawn(tmp_path: Path, kind: str) -> None:
    require("chromium")
    from pipeline.markup import mermaid

    places = mermaid.grid(0.0476, 0.9399)
    text = {
        "bars": mermaid.bars(["a", "b"], [(mermaid.MAIN, [0.1, 0.5]), (mermaid.CANDIDATE, [0.2, 0])], 1.0),
        "lines": mermaid.lines(("x", places), ("y", 0, 1), [(mermaid.MAIN, places)]),
    }[kind]
    preview.write(text, tmp_path / "page.html")
    article = rendered(tmp_path / "page.html")
    marks = {
        "bars": [
            width
            for width in re.findall(r'<rect [^>]*width="(-?[\d.]+)"[^>]*fill="#(?:d97706|3b82f6)"', article)
            if float(width) > 0
        ],
        "lines": re.findall(r"[ML][\d.]+,", re.findall(r'<path d="([^"]*)"[^>]*stroke="#d97706"', article)[0])
        if kind == "lines"
        else [],
    }[kind]
    assert len(marks) == {"bars": 3, "lines": len(places)}[kind]


def test_the_page_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    preview.write("### Title\n\n| a |\n| --- |\n| 1 |\n", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r"<(?:link|script|img|iframe)[^>]*(?:src|href)=", page.partition("<script>")[0])
    assert "<td>1</td>" in page


def test_without_mermaid_the_source_of_a_chart_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "_mermaid", lambda: None)
    preview.write("```mermaid\nxychart-beta\n```\n", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert '<pre class="mermaid">xychart-beta' in page
    assert "<script" not in page
