"""`.template.yaml`: which version of the template this is, and which paths are the project's."""

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.core.yaml import explain, load_yaml, parse_yaml

PATH = Path(".template.yaml")
SOURCE = r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$"


def _git_path(path: str) -> str:
    """A path as git writes it, from the top of the repository; a folder's ends with "/"."""
    parts = PurePosixPath(path)
    if str(parts) != path.removesuffix("/") or parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"is {path!r}; allowed: a path from the top of the repository, a folder's ends with /")
    return path


GitPath = Annotated[str, AfterValidator(_git_path)]


class Template(BaseModel):
    """The template's version, where it comes from, and the paths that belong to the project."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal[1]
    source: Annotated[str, Field(pattern=SOURCE)] | None  # owner/name on GitHub
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    # In a project: the template's commit that its files come from, which the first upgrade records.
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    project: Annotated[tuple[GitPath, ...], Strict(strict=False)]
    renamed: dict[str, str] = {}  # keys of params.yaml, dotted: the former and today's
    removed: dict[str, str] = {}  # keys of params.yaml that are gone: what there is instead

    @classmethod
    def parse(cls, text: str) -> "Template":
        """The content of a `.template.yaml`, of any commit; PipelineError with a line for each wrong key."""
        return _checked(parse_yaml(text, str(PATH)))

    def is_project(self, path: str) -> bool:
        """Whether a path, as git writes it, is one of the project's or lies in one of its folders."""
        return any(path.startswith(own) if own.endswith("/") else path == own for own in self.project)


def is_source(text: str) -> bool:
    """Whether a text is owner/name, as `source` has it."""
    return re.match(SOURCE, text) is not None


def read(root: Path = Path()) -> Template:
    """The `.template.yaml` at the top of the repository around `root`; PipelineError with a line for each wrong key."""
    return _checked(load_yaml(pipelines.top(root) / PATH, str(PATH)))


def _checked(content: object) -> Template:
    try:
        return Template.model_validate(content)
    except ValidationError as error:
        raise PipelineError("\n".join(explain(str(PATH), Template, error.errors()))) from None
