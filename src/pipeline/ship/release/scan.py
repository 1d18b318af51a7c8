"""The scan gate: judges Grype's vulnerability report by the bounds of params.yaml; a report without data fails."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.params import Scan

SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")


@dataclass
class ScanResult:
    """`failing`: the findings that stop the release, one line each; `ignored`: those that params.yaml exempts."""

    failing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    packages: int = 0
    matches: int = 0


def judge(report: Any, bill: Any, bounds: Scan, today: datetime.date) -> ScanResult:
    """Judge a report on the image whose bill of materials (CycloneDX) is `bill`."""
    packages = _packages(bill)
    result = ScanResult(packages=len(packages))
    result.failing += _missing_data(report, packages, bounds, today)
    if result.failing:
        return result
    result.matches = len(report["matches"])
    exceptions = {exception.id: exception for exception in bounds.ignore}
    for match in report["matches"]:
        line = _failing_line(match, bounds)
        names = [
            _get(match, "vulnerability", "id"),
            *(_get(related, "id") for related in match.get("relatedVulnerabilities") or ()),
        ]
        exception = next((exceptions[name] for name in names if name in exceptions), None)
        if line and exception and exception.until >= today:
            result.ignored.append(f"{line}; ignored until {exception.until}: {exception.reason}")
        elif line:
            result.failing.append(f"{line}; its exception ended on {exception.until}" if exception else line)
    result.failing = sorted(set(result.failing))
    return result


def _missing_data(report: Any, packages: set[str], bounds: Scan, today: datetime.date) -> list[str]:
    """Why this report has no usable data; empty where it has."""
    if not isinstance(report, dict) or not isinstance(report.get("matches"), list):
        return ["the report holds no list `matches`: it is not one of Grype's"]
    if not packages:
        return ["the bill of materials lists no Python package: the scanner had nothing to scan"]
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
    if unknown := next((name for name in names if name.lower() not in packages), None):
        return [f"the report is on another image: this one has no package {unknown!r}"]
    return []


def _packages(bill: Any) -> set[str]:
    """The names of all packages; empty where none of them is a Python package."""
    components = [component for component in (_get(bill, "components") or ()) if isinstance(component, dict)]
    python = any(str(component.get("purl", "")).startswith("pkg:pypi/") for component in components)
    return {str(component.get("name", "")).lower() for component in components} if python else set()


def _failing_line(match: Mapping[str, Any], bounds: Scan) -> str:
    """The match in one line where it exceeds the bound, else empty; an unknown severity counts as high."""
    severity = str(_get(match, "vulnerability", "severity") or "unknown").lower()
    rank = SEVERITIES.index("high" if severity not in SEVERITIES[1:] else severity)
    fixed = [str(version) for version in _get(match, "vulnerability", "fix", "versions") or ()]
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
