"""Small captures with something in every table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from asicrc.capture.points import PointRecord, PointState
from asicrc.capture.writer import CaptureWriter
from asicrc.clock import MACHINE_CLOCK, boot_id
from firmware_protocols.device import (
    DeviceIdentity,
    Direction,
    Job,
    NonceBatch,
    Reading,
    Setting,
    Stamp,
    Verdict,
    WireChunk,
    empty_events,
)

BEGAN_NS = MACHINE_CLOCK.now_ns()


def begun(path: Path, seed: int = 1, device: str = "sim:bm1366") -> CaptureWriter:
    """A capture of this machine's clock with a job, settings and a point that runs."""
    writer = CaptureWriter.create(
        path,
        {
            "asicrc_version": "0.1.0",
            "device_url": device,
            "seed": seed,
            "sweep": {"points": [1, 2]},
            "identity": asdict(DeviceIdentity(device, "bitaxe", "BM1366 <board>", 1, firmware="v2.1")),
        },
        t_start_ns=BEGAN_NS,
        boot_id=boot_id(),
    )
    _anchor(writer, BEGAN_NS)
    writer.add_jobs([job(1)])
    writer.add_settings([Setting(1, "frequency_mhz", 485.0, 485.0), Setting(1, "voltage_mv", 1200.0, None)])
    writer.put_point(PointRecord(1, t_start_ns=BEGAN_NS, plan={"point": 0, "repeat": 0, "first_seq": 0}))
    return writer


def grow(writer: CaptureWriter, n: int, seed: int = 0) -> None:
    """More of everything, committed."""
    events = some_events(writer.next_seq, n, seed)
    writer.add_events(events)
    t_ns = int(events["t_ns"][-1])
    writer.add_readings(
        [
            Reading(t_ns, "temperature_c", 55.25),
            Reading(t_ns, "power_w", 12.5),
            Reading(t_ns, "odd", float("inf")),
        ]
    )
    writer.add_wire([WireChunk(Direction.RX, Stamp(t_ns, t_ns), bytes(range(11)))])
    writer.add_log("grown", t_ns=t_ns)
    _anchor(writer, t_ns + 20_000_000)
    writer.commit()


def _anchor(writer: CaptureWriter, t_ns: int) -> None:
    """At the capture's own time: these tests may begin minutes after this module was read."""
    writer.add_anchor(MACHINE_CLOCK.realtime_ns() - MACHINE_CLOCK.now_ns() + t_ns, t_ns)


def ended(writer: CaptureWriter) -> str:
    """The digest."""
    plan = {"point": 0, "repeat": 0, "first_seq": 0}
    writer.put_point(PointRecord(1, BEGAN_NS, 1 << 60, PointState.DONE, plan))
    writer.set_meta("restored", True)
    return writer.seal("duration reached")


def some_events(first_seq: int, n: int, seed: int = 0) -> NonceBatch:
    rng = np.random.default_rng((seed, first_seq))
    events = empty_events(n)
    events["seq"] = np.arange(first_seq, first_seq + n)
    events["t_ns"] = BEGAN_NS + (first_seq + 1 + np.arange(n)) * 10_000_000 + rng.integers(0, 9_000_000, n)
    events["n_in_read"] = 1
    events["job"] = 1
    events["nonce"] = rng.integers(0, 1 << 32, n)
    events["version"] = 0x20000000
    events["ntime"] = 1_700_000_000
    events["extranonce2"][:, :4] = rng.integers(0, 256, (n, 4))
    events["extranonce2_len"] = 4
    events["difficulty"] = rng.exponential(256, n)
    events["verdict"] = Verdict.VALID
    return events


def job(number: int) -> Job:
    return Job(
        number=number,
        wire_id=f"{number:x}",
        version=0x20000000,
        prev_hash=bytes(32),
        ntime=1_700_000_000,
        nbits=0x1D00FFFF,
        target=1 << 220,
        merkle_root=bytes(range(32)),
        sent_ns=1,
    )
