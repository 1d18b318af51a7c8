"""The error for a monitor that can't see, which is never the same as "no drift"."""

from typing import Literal

from pipeline.core.errors import PipelineError

Kind = Literal["log", "labels", "reference"]


class BlindError(PipelineError):
    """The log, the labels or the reference are missing, empty, damaged or out of reach; `kind` says which."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind: Kind = kind
