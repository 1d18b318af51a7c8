"""Which release served when: entries that are only ever added, and the table that people read."""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.core import format_numbers
from pipeline.core.errors import PipelineError
from pipeline.core.git import short_commit
from pipeline.core.params import Deploy
from pipeline.ship.release.docker_cli import Docker, error_line
from pipeline.ship.release.manifest import Release

FORMAT = 2  # the newest of an entry; one without a number is of format 1
Event = Literal["started", "serving", "failed", "paused", "continued", "frozen", "unfrozen"]
FREEZES = {"frozen", "unfrozen"}  # belong to no deployment
# Events of format 2: an older version would take them for failures and deploy to a frozen host, so it must refuse them.
NEWER = {"paused", "continued", *FREEZES}
GONE = "the deployer went away"
GIVEN_UP = "it was paused, and another command came before `pipeline promote`"
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
        "format": _format(event),
        "event": event,
        "release": release.id,
        "image": release.image,
        "commit": release.commit,
        "model": release.model,
    }
    if release.verdict:
        entry["verdict"] = release.verdict.entry()
    return entry | {key: value for key, value in details.items() if value is not None}


def continued(paused: Mapping[str, Any], by: str, reason: str, pause_at: int | None = None) -> dict[str, Any]:
    """That somebody lets a paused canary go on, up to the share `pause_at` where one is given."""
    details = {"by": by, "reason": reason or None, "pause_at": pause_at}
    entry = {key: value for key, value in paused.items() if key not in details} | timestamp() | {"event": "continued"}
    return entry | {key: value for key, value in details.items() if value is not None}


def freeze_entry(event: Event, entries: Sequence[dict[str, Any]], by: str, reason: str) -> dict[str, Any]:
    """That deployments are refused, or allowed again; its release is the one that serves."""
    entry: dict[str, Any] = {"format": _format(event), "event": event, "release": serving(entries) or "", "by": by}
    return timestamp() | entry | ({"reason": reason} if reason else {})


def _format(event: Event) -> int:
    return 2 if event in NEWER else 1


def timestamp() -> dict[str, str]:
    return {"time": datetime.now(UTC).isoformat(timespec="seconds")}


def deployments(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries of deployments alone."""
    return [entry for entry in entries if entry["event"] not in FREEZES]


def unfinished(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The last entry of the last deployment, where none says how it ended."""
    last = deployments(entries)[-1:]
    return last[0] if last and last[0]["event"] in {"started", "paused", "continued"} else None


def paused(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry of the canary that `pipeline promote` can take up: paused, or continued and not ended."""
    entry = unfinished(entries)
    return entry if entry and entry["event"] != "started" and isinstance(entry.get("percent"), int) else None


def frozen(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry by which deployments are refused."""
    last = [entry for entry in entries if entry["event"] in FREEZES][-1:]
    return last[0] if last and last[0]["event"] == "frozen" else None


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
    """One row for each deployment and each freeze, oldest first; `in_progress`: the last deployment may be running."""
    table = list[Row]()
    start: dict[str, Any] = {}
    own = deployments(entries)
    for index, entry in enumerate(own):
        time, event = entry["time"], entry["event"]
        if event == "started":
            start = entry
        started = start.get("time", time) if start.get("release") == entry["release"] else time
        is_last = index + 1 == len(own)
        if event == "serving":
            table = [_end(row, time) for row in table]
            table.append(_row(entry, time, "serving", entry.get("reason", "")))
        elif event == "failed":
            table.append(_row(entry, started, "failed", entry.get("reason", "")))
        elif is_last or own[index + 1]["event"] == "started":
            table.append(_open_row(entry, started, running=in_progress and is_last))
    freezes = [_freeze_row(entry) for entry in entries if entry["event"] in FREEZES]
    return sorted(table + freezes, key=lambda row: row.started) if freezes else table


def _open_row(entry: dict[str, Any], started: str, *, running: bool) -> Row:
    """The row of a deployment of which no entry says how it ended."""
    if entry["event"] == "paused":
        ended = "" if running else "; its deployer has ended, and the champion has all traffic"
        return _row(entry, started, "paused", f"at {entry.get('percent')} % by {entry.get('by')}{ended}")
    return _row(entry, started, "under way" if running else "failed", "" if running else GONE)


def _freeze_row(entry: dict[str, Any]) -> Row:
    by, reason = entry.get("by", ""), entry.get("reason", "")
    return Row(entry["release"], "", entry["time"], entry["event"], "", by, reason, f"by {by}")


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
