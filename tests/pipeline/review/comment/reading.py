"""A comment as GitHub would render it."""

import html
import re

from markdown_it import MarkdownIt

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OWN_TAGS = {"details", "summary", "b", "code", "sub", "br"}  # tags that the comment writes itself
TEXT_TAGS = {"p", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "strong", "em"}
FENCES = re.compile(r"^(`{3,})(\w*)\n(.*?)\n\1$", re.MULTILINE | re.DOTALL)


def page(text: str) -> str:
    return str(RENDERER.render(text))


def visible_text(text: str) -> str:
    """What a reader sees, without the code blocks."""
    return html.unescape(re.sub(r"<[^>]*>", " ", page(FENCES.sub("", text))))


def tags(text: str) -> set[str]:
    """The tags of the page, all of which must be closed again."""
    matches = re.findall(r"<(/?)([a-zA-Z!?][a-zA-Z0-9]*)", page(text))
    for name in {name for _, name in matches} - {"br", "hr"}:
        assert matches.count(("", name)) == matches.count(("/", name)), name
    return {name for _, name in matches}


def charts(text: str) -> list[str]:
    return [body for _, language, body in FENCES.findall(text) if language == "mermaid"]
