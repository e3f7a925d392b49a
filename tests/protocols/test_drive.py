"""The input inside the work: it comes back as it went in, and what cannot carry it says so."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.device import Job, drive_of, with_drive

WHOLE_HEADER = Job(1, "1", 0x20000000, bytes(32), 1, 0x17034219, 1, merkle_root=bytes(range(32)))
POOL = Job(2, "2", 0x20000000, bytes(32), 1, 0x17034219, 1, coinbase1=bytes(range(60)), coinbase2=b"end")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from([WHOLE_HEADER, POOL]))
def test_a_drive_comes_back(value: float, job: Job) -> None:
    assert drive_of(with_drive(job, value)) == value


def test_only_the_last_four_bytes_change() -> None:
    driven = with_drive(POOL, 0.25)
    assert driven.coinbase1 == POOL.coinbase1[:-4] + struct.pack(">f", 0.25)
    assert driven.coinbase2 == POOL.coinbase2
    assert driven.merkle_root is None
    root = with_drive(WHOLE_HEADER, 0.25).merkle_root
    assert root == bytes(range(28)) + struct.pack(">f", 0.25)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e39])
def test_what_is_no_finite_float32_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="drive"):
        with_drive(POOL, value)


def test_a_job_without_room_is_refused_and_has_no_drive() -> None:
    bare = Job(3, "3", 1, bytes(32), 1, 1, 1, coinbase1=b"abc")
    with pytest.raises(ValueError, match="job 3 has no room"):
        with_drive(bare, 0.1)
    assert drive_of(bare) is None


def test_bytes_that_are_no_number_are_no_drive() -> None:
    job = Job(4, "4", 1, bytes(32), 1, 1, 1, coinbase1=b"\x7f\xc0\x00\x00")
    assert drive_of(job) is None


@given(st.binary(max_size=40), st.one_of(st.none(), st.binary(max_size=32)))
def test_any_bytes_give_a_finite_number_or_none(coinbase1: bytes, root: bytes | None) -> None:
    value = drive_of(Job(5, "5", 1, bytes(32), 1, 1, 1, merkle_root=root, coinbase1=coinbase1))
    assert value is None or math.isfinite(value)
