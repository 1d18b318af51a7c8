"""A work tree beside the repository, in which everything is tried first; what came of it replaces files at the end."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.core import files, pipelines
from pipeline.core.errors import PipelineError, last_line
from pipeline.core.git import git
from pipeline.review.baseline.rebuild import share_cache


def check_clean(root: Path, besides: Sequence[str] = ()) -> None:
    """PipelineError where the work tree has changes, except untracked files that are the source."""
    status = git(root, "status", "--porcelain", "--untracked-files=all", "--", ".")
    if status.returncode:
        raise PipelineError(f"git: {last_line(status.stderr)}; adopt needs one, to bring back what it removes")
    if not git(root, "rev-parse", "--verify", "--quiet", "HEAD").stdout.strip():
        raise PipelineError("git: no commit yet; commit the template's files first, to bring back what adopt removes")
    changed = [line[3:].strip('"') for line in status.stdout.splitlines()]
    if other := [path for path in changed if path not in besides]:
        raise PipelineError(
            f"the work tree has changes ({', '.join(other[:3])}{', …' if len(other) > 3 else ''}); commit or stash "
            "them, so that git can bring back what adopt replaces"
        )


@contextmanager
def work_tree(root: Path) -> Iterator[Path]:
    """A work tree of HEAD in a temporary folder, with the repository's DVC cache; it is removed at the end."""
    root = root.absolute()
    git(root, "worktree", "prune")
    with tempfile.TemporaryDirectory(prefix="pipeline-adopt-") as folder:
        tree = Path(folder) / "tree"
        result = git(root, "worktree", "add", "--detach", str(tree), "HEAD")
        if result.returncode:
            raise PipelineError(f"git can't make a work tree ({last_line(result.stderr)})")
        try:
            project = tree / git(root, "rev-parse", "--show-prefix").stdout.strip()
            share_cache(root, project)
            yield project
        finally:
            git(root, "worktree", "remove", "--force", str(tree))


def run(project: Path, *command: str) -> str:
    """A command in the work tree, by its own code; PipelineError with its error lines where it fails."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(pipelines.top(project) / "src"),
    }
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        output = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        errors = [line.removeprefix("error: ") for line in output if line.startswith("error: ")]
        raise PipelineError("\n".join(errors) or f"{' '.join(command)}: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def changes(project: Path) -> dict[str, bool]:
    """The paths that differ from HEAD, without what git ignores: whether each is there (else it was removed)."""
    listed = git(project, "status", "--porcelain", "--untracked-files=all", "--no-renames", "-z", "--", ".").stdout
    paths = [entry[3:] for entry in listed.split("\0") if entry]
    prefix = git(project, "rev-parse", "--show-prefix").stdout.strip()
    return {path.removeprefix(prefix): (project / path.removeprefix(prefix)).is_file() for path in paths}


def apply(project: Path, root: Path, changed: dict[str, bool]) -> None:
    """Bring the changes to the repository, one file after the other; an interruption takes all back."""
    existed = {path for path in changed if (root / path).exists()}
    try:
        for path, there in sorted(changed.items(), key=lambda item: not item[1]):
            if there:
                with files.replacing(root / path) as temporary:
                    shutil.copyfile(project / path, temporary)
            else:
                (root / path).unlink(missing_ok=True)
    except BaseException:
        for path in changed:
            tracked = git(root, "cat-file", "-e", f"HEAD:./{path}").returncode == 0
            if tracked:
                git(root, "checkout", "--quiet", "HEAD", "--", path)
            elif path not in existed:
                (root / path).unlink(missing_ok=True)
        raise
