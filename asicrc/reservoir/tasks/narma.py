"""NARMA: nonlinear autoregressive moving average systems driven by uniform noise.

The published recurrences (Atiya and Parlos 2000; order 20 from Rodan and Tino 2011; order 30 from Schrauwen
et al. 2008), with the target of row t being y[t+1]. Other programs compute other series under the same
name; those stand here under their own, for a score is comparable only on the same series.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from asicrc.errors import NoAnswer, UsageError
from asicrc.reservoir.compilation import cached_kernel
from asicrc.reservoir.tasks.redraw import bounded, draw_until_bounded
from asicrc.reservoir.tasks.task import Floats, Seed, Task, checked_count, seed_details

Variant = Literal["published", "same_step", "reservoirpy", "rcbench", "clipped", "unsaturated"]
"""published: as printed. same_step: the same series, but row t holds y[t], one lag less to remember.
reservoirpy, rcbench: as those libraries code it (0.4.2 and 1.0.10), one lag off in the sum and in the input,
row t holds y[t]. clipped: as the code behind the published mining-ASIC scores has it, see `_clipped`.
unsaturated: order 20 without its tanh, of which nearly every long series diverges."""

ORDERS = (2, 5, 10, 20, 30)
U_HIGH = 0.5
BURN_IN = 200
DIVERGED = 2.0
"""No series comes back from here: the highest that did is 1.3 (1,000 series of 10,000 steps, each order)."""


class Coefficients(NamedTuple):
    """y[t+1] = a y[t] + b y[t] (y[t] + ... + y[t-n+1]) + c u[t-n+1] u[t] + d."""

    a: float
    b: float
    c: float
    d: float


_COEFFICIENTS = {
    2: Coefficients(0.4, 0.4, 0.6, 0.1),
    5: Coefficients(0.3, 0.05, 1.5, 0.1),
    10: Coefficients(0.3, 0.05, 1.5, 0.1),
    20: Coefficients(0.3, 0.05, 1.5, 0.01),
    30: Coefficients(0.2, 0.04, 1.5, 0.001),
}
_SATURATION_OFFSET = 0.2  # order 20: y[t+1] = tanh(...) + 0.2


def narma(
    order: int,
    n: int,
    seed: Seed,
    *,
    variant: Variant = "published",
    u_high: float = U_HIGH,
    burn_in: int | None = None,
    limit: float = DIVERGED,
) -> Task:
    """NARMA of `n` steps, u uniform on [0, `u_high`), `burn_in` steps run before and dropped.

    The whole input is drawn anew from the next child seed while any |y| reaches `limit`; `details` has the
    number of `redraws`. Burn-in is 200 steps; `order` for reservoirpy and 0 for rcbench, which keep their
    transients. Raises UsageError for an order, variant or range that is not defined, NoAnswer where every
    draw diverges.
    """
    recurrence = _recurrence(order, variant)
    if not 0 < u_high <= 1:
        raise UsageError(f"u_high is {u_high:g}", "the input of NARMA is 0 to 0.5, at most to 1")
    checked_count("n", n)
    kept_out = checked_count("burn_in", recurrence.burn_in if burn_in is None else burn_in, 0)

    def draw(rng: np.random.Generator) -> tuple[Floats, Floats]:
        u = rng.uniform(0.0, u_high, kept_out + n)
        return u, recurrence.target(u)

    drawn = draw_until_bounded(recurrence.name, seed, draw, limit)
    return Task(
        recurrence.name,
        np.ascontiguousarray(drawn.u[kept_out:]),
        np.ascontiguousarray(drawn.series[kept_out:]),
        recurrence.alignment,
        {
            "kind": "regression",
            "order": order,
            "variant": variant,
            **recurrence.coefficients._asdict(),
            "u_low": 0.0,
            "u_high": u_high,
            "burn_in": kept_out,
            "limit": limit,
            "redraws": drawn.redraws,
            **seed_details(seed),
        },
    )


def narma_target(u: ArrayLike, order: int, *, variant: Variant = "published") -> Floats:
    """(T,) target for an input that is given, such as a drive as it was read back.

    The series starts from 0, so that the first 200 rows or so still show the start. Raises UsageError for an
    input that is not (T,) or not finite, NoAnswer where the series diverges.
    """
    values = np.ascontiguousarray(u, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise UsageError(
            f"the input of NARMA has shape {values.shape}, or values that are not finite",
            "give (T,) numbers, all of them known",
        )
    recurrence = _recurrence(order, variant)
    series = recurrence.target(values)
    if not bounded(series, DIVERGED):
        first = int(np.argmax(~(np.abs(series) < DIVERGED)))
        raise NoAnswer(
            f"{recurrence.name} diverges with this input, at step {first} of {len(values)}",
            "draw another input: `narma` does so by itself",
        )
    return series


@dataclass(frozen=True, slots=True)
class _Recurrence:
    name: str
    order: int
    variant: Variant
    coefficients: Coefficients
    alignment: str
    burn_in: int

    def target(self, u: Floats) -> Floats:
        """(T,) what stands in each row."""
        if self.variant == "rcbench":
            u = _stretched(u)
        if self.variant == "clipped":
            return _clipped(u, self.order, *self.coefficients)
        if self.order == 2:
            y = _second_order(u, 1 if self.variant == "rcbench" else 0, *self.coefficients)
        else:
            # one lag off: the sum runs over y[t-1]..y[t-n], the older input is u[t-n]
            lag = 1 if self.variant in ("reservoirpy", "rcbench") else 0
            start = u[: self.order - 1] if self.variant == "rcbench" else u[:0]
            saturated = self.order == 20 and self.variant in ("published", "same_step")
            first = self.order if lag else 0
            y = _run(u, start, self.order, first, lag, saturated, *self.coefficients)
        return y[1:] if self.alignment == "y[t+1]" else y[:-1]


def _recurrence(order: int, variant: Variant) -> _Recurrence:
    if order not in _COEFFICIENTS:
        raise UsageError(
            f"NARMA of order {order} has no published coefficients",
            f"orders: {', '.join(map(str, ORDERS))}",
        )
    if variant not in get_args(Variant):
        raise UsageError(f"NARMA has no variant {variant!r}", f"variants: {', '.join(get_args(Variant))}")
    only: dict[str, tuple[int, ...]] = {
        "clipped": (10,),
        "unsaturated": (20,),
        "reservoirpy": (5, 10, 20, 30),
    }
    if order not in only.get(variant, ORDERS):
        raise UsageError(
            f"variant {variant!r} is not defined for order {order}",
            f"orders of this variant: {', '.join(map(str, only[variant]))}",
        )
    alignment = "y[t+1]" if variant in ("published", "unsaturated") else "y[t]"
    burn_in = {"reservoirpy": order, "rcbench": 0}.get(variant, BURN_IN)
    suffix = "" if variant == "published" else f"_{variant}"
    return _Recurrence(f"narma{order}{suffix}", order, variant, _COEFFICIENTS[order], alignment, burn_in)


def _stretched(u: Floats) -> Floats:
    """rcbench maps whatever range the sample has to [0, 0.5], exactly."""
    low, high = float(u.min()), float(u.max())
    if low == high:
        raise UsageError("an input that does not vary has no NARMA series in rcbench", "give one that varies")
    stretched: Floats = (u - low) / (high - low) * U_HIGH
    return stretched


@cached_kernel
def _run(
    u: Floats,
    start: Floats,
    order: int,
    first: int,
    lag: int,
    saturated: bool,
    a: float,
    b: float,
    c: float,
    d: float,
) -> Floats:
    """(T+1,) y[0]..y[T], where y[t+1] comes from u[t]; what is before the start is 0."""
    steps = len(u)
    y = np.zeros(steps + 1)
    y[: len(start)] = start
    for t in range(first, steps):
        total = 0.0
        for i in range(max(t - order + 1 - lag, 0), t + 1 - lag):
            total += y[i]
        older = t - order + 1 - lag
        drive = u[older] * u[t] if older >= 0 else 0.0
        value = a * y[t] + b * y[t] * total + c * drive + d
        y[t + 1] = np.tanh(value) + _SATURATION_OFFSET if saturated else value
    return y


@cached_kernel
def _second_order(u: Floats, first: int, a: float, b: float, c: float, d: float) -> Floats:
    """(T+1,) y[t+1] = a y[t] + b y[t] y[t-1] + c u[t]^3 + d."""
    steps = len(u)
    y = np.zeros(steps + 1)
    for t in range(first, steps):
        before = y[t - 1] if t > 0 else 0.0
        y[t + 1] = a * y[t] + b * y[t] * before + c * u[t] ** 3 + d
    return y


@cached_kernel
def _clipped(u: Floats, order: int, a: float, b: float, c: float, d: float) -> Floats:
    """(T,) y[t] = clip(a y[t-1] + b y[t-1] (y[t-1] + ... + y[t-n+1]) + c u[t-n+1] u[t] + d, 0, 1).

    The code sums up to y[t], which is still 0 then, so the sum has n - 1 terms, and u[t] acts at once.
    The published input and target columns obey this to 2e-16.
    """
    steps = len(u)
    y = np.zeros(steps)
    for t in range(1, steps):
        total = 0.0
        for i in range(max(t - order + 1, 0), t):
            total += y[i]
        older = t - order + 1
        drive = u[older] * u[t] if older >= 0 else 0.0
        value = a * y[t - 1] + b * y[t - 1] * total + c * drive + d
        y[t] = min(max(value, 0.0), 1.0)
    return y
