"""The files for Prometheus and Grafana, without a host: they are valid, and each alert says what to do."""

import json
import subprocess
from pathlib import Path

from ruamel.yaml import YAML

from tests.pipeline.conftest import ROOT, require
from tests.pipeline.ship.deploy.monitoring import FOLDER, rules
from tests.pipeline.test_docs import anchors


def promtool(*command: str) -> None:
    require("promtool")
    completed = subprocess.run(["promtool", *command], capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_each_alert_has_a_summary_a_severity_and_a_runbook() -> None:
    page = anchors(ROOT / "docs" / "how-to" / "observe.md")
    for name, rule in rules().items():
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["runbook"] == f"docs/how-to/observe.md#{name.lower()}"
        assert name.lower() in page


def test_prometheus_accepts_configuration_and_rules() -> None:
    promtool("check", "config", str(FOLDER / "prometheus.yaml"))


def test_alerts_wait_and_tolerate_as_much_as_they_say() -> None:
    promtool("test", "rules", str(Path(__file__).with_name("alerts_test.yaml")))


def test_prometheus_accepts_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    queries += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    recorded = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
    YAML(typ="safe").dump({"groups": [{"name": "dashboard", "rules": recorded}]}, tmp_path / "rules.yaml")
    promtool("check", "rules", str(tmp_path / "rules.yaml"))


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    panels = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
