"""The artifact `measurement` of a train run: made by a pull request, so nothing in it is trusted."""

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from pipeline.core import pipelines
from pipeline.core.errors import PipelineError
from pipeline.github.client import api
from pipeline.github.client.pulls import Run
from pipeline.review.measure import measurement
from pipeline.review.measure.measurement import FILES, MB, Bundle

NAME = "measurement"
LIMIT = min(sum(FILES.values()), 500 * MB)  # bytes of the zip
DIRECTORY_LIMIT = MB  # bytes of the zip's table of contents: zipfile reads all of it into memory
CHUNK = 1 << 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Artifact:
    id: int
    name: str
    size: int
    created: str
    head: str | None


def of_run(run: Run, measurement_id: int | None = None) -> dict[str, Artifact]:
    """The unexpired artifacts of the run's head, by name: the newest of a name, or the one with `measurement_id`."""
    listed = api.pages(f"actions/runs/{run.id}/artifacts", purpose="list the artifacts", key="artifacts", limit=10)
    artifacts = [_artifact(data) for data in listed if not data["expired"]]
    ordered = sorted(artifacts, key=lambda item: (item.id == measurement_id, item.id))
    by_name = {item.name: item for item in ordered if item.head == run.head}
    if measurement_id is not None and (NAME not in by_name or by_name[NAME].id != measurement_id):
        raise PipelineError(f"the artifact that was judged ({measurement_id}) is gone; run train.yaml again")
    return by_name


def urls(run: Run, artifacts: dict[str, Artifact]) -> dict[str, str]:
    """The addresses where people download the artifacts, by name."""
    page = f"{api.server()}/{api.repository()}/actions/runs/{run.id}/artifacts"
    return {name: f"{page}/{item.id}" for name, item in artifacts.items()}


def fetch(run: Run, artifacts: dict[str, Artifact], folder: Path) -> Bundle:
    """The run's measurement of the working directory's pipeline, its files in `folder`.

    PipelineError where it is missing, bad or another commit's.
    """
    item = artifacts.get(NAME)
    if item is None:
        raise PipelineError(f"the run left no artifact `{NAME}`")
    if run.conclusion != "success" and item.created < run.started:
        raise PipelineError("the run left no measurement: the artifact is of an earlier attempt")
    if item.size > LIMIT:
        raise PipelineError(f"the artifact `{NAME}` has {item.size:,} bytes; at most {LIMIT:,} are read")
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary, "measurement.zip")
        api.download(f"actions/artifacts/{item.id}/zip", archive, LIMIT, purpose="download the measurement")
        ignored = unpack(archive, folder, *_places())
    bundle = measurement.read(folder)
    if bundle.measurement.head != run.head:
        raise PipelineError(f"the artifact is of another commit than the run ({run.head[:7]})")
    return with_notes(bundle, [f"{ignored} more files of the artifact were ignored."] if ignored else [])


def unpack(path: Path, folder: Path, own: str = "", others: Collection[str] = ()) -> int:
    """Extract the files of the measurement in the folder `own` of the zip, none larger than allowed.

    The number of files that belong neither to it nor to a measurement in the folders `others`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                names = {place + name for place in (own, *others) for name in FILES}
                wanted = [entry for entry in archive.infolist() if entry.filename in {own + name for name in FILES}]
                if len({entry.filename for entry in wanted}) < len(wanted):
                    raise PipelineError("the artifact holds a file twice")
                for entry in wanted:
                    _extract(archive, entry, folder, entry.filename.removeprefix(own))
                return sum(entry.filename not in names for entry in archive.infolist())
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as problem:
        raise PipelineError(f"the artifact can't be unpacked ({type(problem).__name__})") from None


def with_notes(bundle: Bundle, notes: Sequence[str]) -> Bundle:
    """The bundle with more notes for people, before its own."""
    all_notes = [*notes, *bundle.measurement.notes][:50]
    return replace(bundle, measurement=bundle.measurement.model_copy(update={"notes": all_notes}))


def _places() -> tuple[str, list[str]]:
    """The folder of this pipeline's measurement in an artifact, and those of the others."""
    own = pipelines.folder()
    return own, [folder for folder in pipelines.folders() if folder != own]


def _check_directory(file: IO[bytes]) -> None:
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # no public way to learn its size before it is read
    if end is None or end[zipfile._ECD_SIZE] > DIRECTORY_LIMIT:  # type: ignore[attr-defined]
        raise PipelineError("the artifact is not a zip file, or its table of contents is too large")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, name: str) -> None:
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise PipelineError(f"the artifact's {entry.filename} is not a regular file")
    if entry.flag_bits & 1 or entry.compress_type not in METHODS:
        raise PipelineError(f"the artifact's {entry.filename} is encrypted, or its compression is not supported")
    remaining = FILES[name]
    with archive.open(entry) as source, (folder / name).open("xb") as out:
        while chunk := source.read(CHUNK):
            remaining -= len(chunk)  # the size that the zip states is untrusted
            if remaining < 0:
                raise PipelineError(f"the artifact's {entry.filename} is larger than {FILES[name]:,} bytes")
            out.write(chunk)


def _artifact(data: Any) -> Artifact:
    head = (data.get("workflow_run") or {}).get("head_sha")
    return Artifact(data["id"], data["name"], data["size_in_bytes"], data.get("created_at") or "", head)
