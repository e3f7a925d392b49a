"""A capture as metrics: served to Prometheus from the file, in OpenMetrics names with units.

The endpoint has a registry of its own, listens where it is told (127.0.0.1 unless said otherwise), and
answers requests for an address or for this machine's names only, so that a page in a browser cannot reach it
under a name of its own.
"""

from __future__ import annotations

import ipaddress
import math
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from asicrc.errors import AsicrcError, UsageError
from asicrc.printable import printable
from asicrc.telemetry.capture_view import RECENT_S, CaptureView
from asicrc.telemetry.standing import Standing
from asicrc.telemetry.units import shown_channels, unit_of

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import CollectorRegistry

LOOK_S = 1.0
"""Between two looks into the file; a scrape is answered from the last one."""
REQUEST_S = 10.0
_ROUND_S = 0.1
"""How long `close` may wait for the loop that accepts requests."""
_LAST_LOOK_S = 2.0
"""How long `close` waits for a look that is under way."""
MOST_REQUESTS = 16
"""At once; further ones are closed unanswered."""
_FORM = "HOST:PORT, for example 127.0.0.1:9100"
_LONGEST_LABEL = 200
_COUNTS = ("valid", "low", "stale", "unknown_job", "malformed")


class CaptureMetrics:
    """A collector for a registry: families of one standing."""

    def __init__(self, standing: Callable[[], Standing], readable: Callable[[], bool] = lambda: True) -> None:
        self._standing = standing
        self._readable = readable

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily

        standing = self._standing()
        info = InfoMetricFamily("asicrc_capture", "The capture that is shown.")
        info.add_metric([], {"device": _label(standing.device), "file": _label(standing.path.name)})
        yield info
        yield GaugeMetricFamily(
            "asicrc_file_readable", "0 when the last look into the file failed.", value=self._readable()
        )
        events = CounterMetricFamily("asicrc_events", "Events by verdict.", labels=["verdict"])
        for name in _COUNTS:
            events.add_metric([name], standing.counts[name])
        yield events
        for name, says in (
            ("duplicate", "Valid events that had come before."),
            ("synthetic", "Events of a statistical model, which no verdict counts."),
        ):
            yield CounterMetricFamily(f"asicrc_{name}_events", says, value=standing.counts[name])
        for gauge, says, value in _gauges(standing):
            if value is not None and math.isfinite(value):
                yield GaugeMetricFamily(gauge, says, value=value)
        yield from _readings(standing, GaugeMetricFamily)
        yield from _settings(standing, GaugeMetricFamily)


def _gauges(standing: Standing) -> list[tuple[str, str, float | None]]:
    window = f"of the last {RECENT_S:.0f} s at most"
    found: list[tuple[str, str, float | None]] = []
    for name, unit, says, estimate in (
        ("event_rate", "per_second", "Distinct good events a second", standing.rate_per_s),
        ("interval_cv", "ratio", "Coefficient of variation of the intervals between them", standing.cv),
        ("invalid_events", "ratio", "Share of events that hold no proof", standing.invalid_share),
    ):
        if estimate is not None:
            found.append((f"asicrc_{name}_{unit}", f"{says}, {window}.", estimate.estimate))
            found.append((f"asicrc_{name}_low_{unit}", "Lower end of its 95 % interval.", estimate.low))
            found.append((f"asicrc_{name}_high_{unit}", "Upper end of its 95 % interval.", estimate.high))
    found += [
        ("asicrc_captured_seconds", "Time captured so far, on the capture's clock.", standing.duration_s),
        ("asicrc_commit_age_seconds", "Since something was last written to the file.", standing.commit_age_s),
        ("asicrc_sealed", "1 when the capture has ended.", float(standing.sealed)),
    ]
    if standing.point is not None:
        point = standing.point
        found += [
            ("asicrc_point_number", "Number of the newest point of a sweep.", float(point.number)),
            ("asicrc_points_taken", "Points of a sweep that are done.", float(point.taken)),
            ("asicrc_points_planned", "Points of a sweep.", float(point.planned)),
        ]
    return found


def _readings(standing: Standing, family: Any) -> Iterable[Metric]:
    """One family a unit, the channel as its label."""
    by_metric: dict[str, Any] = {}
    for channel in shown_channels(standing.readings):
        unit = unit_of(channel)
        if unit is None:
            continue
        name = f"asicrc_reading_{unit.metric}"
        if name not in by_metric:
            by_metric[name] = family(name, "Newest reading of the device.", labels=["channel"])
        by_metric[name].add_metric([channel], standing.readings[channel] * unit.scale)
    return by_metric.values()


def _settings(standing: Standing, family: Any) -> Iterable[Metric]:
    """What was asked for and what was read back; the name ends in its unit, where it has one."""
    by_metric: dict[str, Any] = {}
    named = {_label(setting.name): setting for setting in standing.settings}  # a series may stand once only
    for shown, setting in named.items():
        unit = unit_of(setting.name)
        name = "asicrc_setting_" + ("value" if unit is None else unit.metric)
        scale = 1.0 if unit is None else unit.scale
        for which, value in (("requested", setting.requested), ("read_back", setting.read_back)):
            if value is None or not math.isfinite(value):
                continue
            if name not in by_metric:
                by_metric[name] = family(name, "Newest setting of the device.", labels=["setting", "which"])
            by_metric[name].add_metric([shown, which], value * scale)
    return by_metric.values()


def _label(text: str) -> str:
    """Of a file that may be anybody's: as text that UTF-8 can hold, and not too long."""
    return printable(text[:_LONGEST_LABEL])


class MetricsServer:
    """Of one capture file, in threads of its own. Raises BadFile, UsageError."""

    def __init__(self, path: Path, address: str, say: Callable[[str], None] = lambda _: None) -> None:
        from prometheus_client import CollectorRegistry

        host, port = check_prometheus(address)
        self._view = CaptureView(path)
        self._standing = self._view.look()
        self._say = say
        self._error: str | None = None
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        registry = CollectorRegistry()
        registry.register(CaptureMetrics(lambda: self._standing, lambda: self._error is None))
        try:
            self._server = make_server(
                host, port, _guarded(registry, host), _class_for(host), handler_class=_Handler
            )
        except OSError as error:
            raise UsageError(
                f"metrics cannot be served at {address}: {error.strerror}", "take another port: " + _FORM
            ) from None
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._server.server_port}/metrics"

    def start(self) -> None:
        for work in (partial(self._server.serve_forever, _ROUND_S), self._follow):
            self._threads.append(threading.Thread(target=work, daemon=True))
            self._threads[-1].start()

    def close(self) -> None:
        """Harmless where it was never started, or is closed already."""
        self._closed.set()
        if self._threads:  # else there is no loop that could end
            self._server.shutdown()
        self._server.server_close()
        for thread in self._threads:
            thread.join(_LAST_LOOK_S)

    def _follow(self) -> None:
        while not self._closed.wait(LOOK_S):
            try:
                self._standing, self._error = self._view.look(), None
            except AsicrcError as error:
                if error.message != self._error:
                    self._say(f"metrics: {error.message}")
                self._error = error.message


def check_prometheus(address: str) -> tuple[str, int]:
    """Host and port. Raises UsageError for what is none, and where the library is missing."""
    host, colon, port = address.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise UsageError(f"{address[:100]!r} does not say host and port", _FORM)
    try:
        import prometheus_client  # noqa: F401
    except ImportError:
        raise UsageError(
            "metrics need the library prometheus-client", "pip install 'asicrc[prometheus]'"
        ) from None
    return host, int(port)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    slots = threading.BoundedSemaphore(MOST_REQUESTS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self.slots.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Somebody who hangs up early is no news."""


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def _class_for(host: str) -> type[_Server]:
    return _ServerV6 if ":" in host else _Server


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_S

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no news."""


def _guarded(registry: CollectorRegistry, host: str) -> Callable[..., Iterable[bytes]]:
    """The library's application, for requests that name an address or this machine."""
    from prometheus_client import make_wsgi_app

    metrics = make_wsgi_app(registry)
    own_name = socket.gethostname().lower()
    names = {"localhost", host.lower(), own_name, f"{own_name}.local", f"{own_name}.lan"}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _host_of(environ.get("HTTP_HOST", "")) not in names and not _is_address(
            environ.get("HTTP_HOST", "")
        ):
            start_response("421 Misdirected Request", [("Content-Type", "text/plain")])
            return [b"metrics are served under an address or the name of this machine\n"]
        if environ.get("PATH_INFO") not in ("/metrics", "/"):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"metrics are at /metrics\n"]
        found: Iterable[bytes] = metrics(environ, start_response)
        return found

    return application


def _host_of(header: str) -> str:
    return header.rpartition(":")[0].lower() if header.rpartition(":")[2].isdigit() else header.lower()


def _is_address(header: str) -> bool:
    try:
        ipaddress.ip_address(_host_of(header).strip("[]"))
    except ValueError:
        return False
    return True
