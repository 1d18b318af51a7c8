"""The scan gate: a vulnerability report as Grype writes it, judged by the bounds of params.yaml. No data is no pass."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.params import Scan

SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")


@dataclass
class Judged:
    """`failing` is what stops the release, one line each; `ignored` is what params.yaml lets pass."""

    failing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    packages: int = 0
    matches: int = 0


def judge(report: Any, bill: Any, bounds: Scan, today: datetime.date) -> Judged:
    """Judge a report on the image whose bill of materials (CycloneDX) is `bill`."""
    packages = _packages(bill)
    judged = Judged(packages=len(packages))
    judged.failing += _without_data(report, packages, bounds, today)
    if judged.failing:
        return judged
    judged.matches = len(report["matches"])
    waived = {one.id: one for one in bounds.ignore}
    for match in report["matches"]:
        line = _beyond(match, bounds)
        names = [
            _get(match, "vulnerability", "id"),
            *(_get(one, "id") for one in match.get("relatedVulnerabilities") or ()),
        ]
        given = next((waived[name] for name in names if name in waived), None)
        if line and given and given.until >= today:
            judged.ignored.append(f"{line}; ignored until {given.until}: {given.reason}")
        elif line:
            judged.failing.append(f"{line}; its exception ended on {given.until}" if given else line)
    judged.failing = sorted(set(judged.failing))
    return judged


def _without_data(report: Any, packages: set[str], bounds: Scan, today: datetime.date) -> list[str]:
    """Why this report proves nothing."""
    if not isinstance(report, dict) or not isinstance(report.get("matches"), list):
        return ["the report holds no list `matches`: not one of Grype's"]
    if not packages:
        return ["the bill of materials lists no Python package: the scanner had nothing to look at"]
    database = _get(report, "descriptor", "db") or {}
    status = database.get("status", database) if isinstance(database, dict) else {}
    built = _date(_get(status, "built"))
    if built is None:
        return ["the report names no database with a date: the scanner had no data"]
    if status.get("valid") is False or status.get("error"):
        return ["the report's database is not valid: the scanner had no data"]
    if (today - built).days > bounds.database_days:
        return [
            f"the scanner's database is of {built}; allowed: {bounds.database_days} days (release.scan.database_days)"
        ]
    names = [str(_get(match, "artifact", "name")) for match in report["matches"]]
    if stranger := next((name for name in names if name.lower() not in packages), None):
        return [f"the report is on another image: this one has no package {stranger!r}"]
    return []


def _packages(bill: Any) -> set[str]:
    """Names of all packages, or none where no Python package is among them."""
    components = [one for one in (_get(bill, "components") or ()) if isinstance(one, dict)]
    python = any(str(one.get("purl", "")).startswith("pkg:pypi/") for one in components)
    return {str(one.get("name", "")).lower() for one in components} if python else set()


def _beyond(match: Mapping[str, Any], bounds: Scan) -> str:
    """The match in one line where it is beyond the bound, else nothing; a severity that is unknown counts as high."""
    severity = str(_get(match, "vulnerability", "severity") or "unknown").lower()
    rank = SEVERITIES.index("high" if severity not in SEVERITIES[1:] else severity)
    fixed = [str(one) for one in _get(match, "vulnerability", "fix", "versions") or ()]
    if rank < SEVERITIES.index(bounds.fail_on) or (bounds.only_fixed and not fixed):
        return ""
    name, version = _get(match, "artifact", "name"), _get(match, "artifact", "version")
    return f"{_get(match, 'vulnerability', 'id')} ({severity}) in {name} {version}, " + (
        f"fixed in {', '.join(fixed)}" if fixed else "not fixed yet"
    )


def _get(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _date(text: Any) -> datetime.date | None:
    try:
        return datetime.datetime.fromisoformat(str(text)).date()
    except ValueError:
        return None
