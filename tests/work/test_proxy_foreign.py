"""Miners that are no code of ours, or no plain ones, through the proxy: what they count is what the pool has.

minerd (pooler/cpuminer) is GPL and is built from its own sources: ASICRC_MINERD names the binary.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mining_crowd import meets
from proxied import QUICK, PoolProcess, Proxied, pools, proxied, truth

from asicrc.work.stratum_server.scaled import ScaledAlgorithm
from firmware_protocols.bitcoin import Header, target_from_difficulty
from firmware_protocols.stratum_v1 import SHA256D
from simulators.endpoints import open_sim

SECONDS = 20
DIFFICULTY = 0.0005


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["stream", "handshake"])
def test_minerd(mode: str, tmp_path: Path) -> None:
    """Killed in the middle: the pool, which comes back; minerd notices nothing of it."""
    program = os.environ.get("ASICRC_MINERD")
    if not program:
        pytest.skip("ASICRC_MINERD does not name a miner: build one and set it to run this test")
    assert Path(program).is_file(), f"ASICRC_MINERD={program} is no file"
    file, log = tmp_path / "truth.csv", tmp_path / "minerd.txt"
    options = {"truth": file, "difficulty": DIFFICULTY, "latency_ms": 200, "job_s": 3, "block_s": 7}
    with pools(options) as (pool,), proxied(pool, mode=mode) as run:
        said = _mine_with_minerd(program, run, log, pool)
        report = run.report()
    has = truth(file)
    yes = len(re.findall(r"\(yay!!!\)", said))
    no = len(re.findall(r"\(boooo\)", said))
    print(
        f"\nminerd, {mode}: it counts {yes} accepted and {no} rejected; the proxy {report['shares']}; the "
        f"pool has {len(has)}; {report['hash_rate_ghs']['estimate'] * 1e3:.2f} MH/s; idle {report['idle']}; "
        f"pools {report['pools']}"
    )
    assert yes >= 5
    assert "Stratum connection interrupted" not in said and "stratum_recv_line failed" not in said
    assert abs(yes - report["shares"]["accepted"]) <= 1  # the last answer may find it gone
    assert report["shares"]["accepted"] <= len(has)
    target = target_from_difficulty(DIFFICULTY)
    for row in has:
        assert meets(row["header"], DIFFICULTY)
        assert Header.unpack(bytes.fromhex(row["header"])).hash_value() <= target
    assert report["miners"]["came"] == 1
    assert report["pools"][0]["connections"] == 2


def _mine_with_minerd(program: str, run: Proxied, log: Path, pool: PoolProcess) -> str:
    host, port = run.address
    with log.open("w") as out:
        miner = subprocess.Popen(
            [
                program,
                "-a",
                "sha256d",
                "-o",
                f"stratum+tcp://{host}:{port}",
                "-u",
                "rig",
                "-p",
                "x",
                "-t",
                "1",
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            time.sleep(SECONDS / 2)
            pool.kill()
            time.sleep(0.5)
            pool.start().wait()
            time.sleep(SECONDS / 2)
            assert miner.poll() is None, log.read_text()
        finally:
            miner.terminate()
            miner.wait(timeout=60)
    return log.read_text()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "miner", ["lv06?profile=esp-old", "lv06?profile=esp-head", "s9?profile=bmminer", "s9?profile=luxos"]
)
def test_emulated_miners(miner: str, tmp_path: Path) -> None:
    """Firmwares as they roll versions, count extranonces and take difficulties: nothing of it is refused.

    The proxy listens before the miner comes, whose scale of difficulty is known only then: two starts.
    """
    file = tmp_path / "truth.csv"
    with open_sim(f"sim:{miner}") as url:
        found = re.search(r"difficulty_one=(\d+)", url)
        assert found is not None
        one = int(found[1])
    options = {"truth": file, "difficulty": 256, "difficulty_one": one, "latency_ms": 100, "job_s": 5}
    limits = replace(QUICK, renew_s=3.0)
    with (
        pools(options) as (pool,),
        proxied(pool, algorithm=ScaledAlgorithm(SHA256D, one), limits=limits) as run,
    ):
        host, port = run.address
        with open_sim(f"sim:{miner}&pool={host}:{port}"):
            run.until(lambda: run.proxy.counters.accepted >= 25, within_s=90)
        report = run.report()
    print(f"\n{miner}: {report['shares']}, {report['hash_rate_ghs']}")
    refused = report["shares"]["refused_here"] | report["shares"]["refused_by_pool"]
    assert set(refused) <= {"21", "22"}
    assert len(truth(file)) >= report["shares"]["accepted"] >= 25
    for row in truth(file):
        assert Header.unpack(bytes.fromhex(row["header"])).hash_value() <= one // 256
