"""The card's section on the features that the project's code computes: a table, their graph and their state."""

import json
from collections.abc import Iterator
from typing import Any

from pipeline.features import package
from pipeline.features.code import FeatureCode
from pipeline.features.functions import STATE, Function
from pipeline.markup.markdown import Markdown, code, cut, escape, table
from pipeline.markup.mermaid import clean, flow

MAX_ROWS, MAX_NODES = 60, 60
MAX_STATE = 300  # characters of a state that the card shows
COLOURS = {"column": "#6e7781", "feature": "#0969da", "off": "#9a6700"}


def content(made: FeatureCode | None) -> dict[str, Any] | None:
    """What the card shows of the code; None where the model sees no feature of it."""
    if made is None or not made.features:
        return None
    return {"table": _table(made), "graph": _graph(made), "states": _states(made), "version": code(made.version)}


def _table(made: FeatureCode) -> Markdown:
    rows = [
        (_name(name, made), _description(function), _inputs(function), code(_place(function)))
        for function in made.plan.order
        for name in function.outputs
    ]
    rest = f"\n\n… and {len(rows) - MAX_ROWS:,} more" if len(rows) > MAX_ROWS else ""
    return Markdown(table(["Feature", "Description", "Reads", "Source"], rows[:MAX_ROWS]) + rest)


def _name(name: str, made: FeatureCode) -> Markdown:
    return code(name) if name in made.features else Markdown(f"{code(name)} (off)")


def _description(function: Function) -> Markdown:
    return escape(cut(function.description, 200)) or Markdown("–")


def _inputs(function: Function) -> Markdown:
    fit = f"; fitted on {', '.join(map(code, function.fit.reads))}" if function.fit else ""
    return Markdown(", ".join(code(name) for name in function.reads if name != STATE) + fit)


def _place(function: Function) -> str:
    return f"{package.FOLDER}/{function.file}:{function.line}"


def _graph(made: FeatureCode) -> Markdown | None:
    """Columns and features, each with what it is computed from; None where there are too many to be legible."""
    edges = list(dict.fromkeys(_edges(made)))
    names = list(dict.fromkeys(name for edge in edges for name in edge))
    if not edges or len(names) > MAX_NODES:
        return None
    computed = {name for function in made.plan.order for name in function.outputs}
    kinds = ["column" if name not in computed else "feature" if name in made.features else "off" for name in names]
    nodes = [(clean(name) or "?", kind) for name, kind in zip(names, kinds, strict=True)]
    places = {name: place for place, name in enumerate(names)}
    used = {kind: colour for kind, colour in COLOURS.items() if kind in kinds}
    return flow(nodes, [(places[source], places[target]) for source, target in edges], used)


def _edges(made: FeatureCode) -> Iterator[tuple[str, str]]:
    for function in made.plan.order:
        reads = [*function.reads, *(function.fit.reads if function.fit else ())]
        for output in function.outputs:
            yield from ((name, output) for name in reads if name != STATE)


def _states(made: FeatureCode) -> Markdown | None:
    """What each fit returned, shortened."""
    rows = [
        (code(name), code(cut(json.dumps(state, ensure_ascii=False), MAX_STATE)))
        for name, state in sorted(made.states.items())
    ]
    return table(["Function", "State, fitted on the training rows"], rows) if rows else None
