"""Runs a package's files as modules under a name made of their hash, so that two versions never share a module."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib.abc import InspectLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.features.functions import Function
from pipeline.features.package import Package

PREFIX = "pipeline_features_"
_packages: dict[str, Package] = {}


class _Loader(InspectLoader):
    """Compiles a module from the bytes that were hashed: no file is read again, and no bytecode written."""

    def __init__(self, package: Package, file: str) -> None:
        self._package, self._file = package, file

    def get_source(self, fullname: str) -> str:
        return self._package.files.get(self._file, b"").decode()

    def is_package(self, fullname: str) -> bool:
        return self._file == "__init__.py"

    def get_code(self, fullname: str) -> CodeType:
        # The compiler gets bytes: they may declare an encoding of their own.
        content = self._package.files.get(self._file, b"")
        return compile(content, f"{self._package.place}/{self._file}", "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the modules of loaded packages, and no others."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        name, _, module = fullname.partition(".")
        package = _packages.get(name)
        file = f"{module}.py" if module else "__init__.py"
        if package is None or (module and file not in package.files):
            return None
        return importlib.util.spec_from_loader(fullname, _Loader(package, file), is_package=not module)


def callables(package: Package, functions: Sequence[Function], version: str) -> dict[str, Callable[..., Any]]:
    """The functions and their fits by name; `version` is a hash of the package and its state.

    PipelineError with file and line where a file can't be run.
    """
    name = PREFIX + version
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    _packages[name] = package
    try:
        modules = {file: importlib.import_module(_module(name, file)) for file in package.modules}
    except Exception as error:
        _forget(name)
        text = " ".join(f"{type(error).__name__}: {error}".split())
        raise PipelineError(f"{place_of(error, package)}: {text}") from None
    parts = [part for function in functions for part in (function, function.fit) if part]
    return {part.name: getattr(modules[part.file], part.name) for part in parts}


def place_of(error: BaseException, package: Package) -> str:
    """`file:line` of the package's code that the error comes from; the folder where it comes from none."""
    prefix = f"{package.place}/"
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames if frame.filename.startswith(prefix)]
    return places[-1] if places else package.place


def _module(name: str, file: str) -> str:
    return name if file == "__init__.py" else f"{name}.{file.removesuffix('.py')}"


def _forget(name: str) -> None:
    del _packages[name]
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]
