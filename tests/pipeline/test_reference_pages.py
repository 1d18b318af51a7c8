"""The reference pages are as `make docs` writes them, and params.yaml's comments have the same texts."""

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from pipeline import reference_pages
from pipeline.cli import COMMANDS
from pipeline.core.params import Params
from pipeline.core.yaml import load_yaml
from tests.pipeline.conftest import ROOT

# The parameters that the template ships; in a fork, params.yaml is the project's.
FROZEN = ROOT / "tests/pipeline/frozen/params.yaml"
SHIPPED = FROZEN if FROZEN.is_file() else ROOT / "params.yaml"
LINE = re.compile(r"(?P<indent> *)(?P<key>\w+):(?:.*?\s# (?P<comment>.*)|.*)")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return reference_pages.pages()


@pytest.mark.parametrize("name", ["commands.md", "parameters.md"])
def test_a_page_is_up_to_date(pages: dict[str, str], name: str) -> None:
    assert (ROOT / reference_pages.FOLDER / name).read_text(encoding="utf-8") == pages[name], "run `make docs`"


def test_every_command_has_its_options_on_the_page(pages: dict[str, str]) -> None:
    assert [name for name in COMMANDS if f"\n## {name}\n" not in pages["commands.md"]] == []
    assert "| `--strength FLOAT RANGE` | Of the shift." in pages["commands.md"]
    assert "\n### release scan\n" in pages["commands.md"]


@pytest.mark.parametrize(
    "row",
    [
        "| `test` | Share of the rows that the model is judged on. | number, above 0, below 1 |",
        "| `device` | auto (CUDA, else OpenCL, else CPU), cpu or gpu; `PIPELINE_DEVICE` overrides it. "
        "| `auto`, `cpu` or `gpu` |",
        "| `slices.min_rows` | A slice with fewer rows is shown, not judged. | whole number, at least 1 |",
    ],
)
def test_a_parameter_has_its_meaning_and_its_allowed_values(pages: dict[str, str], row: str) -> None:
    assert f"\n{row}\n" in pages["parameters.md"]


def test_the_comments_of_the_shipped_parameters_are_the_descriptions() -> None:
    described = dict(descriptions(Params, load_yaml(SHIPPED, SHIPPED.name)))
    comments = {key: comment for key, comment in commented(SHIPPED.read_text(encoding="utf-8")) if key in described}
    assert comments == described


def descriptions(section: type[BaseModel], values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted key and description of each key that params.yaml has a line for: a section that is null has none."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}"
        if field.description:
            yield key, field.description
        for kind in (
            field.annotation,
            *(get_args(field.annotation) if get_origin(field.annotation) is UnionType else ()),
        ):
            inner = values.get(name)
            if isinstance(kind, type) and issubclass(kind, BaseModel) and inner is not None:
                yield from descriptions(kind, inner, f"{key}.")


def commented(text: str) -> Iterator[tuple[str, str | None]]:
    """Dotted key and comment of each line of a YAML mapping that is indented by two spaces."""
    path = list[str]()
    for line in text.splitlines():
        if match := LINE.fullmatch(line):
            path[len(match["indent"]) // 2 :] = [match["key"]]
            yield ".".join(path), match["comment"]
