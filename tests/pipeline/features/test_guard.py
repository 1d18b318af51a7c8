"""What feature code must not do, each with file and line and a reason."""

import pytest

from pipeline.core.errors import PipelineError
from tests.pipeline.features.made import code

PRODUCT = "a product over a matrix: its last digits depend on the processor"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("import os", "import os: allowed: numpy, collections, datetime"),
        ("import math", "math: math differs from NumPy in the last digit"),
        ("from math import exp", "math: math differs from NumPy in the last digit"),
        ("import pandas as pd", "import pandas: allowed"),
        ("from pipeline.core import git", "import pipeline.core: allowed"),
        ("from .. import shifts", "import: lies outside this folder"),
        ("import numpy.linalg", f"linalg: {PRODUCT}"),
        ("from numpy import dot", f"dot: {PRODUCT}"),
        ("x = np.einsum('i,i', a, a)", f"einsum: {PRODUCT}"),
        ("x = a @ a", f"@: {PRODUCT}"),
        ("a @= a", f"@: {PRODUCT}"),
        ("x = a.dot(a)", f"dot: {PRODUCT}"),
        ("x = np.random.default_rng()", "random: a random number differs"),
        ("x = datetime.date.today()", "today: the clock differs"),
        ("x = np.datetime64('now')", "np.datetime64: the clock differs"),
        ("x = open('file')", "open: feature code reads and writes no file"),
        ("x = np.load('file')", "load: feature code reads and writes no file"),
        ("x = getattr(a, 'd' + 'ot')", "getattr: feature code is read before it runs"),
        ("exec('x = 1')", "exec: feature code is read before it runs"),
        ("x = __import__('os')", "__import__: feature code is read before it runs"),
        ("x = a.__class__", "__class__: feature code is read before it runs"),
        ("x = re.sys.modules", "sys: feature code leaves the interpreter alone"),
        ("x = hash('text')", "hash: differs from process to process"),
        ("a.setflags(write=True)", "setflags: it changes arguments or settings in place"),
        ("global a", "a: a function keeps nothing between calls"),
    ],
)
def test_a_refused_line_is_named_with_its_reason(line: str, problem: str) -> None:
    with pytest.raises(PipelineError) as refusal:
        code(f"import numpy as np\nimport re, datetime\ndef feature(amount):\n    {line}\n    return amount")
    assert str(refusal.value).startswith(f"src/project/features/money.py:4: {problem}")


def test_all_refused_lines_are_listed_at_once_also_in_helpers_and_fits() -> None:
    with pytest.raises(PipelineError) as refusal:
        code(
            "import os\nimport sys\ndef _helper(x): return x @ x\n",
            fits_py="def a(amount, state): return amount\ndef fit_a(amount): return amount.dot(amount)",
        )
    places = [line.split(": ")[0].removeprefix("src/project/features/") for line in str(refusal.value).splitlines()]
    assert places == ["fits.py:2", "money.py:1", "money.py:2", "money.py:3"]


def test_pure_modules_and_relative_imports_are_allowed() -> None:
    source = """
    from __future__ import annotations
    import datetime, functools, itertools, re, unicodedata
    import numpy as np
    from collections.abc import Iterable
    from . import tools
    from .tools import LIMIT

    @functools.cache
    def _upper(text): return unicodedata.normalize("NFC", text).upper()

    def feature(city): return np.array([None if c is None else _upper(c) for c in city], dtype=object)
    """
    assert code(source, tools_py="LIMIT = 1").features == ("feature",)
