"""Feature code with its state, ready to compute: the same calls for a table's batches and for a request's rows."""

import hashlib
import json
from collections.abc import Callable, Mapping
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
REMEDY = "remove it and run `make run`"


class Call(NamedTuple):
    """A function that is called, with the names of its arguments."""

    function: Function
    run: Callable[..., Any]
    reads: tuple[str, ...]


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
    def _tables(self) -> dict[str, Any]:
        return {name: frozen(content) for name, content in self.package.tables().items()}

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The functions in the order in which they are called."""
        loaded = loading.callables(self.package, self.plan.order, self.version)
        return tuple(Call(function, loaded[function.name], function.reads) for function in self.plan.order)

    @cached_property
    def _states_by_fold(self) -> tuple[States, ...]:
        """The states by fold, the full ones last, so that -1 is their position."""
        full = {name: frozen(state) for name, state in self.states.items()}
        return (*({**full, **{name: frozen(state) for name, state in fold.items()}} for fold in self.folds), full)

    def compute(self, inputs: Mapping[str, Array], rows: int, fold: int = -1) -> dict[str, Array]:
        """The finished values of every function's features, (rows,), for columns as `Input` has them.

        `fold`: the fold whose state is used, -1 for the state of all training rows. FunctionError where one fails.
        """
        states, known = self._states_by_fold[fold], {**self._tables, **inputs}
        with np.errstate(all="ignore"):
            for call in self.calls:
                known |= run(call, known, states, rows)
        return known

    def without_folds(self) -> "FeatureCode":
        """The code as a release carries it."""
        return FeatureCode(self.package, self.plan, self.inputs, self.states)


def run(call: Call, known: Mapping[str, Any], states: States, rows: int) -> dict[str, Array]:
    """One call; FunctionError where it raises or returns something else than values for `rows` rows."""
    function = call.function
    arguments = [known[name] if name != STATE else states[function.name] for name in call.reads]
    try:
        return values.results(call.run(*arguments), function.outputs, rows)
    except WrongResultError as error:
        raise FunctionError(function, str(error)) from None
    except Exception as error:
        raise FunctionError(function, "", error) from error


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
