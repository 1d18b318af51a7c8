"""The served release and its lineage: from `release.json` in a release's image, else from the files."""

from pathlib import Path
from typing import Any

from pipeline.core import files, params, report_shapes
from pipeline.core.errors import PipelineError
from pipeline.core.git import described_head, git
from pipeline.models.model_text import MODEL, SIGNATURE

FILE = Path("release.json")
LOCK, METRICS = Path("dvc.lock"), Path("reports/metrics.json")


def describe(root: Path) -> dict[str, Any]:
    """The release in a checkout: its name, the git commit, hashes and metrics (null where they are missing).

    The commit ends with `-dirty` where the work tree was changed.
    """
    model = files.md5(root / "models" / MODEL)
    metrics = root / METRICS
    return {
        "release": f"local-{model[:12]}",
        "git_commit": _commit(root),
        "dvc_lock": files.md5(root / LOCK) if (root / LOCK).is_file() else None,
        "model": model,
        "signature": files.md5(root / "models" / SIGNATURE),
        "metrics": report_shapes.read(metrics, "metrics") if metrics.is_file() else None,
    }


def _commit(root: Path) -> str | None:
    """None in a folder that git does not track, such as a Bento's inside a checkout: HEAD says nothing of it."""
    is_tracked = git(root, "ls-files", "--error-unmatch", "--", str(params.PATH)).returncode == 0
    return described_head(root) if is_tracked else None


def read(root: Path) -> dict[str, Any]:
    """The release that is served; PipelineError where `release.json` is damaged or names another model."""
    if not (root / FILE).is_file():
        return describe(root)
    content = files.read_json(root / FILE, "pipeline release")
    if not isinstance(content, dict) or not isinstance(content.get("release"), str):
        raise PipelineError(f"{FILE}: names no release; remove it, or run `pipeline release`")
    model = files.md5(root / "models" / MODEL)
    if content.get("model", model) != model:
        raise PipelineError(
            f"{FILE}: was made for another model than models/{MODEL}; remove it, or run `pipeline release`"
        )
    return content
