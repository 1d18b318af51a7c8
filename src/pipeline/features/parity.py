"""Whether a row's features depend on that row alone: computed alone, together, in another order and in pieces."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from pipeline.core.errors import PipelineError
from pipeline.features import failures
from pipeline.features.code import Call, FeatureCode, FunctionError, Name, run
from pipeline.features.values import Array, same

ROWS = 500
PIECES = 7
LAST_DIGITS = 1e-6  # relative difference up to which two numbers differ in their last digits of float32

WHOLE = 2**24  # up to which float32 holds every whole number

INFINITE = "it is infinite, or beyond float32, for some rows; guard it, as np.maximum(x, 1) does a divisor"
REPEATED = "gives other values when it is called again: it is random, depends on the clock or keeps something"
OTHER_ROWS = "it looks at other rows, as x - x.mean() does; compute such a figure in a fit"
MATRIX = "a product or a reduction over a matrix has other last digits for other numbers of rows; write it row by row"


def check(code: FeatureCode, inputs: Mapping[str, Array], rows: int) -> None:
    """PipelineError, with a line for each refused function, where a value is not the same bit for bit each time.

    `inputs` are columns of `rows` rows, (rows,) each, as functions get them. The rows are scanned first.
    """
    scan(code, inputs, rows)
    problems, known = list[str](), code.known(inputs)
    with np.errstate(all="ignore"):
        for call in code.calls:
            try:
                together = run(call, known, rows)
                reason = next(_differences(call, known, rows, together), "")
            except FunctionError as error:
                raise failures.explained(error, code, inputs, rows) from None
            known.update(together)
            if reason:
                problems.append(failures.line(code.package, call.function, reason))
    if problems:
        raise PipelineError("\n".join(problems))


def scan(code: FeatureCode, inputs: Mapping[str, Array], rows: int) -> set[str]:
    """The features that hold whole numbers beyond 2^24, which float32 rounds; PipelineError for an infinite value."""
    known, rounded = code.known(inputs), set[str]()
    with np.errstate(all="ignore"):
        for call in code.calls:
            try:
                finished = run(call, known, rows)
                returned = _returned(call, known)
            except FunctionError as error:
                raise failures.explained(error, code, inputs, rows) from None
            for name, values in returned.items():
                if values.dtype.kind not in "fiu":
                    continue
                if (infinite := np.isinf(values.astype(np.float32))).any():
                    row = int(np.flatnonzero(infinite)[0])
                    example = failures.shown(inputs, list(code.plan.columns[name]), row)
                    raise PipelineError(failures.line(code.package, call.function, INFINITE, example))
                large = values[np.abs(values) > WHOLE]
                if (large == np.rint(large)).all() and (large != large.astype(np.float32)).any():
                    rounded.add(name)
            known.update(finished)
    return rounded


def _returned(call: Call, known: Mapping[Name, Any]) -> dict[str, Array]:
    """The function's own results, before they are rounded."""
    returned = call.run(*[known[name] for name in call.reads])
    return returned if isinstance(returned, dict) else {call.function.outputs[0]: returned}


def _differences(call: Call, known: Mapping[Name, Any], rows: int, together: Mapping[str, Array]) -> Iterator[str]:
    """What is wrong with the function, in words, each way to call it in its turn."""
    order = np.random.default_rng(0).permutation(rows)
    everything = np.arange(rows)
    ways = [
        (REPEATED, [everything]),
        ("", [np.array([row]) for row in range(rows)]),
        ("", [order]),
        ("", [piece for piece in np.array_split(everything, PIECES) if len(piece)]),
    ]
    for reason, parts in ways:
        for part in parts:
            values = run(call, _at(call, known, part), len(part))
            for name, column in values.items():
                equal = same(column, together[name][part])
                if not equal.all():
                    row = int(part[np.flatnonzero(~equal)[0]])
                    pair = together[name][row], column[np.flatnonzero(~equal)[0]]
                    yield reason or _reason(pair, together[name].dtype != column.dtype)


def _reason(pair: tuple[Any, Any], other_type: bool) -> str:
    """Why a value differs from the one that it has among all rows."""
    if other_type:
        kinds = {float: "numbers", bool: "booleans"}
        first, second = (kinds.get(type(value.item() if hasattr(value, "item") else value), "text") for value in pair)
        return f"it returns {first} for many rows and {second} for few; give each result one type"
    numbers = all(isinstance(value, float) for value in pair) and bool(np.isfinite(pair).all())
    if numbers and abs(pair[0] - pair[1]) <= LAST_DIGITS * max(abs(pair[0]), abs(pair[1])):
        return MATRIX
    return OTHER_ROWS


def _at(call: Call, known: Mapping[Name, Any], part: Array) -> dict[Name, Any]:
    """The arguments of a function for some of the rows, read-only like those of a request."""
    chosen = {name: known[name] for name in call.reads}
    for name, value in chosen.items():
        if isinstance(value, np.ndarray):
            chosen[name] = value[part]
            chosen[name].flags.writeable = False
    return chosen
