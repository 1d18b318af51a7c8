"""What feature code may do, checked on the syntax tree. It keeps honest code comparable; it is no sandbox."""

import ast
from collections.abc import Iterator

from pipeline.core.errors import PipelineError
from pipeline.features.package import Package

NUMPY = "numpy"
PURE = ("collections", "datetime", "functools", "itertools", "re", "string", "typing", "unicodedata")
ALLOWED = f"{NUMPY}, {', '.join(PURE)}, and the files of this folder by `from . import name`"
OTHER_DIGITS = "its last digits depend on the processor and on the number of rows"
# Attributes, of any object, and what is wrong with them.
PRODUCTS = dict.fromkeys(
    (
        *("convolve", "corrcoef", "correlate", "cov", "dot", "einsum", "fft", "inner", "linalg", "matmul", "matvec"),
        *("polyfit", "tensordot", "vdot", "vecdot", "vecmat"),
    ),
    f"a product over a matrix: {OTHER_DIGITS}; write it with *, + and np.where",
)
CLOCK = dict.fromkeys(
    ("now", "today", "utcnow"),
    "the clock differs between training and the service; send the time of the request as a column of the data",
)
FILES = dict.fromkeys(
    (
        *("DataSource", "ctypeslib", "dump", "dumps", "f2py", "fromfile", "fromregex", "genfromtxt", "load", "loadtxt"),
        *("memmap", "save", "savetxt", "savez", "savez_compressed", "tofile"),
    ),
    "feature code reads and writes no file; a look-up table is a JSON file of this folder, read by a parameter's name",
)
RANDOM = {"random": "a random number differs between training and the service; leave it out"}
SETTINGS = dict.fromkeys(
    ("flags", "setflags", "seterr", "seterrcall", "setbufsize", "set_printoptions"),
    "it changes arguments or settings in place; return a new array",
)
ATTRIBUTES = {
    **PRODUCTS,
    **CLOCK,
    **FILES,
    **RANDOM,
    **SETTINGS,
    "sys": "feature code leaves the interpreter alone",
}
HASHES = dict.fromkeys(("hash", "id"), "differs from process to process; use the value itself")
NAMES = {
    **dict.fromkeys(("open", "input"), "feature code reads and writes no file; leave it out"),
    **dict.fromkeys(
        ("breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "locals", "setattr", "vars"),
        "feature code is read before it runs, and this can't be; write out what it does",
    ),
    **HASHES,
}
MATH = "math differs from NumPy in the last digit and takes one row at a time; use the function of NumPy"


def check(package: Package) -> None:
    """PipelineError with a line for each thing in the files that feature code must not do."""
    problems = [
        f"{package.at(file, line)}: {text}"
        for file in package.modules
        for line, text in sorted(set(_problems(package.tree(file))))
    ]
    if problems:
        raise PipelineError("\n".join(problems))


def _problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((line, text) for text in _imports(node))
        elif isinstance(node, ast.Attribute):
            yield from ((line, text) for text in _attribute(node.attr))
        elif isinstance(node, ast.Name) and (node.id in NAMES or node.id.startswith("__")):
            yield line, f"{node.id}: {NAMES.get(node.id, NAMES['exec'])}"
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            yield line, f"@: {PRODUCTS['dot']}"
        elif isinstance(node, ast.Global | ast.Nonlocal):
            yield line, f"{', '.join(node.names)}: a function keeps nothing between calls; return what it computes"
        elif isinstance(node, ast.Call) and _is_moment_of_the_clock(node):
            yield line, f"np.datetime64: {CLOCK['now']}"


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom) and node.level:
        if node.level > 1:
            yield f"import: lies outside this folder; allowed: {ALLOWED}"
        return
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for module in modules:
        if module.partition(".")[0] == "math":
            yield f"math: {MATH}"
        elif module not in (NUMPY, *PURE, "__future__", "collections.abc"):
            parts = [text for part in module.split(".")[1:] if module.startswith("numpy.") for text in _attribute(part)]
            yield parts[0] if parts else f"import {module}: allowed: {ALLOWED}"
    if isinstance(node, ast.ImportFrom) and node.module != "__future__":
        for alias in node.names:
            yield from _attribute(alias.name)


def _attribute(name: str) -> Iterator[str]:
    if name in ATTRIBUTES:
        yield f"{name}: {ATTRIBUTES[name]}"
    elif name.startswith("__"):
        yield f"{name}: {NAMES['exec']}"


def _is_moment_of_the_clock(node: ast.Call) -> bool:
    """Whether it is np.datetime64("now") or np.datetime64("today")."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    return name == "datetime64" and bool({"now", "today"} & {text for text in texts if isinstance(text, str)})
