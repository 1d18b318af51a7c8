"""How long a pull request waits from the end of its last stage to the comment, and when only the gate's bounds change.

GitHub is replaced by the tests' stand-in on this machine; `gh` is real, and so is `cml` if it is on the PATH.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.projects import BIN, ROOT, timed

RUN, NUMBER = 50, 7


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured, main_checkout = clone(folder / "pull_request"), clone(folder / "main")
        commit(measured, "train.learning_rate", "learning_rate: 0.05", "learning_rate: 0.06")
        timed([str(BIN / "pipeline"), "run"], main_checkout)
        whole = timed([str(BIN / "pipeline"), "measure", "--run", "--base", "origin/main"], measured)
        artifact = shutil.copytree(measured / ".pipeline/measurement", folder / "measurement")
        gathered = timed(
            [str(BIN / "pipeline"), "measure", "--base", "origin/main"], measured
        )  # once more: nothing to run
        answered = answer(measured, artifact, main_checkout)
        bounds = clone(folder / "bounds")
        commit(bounds, "gate.tolerance", "score: 0.005 ", "score: 0.004 ")
        idle = timed([str(BIN / "pipeline"), "measure", "--run", "--base", "origin/main"], bounds)
        trained = (bounds / "models/model.txt").exists()
    print("| step | seconds | target |\n| --- | ---: | --- |")
    print(f"| a changed parameter, no cache: every stage, the champion rebuilt, measured | {whole:.1f} | |")
    print(f"| stages done → measured | {gathered:.1f} | |")
    print(f"| measured → comment posted, status set | {answered:.1f} | |")
    print(f"| stages done → comment posted | {gathered + answered:.1f} | < 15 |")
    target = f"no training: {'missed' if trained else 'kept'}"
    print(f"| a change of `gate.*` alone, no cache: measured | {idle:.1f} | {target} |")
    print(flush=True)


def clone(folder: Path) -> Path:
    """This repository as a runner checks it out: `origin/main` is its last commit, there is no cache."""
    timed(["git", "clone", "-q", "--branch", "main", str(ROOT), str(folder)], ROOT)
    return folder


def commit(folder: Path, parameter: str, old: str, new: str) -> None:
    """Change one line of params.yaml on a branch."""
    path = folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    if old not in text:
        sys.exit(f"error: params.yaml has no line `{old}` any more; update the value of {parameter} in this benchmark")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    timed(["git", "checkout", "-q", "-b", "feature"], folder)
    timed(["git", "-c", "user.name=b", "-c", "user.email=b@example.org", "commit", "-qam", parameter], folder)


def answer(measured: Path, artifact: Path, checkout: Path) -> float:
    """Seconds that `pipeline answer` takes in main's checkout."""
    from tests.pipeline.github.standin import StandIn

    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=measured, capture_output=True, text=True, check=True)
    sha = head.stdout.strip()
    state = {
        "repository": "octo/credit",
        "pulls": [{"number": NUMBER, "head": {"ref": "feature", "sha": sha}}],
        "runs": [{"id": RUN, "head_sha": sha, "head_branch": "feature"}],
        "artifacts": [{"id": 90, "run": RUN, "name": "measurement", "file": str(artifact)}],
    }
    with StandIn(state, git=measured) as github:
        os.environ.update(github.environment())
        if shutil.which("cml") is None:
            os.environ["PATH"] = f"{ROOT / 'tests/pipeline/github'}{os.pathsep}{os.environ['PATH']}"
        seconds = timed([str(BIN / "pipeline"), "answer", "--run", str(RUN)], checkout)
        comments, violations = github.state["comments"], github.state["violations"]
    if len(comments) != 1 or "ROC AUC" not in comments[0]["body"] or violations:
        sys.exit(f"error: {comments}, {violations}")
    return seconds
