"""The timed events of a capture beside the jobs that they answer: when each could have come, and did."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.scan_order import ScanOrderResult, scan_order_residuals
from asicrc.evidence import Estimate
from firmware_protocols.bm13xx import NonceOrder, addresses, nonce_offset
from firmware_protocols.device import NO_TIME, Duplicate, Job, NonceBatch

LATEST_NS = (1 << 62) - 1
"""Stamps up to here can be subtracted from each other; wall time reaches it in the year 2116."""
NEVER_S = 1e12
"""Period of a chip that does not begin again before its next job."""


def timed_events(events: NonceBatch, jobs: dict[int, Job]) -> NonceBatch:
    """Those with an arrival time and a job whose sending is known; proofs that were sent twice count once."""
    has_job = np.isin(events["job"], list(jobs))
    usable = has_job & (events["t_ns"] != NO_TIME) & (events["duplicate_reason"] != Duplicate.RESENT)
    return np.asarray(events[usable])


def residuals_of_jobs(
    events: NonceBatch,
    jobs: dict[int, Job],
    order: NonceOrder,
    chips: int,
    time_scale: float,
    quantum_s: float | None,
    floor_s: Estimate | None,
    no_floor: str,
    seed: int,
) -> ScanOrderResult:
    """Timed events against the order in which their chip scans, after the load of their own jobs."""
    load_ns = np.array([jobs[number].sent_ns for number in events["job"].tolist()], np.int64)
    base = np.array([jobs[number].version for number in events["job"].tolist()], np.int64)
    version_bits = (events["version"].astype(np.int64) & ~base) >> 13 & 0xFFFF
    address = places_of(order, events["chip"].astype(np.int64), chips)
    return scan_order_residuals(
        events["t_ns"] - load_ns,
        order.expected_s(events["nonce"], version_bits, address),
        order.scan_period_s if order.repeats else NEVER_S,
        batch=order.batch_of(version_bits),
        core=events["core"],
        version=version_bits,
        position_s=order.position_of(events["nonce"], address) * order.position_period_s,
        time_scale=time_scale,
        quantum_s=quantum_s,
        jitter_floor_s=None if floor_s is None else floor_s.high,
        no_floor=no_floor,
        job=events["job"],
        seed=seed,
    )


def places_of(order: NonceOrder, address: NDArray[np.int64], chips: int) -> NDArray[np.int64]:
    """Where chips start in the counter: at their addresses, or at the offsets that a bring-up gives."""
    if order.model.nonce_has_address:
        return address
    known = {place: nonce_offset(number, chips) & 0xFFFF for number, place in enumerate(addresses(chips))}
    return np.array([known.get(place, 0) for place in address.tolist()], np.int64)
