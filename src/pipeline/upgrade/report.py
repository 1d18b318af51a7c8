"""What an upgrade says to the person who makes it."""

from collections.abc import Iterable

from pipeline.upgrade import state, versions
from pipeline.upgrade.state import State

PAGE = "docs/how-to/upgrade.md"
AGAIN = "dvc.lock: run again: `make setup` and `make run`, then commit dvc.lock and reports/metrics.json"
MAX_NAMED = 10


def conflicts(begun: State) -> str:
    """What to do about the files in which the project and the template have changed the same lines."""
    lines = [f"  {path}" for path in begun.conflicts]
    return "\n".join(
        [
            f"upgrade: conflicts in {len(begun.conflicts)}, which you and the template have changed; nothing is lost:",
            *lines,
            "In each keep what is right of both sides, `git add` it (`git rm` one that shall go), and then:",
            f"  {state.command('--continue')}",
            "or bring everything back:",
            f"  {state.command('--abort')}",
        ]
    )


def finished(done: State, changelog: str) -> str:
    """The changelog, what was done to the parameters, what needs a hand, and the pull request to open."""
    where = f"on the branch {done.branch} (commit {str(done.commit)[:7]})"
    parts = [
        f"upgrade: {done.before or 'a copy without a version'} → {done.version}, {where}; "
        f"{done.start_branch or done.start[:7]} is as it was",
        _section("What changed", versions.changes(changelog, done.before, done.version).splitlines()),
        _section("params.yaml", done.done),
        _section("Needs a hand", [AGAIN, *done.by_hand]),
        _section("Then", _commands(done)),
        _section("To bring everything back", [state.command("--abort")]),
        "The gate measures it like any change, and a named person accepts it, as it changes what judges "
        "(docs/explanation/what-judges.md).",
    ]
    return "\n\n".join(filter(None, parts))


def commit_text(begun: State) -> str:
    """The body of the upgrade's commit."""
    lines = [f"From {begun.before}." if begun.before else "From a copy without a version."]
    return "\n".join([*lines, *(f"params.yaml: {line}" for line in begun.done)])


def own_files(paths: list[str]) -> Iterable[str]:
    """A line for the project's files among the template's, which stay where they are."""
    if not paths:
        return []
    more = f" and {len(paths) - MAX_NAMED} more" if len(paths) > MAX_NAMED else ""
    return [f"yours among the template's files, kept as they are: {', '.join(paths[:MAX_NAMED])}{more}; see {PAGE}"]


def _commands(done: State) -> list[str]:
    return [
        f"git push --set-upstream origin {done.branch}",
        f"gh pr create --title 'Template {done.version}' --fill",
    ]


def _section(title: str, lines: Iterable[str]) -> str:
    content = [f"  {line}".rstrip() for line in lines]
    return "\n".join([f"{title}:", *content]) if content else ""
