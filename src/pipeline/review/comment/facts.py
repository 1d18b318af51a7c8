"""What the comment's parts are written from: the bundle, the verdict, and the context."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from pipeline.core.errors import PipelineError
from pipeline.markup.markdown import cut
from pipeline.markup.parts import UNREADABLE
from pipeline.review.gate.override import Override
from pipeline.review.gate.verdict import Verdict
from pipeline.review.measure.measurement import Bundle
from pipeline.review.untrusted import yaml as untrusted_yaml

if TYPE_CHECKING:
    from pipeline.evaluation.scoring import Scored

MAX_LEAVES = 5_000  # of params.yaml: aliases make a small file a huge tree
TASK = ("type", "target", "positive")  # what a model predicts: figures of another one are not comparable
DRAWN_ROWS = 100_000  # rows that a curve is drawn from


@dataclass(frozen=True)
class Context:
    """What main and GitHub say about the pull request, beside the bundle."""

    main_params: Mapping[str, Any] = field(default_factory=dict)  # params.yaml of main; {} where unknown
    main_metrics: Mapping[str, Any] | None = None  # reports/metrics.json of main
    main_schema: Mapping[str, Any] | None = None  # data/schema.yaml of main
    main_source: Mapping[str, Any] | None = None  # data/source.json of main
    main_features: Mapping[str, str] | None = None  # the Python files of main's feature code; None where unknown
    features_problem: str | None = None  # why the run's feature code is not known to be the pull request's
    pull_request: int | None = None
    run_url: str | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)  # name: URL
    override: Override | None = None  # of the verdict, by a person
    stale_override: bool = False  # the label is set, but does not count: refused, or for an earlier commit
    recording: Literal["none", "bot", "fork"] = "none"
    production: str | None = None  # the monitor's latest result, as Markdown; None where it was not read
    repository: str | None = None  # owner/name
    folder: str = ""  # of the pipeline, from the top of the repository; empty at the top


@dataclass(frozen=True)
class Facts:
    bundle: Bundle
    verdict: Verdict
    context: Context

    @property
    def params(self) -> dict[str, Any]:
        """params.yaml of the pull request; {} where it is absent, PipelineError where it can't be read."""
        if isinstance(self._params, PipelineError):
            raise self._params
        return self._params

    @cached_property
    def _params(self) -> dict[str, Any] | PipelineError:
        path = self.bundle.path("params.yaml")
        try:
            return untrusted_yaml.read(path) if path else {}
        except PipelineError as error:
            return error

    @cached_property
    def main_predicts(self) -> str | None:
        """What main's model predicts, where that is something else than here; None where it is the same or unknown."""
        try:
            sides = [side.get("task") for side in (self.context.main_params, self.params)]
        except UNREADABLE:
            return None
        main, here = ([task.get(key) for key in TASK] if isinstance(task, Mapping) else None for task in sides)
        if main is None or here is None or main == here:
            return None
        differing = [(key, value) for key, value, other in zip(TASK, main, here, strict=True) if value != other]
        return ", ".join(f"{key} {cut(value)}" for key, value in differing)

    @cached_property
    def primary(self) -> str | None:
        """The metric that decides: the one that was judged, else the one that main names."""
        for rule in self.verdict.rules:
            if rule.kind == "regression":
                return rule.subject.metric
        metric = self._main_gate.get("primary")
        return metric if isinstance(metric, str) else None

    @cached_property
    def confidence(self) -> str:
        """Of the verdict's intervals, as `95 %`."""
        level = finite(self._main_gate.get("confidence"))
        return f"{100 * (0.95 if level is None else level):.4g} %"

    @property
    def _main_gate(self) -> Mapping[str, Any]:
        gate = self.context.main_params.get("gate")
        return gate if isinstance(gate, Mapping) else {}

    @cached_property
    def rarer_class_rows(self) -> float | None:
        """The test rows of a binary target's rarer class; None for another task or where they can't be read."""
        try:
            counts = (self.bundle.json("metrics.json") or {})["confusion"]
            positives = counts["true_positives"] + counts["false_negatives"]
            return finite(min(positives, counts["true_negatives"] + counts["false_positives"]))
        except UNREADABLE:
            return None

    @cached_property
    def slices(self) -> dict[tuple[Any, Any], Any]:
        """The entries of slices.json by column and value; empty where it can't be read."""
        try:
            return {(item["column"], item["value"]): item for item in self.bundle.json("slices.json") or []}
        except UNREADABLE:
            return {}

    @cached_property
    def scores(self) -> "tuple[Scored | None, Scored | None]":
        """The scores of candidate and champion on the same rows, thinned to `DRAWN_ROWS`; None where there are none."""
        import numpy as np

        from pipeline.evaluation import scoring
        from pipeline.review.baseline.scored import common

        own_path, champion_path = (self.bundle.path(f"{name}.parquet") for name in ("scores", "champion"))
        if own_path is None:
            return None, None
        candidate, champion = scoring.read(own_path), scoring.read(champion_path) if champion_path else None
        if champion is not None and not np.array_equal(candidate.keys, champion.keys):
            candidate, champion = common(candidate, champion)
        sample = np.arange(0, len(candidate), max(1, math.ceil(len(candidate) / DRAWN_ROWS)))
        return candidate.rows(sample), champion.rows(sample) if champion is not None else None


def finite(value: Any) -> float | None:
    """The value as a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def flattened(tree: Any, prefix: str = "") -> dict[str, str]:
    """`section.key` and its value as text for each leaf; ValueError where there are too many."""
    leaves: dict[str, str] = {}
    _flatten(tree, prefix, leaves, 0)
    return leaves


def _flatten(value: Any, name: str, leaves: dict[str, str], depth: int) -> None:
    if len(leaves) > MAX_LEAVES or depth > 10:
        raise ValueError("too many parameters")
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            _flatten(item, f"{name}.{cut(key)}" if name else cut(key), leaves, depth + 1)
    elif isinstance(value, list | tuple) and value:
        if len(value) > MAX_LEAVES or any(isinstance(item, list | tuple | Mapping) for item in value):
            for index, item in enumerate(value):
                _flatten(item, f"{name}.{index}", leaves, depth + 1)
        else:
            leaves[name] = ", ".join(cut(item) for item in value)
    else:
        leaves[name] = "none" if value in (None, [], {}, ()) else str(value)
