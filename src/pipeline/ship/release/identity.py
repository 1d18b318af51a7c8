"""What a release is made of, and the id that follows from it: equal content, equal id."""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.core import files, params
from pipeline.data.contract import schema
from pipeline.models.model_text import MODEL, SIGNATURE

ENTRY = "pipeline.ship.service.app"
DOCKERFILE = Path(__file__).with_name("Dockerfile")


def modules(source: Path, entry: str = ENTRY) -> list[Path]:
    """The files of the package under `source` that `entry` imports, itself and packages included, relative to it."""
    found: dict[str, Path] = {}
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        path = _file(source, name)
        if path is None or name in found:
            continue
        found[name] = path.relative_to(source)
        waiting += [name.rpartition(".")[0], *_imported(path)]
    return sorted(found.values())


def identify(root: Path, requirements: str, base_image: str) -> str:
    """12 hex digits: model, contract, the service's own parameters and code, its dependencies, the image's recipe."""
    parts = [
        *((name, files.md5(root / "models" / name)) for name in (MODEL, SIGNATURE)),
        ("schema", files.md5(root / schema.PATH)),
        ("serve", params.section(params.Serve, root / params.PATH).model_dump_json()),
        ("requirements", requirements),
        ("base", base_image),
        ("recipe", files.md5(DOCKERFILE)),
        *((str(path), files.md5(root / "src" / path)) for path in modules(root / "src")),
    ]
    return _hashed(parts)


def _hashed(parts: Iterable[tuple[str, str]]) -> str:
    whole = hashlib.sha256()
    for name, content in parts:
        whole.update(f"{name}\0{len(content)}\0{content}\0".encode())
    return whole.hexdigest()[:12]


def _file(source: Path, name: str) -> Path | None:
    place = source.joinpath(*name.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if name and path.is_file()), None)


def _imported(path: Path) -> list[str]:
    """Every module that the file names in an import, also inside a function; names from a module may be modules."""
    names = list[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
