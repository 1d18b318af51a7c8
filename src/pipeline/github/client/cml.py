"""CML, which posts comments. It may be missing, fail or hang: the caller checks whether the comment is there."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from pipeline.github.client import api

Target = Literal["pr", "issue"]
TITLE = "pipeline-report"
TIMEOUT = 60  # seconds
# CML appends its watermark, an image from its own host, to the end of the text. An HTML comment that is not closed ends
# with the document: CML finds its watermark in there, and no reader's browser loads it.
HIDDEN = "\n\n<!-- what follows is not shown"


def title(pipeline: str = "") -> str:
    """CML's name of the comment of a pipeline; empty for the only one."""
    return f"{pipeline}-{TITLE}" if pipeline else TITLE


def pattern(pipeline: str = "") -> re.Pattern[str]:
    """What CML searches for its comment."""
    return re.compile(rf'!\[\]\(https://cml\.dev/watermark\.png#[0-9a-fA-F]+ "CML watermark {title(pipeline)}"\)')


def watermark(sha: str, pipeline: str = "") -> str:
    """What CML recognises its comment by, with the opening of the HTML comment that hides it."""
    return f'{HIDDEN}\n\n![](https://cml.dev/watermark.png#{sha} "CML watermark {title(pipeline)}")'


def comment(target: str, body: str, pipeline: str = "", *, update: bool) -> int | None:
    """Have CML post the body on pr/N or issue/N; the id of the comment that it reports, None where it reports none."""
    with tempfile.TemporaryDirectory() as home:
        report = Path(home, "report.md")
        report.write_text(body + HIDDEN, encoding="utf-8")
        command = [
            *("cml", "comment", "update" if update else "create", f"--target={target}", "--publish=false"),
            *("--driver=github", f"--watermark-title={title(pipeline)}", str(report)),
        ]
        try:
            completed = subprocess.run(
                command, env=_environment(home), capture_output=True, encoding="utf-8", timeout=TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            timed_out = isinstance(problem, subprocess.TimeoutExpired)
            print(f"CML {'did not end' if timed_out else 'can not be started'}; gh posts the comment", file=sys.stderr)
            return None
    if completed.returncode:
        last_line = (completed.stderr.strip().splitlines() or ["no message"])[-1]
        print(f"CML failed ({completed.returncode}: {last_line[:200]}); gh posts the comment", file=sys.stderr)
    comment_id = re.search(r"#issuecomment-(\d+)", completed.stdout)
    return int(comment_id[1]) if comment_id else None


def _environment(home: str) -> dict[str, str]:
    """This process's environment with another home: CML writes to the global git config. Its telemetry is off."""
    return dict(os.environ) | {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "ITERATIVE_DO_NOT_TRACK": "1",
        "CML_REPO": f"{api.server()}/{api.repository()}",
        "REPO_TOKEN": os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN", ""),
        "GITHUB_SHA": os.environ.get("GITHUB_SHA") or "0" * 40,  # CML needs it for the watermark
    }
