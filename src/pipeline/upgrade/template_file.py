"""`.template.yaml` of the new version, with what it says of this project."""

import re

from pipeline.core.template import Template

COMMIT = "# The template's commit that these files come from: the base of the next upgrade."
Lines = list[str]


def written(new: str, own: Template | None, base: Template | None, source: str | None, commit: str) -> str:
    """The new version's text with the project's source, the commit, and the paths that the project has added."""
    lines = [line for line in new.splitlines() if not line.startswith("commit:")]
    source = (own.source if own else None) or source
    if source:
        lines = [re.sub(r"^source:.*", f"source: {source}", line) for line in lines]
    place = next((index for index, line in enumerate(lines) if line.startswith("version:")), len(lines) - 1) + 1
    lines[place:place] = [COMMIT, f'commit: "{commit}"']
    return "\n".join([*lines, *_added(Template.parse(new), own, base)]) + "\n"


def _added(new: Template, own: Template | None, base: Template | None) -> Lines:
    """The lines of the paths that the project has made its own."""
    known = {*new.project, *(base.project if base else ())}
    return [f"  - {path}" for path in (own.project if own else ()) if path not in known]
