"""What counts as a difference between a setting on GitHub and the one in the repository."""

from typing import Any

import pytest

from pipeline.github.protection.settings import Setting

CHECKS = [{"context": "gate", "integration_id": 15368}]
WANTED = {"name": "main", "bypass_actors": [], "rules": [{"type": "checks", "parameters": {"checks": CHECKS}}]}


def difference(current: Any, wanted: Any = WANTED) -> list[str]:
    text = Setting("ruleset main", current, wanted, lambda: None).difference
    lines = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    return [line.replace(" ", "") for line in lines]


def test_what_github_adds_and_another_order_are_no_difference() -> None:
    rules = [{"type": "checks", "parameters": {"checks": CHECKS, "do_not_enforce_on_create": False}}]
    assert difference({"id": 7, "rules": rules, "bypass_actors": [], "name": "main"}) == []
    two = WANTED | {"rules": [{"type": "deletion"}, *WANTED["rules"]]}
    assert difference(two | {"rules": two["rules"][::-1]}, two) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"bypass_actors": [{"actor_id": 5}]}, '-"actor_id":5'),
        ({"rules": [*WANTED["rules"], {"type": "update"}]}, '-"type":"update"'),
        ({"rules": []}, '+"type":"checks",'),
        ({"rules": [{"type": "checks", "parameters": {"checks": [{"context": "gate"}]}}]}, '+"integration_id":15368'),
        ({"name": "Main"}, '-"name":"Main",'),
    ],
)
def test_what_writing_it_would_change_is_shown(change: dict[str, Any], expected: str) -> None:
    assert expected in difference(WANTED | change)


def test_a_setting_that_github_lacks_is_shown_whole() -> None:
    assert all(line.startswith("+") for line in difference(None))
    assert len(difference(None)) > 10
