"""Minimal reports in Grype's format."""

import datetime
from typing import Any

TODAY = datetime.datetime.now(datetime.UTC).date()


def report(*matches: dict[str, Any], built: datetime.date | None = TODAY, **database: Any) -> dict[str, Any]:
    """A report whose database is of the day `built`; None for a scanner without a database."""
    status = {"built": f"{built}T00:00:00Z", "valid": True, **database} if built else {}
    return {"matches": [*matches], "descriptor": {"name": "grype", "version": "0.104.0", "db": {"status": status}}}


def match(identity: str, severity: str, package: str = "numpy", fixed: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "vulnerability": {"id": identity, "severity": severity, "fix": {"versions": [*fixed]}},
        "relatedVulnerabilities": [{"id": f"CVE-of-{identity}"}],
        "artifact": {"name": package, "version": "1.0", "type": "python"},
    }


def bill(*names: str) -> dict[str, Any]:
    return {"components": [{"name": name, "purl": f"pkg:pypi/{name}@1.0"} for name in names]}
