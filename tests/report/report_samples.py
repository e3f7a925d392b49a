"""What reports are made of, small and quick: captures, a benchmark, a run of claims; hostile where asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.bench.plan_file import plan_from_toml
from asicrc.bench.stored_sweep import sweep_record
from asicrc.capture import CaptureWriter
from asicrc.capture.points import PointRecord, PointState
from asicrc.reservoir.benchmark import BenchmarkResult, CaptureScores, Scored, Split, Subject, combine
from asicrc.reservoir.benchmark.pictures import Pictures
from firmware_protocols.device import DeviceIdentity, Job, NonceBatch, Reading, Setting, Verdict, empty_events

S = 1_000_000_000
BEGAN_NS = 5 * S
MARKUP = "<script>alert('taken')</script>"
HOSTILE = f"\"'></code></title></style>{MARKUP}<img src=x onerror=alert(1)>&amp;{{{{ 7 * 7 }}}}"
UNSEEN = "a\x1b[2J\u202egpj.exe\u2066\x00\x9b\u200b\u2028z"
PLAN = plan_from_toml(
    'name = "two clocks"\norder = "grid"\n[grid]\nvoltage_mv = [1100, 1200]\nfrequency_mhz = [300, 400]\n'
    "[dwell]\nduration_s = 60\n",
    Path("plan.toml"),
)


def plain_capture(path: Path, n: int = 240, text: str = "LV06", *, seal: bool = True) -> Path:
    """Poisson arrivals of a statistical model, two a second; `text` stands wherever a device's words do."""
    with _begun(path, text) as writer:
        writer.add_events(_events(0, n, BEGAN_NS, 0.5))
        end_ns = BEGAN_NS + (n // 2 + 30) * S
        _finish(writer, text, end_ns, seal=seal)
    return path


def sweep_capture(path: Path, text: str = "LV06") -> Path:
    """Four points of 60 s each, the last one aborted."""
    with _begun(path, text, sweep_record(PLAN)) as writer:
        for place, point in enumerate(PLAN.points()):
            start_ns, first = BEGAN_NS + place * 60 * S, place * 60
            writer.add_events(_events(first, 60, start_ns, 0.9))
            made = [[name, value, value] for name, value in point.requested.items()]
            plan = point.as_json() | {
                "first_seq": first, "end_seq": first + 60, "made": made, "settled": {"settled": True},
                "reached": text, "conditions": {"temperature_c": {"mean": 50.0 + place}},
            }  # fmt: skip
            state = PointState.ABORTED if place == 3 else PointState.DONE
            writer.put_point(PointRecord(place + 1, start_ns, start_ns + 60 * S - 1, state, plan))
        _finish(writer, text, BEGAN_NS + 240 * S, point=False)
    return path


def benchmark(text: str = "twin:lv06") -> BenchmarkResult:
    """Three captures, of which the device knows nothing; scores and pictures made up, all else computed."""
    rng = np.random.default_rng(1)
    names = ("device", "constant", "u_t", "linear_20", "poisson_twin", "history_shuffled")
    captures = []
    for number in range(3):
        truth = rng.normal(size=50)
        scores = {
            name: Scored(
                name, 1.0 - 0.1 * place + 0.01 * rng.normal(), 0.2, rng.normal(size=50), features=place
            )
            for place, name in enumerate(names)
        }
        curves = {name: np.r_[0.5, 0.01 * rng.normal(size=8)] for name in ("device", "u_t", "poisson_twin")}
        predictions = {name: scored.prediction for name, scored in scores.items()}
        information = {"device": {1: 0.5, 2: 0.1}, "poisson_twin": {1: 0.2, 2: 0.0}}
        pictures = Pictures(truth, predictions, information) if number == 0 else None
        captures.append(
            CaptureScores(
                scores, curves, kept=("count", text), refused={text: 0.5}, notes=(text,), pictures=pictures
            )
        )
    subject = Subject(text, "stream", "work", heats=False, simulated=True, truth={"planted": "", text: text})
    return combine("narma10", Split(20, 100, 50), captures, subject=subject)


def claims(text: str = "the CV departs from 1") -> dict[str, Any]:
    """A run with every kind of number and verdict, as `ClaimsRun.as_json` gives it."""
    estimate = {"estimate": 0.9, "low": 0.8, "high": 1.0, "n": 40}
    null = {"name": text, "statistic": 1.5, "p_value": 0.04, "n": 40, "null": text, "replicates": 999}
    reproduced = [
        {"name": text, "published": 0.8661, "value": estimate, "unit": "NRMSE"},
        {"name": "n / k", "published": 12.8, "value": 12.8, "unit": "times"},
        {"name": "of an LV06", "published": 2.93, "value": 38461.5, "unit": "MH/s per W"},
        {"name": "in words", "published": "half", "value": text, "unit": ""},
        {"name": "nothing came out", "published": None, "value": None, "unit": ""},
    ]  # fmt: skip
    told = [
        _claim("H01", "supported", "refuted", text, reproduced=reproduced, nulls=[null],
               smallest_effect=0.05),
        _claim("H02", "not resolved", "not testable here", text, source="twin", instrument={
            "verdict": "validated", "power": estimate, "false_alarms": None}),
        _claim("H03", "not testable here", "not testable here", text, state="no source", reason=text),
        _claim("H04", "not testable here", "not testable here", text, state="failed", reason=text),
    ]  # fmt: skip
    given = {"data": None, "capture": None, "device": text, "twin": "planted"}
    return {
        "source": "twin planted", "given": given, "planted": [text], "claims": told, "seed": 1,
        "budget_s": 28800.0, "took_s": 46.2, "interrupted": True,
    }  # fmt: skip


def _claim(name: str, value: str, meaning: str, text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "kind": "E, D", "paper": "2601.01916", "where": "VI.A", "title": text, "claimed": text,
        "reproduced": [], "nulls": [], "value_verdict": value, "interpretation_verdict": meaning,
        "instrument": None, "source": "computation", "smallest_effect": None, "effect_unit": "in CV",
        "needs": text, "note": text, "planted": [], "margin": text, "state": "answered", "reason": None,
        "took_s": 1.0,
    } | more  # fmt: skip


def _begun(path: Path, text: str, meta: Mapping[str, Any] | None = None) -> CaptureWriter:
    identity = DeviceIdentity(
        f"twin:{text}", "bitaxe", f"LV06 {text}", 1, (0x1366,), serial=text, firmware=text, simulated=True,
        details={text: text, "cores": 112},
    )  # fmt: skip
    described = {
        "asicrc_version": "0.1.0", "python": "3.11", "numpy": "2.0", "platform": text, "seed": 1,
        "command": ["asicrc", "capture", "--device", text], "device_url": text, "identity": asdict(identity),
        "station": {"name": text, text: [text, {"a": text}]}, "plan": {"mode": "stream", "requested": {}},
        "clock": {"t_ns": "virtual"}, "limits": {"voltage_mv_max": 1300.0},
    }  # fmt: skip
    writer = CaptureWriter.create(path, described | (meta or {}), t_start_ns=BEGAN_NS, boot_id=None)
    writer.add_anchor(1_767_225_600 * S, BEGAN_NS)
    writer.add_jobs([_job()])
    settings = [("frequency_mhz", 400.0, 400.0), ("voltage_mv", 1200.0, 1195.0), (text, 1.0, None)]
    writer.add_settings([Setting(BEGAN_NS, name, asked, told) for name, asked, told in settings])
    return writer


def _finish(writer: CaptureWriter, text: str, end_ns: int, *, point: bool = True, seal: bool = True) -> None:
    for t_ns in range(BEGAN_NS, end_ns, 10 * S):
        writer.add_readings(
            [
                Reading(t_ns, "temperature_c", 50 + t_ns % 7),
                Reading(t_ns, text, 1.0),
                Reading(t_ns, "odd", np.nan),
            ]
        )
    writer.add_log(text, "warning", t_ns=BEGAN_NS + S)
    writer.add_log("settled", t_ns=BEGAN_NS + 2 * S)
    if point:
        plan = {"point": 0, "repeat": 0, "first_seq": 0}
        writer.put_point(PointRecord(1, BEGAN_NS, end_ns, PointState.DONE, plan))
    writer.set_meta("restored", True)
    writer.commit()
    if seal:
        writer.seal(text)


def _events(first_seq: int, n: int, start_ns: int, mean_s: float) -> NonceBatch:
    rng = np.random.default_rng(first_seq)
    events = empty_events(n)
    events["seq"] = np.arange(first_seq, first_seq + n)
    events["t_ns"] = start_ns + 1 + np.cumsum(rng.exponential(mean_s * S, n)).astype(np.int64)
    events["t_sent_ns"] = start_ns
    events["n_in_read"] = 1
    events["job"] = 1
    events["nonce"] = rng.integers(0, 1 << 32, n)
    events["difficulty"] = 256.0
    events["verdict"] = Verdict.VALID
    events["synthetic"] = True
    return events


def _job() -> Job:
    rng = np.random.default_rng(0)
    return Job(
        number=1, wire_id="1", version=0x20000000, prev_hash=rng.bytes(32), ntime=1_700_000_000,
        nbits=0x1D00FFFF, target=(1 << 224) - 1, merkle_root=rng.bytes(32), sent_ns=BEGAN_NS,
    )  # fmt: skip
