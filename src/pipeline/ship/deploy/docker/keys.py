"""API keys: the front knows each by its hash, in a map that is changed on the disk and in the running process.

A key is 256 random bits, so one round of SHA-256 is as good as a slow hash: there is nothing to guess.
"""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.core.errors import PipelineError
from pipeline.ship.deploy.docker import access, front
from pipeline.ship.deploy.docker.agent import Agent

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LINE = re.compile(r"([0-9a-f]{64}) ([^@ ]+)@(\S+)")
MAP = f"/state/{access.KEYS}"
ID_LENGTH = 8


@dataclass(frozen=True)
class Key:
    """A key that may ask; `added` is a day (UTC)."""

    hash: str
    name: str
    added: str

    @property
    def id(self) -> str:
        """The beginning of its hash, which tells two keys of a name apart and gives nothing away."""
        return self.hash[:ID_LENGTH]

    @property
    def line(self) -> str:
        return f"{self.hash} {self.name}@{self.added}"


def parse(text: str) -> list[Key]:
    """The keys of a map, oldest first; a damaged line is no key, as it is none for the proxy."""
    return [Key(*match.groups()) for match in map(LINE.fullmatch, text.splitlines()) if match]


class Keys:
    """Adds and removes keys on a host, under a lock of its own: a deployment may be under way."""

    def __init__(self, agent: Callable[[], AbstractContextManager[Agent]]) -> None:
        self._agent = agent

    def add(self, name: str) -> tuple[str, bool]:
        """(the new key, which is kept nowhere; whether the running proxy asks for keys)."""
        if not NAME.fullmatch(name):
            raise PipelineError(f"keys: {name!r} is no name; allowed: up to 64 letters, digits, '.', '_' and '-'")
        secret = f"pk_{secrets.token_urlsafe(32)}"
        key = Key(hashlib.sha256(secret.encode()).hexdigest(), name, f"{datetime.now(UTC):%Y-%m-%d}")
        with self._agent() as agent:
            return secret, _replace(agent, [*_read(agent), key])

    def remove(self, name: str) -> tuple[list[Key], bool]:
        """(the keys of that name or id, which are withdrawn; whether the running proxy asks for keys)."""
        with self._agent() as agent:
            keys = _read(agent)
            removed = [key for key in keys if name in {key.name, key.id}]
            if not removed:
                raise PipelineError(f"keys: there is none named {name}; `pipeline keys list` shows them")
            return removed, _replace(agent, [key for key in keys if key not in removed])


def _read(agent: Agent) -> list[Key]:
    return parse(agent.call("read", access.KEYS) or "")


def _replace(agent: Agent, keys: Sequence[Key]) -> bool:
    """Write the keys, then give them to the running front at one stroke; False where it asks for none."""
    agent.call("write", access.KEYS, "".join(f"{key.line}\n" for key in keys))
    try:
        version = re.search(r"New version created: (\d+)", _command(agent, f"prepare map {MAP}"))
    except PipelineError:  # no front runs: the next one reads the file
        return False
    if version is None:
        return False
    for command in _commands(version[1], keys):
        if problem := _command(agent, command).strip():
            raise PipelineError(f"keys: the running proxy does not take them ({problem}); the file has them")
    return True


def _commands(version: str, keys: Sequence[Key]) -> Iterator[str]:
    for start in range(0, len(keys), 100):  # a command must fit into one of the front's buffers
        lines = "\n".join(key.line for key in keys[start : start + 100])
        yield f"add map @{version} {MAP} <<\n{lines}\n"
    yield f"commit map @{version} {MAP}"


def _command(agent: Agent, command: str) -> str:
    return str(agent.call("proxy", command, front.SOCKET))
