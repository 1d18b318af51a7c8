"""`pipeline forget`: remove a person's rows from log, labels and added data, and say what is beyond reach."""

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from pipeline.core import params
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import schema
from pipeline.data.source import sources
from pipeline.forget import batches, dvc_cache, golden, labels, logs, record, source
from pipeline.forget import person as persons
from pipeline.forget.person import Person
from pipeline.forget.places import Found
from pipeline.predictions.options import log_options
from pipeline.ship.deploy.command import deployer

FOLDER_VARIABLE = "PIPELINE_LOG_FOLDER"


@click.command(short_help="Remove a person's rows from log, labels and added data.")
@click.option(
    "--key",
    metavar="VALUE",
    help="The value of data.key, as the training data have it; - reads it from standard input.",
)
@click.option(
    "--id", "ids", metavar="ID", multiple=True, help="A row's id, as the service answered it; may be repeated."
)
@log_options
@click.option(
    "--host", help="Also the log and the golden rows on this Docker host (unix:///var/run/docker.sock: here)."
)
@click.option("--apply", is_flag=True, help="Remove the rows; without it the command only says where they are.")
def command(
    key: str | None, ids: tuple[str, ...], log: str | None, labels: str | None, host: str | None, apply: bool
) -> None:
    """Find a person's rows in the prediction log, the labels and data.added; with --apply, remove them.

    Exit 0 also where there is none, so that a second run proves the first.
    """
    settings = params.read()
    key = sys.stdin.readline().rstrip("\r\n") if key == "-" else key
    whose = persons.of(key, ids, settings, schema.read(schema.PATH))
    search = Search(settings, whose, log, labels, host)
    found = [*search.found()]
    for item in found:
        click.echo(f"{item.kind}: {item.name}: {item.rows:,} {'row' if item.rows == 1 else 'rows'}")
    cached = dvc_cache.find(search.person)
    if cached:
        click.echo(f"DVC cache: {len(cached):,} {'file' if len(cached) == 1 else 'files'} with such rows")
    beyond = [*search.beyond_reach()]
    if apply and (found or cached):
        removed = list[Found]()
        try:
            _remove(found, cached, removed)
        finally:
            record.append(removed, "id" if key is None else "key", deployer(), len(beyond))
    for line in beyond:
        click.echo(f"not reached: {line}")
    click.echo(_summary(found, cached, apply=apply))


class Search:
    """The places that the options and params.yaml name, searched for one person."""

    def __init__(self, settings: Params, whose: Person, log: str | None, labels: str | None, host: str | None) -> None:
        self._settings, self._host = settings, host
        self._logs = _logs(settings, log)
        self._labels, self._added = labels or settings.monitor.labels, settings.data.added
        self.person = whose.with_ids(self._ids(whose))
        self._golden = golden.rows(self.person)

    def _ids(self, whose: Person) -> frozenset[str]:
        """The ids of the person's answers, wherever something connects them with the key."""
        found = frozenset[str]()
        if self._labels:
            found |= labels.ids(self._labels, whose, self._settings.data)
        if self._added:
            found |= batches.ids(self._added, whose)
        return found

    def found(self) -> Iterator[Found]:
        """The files with rows, in the order in which they are cleaned: a run that breaks off can be repeated.

        The host comes before a copy of its log. What connects ids with the key comes last, as without it nobody finds
        the others again.
        """
        if self._host:
            from pipeline.forget import host

            yield from host.find(self._host, self._settings.deploy, self.person, self._golden, deployer())
        for url in self._logs:
            yield from logs.find(url, self.person)
        connected = [*labels.find(self._labels, self.person, self._settings.data)] if self._labels else []
        connected += [*batches.find(self._added, self.person)] if self._added else []
        yield from sorted(connected, key=lambda item: not item.by_id)

    def beyond_reach(self) -> Iterator[str]:
        """What holds rows, or may, and is not the command's to change."""
        yield from source.lines(self._settings, self.person)
        if tables := dvc_cache.work_tree(self.person):
            yield f"{', '.join(tables)}: stages make them again; `make run` after the rows are gone"
        if count := golden.in_release(self._golden):
            yield (
                f"build/release.json, its image and attestation: {count} golden {'row' if count == 1 else 'rows'}; "
                "delete them, and release again after `make run`"
            )
        if not self._host and self._golden:
            yield "releases on a host carry golden rows and a log: name it by --host"
        yield from STANDING


STANDING = (
    "git history, and earlier versions on the DVC remote (`dvc gc --cloud` removes what no commit names)",
    "published models: what they learned of these rows stays until they are trained again",
    "images in a registry, attestations, versions that a store keeps of its files, and backups",
)


def _logs(settings: Params, log: str | None) -> list[str]:
    """The copies of the log: the one that is read, and the service's own folder; one that was named must exist."""
    read, written = log or settings.monitor.log, os.environ.get(FOLDER_VARIABLE) or settings.serve.log.folder
    places = dict.fromkeys(place.rstrip("/") for place in (read, written))
    return [place for place in places if log == place or sources.is_remote(place) or _has_files(Path(place))]


def _has_files(folder: Path) -> bool:
    return folder.is_file() or any(path.is_file() for path in folder.rglob("*"))


def _remove(found: Sequence[Found], cached: Sequence[Path], removed: list[Found]) -> None:
    """Remove the rows from each file in turn, and add it to `removed`; PipelineError where one can't be cleaned."""
    try:
        for item in found:
            item.erase()
            removed.append(item)
        for path in cached:
            dvc_cache.unlink(path)
    except PipelineError as error:
        raise PipelineError(f"{error}; what came before it is done, run again for the rest") from None


def _summary(found: Sequence[Found], cached: Sequence[Path], *, apply: bool) -> str:
    rows = sum(item.rows for item in found)
    if not found and not cached:
        return "forget: no row of this person is in log, labels or added data"
    what = f"{rows:,} {'row' if rows == 1 else 'rows'} in {len(found):,} {'file' if len(found) == 1 else 'files'}"
    if not apply:
        return f"forget: {what}; nothing was removed: --apply removes them"
    if any(item.kind in ("batches", "quarantine") for item in found) or cached:
        return f"forget: removed {what}; `make run`, and commit data/source.json, dvc.lock and {record.PATH}"
    return f"forget: removed {what}; commit {record.PATH}"
