"""What served when: entries as they are added, and the table that people read. Entries are never changed."""

import contextlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.core import formats
from pipeline.ship.release.manifest import Release

FORMAT = 1  # of an entry; one without a number is of format 1
Event = Literal["started", "serving", "failed"]
GONE = "the deployer went away"


@dataclass(frozen=True)
class Row:
    """A deployment: when it began and ended, how, and until when it served."""

    release: str
    commit: str
    began: str
    state: str  # serving, served, failed, under way
    until: str
    by: str
    reason: str


def entries(lines: Iterable[str], where: str) -> list[dict[str, Any]]:
    """The entries of a ledger's lines; one that was cut is left out. PipelineError where one is of a newer format."""
    kept = list[dict[str, Any]]()
    for line in lines:
        with contextlib.suppress(ValueError):
            found = json.loads(line)
            formats.check(where, found, FORMAT)
            if isinstance(found, dict):
                kept.append(found)
    return kept


def entry(event: Event, release: Release, **more: Any) -> dict[str, Any]:
    told = moment() | {
        "format": FORMAT,
        "event": event,
        "release": release.id,
        "image": release.image,
        "commit": release.commit,
    }
    return told | {key: value for key, value in more.items() if value is not None}


def moment() -> dict[str, str]:
    return {"time": datetime.now(UTC).isoformat(timespec="seconds")}


def unfinished(entries: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The last deployment where nothing says how it ended."""
    return entries[-1] if entries and entries[-1]["event"] == "started" else None


def serving(entries: Sequence[dict[str, Any]]) -> str | None:
    """The release that the ledger says serves."""
    return next((one["release"] for one in reversed(entries) if one["event"] == "serving"), None)


def former(entries: Sequence[dict[str, Any]], champion: str) -> str | None:
    """The release that served before the champion did."""
    return next((release for release in served(entries) if release != champion), None)


def served(entries: Sequence[dict[str, Any]]) -> list[str]:
    """The releases that served, each once, the last one first."""
    return list(dict.fromkeys(one["release"] for one in reversed(entries) if one["event"] == "serving"))


def rows(entries: Sequence[dict[str, Any]], *, held: bool) -> list[Row]:
    """One row for each deployment, oldest first; `held`: one is under way."""
    table = list[Row]()
    starts: dict[str, Any] = {}
    for at, one in enumerate(entries):
        if one["event"] == "started":
            if not (at + 1 < len(entries) and entries[at + 1]["event"] != "started"):
                last = held and at + 1 == len(entries)
                table.append(_row(one, one["time"], "under way" if last else "failed", "" if last else GONE))
            starts = one
            continue
        began = starts.get("time", one["time"]) if starts.get("release") == one["release"] else one["time"]
        if one["event"] == "serving":
            table = [_ended(row, one["time"]) for row in table]
            table.append(_row(one, one["time"], "serving", one.get("reason", "")))
        else:
            table.append(_row(one, began, "failed", one.get("reason", "")))
    return table


def _row(one: dict[str, Any], began: str, state: str, reason: str) -> Row:
    return Row(one["release"], one.get("commit", "")[:7], began, state, "", one.get("by", ""), reason)


def _ended(row: Row, moment: str) -> Row:
    if row.state != "serving":
        return row
    return Row(row.release, row.commit, row.began, "served", moment, row.by, row.reason)
