"""The file of a LightGBM model, and errors for one that can't be used."""

from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import PipelineError

MODEL, SIGNATURE = "model.txt", "signature.json"


def read(path: Path) -> str:
    """The whole text; PipelineError where the file is missing or damaged."""
    from pipeline.models import tree_text

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; `make run` makes it") from None
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise PipelineError(f"{path}: can't be read: {files.reason(error)}") from None
    if problem := tree_text.problem(text):
        raise PipelineError(f"{path}: damaged ({problem}); remove it and run `make run`")
    return text


def mismatch(path: Path) -> PipelineError:
    """The error for a model whose features are not those of the signature beside it."""
    return PipelineError(f"{path}: does not belong to {SIGNATURE} beside it; remove both and run `make run`")
