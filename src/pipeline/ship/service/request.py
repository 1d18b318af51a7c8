"""The request model, made from the signature's columns: it documents requests and explains invalid ones."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from pipeline.core import lookalikes
from pipeline.core.errors import listed
from pipeline.ship.service.columns import RequestColumn, date_parts

MAX_PROBLEMS = 20  # that one answer lists
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

UNUSED: Any = NotRequired[Annotated[Any, Field(description="Not used by this model: accepted and logged.")]]
RETIRED: Any = NotRequired[
    Annotated[Any, Field(description="Retired: accepted and ignored.", json_schema_extra={"deprecated": True})]
]


class RefusalError(Exception):
    """A refused request: the status and the problems, for the person who must correct it."""

    def __init__(self, status: int, problems: Sequence[dict[str, str]], unlisted: int = 0) -> None:
        self.status, self.problems, self.unlisted = status, list(problems), unlisted
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The first problem in one line, and the number of others."""
        first, others = self.problems[0], len(self.problems) - 1 + self.unlisted
        field = f"{first['field']} " if first["field"] else ""
        more = f" (and {others} more)" if others else ""
        return f"{field}{first['problem']}; allowed: {first['allowed']}{more}"


def refuse(status: int, field: str, problem: str, allowed: str) -> RefusalError:
    return RefusalError(status, [{"field": field, "problem": problem, "allowed": allowed}])


class RequestModel:
    """`{"rows": [{column: value, ...}, ...]}` as a strict pydantic model; retired and unused fields may have any
    value."""

    def __init__(
        self,
        columns: Sequence[RequestColumn],
        max_rows: int,
        retired: Sequence[str] = (),
        unused: Sequence[str] = (),
    ) -> None:
        self._columns = {column.name: column for column in columns}
        self._max_rows, self._retired = max_rows, retired
        fields = {column.name: _field(column) for column in columns}
        fields |= dict.fromkeys(unused, UNUSED) | dict.fromkeys(retired, RETIRED)
        row = _typed_dict("Row", fields)
        example = [{column.name: column.example for column in columns}]
        rows = Annotated[
            list[row],  # type: ignore[valid-type]
            Field(min_length=1, max_length=max_rows, description="One or many rows.", examples=[example]),
        ]
        self.example = {"rows": example}
        self._adapter: TypeAdapter[Any] = TypeAdapter(_typed_dict("Request", {"rows": rows}))

    def schema(self) -> dict[str, Any]:
        """The JSON schema, its definitions under `$defs`."""
        return self._adapter.json_schema(ref_template="#/components/schemas/{model}")

    def read(self, body: bytes) -> list[dict[str, Any]]:
        """The rows of a body; RefusalError with each problem (the first twenty) where it is invalid."""
        try:
            rows: list[dict[str, Any]] = self._adapter.validate_json(body)["rows"]
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
            if problems[0]["type"] == "json_invalid":
                raise refuse(400, "", f"the body is not JSON ({_reason(problems[0])})", '{"rows": [{...}]}') from None
            listed_problems = [self._explain(problem) for problem in problems[:MAX_PROBLEMS]]
            raise RefusalError(422, listed_problems, len(problems) - len(listed_problems)) from None
        return rows

    def _explain(self, problem: Any) -> dict[str, str]:
        location = problem["loc"]
        column = self._columns.get(str(location[2])) if len(location) > 2 else None
        allowed = column.allowed if column else self._allowed(location)
        if problem["type"] == "extra_forbidden":
            text, allowed = "is not a field", self._suggestion(location)
        elif problem["type"] == "missing":
            text = "is missing"
        elif problem["type"] == "too_long":
            text = "holds too many rows"
        else:
            text = f"is {_format(problem['input'])}"
        return {"field": _path(location), "problem": text, "allowed": allowed}

    def _allowed(self, location: tuple[Any, ...]) -> str:
        if not location:
            return '{"rows": [{...}]}'
        return f"a list of 1 to {self._max_rows} rows" if len(location) == 1 else "a row: an object of fields"

    def _suggestion(self, location: tuple[Any, ...]) -> str:
        fields, retired = ([*self._columns], self._retired) if len(location) > 2 else (["rows"], ())
        names = [*fields, *retired]
        if (same := lookalikes.twin(str(location[-1])[:100], names)) is not None:
            return f"{same!a} (which looks the same and has other characters)"
        close = difflib.get_close_matches(str(location[-1])[:100], names, n=1)
        if close and close[0] in retired:
            return f"{close[0]}, which is retired (accepted and ignored)"
        return f"{close[0]} (did you mean that?)" if close else listed(fields)


def _field(column: RequestColumn) -> Any:
    kind: Any = {"number": float, "boolean": bool, "category": str, "date": str}[column.kind]
    if column.whole:
        kind = Annotated[kind, Field(json_schema_extra={"multipleOf": 1}), AfterValidator(_whole)]
    if column.kind == "date":
        kind = Annotated[kind, AfterValidator(_date)]
    examples: list[Any] = [*column.categories] or [column.example]
    field = Field(description=column.describe(), examples=examples)
    return Annotated[kind, field] if column.required else NotRequired[Annotated[kind | None, field]]


def _whole(number: float) -> float:
    if not number.is_integer():
        raise ValueError("a fraction")
    return number


def _date(text: str) -> str:
    date_parts(text)
    return text


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    make: Any = TypedDict  # the columns are only known when the service starts
    typed_dict = make(name, fields)
    typed_dict.__pydantic_config__ = STRICT
    return typed_dict


def _path(location: tuple[Any, ...]) -> str:
    """The location as text, such as `rows[0].age`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{str(part)[:100]}" for part in location]
    return "".join(parts).removeprefix(".")


def _format(value: Any) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = (
        {None: "null", True: "true", False: "false"}.get(value)
        if value is None or value is True or value is False
        else repr(value)
    )
    assert text is not None
    return text if len(text) <= 60 else f"{text[:57]}..."


def _reason(problem: Any) -> str:
    return str(problem["msg"]).removeprefix("Invalid JSON: ")[:100]
