"""The work of a capture once more: its schedule, and the files whose work is not sent again."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicrc.capture import CaptureWriter, load
from asicrc.errors import BadFile, UsageError
from asicrc.work import ChipJobs, JobSource
from asicrc.work.recorded_jobs import RecordedJobs
from firmware_protocols.device import NO_TIME, DeviceIdentity, Job, Setting

S = 1_000_000_000
SENT_NS = [50 * S, 52 * S, 53 * S, 57 * S]
IDENTITY = DeviceIdentity(
    "serial:x",
    "bm13xx",
    "BM1366",
    2,
    details={"cores": 4, "subcores": 1, "zero_bits": 16, "time_scale": 200.0},
)


def job(number: int, sent_ns: int) -> Job:
    rng = np.random.default_rng(number)
    return Job(
        number=number,
        wire_id=f"{number * 8:02x}",
        version=0x20000000,
        prev_hash=rng.bytes(32),
        ntime=1_700_000_000,
        nbits=0x17034219,
        target=1 << 200,
        merkle_root=rng.bytes(32),
        chip_target=1 << 220,
        sent_ns=sent_ns,
    )


def recording(
    path: Path,
    jobs: Sequence[Job] | None = None,
    *,
    end_ns: int | None = 60 * S,
    identity: DeviceIdentity | None = IDENTITY,
    settings: Sequence[Setting] = (),
    sealed: bool = True,
) -> Path:
    meta: dict[str, Any] = {}
    if identity is not None:
        meta["identity"] = {
            "url": identity.url,
            "family": identity.family,
            "model": identity.model,
            "chips": identity.chips,
            "details": identity.details,
        }
    with CaptureWriter.create(path, meta) as writer:
        writer.add_jobs([job(k + 1, t_ns) for k, t_ns in enumerate(SENT_NS)] if jobs is None else jobs)
        writer.add_settings(settings)
        if end_ns is not None:
            writer.set_meta("pulled", {"start_ns": 49 * S, "end_ns": end_ns})
        if sealed:
            writer.seal("made up")
    return path


def recorded(path: Path) -> RecordedJobs:
    with load(path) as capture:
        return RecordedJobs(capture)


def test_jobs_come_again_at_their_intervals(tmp_path: Path) -> None:
    jobs: JobSource = recorded(recording(tmp_path / "a.asicrc"))
    start_ns = 9000 * S
    jobs.begin(start_ns)
    assert jobs.ends_ns == start_ns + 10 * S  # 60 - 50
    due, numbers, roots = [], [], []
    while (due_ns := jobs.due_ns) is not None:
        taken = jobs.take(due_ns + 1_000_000)  # a millisecond late
        assert taken.missed == 0
        due.append((due_ns - start_ns) / S)
        numbers.append(taken.job.number)
        roots.append(taken.job.merkle_root)
    assert due == [0, 2, 3, 7]
    assert numbers == [1, 2, 3, 4]
    assert roots == [job(k, 0).merkle_root for k in numbers]


def test_what_the_driver_fills_in_is_left_to_it(tmp_path: Path) -> None:
    jobs = recorded(recording(tmp_path / "a.asicrc"))
    jobs.begin(0)
    sent = jobs.take(0).job
    assert (sent.wire_id, sent.chip_target) == ("", None)


def test_after_a_standstill_the_newest_due_job_is_sent(tmp_path: Path) -> None:
    jobs = recorded(recording(tmp_path / "a.asicrc"))
    jobs.begin(0)
    jobs.take(0)
    taken = jobs.take(3 * S + 5)
    assert (taken.job.number, taken.missed) == (3, 1)
    assert jobs.due_ns == 7 * S
    assert jobs.take(100 * S).missed == 0
    assert jobs.due_ns is None


def test_new_work_keeps_the_same_rules() -> None:
    jobs: JobSource = ChipJobs(1, 0, 2.0)
    jobs.begin(10 * S)
    assert jobs.due_ns == 10 * S
    assert jobs.ends_ns is None
    assert jobs.take(10 * S + 7).missed == 0
    assert jobs.due_ns == 12 * S
    taken = jobs.take(17 * S)
    assert (taken.job.number, taken.missed) == (2, 2)
    assert jobs.due_ns == 18 * S


def test_it_says_where_the_work_is_from_and_at_which_settings(tmp_path: Path) -> None:
    settings = [
        Setting(1, "frequency_mhz", None, 100.0, "original"),
        Setting(2, "frequency_mhz", 201.0, 200.0),
        Setting(2, "hash_counting_number", 5243.0, 5243.0),
        Setting(2, "voltage_mv", 1200.0, 1198.5),
        Setting(2, "host_baud", 1e6, 1e6),
        Setting(3, "frequency_mhz", None, 100.0, "restored"),
    ]
    path = recording(tmp_path / "a.asicrc", settings=settings)
    jobs = recorded(path)
    assert jobs.settings == {"frequency_mhz": 200.0, "hash_counting_number": 5243.0, "voltage_mv": 1200.0}
    with load(path) as capture:
        assert jobs.replay_of == {"name": "a.asicrc", "digest": capture.meta["digest"], "jobs": 4}
    assert jobs.duration_s == 10
    assert jobs.mean_life_s == 2.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "BM1368"}, "2 x BM1368 answer"),
        ({"chips": 3}, "3 x BM1366 answer"),
        ({"details": IDENTITY.details | {"cores": 8}}, "cores = 4, this device has 8"),
        ({"details": IDENTITY.details | {"time_scale": 50.0}}, "time_scale"),
    ],
)
def test_another_kind_of_device_is_refused(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    jobs = recorded(recording(tmp_path / "a.asicrc"))
    jobs.check_device(replace(IDENTITY, url="serial:another"))
    with pytest.raises(UsageError, match=said):
        jobs.check_device(replace(IDENTITY, **change))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sealed": False}, "is not sealed"),
        ({"identity": None}, "which device"),
        ({"jobs": []}, "holds no jobs"),
        ({"jobs": [replace(job(1, S), damaged=True)]}, "job 1 .* damaged"),
        ({"jobs": [replace(job(1, S), merkle_root=None)]}, "job 1 .* merkle root"),
        ({"jobs": [job(1, S), job(2, NO_TIME)]}, "job 2 .* when it was sent"),
        ({"end_ns": None}, "how long its last job"),
    ],
)
def test_work_that_cannot_be_sent_again(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=said):
        recorded(recording(tmp_path / "a.asicrc", **options))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jobs": [job(1, 2 * S), job(2, S)]}, "job 2 was sent before"),
        ({"jobs": [job(1, -(1 << 62)), job(2, 1 << 62)]}, "more than a year"),
        ({"end_ns": 57 * S}, "ended before its last job"),
        ({"end_ns": 1 << 62}, "ended before its last job"),
        ({"settings": [Setting(1, "hash_counting_number", None, float("inf"))]}, "no device is set to"),
        ({"settings": [Setting(1, "difficulty", None, -3.0)]}, "no device is set to"),
    ],
)
def test_files_that_contradict_themselves(options: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=said):
        recorded(recording(tmp_path / "a.asicrc", **options))


def test_a_file_that_was_changed_after_it_was_sealed(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.asicrc")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE jobs SET ntime = ntime + 1 WHERE number = 2")
        connection.commit()
    with pytest.raises(BadFile, match="changed after it was sealed"):
        recorded(path)
