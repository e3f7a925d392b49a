"""Can this record be asked this question at all? If not, the reason, and no number.

Reasons come before tests: a statistic of stamps that a host made at fixed moments, or of a record with a hole
in it, is a statistic of the host.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np

from asicrc.analysis.event_stream import EventStream
from asicrc.capture.plan import EVENT_COUNT_REACHED
from asicrc.evidence.block_bootstrap import Floats

MOST_TIES = 0.02
"""Share of intervals of length 0 above which the law of the intervals is not seen any more."""
COARSEST = 0.05
"""Step or spread of the stamps, of the mean interval, above which the same holds."""
IMPROBABLE = 23.0
"""Mean intervals beyond the expected longest: exp(-23) is 1e-10."""
RARE = 0.002
"""Share of intervals above which long ones are the law and not a hole."""
FEW_BACKWARD = 0.01
"""Share of stamps out of order below which a clock went back, rather than a file being in no order."""


class Asks(StrEnum):
    """What a test looks at."""

    LAW = "law"
    """The distribution of the intervals."""
    ORDER = "order"
    """Which interval follows which."""
    RATE = "rate"
    """How many come when: counts, drift, periods."""


def reason_against(stream: EventStream, asks: Asks, least: int) -> str | None:
    """Why the record cannot be asked, None where it can. `least` intervals are needed."""
    for problem in (*stream.problems.values(), *_of_the_record(stream, least)):
        if problem:
            return problem
    if asks is Asks.RATE:
        return None
    return _of_the_stamps(stream)


def early_end(meta: Mapping[str, Any], *, sealed: bool, events: int, end_reason: str) -> str | None:
    """Why a capture counts as ended before its time; None where it took what was planned.

    `meta` is the capture's own description. A record that stopped when something happened is not one of a
    length that was fixed beforehand.
    """
    if not sealed:
        return "the capture is not sealed: it is being written, or its session was killed"
    plan, pulled = meta.get("plan"), meta.get("pulled")
    if not isinstance(plan, dict) or not isinstance(pulled, dict):
        return None
    wanted_s, most = plan.get("duration_s"), plan.get("max_events")
    start_ns, end_ns = pulled.get("start_ns"), pulled.get("end_ns")
    # of all that came some are repeated or below the target: fewer than were counted are analysed
    if isinstance(most, int) and (events >= most or end_reason == EVENT_COUNT_REACHED):
        return None
    if not isinstance(wanted_s, int | float) or not isinstance(start_ns, int) or not isinstance(end_ns, int):
        return None
    lasted_s = (end_ns - start_ns) / 1e9
    if lasted_s >= 0.99 * wanted_s:
        return None
    return f"the capture was sealed after {lasted_s:.4g} of {wanted_s:.4g} s ({end_reason}): take it again"


def _of_the_record(stream: EventStream, least: int) -> list[str | None]:
    steps = stream.intervals_s
    n = len(steps)
    if n < least:
        return [f"{n} intervals; this takes {least}"]
    if not steps.any():
        return ["all events have the same stamp within their segment"]
    if stream.backward and stream.backward <= max(3.0, FEW_BACKWARD * stream.n):
        return [f"the clock of the stamps went back {stream.backward} times: its intervals are none"]
    if not np.ptp(steps):
        return [f"all {n} intervals are {steps[0]:.6g} s: a host paces these events"]
    return [_hole(steps)]


def _hole(steps: Floats) -> str | None:
    """A few intervals that are far too long for all the others: an interruption, or a clock that was set."""
    n = len(steps)
    usual_s = float(np.median(steps)) / np.log(2)
    if not usual_s > 0:
        return None
    long = steps > usual_s * (np.log(n) + IMPROBABLE)
    if not long.any() or long.sum() > max(1.0, RARE * n):
        return None
    where = int(np.flatnonzero(long)[0])
    return (
        f"a gap of {steps[where]:.4g} s after event {where + 1}, where {usual_s:.4g} s is usual: the record "
        "was interrupted or its clock set; analyse the parts on their own"
    )


def _of_the_stamps(stream: EventStream) -> str | None:
    steps = stream.intervals_s
    mean_s, ties = float(steps.mean()), float(np.mean(steps == 0))
    if ties > MOST_TIES:
        return f"{ties:.1%} of the intervals are 0: several events share a stamp"
    if stream.quantum_s is not None and stream.quantum_s > COARSEST * mean_s:
        return f"stamps in steps of {stream.quantum_s:.3g} s are too coarse for intervals of {mean_s:.3g} s"
    if stream.floor_s is not None and stream.floor_s > COARSEST * mean_s:
        return (
            f"the jitter floor is {stream.floor_s:.3g} s rms and the mean interval {mean_s:.3g} s: what is "
            "below the floor is the host's"
        )
    return None
