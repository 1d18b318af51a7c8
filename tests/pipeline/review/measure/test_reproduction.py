"""What a measurement fetches of the base from the DVC remote."""

from collections.abc import Collection

import pytest

from pipeline.review.measure import remote, reproduction
from pipeline.review.measure.base import Base
from pipeline.review.measure.reproduction import Reproduction


def test_the_bases_feature_code_is_fetched_with_its_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the base's model can't be scored."""
    fetched = list[Collection[str]]()
    monkeypatch.setattr(remote, "configured", lambda: True)
    monkeypatch.setattr(remote, "pull", lambda: (True, None))
    monkeypatch.setattr(remote, "fetch", fetched.append)
    outs = [{"path": "models/features", "md5": "0" * 32 + ".dir"}, {"path": "models/model.txt", "md5": "1" * 32}]
    stages = {"train": {"outs": outs}}

    assert reproduction._fetch(Reproduction(outcome="measured"), Base("main", "c" * 40, "", stages=stages))

    assert [sorted(md5s) for md5s in fetched] == [["0" * 32 + ".dir", "1" * 32]]
