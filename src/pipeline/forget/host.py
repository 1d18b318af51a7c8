"""The person's rows on a host: its log, and the golden rows in its records of releases."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.forget.person import Person
from pipeline.forget.places import Found
from pipeline.predictions import erasure
from pipeline.ship.deploy.docker.volumes import Volumes
from pipeline.ship.release.docker_cli import Docker


def find(host: str, bounds: Deploy, person: Person, rows: Sequence[dict[str, Any]], user: str) -> Iterator[Found]:
    """The files of the host's volumes with rows of the person; PipelineError where nothing was deployed there."""
    volumes = Volumes(Docker(host), bounds, user)
    if not volumes.exist():
        raise PipelineError(f"--host {host}: nothing was deployed there as {bounds.name}; leave --host out")
    code = Path(erasure.__file__).read_text(encoding="utf-8")
    arguments = (code, sorted(person.ids), person.derived, list(rows))
    found = volumes.call("forget", *arguments, False)
    for number, (name, count) in enumerate(found.items()):
        kind = "golden rows" if name.startswith("/state/") else "log"
        all_at_once = (lambda: volumes.call("forget", *arguments, True)) if number == 0 else lambda: None
        yield Found(kind, f"{host} {name}", count, all_at_once)
