"""Where settings changed on the way, a proof that is found again is judged by the period of its own time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where

from asicrc.capture import load, recall, verify
from asicrc.capture.scan_periods import ScanPeriods
from asicrc.capture.storage_link import StorageLink
from firmware_protocols.device import Batch, Duplicate

SECOND_NS = 10**9


def test_each_change_holds_from_its_event_on() -> None:
    periods = ScanPeriods()
    assert periods.changed(5, 0) == {"scan_period_ns": 5}
    assert periods.changed(5, 10) == {}
    assert periods.changed(None, 20) == {"scan_period_ns": None, "scan_periods": [[0, 5], [20, None]]}
    kept = periods.changed(7, 30)
    again = ScanPeriods.of(kept)
    assert [again.at(seq) for seq in (0, 19, 20, 29, 30, 10**9)] == [5, 5, None, None, 7, 7]
    assert [again.next_change(seq) for seq in (0, 20, 30)] == [20, 30, None]
    assert ScanPeriods.of({"scan_period_ns": 9}).at(10**6) == 9
    assert not ScanPeriods.of({}).known


@pytest.mark.parametrize(
    "stated", [7, [7], [[0]], [[0, "x"]], [[0, 1], [5, 2], [4, 3]], [[-1, 1]], [[None, 1]]]
)
def test_what_no_asicrc_writes_is_refused(stated: object) -> None:
    with pytest.raises(ValueError):
        ScanPeriods.of({"scan_periods": stated})


def test_a_capture_with_two_periods_is_judged_anew_as_it_was(tmp_path: Path) -> None:
    path, job = tmp_path / "a.asicrc", easy_job(1)
    first, second = nonces_where(job, 2, 0, EASY)
    seq = 0

    def found(*times: tuple[int, int]) -> Batch:
        nonlocal seq
        events = events_for(job, [nonce for nonce, _ in times])
        events["t_ns"] = [t_s * SECOND_NS for _, t_s in times]
        events["seq"] = seq + np.arange(len(times))
        seq += len(times)
        return Batch(nonces=events)

    with StorageLink() as storage:
        storage.open(path, {}, "none", t_start_ns=0, boot_id=None)
        storage.put("jobs", [job])
        storage.put("scan_period_ns", 10 * SECOND_NS)
        storage.put("batch", found((first, 1), (first, 11)))
        storage.put("scan_period_ns", 25 * SECOND_NS)
        storage.put("batch", found((second, 30), (second, 40), (second, 55)))
        storage.seal("done", {})
    reasons = load(path).events()["duplicate_reason"].tolist()
    assert reasons == [0, Duplicate.RESCAN, 0, Duplicate.RESENT, Duplicate.RESCAN]
    assert verify(path).disagreements == 0
    assert recall(path).counters == load(path).counters()
