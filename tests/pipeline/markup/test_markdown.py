"""Text from data is only shown in GitHub Markdown: it has no effect as markup."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from pipeline.markup import markdown

MARKUP = [
    "@everyone",
    "a|b",
    "<script>alert(1)</script>",
    "a\nb",
    "`x`",
    "**b** __i__ *e* _e_ ~~s~~",
    "[link](http://x.example)",
    "![image](http://x.example/y.png)",
    "http://x.example and www.x.example",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    ":smile:",
    "2.5",
    "> quote",
    "&lt;b&gt; &copy;",
    "see #12 and GH-12",
    "back\\slash \\| end\\",
    "$x$ $$y$$",
    "<!-- hidden -->",
    "---",
    "\u202edesrever",
]
RENDER = MarkdownIt("commonmark", {"linkify": False}).enable(["table", "strikethrough"])


def visible_text(rendered: str) -> str:
    """The text of rendered HTML, as a reader sees it."""
    return html.unescape(re.sub(r"<[^>]*>", "", rendered)).replace("\u200b", "").strip()


@pytest.mark.parametrize("text", MARKUP)
def test_escaped_text_renders_as_itself_in_one_plain_paragraph(text: str) -> None:
    rendered = RENDER.render(markdown.escape(text))
    assert re.findall(r"<(\w+)", rendered) == ["p"]
    assert visible_text(rendered) == " ".join(text.replace("\u202e", " ").split())


@pytest.mark.parametrize("text", MARKUP)
def test_a_cell_with_markup_stays_one_cell(text: str) -> None:
    rendered = RENDER.render(markdown.table(["name", "rows"], [(text, 3), ("next", 4)], "lr"))
    cells = [visible_text(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", rendered, re.DOTALL)]
    assert cells == [" ".join(text.replace("\u202e", " ").split()), "3", "next", "4"]


@pytest.mark.parametrize("text", ["@everyone", "team@example.org", "#12", "www.x.example", "GH-12"])
def test_a_mention_reference_or_link_is_broken_up(text: str) -> None:
    rendered = html.unescape(RENDER.render(markdown.escape(text)))
    assert not re.search(r"@\w|#\d|www\.|GH-", rendered)


def test_code_and_bold_escape_markup_too() -> None:
    rendered = RENDER.render(markdown.table([markdown.bold("a|b")], [[markdown.code("`@x`|<i>")]]))
    assert [visible_text(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", rendered)] == ["a|b", "`@x`|<i>"]
    assert "<i>" not in rendered


def test_escaping_twice_changes_nothing() -> None:
    once = markdown.escape("a_b|c")
    assert markdown.escape(once) == once


def test_a_long_cell_is_cut() -> None:
    assert len(visible_text(RENDER.render(markdown.table(["x"], [["y" * 5000]])))) < 100


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.78431234, "0.7843"), (0.5, "0.5000"), (12345.678, "12,346"), (18000, "18,000"), (None, "–"), (0.0, "0")],
)
def test_figures_are_short(value: float | None, text: str) -> None:
    assert markdown.number(value) == text
    assert markdown.number(float("nan")) == "–"
