"""What else belongs to a project: README, a page on the data, tests that hold, and no trace of the sample."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.tasks import Task

SAMPLE = "data/credit_default.parquet"
FEATURES = "src/project/features"  # an empty package remains
# What the sample brings beside its table.
SAMPLES_OWN = (
    SAMPLE,
    "data/README.md",
    "reports/seeds.json",
    "src/project/shifts.py",
    "tests/project/unit/test_features.py",
    "tests/project/unit/test_sample.py",
    "tests/project/unit/test_shifts.py",
    "tests/project/model/test_behaviour.py",
)

README = """\
# {title}

Predicts `{target}` ({task}) from `{source}`. Made from the ML pipeline template.

```console
make run     # set up, train and judge the model
make test    # set up and run the tests
make report  # the comment that a pull request would get
```

- Settings: [params.yaml](params.yaml). The data: [data/README.md](data/README.md), and their contract
  [data/schema.yaml](data/schema.yaml).
- Code of our own: `src/project/`, its tests: `tests/project/`.
- The manual: [docs/README.md](docs/README.md).
"""

DATA = """\
# The data

`{source}`: {rows:,} rows, {columns:,} columns{key}. The target is `{target}`.

Still to be written by the people who know it: where the rows come from, who may use them and under which licence, what
the columns mean and in which units, and what is known when the prediction is made.

- `schema.yaml`: the data contract. `pipeline adopt` inferred it once; now it is kept by hand.
- `source.json`: the fingerprint of the data. `pipeline fetch` and `make run` write it; commit it.
- `raw/`, `split/`: written by the stages, not in git.
"""

TESTS = '''"""How the model must behave. These hold for any model of this table; add what must hold for yours.

`pipeline measure` runs these tests on each pull request's model, and the gate fails where one of them does.
"""

import numpy as np

TARGET = {target!r}


def test_a_row_gets_its_score_whatever_rows_are_beside_it(model, test_rows):
    scores = np.asarray(model.predict(test_rows))
    alone = np.asarray(model.predict(test_rows.iloc[:20]))
    backwards = np.asarray(model.predict(test_rows.iloc[::-1]))
    np.testing.assert_array_equal(alone, scores[:20])
    np.testing.assert_array_equal(backwards[::-1], scores)


def test_every_score_is_{what}(model, test_rows):
    scores = np.asarray(model.predict(test_rows))
    assert np.isfinite(scores).all()
{scores}

def test_the_target_does_not_change_the_prediction(model, test_rows):
    without = test_rows.drop(columns=[TARGET])
    np.testing.assert_array_equal(model.predict(without), model.predict(test_rows))
{key}'''
SCORES: Mapping[Task, tuple[str, str]] = {
    "binary": ("a_probability", "    assert ((scores >= 0) & (scores <= 1)).all()\n"),
    "multiclass": (
        "a_probability_of_each_class",
        "    assert (scores >= 0).all()\n    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)\n",
    ),
    "regression": ("a_number", ""),
}
KEY_TEST = """

def test_the_key_does_not_change_the_prediction(model, test_rows):
    changed = test_rows.assign(**{{{key!r}: test_rows[{key!r}].to_numpy()[::-1]}})
    np.testing.assert_array_equal(model.predict(changed), model.predict(test_rows))
"""


def slug(text: str) -> str:
    """A name for deployments and experiments: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "model"


def write(root: Path, values: Mapping[str, Mapping[str, Any]], rows: int, columns: int) -> None:
    """README, page on the data and tests, where the template's own stand; the sample is removed."""
    data, task = values["data"], values["task"]
    features = (path for path in (root / FEATURES).glob("*.py") if path.name != "__init__.py")
    for path in (*(root / name for name in SAMPLES_OWN), *features):
        path.unlink(missing_ok=True)
    facts = {"title": values["card"]["title"], "target": task["target"], "task": task["type"], "source": data["source"]}
    files.write_text(root / "README.md", README.format(**facts))
    key = f", one for each `{data['key']}`" if data["key"] else ""
    files.write_text(root / "data/README.md", DATA.format(**facts, rows=rows, columns=columns, key=key))
    what, scores = SCORES[task["type"]]
    key_test = KEY_TEST.format(key=data["key"]) if data["key"] else ""
    tests = TESTS.format(target=task["target"], what=what, scores=scores, key=key_test)
    files.write_text(root / "tests/project/model/test_behaviour.py", tests.rstrip("\n") + "\n")


def is_sample(root: Path) -> bool:
    """Whether the project is still the template's sample."""
    return (root / SAMPLE).is_file()
