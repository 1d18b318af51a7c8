"""`make docs`: docs/reference/parameters.md from the types of params.yaml, commands.md from the command table."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from pipeline.cli import COMMANDS, pipeline
from pipeline.core import files
from pipeline.core.params import Params
from pipeline.core.yaml import BOUNDS, load_yaml

FOLDER = Path("docs/reference")
HEADER = "<!-- Made by `make docs`; change src/pipeline/{source} instead. -->\n"
Schema = Mapping[str, Any]


def main() -> None:
    """Write both pages."""
    for name, text in pages().items():
        files.write_text(FOLDER / name, text)


def pages() -> dict[str, str]:
    """Each page's name and text."""
    stages = load_yaml(Path("dvc.yaml"), "dvc.yaml")["stages"]
    return {"parameters.md": parameters(stages), "commands.md": commands()}


def parameters(stages: Mapping[str, Schema]) -> str:
    """A table for each section of params.yaml; `stages` are those of dvc.yaml, for who reads it."""
    schema = Params.model_json_schema()
    parts = [
        HEADER.format(source="core/params/"),
        "# Parameters\n",
        "The keys of `params.yaml`. A change of a section runs the stages that read it, and what depends on them.\n",
    ]
    sections = {name: _resolved(reference, schema) for name, reference in schema["properties"].items()}
    single = {name: field for name, field in sections.items() if "properties" not in field}
    parts.append(_table({"properties": single}, schema))
    for name, section in sections.items():
        if name in single:
            continue
        readers = [f"`{stage}`" for stage, declared in stages.items() if name in declared.get("params", [])]
        read_by = f"Read by the stages: {', '.join(readers)}" if readers else "Read by no stage"
        parts += [f"## {name}\n", f"{section['description']} {read_by}.\n", _table(section, schema)]
    return "\n".join(parts)


def _table(section: Schema, schema: Schema) -> str:
    rows = "".join(f"| `{key}` | {text} | {allowed} |\n" for key, text, allowed in _rows(section, schema))
    return f"| key | meaning | allowed |\n| --- | --- | --- |\n{rows}"


def commands() -> str:
    """Each command with its options, from its own help."""
    parts = [
        HEADER.format(source="cli.py"),
        "# Commands\n",
        "`.venv/bin/pipeline COMMAND`; `--help` after a command says the same. What its exit status means: "
        "[exit statuses](exit-statuses.md).\n",
        "| command | what it does |\n| --- | --- |\n"
        + "".join(f"| [`{name}`](#{name}) | {_cell(line)} |\n" for name, (_, line) in COMMANDS.items()),
    ]
    context = click.Context(pipeline, info_name="pipeline")
    for name in COMMANDS:
        command = pipeline.get_command(context, name)
        assert command
        parts += _command(command, click.Context(command, info_name=name, parent=context), "##")
    return "\n".join(parts)


def _rows(section: Schema, schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, meaning and allowed values of each key, sections in sections included."""
    for name, field in section["properties"].items():
        key = f"{prefix}{name}"
        description = {**_resolved(field, schema), **field}["description"]
        yield key, _cell(description), _cell(_allowed(field, schema))
        for inner in (field, *field.get("anyOf", ())):
            if "$ref" in inner:
                yield from _rows(_resolved(inner, schema), schema, f"{key}.")


def _resolved(field: Schema, schema: Schema) -> Schema:
    target: Schema = schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else field
    return target


def _allowed(field: Schema, schema: Schema) -> str:
    """What a value may be, in words."""
    if "anyOf" in field:
        return _either([_allowed(choice, schema) for choice in field["anyOf"]])
    if "enum" in field or "const" in field:
        return _either([f"`{value}`" for value in field.get("enum") or [field["const"]]])
    match _resolved(field, schema)["type"]:
        case "object" if "additionalProperties" in field:
            return f"mapping of names to: {_allowed(field['additionalProperties'], schema)}"
        case "object":
            return _keys(_resolved(field, schema))
        case "array":
            return f"{'non-empty ' if field.get('minItems') else ''}list of: {_allowed(field['items'], schema)}"
        case "string":
            return f"text like `{field['pattern']}`" if "pattern" in field else "date" if "format" in field else "text"
        case "boolean":
            return "`true` or `false`"
        case "null":
            return "`null`"
        case kind:
            return ", ".join(["whole number" if kind == "integer" else "number", *_bounds(field)])


def _bounds(field: Schema) -> Iterator[str]:
    return (f"{word} {field[bound]:,}" for bound, word in BOUNDS.items() if bound in field)


def _keys(section: Schema) -> str:
    return f"the keys {', '.join(f'`{key}`' for key in section['properties'])}"


def _either(choices: list[str]) -> str:
    *others, last = dict.fromkeys(choices)
    return f"{', '.join(others)} or {last}" if others else last


def _command(command: click.Command, context: click.Context, heading: str) -> Iterator[str]:
    yield f"{heading} {' '.join(context.command_path.split()[1:])}\n"
    yield f"{' '.join((command.help or '').split())}\n"
    yield f"```text\n{' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n```\n"
    options = [
        record
        for option in command.get_params(context)
        if "--help" not in option.opts and (record := option.get_help_record(context))
    ]
    if options:
        rows = "".join(f"| `{_cell(option)}` | {_cell(text)} |\n" for option, text in options)
        yield f"| option | meaning |\n| --- | --- |\n{rows}"
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _command(inner, click.Context(inner, info_name=name, parent=context), f"{heading}#")


def _cell(text: str) -> str:
    """Text for a table cell, in which nothing is a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
