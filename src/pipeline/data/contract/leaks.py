"""Columns that are the target in other words: a model that sees them learns nothing else."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.values.conversion import labels

EQUAL = 0.99  # agreement with the target, beyond chance, from which a column is the target
ENOUGH = 50  # rows below which equal columns may be chance


def find(table: pd.DataFrame, target: str, others: Collection[str]) -> list[str]:
    """The columns that are the target, of those that are not in `others`."""
    if target not in table.columns:
        return []
    known = table[table[target].notna()]
    if len(known) < ENOUGH or known[target].nunique() < 2:
        return []
    names = [str(name) for name in known.columns if name != target and name not in others]
    return [name for name in names if agreement(known[name], known[target]) >= EQUAL]


def agreement(values: "pd.Series[Any]", target: "pd.Series[Any]") -> float:
    """How far a column is the target, under other names where both are classes: 1 everywhere, 0 as by chance."""
    both = values.notna()
    if both.mean() < 0.9:
        return 0.0
    if pd.api.types.is_numeric_dtype(values) and pd.api.types.is_numeric_dtype(target) and target.nunique() > 20:
        left, right = values[both].to_numpy(dtype=float), target[both].to_numpy(dtype=float)
        if np.std(left) == 0:
            return 0.0
        return 1.0 if abs(np.corrcoef(left, right)[0, 1]) > 0.99999 else float((left == right).mean())
    different = values.nunique()
    if different > 2 * target.nunique() or 2 * different > both.sum():
        return 0.0  # more values than the target has, or values that hardly repeat: each goes with any target
    counts = pd.crosstab(labels(values[both]), labels(target[both]))
    if len(counts) < target.nunique():
        return 0.0
    total = int(counts.to_numpy().sum())
    matched, most = int(counts.max(axis=1).sum()) / total, int(counts.sum().max()) / total
    return (matched - most) / (1 - most) if most < 1 else 0.0  # beyond what the most frequent class alone gives
