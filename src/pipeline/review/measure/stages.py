"""The stages of dvc.yaml as a measurement has them: what they need, what they did, what they cost."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import costs, files
from pipeline.core.errors import PipelineError
from pipeline.review.measure import base as bases
from pipeline.review.measure.measurement import Stage
from pipeline.review.measure.reproduction import Reproduction, State

MOST = 200  # stages that a measurement holds
LINKING = 10  # seconds in which DVC puts a stage's outputs into its cache and links them back
RAN = {"ran", "cached", "unchanged"}


@dataclass(frozen=True)
class Node:
    """A stage of dvc.yaml: the stages that it needs, the paths that it writes."""

    name: str
    needs: tuple[str, ...]
    outputs: tuple[str, ...]


def nodes() -> list[Node]:
    """The stages of this project, in the order of dvc.yaml; none where DVC can't read it."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        index = Repo().index
        found = []
        for stage in index.stages:
            needs = sorted(str(other.addressing) for other in index.graph.successors(stage))
            found.append(Node(stage.addressing, tuple(needs), tuple(out.def_path for out in stage.outs)))
        return found[:MOST]
    except DvcException:
        return []


def described(graph: list[Node], done: Reproduction, ran: bool, base: bases.Base) -> list[Stage]:
    """Each stage with its state; where nothing was run now (`ran` is False), the state is that of the lock."""
    states = _states(graph, done) if ran else _recorded(graph, base)
    return [
        Stage(
            name=_name(node.name),
            needs=[_name(name) for name in node.needs][:MOST],
            state=states[node.name],
            **_costs(node, states[node.name]),
        )
        for node in graph
    ]


def unfinished(graph: list[Node], stages: list[Stage]) -> set[str]:
    """The outputs of stages that failed or were not come to."""
    return {path for node, stage in zip(graph, stages, strict=True) if stage.state not in RAN for path in node.outputs}


def _name(address: str) -> str:
    """A stage's name: one of another folder's dvc.yaml is addressed by a path."""
    return re.sub(r"[^A-Za-z0-9_.@-]", "_", address)[:100]


def _states(graph: list[Node], done: Reproduction) -> dict[str, State]:
    unheard: State = "skipped" if done.outcome == "failed" else "unchanged"
    return {node.name: done.states.get(node.name, unheard) for node in graph}


def _recorded(graph: list[Node], base: bases.Base) -> dict[str, State]:
    """Unchanged where the lock has the base's entry; ran where what it cost is that of the outputs that are there."""
    path = Path("dvc.lock")
    here = bases.stages(path.read_text(encoding="utf-8")) if path.is_file() else {}
    states = dict[str, State]()
    for node in graph:
        same = node.name in here and here[node.name] == base.stages.get(node.name)
        states[node.name] = "unchanged" if same else "ran" if _is_of_these_outputs(node) else "cached"
    return states


def _is_of_these_outputs(node: Node) -> bool:
    """Whether the file of costs came with the outputs: those of the run cache are written without one."""
    cost, written = costs.FOLDER / f"{node.name}.json", [Path(path) for path in node.outputs]
    if not (cost.is_file() and all(path.exists() for path in written)):
        return False
    return all(path.stat().st_mtime <= cost.stat().st_mtime + LINKING for path in written)


def _costs(node: Node, state: State) -> dict[str, Any]:
    if state != "ran":
        return {}
    found = read_costs(node.name)
    rows = found.get("rows")
    return {
        "seconds": _number(found.get("seconds")),
        "peak_memory_mb": _number(found.get("peak_memory_mb")),
        "rows": rows if type(rows) is int else None,
    }


def read_costs(stage: str) -> Mapping[str, Any]:
    """What the stage wrote of its last run; empty where it wrote nothing that can be read."""
    try:
        found = files.read_json(costs.FOLDER / f"{stage}.json")
    except PipelineError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None
