"""The three-way merge of the template's change into the project.

Both sides of the change, the commit that the project's files come from and the new version, become commits in which
the project's paths are as the project has them; the second is then cherry-picked. So a merge has an explicit base
whatever the history is: squashed, linear, or shared with the template.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.core import template
from pipeline.core.errors import PipelineError, last_line
from pipeline.core.git import git

LOCK = "uv.lock"
APART = (str(template.PATH), LOCK)  # made anew after the merge
# What a project has to have, and one that is older than src/project/ lacks.
STARTERS = ("src/project/__init__.py", "src/project/pyproject.toml", "src/project/features/__init__.py")
# No guess where a project's own file belongs because the template has moved its neighbours.
OPTIONS = ("-c", "merge.directoryRenames=false", "-c", "merge.renames=true", "-c", "merge.renameLimit=10000")
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "template"), ("EMAIL", "template@localhost"), ("DATE", "2000-01-01T00:00:00Z"))
}
Files = Mapping[str, str]  # path: mode, type and hash, as `git ls-tree` writes them


def files(revision: str) -> Files:
    """The files of a revision."""
    entries = (
        entry.split("\t", 1) for entry in git(Path(), "ls-tree", "-r", "-z", revision).stdout.split("\0") if entry
    )
    return {path: facts for facts, path in entries}


def text(revision: str, path: str) -> str:
    """A file's text at a revision; empty where it lacks the file."""
    shown = git(Path(), "show", f"{revision}:{path}")
    return shown.stdout if shown.returncode == 0 else ""


def merge(base: str, target: str, is_project: Callable[[str], bool], title: str) -> list[str]:
    """Merge the template's change from `base` to `target` into work tree and index; the paths that conflict.

    PipelineError, with nothing changed, where git refuses.
    """
    own = files("HEAD")
    starters = {path: facts for path, facts in files(target).items() if path in STARTERS and path not in own}
    before = _commit(_with_own(files(base), own, is_project), None, f"{title}: what the project began with")
    after = _commit({**_with_own(files(target), own, is_project), **starters}, before, title)
    picked = git(Path(), *OPTIONS, "cherry-pick", "--no-commit", "--allow-empty", after)
    conflicts = unmerged()
    if picked.returncode and not conflicts:
        raise PipelineError(f"git can't merge: {' '.join(picked.stderr.split())[:300] or last_line(picked.stderr)}")
    return conflicts


def unmerged() -> list[str]:
    """The paths that conflict."""
    listed = git(Path(), "diff", "--name-only", "--diff-filter=U", "-z").stdout.split("\0")
    return sorted(set(filter(None, listed)))


def added_outside(base: str, is_project: Callable[[str], bool]) -> list[str]:
    """The project's files in the template's folders, which no upgrade moves."""
    theirs = files(base)
    folders = {path.partition("/")[0] for path in theirs if "/" in path}
    own = (path for path in files("HEAD") if path not in theirs and not is_project(path) and path not in APART)
    return sorted(path for path in own if "/" in path and path.partition("/")[0] in folders)


def _with_own(theirs: Files, own: Files, is_project: Callable[[str], bool]) -> dict[str, str]:
    """The template's files, with the project's paths, and those that are made anew, as the project has them."""

    def apart(path: str) -> bool:
        return path in APART or is_project(path)

    kept = {path: facts for path, facts in theirs.items() if not apart(path)}
    return kept | {path: facts for path, facts in own.items() if apart(path)}


def _commit(content: Files, parent: str | None, message: str) -> str:
    """A commit of these files, in no branch."""
    lines = "".join(f"{facts}\t{path}\0" for path, facts in content.items())
    with tempfile.TemporaryDirectory(prefix="index-") as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        _plumbing("update-index", "-z", "--index-info", given=lines, environment=index)
        tree = _plumbing("write-tree", environment=index)
    parents = ["-p", parent] if parent else []
    return _plumbing("commit-tree", tree, *parents, "-m", message, environment=IDENTITY)


def _plumbing(*command: str, given: str = "", environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["git", *command],
        input=given,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        raise PipelineError(f"git {command[0]}: {last_line(done.stderr)}")
    return done.stdout.strip()
