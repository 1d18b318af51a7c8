"""The categories of text, learnt from its distinct values; text that identifies rows is refused."""

from collections.abc import Iterable

from pipeline.core.errors import PipelineError

# From this many values on, text whose values are mostly different, and whole numbers that all are, identify rows
# instead of describing them.
ENOUGH_VALUES = 20


def learn(
    place: str, distinct: Iterable[str], count: int, max_categories: int, knob: str = "features.exclude"
) -> tuple[str, ...]:
    """The values in order; `count`: of the rows that have one. PipelineError where there are too many."""
    values = tuple(sorted(distinct))
    if len(values) > max_categories:
        raise PipelineError(
            f"{place}: text with {len(values):,} different values looks like an identifier; "
            f"add it to {knob} or raise features.max_categories (now {max_categories}) in params.yaml"
        )
    if count >= ENOUGH_VALUES and 2 * len(values) > count:
        raise PipelineError(
            f"{place}: text with {len(values):,} different values in {count:,} training rows looks like an "
            f"identifier; add it to {knob} in params.yaml"
        )
    return values
