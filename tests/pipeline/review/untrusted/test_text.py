"""A document that a pull request wrote keeps its structure and holds nothing active."""

import html
import re

import pytest
from markdown_it import MarkdownIt

from pipeline.review.untrusted.text import fence, plain, sanitize

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ACTIVE = re.compile(
    r"<(?!/?(?:p|h[1-6]|table|thead|tbody|tr|t[hd]|ul|ol|li|strong|em|code|b|s|br|hr|pre|blockquote)\b)"
)


def rendered(text: str) -> str:
    return str(RENDERER.render(f"<details><summary>card</summary>\n\n{sanitize(text)}\n\n</details>\n\nafter *all*"))


def inside(text: str) -> str:
    """The document's own HTML, which must not reach beyond its fold."""
    before, _, rest = rendered(text).partition("</summary>")
    document, closed, after = rest.rpartition("</details>")
    assert (before, closed) == ("<details><summary>card", "</details>")
    assert "after <em>all</em>" in after
    return document


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<details><summary>x</summary>",
        "</details>\n</details>",
        "<!-- hidden",
        "<![CDATA[ x",
        "<?php x",
        "[click](http://evil.example)",
        "![seen](http://evil.example/x.png)",
        "[card]: http://evil.example\n\n[card]",
        "\\[a](http://evil.example) \\\\[a](http://evil.example)",
        "`\\`[a](http://evil.example)",
        "<http://evil.example> https://evil.example www.evil.example",
        "```\nnever closed",
        "~~~~\nnever closed",
        "> ```\n> never closed",
        "- ~~~\n  never closed",
        "<code>never closed",
        "<code>`</code> x `",
        "<code>x\\</code>",
        "> <code>x</code> <b>",
        "<b>never closed <code>a|b</code>",
        "<code><b></code></b>",
        "<a href='http://evil.example'>x</a>",
        "a<br onload=x>b",
        "<code onclick=x>b</code>",
        "&#60;script&#62; &lt;script&gt;",
    ],
)
def test_nothing_active_is_left_and_the_fold_stays_closed(text: str) -> None:
    document = inside(text)
    assert not ACTIVE.search(document), document
    assert document.count("<code") == document.count("</code>")
    assert document.count("<b>") == document.count("</b>")


@pytest.mark.parametrize(
    "text",
    [
        "@everyone",
        "\\@everyone",
        "&#64;everyone",
        "&commat;everyone",
        "a team@example.org",
        "#12",
        "\\#12",
        "owner/name#12",
        "&#35;12",
        "GH-12",
        "www.evil.example",
        "http://evil.example",
    ],
)
def test_no_mention_reference_or_address_is_left_for_github(text: str) -> None:
    visible = html.unescape(re.sub(r"<[^>]*>", "", inside(text)))
    assert not re.search(r"@\w|#\d|GH-|www\.|://", visible)


def test_headings_tables_lists_bold_and_code_are_kept() -> None:
    text = "# Title\n\n| a | b |\n| --- | ---: |\n| <code>x\\|y</code> | <b>1</b> |\n\n- **For:** `all`\n\n1 < 2 & 3\n"
    document = inside(text)
    for expected in (
        "<h1>Title</h1>",
        "<td><code>x|y</code></td>",
        "<b>1</b>",
        "<li><strong>For:</strong> <code>all</code>",
    ):
        assert expected in document
    assert "1 &lt; 2 &amp; 3" in document


def test_the_templates_own_fold_becomes_its_title() -> None:
    document = inside("<details><summary>Features</summary>\n\nx\n\n</details>")
    assert "<strong>Features</strong>" in document


def test_what_was_escaped_for_markdown_still_shows_as_written() -> None:
    from pipeline.markup.markdown import escape

    for text in ("a_b|c", "[x](y)", "@you", "#1", "a&b<c>", "$x$", "<b>x</b>"):
        visible = html.unescape(re.sub(r"<[^>]*>", "", inside(escape(text)))).replace("\u200b", "").strip()
        assert visible == text


def test_codes_and_controls_of_a_terminal_are_removed() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07x\r\n\x00y\u202ez") == "red x\n y z"


@pytest.mark.parametrize("line", ["```", "`````", "</details>", "~~~", "````text"])
def test_no_line_closes_its_fence(line: str) -> None:
    tokens = RENDERER.parse(f"{fence(f'before{chr(10)}{line}{chr(10)}after')}\n\nbeyond")
    assert tokens[0].type == "fence"
    assert tokens[0].content == f"before\n{line}\nafter\n"
    assert tokens[-2].content == "beyond"


@pytest.mark.timeout(60)  # linear: a quadratic one would take minutes
def test_a_large_document_does_not_hang() -> None:
    for text in (
        "`" * 40_000,
        "<code>" * 8_000,
        "[" * 40_000,
        "\\" * 40_000,
        "&" * 40_000,
        "> " * 20_000,
        "&lt;code&gt;" * 4000,
    ):
        sanitize(text)
