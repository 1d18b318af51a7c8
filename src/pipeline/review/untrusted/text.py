"""Texts that a pull request wrote, made harmless: a program's last lines."""

import re
import unicodedata

from pipeline.markup.markdown import INVISIBLE, Markdown

ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


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
