"""Every figure of the service that is counted as things happen, in a registry of its own.

Each method may be called from any thread and takes about a microsecond.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

REQUEST_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
COMMIT_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0)
GROUP_WRITES = (1, 2, 4, 8, 16, 32, 64, 128)
LAG_SECONDS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
JOB_SECONDS = (0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 540.0)


class Instruments:
    """What routes, database and jobs count in; `text` is the answer of `/metrics`."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        route = ("method", "route")
        self._seconds = Histogram(
            "gleaner_request_seconds", "until the end of the answer", route, buckets=REQUEST_SECONDS, registry=registry
        )
        self._requests = Counter("gleaner_requests", "requests answered", (*route, "status"), registry=registry)
        self.in_progress = Gauge("gleaner_requests_in_progress", "requests not answered yet", registry=registry)
        self._upload_bytes = Counter("gleaner_upload_bytes", "bytes received in uploads", registry=registry)
        self._refusals = Counter(
            "gleaner_refusals", "requests answered with a problem, by its code", ("code",), registry=registry
        )
        self._commit = Histogram(
            "gleaner_commit_seconds", "to make a group of writes durable", buckets=COMMIT_SECONDS, registry=registry
        )
        self._group = Histogram("gleaner_commit_writes", "writes in a group", buckets=GROUP_WRITES, registry=registry)
        self._jobs = Histogram(
            "gleaner_job_seconds", "attempts at jobs", ("kind", "outcome"), buckets=JOB_SECONDS, registry=registry
        )
        self.loop_lag = Histogram(
            "gleaner_event_loop_lag_seconds", "a timer was late by so much", buckets=LAG_SECONDS, registry=registry
        )
        self.writer_lag = Gauge("gleaner_writer_lag_seconds", "a write waited for its turn so long", registry=registry)
        self.security_log_waiting = Gauge(
            "gleaner_security_log_waiting", "lines of the security log that its receiver has not got", registry=registry
        )
        # Children by their labels: looking them up by keyword costs more than counting.
        self._seconds_of: dict[tuple[str, str], Histogram] = {}
        self._requests_of: dict[tuple[str, str, int], Counter] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route`: its template."""
        histogram = self._seconds_of.get((method, route))
        if histogram is None:
            histogram = self._seconds_of[method, route] = self._seconds.labels(method, route)
        histogram.observe(seconds)
        counter = self._requests_of.get((method, route, status))
        if counter is None:
            counter = self._requests_of[method, route, status] = self._requests.labels(method, route, str(status))
        counter.inc()

    def received(self, size: int) -> None:
        """So many bytes of an upload's body arrived."""
        self._upload_bytes.inc(size)

    def refused(self, code: str) -> None:
        """A request was answered with this problem."""
        self._refusals.labels(code).inc()

    def committed(self, writes: int, seconds: float) -> None:
        """A group of writes became durable; `seconds`: of the commit alone."""
        self._group.observe(writes)
        self._commit.observe(seconds)

    def job(self, kind: str, outcome: str, seconds: float) -> None:
        """An attempt at a job ended: done, failed."""
        self._jobs.labels(kind, outcome).observe(seconds)

    def text(self) -> bytes:
        """All of them in the Prometheus text format, version 0.0.4."""
        return generate_latest(self.registry)
