"""`pipeline upgrade`: merge a new version of the template into this project, on a branch of its own."""

from pathlib import Path

import click

from pipeline.core import conflicts as conflict_markers
from pipeline.core import template
from pipeline.core.errors import PipelineError, last_line
from pipeline.core.git import git, short_commit
from pipeline.core.template import Template
from pipeline.upgrade import base as bases
from pipeline.upgrade import environment, merging, parameters, report, signature, state, template_file, versions
from pipeline.upgrade.state import State

FETCH_TIMEOUT = 600.0  # seconds


@click.command(short_help="Merge a new version of the template into this project.")
@click.argument("version", required=False)
@click.option("--source", help="The template: owner/name, a URL or a folder (default: source in .template.yaml).")
@click.option(
    "--base", help="The version or commit of the template that this project began with, where it isn't found."
)
@click.option("--key", type=click.Path(path_type=Path), help="Public key (SSH or OpenPGP) that the tag is signed with.")
@click.option("--continue", "goes_on", is_flag=True, help="Finish after the conflicts are resolved.")
@click.option("--abort", is_flag=True, help="Bring everything back to what it was before the upgrade.")
@click.pass_context
def command(
    context: click.Context,
    version: str | None,
    source: str | None,
    base: str | None,
    key: Path | None,
    goes_on: bool,
    abort: bool,
) -> None:
    """Merge VERSION of the template (default: the newest) into this project; exit 1 where files conflict.

    The project's own paths stay as they are. The upgrade is one commit on a branch of its own, for a pull request.
    """
    _check_place()
    if abort and goes_on:
        raise PipelineError("upgrade: takes either --continue or --abort")
    if abort:
        _abort(state.read())
        return
    if goes_on:
        _check_resolved(state.read())
        _finish(state.read())
        return
    started = _start(version, source, base, key)
    if started is None:
        return
    if started.conflicts:
        click.echo(report.conflicts(started))
        context.exit(1)
    _finish(started)


def _start(version: str | None, source: str | None, base: str | None, key: Path | None) -> State | None:
    """Merge on a new branch; None where there is nothing newer."""
    _check_clean()
    own = template.read() if template.PATH.is_file() else None
    url = _address(own, source)
    chosen = _choose(url, own, version)
    if chosen is None:
        return None
    _fetch(url)
    tag = bases.tag_of(chosen)
    if key is not None:
        signature.check(tag, key)
    began = bases.find(own, base)
    branch = f"template-{chosen}"
    if git(Path(), "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0:
        raise PipelineError(f"the branch {branch} exists already; remove it: git branch -D {branch}")
    return _merge(own, began, tag, chosen, branch, source or (own.source if own else None))


def _merge(own: Template | None, began: str, tag: str, version: str, branch: str, source: str | None) -> State:
    commit = git(Path(), "rev-parse", f"{tag}^{{commit}}").stdout.strip()
    new_text, old_text = (merging.text(revision, str(template.PATH)) for revision in (tag, began))
    new, old = Template.parse(new_text), Template.parse(old_text) if old_text else None

    def is_project(path: str) -> bool:
        return new.is_project(path) or (own is not None and own.is_project(path))

    base_values, own_values, new_values = (merging.text(at, parameters.NAME) for at in (began, "HEAD", tag))
    merged = parameters.merge(base_values, own_values, new_values, new.renamed, new.removed)
    begun = State(
        version=version,
        before=own.version if own else None,
        tag=tag,
        branch=branch,
        start=git(Path(), "rev-parse", "HEAD").stdout.strip(),
        start_branch=git(Path(), "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip() or None,
        done=tuple(merged.done),
        by_hand=(*merged.by_hand, *report.own_files(merging.added_outside(began, is_project))),
    )
    state.keep_engine()
    _git("switch", "--quiet", "--create", branch)
    state.write(begun)
    try:
        conflicting = merging.merge(began, tag, is_project, f"template {version}")
    except PipelineError:
        _abort(begun, quietly=True)
        raise
    Path(parameters.NAME).write_text(merged.text, encoding="utf-8")
    named = source if source and template.is_source(source) else None
    template.PATH.write_text(template_file.written(new_text, own, old, named, commit), encoding="utf-8")
    _git("add", "--", parameters.NAME, str(template.PATH))
    begun = begun.model_copy(update={"conflicts": tuple(conflicting)})
    state.write(begun)
    return begun


def _finish(begun: State) -> None:
    """Resolve uv.lock, check the parameters, commit, and say what is left to do."""
    by_hand = list(begun.by_hand)
    lock = merging.text(begun.tag, merging.LOCK)
    if lock and (problem := environment.resolve(lock)):
        by_hand.append(f"uv.lock: could not be resolved ({problem}); run `uv lock` and commit it")
    _git("add", "--update")
    if lock:
        _git("add", "--", merging.LOCK)
    by_hand += environment.parameter_problems()
    title = f"Template {begun.version}"
    _git("commit", "--quiet", "--no-verify", "--message", title, "--message", report.commit_text(begun))
    commit = git(Path(), "rev-parse", "HEAD").stdout.strip()
    finished = begun.model_copy(update={"by_hand": tuple(by_hand), "commit": commit})
    state.write(finished)
    click.echo(report.finished(finished, merging.text(begun.tag, versions.CHANGELOG)))


def _abort(begun: State, *, quietly: bool = False) -> None:
    """Back to the commit and the branch of the start; commits of a person on the upgrade's branch are kept."""
    branch = git(Path(), "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    head = git(Path(), "rev-parse", "--quiet", "--verify", f"refs/heads/{begun.branch}").stdout.strip()
    if branch == begun.branch and head == begun.start:
        _git("reset", "--quiet", "--hard", begun.start)
    if branch == begun.branch:
        _git("checkout", "--quiet", *([begun.start_branch] if begun.start_branch else ["--detach", begun.start]))
    is_own = head in {"", begun.start, begun.commit}
    if is_own and head:
        _git("branch", "--quiet", "--delete", "--force", begun.branch)
    state.remove()
    if not quietly:
        kept = "" if is_own else f"; the branch {begun.branch} has commits of yours and is kept"
        click.echo(f"upgrade: everything is as it was ({begun.start_branch or short_commit(begun.start)}){kept}")


def _check_place() -> None:
    """PipelineError outside of the top of a repository that has a commit."""
    if git(Path(), "rev-parse", "--verify", "--quiet", "HEAD^{commit}").returncode:
        raise PipelineError("upgrade: this is no git repository with a commit; run from the top of the repository")
    if git(Path(), "rev-parse", "--show-prefix").stdout.strip():
        raise PipelineError("upgrade: run from the top of the repository")


def _check_clean() -> None:
    if state.path().is_file() and (begun := state.read()).commit is None:
        raise PipelineError(
            f"an upgrade to {begun.version} is under way; finish it by --continue, or end it by --abort"
        )
    changed = git(Path(), "status", "--porcelain", "--untracked-files=no").stdout.splitlines()
    if changed:
        raise PipelineError(f"{changed[0][3:]}: has changes that are not committed; commit or stash them first")


def _check_resolved(begun: State) -> None:
    """PipelineError where a file is not resolved yet, or the branch is another."""
    branch = git(Path(), "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    if begun.commit is not None:
        raise PipelineError(f"the upgrade to {begun.version} is committed already; push {begun.branch}")
    if branch != begun.branch:
        raise PipelineError(f"the upgrade is on the branch {begun.branch}: git switch {begun.branch}")
    if left := merging.unmerged():
        raise PipelineError(f"{left[0]}: still conflicts; resolve it, then `git add {left[0]}` and --continue")
    for name in begun.conflicts:
        path = Path(name)
        if path.is_file() and conflict_markers.MARKERS.search(path.read_text(encoding="utf-8", errors="replace")):
            raise PipelineError(
                f"{name}: still holds the markers of a conflict; resolve it, `git add` it and --continue"
            )


def _address(own: Template | None, source: str | None) -> str:
    if source is not None:
        return versions.address(source)
    if own is None or own.source is None:
        raise PipelineError(
            "upgrade: .template.yaml names no source; name the template: --source OWNER/NAME, a URL or a folder"
        )
    return versions.address(own.source)


def _choose(url: str, own: Template | None, version: str | None) -> str | None:
    """The version to upgrade to; None, with a line, where this is the newest."""
    published = versions.published(url)
    if version is not None:
        chosen = version.removeprefix("v")
        if chosen not in published:
            raise PipelineError(f"{version}: is no version of {url}; it has {', '.join(published) or 'none'}")
    else:
        newest = versions.newest(url, published)
        if newest is None:
            raise PipelineError(f"{url}: has no version to upgrade to (a tag such as v0.3.0)")
        chosen = newest
    if own is None or versions.number(chosen) > versions.number(own.version):
        return chosen
    if version is not None:
        raise PipelineError(f"{version}: is not newer than {own.version}, which this project has")
    click.echo(f"upgrade: {own.version} is the newest version")
    return None


def _fetch(url: str) -> None:
    """The template's tags and branches, under refs/template/."""
    specs = [f"+refs/tags/v*:{bases.REFS}/tags/v*", f"+refs/heads/*:{bases.REFS}/heads/*"]
    if problem := versions.fetch(url, *specs, timeout=FETCH_TIMEOUT):
        raise versions.UnreachableError(f"{url}: the template can't be fetched: {problem}")


def _git(*command: str) -> None:
    done = git(Path(), *command)
    if done.returncode:
        raise PipelineError(f"git {command[0]}: {last_line(done.stderr)}")
