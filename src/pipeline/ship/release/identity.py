"""What a release is made of, and the id that is its hash: equal content, equal id."""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.core import files, params, pipelines
from pipeline.data.contract import schema
from pipeline.models.model_text import MODEL, SIGNATURE

ENTRIES = ("pipeline.ship.service.app", "pipeline.ship.service.start")
DOCKERFILE = Path(__file__).with_name("Dockerfile")


def modules(source: Path, entries: Iterable[str] = ENTRIES) -> list[Path]:
    """The files under `source`, relative to it, that `entries` import, with their own files and those of packages."""
    paths: dict[str, Path] = {}
    pending = [*entries]
    while pending:
        name = pending.pop()
        path = _file(source, name)
        if path is None or name in paths:
            continue
        paths[name] = path.relative_to(source)
        pending += [name.rpartition(".")[0], *_imported(path)]
    return sorted(paths.values())


def identify(root: Path, requirements: str, base_image: str) -> str:
    """12 hex digits: hash of the model, contract, serving parameters and code, packages, base image and Dockerfile."""
    source = pipelines.top(root) / "src"
    parts = [
        *((name, files.md5(root / "models" / name)) for name in (MODEL, SIGNATURE)),
        ("schema", files.md5(root / schema.PATH)),
        ("serve", params.section(params.Serve, root / params.PATH).model_dump_json()),
        ("requirements", requirements),
        ("base", base_image),
        ("recipe", files.md5(DOCKERFILE)),
        *((str(path), files.md5(source / path)) for path in modules(source)),
    ]
    return _hash(parts)


def _hash(parts: Iterable[tuple[str, str]]) -> str:
    digest = hashlib.sha256()
    for name, content in parts:
        digest.update(f"{name}\0{len(content)}\0{content}\0".encode())
    return digest.hexdigest()[:12]


def _file(source: Path, name: str) -> Path | None:
    path = source.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if name and file.is_file()), None)


def _imported(path: Path) -> list[str]:
    """Every module that the file imports, also inside functions; an imported name may be a module, too."""
    names = list[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return names
