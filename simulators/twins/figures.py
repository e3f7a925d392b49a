"""A figure for each law: `python -m simulators.twins.figures OUTDIR` writes them as PNG files.

Lines are what theory says, dots what a twin does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from firmware_protocols.device import Job
from simulators.models import MACHINES
from simulators.twins.named import ideal

_N = 20_000
_RATE_HZ = 1000.0
_MEAN_S = 1 / _RATE_HZ
_USAGE = "usage: python -m simulators.twins.figures OUTDIR"
Floats = NDArray[np.float64]


def write_figures(folder: Path) -> list[Path]:
    """Draw every figure into `folder`, which is made if need be; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in FIGURES.items():
        figure = Figure(figsize=(10.0, 4.2), layout="constrained")
        draw(*figure.subplots(1, 2))
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        written.append(path)
    return written


def draw_dead_time(left: Axes, right: Axes) -> None:
    """CV and Fano factor against the dead time."""
    shares = np.linspace(0, 3, 61)
    left.plot(shares, 1 / (1 + shares), label="CV = m / (m + d)")
    left.plot(shares, 1 / (1 + shares) ** 2, label="Fano = CV^2")
    for share in (0.1, 0.3, 1.0, 2.0, 3.0):
        t_s = _stamps({"dead_time_s": share * _MEAN_S})
        left.plot(share, _cv(t_s), "ko")
        left.plot(share, _fano(t_s, 50), "k^", mfc="none")
    _label(left, "dead time over mean wait", "", "Dead time (triangles: Fano, 50 nonces a window)")
    x = np.diff(_stamps({"dead_time_s": _MEAN_S})) / _MEAN_S
    right.hist(x, np.arange(0, 8, 0.1).tolist(), density=True, alpha=0.5)
    at = np.linspace(1, 8, 200)
    right.plot(at, np.exp(-(at - 1)))
    _label(right, "interval over mean wait", "density", "d = m: the exponential, shifted")


def draw_lattice(left: Axes, right: Axes) -> None:
    """Rounding of times to the multiples of a period: batching, polling, beacon, stamps."""
    a = np.linspace(0.01, 5, 100)
    left.plot(a, np.sqrt(a / np.tanh(a / 2) - 1), label="sqrt(a coth(a/2) - 1)")
    left.plot(a, np.sqrt(1 + a**2 / 6), ls=":", label="uniform errors: sqrt(1 + a^2 / 6)")
    right.plot(a, -(a**2 / 12) / (1 + a**2 / 6), ls=":", label="uniform errors")
    for name, marker in (("batching_s", "o"), ("polling_s", "s"), ("beacon_s", "^"), ("stamp_s", "v")):
        for place, size in enumerate((0.3, 1.0, 2.0, 4.0)):
            t_s = _stamps({name: size * _MEAN_S})
            label = name if place == 0 else None
            left.plot(size, _cv(t_s), marker, color="k", mfc="none", label=label)
            right.plot(size, _lag1(t_s), marker, color="k", mfc="none")
    _label(left, "a = period over mean interval", "CV", "Times on a lattice")
    _label(right, "a", "correlation of neighbours", "What the rounding ties together")


def draw_loss(left: Axes, right: Axes) -> None:
    """Thinning: of a Poisson process, and after a dead time."""
    lost = np.linspace(0, 0.95, 100)
    for share, axes in ((0.0, left), (1.0, right)):
        cv2 = 1 / (1 + share) ** 2
        axes.plot(lost, np.sqrt((1 - lost) * cv2 + lost), label="sqrt((1 - p) CV^2 + p)")
        for size in (0.1, 0.3, 0.6, 0.9):
            t_s = _stamps({"loss": size, "dead_time_s": share * _MEAN_S}, times=3)
            axes.plot(size, _cv(t_s), "ko")
        axes.set_ylim(0.4, 1.2)
        _label(axes, "share lost", "CV", "Loss" if share == 0 else "Loss after a dead time of one mean")


def draw_jitter(left: Axes, right: Axes) -> None:
    """A delay of its own for each nonce: behind a dead time that lets nothing overtake, and without."""
    sigma = np.linspace(0, 0.5, 60)
    for share, axes in ((3.0, left), (0.0, right)):
        variance = 1 + 2 * sigma**2
        axes.plot(sigma, np.sqrt(variance) / (1 + share), label="CV, nothing overtakes")
        axes.plot(sigma, -(sigma**2) / variance, label="correlation, nothing overtakes")
        for size in (0.1, 0.2, 0.3, 0.4, 0.5):
            t_s = _stamps({"jitter_s": size * _MEAN_S, "dead_time_s": share * _MEAN_S})
            axes.plot(size, _cv(t_s), "ko")
            axes.plot(size, _lag1(t_s), "k^", mfc="none")
        title = f"Jitter behind a dead time of {share:g} means" if share else "Jitter alone: in order"
        _label(axes, "sigma over mean wait", "CV (dots), correlation (triangles)", title)


def draw_modulation(left: Axes, right: Axes) -> None:
    """The rate over a period: gap of renewed work, ripple of a fan, heartbeat."""
    period_s, gap_s = 0.05, 0.01
    t_s = _stamps({"renewal_s": period_s, "renewal_gap_s": gap_s})
    left.hist(np.mod(t_s, period_s) / period_s, 50, density=True, alpha=0.6)
    left.axhline(1 / (1 - gap_s / period_s), ls=":")
    _label(left, "phase of the renewal", "density", "Work anew each 50 ms, with a gap of 10 ms")
    depth, hz = 0.25, 2.4
    beat_s = _stamps({}, effects={"heartbeat_hz": hz, "heartbeat_depth": depth})
    right.hist(np.mod(beat_s * hz, 1), 40, density=True, alpha=0.6)
    phase = np.linspace(0, 1, 100)
    right.plot(phase, 1 + depth * np.sin(2 * np.pi * phase))
    _label(right, "phase of the heartbeat", "density", "A planted heartbeat, depth 0.25")


def draw_handshake(left: Axes, right: Axes) -> None:
    """One job, one share, the next job: the pick-up is a dead time."""
    shares = np.linspace(0, 2, 50)
    left.plot(shares, 1 / (1 + shares), label="CV = m / (m + pick-up)")
    for share in (0.1, 0.5, 1.0, 2.0):
        left.plot(share, _cv(_handshake({"pick_up_s": share * 0.05}, 0.1)), "ko")
    _label(left, "pick-up over mean wait", "CV", "Handshake")
    flights = {"pick_up_s": 0.020, "pick_up_spread_s": 0.022, "in_flight_s": 0.003}
    x = np.diff(_handshake(flights, 0.2, rate_hz=12.9))
    right.hist(x * 1e3, np.arange(0, 300, 5).tolist(), density=True, alpha=0.6)
    _label(right, "interval, ms", "density", "As an S9: 12.9/s, picked up after 20 +- 22 ms, 3 ms in flight")


def draw_tail(left: Axes, right: Axes) -> None:
    """Delays with a heavy tail; telemetry that follows a step."""
    t_s = _stamps({"tail_share": 0.2, "tail_s": 0.02, "dead_time_s": 1.0}, rate_hz=100.0, times=20)
    sent_s = _stamps({"dead_time_s": 1.0}, rate_hz=100.0, times=20)
    delay_s = np.sort(t_s - sent_s)
    left.loglog(delay_s, 1 - np.arange(len(delay_s)) / len(delay_s), "k.", ms=3)
    x = np.geomspace(1e-3, 1, 100)
    left.loglog(x, 0.2 * (1 + x / 0.02) ** -2.5, label="0.2 (1 + x / s)^-2.5")
    left.set_xlim(1e-3, 1)
    left.set_ylim(1e-4, 1)
    _label(left, "delay x, s", "share above x", "A tail of 20 ms for one in five")
    twin = ideal(confounds={"telemetry_s": 5.0})
    twin.read(10**9)
    twin.configure({"frequency_mhz": 275.0})
    readings = [r for r in twin.read(31 * 10**9).readings if r.channel == "hash_rate_ghs"]
    at_s = np.array([r.t_ns for r in readings]) / 1e9 - 1.0
    before, after = (MACHINES["lv06"].rate_ghs(mhz) for mhz in (550.0, 275.0))
    right.plot(at_s, [r.value for r in readings], "ko")
    right.plot(at_s, after + (before - after) * np.exp(-at_s / 5.0))
    _label(right, "time after a change of the clock, s", "GH/s", "Telemetry smoothed over 5 s")


FIGURES: Mapping[str, Callable[[Axes, Axes], None]] = {
    "dead_time": draw_dead_time,
    "lattice": draw_lattice,
    "loss": draw_loss,
    "jitter": draw_jitter,
    "modulation": draw_modulation,
    "handshake": draw_handshake,
    "tail": draw_tail,
}


def _stamps(
    confounds: Mapping[str, float],
    *,
    effects: Mapping[str, float] | None = None,
    rate_hz: float = _RATE_HZ,
    times: float = 1.0,
) -> Floats:
    """Of an ideal twin that finds about so many times `_N` nonces, s."""
    n = times * _N
    twin = ideal(seed=1, confounds=confounds, effects=effects)
    twin.configure({"difficulty": MACHINES["lv06"].shares_per_s(1.0) / rate_hz})
    twin.send(_job(1, clean=False))
    stamps: Floats = twin.read(round(n / rate_hz * 1e9)).nonces["t_ns"] / 1e9
    return stamps


def _handshake(confounds: Mapping[str, float], times: float, rate_hz: float = 20.0) -> Floats:
    twin = ideal(seed=1, confounds=confounds)
    twin.configure({"difficulty": MACHINES["lv06"].shares_per_s(1.0) / rate_hz})
    stamps: list[int] = []
    twin.send(_job(1, clean=True))
    while len(stamps) < times * _N:
        events = twin.read(twin.clock.now_ns() + 10**9).nonces
        if len(events):
            stamps += events["t_ns"].tolist()
            twin.send(_job(len(stamps) + 1, clean=True))
    return np.array(stamps) / 1e9


def _job(number: int, *, clean: bool) -> Job:
    return Job(number, "", 0x20000000, bytes(32), 0, 0x17034219, 0, coinbase1=bytes(60), clean=clean)


def _cv(t_s: Floats) -> float:
    x = np.diff(t_s)
    return float(x.std() / x.mean())


def _lag1(t_s: Floats) -> float:
    x = np.diff(t_s)
    return float(np.corrcoef(x[1:], x[:-1])[0, 1])


def _fano(t_s: Floats, in_a_window: float) -> float:
    window_s = in_a_window * float(np.diff(t_s).mean())
    counts = np.bincount(((t_s - t_s[0]) / window_s).astype(np.int64))[:-1]
    return float(counts.var() / counts.mean())


def _label(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)


def main(arguments: Sequence[str]) -> int:
    """Write all figures into the folder that is named; return the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write(f"{_USAGE}\n")
        return 2
    for path in write_figures(Path(arguments[0])):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
