"""Every published job and share: put together from the line that carried it, hashed, judged, verified."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asicrc.capture.verification import Verifier
from firmware_protocols.bitcoin import (
    Header,
    difficulty_from_hash_value,
    hash_value,
    target_from_difficulty,
)
from firmware_protocols.device import Verdict, empty_events
from firmware_protocols.lbry import Lbry, LbryHeader, expected_shares_per_s
from firmware_protocols.lbry import hash_value as lbry_hash_value
from firmware_protocols.stratum_v1 import (
    BIP320_MASK,
    SHA256D,
    Algorithm,
    ClientConnection,
    ErrorCode,
    JobBook,
    Judgement,
    ShareJudge,
    StratumJob,
    Submit,
    Subscribe,
    counted_extranonce2,
    decode_from_client,
    encode,
    swapped_words,
)

KINDS = {
    "share sha256d": 7,
    "share lbry": 2,
    "header sha256d": 1,
    "header lbry": 1,
    "negative sha256d": 1,
    "target": 3,
    "share_rate": 3,
    "extranonce2_le": 3,
}
Vector = dict[str, Any]


@pytest.fixture(scope="module")
def vectors(published: Callable[[str], Path]) -> list[Vector]:
    loaded: list[Vector] = json.loads(published("netapi.json").read_text())
    return loaded


def of_kind(vectors: list[Vector], kind: str, algo: str | None = None) -> list[Vector]:
    found = [vector for vector in vectors if vector["kind"] == kind and algo in (None, vector.get("algo"))]
    assert len(found) == KINDS[kind if algo is None else f"{kind} {algo}"]
    return found


def test_no_vector_is_passed_over(vectors: list[Vector]) -> None:
    kinds = Counter(" ".join(filter(None, (vector["kind"], vector.get("algo")))) for vector in vectors)
    assert kinds == KINDS


def notify_line(vector: Vector) -> bytes:
    """mining.notify as a pool writes it."""
    notify = vector["notify"]
    claimtrie = [notify["claimtrie"]] if "claimtrie" in notify else []
    params = [
        notify["job_id"],
        notify["prevhash"],
        *claimtrie,
        *(notify[name] for name in ("coinb1", "coinb2", "merkle_branch", "version", "nbits", "ntime")),
        notify["clean_jobs"],
    ]
    return json.dumps({"id": None, "method": "mining.notify", "params": params}).encode() + b"\n"


def job_of(vector: Vector) -> StratumJob:
    """The job as a miner has it after its pool's lines."""
    miner = ClientConnection(
        difficulty=vector.get("pool_difficulty", 1),
        version_mask=int(vector["version_mask"] or "0", 16),
    )
    miner.send(Subscribe())
    subscribed = {"id": 1, "result": [[], vector["extranonce1"], vector["extranonce2_size"]], "error": None}
    lines = json.dumps(subscribed).encode() + b"\n" + notify_line(vector)
    _, job = (received.message for received in miner.receive_data(lines, 0))
    assert isinstance(job, StratumJob)
    return job


def submit_of(vector: Vector) -> Submit:
    submit = vector["submit"]
    params = ["w", *(submit[name] for name in ("job_id", "extranonce2", "ntime", "nonce"))]
    if submit["version_bits"] is not None:
        params.append(submit["version_bits"])
    message = decode_from_client(json.dumps({"id": 4, "method": "mining.submit", "params": params}).encode())
    assert isinstance(message, Submit)
    return message


def judged(vector: Vector, algorithm: Algorithm, difficulty: float) -> Judgement:
    book = JobBook(difficulty=difficulty, version_mask=int(vector["version_mask"] or "0", 16))
    book.set_extranonce(bytes.fromhex(vector["extranonce1"]), vector["extranonce2_size"])
    book.bind(job_of(vector).notify)
    return ShareJudge(book, algorithm=algorithm).judge(submit_of(vector))


@pytest.mark.parametrize(("algo", "algorithm", "scale"), [("sha256d", SHA256D, 1), ("lbry", Lbry(), 256)])
def test_published_shares(vectors: list[Vector], algo: str, algorithm: Algorithm, scale: int) -> None:
    for vector in of_kind(vectors, "share", algo):
        job, submit, expect = job_of(vector), submit_of(vector), vector["expect"]
        extranonce2 = bytes.fromhex(submit.extranonce2)
        assert len(extranonce2) == job.extranonce2_size
        header = job.header(
            extranonce2,
            submit.nonce,
            ntime=submit.ntime,
            version_bits=submit.version_bits,
            algorithm=algorithm,
        )
        assert header.hex() == expect["header"], vector["id"]
        if root := expect.get("merkle_root_internal"):
            assert job.merkle_root(extranonce2).hex() == root
        assert f"{algorithm.hash_value(header):064x}" == expect["hash_display"], vector["id"]
        reached = expect["difficulty"] * scale
        above, below = (judged(vector, algorithm, reached * factor) for factor in (0.999, 1.001))
        assert above.accepted, vector["id"]
        assert above.hash_value == algorithm.hash_value(header)
        assert difficulty_from_hash_value(above.hash_value) == pytest.approx(expect["difficulty"])
        assert below.code is ErrorCode.LOW_DIFFICULTY, vector["id"]
        if algo == "lbry":
            assert reached == pytest.approx(expect["lbry_stratum_difficulty_x256"])
            assert judged(vector, algorithm, 0.05).accepted  # what they were found for
        if "accepted" in expect:
            at_the_pool = judged(vector, algorithm, vector["pool_difficulty"])
            assert at_the_pool.accepted == expect["accepted"], vector["id"]


def test_published_shares_in_a_capture(vectors: list[Vector]) -> None:
    shares = of_kind(vectors, "share", "sha256d")
    verifier = Verifier()
    events = empty_events(len(shares))
    for number, (vector, event) in enumerate(zip(shares, events, strict=True), 1):
        book = JobBook(
            difficulty=vector.get("pool_difficulty", 0.001),
            version_mask=int(vector["version_mask"] or "0", 16),
        )
        book.set_extranonce(bytes.fromhex(vector["extranonce1"]), vector["extranonce2_size"])
        verifier.add_job(book.bind(job_of(vector).notify, number=number).device_job())
        verdict = ShareJudge(book).judge(submit_of(vector))
        assert verdict.extranonce2 is not None
        submit = submit_of(vector)
        event["job"], event["nonce"], event["ntime"] = number, submit.nonce, submit.ntime
        event["version"], event["extranonce2_len"] = verdict.version, len(verdict.extranonce2)
        event["extranonce2"][: len(verdict.extranonce2)] = np.frombuffer(verdict.extranonce2, np.uint8)
    verifier.judge(events)
    for vector, event in zip(shares, events, strict=True):
        wanted = Verdict.VALID if vector["expect"].get("accepted", True) else Verdict.LOW
        assert event["verdict"] == wanted, vector["id"]
        assert event["difficulty"] == pytest.approx(vector["expect"]["difficulty"])
    assert (verifier.counters.valid, verifier.counters.low) == (len(shares) - 1, 1)


def test_published_headers(vectors: list[Vector]) -> None:
    (vector,) = of_kind(vectors, "header", "sha256d")
    expect = vector["expect"]
    header = Header(
        int(vector["version"], 16),
        swapped_words(bytes.fromhex(vector["prevhash"])),
        bytes.fromhex(vector["merkle_root_internal"]),
        int(vector["ntime"], 16),
        int(vector["nbits"], 16),
        int(vector["nonce"], 16),
    )
    assert header.pack().hex() == expect["header"]
    assert f"{header.hash_value():064x}" == expect["hash_display"]
    assert difficulty_from_hash_value(header.hash_value()) == pytest.approx(expect["difficulty"])
    (vector,) = of_kind(vectors, "header", "lbry")
    raw = bytes.fromhex(vector["expect"]["header"])
    assert LbryHeader.unpack(raw).block_id()[::-1].hex() == vector["expect"]["block_id_display"]
    assert f"{lbry_hash_value(raw):064x}" == vector["expect"]["pow_display"]
    assert lbry_hash_value(raw) <= int(vector["expect"]["target_hex"], 16)


def test_every_other_byte_order_fails(vectors: list[Vector]) -> None:
    (negative,) = of_kind(vectors, "negative", "sha256d")
    share = vectors[0]
    assert share["id"] == "mujina-bitaxe-gamma-accepted"
    right = Header.unpack(bytes.fromhex(share["expect"]["header"]))
    wire = bytes.fromhex(share["notify"]["prevhash"])
    root = right.merkle_root
    turned = int.from_bytes(right.nonce.to_bytes(4, "big"), "little")
    wrong = {
        "prev_raw": Header(right.version, wire, root, right.ntime, right.nbits, right.nonce),
        "prev_reversed": Header(right.version, wire[::-1], root, right.ntime, right.nbits, right.nonce),
        "nonce_be": Header(right.version, right.prev_hash, root, right.ntime, right.nbits, turned),
        "merkle_rev": Header(
            right.version, right.prev_hash, root[::-1], right.ntime, right.nbits, right.nonce
        ),
    }
    assert wrong.keys() == negative["expect"].keys()
    for name, header in wrong.items():
        reached = difficulty_from_hash_value(hash_value(header.pack()))
        assert reached == pytest.approx(negative["expect"][name])
        assert reached < 1e-8
    assert difficulty_from_hash_value(right.hash_value()) == pytest.approx(share["expect"]["difficulty"])


def test_published_targets_rates_and_counters(vectors: list[Vector]) -> None:
    for vector in of_kind(vectors, "target"):
        exact = Fraction(str(vector["difficulty"]))  # 0.001 stands for a thousandth, not for the float
        assert f"{target_from_difficulty(exact):064x}" == vector["expect"]["target_hex"]
    for vector in of_kind(vectors, "share_rate"):
        rate = expected_shares_per_s(vector["hashrate"], vector["difficulty"], scale=1)
        assert rate == pytest.approx(vector["expect"]["shares_per_s"])
    for vector in of_kind(vectors, "extranonce2_le"):
        assert counted_extranonce2(vector["counter"], vector["size"]).hex() == vector["expect"]["hex"]


def test_jobs_as_published_are_written_again(vectors: list[Vector]) -> None:
    for vector in of_kind(vectors, "share", "sha256d") + of_kind(vectors, "share", "lbry"):
        job = job_of(vector)
        assert encode(job.notify) == notify_line(vector)


def test_the_mask_of_the_published_share(vectors: list[Vector]) -> None:
    assert int(vectors[0]["version_mask"], 16) == BIP320_MASK
