"""The template's part of the repository: its version, and the files of the engine that the project has edited."""

from pathlib import Path

from pipeline.core import template
from pipeline.core.git import git
from pipeline.core.template import Template
from pipeline.doctor.finding import Checks, Finding, good, missing, not_visible, wrong
from pipeline.upgrade import versions

MAX_NAMED = 5
NO_SOURCE = ".template.yaml names no source, so the template can't be looked at"
NAME_IT = "set `source: OWNER/NAME` in .template.yaml"


def version() -> Finding:
    """Whether there is a newer version, and whether this one was withdrawn."""
    own = template.read()
    url = versions.source_of(own)
    if url is None:
        return not_visible(f"{own.version}: {NO_SOURCE}", NAME_IT)
    try:
        published = versions.published(url)
        text = versions.changelog(url, published[-1]) if published else ""
    except versions.UnreachableError as error:
        return not_visible(f"{own.version}: {error}")
    withdrawn = versions.yanked(text)
    if own.version in withdrawn:
        reason = withdrawn[own.version] or "its changelog says no more"
        return wrong(f"{own.version} was withdrawn: {reason}", "make upgrade")
    newer = [
        other for other in published if versions.number(other) > versions.number(own.version) and other not in withdrawn
    ]
    return (
        missing(f"{own.version}; {newer[-1]} is out", "make upgrade") if newer else good(f"{own.version}, the newest")
    )


def edited_files() -> Finding:
    """The files of the template that differ from its own commit: an upgrade merges each, and may conflict there."""
    own = template.read()
    original = _original(own)
    if isinstance(original, Finding):
        return original
    current = _files(Path(), "HEAD")
    changed = sorted(
        path
        for path, blob in original.items()
        if not own.is_project(path) and path != str(template.PATH) and current.get(path) != blob
    )
    if not changed:
        return good("none is edited")
    more = f" and {len(changed) - MAX_NAMED} more" if len(changed) > MAX_NAMED else ""
    names = ", ".join(changed[:MAX_NAMED])
    return missing(f"{len(changed)} edited: {names}{more}; an upgrade merges them", "git log -- " + changed[0])


def _original(own: Template) -> dict[str, str] | Finding:
    """The template's files by path, with git's hashes, from its own commit: the recorded one, else the first here."""
    if own.commit is None:
        roots = git(Path(), "rev-list", "--max-parents=0", "HEAD").stdout.split()
        shallow = git(Path(), "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        if own.source is None or shallow or len(roots) != 1:
            return not_visible(NO_SOURCE if own.source is None else "the first commit is not in this clone")
        return _files(Path(), roots[0])
    if files := _files(Path(), own.commit):
        return files
    url = versions.source_of(own)
    if url is None:
        return not_visible(NO_SOURCE, NAME_IT)
    try:
        with versions.only(url, own.commit) as folder:
            return _files(folder, "FETCH_HEAD")
    except versions.UnreachableError as error:
        return not_visible(str(error))


def _files(folder: Path, revision: str) -> dict[str, str]:
    """Git's hash of each file of a revision, by path; empty where the repository lacks it."""
    listed = git(folder, "ls-tree", "-r", "-z", revision).stdout
    entries = (entry.split("\t", 1) for entry in listed.split("\0") if entry)
    return {path: facts.split()[2] for facts, path in entries}


CHECKS: Checks = {"template": version, "engine files": edited_files}
