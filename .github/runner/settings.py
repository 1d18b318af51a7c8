"""The registrar's settings, from its environment, checked before GitHub is called."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from github_app import RegistrarError


@dataclass(frozen=True)
class Settings:
    api: str
    repository: str
    app_id: str
    key_file: Path
    labels: tuple[str, ...]
    name: str
    group: int | None
    stale_minutes: float
    socket: Path
    runner_version: str

    @property
    def owner_path(self) -> str:
        """The API path of the runners' owner: the organization for a group, else the repository."""
        return f"/repos/{self.repository}" if self.group is None else f"/orgs/{self.repository.split('/')[0]}"

    @property
    def permissions(self) -> dict[str, str]:
        """The permissions that the calls need, for which each token is requested."""
        if self.group is None:
            return {"administration": "write", "metadata": "read"}
        return {"organization_self_hosted_runners": "write", "administration": "read", "metadata": "read"}


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings; `RegistrarError` that names the variable where one is wrong."""
    return Settings(
        api=environment.get("GITHUB_API_URL", "").rstrip("/") or "https://api.github.com",
        repository=_matching(environment, "GITHUB_REPOSITORY", r"[\w.-]+/[\w.-]+", "OWNER/NAME"),
        app_id=_matching(environment, "APP_ID", r"\w+", "the App's ID or client ID, from its page"),
        key_file=Path(environment.get("APP_KEY_FILE", "") or "/run/secrets/app_key"),
        labels=_labels(environment.get("RUNNER_LABELS", "") or '["self-hosted", "gpu"]'),
        name=_matching(environment, "RUNNER_NAME", r"[A-Za-z0-9][\w.-]{0,40}", "a name that no other machine has"),
        group=_group(environment.get("RUNNER_GROUP_ID", "")),
        stale_minutes=float(_matching(environment, "STALE_MINUTES", r"\d+(\.\d+)?", "minutes", "30")),
        socket=Path(environment.get("REGISTRAR_SOCKET", "") or "/run/registrar/socket"),
        runner_version=_matching(environment, "RUNNER_VERSION", r"\d+\.\d+\.\d+", "the version of GitHub's runner"),
    )


def _matching(environment: Mapping[str, str], name: str, pattern: str, meaning: str, default: str = "") -> str:
    value = environment.get(name, "") or default
    if not re.fullmatch(pattern, value):
        raise RegistrarError(f"{name} is {value!r}: set it to {meaning} in .github/runner/.env")
    return value


def _labels(text: str) -> tuple[str, ...]:
    try:
        labels = json.loads(text)
    except ValueError:
        labels = None
    if not (isinstance(labels, list) and labels and all(isinstance(label, str) and label for label in labels)):
        raise RegistrarError(f"RUNNER_LABELS is {text!r}: give a JSON list of labels, as in the repository's variable")
    return tuple(labels)


def _group(text: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal():
        raise RegistrarError(
            f"RUNNER_GROUP_ID is {text!r}: give the number in the address of the group's page, or nothing"
        )
    return int(text)
