"""The metrics at /metrics: requests, under BentoML's names, and rows that were predicted, flagged or lost."""

import asyncio
import shutil
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FLUSH_INTERVAL = 0.2  # seconds after which counts go to the files that all workers share
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Pending:
    """Answered requests that are not in the shared files yet: their seconds, and how many are in each bucket."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)


class Metrics:
    """Counters of this worker. BentoML adds up those of all workers.

    BentoML's own middleware keeps a label for every path that is requested, without a limit, and takes longer than a
    prediction; so it is off, and requests are counted here under the same names. A timer writes the counts to the
    files that the workers share: to do so for each request would take a tenth of the request's time.
    """

    def __init__(self, release: str) -> None:
        import prometheus_client  # only after the worker has set the folder that the workers share

        labels = ["endpoint", "http_response_code", "release"]
        self._release = release
        self._requests = prometheus_client.Counter(
            "bentoml_service_request_total", "Requests that were answered", labels
        )
        self._seconds = prometheus_client.Histogram(
            "bentoml_service_request_duration_seconds", "Time to answer a request", labels, buckets=BUCKETS
        )
        rows = prometheus_client.Counter("pipeline_rows", "Rows that were predicted", ["release"])
        flagged = prometheus_client.Counter("pipeline_flagged_rows", "Rows predicted with a flag", ["release"])
        lost = prometheus_client.Counter("pipeline_log_lost_rows", "Rows that the log could not take", ["release"])
        retired = prometheus_client.Counter(
            "pipeline_rows_with_retired_field", "Rows that were sent with a retired field", ["release"]
        )
        self._rows, self._flagged, self.lost, self._retired = (
            counter.labels(release) for counter in (rows, flagged, lost, retired)
        )
        self._pending: dict[tuple[str, int], Pending] = {}
        self._row_counts = [0, 0, 0]
        self._scheduled = False

    def count_rows(self, rows: int, flagged: int, with_retired: int) -> None:
        """Count rows, those of them with a flag, and those that were sent with a retired field."""
        self._row_counts[0] += rows
        self._row_counts[1] += flagged
        self._row_counts[2] += with_retired

    def count_request(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; `endpoint` is one of a few."""
        pending = self._pending.get((endpoint, status))
        if pending is None:
            pending = self._pending[endpoint, status] = Pending()
        pending.seconds += seconds
        pending.buckets[bisect_left(BUCKETS, seconds)] += 1
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(FLUSH_INTERVAL, self.flush)

    def flush(self) -> None:
        """Write the pending counts to the workers' shared files; in the thread that counts."""
        self._scheduled = False
        for (endpoint, status), pending in self._pending.items():
            labels = (endpoint, str(status), self._release)
            self._requests.labels(*labels).inc(sum(pending.buckets))
            histogram = self._seconds.labels(*labels)  # it has no method for several observations
            histogram._sum.inc(pending.seconds)
            for bucket, count in zip(histogram._buckets, pending.buckets, strict=True):
                bucket.inc(count)
        self._rows.inc(self._row_counts[0])
        self._flagged.inc(self._row_counts[1])
        self._retired.inc(self._row_counts[2])
        self._pending, self._row_counts = {}, [0, 0, 0]


class LogDisk:
    """The disk under the prediction log, looked at when somebody asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        existing = next(path for path in (self._folder, *self._folder.absolute().parents) if path.exists())
        usage = shutil.disk_usage(existing)
        yield GaugeMetricFamily("pipeline_log_disk_free_bytes", "Free on the prediction log's disk", usage.free)
        yield GaugeMetricFamily("pipeline_log_disk_size_bytes", "Size of the prediction log's disk", usage.total)


def exposition(folder: Path) -> bytes:
    """The metrics of all workers as text; `folder` has the prediction log."""
    import prometheus_client
    from prometheus_client import multiprocess

    registry = prometheus_client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(LogDisk(folder))
    return prometheus_client.generate_latest(registry)
