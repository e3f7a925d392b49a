"""The parts of the emulated miners: headers against published ones, the clock, junk on every way in."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.miners.cgminer_pools import Entry, PoolTable
from simulators.miners.command_port import parse_command, split_parameters
from simulators.miners.dialects import BMMINER, ESP_HEAD, ESP_OLD, LBBOX
from simulators.miners.foreign_text import address_of, whole_number
from simulators.miners.hash_meter import CountedRate, GuessedRate
from simulators.miners.hasher import Hasher
from simulators.miners.http_port import Answer, Request, RequestReader
from simulators.miners.jobs import PoolJob, deposited, sha256d, words_swapped
from simulators.miners.lv06.board import pll_mhz
from simulators.miners.options import parse_options
from simulators.miners.scaling import ShareScale
from simulators.miners.stratum import Session
from simulators.miners.tcp import is_loopback
from simulators.miners.work import Work, lbry_hash, lbry_scan

LBRY_GENESIS = (
    "01000000" + "00" * 32 + "cc59e59ff97ac092b55e423aa5495151ed6fb80570a5bb78cd5bd1c3821c21b8"
    "01" + "00" * 31 + "33193156" + "ffff001f" + "07050000"
)
LBRY_POW = "0000fc6eb50fdb1fc4489a322b5f881740441b9a59f3290bad53c3815dc3afab"


class Deaf:
    """An owner of a session that keeps what it is told."""

    def __init__(self) -> None:
        self.jobs: list[PoolJob] = []
        self.deaths = 0

    def job_came(self, job: PoolJob) -> None:
        self.jobs.append(job)

    def share_answered(self, accepted: bool, reason: str, took_ms: float) -> None: ...

    def pool_ready(self) -> None: ...

    def told_to_reconnect(self, host: str | None, port: int | None) -> None: ...

    def died(self, reason: str) -> None:
        self.deaths += 1

    def log(self, text: str) -> None: ...


def session(dialect: Any = ESP_HEAD) -> tuple[Session, Deaf, list[bytes]]:
    owner, sent = Deaf(), list[bytes]()
    made = Session(dialect, owner, sent.append, "me", "x", lambda: len(owner.jobs) + 1)
    made.start(0)
    return made, owner, sent


def test_published_shares_come_out_of_their_jobs(published: Callable[[str], Path]) -> None:
    vectors = json.loads(published("netapi.json").read_text())
    shares = [one for one in vectors if one.get("kind") == "share" and one.get("algo") == "sha256d"]
    assert len(shares) > 5
    for vector in shares:
        made, owner, _ = session()
        notify, submit = vector["notify"], vector["submit"]
        made.extranonce1 = bytes.fromhex(vector["extranonce1"])
        made.extranonce2_size = vector["extranonce2_size"]
        params = [notify[name] for name in ("job_id", "prevhash", "coinb1", "coinb2", "merkle_branch")]
        params += [notify[name] for name in ("version", "nbits", "ntime", "clean_jobs")]
        line = {"id": None, "method": "mining.notify", "params": params}
        made.receive(json.dumps(line).encode() + b"\n", 7)
        (job,) = owner.jobs
        version = job.version ^ int(submit["version_bits"] or "0", 16)
        start = job.header_start(bytes.fromhex(submit["extranonce2"]), version)
        header = bytearray(start + struct.pack("<I", int(submit["nonce"], 16)))
        header[68:72] = struct.pack("<I", int(submit["ntime"], 16))  # the emulator never rolls the time
        expected = vector["expect"]
        if "header" in expected:
            assert header.hex() == expected["header"]
        assert sha256d(bytes(header))[::-1].hex() == expected["hash_display"]


def test_lbrys_genesis_has_its_published_proof() -> None:
    header = bytes.fromhex(LBRY_GENESIS)
    assert len(header) == 112
    assert lbry_hash(header)[::-1].hex() == LBRY_POW
    found = list(lbry_scan()(header[:108], 1280, 20, 1, int(LBRY_POW, 16)))
    assert found == [(7, 1287)]


def test_words_and_bits_are_put_where_they_belong() -> None:
    assert words_swapped(bytes(range(8))) == bytes((3, 2, 1, 0, 7, 6, 5, 4))
    assert [deposited(number, 0x00A0) for number in range(4)] == [0, 0x20, 0x80, 0xA0]
    assert deposited(0x16B, 0x1FFFE000) == 0x16B << 13


def test_targets_stand_to_the_real_ones_as_the_scale_says() -> None:
    scale = ShareScale("sha256d", 10, 1.0, 256)
    assert scale.difficulty_one == 0xFFFF << 230
    assert scale.target(256) == (0xFFFF << 230) // 256
    assert scale.ticket_target == (1 << (256 - 18)) - 1  # a little above the target of 256
    assert scale.difficulty_of(scale.target(300)) == pytest.approx(300)
    assert ShareScale("lbry", 24, 1.0, 256, 256).target(256) == 0xFFFF << 208
    assert ShareScale("lbry", 24, 1.0, 256, 1).target(1) == 0xFFFF << 208
    for miner in ("lv06", "s9", "lbbox"):
        options = parse_options([("miner", miner), ("realistic", "1")])
        assert options.scale.speed_up == 1


def test_the_clock_is_what_the_pll_makes() -> None:
    assert [pll_mhz(mhz) for mhz in (50, 485, 500, 575)] == [50.0, 485.0, 500.0, 575.0]
    for mhz in range(50, 576, 7):
        assert abs(pll_mhz(mhz) - mhz) < 1.5


def test_a_hasher_keeps_its_pace_and_its_place() -> None:
    assert any(keeps_its_pace() for _ in range(8)), "a busy machine may hold it up, but not each time"


def keeps_its_pace() -> bool:
    hasher = Hasher("lbry", lambda: None)
    hasher.start()
    assert hasher.ready.wait(40)
    everything = (1 << 256) - 1
    works = [Work(job(), 0, 1000, [1, 2], 50, everything, "lbry") for _ in range(2)]
    hasher.set_rate(2000)
    begun_ns = time.monotonic_ns()
    spell = hasher.assign(works[0], begun_ns)
    time.sleep(0.5)
    middle_ns = time.monotonic_ns()
    hasher.assign(works[1], middle_ns)
    time.sleep(0.3)
    hasher.assign(None, time.monotonic_ns())
    end_ns = time.monotonic_ns()
    hits = [hit for hit in hasher.hits if hit.due_ns < (hit.spell.end_ns or 0)]
    hasher.stop()
    assert hasher.failure is None
    first = [hit for hit in hits if hit.spell is spell]
    if hasher.count.abandoned_ns:
        return False
    assert [hit.found.place for hit in first] == list(range(len(first)))
    assert [hit.due_ns for hit in first] == pytest.approx(
        [begun_ns + place * 500_000 for place in range(len(first))], abs=1000
    )
    headers = {(hit.found.extranonce2, hit.found.version, hit.found.nonce) for hit in first}
    assert len(headers) == len(first)
    assert not first or first[-1].found.extranonce2 == ((len(first) - 1) // 100).to_bytes(4, "little")
    are_all = len(first) == pytest.approx((middle_ns - begun_ns) / 500_000, abs=2)
    return bool(are_all and hasher.count.hashes == pytest.approx((end_ns - begun_ns) / 500_000, abs=25))


def test_rates_are_counted_and_guessed() -> None:
    counted = CountedRate(5.0)
    for second in range(30):
        counted.sample(second, 100.0 * second if second < 10 else 1000 + 200.0 * (second - 10))
    assert counted.mean(10) == pytest.approx(200)
    assert 190 < counted.smoothed < 200
    guessed = GuessedRate()
    guessed.start(0.0)
    for number in range(1, 301):
        guessed.found(number * 2.0, 1e6)
    assert guessed.value == pytest.approx(5e5, rel=0.02)


def test_a_json_command_is_read_and_a_text_too() -> None:
    assert parse_command(b'{"command":"AddPool","parameter":"a,b,c"}').name == "addpool"
    assert parse_command(b"switchpool|2\n").parameter == "2"
    assert parse_command(b'{"command":3}').problem == 24
    assert parse_command(b"{").problem == 23
    assert split_parameters("a\\,b,c\\\\,") == ["a,b", "c\\", ""]


def test_nothing_but_this_machine_can_be_reached() -> None:
    assert is_loopback("127.0.0.1") and is_loopback("127.9.9.9") and is_loopback("localhost")
    for host in ("pool.example", "10.0.0.1", "127.0.0.1.evil.example", "127.0.0.999", "", "0.0.0.0", "::1"):
        assert not is_loopback(host)
    for host in ("127.0.0.\u00b2", "127.0.0.08", "127.0.0." + "1" * 5_000):  # no number, or one to look up
        assert not is_loopback(host)


def test_numbers_without_an_end_are_none() -> None:
    assert [whole_number(text) for text in ("7", " 7\n", "", "-7", "7.0", "\u00b2", "9" * 5_000)] == [
        *(7, 7),
        *[None] * 5,
    ]
    assert address_of("stratum+tcp://127.0.0.1:3333/path") == ("127.0.0.1", 3333)
    assert address_of("127.0.0.1:" + "9" * 5_000) == ("127.0.0.1", 0)
    table = PoolTable([Entry("stratum+tcp://a:1", "u", "x", 0)], lambda: None)
    assert table.switch("1" * 5_000).code == 26
    assert table.add(f"stratum+tcp://a:{'1' * 5_000},u,x").code == 55
    assert table.pools()[1].port == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"id":null,"method":"mining.set_extranonce","params":["00",Infinity]}',
        '{"id":null,"method":"mining.set_extranonce","params":["00",-4]}',
        '{"id":null,"method":"mining.set_difficulty","params":[%s]}' % ("9" * 400),
        '{"id":null,"method":"client.reconnect","params":["127.0.0.1",1e999]}',
        '{"id":"%s","result":true,"error":null}' % ("1" * 5_000),
        '{"id":1,"result":[[],"00",1e999],"error":null}',
    ],
)
@pytest.mark.parametrize("dialect", [ESP_HEAD, BMMINER, LBBOX])
def test_numbers_beyond_all_bounds_are_survived(dialect: Any, line: str) -> None:
    made, owner, _ = session(dialect)
    made.receive(line.encode() + b"\n", 1)
    assert made.extranonce2_size in (0, 4) and not owner.jobs


@given(st.data())
def test_requests_survive_any_split(data: st.DataObject) -> None:
    raw = b"PUT /a?b=c%20d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nxyzGET / HTTP/1.1\r\n\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    reader = RequestReader()
    found = []
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        found += reader.feed(raw[begin:end])
    first, second = found
    assert isinstance(first, Request) and isinstance(second, Request)
    assert (first.method, first.path, first.query, first.body) == ("PUT", "/a", {"b": "c d"}, b"xyz")
    assert (second.method, second.path) == ("GET", "/")


@given(st.binary(max_size=300))
def test_junk_is_a_bad_request_or_nothing_yet(junk: bytes) -> None:
    reader = RequestReader()
    for one in reader.feed(junk + b"\r\n\r\n"):
        assert isinstance(one, Answer | Request)
    parse_command(junk)


def test_heads_and_bodies_have_an_end() -> None:
    (told,) = RequestReader().feed(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000)
    assert isinstance(told, Answer) and told.status == 431
    (told,) = RequestReader().feed(b"PUT / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n")
    assert isinstance(told, Answer) and told.status == 500
    (told,) = RequestReader().feed(b"GET //[ HTTP/1.1\r\n\r\n")
    assert isinstance(told, Answer | Request)
    (told,) = RequestReader().feed(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert isinstance(told, Answer) and told.status == 411


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=15,
)
METHODS = st.sampled_from(
    [
        "mining.notify",
        "mining.set_difficulty",
        "mining.set_extranonce",
        "mining.set_version_mask",
        "mining.ping",
        "client.reconnect",
        "client.get_version",
        "client.show_message",
        "else",
    ]
)


@given(st.sampled_from([ESP_OLD, ESP_HEAD, LBBOX]), METHODS, JSON, JSON, st.binary(max_size=40))
def test_a_pools_junk_is_survived(dialect: Any, method: str, params: Any, result: Any, junk: bytes) -> None:
    made, owner, sent = session(dialect)
    made.receive(junk + b"\n" + json.dumps({"id": 1, "method": method, "params": params}).encode(), 1)
    for number in (1, 2, 3, "2", None):
        reply = {"id": number, "result": result, "error": params}
        made.receive(b"\n" + json.dumps(reply).encode() + b"\n", 2)
        made.receive(json.dumps({"id": number, "result": result, "error": None}).encode() + b"\n", 3)
    assert len(sent) < 10
    assert not owner.jobs


def test_a_line_without_an_end_is_not_kept() -> None:
    made, _, _ = session()
    for _ in range(40):
        made.receive(b"x" * 10_000, 1)
    assert len(made._held) <= 65_536


def job() -> PoolJob:
    random32 = hashlib.sha256(os.urandom(8)).digest()
    return PoolJob(
        number=1,
        job_id="1",
        prev_hash=random32,
        coinbase1=b"\1",
        coinbase2=b"\2",
        branches=(random32,),
        version=1,
        nbits=1,
        ntime=1,
        clean=True,
        claimtrie=random32,
        extranonce1=b"\3",
        extranonce2_size=4,
        difficulty=1.0,
        version_mask=0,
        received_ns=0,
    )
