"""The stages one after the other in this process and folder, with small settings: many tables can be tried."""

import contextlib
import io
import json
import sys
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from ruamel.yaml import YAML

from pipeline import cli
from pipeline.core import params
from pipeline.data.contract import schema
from tests.pipeline.conftest import FROZEN, GATES, ROOT

SMALL: dict[str, dict[str, Any]] = {
    "train": {"device": "cpu", "min_data_in_leaf": 2, "max_trees": 6, "early_stopping": 5, "learning_rate": 0.5},
    "evaluate": {"bootstrap": 100, "slices": [], "sensitive": [], "shap_rows": 5},
    "split": {"test": 0.3, "validation": 0.2},
}
STAGES = ("ingest", "validate", "split", "features", "train", "refit", "evaluate")


@cache
def _frozen(name: str) -> Any:
    return YAML(typ="safe").load(ROOT / name if name == "dvc.yaml" else FROZEN / name)


def configure(task: str, target: str, positive: Any = None, **sections: Mapping[str, Any]) -> None:
    """Write params.yaml: small settings, with keys of sections that differ."""
    content = json.loads(json.dumps(_frozen("params.yaml")))
    content["gate"].update(GATES[task] | {"floors": {}})
    content["task"].update(type=task, target=target, positive=positive)
    for section in (SMALL, sections):
        for name, values in section.items():
            content[name].update(values)
    YAML().dump(content, params.PATH)
    params._read.cache_clear()


def run(*arguments: str) -> tuple[int, str]:
    """A command's exit status and what it printed."""
    before, printed = sys.argv, io.StringIO()
    sys.argv = ["pipeline", *arguments]
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            status = cli.run()
    finally:
        sys.argv = before
    return status, printed.getvalue()


def train(categories: Collection[str] = ()) -> tuple[int, str]:
    """From `fetch` to `evaluate`; the status and the output of the last command that ran.

    `categories`: columns that the contract is to have as such, whatever was inferred.
    """
    for command in (
        ["fetch"],
        ["schema"],
        *(_frozen("dvc.yaml")["stages"][name]["cmd"].split()[1:] for name in STAGES),
    ):
        status, printed = run(*command)
        if status:
            break
        if command == ["schema"] and categories:
            _declare(categories)
    return status, printed


def _declare(categories: Collection[str]) -> None:
    contract = YAML(typ="safe").load(schema.PATH)
    for name in categories:
        contract["columns"][name] = {"type": "category", "nullable": contract["columns"][name]["nullable"]}
    YAML().dump(contract, schema.PATH)
