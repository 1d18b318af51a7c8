"""What the files in .github/ ask of the repository: variables, secrets, environments, schedules, the default branch."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.yaml import load_yaml

FOLDER = Path(".github")
NAME = re.compile(r"\b(vars|secrets)\.([A-Z][A-Z0-9_]*)")


def named(kind: str) -> set[str]:
    """The names of the variables (`vars`) or secrets (`secrets`) that workflows and actions read."""
    texts = (path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.yaml"))
    return {match[2] for text in texts for match in NAME.finditer(text) if match[1] == kind}


def scheduled() -> list[str]:
    """The names of the workflows that GitHub starts by the clock."""
    return sorted(path.name for path, triggers in _triggers() if "schedule" in triggers)


def lacking_branch(branch: str) -> list[str]:
    """The workflows whose filter of pushes or pull requests leaves this branch out."""
    return sorted(
        path.name
        for path, triggers in _triggers()
        for event in ("push", "pull_request")
        if branch not in ((triggers.get(event) or {}).get("branches") or [branch])
    )


def _triggers() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted((FOLDER / "workflows").glob("*.yaml")):
        content = load_yaml(path, str(path))
        triggers = content.get("on", content.get(True))  # YAML 1.1 reads `on` as true
        yield path, triggers if isinstance(triggers, dict) else dict.fromkeys([triggers] if triggers else [])
