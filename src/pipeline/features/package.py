"""The files of a package of feature code: read as bytes, parsed without importing them, and named by their hash."""

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError

FOLDER = Path("src/project/features")
STATE = "state.json"  # written beside the copy of the files, in models/features/
MAX_BYTES = 5_000_000  # of all files together
IGNORED = ("__pycache__",)


@dataclass(frozen=True)
class Package:
    """The content of each file by its name; `place` is the folder as messages name it."""

    place: str
    files: Mapping[str, bytes]

    @property
    def hash(self) -> str:
        """16 hex digits of SHA-256 over the names and contents of all files."""
        digest = hashlib.sha256()
        for name, content in sorted(self.files.items()):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]

    @property
    def modules(self) -> list[str]:
        """The Python files, in the order of their names."""
        return sorted(name for name in self.files if name.endswith(".py"))

    def at(self, file: str, line: int) -> str:
        """A place in a file, as messages name it."""
        return f"{self.place}/{file}:{line}"

    def tree(self, file: str) -> ast.Module:
        """The syntax tree of a file; PipelineError with file and line where it is no Python."""
        try:
            return ast.parse(self.files[file])
        except SyntaxError as error:
            raise PipelineError(f"{self.at(file, error.lineno or 1)}: {error.msg}; correct the syntax") from None
        except (ValueError, RecursionError, MemoryError):
            raise PipelineError(f"{self.place}/{file}: can't be parsed as Python; simplify or remove it") from None

    def tables(self) -> dict[str, Any]:
        """The content of each JSON file by its name without `.json`; PipelineError where one is no JSON object."""
        content = dict[str, Any]()
        for file in sorted(name for name in self.files if name.endswith(".json") and name != STATE):
            try:
                content[file.removesuffix(".json")] = json.loads(self.files[file])
            except ValueError as error:
                raise PipelineError(f"{self.place}/{file}: not JSON ({error}); correct it") from None
            if not isinstance(content[file.removesuffix(".json")], dict):
                raise PipelineError(f"{self.place}/{file}: no JSON object; a look-up table is one: {{key: value, ...}}")
        return content


def read(folder: Path, place: str | None = None) -> Package:
    """The files in `folder`, which has no folders below it; none where there is no such folder.

    PipelineError for a folder or link in it, or where the files take more than 5 MB.
    """
    place = place or str(folder)
    content = dict[str, bytes]()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in IGNORED or path.suffix == ".pyc":
            continue
        if path.is_symlink() or not path.is_file():
            raise PipelineError(f"{place}/{path.name}: no plain file; feature code lies in one folder of plain files")
        content[path.name] = path.read_bytes()
    if (size := sum(map(len, content.values()))) > MAX_BYTES:
        raise PipelineError(
            f"{place}: {size / 1e6:.1f} MB; allowed: 5 MB, as every release carries it; put a large table into the data"
        )
    return Package(place, content)


def of_project(root: Path = Path()) -> Package:
    """The project's feature code in the repository at `root`."""
    package = read(root / FOLDER, str(FOLDER))
    if STATE in package.files:
        raise PipelineError(f"{FOLDER}/{STATE}: `state` is what a fit gives; give the look-up table another name")
    return package
