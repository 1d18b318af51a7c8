"""The lines that an error is made of."""

import pytest
from pydantic import BaseModel, ValidationError

from pipeline.core.errors import first_problem


class Report(BaseModel):
    rows: dict[str, int]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ({"rows": {"a": "x"}}, "rows.a: Input should be a valid integer, unable to parse string as an integer"),
        ({}, "rows: Field required"),
    ],
)
def test_the_first_of_pydantics_problems_has_its_key(content: object, line: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Report.model_validate(content)
    assert first_problem(refusal.value, "content") == line


def test_what_has_no_key_is_named_by_the_caller() -> None:
    with pytest.raises(ValidationError) as refusal:
        Report.model_validate_json("nothing")
    assert first_problem(refusal.value, "content").startswith("content: Invalid JSON")
    assert first_problem(refusal.value).startswith("Invalid JSON")
