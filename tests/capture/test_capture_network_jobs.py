"""What only network miners bring: LBRY's proof of work, and shares of jobs that a clean one replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where

from asicrc.capture import CaptureWriter, Verifier, load, recall, verify
from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET, merkle_root_from_branch, target_from_compact
from firmware_protocols.device import Job, NonceBatch, Reason, Verdict
from firmware_protocols.lbry import LbryHeader

# Both genesis blocks of lbryio/lbrycrd:src/chainparams.cpp; their proofs were hashed with its own code.
MERKLE_ROOT = bytes.fromhex("b8211c82c3d15bcd78bba57005b86fed515149a53a425eb592c07af99fe559cc")[::-1]
CLAIMTRIE = bytes([1, *bytes(31)])
GENESIS = {
    "mainnet": (0x1F00FFFF, 1287, 0x0000FC6EB50FDB1FC4489A322B5F881740441B9A59F3290BAD53C3815DC3AFAB),
    "regtest": (0x207FFFFF, 1, 0x2CE3C2946CFB782BB7097762D2F64DCA140CA9BC68CD1F6B941528EE3B0BBB10),
}


def genesis(nbits: int) -> Job:
    return Job(
        number=1,
        wire_id="1",
        version=1,
        prev_hash=bytes(32),
        ntime=1446058291,
        nbits=nbits,
        target=target_from_compact(nbits),
        merkle_root=MERKLE_ROOT,
        algorithm="lbry",
        claimtrie=CLAIMTRIE,
    )


@pytest.mark.parametrize("network", GENESIS)
def test_genesis_blocks_of_lbry(network: str) -> None:
    nbits, nonce, value = GENESIS[network]
    events = events_for(genesis(nbits), [nonce, nonce + 1])
    verifier = Verifier()
    verifier.add_job(genesis(nbits))
    verifier.judge(events)
    assert events["verdict"][0] == Verdict.VALID
    assert events["difficulty"][0] == DIFFICULTY_1_TARGET / value
    if network == "mainnet":  # one hash in 65,536 is a proof there
        assert events["verdict"][1] == Verdict.LOW


def pool_job(number: int) -> Job:
    job = easy_job(number, wire_id=f"{number:x}", chip_target=(1 << 256) - 1)
    return replace(
        job,
        merkle_root=None,
        coinbase1=b"\1" * 43,
        extranonce1=bytes([number, 2, 3, 4]),
        coinbase2=b"\2" * 40,
        branch=(b"\3" * 32, b"\4" * 32),
        algorithm="lbry",
        claimtrie=bytes(range(32)),
        version_mask=0,
    )


def lbry_proofs(job: Job, wanted: int, extranonce2: bytes) -> NonceBatch:
    coinbase = job.coinbase1 + job.extranonce1 + extranonce2 + job.coinbase2
    root = merkle_root_from_branch(coinbase, job.branch)
    assert job.claimtrie is not None
    found: list[int] = []
    nonce = 0
    while len(found) < wanted:
        header = LbryHeader(job.version, job.prev_hash, root, job.claimtrie, job.ntime, job.nbits, nonce)
        if header.hash_value() <= job.target:
            found.append(nonce)
        nonce += 1
    events = events_for(job, found)
    events["extranonce2"][:, : len(extranonce2)] = np.frombuffer(extranonce2, np.uint8)
    events["extranonce2_len"] = len(extranonce2)
    return events


def test_shares_of_lbry_are_judged_when_they_come_and_again_from_the_file(tmp_path: Path) -> None:
    jobs = [pool_job(1), pool_job(2)]
    events = np.concatenate([lbry_proofs(jobs[0], 3, b"\0\0\0\1"), lbry_proofs(jobs[1], 2, b"\1\0\0\0")])
    events["seq"] = np.arange(len(events))
    wrong = events[-1:].copy()
    wrong["seq"], wrong["extranonce2"][0, 3] = len(events), 7
    wrong["nonce"] ^= 1
    events = np.concatenate([events, wrong])
    verifier = Verifier()
    for job in jobs:
        verifier.add_job(job)
    verifier.judge(events)
    assert events["verdict"].tolist() == [Verdict.VALID] * 5 + [Verdict.LOW]
    writer = CaptureWriter.create(tmp_path / "a", {})
    writer.add_jobs(jobs)
    writer.add_events(events)
    writer.seal("done")
    report = verify(tmp_path / "a")
    assert report.ok
    assert report.counters.valid == 5


def test_a_share_of_a_job_that_a_clean_one_replaced_is_stale_and_stays_so(tmp_path: Path) -> None:
    job = easy_job(1)
    nonces = nonces_where(job, 3, 0, EASY) + nonces_where(job, 1, EASY + 1, (1 << 256) - 1)
    events = events_for(job, nonces)
    events["reason"][1:] = Reason.CLEANED
    verifier = Verifier()
    verifier.add_job(job)
    verifier.judge(events)
    assert [(Verdict(e["verdict"]), Reason(e["reason"])) for e in events] == [
        (Verdict.VALID, Reason.NONE),
        (Verdict.STALE, Reason.CLEANED),
        (Verdict.STALE, Reason.CLEANED),
        (Verdict.LOW, Reason.DOES_NOT_HASH),
    ]
    assert not np.isnan(events["difficulty"]).any()
    writer = CaptureWriter.create(tmp_path / "a", {})
    writer.add_jobs([job, easy_job(2)])
    writer.add_events(events)
    writer.seal("done")
    assert verify(tmp_path / "a").ok
    assert recall(tmp_path / "a").counters.stale == 2
    assert load(tmp_path / "a").counters().stale == 2
