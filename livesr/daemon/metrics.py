"""``/metrics`` for Prometheus: the daemon, and the session that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from livesr.errors import LivesrError
from livesr.storage.disk import free_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from livesr.daemon.service import Daemon

_GAUGES = {
    "planned": "Stacks that the session was planned with",
    "waiting": "Stacks without masks yet",
    "fps": "Frames a second over the last stacks",
    "delay_s": "From a stack's last plane to its masks on disk, s",
}
_COUNTERS = {
    "stored": "Stacks on disk",
    "segmented": "Stacks with masks",
    "failed": "Stacks that were given up",
    "frames_lost": "Planes that never arrived",
    "faults": "Faults of the hardware and the program",
}


class _Collector(Collector):
    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def collect(self) -> Iterator[Metric]:
        """Yield what is true now."""
        daemon = self._daemon
        free = GaugeMetricFamily("livesr_disk_free_bytes", "Free on the data folder's disk")
        free.add_metric([], free_bytes(daemon.data.root))
        queued = GaugeMetricFamily("livesr_sessions_queued", "Sessions that wait")
        queued.add_metric([], len(daemon.lane.queue()))
        listeners = GaugeMetricFamily("livesr_listeners", "Streams that are listened to")
        listeners.add_metric([], daemon.hub.listeners)
        yield from (free, queued, listeners)
        drawn = CounterMetricFamily("livesr_overlays_drawn", "Overlays that were drawn")
        drawn.add_metric([], daemon.pictures.drawn)
        kept = CounterMetricFamily("livesr_overlays_kept", "Overlays sent that were drawn before")
        kept.add_metric([], daemon.pictures.kept)
        yield from (drawn, kept)
        name = daemon.lane.running()
        running = GaugeMetricFamily("livesr_session_running", "1 while the daemon runs a session")
        running.add_metric([], int(name is not None))
        yield running
        if name is not None:
            yield from self._of_session(name)

    def _of_session(self, name: str) -> Iterator[Metric]:
        try:
            status = self._daemon.sessions.status(name)
        except LivesrError:  # it has not begun yet
            return
        for key, words in _GAUGES.items():
            if status.get(key) is not None:
                unit = key.replace("_s", "_seconds") if key.endswith("_s") else key
                gauge = GaugeMetricFamily(f"livesr_session_{unit}", words, labels=["session"])
                gauge.add_metric([name], float(status[key]))
                yield gauge
        for key, words in _COUNTERS.items():
            counter = CounterMetricFamily(f"livesr_session_{key}", words, labels=["session"])
            counter.add_metric([name], float(status.get(key) or 0))
            yield counter
        paused = GaugeMetricFamily("livesr_session_paused", "1 in a pause", labels=["session"])
        paused.add_metric([name], int(bool(status.get("paused"))))
        yield paused


def router(daemon: Daemon) -> APIRouter:
    """Return the route."""
    routes = APIRouter(tags=["daemon"])
    registry = CollectorRegistry()
    registry.register(_Collector(daemon))

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )
    def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return routes
