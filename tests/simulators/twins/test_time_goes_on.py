"""A twin's clock never stands still, however near the next proof is."""

from __future__ import annotations

from simulators.twins.named import ideal


def test_the_next_moment_is_never_now() -> None:
    """Seconds as floats are coarser than nanoseconds: rounding may put what comes next at now, or before."""
    twin = ideal("lv06", seed=1)
    mining = twin._mining
    for now_ns in (1, 10**9, 259_314_159_265_358, 10**15 + 7):
        for rounded in (1.0, 1 - 1e-16, 1 - 1e-15):
            mining._process.next_s = lambda at_s, rate_hz, rounded=rounded: at_s * rounded  # type: ignore[method-assign]
            assert mining.next_event_ns(now_ns) > now_ns
