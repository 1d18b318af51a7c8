"""The artifact `measurement` of a train run: made by a pull request, so nothing in it is trusted."""

import stat
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

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


def of_run(run: Run, judged: int | None = None) -> dict[str, Artifact]:
    """The artifacts of the run's own head that are still there, by name; of one name the newest, or that `judged`."""
    listed = api.pages(f"actions/runs/{run.id}/artifacts", to="list the artifacts", key="artifacts", limit=10)
    found = [_artifact(data) for data in listed if not data["expired"]]
    ordered = sorted(found, key=lambda item: (item.id == judged, item.id))
    by_name = {item.name: item for item in ordered if item.head == run.head}
    if judged is not None and (NAME not in by_name or by_name[NAME].id != judged):
        raise PipelineError(f"the artifact that was judged ({judged}) is gone; run train.yaml again")
    return by_name


def urls(run: Run, found: dict[str, Artifact]) -> dict[str, str]:
    """Where people download them."""
    return {
        name: f"{api.server()}/{api.repository()}/actions/runs/{run.id}/artifacts/{found[name].id}" for name in found
    }


def fetch(run: Run, found: dict[str, Artifact], folder: Path) -> Bundle:
    """The measurement of the run, its files in `folder`; PipelineError where it is missing, damaged or another's."""
    item = found.get(NAME)
    if item is None:
        raise PipelineError(f"the run left no artifact `{NAME}`")
    if run.conclusion != "success" and item.created < run.started:
        raise PipelineError("the run left no measurement: the artifact is of an earlier attempt")
    if item.size > LIMIT:
        raise PipelineError(f"the artifact `{NAME}` has {item.size:,} bytes; at most {LIMIT:,} are read")
    with tempfile.TemporaryDirectory() as temporary:
        packed = Path(temporary, "measurement.zip")
        api.download(f"actions/artifacts/{item.id}/zip", packed, LIMIT, to="download the measurement")
        ignored = unpack(packed, folder)
    bundle = measurement.read(folder)
    if bundle.measurement.head != run.head:
        raise PipelineError(f"the artifact is of another commit than the run ({run.head[:7]})")
    return noted(bundle, [f"{ignored} more files of the artifact were ignored."] if ignored else [])


def unpack(packed: Path, folder: Path) -> int:
    """Take out the files of a measurement, no others and none larger than allowed; how many others there were."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with packed.open("rb") as file:
            _check_directory(file)
            with zipfile.ZipFile(file) as archive:
                wanted = [entry for entry in archive.infolist() if entry.filename in FILES]
                if len({entry.filename for entry in wanted}) < len(wanted):
                    raise PipelineError("the artifact holds a file twice")
                for entry in wanted:
                    _take(archive, entry, folder / entry.filename)
                return len(archive.infolist()) - len(wanted)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as problem:
        raise PipelineError(f"the artifact can't be unpacked ({type(problem).__name__})") from None


def noted(bundle: Bundle, notes: Sequence[str]) -> Bundle:
    """The bundle with more notes for people, before its own."""
    kept = [*notes, *bundle.measurement.notes][:50]
    return replace(bundle, measurement=bundle.measurement.model_copy(update={"notes": kept}))


def _check_directory(file: IO[bytes]) -> None:
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]  # the only way to its size before it is read
    if end is None or end[zipfile._ECD_SIZE] > DIRECTORY_LIMIT:  # type: ignore[attr-defined]
        raise PipelineError("the artifact is no zip file with a table of contents of a usual size")


def _take(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    if stat.S_IFMT(entry.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise PipelineError(f"the artifact's {entry.filename} is no regular file")
    if entry.flag_bits & 1 or entry.compress_type not in METHODS:
        raise PipelineError(f"the artifact's {entry.filename} is packed in a way that is not read")
    left = FILES[entry.filename]
    with archive.open(entry) as source, target.open("xb") as out:
        while chunk := source.read(CHUNK):
            left -= len(chunk)  # what the zip says about the size is the pull request's word
            if left < 0:
                raise PipelineError(f"the artifact's {entry.filename} is larger than {FILES[entry.filename]:,} bytes")
            out.write(chunk)


def _artifact(data: Any) -> Artifact:
    head = (data.get("workflow_run") or {}).get("head_sha")
    return Artifact(data["id"], data["name"], data["size_in_bytes"], data.get("created_at") or "", head)
