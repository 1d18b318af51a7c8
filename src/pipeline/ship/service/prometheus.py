"""What Prometheus reads at /metrics: BentoML's names for requests, and the rows that were predicted, logged or lost."""

import asyncio
from bisect import bisect_left

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PERIOD = 0.2  # seconds that counts wait to be put where all workers' counts are
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Waiting:
    """Requests that were answered and not put away yet: their seconds, and how many fell into each bucket."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS) + 1)


class Metrics:
    """Counters of this worker. BentoML adds up those of all workers.

    BentoML's own middleware counts every path that anybody asks for under a label of its own, which never ends, and
    costs more than a prediction; so it is off, and requests are counted here, under the same names. Counts are put
    into the files that the workers share by a timer: doing so for each request is a tenth of what the request costs.
    """

    def __init__(self, release: str) -> None:
        import prometheus_client  # not before the worker has named the folder that the workers share

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
        self._rows, self._flagged, self.lost = (one.labels(release) for one in (rows, flagged, lost))
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self._predicted = [0, 0]
        self._due = False

    def predicted(self, rows: int, flagged: int) -> None:
        """Count rows, and those of them with a flag."""
        self._predicted[0] += rows
        self._predicted[1] += flagged

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; `endpoint` is one of a few."""
        waiting = self._waiting.get((endpoint, status))
        if waiting is None:
            waiting = self._waiting[endpoint, status] = Waiting()
        waiting.seconds += seconds
        waiting.buckets[bisect_left(BUCKETS, seconds)] += 1
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(PERIOD, self.flush)

    def flush(self) -> None:
        """Put what waits into the workers' shared files; in the thread that counts."""
        self._due = False
        for (endpoint, status), waiting in self._waiting.items():
            labels = (endpoint, str(status), self._release)
            self._requests.labels(*labels).inc(sum(waiting.buckets))
            histogram = self._seconds.labels(*labels)  # it has no method for several observations at once
            histogram._sum.inc(waiting.seconds)
            for bucket, count in zip(histogram._buckets, waiting.buckets, strict=True):
                bucket.inc(count)
        self._rows.inc(self._predicted[0])
        self._flagged.inc(self._predicted[1])
        self._waiting, self._predicted = {}, [0, 0]


def exposition() -> bytes:
    """The metrics of all workers as text."""
    import prometheus_client
    from prometheus_client import multiprocess

    registry = prometheus_client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return prometheus_client.generate_latest(registry)
