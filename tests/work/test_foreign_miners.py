"""Miners that others wrote, against the work server: what they count as accepted is what hashes.

They are GPL and are built from their own sources: name the binaries in ASICRC_MINERD (pooler/cpuminer) and
ASICRC_CPUMINER (JayDDee/cpuminer-opt).
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from capturing import Capturing, capturing

from asicrc.capture import load, verify

SECONDS = 20
ENDED = re.compile(r"accepted|yay|boo|rejected", re.I)


def binary(variable: str) -> str:
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} does not name a miner: build one and set it to run this test")
    assert Path(path).is_file(), f"{variable}={path} is no file"
    return path


def mine(run: Capturing, command: list[str], folder: Path) -> str:
    """Let it mine for a while; what it said."""
    log = folder / "miner.txt"
    url = f"stratum+tcp://127.0.0.1:{run.port}"
    with log.open("w") as out:
        miner = subprocess.Popen(
            [*command, "-o", url, "-u", "bc1qsecretwallet.rig1", "-p", "hunter2", "-t", "1"],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            time.sleep(SECONDS)
            assert miner.poll() is None, log.read_text()
        finally:
            miner.terminate()
            miner.wait(timeout=60)
    time.sleep(0.5)  # its last share is on the way
    run.stop()
    return log.read_text()


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("variable", "algorithm", "coin", "difficulty", "mode"),
    [
        ("ASICRC_MINERD", "sha256d", "sha256d", 0.0005, "stream"),
        ("ASICRC_MINERD", "sha256d", "sha256d", 0.0005, "handshake"),
        ("ASICRC_CPUMINER", "sha256d", "sha256d", 0.0005, "stream"),
        ("ASICRC_CPUMINER", "lbry", "lbry", 0.05, "stream"),
        ("ASICRC_CPUMINER", "lbry", "lbry", 0.05, "handshake"),
    ],
)
def test_what_they_find_hashes(
    variable: str, algorithm: str, coin: str, difficulty: float, mode: str, tmp_path: Path
) -> None:
    program = binary(variable)
    interval = ("--job-interval", "3s") if mode == "stream" else ("--handshake-timeout", "5s")
    with capturing(
        tmp_path, "--mode", mode, *interval, url_options=f"?algorithm={coin}", difficulty=difficulty
    ) as run:
        said = mine(run, [program, "-a", algorithm], tmp_path)
        result = run.wait()
    report = verify(run.path)
    assert report.ok
    with load(run.path) as capture:
        meta, jobs, readings = capture.meta, capture.jobs(), capture.readings()
        text = repr((meta, capture.log(), capture.settings()))
    wire = meta["wire_counters"]
    refused = {name: count for name, count in wire.items() if name.startswith("refused") and count}
    (agent,) = {miner["user_agent"] for miner in meta["miners"].values()}
    yes = len(re.findall(r"\(yay!!!\)|Accepted \d+", said))
    no = len(re.findall(r"\(boooo\)|Rejected \d+", said))
    print(
        f"\n{agent}, {coin}, {mode}: {result['events']} shares of {len(jobs)} jobs in {SECONDS} s, "
        f"{result['valid']} verified, {result['stale']} stale, {result['low']} low; answered true "
        f"{wire['accepted']}, refused {refused or 'none'}; the miner counts {yes} accepted, {no} rejected; "
        f"effective difficulty {meta['effective_difficulty']}; handshakes "
        f"{sum(r.channel == 'handshake_dead_time_s' for r in readings)}"
    )
    assert result["valid"] >= 5
    assert result["valid"] == wire["accepted"] + wire["refused_22"]
    assert (result["low"], result["malformed"], result["unknown_job"]) == (0, 0, 0)
    assert abs(yes - wire["accepted"]) <= 1, said  # the last answer may find it gone
    (found,) = meta["effective_difficulty"]
    assert found["low"] <= found["requested"] * 1.0001
    for secret in ("bc1qsecretwallet", "hunter2", "rig1"):
        assert secret not in text
        assert secret.encode() not in run.path.read_bytes()
