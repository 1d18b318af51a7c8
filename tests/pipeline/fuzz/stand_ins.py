"""In place of what a command finds outside the project: the server that it becomes, services, Docker."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def install() -> None:
    """For the rest of this process."""
    from pipeline.demo import command as simulating
    from pipeline.ship.deploy import command as deploying
    from pipeline.ship.release import image, making

    vars(os)["execve"] = lambda *_: os._exit(0)
    vars(simulating).update(Service=Service, send=send)
    vars(making)["gather"] = content
    vars(image)["find"] = lambda _: None
    vars(deploying)["_target"] = lambda *_: LedgerFile()


class Service:
    """Answers each row."""

    def __init__(self, url: str) -> None:
        self.url = url

    def release(self) -> str:
        return "0123456789ab"


def send(service: Service, rows: Sequence[Any], name: str, rate: float | None) -> Iterator[str]:
    for place, _ in enumerate(rows):
        yield f"{name}-{place}"


def content(root: Path, base: str) -> Any:
    """A release of the locked model, without the Python packages that uv would list."""
    from pipeline.ship.release import locked_model, making

    return making.Content("0123456789ab", locked_model.acquire(root), "", base)


class LedgerFile:
    """A target whose ledger is a file of the project."""

    def history(self) -> list[dict[str, Any]]:
        from pipeline.core.errors import PipelineError
        from pipeline.ship.release import ledger

        path = Path("build/ledger.jsonl")
        try:
            text = path.read_text(encoding="utf-8", errors="replace")  # as a program's output is read
        except OSError as error:
            raise PipelineError(f"{path}: no ledger ({error})") from None
        return ledger.parse(text.split("\n"), str(path))

    def is_locked(self) -> bool:
        return False

    def image(self) -> str:
        from pipeline.core.errors import PipelineError

        raise PipelineError("docker: there is no host here")
