"""YAML that no constructor survives is refused before one sees it."""

import pytest

from pipeline.core.errors import PipelineError
from pipeline.core.yaml import MAX_DEPTH, parse_yaml


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 100_000])
def test_deep_nesting_is_refused(opening: str, levels: int) -> None:
    with pytest.raises(PipelineError, match="^params.yaml: is nested more than 100 levels deep"):
        parse_yaml(opening * levels, "params.yaml")


def test_ordinary_nesting_is_read() -> None:
    content = parse_yaml("[" * 90 + "]" * 90, "params.yaml")
    for _ in range(89):
        (content,) = content
    assert content == []
