"""Claims of a capture: of a device with verdicts, of a twin without, of another kind with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicrc.capture import CaptureWriter
from asicrc.capture.reader import load
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.planning import seed_of
from asicrc.claims.procedure import Context
from asicrc.claims.procedures import procedures
from asicrc.claims.registry import IDS
from asicrc.evidence import EvidenceVerdict, Instrument
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import Job, Verdict, empty_events

REFUTED, OPEN = EvidenceVerdict.REFUTED, EvidenceVerdict.NOT_RESOLVED
UNTESTABLE = EvidenceVerdict.NOT_TESTABLE_HERE
DIFFICULTY, JOB_S = 256.0, 30.0


@pytest.fixture(scope="module")
def of_a_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6,000 shares of a Poisson process, with jobs each 30 s."""
    return written(tmp_path_factory.mktemp("claims") / "device.asicrc", {})


def written(path: Path, identity: dict[str, Any], **meta: Any) -> Path:
    rng = np.random.default_rng(7)
    t_s = np.cumsum(rng.exponential(0.5, 6000))
    events = empty_events(len(t_s))
    events["seq"] = np.arange(len(t_s))
    events["t_ns"] = 10**12 + np.round(t_s * 1e9).astype(np.int64)
    events["job"] = 1 + (t_s // JOB_S).astype(np.int64)
    events["t_sent_ns"] = 10**12 + ((t_s // JOB_S) * JOB_S * 1e9).astype(np.int64)
    events["nonce"] = rng.integers(0, 1 << 32, len(t_s))
    events["difficulty"] = DIFFICULTY / rng.random(len(t_s))
    events["verdict"] = Verdict.VALID
    jobs = [job(number) for number in range(1, int(events["job"].max()) + 1)]
    said = {"url": "axeos://10.0.0.2", "family": "axeos", "model": "LV06", "chips": 1, "details": {}}
    with CaptureWriter.create(path, {"identity": said | identity, **meta}) as writer:
        writer.add_jobs(jobs)
        writer.add_events(events)
        writer.set_meta("jitter_floor", {"rms_s": 0.001, "rms_high_s": 0.001, "n": 2000})
        writer.seal("made up")
    return path


def job(number: int) -> Job:
    rng = np.random.default_rng(number)
    return Job(
        number=number,
        wire_id=f"{number:x}",
        version=0x20000000,
        prev_hash=rng.bytes(32),
        merkle_root=rng.bytes(32),
        ntime=1_700_000_000,
        nbits=0x17034219,
        target=int(DIFFICULTY_1_TARGET / DIFFICULTY),
        sent_ns=10**12 + round((number - 1) * JOB_S * 1e9),
    )


def answer(claim: str, path: Path) -> ClaimOutcome:
    procedure = next(one for one in procedures() if one.claim == claim and "capture" in one.sources)
    with load(path) as capture:
        return procedure.answer(Context(seed_of(1, claim, IDS), budget_s=60.0, capture=capture))


def test_a_device_without_a_heartbeat_refutes_it(of_a_device: Path) -> None:
    found = answer("H04", of_a_device)
    assert (found.source, found.interpretation_verdict) == ("device", REFUTED)
    assert found.instrument is None
    assert found.smallest_effect is not None and 0.05 < found.smallest_effect < 0.15
    assert found.note.count("argin of the depth") == 1
    assert found.needs == ""


def test_one_voltage_refutes_nothing_about_lowered_ones(of_a_device: Path) -> None:
    for claim in ("H01", "H03"):
        found = answer(claim, of_a_device)
        assert found.interpretation_verdict is OPEN
        assert "one setting" in found.note
        assert "sweep" in found.needs


@pytest.mark.long
def test_a_device_that_does_not_leak(of_a_device: Path) -> None:
    found = answer("S20", of_a_device)
    assert found.interpretation_verdict in (REFUTED, OPEN)
    assert found.source == "device"
    assert any(one.name.startswith("I(depth") for one in found.reproduced)


@pytest.mark.parametrize(
    "claim", ["H02", "H06", "H07", "H08", "H09", "H11", "H13", "H18", "S01", "S04", "S06", "S26"]
)
def test_a_capture_of_something_else_says_what_it_takes(claim: str, of_a_device: Path) -> None:
    found = answer(claim, of_a_device)
    assert (found.value_verdict, found.interpretation_verdict) == (UNTESTABLE, UNTESTABLE)
    assert found.note and found.needs


def test_a_twins_capture_tells_of_the_instrument_alone(tmp_path: Path) -> None:
    details = {"kind": "planted", "effect_heartbeat_depth": 0.0}
    path = written(tmp_path / "twin.asicrc", {"family": "twin", "simulated": True, "details": details})
    found = answer("H04", path)
    assert (found.source, found.value_verdict, found.interpretation_verdict) == (
        "twin",
        UNTESTABLE,
        UNTESTABLE,
    )
    assert found.instrument is not None and found.instrument.verdict is Instrument.VALIDATED
    assert found.reproduced == ()


def test_a_handshake_with_a_slow_line_is_refused(tmp_path: Path, of_a_device: Path) -> None:
    found = answer("S26", written(tmp_path / "handshake.asicrc", {}, plan={"mode": "handshake"}))
    assert found.interpretation_verdict is REFUTED
    assert "floor of stamps 1e+03 us" in found.note
