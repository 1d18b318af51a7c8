"""The folded sections below the decision: cost, environment, stages, how to reproduce it, the lock."""

import re

from pipeline.markup.markdown import Markdown, code, cut, escape, table
from pipeline.markup.mermaid import flow
from pipeline.review.comment.facts import Facts
from pipeline.review.measure import model_tests
from pipeline.review.untrusted.text import fence, plain

COLOURS = {"ran": "#1a7f37", "cached": "#0969da", "unchanged": "#6e7781", "failed": "#cf222e", "skipped": "#9a6700"}
MAX_NODES, MAX_EDGES = 60, 200  # of a graph that is still legible
MAX_LOCK = 60_000  # a longer one does not fit
LINK = re.compile(r"https?://[^\s<>()\[\]\"'`\\|]{1,500}")
RUN = re.compile(r"/actions/runs/(\d+)")
REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
RECORDED = ("dvc.lock", "metrics.json", "source.json")
TARGETS = {"dvc.lock": "dvc.lock", "metrics.json": "reports/metrics.json", "source.json": "data/source.json"}


def cost(facts: Facts) -> str | None:
    """What each stage cost."""
    rows = [
        (stage.name, stage.state, _tenths(stage.seconds), stage.rows, _tenths(stage.peak_memory_mb))
        for stage in facts.bundle.measurement.stages
    ]
    return table(["stage", "state", "seconds", "rows", "peak memory, MB"], rows, "llrrr") if rows else None


def _tenths(value: float | None) -> Markdown:
    return Markdown("–" if value is None else f"{value:,.1f}")


def failed_tests(facts: Facts) -> str | None:
    """The project's tests of the model that failed, and the error of each."""
    text = facts.bundle.text(model_tests.FILE)
    failures = [] if text is None else model_tests.parse(text).failures
    rows = [(code(cut(test.name, 120)), escape(cut(test.message, 200))) for test in failures]
    return table(["test", "error"], rows) if rows else None


def environment(facts: Facts) -> str | None:
    rows = [(name, value) for name, value in facts.bundle.measurement.environment.items()]
    return table(["environment", ""], rows) if rows else None


def graph(facts: Facts) -> str | None:
    """The stages as a graph, with the state of each."""
    stages = facts.bundle.measurement.stages
    indices = {stage.name: index for index, stage in enumerate(stages)}
    edges = [(indices[need], indices[stage.name]) for stage in stages for need in stage.needs if need in indices]
    if not stages or len(stages) > MAX_NODES or len(edges) > MAX_EDGES:
        return None
    nodes = [(f"{cut(stage.name, 40)}<br/>{stage.state}{_seconds(stage.seconds)}", stage.state) for stage in stages]
    used = {state: colour for state, colour in COLOURS.items() if any(stage.state == state for stage in stages)}
    return flow(nodes, edges, used)


def _seconds(value: float | None) -> str:
    return "" if value is None else f" {value:.1f} s"


def reproduce(facts: Facts) -> str:
    """The commands that give the same comment."""
    measurement, number = facts.bundle.measurement, facts.context.pull_request
    checkout = f"gh pr checkout {number}\n" if number else ""
    base = measurement.base_commit or "origin/main"
    make = f"make PIPELINE={facts.context.folder.rstrip('/')}" if facts.context.folder else "make"
    commands = fence(f"git fetch origin\n{checkout}{make} run\n{make} report BASE={base}", "console")
    return f"{commands}\n\nIt also makes the model card, `reports/model_card.md`; the run’s measurement holds it too."


def recording(facts: Facts) -> str | None:
    """How the lock is recorded on the branch."""
    return {"none": None, "bot": BOT, "fork": _fork(facts)}[facts.context.recording]


BOT = "🔒 The bot’s next commit on this branch records `dvc.lock` and `reports/metrics.json` as they were measured."


def _fork(facts: Facts) -> str:
    intro = "🔒 Only you may push to this branch. Commit the measured files, so that they are what gets merged:"
    run = RUN.search(facts.context.run_url or "")
    if not run:
        return f"{intro} `dvc.lock` and `reports/metrics.json`."
    full_name = facts.context.repository or ""
    repository = f" --repo {full_name}" if REPOSITORY.fullmatch(full_name) else ""
    present = [name for name in RECORDED if facts.bundle.path(name)]
    folder = facts.context.folder
    source = f"/tmp/measurement-{run[1]}/{folder}"  # noqa: S108 - a command for people
    commands = [
        f"gh run download {run[1]}{repository} --name measurement --dir /tmp/measurement-{run[1]}",
        *(f"cp {source}{name} {folder}{TARGETS[name]}" for name in present),
        f"git add {' '.join(folder + TARGETS[name] for name in present)}",
        'git commit -m "Record what was measured" && git push',
    ]
    return f"{intro}\n\n{fence(chr(10).join(commands), 'console')}"


def lock(facts: Facts) -> str | None:
    """The lock's text, for those who can't download the artifact."""
    text = facts.bundle.text("dvc.lock") if facts.context.recording == "fork" else None
    return fence(plain(text), "yaml") if text and len(text) < MAX_LOCK else None


def footer(facts: Facts) -> str:
    """What was compared, and where to read more."""
    measurement, context = facts.bundle.measurement, facts.context
    head = code(measurement.head[:9]) if measurement.head else "the work tree"
    commit = f" ({code(measurement.base_commit[:9])})" if measurement.base_commit else ""
    links = [link("run", context.run_url), *(link(name, url) for name, url in sorted(context.artifacts.items()))]
    compared = f"{head} against {escape(cut(measurement.base))}{commit}"
    return f"<sub>{' · '.join(text for text in (compared, *links) if text)}</sub>"


def link(text: str, url: str | None) -> Markdown | None:
    """A link; None where the URL is absent or not a plain one."""
    return Markdown(f"[{escape(text)}]({url})") if url and LINK.fullmatch(url) else None
