"""The scan gate: what stops a release, what an exception covers, and that a report without data fails."""

import datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Ignored, Scan
from pipeline.ship.release.scan import judge
from tests.pipeline.conftest import FROZEN
from tests.pipeline.ship.release.reports import TODAY, bill, match, report

BILL = bill("numpy", "bentoml")
DAY = datetime.timedelta(days=1)


def bounds(**changed: Any) -> Scan:
    return Scan(**{"fail_on": "high", "only_fixed": False, "database_days": 14, "ignore": (), **changed})


def failing(report: Any, bill: Any = BILL, **changed: Any) -> list[str]:
    return judge(report, bill, bounds(**changed), TODAY).failing


def test_a_report_with_data_and_no_findings_passes() -> None:
    result = judge(report(), BILL, bounds(), TODAY)

    assert (result.failing, result.packages, result.matches) == ([], 2, 0)


@pytest.mark.parametrize(
    ("severity", "fail_on", "stops"),
    [
        ("Critical", "high", True),
        ("High", "high", True),
        ("Medium", "high", False),
        ("Medium", "medium", True),
        ("Negligible", "low", False),
        ("Unknown", "high", True),
        ("Unknown", "critical", False),
        ("", "high", True),
    ],
)
def test_a_finding_stops_from_the_bound_on_and_an_unknown_severity_counts_as_high(
    severity: str, fail_on: str, stops: bool
) -> None:
    assert bool(failing(report(match("CVE-1", severity)), fail_on=fail_on)) is stops


def test_a_failing_line_names_finding_package_and_fix() -> None:
    (line,) = failing(report(match("CVE-1", "High", fixed=("1.1", "2.0"))))

    assert line == "CVE-1 (high) in numpy 1.0, fixed in 1.1, 2.0"


def test_a_finding_without_a_fix_passes_only_with_only_fixed() -> None:
    findings = report(match("CVE-1", "High"), match("CVE-2", "High", fixed=("2",)))

    assert len(failing(findings)) == 2
    assert failing(findings, only_fixed=True) == ["CVE-2 (high) in numpy 1.0, fixed in 2"]


@pytest.mark.parametrize("name", ["GHSA-1", "CVE-of-GHSA-1"])
def test_an_exception_holds_until_its_day_by_any_of_the_names(name: str) -> None:
    finding = report(match("GHSA-1", "High"))
    exception = Ignored(id=name, reason="not reachable", until=TODAY)

    result = judge(finding, BILL, bounds(ignore=(exception,)), TODAY)
    assert result.failing == []
    assert "not reachable" in result.ignored[0]
    (line,) = judge(finding, BILL, bounds(ignore=(exception,)), TODAY + DAY).failing
    assert f"its exception ended on {TODAY}" in line


@pytest.mark.parametrize(
    ("content", "packages", "message"),
    [
        ({}, BILL, "holds no list `matches`"),
        ([], BILL, "holds no list `matches`"),
        ({"matches": None}, BILL, "holds no list `matches`"),
        ({"matches": []}, BILL, "names no database"),
        (report(built=None), BILL, "names no database"),
        (report(valid=False), BILL, "not valid"),
        (report(error="no such file"), BILL, "not valid"),
        (report(built=TODAY - 15 * DAY), BILL, "allowed: 14 days"),
        (report(), {}, "lists no Python package"),
        (report(), {"components": []}, "lists no Python package"),
        (report(), {"components": [{"name": "libc6", "purl": "pkg:deb/debian/libc6"}]}, "lists no Python package"),
        (report(match("CVE-1", "Low", package="log4j")), BILL, "another image: this one has no package 'log4j'"),
    ],
)
def test_a_report_without_usable_data_fails(content: Any, packages: Any, message: str) -> None:
    (line,) = failing(content, packages)

    assert message in line


def test_an_older_grypes_database_is_read_as_well() -> None:
    content = {"matches": [], "descriptor": {"db": {"built": f"{TODAY}T00:00:00Z"}}}

    assert failing(content) == []


def test_an_exception_needs_a_reason_and_a_day(tmp_path: Path) -> None:
    text = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    path = tmp_path / "params.yaml"
    path.write_text(text.replace("ignore: []", "ignore: [{id: CVE-1, until: soon}]"), encoding="utf-8")

    with pytest.raises(PipelineError) as error:
        params.read(path)
    lines = str(error.value).splitlines()
    assert any("release.scan.ignore.0.reason: missing" in line for line in lines)
    assert any("release.scan.ignore.0.until: is 'soon'" in line for line in lines)


def test_an_exceptions_day_may_be_written_in_quotes_or_without(tmp_path: Path) -> None:
    text = (FROZEN / "params.yaml").read_text(encoding="utf-8")
    for number, day in enumerate(("2027-01-31", '"2027-01-31"')):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text.replace("ignore: []", f"ignore: [{{id: CVE-1, reason: r, until: {day}}}]"))

        assert params.read(path).release.scan.ignore[0].until == datetime.date(2027, 1, 31)
