"""The text of a LightGBM model, checked when it is read: LightGBM aborts the process on a truncated one."""

from pathlib import Path

from pipeline.core.errors import PipelineError

MODEL, SIGNATURE = "model.txt", "signature.json"


def read(path: Path) -> str:
    """The whole text; PipelineError where the file is missing or damaged."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise PipelineError(f"{path}: no such file; `make run` makes it") from None
    except UnicodeDecodeError:
        text = ""
    if not (text.startswith("tree\n") and "\nend of trees\n" in text and "\npandas_categorical:" in text):
        raise PipelineError(f"{path}: damaged (it is not a complete LightGBM model); remove it and run `make run`")
    return text


def mismatch(path: Path) -> PipelineError:
    """The error for a model whose features are not those of the signature beside it."""
    return PipelineError(f"{path}: does not belong to {SIGNATURE} beside it; remove both and run `make run`")
