"""The jitter floor of a capture: how far stamps spread where the chip has no part in it.

Ten times a second chip 0 is asked for a register while it works. Its answer comes the same way as a nonce, so
the spread of the round trips is what the line and a host with that load make of exact times. A host that is
busy now was quiet a moment before: reads from before the work, or from behind the last nonce, are no floor of
the nonces, and a few reads are none of a host that is late in spells.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from asicrc.analysis.time_blocks import FEWEST, SPELL_S
from asicrc.capture.reader import Capture
from asicrc.devices.scan_settings import model_of
from asicrc.errors import BadFile, NoAnswer
from asicrc.evidence import Estimate
from asicrc.evidence.block_bootstrap import Floats, block_length
from firmware_protocols.bm13xx import HostDecoder, ReadRegister, RegisterResponse, encode
from firmware_protocols.device import NO_TIME, Direction
from firmware_protocols.errors import ProtocolError

MIN_READS = 59
"""So many do not miss, by 95 %, what a host does to one stamp in twenty: 0.95^59 is 0.05."""
NEAR_S, LEAST_NEAR = 1.0, 0.9
"""Share of the nonces that have to have had a read that near: spells last for tenths of a second and more."""
SMALLEST_S, LARGEST_S = 1e-9, 1e6
"""Stamps are whole nanoseconds."""
_LATEST_NS = (1 << 62) - 1
_REPLICATES = 400
_METHOD = "round trips of register reads between the nonces, percentiles of circular moving blocks"


def floor_of_capture(capture: Capture, event_ns: NDArray[np.int64], seed: int = 1) -> Estimate:
    """Rms jitter of the stamps while the events at `event_ns` came, s.

    From the round trips on the recorded line. A capture without a line, of a twin, has it from what the
    device stated; then `low` is NaN. Raises NoAnswer where it was not measured well enough, and BadFile for
    a statement that is forged.
    """
    if next(iter(capture.wire()), None) is None:
        return _stated(capture)
    found = list(round_trips_ns(capture))
    at_ns, trip_ns = np.array(found, np.int64).reshape(-1, 2).T
    return floor_of_reads(at_ns, trip_ns / 1e9, event_ns, seed)


def floor_of_reads(
    at_ns: NDArray[np.int64], round_trip_s: Floats, event_ns: NDArray[np.int64], seed: int
) -> Estimate:
    """Standard deviation of the round trips that ended at `at_ns`, between the first event and the last, s.

    The interval is of whole stretches of time (Kuensch 1989, percentile method): late answers come in spells,
    and their tail is long. Raises NoAnswer for fewer than 59 reads, and where fewer than nine events in ten
    have one within a second.
    """
    if not len(event_ns):
        raise NoAnswer("the jitter floor is of no nonces", "capture for longer")
    between = (at_ns >= event_ns.min()) & (at_ns <= event_ns.max())
    order = np.flatnonzero(between)[np.argsort(at_ns[between], kind="stable")]
    at_ns, round_trip_s = at_ns[order], round_trip_s[order]
    n = len(at_ns)
    if n < MIN_READS:
        raise NoAnswer(
            f"the jitter floor was not measured well enough: {n} register reads were answered while nonces "
            f"came, it takes {MIN_READS}",
            "capture for longer: ten are sent a second",
        )
    near = _share_near(at_ns, event_ns)
    if near < LEAST_NEAR:
        raise NoAnswer(
            f"the jitter floor was not measured well enough: {near * 100:.0f} % of the nonces have a "
            f"register read within {NEAR_S:g} s, it takes {LEAST_NEAR * 100:.0f} %",
            "see in the log why the chip did not answer",
        )
    rms_s = float(round_trip_s.std(ddof=1))
    spell = n * SPELL_S / max((int(at_ns[-1]) - int(at_ns[0])) / 1e9, SPELL_S)
    length = max(block_length(n), min(n // FEWEST, round(spell)))
    again = _again(round_trip_s, length, np.random.default_rng(np.random.SeedSequence(seed)))
    low, high = np.quantile(again, [0.025, 0.975])
    method = f"{_METHOD} of {length}"
    return Estimate(rms_s, min(rms_s, float(low)), max(rms_s, float(high)), n, method=method)


def round_trips_ns(capture: Capture) -> Iterator[tuple[int, int]]:
    """When each read of the chip id of chip 0 was answered, and how long that took, ns.

    From just before the write to the stamp of the host's read. A read whose answer did not come before the
    next one was sent is not among them.
    """
    identity = capture.identity
    if identity is None:
        return
    try:
        model = model_of(identity)
    except ProtocolError:
        return  # nobody knows what the chip's answers look like
    register = model.registers.chip_id
    probe = encode(ReadRegister(register, address=0), model)
    asked_ns, decoder = NO_TIME, HostDecoder(model)
    for chunk in capture.wire():
        t_ns = chunk.stamp.t_ns
        if t_ns == NO_TIME or abs(t_ns) > _LATEST_NS:
            continue
        if chunk.direction is Direction.TX:
            if chunk.data == probe:
                asked_ns, decoder = t_ns, HostDecoder(model)
        elif asked_ns != NO_TIME:
            frames = [received.frame for received in decoder.receive_data(chunk.data, t_ns)]
            # a BM1387 does not say which register it answers for
            if any(isinstance(f, RegisterResponse) and f.register in (None, register) for f in frames):
                if t_ns > asked_ns:
                    yield t_ns, t_ns - asked_ns
                asked_ns = NO_TIME


def _stated(capture: Capture) -> Estimate:
    rms_s, high_s = (capture.number("jitter_floor", name) for name in ("rms_s", "rms_high_s"))
    n = capture.number("jitter_floor", "n") or 0
    if rms_s is None or high_s is None:
        raise NoAnswer(
            "the jitter floor of these stamps is not known", "captures of a serial line measure it"
        )
    if not SMALLEST_S <= rms_s <= high_s <= LARGEST_S:
        raise BadFile(
            f"{capture.path}: a jitter floor of {rms_s:g} s, {high_s:g} s at most, was not measured",
            "the file is damaged or was altered",
        )
    if n < MIN_READS:
        raise NoAnswer(
            f"the jitter floor was not measured well enough: from {n:g} delays, it takes {MIN_READS}",
            "capture for longer",
        )
    return Estimate(rms_s, float("nan"), high_s, int(n), method="as the device states it")


def _share_near(at_ns: NDArray[np.int64], event_ns: NDArray[np.int64]) -> float:
    """Share of the events that a read was near to."""
    after = np.searchsorted(at_ns, event_ns)
    next_ns = np.abs(at_ns[np.minimum(after, len(at_ns) - 1)] - event_ns)
    last_ns = np.abs(at_ns[np.maximum(after - 1, 0)] - event_ns)
    return float(np.mean(np.minimum(next_ns, last_ns) <= NEAR_S * 1e9))


def _again(values: Floats, length: int, rng: np.random.Generator) -> Floats:
    """Standard deviations of series made of blocks of these."""
    n = len(values)
    starts = rng.integers(0, n, (_REPLICATES, -(-n // length)))
    spreads = np.empty(_REPLICATES)
    for k, row in enumerate(starts):
        places = (row[:, None] + np.arange(length)).ravel()[:n] % n
        spreads[k] = values[places].std(ddof=1)
    return spreads
