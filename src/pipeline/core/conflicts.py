"""Merge conflicts that git left in a file: named as such, with the way out, before a reader calls the file damaged."""

import re
from pathlib import Path

from pipeline.core.errors import PipelineError

MADE = ("dvc.lock", "reports/metrics.json")  # by the pipeline and committed: either side will do, it makes them anew
CHECKED = ("dvc.yaml", *MADE)  # before DVC reads them
MARKERS = re.compile(r"^<{7} .*^={7}$.*^>{7} ", re.MULTILINE | re.DOTALL)
PAGE = "docs/how-to/merge-model-branches.md"


def check() -> None:
    """PipelineError, which names the file and the way out, where a file that DVC reads holds a conflict."""
    for name in CHECKED:
        if conflict := problem(Path(name)):
            raise PipelineError(conflict)


def problem(path: Path) -> str | None:
    """What is wrong with the file and what to do, in one line; None where it holds no conflict."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return problem_in(text, str(path))


def problem_in(text: str, name: str) -> str | None:
    """The same for a file's text; `name` is its name for people."""
    match = MARKERS.search(text.replace("\r\n", "\n"))
    if match is None:
        return None
    line = text.replace("\r\n", "\n").count("\n", 0, match.start()) + 1
    if name in MADE:
        made = " ".join(MADE)
        way = f"`git checkout --ours {made}`, then `make run`, `git add {made}` and commit"
    else:
        way = "keep what is right of both sides, remove the lines of <, = and >, then `make run` and commit"
    return f"{name}: line {line} begins a merge conflict; {way} ({PAGE})"
