"""The one comment: verdict first, then what it rests on, never longer than GitHub takes."""

import json
from collections.abc import Callable, Sequence

from pipeline.markup.markdown import code, cut, escape
from pipeline.markup.parts import UNREADABLE, Part, fit, folded, part
from pipeline.review.comment import (
    changes_section,
    charts,
    data_section,
    decision,
    details,
    groups,
    metric_table,
    rules,
)
from pipeline.review.comment.details import RUN, link
from pipeline.review.comment.facts import Context, Facts
from pipeline.review.gate.verdict import Verdict
from pipeline.review.measure.measurement import Bundle

__all__ = ["LIMIT", "Context", "announcement", "broken", "render"]

LIMIT = 65_000  # characters: GitHub's 65,536 less what CML and the markers add
OPEN = "What changed, metric by metric"
Write = Callable[[Facts], str | None]


def render(bundle: Bundle, verdict: Verdict, context: Context) -> str:
    """The comment as GitHub Markdown, at most `LIMIT` characters. A file of the wrong shape becomes a note."""
    facts = Facts(bundle, verdict, context)
    return fit([*_first_screen(facts), *_folds(facts), part("Footer", details.footer, facts)], LIMIT)


def _first_screen(facts: Facts) -> list[Part]:
    shown: list[tuple[str, Write, int]] = [
        ("Headline", decision.headline, 0),
        ("Failure", decision.failure, 0),
        ("Metrics", metric_table.metrics, 0),
        ("Rules", decision.rules, 0),
        ("What changed", changes_section.summary, 0),
        ("Recording", details.recording, 0),
        ("Missing", changes_section.notes, 0),
    ]
    return [part(name, write, facts, order=order) for name, write, order in shown]


def _folds(facts: Facts) -> list[Part]:
    """Folded parts in their order; the number says how soon each is left out."""
    shown: list[tuple[str, int, Sequence[Write]]] = [
        (OPEN, 4, [charts.metrics]),
        ("ROC and calibration" if _task(facts) == "binary" else "Curves", 5, [charts.curves]),
        ("Slices and fairness", 1, [groups.slices, groups.fairness]),
        ("Failed tests of the model", 2, [details.failed_tests]),
        ("What the model looks at", 6, [charts.importance]),
        ("Data and drift", 3, [data_section.tables, data_section.drift, charts.drift, changes_section.production]),
        ("Parameters and features", 2, [changes_section.parameter_table, changes_section.features]),
        ("All rules", 7, [_all_rules]),
        ("Cost", 8, [details.cost]),
        ("Stages and environment", 9, [details.graph, details.environment]),
        ("Reproduce it", 2, [details.reproduce]),
        ("Model card", 12, [details.card]),
        ("dvc.lock, as measured", 11, [details.lock]),
    ]
    return [_fold(title, order, writes, facts) for title, order, writes in shown]


def _fold(title: str, order: int, writes: Sequence[Write], facts: Facts) -> Part:
    texts = [part(title, write, facts).text for write in writes]
    return Part(title, folded(title, *texts, opened=title == OPEN) or "", order)


def _task(facts: Facts) -> str | None:
    try:
        scored = facts.scores[0]
    except UNREADABLE:
        return None
    return scored.task if scored else None


def _all_rules(facts: Facts) -> str | None:
    found = facts.verdict.rules
    shown = rules.rule_rows(found[:60], facts)
    failed = facts.bundle.measurement.outcome == "failed"  # the headline has said it all
    return f"{shown}{groups.more(len(found), 60)}" if found and not failed else None


def announcement(run_url: str, labels: Sequence[str] | None, head: str) -> str:
    """That the head is being measured; `labels`: those that a job waits for and no runner has taken."""
    run = link("the run", run_url) or "the run"
    measuring = f"### ⏳ Being measured\n\nCommit {code(cut(head, 9))} is being trained and judged: {run}. "
    if not labels:
        return f"{measuring}The answer replaces this comment.\n"
    wanted = ", ".join(code(cut(label)) for label in labels[:10])
    hosted = json.dumps(["ubuntu-latest"])
    number = RUN.search(run_url)  # a queued run keeps its labels, and only one that has ended can be run again
    again = f"gh run cancel {number[1]}\ngh run rerun {number[1]}  # once it has ended\n" if number else ""
    return (
        f"### ⏳ Waiting for a runner\n\nNo runner has taken {run} of commit {code(cut(head, 9))}. "
        f"It waits for one with the labels {wanted}.\n\n"
        "- Have a machine? [docs/how-to/gpu-runner.md](../blob/HEAD/docs/how-to/gpu-runner.md) registers it.\n"
        "- None? Train on GitHub’s own runners: set the repository variable, and "
        f"{'cancel the run and start it again, or push again' if again else 'push again'}.\n\n"
        f"```console\ngh variable set RUNNER_LABELS --body '{hosted}'\n{again}```\n"
    )


def broken(run_url: str, reason: str) -> str:
    """That a run left nothing that can be judged."""
    run = link("the run", run_url) or "the run"
    return (
        f"### ❌ Not measured\n\n{escape(cut(reason, 500))}\n\nLook at {run}; a new push or a re-run measures again.\n"
    )
