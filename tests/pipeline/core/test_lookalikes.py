"""Texts that look the same are found, and never suggested for what was written."""

import pytest

from pipeline.core import lookalikes

COMPOSED, DECOMPOSED = "Z\u00fcrich", "Zu\u0308rich"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (COMPOSED, DECOMPOSED),
        ("New York", "New\u00a0York"),
        ("Oslo", "Oslo "),
        ("Oslo", "Os\u200blo"),
        ("a b", "a  b"),
        ("\ufeffid", "id"),
    ],
)
def test_texts_that_look_the_same_are_found(one: str, other: str) -> None:
    assert lookalikes.groups([one, "Rome", other, one]) == [sorted([one, other])]
    assert lookalikes.twin(one, ["Rome", other]) == other


def test_texts_that_look_different_are_no_lookalikes() -> None:
    texts = ["Oslo", "oslo", "O slo", "\ufb01", "fi", "", "\u0130", "I", COMPOSED]
    assert lookalikes.groups(texts) == []
    assert [lookalikes.twin(text, texts) for text in texts] == [None] * len(texts)


def test_a_suggestion_is_near_or_says_that_it_only_looks_the_same() -> None:
    assert lookalikes.suggestion("Zurich", [COMPOSED, "Oslo"]) == f"did you mean {COMPOSED}?"
    assert lookalikes.suggestion("Rome", [COMPOSED, "Oslo"]) == f"columns: {COMPOSED}, Oslo"
    assert lookalikes.suggestion(DECOMPOSED, [COMPOSED]) == (
        "one that looks the same is written 'Z\\xfcrich' (this one is 'Zu\\u0308rich'): copy it"
    )
