"""YAML that people write: read strictly, with one line for each mistake."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.core import conflicts, files
from pipeline.core.errors import PipelineError

MAX_DEPTH = 100  # of nesting; far deeper, the constructor overflows the stack and ends Python
# Problems of pydantic with numbers, and the words for the bounds of a JSON schema.
NUMBER_PROBLEMS = {
    "int_type",
    "float_type",
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
}
BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def load_yaml(path: Path, name: str) -> Any:
    """The content of a YAML file; PipelineError with the line where it is no YAML or repeats a key."""
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), name)
    except FileNotFoundError:
        raise PipelineError(
            f"{name}: no such file; run from the top of the repository, or from a pipeline's folder"
        ) from None
    except UnicodeDecodeError:
        raise PipelineError(f"{name}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise PipelineError(f"{name}: can't be read: {files.reason(error)}") from None


def parse_yaml(text: str, name: str) -> Any:
    """The content of YAML text; PipelineError with the line where it is no YAML or repeats a key."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if conflict := conflicts.problem_in(text, name):
        raise PipelineError(conflict)
    try:
        if _is_too_deep(text):
            raise PipelineError(f"{name}: is nested more than {MAX_DEPTH} levels deep; is it the right file?")
        return YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        position = f" line {mark.line + 1}" if mark else ""
        problem = " ".join(str(error.problem or error).split())
        raise PipelineError(f"{name}{position}: not valid YAML: {problem}") from None
    except (YAMLError, ValueError) as error:  # a control character, a date that there is not
        raise PipelineError(f"{name}: not valid YAML: {' '.join(str(error).split())[:200]}") from None


def _is_too_deep(text: str) -> bool:
    from ruamel.yaml import YAML

    depth = 0
    for event in YAML(typ="safe").parse(text):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if depth > MAX_DEPTH:
            return True
    return False


def explain(name: str, model: type[BaseModel], problems: Sequence[Any]) -> list[str]:
    """One line for each wrong key; the types that a union allows are joined in one line."""
    lines = dict[str, str]()
    for problem in problems:
        key_parts = [str(part) for part in problem["loc"] if not _names_a_type(str(part))]
        key = ".".join(key_parts)
        if key not in lines:
            lines[key] = _explain(f"{name}: {key}" if key else name, model, key_parts, problem)
        elif "; allowed: " in lines[key]:
            lines[key] += f" or {_allowed(model, key_parts, problem)}"
    return list(lines.values())


def _explain(prefix: str, model: type[BaseModel], key_parts: list[str], problem: Any) -> str:
    match problem["type"]:
        case "extra_forbidden":
            return f"{prefix}: unknown key; {_suggestion(model, key_parts)}"
        case "missing":
            return f"{prefix}: missing; add it"
        case "value_error":
            lines = str(problem["ctx"]["error"]).splitlines()
            return "\n".join(f"{prefix}: {line}" for line in lines)
        case _:
            return f"{prefix}: is {_short_repr(problem['input'])}; allowed: {_allowed(model, key_parts, problem)}"


def _allowed(model: type[BaseModel], key_parts: list[str], problem: Any) -> str:
    if problem["type"] in NUMBER_PROBLEMS and (number := _number(model.model_json_schema(), key_parts)):
        return number
    if problem["type"] in ("model_type", "dict_type"):
        return "a mapping of keys to values"
    if problem["type"] == "tuple_type":
        return "a list"
    return (
        str(problem["msg"])
        .removeprefix("Input should be ")
        .replace("a valid ", "a ")
        .replace("a integer", "an integer")
    )


def _number(schema: Any, key_parts: list[str]) -> str | None:
    """The numbers that a key may have, such as "a number, at least 0, at most 1"; None for a key of another type."""
    options = [schema]
    for part in key_parts:
        options = [inner for option in options for inner in _inside(_resolved(option, schema), part)]
    for option in options:
        if option.get("type") in ("integer", "number"):
            kind = "an integer" if option["type"] == "integer" else "a number"
            return ", ".join(
                [kind, *(f"{word} {option[bound]:,}" for bound, word in BOUNDS.items() if bound in option)]
            )
    return None


def _inside(option: Any, part: str) -> list[Any]:
    """The JSON schemas of a key of an object, or of an item of a list."""
    inner = option.get("properties", {}).get(part) or option.get("additionalProperties") or option.get("items")
    return [inner, *inner.get("anyOf", ())] if isinstance(inner, dict) else []


def _resolved(option: Any, schema: Any) -> Any:
    return schema["$defs"][option["$ref"].rpartition("/")[2]] if "$ref" in option else option


def _names_a_type(part: str) -> bool:
    """Whether pydantic put the name of a union's member into the location instead of a key."""
    return part in {"bool", "int", "str", "float", "Interval"} or "[" in part or part.startswith("constrained-")


def _section(model: type[BaseModel], key_parts: list[str]) -> Any:
    """The section that holds the key; None where there is none."""
    section: Any = model
    for part in key_parts[:-1]:
        field = getattr(section, "model_fields", {}).get(part)
        section = next((t for t in _types_of(field) if hasattr(t, "model_fields")), None) if field else None
    return section


def _suggestion(model: type[BaseModel], key_parts: list[str]) -> str:
    section = _section(model, key_parts)
    keys = list(getattr(section, "model_fields", {}))
    close = difflib.get_close_matches(key_parts[-1], keys, n=1)
    return f"did you mean {close[0]}?" if close else f"allowed: {', '.join(keys)}"


def _types_of(field: Any) -> tuple[Any, ...]:
    return getattr(field.annotation, "__args__", ()) or (field.annotation,)


def _short_repr(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
