"""The template's commit that a project's files come from: the base of the merge."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.core.git import git, has_commit
from pipeline.core.template import Template

REFS = "refs/template"  # where the template's tags and branches are kept, apart from the project's own
PAGE = "docs/how-to/upgrade.md#the-commit-that-a-project-began-with"


def tag_of(version: str) -> str:
    return f"{REFS}/tags/v{version}"


def find(own: Template | None, given: str | None) -> str:
    """The commit: the given one, the recorded one, the last that both histories share, or the one whose tree equals
    that of the project's first commit. PipelineError where there is none."""
    if given is not None:
        return _given(given)
    if own is not None and own.commit is not None:
        if not has_commit(Path(), own.commit):
            raise PipelineError(
                f".template.yaml: commit {own.commit[:7]} is none of the template's; name the right one with --base"
            )
        return own.commit
    shared = git(Path(), "merge-base", "HEAD", *_newest_first()).stdout.split()
    return shared[0] if shared else _by_tree()


def _given(name: str) -> str:
    for revision in (tag_of(name.removeprefix("v")), f"{REFS}/heads/{name}", name):
        commit = git(Path(), "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").stdout.strip()
        if commit:
            return commit
    raise PipelineError(f"--base {name}: is neither a version nor a commit of the template")


def _by_tree() -> str:
    """The template's commit that has the tree of the project's first one."""
    firsts = git(Path(), "rev-list", "--max-parents=0", "HEAD").stdout.split()
    trees = {git(Path(), "rev-parse", f"{first}^{{tree}}").stdout.strip() for first in firsts}
    for commit, tree in _commits():
        if tree in trees:
            return commit
    raise PipelineError(
        f"no commit of the template has the files of this project's first one ({firsts[-1][:7]}); name the one that "
        f"the project began with: --base VERSION or --base COMMIT ({PAGE})"
    )


def _commits() -> Iterator[tuple[str, str]]:
    """The template's commits with their trees, the newest first."""
    for line in git(Path(), "log", "--format=%H %T", f"--glob={REFS}").stdout.splitlines():
        commit, _, tree = line.partition(" ")
        yield commit, tree


def _newest_first() -> list[str]:
    return git(Path(), "for-each-ref", "--sort=-committerdate", "--format=%(refname)", REFS).stdout.split()
