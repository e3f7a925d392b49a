"""`verify`: agreement, disagreement, digest, and the shares of a real Antminer S9."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where, write_sample

from asicrc.capture import CaptureWriter, Verifier, load, recall, recheck, verify
from asicrc.capture.schema import TABLES
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from firmware_protocols.device import Duplicate, Job, Verdict, empty_events


def test_a_sound_capture(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    _, events = write_sample(path)
    report = verify(path)
    assert report.ok
    assert report.as_json() == {
        "path": str(path), "events": 12, "valid": 12, "low": 0, "stale": 0, "unknown_job": 0, "malformed": 0,
        "duplicate": 0, "synthetic": 0, "min_difficulty": float(events["difficulty"].min()), "frames": 12,
        "damaged_frames": 1, "sealed": True, "digest_ok": True, "disagreements": 0,
    }  # fmt: skip
    json.dumps(report.as_json(), allow_nan=False)


def test_an_unsealed_capture_without_a_wire(tmp_path: Path) -> None:
    CaptureWriter.create(tmp_path / "a", {}).close()
    report = verify(tmp_path / "a")
    assert (report.sealed, report.digest_ok, report.frames, report.damaged_frames) == (
        False,
        None,
        None,
        None,
    )
    assert report.ok
    assert report.as_json()["min_difficulty"] is None


def test_false_verdicts_are_found(tmp_path: Path) -> None:
    job = easy_job(1)
    good, bad = nonces_where(job, 2, 0, EASY), nonces_where(job, 2, EASY + 1, (1 << 256) - 1)
    events = events_for(job, [*good, *bad])
    verifier = Verifier()
    verifier.add_job(job)
    verifier.judge(events)
    events["verdict"][2] = Verdict.VALID
    events["difficulty"][0] *= 1 + 1e-15
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_jobs([job])
        writer.add_events(events)
        writer.seal("done")
    report = verify(tmp_path / "a")
    assert report.digest_ok
    assert not report.ok
    assert (report.disagreements, report.counters.valid, report.counters.low) == (2, 2, 2)
    assert load(tmp_path / "a").counters().valid == 3, "as stored"


def test_the_digest_finds_what_hashing_cannot(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with CaptureWriter.create(path, {}) as writer:
        writer.add_log("voltage 1200")
        writer.seal("done")
    path.write_bytes(path.read_bytes().replace(b"voltage 1200", b"voltage 1150"))
    report = verify(path)
    assert (report.digest_ok, report.disagreements, report.ok) == (False, 0, False)


def test_the_digest_is_what_its_description_says(tmp_path: Path) -> None:
    """Serialised a second time, from the words of the module, in the plainest way."""
    path = tmp_path / "a"
    write_sample(path)
    connection = sqlite3.connect(path)
    whole = b""

    def add(row: tuple[object, ...]) -> bytes:
        letters, fixed, texts = b"", b"", b""
        for value in row:
            if value is None:
                letters += b"n"
            elif isinstance(value, int):
                letters, fixed = letters + b"i", fixed + struct.pack(">q", value)
            elif isinstance(value, float):
                letters, fixed = letters + b"r", fixed + struct.pack(">d", value)
            else:
                letters += b"t" if isinstance(value, str) else b"b"
                body = value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]
                fixed, texts = fixed + struct.pack(">q", len(body)), texts + body
        return letters + fixed + texts

    for table in TABLES:
        whole += add((table,))
        order = "key" if table == "capture" else "rowid"
        for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):
            if row[0] != "digest":
                whole += add(row)
    connection.close()
    assert hashlib.sha256(whole).hexdigest() == load(path).meta["digest"]


def test_the_scan_period_of_the_capture_is_used(tmp_path: Path) -> None:
    job, period = easy_job(1), 10**10
    events = events_for(job, nonces_where(job, 1, 0, EASY) * 2)
    events["t_ns"] = [0, period]
    verifier = Verifier(period)
    verifier.add_job(job)
    verifier.judge(events)
    assert events["duplicate_reason"][1] == Duplicate.RESCAN
    for name, meta in (
        ("known", {"scan_period_ns": period}),
        ("not stated", {}),
        ("wrong", {"scan_period_ns": 3 * period}),
    ):
        with CaptureWriter.create(tmp_path / name, meta) as writer:
            writer.add_jobs([job])
            writer.add_events(events)
        assert verify(tmp_path / name).disagreements == (name == "wrong")


def test_many_jobs_are_fed_as_they_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More jobs than a verifier remembers, and events that span them within one chunk."""
    monkeypatch.setattr("asicrc.capture.verification.JOBS_KEPT", 64)
    monkeypatch.setattr(recheck, "JOBS_KEPT", 64)
    rng = np.random.default_rng(5)
    jobs = [
        replace(easy_job(number, wire_id=str(number % 8)), target=(1 << 255) - 1) for number in range(1, 201)
    ]
    verifier = Verifier()
    all_events = []
    for job in jobs:
        verifier.add_job(job)
        events = events_for(job, rng.integers(0, 1 << 32, 6).tolist(), 6 * (job.number - 1))
        events["job"][::3] = max(0, job.number - 8)
        verifier.judge(events)
        all_events.append(events)
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_jobs(jobs)
        writer.add_events(np.concatenate(all_events))
    report = verify(tmp_path / "a")
    assert report.counters == verifier.counters
    assert report.disagreements == 0
    assert report.counters.stale > 50
    assert report.counters.valid > 300


def test_recall_knows_the_proofs_from_before_the_interruption(tmp_path: Path) -> None:
    path = tmp_path / "a"
    jobs, events = write_sample(path, sealed=False)
    verifier = recall(path)
    again = events[-2:].copy()
    again["seq"] += 100
    again["segment"] = 1
    verifier.judge(again)
    assert again["duplicate"].all()
    assert (verifier.counters.events, verifier.counters.duplicate) == (len(events) + 2, 2)
    fresh = events_for(jobs[-1], nonces_where(jobs[-1], 5, 0, EASY)[4:], 200)
    verifier.judge(fresh)
    assert not fresh["duplicate"].any()
    with CaptureWriter.resume(path) as writer:
        writer.add_events(again)
        writer.add_events(fresh)
        writer.seal("done")
    assert verify(path).ok


def test_shares_of_a_real_s9(tmp_path: Path, published: Callable[[str], Path]) -> None:
    numbers: dict[tuple[str, ...], int] = {}
    jobs: list[Job] = []
    with published("s9_shares.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    events = empty_events(len(rows))
    fields = ("job_id", "version", "prevhash", "coinb1", "coinb2", "extranonce1", "merkle_branch", "nbits")
    for i, row in enumerate(rows):
        key = tuple(row[name] for name in fields)
        if key not in numbers:
            numbers[key] = len(numbers) + 1
            words = bytes.fromhex(row["prevhash"])
            jobs.append(
                Job(
                    number=numbers[key], wire_id=row["job_id"], version=int(row["version"], 16),
                    prev_hash=b"".join(words[k : k + 4][::-1] for k in range(0, 32, 4)),
                    ntime=int(row["ntime"], 16), nbits=int(row["nbits"], 16), target=DIFFICULTY_1_TARGET,
                    coinbase1=bytes.fromhex(row["coinb1"]), extranonce1=bytes.fromhex(row["extranonce1"]),
                    coinbase2=bytes.fromhex(row["coinb2"]),
                    branch=tuple(map(bytes.fromhex, json.loads(row["merkle_branch"]))),
                )
            )  # fmt: skip
        extranonce2 = bytes.fromhex(row["extranonce2"])
        event = events[i]
        event["seq"], event["t_ns"], event["job"] = i, round(float(row["timestamp"]) * 1e9), numbers[key]
        event["nonce"], event["version"] = int(row["nonce"], 16), int(row["version"], 16)
        event["ntime"], event["extranonce2_len"] = int(row["ntime"], 16), len(extranonce2)
        event["extranonce2"][: len(extranonce2)] = list(extranonce2)
    verifier = Verifier()
    for job in jobs:
        verifier.add_job(job)
    verifier.judge(events)
    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_jobs(jobs)
        writer.add_events(events)
        writer.seal("imported")
    report = verify(tmp_path / "a")
    print(report.as_json())
    assert report.ok
    assert report.counters == verifier.counters
    assert (report.counters.events, report.counters.valid, report.counters.duplicate) == (2588, 2588, 42)
    assert report.counters.min_difficulty == pytest.approx(256.2, abs=0.05)
    assert set(events["duplicate_reason"].tolist()) == {Duplicate.NONE, Duplicate.RESENT}
