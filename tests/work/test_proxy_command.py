"""`asicrc proxy` as a person types it: where it listens, what it says, what it keeps secret, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from plain_miner import PlainMiner
from proxied import PASSWORD, WALLET, pools
from test_proxy import code_of, share_of

from asicrc.errors import UsageError
from asicrc.work.listening import accepted_hosts, listen_address
from asicrc.work.proxy.pools import pools_from


@contextmanager
def running(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "asicrc.cli.main", "proxy", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        preexec_fn=_as_from_a_terminal,
    )
    assert process.stderr is not None
    try:
        first = _line_of(process.stderr.fileno())
        found = re.search(r"stratum\+tcp://127\.0\.0\.1:(\d+)", first)
        assert found is not None, first + process.stderr.read()
        yield process, int(found[1])
    finally:
        process.kill()
        process.communicate()


def _line_of(descriptor: int) -> str:
    """Its next line and no byte more: `communicate` does not know of what a buffered reader holds."""
    line = b""
    while (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


def _as_from_a_terminal() -> None:
    """A shell that puts the tests into the background has them ignore Ctrl-C, and their children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_session_from_start_to_ctrl_c(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    with (
        pools({"latency_ms": 400}) as (pool,),
        running(
            "--upstream",
            f"stratum+tcp://127.0.0.1:{pool.port},password_file={secret}",
            "--json",
            ASICRC_POOL_USER=WALLET,
        ) as (process, port),
        PlainMiner(("127.0.0.1", port), "bc1qsomebodyelse.rig") as miner,
    ):
        work = miner.next_work()
        share_of(miner, work)
        assert code_of(miner.reply()) is None
        share_of(miner, work, b"\2\0")  # is under way when it is told to end
        miner.send("mining.extranonce.subscribe", [], 77)
        assert miner.reply(77)["result"] is True  # so the share before it has come
        process.send_signal(signal.SIGINT)
        assert code_of(miner.reply()) is None
        with pytest.raises(EOFError):
            while True:
                miner.next_message()
        out, said = process.communicate(timeout=60)
    assert process.returncode == 0
    (line,) = out.splitlines()
    report: dict[str, Any] = json.loads(line)
    assert report["reason"] == "interrupted by SIGINT"
    assert report["shares"]["accepted"] == 2
    assert report["pools"][0]["answer_ms"]["p50"] >= 400
    assert set(report["idle"]) == {"share", "jobs", "per_job_ms"}
    assert "mining for pool" in said
    for text in (WALLET, "bc1qsecretwallet", PASSWORD, "bc1qsomebodyelse"):
        assert text not in out + said


def test_without_a_pool_it_says_so() -> None:
    with running("--upstream", "stratum+tcp://127.0.0.1:1,user=x", "--duration", "300ms") as (process, _):
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "no pool ever gave work: 127.0.0.1:1: Connection refused" in said


@pytest.mark.parametrize(
    ("upstream", "problem"),
    [
        ("stratum+tcp://127.0.0.1:3333", "as whom to mine"),
        ("stratum+tcp://127.0.0.1:3333,user=a,password=b", "stands on the command line"),
        ("stratum+tcp://a:b@127.0.0.1:3333", "holds a login"),
        ("stratum+ssl://127.0.0.1:3333,user=a", "not by 'stratum+ssl'"),
        ("127.0.0.1:3333,user=a", "not by 'no scheme'"),
        ("stratum+tcp://127.0.0.1,user=a", "host and port"),
        ("stratum+tcp://127.0.0.1:99999,user=a", "host and port"),
        ("stratum+tcp://127.0.0.1:3333,user=a,colour=red", "'colour' is no option"),
        ("stratum+tcp://127.0.0.1:3333,user=a,user_file=b", "both user= and user_file="),
        ("stratum+tcp://127.0.0.1:3333,user_file=/does/not/exist", "cannot be read"),
    ],
)
def test_what_is_no_pool(upstream: str, problem: str) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)) as refused:
        pools_from([upstream], {})
    assert refused.value.hint


def test_secrets_of_each_pool(tmp_path: Path) -> None:
    open_file = tmp_path / "open"
    open_file.write_text("wallet")
    open_file.chmod(0o644)
    upstreams = ["stratum+tcp://one:1", "stratum+tcp://[::1]:2,user=second"]
    environment = {"ASICRC_POOL_USER": "all", "ASICRC_POOL_PASSWORD": "p", "ASICRC_POOL_PASSWORD_2": "q"}
    first, second = pools_from(upstreams, environment)
    assert (first.host, first.port, first.user, first.password) == ("one", 1, "all", "p")
    assert (second.host, second.port, second.user, second.password) == ("::1", 2, "second", "q")
    assert second.name == "[::1]:2"
    assert "all" not in repr(first) and "second" not in repr(second)
    with pytest.raises(UsageError, match="not yours alone: its mode is 0644"):
        pools_from(upstreams[:1], {"ASICRC_POOL_USER_FILE": str(open_file)})
    with pytest.raises(UsageError, match="twice"):
        pools_from(upstreams[:1] * 2, environment)


def test_where_to_listen() -> None:
    assert (listen_address("127.0.0.1:3333").host, listen_address("[::1]:0").port) == ("127.0.0.1", 0)
    assert accepted_hosts("10.0.0.1, 10.0.0.2") == {"10.0.0.1", "10.0.0.2"}
    for text in ("3333", ":3333", "127.0.0.1:x", "0.0.0.0:3333", "[::]:3333"):
        with pytest.raises(UsageError):
            listen_address(text)
    with pytest.raises(UsageError):
        accepted_hosts("somewhere")
