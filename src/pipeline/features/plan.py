"""Which function is called when and with what: names resolved against columns, features and look-up tables."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from pipeline.core import lookalikes
from pipeline.core.errors import PipelineError, listed
from pipeline.features import functions, guard
from pipeline.features.functions import STATE, Function
from pipeline.features.package import Package


@dataclass(frozen=True)
class Plan:
    """`order`: the functions, each after those that it reads. `features`: those that the model may see, in that order.

    `columns`: for each feature the columns that its value depends on. `fitted`: the functions whose state was fitted
    on the target; `from_target`: all that depend on one of these. `read`: all columns that any function or fit of the
    package reads, also where it is not needed.
    """

    order: tuple[Function, ...]
    features: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    fitted: frozenset[str]
    from_target: frozenset[str]
    target: str
    off: tuple[str, ...]
    read: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The columns of the data that the functions read, each once; those that fits alone read are not among them."""
        return tuple(dict.fromkeys(name for feature in self.columns.values() for name in feature))

    def by_output(self) -> dict[str, Function]:
        return {output: function for function in self.order for output in function.outputs}


@dataclass(frozen=True)
class Names:
    """The names that a parameter may have: columns of the data, of which target and key are not for functions."""

    columns: Collection[str]
    target: str
    key: str | None = None


def make(package: Package, names: Names, off: Collection[str] = ()) -> Plan:
    """The plan of a package's functions; `off` are features that the model does not see.

    PipelineError, one line each, for what the guard refuses, a name that nothing has, a cycle or a use of the target
    that would leak it.
    """
    guard.check(package)
    all_functions, tables = functions.read(package), package.tables()
    by_output = _by_output(package, all_functions, names, tables)
    if unknown := sorted(set(off) - by_output.keys()):
        hint = lookalikes.suggestion(unknown[0], by_output, "features")
        raise PipelineError(f"params.yaml: features.off: {unknown[0]} is no feature of {package.place}; {hint}")
    for function in all_functions:
        _check_reads(package, function, by_output, names, tables)
    ordered = _ordered(package, all_functions, by_output)
    visible = [name for function in ordered for name in function.outputs if name not in off]
    ordered = _needed(ordered, visible, by_output)
    fitted = frozenset(f.name for f in ordered if f.fit and names.target in f.fit.reads)
    parts = [part for function in all_functions for part in (function, function.fit) if part]
    return Plan(
        order=tuple(ordered),
        features=tuple(visible),
        columns=_columns(ordered, by_output, names.columns),
        fitted=fitted,
        from_target=_from_target(package, ordered, by_output, fitted),
        target=names.target,
        off=tuple(off),
        read=tuple(dict.fromkeys(name for part in parts for name in part.reads if name in names.columns)),
    )


def _by_output(
    package: Package, all_functions: Iterable[Function], names: Names, tables: Collection[str]
) -> dict[str, Function]:
    by_output = dict[str, Function]()
    for function in all_functions:
        for output in function.outputs:
            place = package.at(function.file, function.line)
            if output in names.columns or output in tables or output == STATE:
                what = "a column of the data" if output in names.columns else "a look-up table or `state`"
                raise PipelineError(f"{place}: {output}: is the name of {what} as well; rename the feature")
            if output in by_output:
                other = by_output[output]
                raise PipelineError(
                    f"{place}: {output}: {package.at(other.file, other.line)} gives a feature of this name as well; "
                    "rename one of them"
                )
            by_output[output] = function
    if both := sorted(set(tables) & {*names.columns, STATE}):
        raise PipelineError(f"{package.place}/{both[0]}.json: is the name of a column as well; rename the file")
    return by_output


def _check_reads(
    package: Package, function: Function, by_output: Mapping[str, Function], names: Names, tables: Collection[str]
) -> None:
    for part in filter(None, (function, function.fit)):
        place = f"{package.at(part.file, part.line)}: {part.name}"
        for name in part.reads:
            if name == names.key:
                raise PipelineError(f"{place}: reads {name}, the key, which identifies rows; take the parameter away")
            if name == names.target and part is function:
                raise PipelineError(
                    f"{place}: reads {name}, the target, which no request has; only a fit may (fit_{function.name})"
                )
            if name not in {*names.columns, *by_output, *tables, STATE}:
                allowed = [*(column for column in names.columns if column != names.key), *by_output, *tables]
                hint = lookalikes.suggestion(name, allowed, "columns and features")
                raise PipelineError(f"{place}: {name} is no column of the data and no feature; {hint}")


def _parents(function: Function, by_output: Mapping[str, Function]) -> list[Function]:
    """The functions whose features this one or its fit reads."""
    reads = [*function.reads, *(function.fit.reads if function.fit else ())]
    return [by_output[name] for name in reads if name in by_output]


def _ordered(package: Package, all_functions: Iterable[Function], by_output: Mapping[str, Function]) -> list[Function]:
    """Each function after those that it reads, otherwise as the files have them; PipelineError for a cycle."""
    ordered, path = list[Function](), list[Function]()

    def visit(function: Function) -> None:
        if function in path:
            names = " -> ".join([*(f.name for f in path[path.index(function) :]), function.name])
            place = package.at(function.file, function.line)
            raise PipelineError(f"{place}: {names}: a feature can't depend on itself; take a parameter away")
        if function not in ordered:
            path.append(function)
            for parent in _parents(function, by_output):
                visit(parent)
            ordered.append(path.pop())

    for function in all_functions:
        visit(function)
    return ordered


def _needed(ordered: list[Function], visible: Collection[str], by_output: Mapping[str, Function]) -> list[Function]:
    """Of the functions those that give a visible feature, and those that they read."""
    needed = set[str]()
    for function in reversed(ordered):
        if function.name in needed or set(function.outputs) & set(visible):
            needed |= {function.name, *(parent.name for parent in _parents(function, by_output))}
    return [function for function in ordered if function.name in needed]


def _from_target(
    package: Package, ordered: list[Function], by_output: Mapping[str, Function], fitted: frozenset[str]
) -> frozenset[str]:
    """The functions that depend on a state fitted on the target; PipelineError for a fit that reads one of them."""
    tainted = set(fitted)
    for function in ordered:
        sources = {name: by_output[name].name for name in function.reads if name in by_output}
        read_by_fit = [name for name in function.fit.reads if name in by_output] if function.fit else []
        if leaking := [name for name in read_by_fit if by_output[name].name in tainted]:
            fit = function.fit
            assert fit
            raise PipelineError(
                f"{package.at(fit.file, fit.line)}: {fit.name}: reads {listed(leaking)}, fitted on the target; "
                "let the function read it instead: the fit would learn from each row's own target"
            )
        if tainted & set(sources.values()):
            tainted.add(function.name)
    return frozenset(tainted)


def _columns(
    ordered: list[Function], by_output: Mapping[str, Function], columns: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """For each feature the columns that its value depends on, in the order in which they are read."""
    result = dict[str, tuple[str, ...]]()
    for function in ordered:
        own = [part for name in function.reads for part in ([name] if name in columns else result.get(name, ()))]
        result |= dict.fromkeys(function.outputs, tuple(dict.fromkeys(own)))
    return result
