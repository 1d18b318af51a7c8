"""Which release served when: entries that are only ever added, and the table that people read."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.core import format_numbers
from pipeline.core.errors import PipelineError
from pipeline.core.git import short_commit
from pipeline.core.params import Deploy
from pipeline.ship.release.docker_cli import Docker, error_line
from pipeline.ship.release.manifest import Release

FORMAT = 1  # of an entry; one without a number is of format 1
Event = Literal["started", "serving", "failed"]
GONE = "the deployer went away"
FILE = "ledger.jsonl"  # in the deployment's volume `state`
NEEDED = {"time", "event", "release"}  # in each entry
TEXTS = NEEDED | {"image", "commit", "model", "by", "champion", "reason"}


@dataclass(frozen=True)
class Row:
    """A deployment: when it started, how it ended, and until when it served."""

    release: str
    commit: str
    started: str
    state: str  # serving, served, failed, under way
    until: str
    deployer: str
    reason: str
    verdict: str


def on_host(docker: Docker, bounds: Deploy) -> list[dict[str, Any]]:
    """The entries of a host's ledger without its lock, oldest first; none where nothing was deployed there."""
    return parse(read_state(docker, bounds, FILE).split("\n"), f"{bounds.name}-state/{FILE}")


def read_state(docker: Docker, bounds: Deploy, name: str) -> str:
    """A file of the deployment's volume `state`, without the host's lock; empty where there is none."""
    volume = f"{bounds.name}-state"
    if docker.inspect("volume", volume) is None:
        return ""
    proxy = docker.inspect("container", f"{bounds.name}-proxy")
    image = proxy["Image"] if proxy else bounds.proxy_image
    options = ["--volume", f"{volume}:/state:ro", "--network", "none", "--entrypoint", "cat", image]
    result = docker.attempt("run", "--rm", *options, f"/state/{name}")
    unwritten = result.returncode == 1 and "No such file" in result.stderr
    if result.returncode and not unwritten:
        raise PipelineError(f"docker run: {error_line(result.stderr)}")
    return result.stdout


def parse(lines: Iterable[str], source: str) -> list[dict[str, Any]]:
    """The entries of a ledger's lines; a damaged line is left out. PipelineError where one is of a newer format."""
    entries = list[dict[str, Any]]()
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            entry = json.loads(line)
            format_numbers.check(source, entry, FORMAT)
            if (
                isinstance(entry, dict)
                and entry.keys() >= NEEDED
                and all(isinstance(value, str) for key, value in entry.items() if key in TEXTS)
            ):
                entries.append(entry)
    return entries


def new_entry(event: Event, release: Release, **details: Any) -> dict[str, Any]:
    entry: dict[str, Any] = timestamp() | {
        "format": FORMAT,
        "event": event,
        "release": release.id,
        "image": release.image,
        "commit": release.commit,
        "model": release.model,
    }
    if release.verdict:
        entry["verdict"] = release.verdict.entry()
    return entry | {key: value for key, value in details.items() if value is not None}


def timestamp() -> dict[str, str]:
    return {"time": datetime.now(UTC).isoformat(timespec="seconds")}


def unfinished(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The start of the last deployment, where no entry says how it ended."""
    return entries[-1] if entries and entries[-1]["event"] == "started" else None


def serving(entries: Sequence[dict[str, Any]]) -> str | None:
    """The release that the ledger says serves."""
    entry = serving_entry(entries)
    return entry["release"] if entry else None


def serving_entry(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry of the release that the ledger says serves."""
    return next((entry for entry in reversed(entries) if entry["event"] == "serving"), None)


def previous(entries: Sequence[dict[str, Any]], champion: str) -> str | None:
    """The release that served before the champion did."""
    return next((release for release in served(entries) if release != champion), None)


def served(entries: Sequence[dict[str, Any]]) -> list[str]:
    """The releases that served, each once, latest first."""
    return list(dict.fromkeys(entry["release"] for entry in reversed(entries) if entry["event"] == "serving"))


def rows(entries: Sequence[dict[str, Any]], *, in_progress: bool) -> list[Row]:
    """One row for each deployment, oldest first; `in_progress`: the last one may still be running."""
    table = list[Row]()
    start: dict[str, Any] = {}
    for index, entry in enumerate(entries):
        time = entry["time"]
        if entry["event"] == "started":
            if not (index + 1 < len(entries) and entries[index + 1]["event"] != "started"):
                running = in_progress and index + 1 == len(entries)
                table.append(_row(entry, time, "under way" if running else "failed", "" if running else GONE))
            start = entry
            continue
        started = start.get("time", time) if start.get("release") == entry["release"] else time
        if entry["event"] == "serving":
            table = [_end(row, time) for row in table]
            table.append(_row(entry, time, "serving", entry.get("reason", "")))
        else:
            table.append(_row(entry, started, "failed", entry.get("reason", "")))
    return table


def _row(entry: dict[str, Any], started: str, state: str, reason: str) -> Row:
    commit, judged = short_commit(entry.get("commit", "")), _verdict(entry.get("verdict"))
    return Row(entry["release"], commit, started, state, "", entry.get("by", ""), reason, judged)


def _verdict(content: Any) -> str:
    """The verdict of an entry in one line; an entry from before the verdicts has none."""
    if not isinstance(content, dict):
        return "gate: no verdict"
    overruled = content.get("overruled")
    by = isinstance(overruled, dict) and f", overruled by {overruled.get('by')}: {overruled.get('reason')}"
    person = by or ""
    return f"gate: {content.get('outcome')}{person}"


def _end(row: Row, time: str) -> Row:
    return replace(row, state="served", until=time) if row.state == "serving" else row
