"""The stages of dvc.yaml as a measurement has them: their needs, states and costs."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import costs, dvc_repo, files
from pipeline.core.errors import PipelineError
from pipeline.review.measure import base as bases
from pipeline.review.measure.measurement import Stage
from pipeline.review.measure.reproduction import Reproduction, State

MAX_STAGES = 200  # stages that a measurement holds
LINKING = 10  # seconds in which DVC puts a stage's outputs into its cache and links them back
FINISHED = {"ran", "cached", "unchanged"}


@dataclass(frozen=True)
class Node:
    """A stage of dvc.yaml: the stages that it needs, the paths that it writes."""

    name: str
    needs: tuple[str, ...]
    outputs: tuple[str, ...]


def nodes() -> list[Node]:
    """The stages of this project, in the order of dvc.yaml; none where DVC can't read it."""
    try:
        with dvc_repo.opened() as repo:
            graph = []
            for stage in dvc_repo.own_stages(repo):
                needs = sorted(str(other.addressing) for other in repo.index.graph.successors(stage))
                graph.append(Node(stage.addressing, tuple(needs), tuple(out.def_path for out in stage.outs)))
            return graph[:MAX_STAGES]
    except PipelineError:
        return []


def describe(graph: list[Node], repro: Reproduction, has_run: bool, base: bases.Base) -> list[Stage]:
    """Each stage with its state; where nothing was run now (`has_run` is False), the state is that of the lock."""
    states = _states(graph, repro) if has_run else _recorded(graph, base)
    return [
        Stage(
            name=_name(node.name),
            needs=[_name(name) for name in node.needs][:MAX_STAGES],
            state=states[node.name],
            **_costs(node, states[node.name]),
        )
        for node in graph
    ]


def unfinished(graph: list[Node], stages: list[Stage]) -> set[str]:
    """The outputs of stages that failed or were not reached."""
    return {
        path for node, stage in zip(graph, stages, strict=True) if stage.state not in FINISHED for path in node.outputs
    }


def _name(address: str) -> str:
    """A stage's name: one of another folder's dvc.yaml is addressed by a path."""
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", address)[:100]


def _states(graph: list[Node], repro: Reproduction) -> dict[str, State]:
    default: State = "skipped" if repro.outcome == "failed" else "unchanged"
    return {node.name: repro.states.get(node.name, default) for node in graph}


def _recorded(graph: list[Node], base: bases.Base) -> dict[str, State]:
    """Unchanged where the lock has the base's entry; ran where the cost file belongs to the present outputs."""
    path = Path("dvc.lock")
    current = bases.stages(path.read_text(encoding="utf-8")) if path.is_file() else {}
    states = dict[str, State]()
    for node in graph:
        same = node.name in current and current[node.name] == base.stages.get(node.name)
        states[node.name] = "unchanged" if same else "ran" if _costs_match_outputs(node) else "cached"
    return states


def _costs_match_outputs(node: Node) -> bool:
    """Whether the cost file was written with the outputs: those from the run cache come without one."""
    cost_file, outputs = costs.FOLDER / f"{node.name}.json", [Path(path) for path in node.outputs]
    if not (cost_file.is_file() and all(path.exists() for path in outputs)):
        return False
    return all(path.stat().st_mtime <= cost_file.stat().st_mtime + LINKING for path in outputs)


def _costs(node: Node, state: State) -> dict[str, Any]:
    if state != "ran":
        return {}
    content = read_costs(node.name)
    rows = content.get("rows")
    return {
        "seconds": _number(content.get("seconds")),
        "peak_memory_mb": _number(content.get("peak_memory_mb")),
        "rows": rows if type(rows) is int else None,
    }


def read_costs(stage: str) -> Mapping[str, Any]:
    """The costs that the stage wrote on its last run; empty where there is no readable file."""
    try:
        content = files.read_json(costs.FOLDER / f"{stage}.json")
    except PipelineError:
        return {}
    return content if isinstance(content, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
