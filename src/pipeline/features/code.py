"""Feature code with its state, ready to compute: the same calls for a table's batches and for a request's rows."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.core import files, format_numbers
from pipeline.core.errors import PipelineError
from pipeline.features import loading, package, plan, values
from pipeline.features.functions import STATE, Function
from pipeline.features.lookup import frozen
from pipeline.features.package import Package
from pipeline.features.plan import Plan
from pipeline.features.values import Array, Input, WrongResultError

FORMAT = 1  # of models/features/state.json
COPY = "models/features"  # how messages name the folder of a model's feature code
States = Mapping[str, Any]
Name = str | tuple[str, str]  # of a column, feature or look-up table, or of a function's state
REMEDY = "remove it and run `make run`"


class Call(NamedTuple):
    """A function that is called, with the names of its arguments."""

    function: Function
    run: Callable[..., Any]
    reads: tuple[Name, ...]


class FunctionError(Exception):
    """A function failed, or gave a wrong result: `reason` in words. `cause` is its own exception."""

    def __init__(self, function: Function, reason: str, cause: Exception | None = None) -> None:
        super().__init__(reason)
        self.function, self.reason, self.cause = function, reason, cause


@dataclass(frozen=True)
class FeatureCode:
    """`inputs`: each column that any function or fit reads. `states`: by function, as JSON.

    `folds`: the states of the functions that are fitted on the target, without the rows of each fold; empty where there
    are none, and in a release.
    """

    package: Package
    plan: Plan
    inputs: Mapping[str, Input]
    states: States = field(default_factory=dict)
    folds: tuple[States, ...] = ()

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that the model sees."""
        return self.plan.features

    @cached_property
    def needed(self) -> dict[str, Input]:
        """The columns that computing the features takes."""
        return {name: self.inputs[name] for name in self.plan.inputs}

    @cached_property
    def version(self) -> str:
        """16 hex digits: the hash of all files and of the state."""
        text = json.dumps(_content(self), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(f"{self.package.hash}\0{text}".encode()).hexdigest()[:16]

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The functions in the order in which they are called."""
        return calls(self.plan.order, loading.callables(self.package, self.plan.order, self.version))

    @cached_property
    def _constants(self) -> tuple[dict[Name, Any], ...]:
        """Look-up tables and states: with the states of each fold, the full ones last, so that -1 is their position."""
        tables = {name: frozen(content) for name, content in self.package.tables().items()}
        fitted = ({**self.states, **fold} for fold in (*self.folds, {}))
        return tuple({**tables, **{(STATE, name): frozen(state) for name, state in each.items()}} for each in fitted)

    def known(self, inputs: Mapping[str, Array], fold: int = -1) -> dict[Name, Any]:
        """What functions are given besides features: look-up tables, states and the columns `inputs`."""
        known = self._constants[fold].copy()
        known.update(inputs)
        return known

    def compute(self, inputs: Mapping[str, Array], rows: int, fold: int = -1) -> dict[Name, Any]:
        """The finished values of every function's features, (rows,), for columns as `Input` has them.

        `fold`: the fold whose state is used, -1 for the state of all training rows. FunctionError where one fails.
        """
        known = self.known(inputs, fold)
        with np.errstate(all="ignore"):
            for call in self.calls:
                known.update(run(call, known, rows))
        return known


def calls(functions: Sequence[Function], loaded: Mapping[str, Callable[..., Any]]) -> tuple[Call, ...]:
    """The calls of functions; each reads the state under a name of its own."""
    return tuple(
        Call(each, loaded[each.name], tuple((STATE, each.name) if name == STATE else name for name in each.reads))
        for each in functions
    )


def run(call: Call, known: Mapping[Name, Any], rows: int) -> dict[str, Array]:
    """One call; FunctionError where it raises or returns something else than values for `rows` rows."""
    try:
        returned = call.run(*[known[name] for name in call.reads])
        return values.results(returned, call.function.outputs, rows)
    except WrongResultError as error:
        raise FunctionError(call.function, str(error)) from None
    except Exception as error:
        raise FunctionError(call.function, "", error) from error


def write(code: FeatureCode, folder: Path, folds: Path) -> None:
    """Write the package's files and the state to `folder`, which holds nothing else then, and the folds' states."""
    for path in folder.iterdir() if folder.is_dir() else ():
        path.unlink()
    for name, content in code.package.files.items():
        with files.replacing(folder / name) as temporary:
            temporary.write_bytes(content)
    files.write_text(folder / package.STATE, _json({"format": FORMAT, **_content(code)}))
    files.write_text(folds, _json({"format": FORMAT, "folds": list(code.folds)}))


def read(folder: Path, folds: Path | None = None) -> FeatureCode:
    """What `write` wrote; without `folds` as a release has it. PipelineError where something is missing or damaged."""
    path = folder / package.STATE
    content = files.read_json(path)
    format_numbers.check(str(path), content, FORMAT)
    copy = package.read(folder, COPY)
    copied = Package(COPY, {name: data for name, data in copy.files.items() if name != package.STATE})
    try:
        inputs = {name: Input(kind, nullable) for name, (kind, nullable) in content["inputs"].items()}
        names = plan.Names([*inputs, content["target"]], content["target"])
        states, off = dict(content["states"]), list(content["off"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise PipelineError(f"{path}: damaged; {REMEDY}") from None
    made = plan.make(copied, names, off)
    if any(function.fit and function.name not in states for function in made.order):
        raise PipelineError(f"{path}: damaged: it lacks a state; {REMEDY}")
    fold_states = files.read_json(folds).get("folds", []) if folds else []
    return FeatureCode(copied, made, inputs, states, tuple(fold_states))


def _content(code: FeatureCode) -> dict[str, Any]:
    """What `state.json` says besides its format."""
    return {
        "inputs": {name: [column.kind, column.nullable] for name, column in code.inputs.items()},
        "target": code.plan.target,
        "off": list(code.plan.off),
        "states": dict(code.states),
    }


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
