"""Between the records of a capture other than events and the rows of their tables.

Every `..._from_row` raises ValueError for a value of the wrong type, size or range: a row may come from
a file that someone else made, and SQLite does not check types when it reads.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from firmware_protocols.device import NO_TIME, Direction, Job, Reading, Setting, Stamp, WireChunk

_U32 = 1 << 32
_MAX_SIGNED = (1 << 63) - 1
_MAX_BRANCH = 64  # 2**32 transactions need 32 levels
_MAX_COINBASE_PART_BYTES = 100_000  # every event may ask for it to be hashed

_ALGORITHMS = ("sha256d", "lbry")

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch without reboot or reconnect: no interval crosses from one to the next."""

    id: int
    t_start_ns: int
    reason: str
    boot_id: str | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """CLOCK_REALTIME and the capture's own clock, read together."""

    segment: int
    realtime_ns: int
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class LogLine:
    t_ns: int
    level: str
    text: str


def job_row(job: Job) -> Row:
    """Raises OverflowError for a target beyond 256 bits, ValueError for what `job_from_row` refuses."""
    row = (
        job.number,
        job.wire_id,
        job.version,
        job.prev_hash,
        job.ntime,
        job.nbits,
        job.target.to_bytes(32, "big"),
        job.merkle_root,
        job.coinbase1,
        job.extranonce1,
        job.coinbase2,
        b"".join(job.branch),
        job.version_mask,
        None if job.chip_target is None else job.chip_target.to_bytes(32, "big"),
        null_from_time(job.sent_ns),
        int(job.damaged),
        job.algorithm,
        job.claimtrie,
        int(job.clean),
    )
    if any(len(sibling) != 32 for sibling in job.branch):
        raise ValueError(f"job {job.number}: a merkle branch has 32-byte hashes")
    try:
        job_from_row(row)
    except ValueError as error:
        raise ValueError(f"job {job.number}: {error}") from None
    return row


def job_from_row(row: Row) -> Job:
    """A row of schema 1 has no more than the first 16 columns."""
    (number, wire_id, version, prev_hash, ntime, nbits, target, merkle_root, coinbase1, extranonce1,
     coinbase2, branch, version_mask, chip_target, sent_ns, damaged) = row[:16]  # fmt: skip
    algorithm, claimtrie, clean = row[16:] or ("sha256d", None, 0)
    hashes = _blob(branch)
    if len(hashes) % 32 or len(hashes) > 32 * _MAX_BRANCH:
        raise ValueError(f"a merkle branch of {len(hashes)} bytes")
    if max(map(len, map(_blob, (coinbase1, extranonce1, coinbase2)))) > _MAX_COINBASE_PART_BYTES:
        raise ValueError(f"a part of the coinbase above {_MAX_COINBASE_PART_BYTES} bytes")
    if algorithm not in _ALGORITHMS or (claimtrie is not None) != (algorithm == "lbry"):
        raise ValueError("a proof of work that does not go with the header")
    is_damaged = bool(whole(damaged, 0, 1))
    hash_size = None if is_damaged else 32
    return Job(
        number=whole(number, 1, _MAX_SIGNED),
        wire_id=words(wire_id),
        version=whole(version, 0, _U32 - 1),
        prev_hash=_blob(prev_hash, hash_size),
        ntime=whole(ntime, 0, _U32 - 1),
        nbits=whole(nbits, 0, _U32 - 1),
        target=int.from_bytes(_blob(target, 32), "big"),
        merkle_root=None if merkle_root is None else _blob(merkle_root, hash_size),
        coinbase1=_blob(coinbase1),
        extranonce1=_blob(extranonce1),
        coinbase2=_blob(coinbase2),
        branch=tuple(hashes[i : i + 32] for i in range(0, len(hashes), 32)),
        version_mask=whole(version_mask, 0, _U32 - 1),
        chip_target=None if chip_target is None else int.from_bytes(_blob(chip_target, 32), "big"),
        sent_ns=time_of(sent_ns),
        damaged=is_damaged,
        algorithm=words(algorithm),
        claimtrie=None if claimtrie is None else _blob(claimtrie, hash_size),
        clean=bool(whole(clean, 0, 1)),
    )


def wire_row(seq: int, segment: int, chunk: WireChunk) -> Row:
    stamp = chunk.stamp
    return (
        seq,
        segment,
        null_from_time(stamp.t_ns),
        null_from_time(stamp.kernel_ns),
        chunk.direction.value,
        chunk.data,
    )


def wire_chunk_from_row(row: Row) -> WireChunk:
    _, _, t_ns, t_kernel_ns, direction, data = row
    return WireChunk(Direction(words(direction)), Stamp(time_of(t_ns), time_of(t_kernel_ns)), _blob(data))


def reading_row(reading: Reading) -> Row:
    return null_from_time(reading.t_ns), reading.channel, reading.value


def reading_from_row(row: Row) -> Reading:
    t_ns, channel, value = row
    number = _number(value)
    return Reading(time_of(t_ns), words(channel), float("nan") if number is None else number)


def setting_row(setting: Setting) -> Row:
    return null_from_time(setting.t_ns), setting.name, setting.requested, setting.read_back, setting.kind


def setting_from_row(row: Row) -> Setting:
    t_ns, name, requested, read_back, kind = row
    return Setting(time_of(t_ns), words(name), _number(requested), _number(read_back), words(kind))


def segment_from_row(row: Row) -> Segment:
    number, t_start_ns, reason, boot_id = row
    return Segment(
        whole(number, 0, _U32 - 1),
        time_of(t_start_ns),
        words(reason),
        None if boot_id is None else words(boot_id),
    )


def anchor_from_row(row: Row) -> Anchor:
    segment, realtime_ns, monotonic_ns = row
    return Anchor(whole(segment, 0, _U32 - 1), time_of(realtime_ns), time_of(monotonic_ns))


def log_line_from_row(row: Row) -> LogLine:
    t_ns, level, text = row
    return LogLine(time_of(t_ns), words(level), words(text))


def meta_from_row(row: Row) -> tuple[str, Any]:
    key, value = row
    try:
        return words(key), json.loads(words(value))
    except RecursionError:
        raise ValueError("JSON nested too deep") from None


def null_from_time(t_ns: int) -> int | None:
    return None if t_ns == NO_TIME else t_ns


def storable(text: str) -> str:
    """Text that SQLite can hold: undecodable bytes become backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def time_of(value: object) -> int:
    return NO_TIME if value is None else whole(value, NO_TIME, _MAX_SIGNED)


def whole(value: object, lowest: int, highest: int) -> int:
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"not an integer from {lowest} to {highest}")
    return value


def _number(value: object) -> float | None:
    if value is not None and type(value) is not float:
        raise ValueError("not a real number")
    return value


def words(value: object) -> str:
    if type(value) is not str:
        raise ValueError("not text")
    return value


def _blob(value: object, size: int | None = None) -> bytes:
    if type(value) is not bytes or (size is not None and len(value) != size):
        raise ValueError("not a blob" if size is None else f"not a blob of {size} bytes")
    return value
