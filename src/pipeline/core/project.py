"""The project's own code, src/project/: loaded from the current repository, never imported by name."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from pipeline.core.errors import PipelineError

FOLDER = Path("src/project")
PACKAGE = "project"


def load(name: str, root: Path = Path()) -> ModuleType | None:
    """The module src/project/<name>.py of the repository at `root`; None where there is no such file.

    PipelineError with file and line where Python can't import it.
    """
    folder = (root / FOLDER).resolve()
    if not (folder / f"{name}.py").is_file():
        return None
    with errors_in_one_line(root):
        _import_package(folder)
        return importlib.import_module(f"{PACKAGE}.{name}")


@contextmanager
def errors_in_one_line(root: Path = Path()) -> Iterator[None]:
    """Around a call of the project's code: its exceptions become a PipelineError with file and line."""
    try:
        yield
    except PipelineError:
        raise
    except Exception as error:
        place = _place(error, root.resolve())
        if place is None:  # not raised by the project's code
            raise
        message = " ".join(f"{type(error).__name__}: {getattr(error, 'msg', error)}".split())
        raise PipelineError(f"{place}: {message}") from None


def _import_package(folder: Path) -> None:
    """Load `folder` as the package `project`, in place of another repository's."""
    loaded = sys.modules.get(PACKAGE)
    if loaded is not None and list(loaded.__path__) == [str(folder)]:
        return
    _unload()
    spec = importlib.util.spec_from_file_location(
        PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec
    assert spec.loader
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(sys.modules[PACKAGE])
    except BaseException:
        _unload()
        raise


def _unload() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def _place(error: Exception, root: Path) -> str | None:
    """`file:line` of the project's code that the error comes from; None where it comes from other code."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        places.append((error.filename or "", error.lineno))
    project_places = [(Path(file), line) for file, line in places if Path(file).is_relative_to(root / FOLDER)]
    return f"{project_places[-1][0].relative_to(root)}:{project_places[-1][1]}" if project_places else None
