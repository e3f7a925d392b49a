"""The command line in process: words, options, output, exit codes."""

from __future__ import annotations

import errno
import io
import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from asicrc.capture.plan import Outcome
from asicrc.capture.verification import Counters
from asicrc.cli.main import _run
from asicrc.cli.options import seconds
from asicrc.cli.output import print_json, printable
from asicrc.errors import ExitCode, UsageError


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("500ms", 0.5), ("1e3", 1000)]
)
def test_durations(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "soon", "-1", "0", "5 parsecs", "nan", "1e99"])
def test_no_durations(text: str) -> None:
    with pytest.raises(UsageError):
        seconds(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["capture"], "device"),
        (["capture", "-d", "sim:bm1366", "--seed", "-1"], "--seed"),
        (["capture", "-d", "sim:bm1366", "--output", ""], "file name"),
        (["capture", "-d", "sim:bm1366", "--job-interval", "1ms"], "too often"),
        (["capture", "-d", "sim:bm1366", "--output", "/nonexistent/a.asicrc"], "/nonexistent"),
        (["export", "--form", "csv", "x"], "--form"),
        (["check", "-d", "sim:bm1366", "--passive", "--with-work"], "--passive"),
        (["check", "-d", "sim:bm1366", "--passive"], "serial:"),
        (["simulate", "toaster"], "bm1366"),
        (["list", "/nonexistent"], "/nonexistent"),
        (["frobnicate"], "frobnicate"),
        (["devices", "--ports", "80"], "--scan"),
        (["benchmark", "narma"], "narma10"),
        (["benchmark", "narma10", "--baselines-only", "--esn", "nan"], "nan"),
        (["benchmark", "narma10", "--baselines-only", "--alpha", "-1"], "--alpha"),
        (["benchmark", "narma10", "--baselines-only", "--step", "2s"], "--step"),
        (["benchmark", "narma10", "--baselines-only", "--lags", "2"], "--lags"),
        (["benchmark", "narma10", "-d", "twin:lv06", "--mode", "nix"], "handshake"),
        (["benchmark", "narma10", "-d", "twin:lv06", "--low", "1"], "takes no low"),
        (["benchmark", "narma10", "-d", "twin:lv06", "--encoder", "duty", "--low", "1"], "needs high"),
        (["plan-size", "cv", "--shift", "0.05", "--depth", "0.2"], "--depth"),
        (["plan-rate", "--hashrate-ghs", "434", "--station", "x"], "--device"),
        (["heartbeat", "x", "--tolerance-hz", "1"], "--frequency-hz"),
        (["papers", "--clock-mhz", "nan"], "--clock-mhz"),
        (["export", "."], "folder"),
        (["report", "/"], "folder"),
        (["compare", "x", "x"], "both captures"),
        (["puf", "study", ".", "--kind", "planted"], "--twins"),
        (["puf", "enroll", "x", "x", "--name", "a", "-o", "t"], "twice"),
        (["publish", "x", "--prometheus", "127.0.0.1:0", "--rig", "a"], "--mqtt"),
        (["capture", "-d", "twin:lv06", "--rig", "a"], "--mqtt"),
        (["capture", "-d", "twin:lv06", "--handshake-timeout", "5s"], "--mode handshake"),
        (["prerequisites", "x", "--dry-run"], "--dry-run"),
        (["prerequisites", "x", "--list"], "FILE"),
        (["prerequisites", "x", "--plain"], "--plain"),
        (["claims", "run", "H12", "--runs", "30"], "--twin"),
        (["claims", "run", "H12", "--dry-run", "--output", "."], "exists already"),
        (["capture", "-d", "twin:lv06", "--mode", "handshake", "--job-interval", "5s"], "--mode stream"),
        (["capture", "-d", "twin:lv06", "--replay-work", "x", "--mode", "handshake"], "--mode"),
        (["capture", "-d", "twin:lv06", "--dry-run", "--rig", "a"], "--mqtt"),
        (["capture", "-d", "twin:lv06", "--dry-run", "-o", "."], "file name"),
        (["capture", "-d", "replay:x", "--seed", "5"], "--seed"),
        (["sweep", "x", "--list"], "PLAN"),
        (["sweep", "--schema", "-d", "twin:lv06"], "--device"),
        (["watch", "x", "--once", "--interval", "5s"], "--interval"),
        (["export", "x", "-o", "a.parquet"], "--format parquet"),
        (["heartbeat", "x", "--channel", "power_w", "--frequency-hz", "2", "--seed", "3"], "--seed"),
        (["plan-size", "cv", "--shift", "0.05", "--n", "100", "--power", "0.5"], "--power"),
        (["puf", "study", "--twins", "3", "--kind", "ordinary", "--fingerprint-us", "5"], "--kind planted"),
        (["tpf", "evaluate", "x.csv", "--window", "4s"], "--window"),
        (["vbm", "study", "--units", "0", "--unit", "1s"], "--units"),
        (["proxy", "--upstream", "x", "--mode", "handshake", "--renew", "5s"], "--renew"),
        (["publish", "x", "--mqtt", "x", "--no-discovery", "--discovery-prefix", "a"], "--no-discovery"),
        (["guide", "--raw"], "--raw"),
        (["heartbeat", __file__, "--point", "1"], "--point"),
        (["benchmark", "list", "-d", "twin:lv06"], "--device"),
        (["benchmark", "narma10", "-d", "x", "--mode", "handshake", "--step", "2s"], "--mode stream"),
        (["benchmark", "narma10", "--capture", "x", "--taus", "1"], "--features"),
        (["benchmark", "narma10", "--capture", "x.csv", "--lags", "2"], "--lags"),
        (["benchmark", "narma10", "--baselines-only", "--station", "x"], "--station"),
        (["benchmark", "narma10", "--baselines-only", "--jobs", "2", "--dask", "x"], "--jobs"),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert _run([*arguments, "--json"]) == 2
    shown = capsys.readouterr()
    error = json.loads(shown.out)["error"]
    assert said in error["message"] + (error["hint"] or "")
    assert error["code"] == "usage"


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [
        "devices",
        "check",
        "simulate",
        "capture",
        "restore",
        "demo",
        "show",
        "list",
        "verify",
        "export",
        "import",
        "analyze",
        "watch",
    ]
    assert _run(["--help"]) == 0
    listed = capsys.readouterr().out
    for command in map(str, commands):
        assert command in listed
        assert _run([command, "--help"]) == 0
        assert "Usage" in capsys.readouterr().out
    assert _run(["simulate", "-h"]) == 0
    assert "Emulated devices: bitaxe, bitaxe-gamma, bm1362" in capsys.readouterr().out


def test_devices_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["devices", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "sim:bm1366" in found["emulated"]
    assert set(found) == {"ports", "emulated", "url_forms"}


def test_an_empty_folder_lists_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert _run(["list", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["captures"] == []
    (tmp_path / "a.asicrc").write_text("no capture")
    assert _run(["list", str(tmp_path)]) == 0
    assert "unreadable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "names", "state", "advice"),
    [
        (
            "axeos://192.0.2.7",
            ("own_pools", "voltage_mv"),
            "own_pools, voltage_mv",
            " --device axeos://192.0.2.7",
        ),
        ("luxos://192.0.2.7?user=rig", (), "as the capture set it", " --device 'luxos://192.0.2.7?user=rig'"),
        ("serial:/dev/ttyUSB0?chip=bm1366", (), "may still be hashing", ""),
    ],
)
def test_the_advice_after_a_failed_way_back_is_one_that_works(
    url: str,
    names: tuple[str, ...],
    state: str,
    advice: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.asicrc"
    outcome = Outcome(
        path, "refused: too hot", ExitCode.REFUSED, 0.0, Counters(), {}, False, None, None, not_restored=names
    )
    for name in ("open_device", "StorageLink"):
        monkeypatch.setattr(
            f"asicrc.capture.running.{name}", lambda *_: nullcontext(SimpleNamespace(work_form=None))
        )
    for name in ("_check_interval", "check_mode", "supervisor_of"):
        monkeypatch.setattr(f"asicrc.capture.running.{name}", lambda *_: None)
    monkeypatch.setattr("asicrc.capture.running.run_capture", lambda *_: outcome)
    assert _run(["capture", "-d", url, "-o", str(path)]) == ExitCode.REFUSED
    shown = capsys.readouterr()
    lines = shown.err.splitlines()
    assert any("NOT put back" in line and state in line for line in lines)
    assert any(line.endswith(f"try: asicrc restore {path}{advice}") for line in lines)
    assert "next  asicrc" not in shown.out


@pytest.mark.parametrize("code", [ExitCode.INTERRUPTED, ExitCode.DEVICE])
def test_what_ended_early_has_the_exit_code_of_its_end(
    code: ExitCode, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "a.asicrc"
    outcome = Outcome(path, "it ended", code, 0.0, Counters(), {}, False, None, None)
    expected = SimpleNamespace(steps=1, hours=0.1)
    monkeypatch.setattr("asicrc.reservoir.prerequisites.outlook", lambda *_: expected)
    monkeypatch.setattr("asicrc.reservoir.prerequisites.take_to_file", lambda *_: outcome)
    words = ["prerequisites", "--plan", "lv06-work", "-d", "axeos://127.0.0.1", "-o", str(path), "--json"]
    assert _run(words) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "unfinished"
    assert f"asicrc restore {path} --device axeos://127.0.0.1" in error["hint"]


def test_json_is_finite(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": -float("inf")}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": {"d": None}}


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x00\u202e") == "a\\x1b[2Jb\\x00\\x202e"


def test_a_pool_is_no_device(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    entry = SimpleNamespace(load=lambda: lambda url: nullcontext("stratum+tcp://127.0.0.1:1"))
    monkeypatch.setattr("asicrc.devices.opening.entry_points", lambda **_: [entry])
    assert _run(["check", "-d", "sim:pool", "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert "emulated pool" in error["message"]
    assert "asicrc simulate pool" in error["hint"]


def test_a_path_that_cannot_be_used_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("a file")
    assert _run(["demo", "--directory", str(path), "--json"]) == 6
    assert str(path) in json.loads(capsys.readouterr().out)["error"]["message"]


def test_ctrl_c_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("asicrc.guides.guides", interrupted)
    assert _run(["guide"]) == ExitCode.INTERRUPTED
    assert capsys.readouterr().err == "interrupted\n"


def test_ctrl_c_while_the_rest_is_imported_is_said_too() -> None:
    code = """
import sys, asicrc.cli.start

class Interrupted:
    def find_spec(self, name, *_):
        if name == "asicrc.cli.main":
            raise KeyboardInterrupt

light = "typer" not in sys.modules
sys.meta_path.insert(0, Interrupted())
sys.exit(asicrc.cli.start.main() if light else "the entry module imports too much")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, "interrupted\n")


def test_help_does_not_wait_for_numpy() -> None:
    code = "import sys, asicrc.cli.main; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_an_error_keeps_its_exit_code_where_nobody_reads_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("asicrc.cli.main.os.dup2", lambda *_: None)
    monkeypatch.setattr("sys.stdout", Full())
    assert _run(["show", "/nonexistent", "--json"]) == 4
    assert "/nonexistent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("devices > /dev/full", 6), ("guide science | head -c 1", 0), ("show /nonexistent <&- >&- 2>&-", 4)],
)
def test_output_that_cannot_be_written(arguments: str, code: int) -> None:
    command = f"PYTHONIOENCODING=ascii {sys.executable} -m asicrc.cli.main {arguments}"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_simulate_hands_its_options_on() -> None:
    command = [sys.executable, "-m", "asicrc.cli.main", "simulate", "bm1366", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == 0
    assert "zero_bits" in done.stdout + done.stderr
