"""The functions of a package of feature code, read off the syntax tree: nothing is imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from pipeline.core.errors import PipelineError
from pipeline.features.package import Package

STATE, FIT = "state", "fit_"
Definition = ast.FunctionDef


@dataclass(frozen=True)
class Function:
    """A function of the package. `reads` has, for each parameter, the name of what it is given; `outputs` the features.

    `fit` is the function that makes its state. A fit itself has no outputs.
    """

    name: str
    file: str
    line: int
    reads: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    description: str = ""
    fit: "Function | None" = None

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py")


def read(package: Package) -> tuple[Function, ...]:
    """The public functions, in the order of files and lines, each with its fit.

    PipelineError, in one line, for a parameter that can't be given, a repeated name, or a fit without its function.
    """
    functions, fits = dict[str, Function](), dict[str, Function]()
    for file in package.modules:
        for node in package.tree(file).body:
            if isinstance(node, ast.AsyncFunctionDef):
                _refuse(package, file, node, f"{node.name}: is asynchronous; define it by a plain `def`")
            if not isinstance(node, Definition) or node.name.startswith("_"):
                continue
            kind = fits if node.name.startswith(FIT) else functions
            if node.name in kind:
                earlier = kind[node.name]
                other = package.at(earlier.file, earlier.line)
                _refuse(package, file, node, f"{node.name}: is defined in {other} as well; rename one of them")
            kind[node.name] = _function(package, file, node, is_fit=kind is fits)
    return tuple(_with_fits(package, functions, fits))


def _with_fits(package: Package, functions: dict[str, Function], fits: dict[str, Function]) -> Iterator[Function]:
    for fit in fits.values():
        if fit.name.removeprefix(FIT) not in functions:
            name = fit.name.removeprefix(FIT)
            raise PipelineError(
                f"{package.at(fit.file, fit.line)}: {fit.name}: there is no function {name} that it could be the fit "
                "of; add it, or begin the name of a helper with _"
            )
    for function in functions.values():
        own_fit = fits.get(FIT + function.name)
        if (own_fit is None) == (STATE in function.reads):
            place = package.at(function.file, function.line)
            problem = f"has no parameter `{STATE}`" if own_fit else f"reads `{STATE}`, and there is no {FIT}"
            remedy = "add it" if own_fit else f"{function.name}; write that function, which returns the state"
            raise PipelineError(f"{place}: {function.name}: {problem}{'; ' if own_fit else ''}{remedy}")
        yield Function(**{**vars(function), "fit": own_fit})


def _function(package: Package, file: str, node: Definition, *, is_fit: bool) -> Function:
    reads = tuple(_parameters(package, file, node))
    if not reads or set(reads) == {STATE}:
        _refuse(package, file, node, f"{node.name}: has no parameter; each one names a column or another feature")
    if is_fit and STATE in reads:
        _refuse(package, file, node, f"{node.name}: reads `{STATE}`, which it is to make; take the parameter away")
    return Function(
        node.name,
        file,
        node.lineno,
        reads,
        () if is_fit else _outputs(package, file, node),
        " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split()),
    )


def _parameters(package: Package, file: str, node: Definition) -> Iterator[str]:
    """What each parameter is given: what its default names, else what it is called."""
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        _refuse(package, file, node, f"{node.name}: has a parameter with *; name each column by one of its own")
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    for argument, default in zip(plain, [*defaults, *arguments.defaults], strict=True):
        if default is None:
            yield argument.arg
        elif isinstance(default, ast.Constant) and isinstance(default.value, str):
            yield default.value
        else:
            text = (
                f'{node.name}: the default of {argument.arg} is no text; a default names a column: {argument.arg}="a b"'
            )
            _refuse(package, file, node, text)


def _outputs(package: Package, file: str, node: Definition) -> tuple[str, ...]:
    """The features of a function: its own name, or the keys of the dict that each of its `return`s holds."""
    values = [returned.value for returned in _returns(node)]
    if not any(isinstance(value, ast.Dict) for value in values):
        return (node.name,)
    keys = {tuple(_keys(value)) for value in values}
    names = keys.pop() if len(keys) == 1 else ()
    if not names or None in names or len(set(names)) < len(names):
        text = f'{node.name}: several features are returned as {{"name": values, ...}}'
        _refuse(package, file, node, f"{text}, with the same names at each return")
    return tuple(name for name in names if name)


def _returns(node: ast.AST) -> Iterator[ast.Return]:
    """The `return`s of a function, without those of functions within it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Return):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _returns(child)


def _keys(value: ast.expr | None) -> Iterator[str | None]:
    for key in value.keys if isinstance(value, ast.Dict) else ():
        yield key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _refuse(package: Package, file: str, node: ast.stmt, text: str) -> NoReturn:
    raise PipelineError(f"{package.at(file, node.lineno)}: {text}")
