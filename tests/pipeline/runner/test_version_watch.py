"""The registrar warns in time before GitHub refuses the version of its runner."""

from datetime import UTC, datetime
from typing import Any

import pytest
from github_app import UnreachableError
from version_watch import CHECK_INTERVAL, RELEASES, VersionWatch, warning

NOW = datetime(2026, 11, 28, tzinfo=UTC).timestamp()


def release(version: str, day: str, *, prerelease: bool = False) -> dict[str, Any]:
    return {"tag_name": f"v{version}", "published_at": f"{day}T00:00:00Z", "draft": False, "prerelease": prerelease}


OWN = release("2.338.0", "2026-08-30")


@pytest.mark.parametrize(
    "others",
    [
        [],
        [release("2.339.0", "2026-11-08")],  # 20 days old
        [release("2.340.0", "2026-10-01", prerelease=True)],
        [release("2.99.0", "2026-09-30")],  # an older version
    ],
)
def test_a_version_without_an_old_update_is_no_matter_however_old_it_is_itself(others: list[dict[str, Any]]) -> None:
    assert warning("2.338.0", [OWN, *others], NOW) is None


@pytest.mark.parametrize(("day", "consequence"), [("2026-11-07", "in 9 days"), ("2026-10-01", "any time")])
def test_the_oldest_update_that_is_missing_counts(day: str, consequence: str) -> None:
    line = warning("2.338.0", [release("2.340.0", "2026-11-27"), release("2.339.0", day), OWN], NOW)
    assert line is not None
    assert consequence in line
    assert "raise RUNNER_VERSION to 2.340.0" in line
    assert "\n" not in line


class Releases:
    """The App: it lists the releases, or GitHub does not respond."""

    def __init__(self, *responses: list[dict[str, Any]] | None) -> None:
        self.responses = list(responses)

    def call(self, method: str, path: str) -> list[dict[str, Any]]:
        assert (method, path) == ("GET", RELEASES)
        response = self.responses.pop(0)
        if response is None:
            raise UnreachableError("GitHub responds 502")
        return response


def test_github_is_asked_once_a_day_and_a_failure_ends_nothing() -> None:
    lines: list[str] = []
    times = [NOW]
    app: Any = Releases([release("2.339.0", "2026-10-01"), OWN], None)
    watch = VersionWatch(app, "2.338.0", lines.append, lambda: times[0])
    watch.check()
    times[0] += CHECK_INTERVAL - 1
    watch.check()
    assert len(lines) == 1
    times[0] += 1
    watch.check()
    assert "can't be listed: GitHub responds 502" in lines[1]
