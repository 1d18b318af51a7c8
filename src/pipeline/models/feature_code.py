"""The feature code that a model was trained with, from beside it."""

from pathlib import Path

from pipeline.core.errors import PipelineError
from pipeline.features import code as codes
from pipeline.features.code import FeatureCode
from pipeline.models.signature import Signature

FOLDER = "features"  # beside the model that ships
COPY, FOLDS = Path("models/features"), Path("models/folds.json")  # as dvc.yaml has them


def for_training(folder: Path = COPY, folds: Path = FOLDS) -> FeatureCode | None:
    """The code with the folds' states, as the stage `features` wrote it; None where the model sees no feature of it, or
    that stage never ran."""
    if not folder.is_dir():
        return None
    code = codes.read(folder, folds)
    return code if code.features else None


def of_model(folder: Path, signature: Signature) -> FeatureCode | None:
    """The code beside the model in `folder`, or one folder up for the measured model; else as `at`."""
    return at(folder / FOLDER if (folder / FOLDER).is_dir() else folder.parent / FOLDER, signature)


def at(place: Path, signature: Signature) -> FeatureCode | None:
    """The code in the folder `place`; None where the model needs none.

    PipelineError where it is missing, damaged or of another version.
    """
    if not signature.derived:
        return None
    code = codes.read(place)
    if code.version != signature.code or not {*signature.derived} <= {*code.features}:
        raise PipelineError(f"{place}: is not the feature code that the model was trained with; run `make run`")
    return code
