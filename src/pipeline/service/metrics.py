"""What Prometheus reads at /metrics: BentoML's names for requests, and the rows that were predicted, logged or lost."""

from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """Counters of this worker. BentoML adds up those of all workers.

    BentoML's own middleware counts every path that anybody asks for under a label of its own, which never ends, and
    costs more than a prediction; so it is off, and requests are counted here, under the same names.
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
        self.rows, self.flagged, self.lost = (one.labels(release) for one in (rows, flagged, lost))
        self._known: dict[tuple[str, int], tuple[Any, Any]] = {}

    def answered(self, endpoint: str, status: int, seconds: float) -> None:
        """Count a request; `endpoint` is one of a few."""
        known = self._known.get((endpoint, status))
        if known is None:
            labels = (endpoint, str(status), self._release)
            known = self._known[endpoint, status] = (self._requests.labels(*labels), self._seconds.labels(*labels))
        known[0].inc()
        known[1].observe(seconds)


def exposition() -> bytes:
    """The metrics of all workers as text."""
    import prometheus_client
    from prometheus_client import multiprocess

    registry = prometheus_client.CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return prometheus_client.generate_latest(registry)
