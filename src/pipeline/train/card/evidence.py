"""What the model card is made from."""

from dataclasses import dataclass
from typing import Any

from pipeline.models.signature import Signature


@dataclass(frozen=True)
class Evidence:
    """What the other stages wrote, as read from their files."""

    signature: Signature
    training: Any
    metrics: Any
    slices: Any
    fairness: Any
    importance: Any
    drift: Any
    quality: Any
    source: Any
    hashes: dict[str, str]  # file: MD5
