"""What lies between a nonce that is found and the stamp it is given: each on its own switch, 0 is off.

The order is fixed, whatever is switched on:

1. found: `renewal_s`, `fan_pwm_hz` and `pick_up_s` act on the rate at which nonces are found;
2. dead time: for `dead_time_s` after a nonce was reported none is (non-extending: Feller 1948; Mueller 1973),
   so that intervals are dead time + exponential, CV = m / (m + d), and counts have the Fano factor CV^2;
3. `in_flight_s`: a constant time between finding and sending;
4. `batching_s`, then `polling_s`: sent, then fetched, at multiples of a period whose phase is random;
5. `jitter_s`: a delay of the network with this standard deviation; `tail_share` of them have a Pareto tail
   (Lomax, shape 2.5) of scale `tail_s` on top;
6. `beacon_s`: taken up at the next beacon of the access point (802.11 power saving, 0.1024 s), or a
   `beacon_share` of them is;
7. order: a connection delivers in the order of sending, so nothing overtakes;
8. `loss`: this share never comes;
9. stamp: rounded down to multiples of `stamp_s`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from firmware_protocols.device import JitterFloor
from simulators.twins.dead_time import DeadTime
from simulators.twins.randomness import CandidateColumns, Floats, Streams

TAIL_SHAPE = 2.5
"""Of the Lomax law: mean scale / 1.5, variance finite."""
JITTER_OFFSET = 4.0
"""Mean delay in standard deviations: one in 31,600 would be negative, and is 0."""

FLOOR_SHARES = 2000
STAMP_S = 1e-9
_REPLICATES = 200

Keep = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confounds:
    """Sizes; 0 is off. Seconds, but for `loss`, `tail_share` and `fan_pwm_depth` (shares) and Hz."""

    dead_time_s: float = 0.0
    renewal_s: float = 0.0
    """The firmware begins other work of its own each so often, and finds nothing for `renewal_gap_s` then."""
    renewal_gap_s: float = 0.0
    fan_pwm_hz: float = 0.0
    """Ripple of a fan's pulses on the supply: the rate is modulated by `fan_pwm_depth` at this frequency."""
    fan_pwm_depth: float = 0.0
    pick_up_s: float = 0.0
    """From a job's dispatch until the chips work on it: on the job before, or on none after a clean job."""
    pick_up_spread_s: float = 0.0
    """Standard deviation of that time."""
    in_flight_s: float = 0.0
    batching_s: float = 0.0
    polling_s: float = 0.0
    jitter_s: float = 0.0
    tail_share: float = 0.0
    tail_s: float = 0.0
    beacon_s: float = 0.0
    beacon_share: float = 1.0
    """Of the shares, those that are held until the beacon."""
    loss: float = 0.0
    stamp_s: float = 0.0
    telemetry_s: float = 0.0
    """Time constant with which the device smooths what it reports of itself."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = _BOUNDS.get(field.name, (0.0, _LONGEST_S))
            if not low <= value <= high:
                raise ValueError(f"{field.name}={value:g} is outside {low:g} to {high:g}")
        for needed, by in NEEDS.items():
            if getattr(self, needed) == 0 and getattr(self, by) > 0:
                raise ValueError(f"{by} has no effect without {needed}")
        if self.renewal_gap_s > self.renewal_s:
            raise ValueError(f"renewal_gap_s={self.renewal_gap_s:g} is longer than renewal_s itself")

    @classmethod
    def of(cls, sizes: Mapping[str, float]) -> Confounds:
        """Raises ValueError for a name that is none and for a size that cannot be."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(sizes) - set(known))
        if unknown:
            raise ValueError(f"no confound is called {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**sizes)

    def switched_on(self) -> dict[str, float]:
        """Those that are not 0, by name."""
        sizes = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        if not self.beacon_s:
            del sizes["beacon_share"]
        return {name: size for name, size in sizes.items() if size}


class Delivery:
    """The way of nonces from the chip to their stamps, steps 2 to 9. Times are s, in ascending order."""

    def __init__(self, confounds: Confounds, streams: Streams, columns: CandidateColumns) -> None:
        self._confounds = confounds
        self._columns = columns
        self._dead_time = DeadTime(confounds.dead_time_s)
        self._batching, self._polling, self._beacon = streams.generator("phases").random(5)[:3]
        """Phases, as shares of a period."""
        self._latest_s = -np.inf

    def deliver(
        self, found_s: Floats, numbers: NDArray[np.int64], first: int, late_s: Floats | None = None
    ) -> tuple[Floats, Keep]:
        """Arrival of each nonce found at `found_s`, and whether it arrives at all.

        `numbers` are those of the candidates, from `first` on, ascending. `late_s` is a planted delay of each
        nonce on its way through the chip.
        """
        c = self._confounds
        keep = self._dead_time.reported(found_s)
        t = found_s + c.in_flight_s
        if late_s is not None:
            t = t + late_s
        t = _next_multiple(t, c.batching_s, self._batching)
        t = _next_multiple(t, c.polling_s, self._polling)
        if c.jitter_s or c.tail_share:
            t = t + self._delay(numbers, first)
        if c.beacon_s:
            held = _next_multiple(t, c.beacon_s, self._beacon)
            if c.beacon_share < 1.0:
                held = np.where(self._columns.take("beacon", numbers, first) < c.beacon_share, held, t)
            t = held
        if c.jitter_s or c.tail_share or c.beacon_share < 1.0 or late_s is not None:
            # what the dead time swallowed was never sent, and holds nothing up
            t = np.maximum.accumulate(np.where(keep, t, -np.inf))
            t = np.maximum(t, self._latest_s)
            self._latest_s = float(t[-1]) if len(t) else self._latest_s
        if c.loss:
            keep = keep & (self._columns.take("loss", numbers, first) >= c.loss)
        return t, keep

    def stamp_ns(self, arrived_s: Floats) -> NDArray[np.int64]:
        """Whole ns since the start of the twin's point."""
        if self._confounds.stamp_s:
            arrived_s = np.floor(arrived_s / self._confounds.stamp_s) * self._confounds.stamp_s
        return np.rint(arrived_s * 1e9).astype(np.int64)

    def _delay(self, numbers: NDArray[np.int64], first: int) -> Floats:
        c = self._confounds
        delay = np.zeros(len(numbers))
        if c.jitter_s:
            delay += c.jitter_s * np.maximum(
                JITTER_OFFSET + self._columns.take("jitter", numbers, first), 0.0
            )
        if c.tail_share:
            u = self._columns.take("tail", numbers, first)
            within = np.minimum(u / c.tail_share, 1.0)  # uniform among those of the tail, 1 for the others
            delay += c.tail_s * (np.maximum(within, 1e-12) ** (-1 / TAIL_SHAPE) - 1)
        return delay


def measured_floor(confounds: Confounds, streams: Streams) -> JitterFloor:
    """Spread of the delays of `FLOOR_SHARES` shares that are sent at known times, far apart.

    No stamp is finer than its nanosecond.
    """
    rng = streams.generator("floor")
    apart_s = 1.0 + 10.0 * sum(size for name, size in confounds.switched_on().items() if name.endswith("_s"))
    sent_s = (np.arange(FLOOR_SHARES) + rng.random(FLOOR_SHARES) / 2) * apart_s
    columns = CandidateColumns(streams)
    delivery = Delivery(confounds, streams, columns)
    arrived_s, _ = delivery.deliver(sent_s, np.arange(FLOOR_SHARES), 0)
    delay_s = delivery.stamp_ns(arrived_s) / 1e9 - sent_s
    again = rng.choice(delay_s, (_REPLICATES, FLOOR_SHARES)).std(axis=1, ddof=1)
    rms_s = max(float(delay_s.std(ddof=1)), STAMP_S)
    return JitterFloor(
        rms_s=rms_s,
        rms_high_s=max(rms_s, float(np.quantile(again, 0.975))),
        median_s=float(np.median(delay_s)),
        p99_s=float(np.quantile(delay_s, 0.99)),
        n=FLOOR_SHARES,
        method="delays of shares sent at known times through the twin's own way to the stamp",
    )


def _next_multiple(t: Floats, period_s: float, phase: float) -> Floats:
    """The first moment (k + phase) * period at or after each time."""
    if not period_s:
        return t
    later: Floats = (np.ceil(t / period_s - phase) + phase) * period_s
    return later


_LONGEST_S = 86_400.0
_BOUNDS = {
    "loss": (0.0, 1.0),
    "tail_share": (0.0, 1.0),
    "beacon_share": (0.0, 1.0),
    "fan_pwm_depth": (0.0, 1.0),
    "fan_pwm_hz": (0.0, 1e6),
}
NEEDS = {
    "renewal_s": "renewal_gap_s",
    "fan_pwm_hz": "fan_pwm_depth",
    "pick_up_s": "pick_up_spread_s",
    "tail_share": "tail_s",
}
"""Sizes that have no effect (the values) without another one (their keys)."""
