"""The reports of each task, an older engine's too, have the shapes that readers rely on; damaged ones have not."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core import report_shapes
from pipeline.core.errors import PipelineError

KEPT = Path(__file__).parents[1] / "formats/adbf4ff/measurement"
FILES = {name: f"{name}.json" for name in report_shapes.SHAPES} | {"quality": "data_quality.json"}


@pytest.mark.parametrize("name", sorted(FILES.keys() - {"split"}))  # which an older engine did not write
def test_the_reports_of_an_older_engine_are_read(name: str) -> None:
    path = KEPT / FILES[name]
    assert report_shapes.read(path, name) == json.loads(path.read_text(encoding="utf-8"))


def test_figures_of_several_classes_are_read(tmp_path: Path) -> None:
    estimate = {"value": 0.5, "lower": None, "upper": None}
    content = {
        "rows": 9,
        "log_loss": estimate,
        "per_class": {"a": {"rows": 3, "f1": estimate} | dict.fromkeys(("precision", "recall"), estimate)},
    }
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    assert report_shapes.read(path, "metrics") == content


def _with(name: str, *keys: Any, value: Any) -> Any:
    content = json.loads((KEPT / FILES[name]).read_text(encoding="utf-8"))
    part = content
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("metrics", None, "content: Input should be"),
        (
            "metrics",
            _with("metrics", "roc_auc", "value", value="0.8"),
            r"roc_auc\.value: Input should be a valid number",
        ),
        ("metrics", _with("metrics", "rows", value=-1), "rows: Input should be greater than or equal to 0"),
        ("metrics", _with("metrics", "roc_auc", "upper", value=float("nan")), r"roc_auc\.upper: .*finite number"),
        ("training", _with("training", "curve", value={}), "curve: Input should be a valid list"),
        ("importance", [{"feature": "a", "gain": 1.0}], r"0\.shap: Field required"),
        ("source", _with("source", "files", value=[{"path": "a"}]), r"files\.0\.size: Field required"),
    ],
)
def test_a_report_of_another_shape_is_refused_by_its_key(tmp_path: Path, name: str, content: Any, problem: str) -> None:
    path = tmp_path / FILES[name]
    path.write_text(json.dumps(content), encoding="utf-8")
    command = "pipeline fetch" if name == "source" else "make run"
    with pytest.raises(PipelineError, match=rf"{path.name}: {problem}.*; remove it and run `{command}`$"):
        report_shapes.read(path, name)
