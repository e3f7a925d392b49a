"""Run a proxy until somebody ends it, and end it in good order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asicrc.capture.stop_request import StopRequest
from asicrc.work.proxy.proxy import Proxy
from asicrc.work.proxy.report import report_of

STATUS_NS = 60_000_000_000
LOOK_S = 0.2
ENDING_S = 3.0
"""For the answers that are still under way."""


def run_proxy(proxy: Proxy, duration_s: float | None, say: Callable[[str], None]) -> dict[str, Any]:
    """What `report_of` says at the end, and the `reason` of it.

    At the end no more shares are taken, those under way are waited for, and then the connections close: a
    share that was not answered until then is not told accepted.
    """
    clock = proxy.clock
    begun_ns = clock.now_ns()
    next_status_ns = begun_ns + STATUS_NS
    with StopRequest().on_signals() as stop:
        while stop.reason is None:
            for line in proxy.take_log(LOOK_S):
                say(line)
            now_ns = clock.now_ns()
            if duration_s is not None and now_ns - begun_ns >= duration_s * 1e9:
                break
            if now_ns >= next_status_ns:
                next_status_ns += STATUS_NS
                say(status_line(report_of(proxy)))
        if not proxy.drain(ENDING_S):
            say(f"some shares were not answered within {ENDING_S:g} s")
        report = report_of(proxy)
    proxy.close()
    return {"reason": stop.reason or "the duration is over", **report}


def status_line(report: dict[str, Any]) -> str:
    """How it stands, in one line."""
    rate, shares, idle = report["hash_rate_ghs"], report["shares"], report["idle"]["share"]
    half = (rate["high"] - rate["low"]) / 2 if rate["n"] else 0.0
    refused = sum(sum(shares[key].values()) for key in ("refused_here", "refused_by_pool"))
    return (
        f"{report['miners']['connected']} miners for {report['pool'] or 'no pool'}: "
        f"{shares['accepted']} shares accepted, {refused} refused, "
        f"{rate['estimate']:.4g} +- {half:.2g} GH/s, idle {'-' if idle is None else f'{idle:.3%}'}"
    )
