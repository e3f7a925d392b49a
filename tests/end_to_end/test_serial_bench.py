"""Chains and boards through the ordinary driver: brought up, mined on, put back."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from as_a_person import asicrc
from board_watch import states

import asicrc as package
from asicrc.capture.plan import CapturePlan
from asicrc.capture.running import capture_to_file
from asicrc.devices.checking import check_device
from asicrc.devices.opening import Circumstances
from asicrc.errors import UsageError
from firmware_protocols.device import Verdict

LONG = pytest.mark.long


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("url", "model", "chips"),
    [
        pytest.param("sim:bm1387?chips=63", "BM1387", 63, marks=LONG),
        pytest.param("sim:bm1366?chips=77", "BM1366", 77, marks=LONG),
        pytest.param("sim:bm1370", "BM1370", 1, marks=LONG),
        ("sim:bm1387", "BM1387", 1),
        pytest.param("sim:bm1387?chips=63&midstates=1", "BM1387", 63, marks=LONG),
        pytest.param("sim:bm1397?chips=2", "BM1397", 2, marks=LONG),
        pytest.param("sim:bm1362?chips=3", "BM1362", 3, marks=LONG),
        pytest.param("sim:bm1368?chips=3", "BM1368", 3, marks=LONG),
        pytest.param("sim:bm1370?chips=2", "BM1370", 2, marks=LONG),
    ],
)
def test_a_chain_is_found_brought_up_and_mined_on(url: str, model: str, chips: int, tmp_path: Path) -> None:
    path = tmp_path / "chain.asicrc"
    long_enough = ("--duration", "60s", "--max-events", "180")
    run = asicrc("capture", "-d", url, *long_enough, "-o", path, "--json", timeout_s=200)
    assert run.code == 0, run.err
    assert run.json["restored"] is True
    assert run.json["valid"] == run.json["events"] > 20
    with package.load(path) as capture:
        identity = capture.identity
        assert identity is not None
        assert (identity.model, identity.chips) == (model, chips)
        events = capture.events()
        confirmed = {s.name: s.read_back for s in capture.settings() if s.kind == "set"}
        assert confirmed["frequency_mhz"] == 200
        assert set(events["verdict"]) == {Verdict.VALID}
        seen = set(events["chip"].tolist())
        if model == "BM1397":
            assert seen == {-1}, "which bits of its nonces name the chip has not been measured"
        else:
            assert len(seen) > min(chips, 10) / 2, "the nonces name the chips that found them"
            assert -1 not in seen
    assert asicrc("verify", path, "--json").json["disagreements"] == 0
    analysis = asicrc("analyze", path, "--json")
    if model == "BM1397":
        assert "not been measured" in analysis.json["unanswered"]["scan_order"] or "scan order" in str(
            analysis.json["unanswered"]
        )
    else:
        assert analysis.json["scan_order"] is not None


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("url", "lowest_mv", "asked_mv"),
    [
        ("sim:bitaxe", 1000, 1150),
        pytest.param("sim:bitaxe?reply_version=1", 1000, 1150, marks=LONG),
        pytest.param("sim:bitaxe-gamma", 1000, 1050, marks=LONG),
    ],
)
def test_a_bitaxe_is_driven_with_its_board(url: str, lowest_mv: int, asked_mv: int, tmp_path: Path) -> None:
    path, log = tmp_path / "board.asicrc", tmp_path / "board.jsonl"
    url += f"{'&' if '?' in url else '?'}board_log={log}"
    run = asicrc(
        *("capture", "-d", url, "--duration", "60s", "--max-events", "250", "-o", path, "--json"),
        *("--voltage-mv", str(asked_mv), "--frequency-mhz", "300", "--fan-percent", "80"),
        timeout_s=200,
    )
    assert run.code == 0, run.err
    assert run.json["restored"] is True
    assert run.json["valid"] == run.json["events"] > 20
    truth = states(log)
    hashing = [state for state in truth if state["frequency_mhz"] > 0]
    assert {round(state["frequency_mhz"]) for state in hashing} == {300}
    assert all(abs(state["voltage_mv"] - asked_mv) < 5 for state in hashing)
    assert all(state["fan_percent"] >= 80 for state in hashing)
    first_fan = next(state["t_ns"] for state in truth if state["fan_percent"] >= 80)
    raised = next(state["t_ns"] for state in truth if abs(state["voltage_mv"] - asked_mv) < 5)
    released = next(state["t_ns"] for state in truth if not state["reset"])
    assert first_fan < raised < released < hashing[0]["t_ns"], "fan, voltage, release, clock"
    assert truth[-1]["reset"] and truth[-1]["frequency_mhz"] == 0, "found in reset, left in reset"
    with package.load(path) as capture:
        channels = {reading.channel for reading in capture.readings()}
        assert {"temperature_c", "fan_rpm"} <= channels
        assert channels & {"input_w", "core_w"}
        meta = capture.meta
    assert meta["limits"]["voltage_mv_min"] == lowest_mv
    assert meta["beyond_built_in"] == {}


@pytest.mark.long
def test_a_station_narrows_what_is_allowed_and_is_kept(tmp_path: Path) -> None:
    station = tmp_path / "station.toml"
    station.write_text(
        '[station]\nname = "bench-7"\n[[device]]\nname = "chip"\nurl = "sim:bm1366"\n'
        'cooling = { kind = "passive" }\n[device.limits]\nfrequency_mhz_max = 150\n'
    )
    path = tmp_path / "a.asicrc"
    common = ("capture", "-d", "sim:bm1366", "--duration", "2s", "-o", path, "--json", "--station", station)
    refused = asicrc(*common, "--frequency-mhz", "200")
    assert refused.code == 5
    assert "150" in refused.json["error"]["message"]
    assert not path.exists()
    assert asicrc(*common, "--allow-beyond-envelope").code == 2, "the file asks for nothing beyond"
    run = asicrc(*common)
    assert run.code == 0, run.err
    with package.load(path) as capture:
        meta = capture.meta
        assert {s.read_back for s in capture.settings() if s.name == "frequency_mhz" and s.kind == "set"} == {
            150
        }
    assert meta["limits"]["frequency_mhz_max"] == 150
    assert meta["station"]["station"]["name"] == "bench-7"
    assert meta["station"]["device"]["cooling"]["kind"] == "passive"
    json.dumps(meta["station"])


ALTERED: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = {
    "as it was": lambda lines: lines,
    "by a slow host": lambda lines: [line | {"t_ns": 3 * line["t_ns"]} for line in lines],
    "asked less often": lambda lines: without_looks(lines),
}
"""Recordings of the same device: a replay hangs on none of what is different in them."""


def alter(bundle: Path, other: Path, changed: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> None:
    with zipfile.ZipFile(bundle) as archive, zipfile.ZipFile(other, "w") as new:
        new.writestr("manifest.json", archive.read("manifest.json"))
        lines = [json.loads(line) for line in archive.read("wire.jsonl").splitlines()]
        new.writestr("wire.jsonl", "".join(json.dumps(line) + "\n" for line in changed(lines)))


def without_looks(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without all that was asked of a board while the chip was at work."""
    jobs = [
        at for at, line in enumerate(lines) if line["direction"] == "tx" and line["hex"].startswith("55aa21")
    ]
    return [line for at, line in enumerate(lines) if line["channel"] == "chip" or not jobs[0] < at < jobs[-1]]


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("url", ["sim:bm1366", pytest.param("sim:bitaxe", marks=LONG)])
def test_the_driver_runs_against_the_bundle_of_a_check(url: str, tmp_path: Path) -> None:
    bundle = tmp_path / "check.zip"
    made = asicrc(
        *("check", "-d", url, "--with-work", "--duration", "2s", "--bundle", bundle, "--json"),
        cwd=tmp_path,
        timeout_s=200,
    )
    assert made.code == 0, made.err
    assert made.json["bundle"] == str(bundle)
    assert made.json["with_work"]["restored"] is True
    looked = check_device(f"bundle:{bundle}", Circumstances(None))
    for key in ("model", "chips", "baud_at_open", "zero_bits", "pll0_register"):
        assert looked.get(key) == made.json.get(key), key
    for name, changed in ALTERED.items():
        other = tmp_path / f"{name}.zip"
        alter(bundle, other, changed)
        for duration_s in (0.5, 2.0, 6.0):
            path = tmp_path / f"{name}-{duration_s:g}.asicrc"
            plan = CapturePlan(path, duration_s)
            again = capture_to_file(f"bundle:{other}?session=work", plan, Circumstances(None))
            assert (again.reason, again.restored) == ("duration reached", True), f"{name}, {duration_s:g} s"
            assert again.counters.events == again.counters.unknown_job
            assert again.counters.events > 0 or duration_s < 6, "a busy emulator's first proof may come late"
            with package.load(path) as capture:
                confirmed = {
                    s.name for s in capture.settings() if s.kind == "set" and s.read_back is not None
                }
            assert {"frequency_mhz", "difficulty", "hash_counting_number"} <= confirmed
    work = f"bundle:{bundle}?session=work"
    faster = CapturePlan(tmp_path / "faster.asicrc", 1.0, requested={"frequency_mhz": 300.0})
    ended = capture_to_file(work, faster, Circumstances(None))
    assert ended.exit_code == 3 and "which the recording does not have" in ended.reason
    with pytest.raises(UsageError) as missing:
        check_device(work.replace("work", "other"), Circumstances(None))
    assert "check, work" in str(missing.value.hint)
