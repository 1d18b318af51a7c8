"""What judges a pull request: code, settings and parameters whose change a person must accept.

Each side is given by the caller: what is main's comes from main's own tree, never from the pull request.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.core.errors import listed
from pipeline.core.template import Template
from pipeline.review.gate.verdict import Rule, Verdict

PARAMS = "params.yaml"
FOLDERS = (".github/", "src/")  # of src/ all but what is the project's
FILES = frozenset(
    {
        *(".dvcignore", ".template.yaml", "Makefile", "dvc.yaml", "uv.lock"),
        *("pyproject.toml", "src/project/pyproject.toml"),
        *("GNUmakefile", "makefile", "uv.toml", ".python-version"),  # these override one of those above
    }
)
PARAMETERS = ("gate", "evaluate", "split", "task", "data.key", "name")
MAX_LENGTH = 80  # characters of a name
ABSENT = object()


def changed_paths(paths: Iterable[str], main: Template | None, folder: str = "") -> list[str]:
    """The changed paths, from the top of the repository, that judge the pipeline in `folder`: the engine's and its own.

    Where main has no `.template.yaml`, nothing in src/ is the project's.
    """
    names = {path: path.removeprefix(folder) for path in paths}
    return sorted({path[:MAX_LENGTH] for path, own in names.items() if _judges(path, main) or _judges(own, main)})


def changed_parameters(main: Mapping[str, Any], head: Mapping[str, Any]) -> list[str]:
    """The keys of params.yaml that judge and have another value at the head than in main, as `gate.floors.roc_auc`."""
    pairs = ((name, _value_at(main, name), _value_at(head, name)) for name in PARAMETERS)
    return [key for pair in pairs for key in _differing_keys(*pair)]


def is_parameter(key: str) -> bool:
    """Whether a key of params.yaml, as `gate.floors.roc_auc`, judges."""
    return any(key == name or key.startswith(f"{name}.") for name in PARAMETERS)


def rules(changed: Iterable[str]) -> list[Rule]:
    """The rule that fails where any of what judges is changed: only a person can accept that."""
    names = list(changed)
    return [Rule("judge", "fail", f"it changes what judges ({listed(names)})")] if names else []


def acceptance(verdict: Verdict) -> str | None:
    """What a person must accept, where nothing else fails; None where the model fails or nothing needs a person."""
    failed = [rule for rule in verdict.rules if rule.verdict == "fail"]
    return failed[0].sentence if failed and all(rule.kind in ("first_model", "judge") for rule in failed) else None


def _judges(path: str, main: Template | None) -> bool:
    if path in FILES or path.startswith(".github/"):
        return True
    return f"{path}/".startswith(FOLDERS) and not (main and main.is_project(path))


def _value_at(tree: Any, name: str) -> Any:
    for key in name.split("."):
        tree = tree.get(key, ABSENT) if isinstance(tree, Mapping) else ABSENT
    return tree


def _differing_keys(name: str, main: Any, head: Any) -> Iterator[str]:
    if isinstance(main, Mapping) and isinstance(head, Mapping):
        for key in dict.fromkeys([*main, *head]):
            yield from _differing_keys(f"{name}.{key}", main.get(key, ABSENT), head.get(key, ABSENT))
    elif not _same(main, head):
        yield " ".join(name.split())[:MAX_LENGTH]


def _same(left: Any, right: Any) -> bool:
    """Whether two values of YAML are the same; `true` is not 1, as `task.positive` can be either."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)
