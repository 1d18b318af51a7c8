"""Lines that a pull request wrote are shown as text and close nothing."""

import pytest
from markdown_it import MarkdownIt

from pipeline.review.untrusted.text import fence, plain

RENDERER = MarkdownIt("commonmark")


def test_codes_and_controls_of_a_terminal_are_removed() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]0;title\x07x\r\n\x00y\u202ez") == "red x\n y z"


@pytest.mark.parametrize("line", ["```", "`````", "</details>", "~~~", "````text"])
def test_no_line_closes_its_fence(line: str) -> None:
    tokens = RENDERER.parse(f"{fence(f'before{chr(10)}{line}{chr(10)}after')}\n\nbeyond")
    assert tokens[0].type == "fence"
    assert tokens[0].content == f"before\n{line}\nafter\n"
    assert tokens[-2].content == "beyond"
