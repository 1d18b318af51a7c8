"""Whole texts that a pull request wrote, sanitized: a Markdown document, and a program's last lines."""

import re
import unicodedata

from pipeline.markup.markdown import BREAK, INVISIBLE, Markdown

LONGEST_LINE = 2_000
ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
# The HTML of this template's own documents: a fold becomes its title; closed code and bold tags stay.
FOLD = re.compile(r"^<details><summary>([^<]*)</summary>$", re.MULTILINE)
UNFOLD = re.compile(r"^</details>$", re.MULTILINE)
PAIR = re.compile(r"(?<!\\)<(code|b)>((?:[^<>|`\\\n]|\\[^<>\n])*)</\1>")
OPEN, CLOSE, QUOTE = "\1", "\2", "\3"  # placeholders, which `plain` has removed from the text
SAFE = r"&(?:amp|lt|gt|#36|#8203);"  # what `markdown.escape` writes
ACTIVE = re.compile(
    SAFE + r"|&"  # any other entity could be one of these signs:
    r"|\\?[<>\[\]$]"  # HTML, links, images, footnotes, alerts, formulas
    r"|\\?[@#](?=[^\s#])"  # mentions and references, not headings
    r"|\\[!-/:-@\[-`{-~]"  # an escape stays one
    r"|`{3,}|~{3,}"  # a fence could swallow what follows
    r"|://|\b(?:www|GH)(?=[.-])",
    re.IGNORECASE,
)
ENTITIES = {"<": "&lt;", ">": "&gt;", "[": "&#91;", "]": "&#93;", "$": "&#36;", "&": "&amp;"}


def sanitize(text: str) -> Markdown:
    """A Markdown document as its headings, tables, lists, bold and code: no HTML, link, image, mention or reference."""
    lines = "\n".join(line[:LONGEST_LINE] for line in plain(text).split("\n"))
    lines = UNFOLD.sub("", FOLD.sub(r"**\1**", lines))
    lines = re.sub(r"^(?:> ?)+", lambda match: QUOTE * min(3, match[0].count(">")), lines, flags=re.MULTILINE)
    lines = PAIR.sub(rf"{OPEN}\1{CLOSE}\2{OPEN}/\1{CLOSE}", lines)
    safe = ACTIVE.sub(_neutralized, lines)
    return Markdown(safe.replace(QUOTE, "> ").replace(OPEN, "<").replace(CLOSE, ">"))


def _neutralized(match: "re.Match[str]") -> str:
    text = match[0]
    sign = text.removeprefix("\\")
    if sign in ENTITIES:
        return ENTITIES[sign]
    if sign in ("@", "#") and not match.string[match.end() : match.end() + 1].isspace():
        return f"{sign}{BREAK}"
    if text[0] in "\\&":
        return text
    if text[0] in "`~":
        return "".join(f"\\{char}" for char in text)
    return f":{BREAK}//" if text == "://" else f"{text}{BREAK}"


def plain(text: str) -> str:
    """Text without ANSI codes and without invisible characters (controls, bidi overrides); line breaks are kept."""
    text = ANSI.sub("", text.replace("\r\n", "\n"))
    return "".join(char if char == "\n" else _visible(char) for char in text)


def _visible(char: str) -> str:
    return " " if unicodedata.category(char) in INVISIBLE else char


def fence(text: str, language: str = "text") -> Markdown:
    """Text as a code block that no line of it can close."""
    runs = [len(run) for run in re.findall(r"`+", text)]
    marks = "`" * max([3, *(length + 1 for length in runs)])
    return Markdown(f"{marks}{language}\n{text}\n{marks}")
