"""What a host, or a copy of its log, no longer needs.

Nothing that serves, nothing that a rollback at once needs, nothing that the monitor still reads.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import PipelineError
from pipeline.core.params import Deploy
from pipeline.data.source import sources
from pipeline.predictions import logs, stores
from pipeline.ship.deploy.docker import haproxy
from pipeline.ship.deploy.docker.containers import MAX_STOPPED, Containers
from pipeline.ship.deploy.docker.proxy import CONFIGURATION
from pipeline.ship.deploy.docker.volumes import Volumes
from pipeline.ship.release import ledger
from pipeline.ship.release.docker_cli import Docker

DAY = 86_400.0  # seconds
UNREAD = 30  # days for which a log folder stays where the monitor's windows are a number of rows
PULLED = "@sha256:"  # in the name of an image that a registry has


@dataclass(frozen=True)
class Leftover:
    """Something that may go, in words, and what removes it."""

    what: str
    remove: Callable[[], Any]


def on_host(docker: Docker, bounds: Deploy, volumes: Volumes, days: int | None, unread: int) -> list[Leftover]:
    """The leftovers of a deployment. `days`: how long log files are kept, None for ever; `unread`: days of the log
    that the monitor may still read where files are kept for ever."""
    state, folders = volumes.calls([("state", []), ("log_folders", [])])
    champion = haproxy.champion(state.get(CONFIGURATION))
    if champion is None:
        raise PipelineError(f"clean: nothing serves as {bounds.name} on this host, so nothing tells what is needed")
    entries = ledger.parse(state.get(ledger.FILE, "").split("\n"), ledger.FILE)
    former = [release for release in ledger.served(entries) if release != champion[0]]
    kept = {champion[0], *former[:MAX_STOPPED]}
    images = {str(entry["release"]): str(entry.get("image", "")) for entry in entries}
    return [
        *_containers(docker, Containers(docker, bounds), kept),
        *_images(docker, images, kept),
        *_log(volumes, folders, kept, champion[0], days, unread),
    ]


def in_copy(url: str, days: int) -> list[Leftover]:
    """The files of a copy of the log that were last written more than `days` ago."""
    oldest = time.time() - days * DAY
    return [
        Leftover(f"log file {file.path}", lambda file=file: _remove(file))  # type: ignore[misc]
        for file in stores.list_files(url, "log")
        if file.name.endswith(logs.ENDINGS) and file.modified is not None and file.modified < oldest
    ]


def _containers(docker: Docker, containers: Containers, kept: set[str]) -> Iterator[Leftover]:
    for release in containers.releases():
        if release not in kept:  # without --force: one that runs is refused
            name = containers.name(release)
            yield Leftover(f"container {name}", lambda name=name: docker.run("rm", "--volumes", name))  # type: ignore[misc]


def _images(docker: Docker, images: dict[str, str], kept: set[str]) -> Iterator[Leftover]:
    """Images of releases that are not kept, where a rollback can pull them again."""
    needed = {images.get(release) for release in kept}
    for image in dict.fromkeys(image for release, image in images.items() if release not in kept):
        if PULLED in image and image not in needed and docker.inspect("image", image):
            yield Leftover(f"image {image}", lambda image=image: docker.run("image", "rm", image))  # type: ignore[misc]


def _log(
    volumes: Volumes, folders: dict[str, Sequence[float]], kept: set[str], champion: str, days: int | None, unread: int
) -> Iterator[Leftover]:
    """Log folders of releases that are not kept, once nobody reads them, and old files of those that were stopped.

    The champion's files are its service's to remove.
    """
    for release, (size, age) in folders.items():
        if release not in kept and age > (unread if days is None else days):
            what = f"log folder {release} ({size / 1e6:,.1f} MB, last row {age:,.0f} days ago)"
            yield Leftover(what, lambda release=release: volumes.call("remove_folder", release))  # type: ignore[misc]
        elif release != champion and days is not None:
            for name in volumes.call("old_files", release, days):
                yield Leftover(
                    f"log file {release}/{name}",
                    lambda release=release, name=name: volumes.call("remove_files", release, [name]),  # type: ignore[misc]
                )


def _remove(file: stores.File) -> None:
    try:
        file.system.rm_file(file.path)
    except FileNotFoundError:
        return
    except Exception as error:  # each fsspec plug-in has errors of its own
        raise PipelineError(f"{file.path}: can't be removed: {sources.reason(error)}; check the rights") from None
