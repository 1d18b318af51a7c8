"""What should protect main: the settings that this repository can have, each beside what GitHub has."""

from collections.abc import Iterator
from typing import Any

from pipeline.core.params.review import Gate
from pipeline.github.client import api
from pipeline.github.protection import environment, rulesets
from pipeline.github.protection.settings import Setting


def settings_of(repository: Any, gate: Gate, *, alone: bool) -> Iterator[Setting]:
    """The rulesets, and the environment of the App that `gate.app` names; `alone`: one person may write here."""
    app = None
    if gate.app:
        app = api.call("GET", f"/apps/{gate.app}", purpose=f"read the GitHub App {gate.app} of gate.app")["id"]
        yield environment.setting(repository["default_branch"])
    yield from rulesets.settings(is_public(repository), app, alone)


def writers() -> list[str]:
    """The people who may write to the repository."""
    people = api.pages("collaborators?permission=push", purpose="list who may write to the repository")
    return [str(person["login"]) for person in people]


def is_public(repository: Any) -> bool:
    return bool(repository["visibility"] == "public")
