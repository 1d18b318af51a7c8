"""A small trained project with every file of our own that a command reads, made once."""

import json
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from tests.pipeline import shared
from tests.pipeline.conftest import Project
from tests.pipeline.trained import key, trained

ROWS = 240  # of the prediction log
KEPT = Path(__file__).parents[1] / "formats/adbf4ff"
# No MLflow store, no Docker: what a command does there is of no interest here.
ENVIRONMENT = {
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "DOCKER_HOST": "tcp://127.0.0.1:9",
    "OMP_NUM_THREADS": "1",
}


def make() -> Path:
    """The folder of the sample; copy it before you change it."""
    return shared.make_once("fuzz", f"{key()}-{shared.digest(KEPT.parents[1], [Path(__file__), KEPT])}", _make)


def commands() -> dict[str, list[str]]:
    """The command of each stage, by its name, as dvc.yaml has it."""
    stages = YAML(typ="safe").load(Path(__file__).parents[3] / "dvc.yaml")["stages"]
    return {name: shlex.split(stage["cmd"])[1:] for name, stage in stages.items()}


def _make(folder: Path) -> None:
    project = trained(folder, "binary")
    project.configure(
        data={"added": "store"},
        train={"max_trees": 10, "early_stopping": 3},
        monitor={"labels": "logs/labels.csv", "window": "60 rows", "min_rows": 30, "min_labels": 30, "windows": 3},
        evaluate={"bootstrap": 100},
        gate={"bootstrap": 100},
    )
    _log(project, "a", ROWS)
    for command in (["retrain"], ["run"], ["seeds"], ["tune", "--trials", "1"], ["report"]):
        project.ok("pipeline", *command, **ENVIRONMENT)
    project.commit("all that a command reads")
    _log(project, "b", ROWS)
    project.run("pipeline", "monitor", **ENVIRONMENT)
    (folder / "build").mkdir()
    shutil.copy(KEPT / "release.json", folder / "build/release.json")
    shutil.copy(KEPT / "ledger.jsonl", folder / "build/ledger.jsonl")


def _log(project: Project, request: str, rows: int) -> None:
    """Test rows as the service logs them, and their labels."""
    table = pd.read_parquet(project.folder / "data/split/test.parquet").sample(rows, replace=True, random_state=0)
    features = table.drop(columns=["id", "outcome"])
    start = datetime.now(UTC) - timedelta(hours=len(table))
    lines = [
        {
            "id": f"{request}-{place}",
            "time": (start + timedelta(hours=place)).isoformat(timespec="microseconds"),
            "release": "0123456789ab",
            "ms": 0.4,
            "score": 0.5,
            "features": row,
            "label": "yes",
        }
        for place, row in enumerate(json.loads(features.to_json(orient="records", date_format="iso")))
    ]
    logs = project.folder / "logs"
    (logs / "predictions").mkdir(parents=True, exist_ok=True)
    path = logs / "predictions" / "predictions.w1.20260101T000000.000000Z.jsonl"
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
    labels = pd.DataFrame({"id": [line["id"] for line in lines], "label": table["outcome"].to_numpy()})
    labels.to_csv(logs / "labels.csv", index=False, mode="a", header=not (logs / "labels.csv").exists())
