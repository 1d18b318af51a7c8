"""The map of API keys, and the commands by which a running front takes it."""

import contextlib
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.docker import keys
from pipeline.ship.deploy.docker.agent import Agent
from pipeline.ship.deploy.docker.keys import Key, Keys

FIRST, SECOND = Key("a" * 64, "billing", "2026-11-28"), Key("b" * 64, "billing", "2026-11-29")


class ScriptedAgent(Agent):
    """A host with these keys, and a front that answers `prepare map` so."""

    def __init__(self, *known: Key, answer: str = "New version created: 3\n") -> None:
        self.text, self.answer, self.commands = "".join(f"{key.line}\n" for key in known), answer, list[str]()

    def call(self, name: str, *arguments: Any) -> Any:
        if name == "read":
            return self.text
        if name == "write":
            self.text = arguments[1]
            return None
        self.commands.append(arguments[0])
        return self.answer if arguments[0].startswith("prepare") else "\n"

    def keys(self) -> Keys:
        @contextlib.contextmanager
        def agent() -> Iterator[Agent]:
            yield self

        return Keys(agent)


def test_a_key_is_kept_as_its_hash_and_given_to_the_front_at_one_stroke() -> None:
    agent = ScriptedAgent(FIRST)
    secret, in_force = agent.keys().add("reports")
    first, added = keys.parse(agent.text)
    assert (first, added.name, added.hash) == (FIRST, "reports", hashlib.sha256(secret.encode()).hexdigest())
    assert secret not in agent.text
    assert in_force
    assert agent.commands == [
        "prepare map /state/keys.map",
        f"add map @3 /state/keys.map <<\n{FIRST.line}\n{added.line}\n",
        "commit map @3 /state/keys.map",
    ]


@pytest.mark.parametrize(("name", "left"), [("billing", []), (FIRST.id, [SECOND])])
def test_a_name_withdraws_its_keys_and_an_id_one_of_them(name: str, left: list[Key]) -> None:
    agent = ScriptedAgent(FIRST, SECOND)
    removed, _ = agent.keys().remove(name)
    assert removed == [key for key in (FIRST, SECOND) if key not in left]
    assert keys.parse(agent.text) == left


def test_a_front_that_asks_for_no_keys_leaves_them_for_the_next_one() -> None:
    agent = ScriptedAgent(answer="Unknown map identifier. Please use #<id> or <file>.\n")
    assert agent.keys().add("billing")[1] is False
    assert len(keys.parse(agent.text)) == 1


@pytest.mark.parametrize("name", ["", "a b", "x@y", "-x", "a\n", "x" * 65])
def test_a_bad_name_is_one_line(name: str) -> None:
    with pytest.raises(PipelineError, match=r"^keys: .* is no name; allowed: "):
        ScriptedAgent().keys().add(name)


def test_a_name_without_a_key_is_one_line() -> None:
    with pytest.raises(PipelineError, match=r"^keys: there is none named nobody; "):
        ScriptedAgent(FIRST).keys().remove("nobody")


def test_a_damaged_line_is_no_key() -> None:
    assert keys.parse(f"{FIRST.line}\nhalf\n{SECOND.line[:70]}\n\n") == [FIRST]
