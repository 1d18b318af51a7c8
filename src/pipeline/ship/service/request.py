"""The request model: made from the signature's columns, it documents a request and explains a wrong one."""

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from pipeline.core.errors import listed
from pipeline.ship.service.columns import RequestColumn, date_parts

SHOWN = 20  # problems that one answer lists
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class RefusalError(Exception):
    """A request that is not answered: the status and the answer's content, for the person who must correct it."""

    def __init__(self, status: int, problems: Sequence[dict[str, str]], unlisted: int = 0) -> None:
        self.status, self.problems, self.unlisted = status, list(problems), unlisted
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The first problem in one line, and how many there are beside it."""
        first, others = self.problems[0], len(self.problems) - 1 + self.unlisted
        where = f"{first['field']} " if first["field"] else ""
        more = f" (and {others} more)" if others else ""
        return f"{where}{first['problem']}; allowed: {first['allowed']}{more}"


def refuse(status: int, field: str, problem: str, allowed: str) -> RefusalError:
    return RefusalError(status, [{"field": field, "problem": problem, "allowed": allowed}])


class RequestModel:
    """`{"rows": [{column: value, ...}, ...]}` as pydantic has it, strictly."""

    def __init__(self, columns: Sequence[RequestColumn], max_rows: int) -> None:
        self._columns = {column.name: column for column in columns}
        self._max_rows = max_rows
        row = _typed_dict("Row", {column.name: _field(column) for column in columns})
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
        """The rows of a body; RefusalError with each problem (the first twenty) where it is not as it should be."""
        try:
            rows: list[dict[str, Any]] = self._adapter.validate_json(body)["rows"]
        except ValidationError as error:
            found = error.errors(include_url=False, include_context=False)
            if found[0]["type"] == "json_invalid":
                raise refuse(400, "", f"the body is not JSON ({_reason(found[0])})", '{"rows": [{...}]}') from None
            told = [self._explain(problem) for problem in found[:SHOWN]]
            raise RefusalError(422, told, len(found) - len(told)) from None
        return rows

    def _explain(self, problem: Any) -> dict[str, str]:
        place = problem["loc"]
        column = self._columns.get(str(place[2])) if len(place) > 2 else None
        allowed = column.allowed if column else self._allowed(place)
        if problem["type"] == "extra_forbidden":
            said, allowed = "is no field", self._neighbours(place)
        elif problem["type"] == "missing":
            said = "is missing"
        elif problem["type"] == "too_long":
            said = "holds too many rows"
        else:
            said = f"is {_shown(problem['input'])}"
        return {"field": _path(place), "problem": said, "allowed": allowed}

    def _allowed(self, place: tuple[Any, ...]) -> str:
        if not place:
            return '{"rows": [{...}]}'
        return f"a list of 1 to {self._max_rows} rows" if len(place) == 1 else "a row: an object of fields"

    def _neighbours(self, place: tuple[Any, ...]) -> str:
        known = list(self._columns) if len(place) > 2 else ["rows"]
        close = difflib.get_close_matches(str(place[-1])[:100], known, n=1)
        return f"{close[0]} (did you mean that?)" if close else listed(known)


def _field(column: RequestColumn) -> Any:
    kind: Any = {"number": float, "boolean": bool, "category": str, "date": str}[column.kind]
    if column.whole:
        kind = Annotated[kind, Field(json_schema_extra={"multipleOf": 1}), AfterValidator(_whole)]
    if column.kind == "date":
        kind = Annotated[kind, AfterValidator(_date)]
    examples: list[Any] = [*column.categories] or [column.example]
    shown = Field(description=column.describe(), examples=examples)
    return Annotated[kind, shown] if column.required else NotRequired[Annotated[kind | None, shown]]


def _whole(number: float) -> float:
    if not number.is_integer():
        raise ValueError("a fraction")
    return number


def _date(text: str) -> str:
    date_parts(text)
    return text


def _typed_dict(name: str, fields: dict[str, Any]) -> Any:
    make: Any = TypedDict  # the columns are known when the service starts, not before
    made = make(name, fields)
    made.__pydantic_config__ = STRICT
    return made


def _path(place: tuple[Any, ...]) -> str:
    """rows[0].age"""
    shown = [f"[{part}]" if isinstance(part, int) else f".{str(part)[:100]}" for part in place]
    return "".join(shown).removeprefix(".")


def _shown(value: Any) -> str:
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
