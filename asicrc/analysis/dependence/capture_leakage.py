"""The leakage question asked of a capture: which events, which timings, which strata."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.dependence.leakage import Floats, Leakage, leakage
from asicrc.analysis.fingerprint.recording import Recorded
from asicrc.analysis.job_residuals import residuals_of_jobs, timed_events
from asicrc.capture.reader import load
from asicrc.devices.scan_settings import scan_order_of, time_scale_of
from asicrc.errors import NoAnswer
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import NO_TIME, NonceBatch, Verdict

NONCE_REGIONS = 16


def leakage_of_capture(path: Path, seed: int = 1) -> Leakage:
    """Hash depth against what the capture knows of timing: the interval before an event, the time since the
    newest job, and on a direct line the residual against the scan order, which stands for both there.

    Raises BadFile, and NoAnswer for a capture without difficulties or times enough.
    """
    with load(path) as capture:
        return leakage_in(capture, path.name, seed)


def leakage_in(capture: Recorded, name: str, seed: int = 1) -> Leakage:
    """The same of a capture that is open, in a file or in memory; `name` is for messages."""
    events = capture.events()
    usable = (events["verdict"] == Verdict.VALID) & ~events["duplicate"] & (events["t_ns"] != NO_TIME)
    events = events[usable & np.isfinite(events["difficulty"])]
    if not len(events):
        raise NoAnswer(f"{name} holds no valid event with a time and a difficulty", "verify and capture anew")
    depth = _depth(capture, events)
    residual = _residual(capture, events, seed)
    timings = {"residual": residual} if residual is not None else _timings(events)
    strata = (events["nonce"].astype(np.int64) * NONCE_REGIONS) >> 32
    return leakage(depth, timings, strata, seed=np.random.SeedSequence(seed))


def _depth(capture: Recorded, events: NonceBatch) -> Floats:
    """Value over target of each hash. Where a job states no target that its events keep to, the easiest event
    stands for it: depth is then a rank of difficulty all the same."""
    required = {job.number: DIFFICULTY_1_TARGET / max(job.target, 1) for job in capture.jobs()}
    easiest = float(events["difficulty"].min())
    of_event = np.array([required.get(int(number), easiest) for number in events["job"]])
    depth: Floats = np.minimum(of_event / events["difficulty"], 1.0)
    return depth


def _residual(capture: Recorded, events: NonceBatch, seed: int) -> Floats | None:
    """Seconds by which each came later than the scan order says; None where no order is known or followed."""
    identity = capture.identity
    if identity is None or identity.family != "bm13xx" or events["synthetic"].any():
        return None
    order = scan_order_of(identity, capture.settings())
    jobs = {job.number: job for job in capture.jobs() if job.sent_ns != NO_TIME and not job.damaged}
    timed = timed_events(events, jobs)
    if order is None or not len(timed):
        return None
    scale = time_scale_of(identity)
    found = residuals_of_jobs(timed, jobs, order, identity.chips, scale, None, None, "not asked for", seed)
    if not found.follows:
        return None
    residual = np.full(len(events), np.nan)
    residual[np.isin(events["seq"], timed["seq"])] = found.residual_scaled_ms / 1e3
    return residual


def _timings(events: NonceBatch) -> dict[str, Floats]:
    t_ns = events["t_ns"]
    interval = np.full(len(events), np.nan)
    same = np.diff(events["segment"]) == 0
    interval[1:][same] = np.diff(t_ns)[same] / 1e9
    latency = np.full(len(events), np.nan)
    sent: NDArray[np.bool_] = events["t_sent_ns"] != NO_TIME
    latency[sent] = (t_ns[sent] - events["t_sent_ns"][sent]) / 1e9
    return {"interval": interval, "latency": latency}
