"""The text of a LightGBM model, checked before LightGBM reads it: on damage it aborts the process, or never ends."""

import re
from collections.abc import Iterator

import numpy as np

HEAD_END, TREES_END = "\n\nTree=0\n", "end of trees\n"
# Of a tree with n leaves: lists of n - 1 numbers, one for each split, and of n numbers.
SPLITS = (
    *("split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child"),
    *("internal_value", "internal_weight", "internal_count"),
)
LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
NUMBER = r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)"
NUMBERS = re.compile(rf"{NUMBER}(?: {NUMBER})*")
WHOLE = re.compile(r"-?\d{1,9}(?: -?\d{1,9})*")
PARAMETERS = re.compile(r"\nparameters:\n(?:\[\w+: [^\n]*\]\n)*\nend of parameters\n")
CATEGORICAL = 1  # bit of a decision type: the threshold is the number of a set of categories


def problem(text: str) -> str | None:
    """What is wrong with the text, in a few words; None where LightGBM can read it."""
    if not (text.startswith("tree\n") and "\npandas_categorical:" in text and PARAMETERS.search(text)):
        return "it is not a complete LightGBM model"
    start = text.find(HEAD_END)
    head = _fields(text[:start])
    features = head.get("max_feature_idx", "")
    if start < 0 or not features.isdecimal() or not WHOLE.fullmatch(head.get("tree_sizes", "")):
        return "its head is not that of a model with trees"
    position = start + 2
    for number, size in enumerate(map(int, head["tree_sizes"].split())):
        tree = text[position : position + size]
        if not tree.startswith(f"Tree={number}\n"):
            return f"tree {number} is not where its head says"
        if wrong := next(_problems(_fields(tree), int(features)), None):
            return f"tree {number}: {wrong}"
        position += size
    return None if text[position:].startswith(TREES_END) else "it has more or fewer trees than its head says"


def _fields(lines: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in lines.splitlines())


def _problems(tree: dict[str, str], last_feature: int) -> Iterator[str]:
    """What is wrong with a tree; the first is enough, as later ones may follow from it."""
    if not re.fullmatch(r"[1-9]\d{0,8}", leaf_count := tree.get("num_leaves", "")):
        yield "num_leaves is no count"
        return
    leaves = int(leaf_count)
    lengths = dict.fromkeys(("leaf_value",) if leaves == 1 else LEAVES, leaves)
    lengths |= dict.fromkeys(SPLITS if leaves > 1 else (), leaves - 1)
    for name, length in lengths.items():
        values = tree.get(name, "")
        whole = name in ("split_feature", "decision_type", "left_child", "right_child")
        if values.count(" ") + 1 != length or not (WHOLE if whole else NUMBERS).fullmatch(values):
            yield f"{name} is no list of {length} numbers"
    if tree.get("is_linear") != "0":
        yield "is_linear is not 0"
    if not re.fullmatch(r"\d{1,9}", tree.get("num_cat", "")):
        yield "num_cat is no count"
    if leaves > 1:
        yield from _wrong_splits(tree, leaves, last_feature)


def _wrong_splits(tree: dict[str, str], leaves: int, last_feature: int) -> Iterator[str]:
    features, kinds, left, right = (
        np.array(tree[name].split(), dtype=np.int64)
        for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    if features.min() < 0 or features.max() > last_feature:
        yield "a split is by a feature that the model has not"
    children, own = np.concatenate([left, right]), np.tile(np.arange(leaves - 1), 2)
    everything = np.concatenate([np.arange(-leaves, 0), np.arange(1, leaves - 1)])  # leaves are below 0
    if not np.array_equal(np.sort(children), everything) or (children[children >= 0] <= own[children >= 0]).any():
        yield "its splits are no tree"
    sets = int(tree["num_cat"])
    places = np.array([float(part) for part in tree["threshold"].split()])[(kinds & CATEGORICAL) > 0]
    if sets != len(places) or not np.array_equal(np.sort(places), np.arange(sets)):
        yield "num_cat is not the number of its splits by category"
    if sets:
        yield from _wrong_categories(tree, sets)


def _wrong_categories(tree: dict[str, str], sets: int) -> Iterator[str]:
    """Sets of categories as bits of 32-bit words: where the words of each set begin, and the words."""
    begins, words = tree.get("cat_boundaries", ""), tree.get("cat_threshold", "")
    if not WHOLE.fullmatch(begins) or not re.fullmatch(r"\d{1,10}(?: \d{1,10})*", words):
        yield "a set of categories is no list of numbers"
        return
    bounds = np.array(begins.split(), dtype=np.int64)
    if len(bounds) != sets + 1 or bounds[0] != 0 or (np.diff(bounds) < 1).any() or bounds[-1] != len(words.split()):
        yield "its sets of categories do not fit their bounds"
