"""Warns before GitHub refuses the runner: it takes none that lacks an update which is 30 days old."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from github_app import App, RefusedError, RegistrarError

RELEASES = "/repos/actions/runner/releases?per_page=30"  # newest first; more than a year of them
CHECK_INTERVAL = 86_400  # seconds
DAY = 86_400  # seconds
REFUSED_AFTER = 30  # days in which an update must be installed
WARNED_AFTER = 20


def warning(version: str, releases: Sequence[Mapping[str, Any]], now: float) -> str | None:
    """What to do where the oldest update that this version lacks is more than 20 days old at `now` (Unix time)."""
    stable = [release for release in releases if not (release["draft"] or release["prerelease"])]
    newer = [release for release in stable if _number(release["tag_name"]) > _number(version)]
    if not newer:
        return None
    age = int((now - min(_published(release) for release in newer)) // DAY)
    if age <= WARNED_AFTER:
        return None
    newest = max(newer, key=lambda release: _number(release["tag_name"]))["tag_name"]
    refused = f"in {REFUSED_AFTER - age} days" if age < REFUSED_AFTER else "any time"
    return (
        f"the runner {version} lacks an update that is {age} days old, and GitHub may refuse it {refused}: raise "
        f"RUNNER_VERSION to {newest.removeprefix('v')} (docs/how-to/gpu-runner.md, Upkeep) and build the images again"
    )


@dataclass
class VersionWatch:
    """Asks GitHub once a day for the runner's releases."""

    app: App
    version: str
    log: Callable[[str], None]
    clock: Callable[[], float] = time.time
    _next: float = 0

    def check(self) -> None:
        """Log a warning where one is due. A failed request is logged, too: it must not end a job."""
        if self.clock() < self._next:
            return
        self._next = self.clock() + CHECK_INTERVAL
        try:
            line = warning(self.version, self.app.call("GET", RELEASES), self.clock())
        except (RefusedError, RegistrarError) as failure:
            line = f"the releases of GitHub's runner can't be listed: {failure}"
        if line:
            self.log(line)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").split(".") if part.isdecimal())


def _published(release: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(release["published_at"].replace("Z", "+00:00")).timestamp()
