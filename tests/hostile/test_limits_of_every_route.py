"""The command line and a plan, to the board behind them: whatever they ask, nothing passes the limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from paper_bench import BUILT_IN, URL, PaperBench, check_held

from asicrc.bench.envelope import Envelope
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from asicrc.cli.main import _run
from asicrc.devices import Circumstances
from asicrc.devices.bitaxe_opening import open_bitaxe_raw
from asicrc.devices.url import DeviceUrl
from asicrc.errors import DeviceError

STATION = """
[station]
name = "s"
[[device]]
url_prefix = "bitaxe-raw:"
[device.limits]
frequency_mhz_max = 400.0
voltage_mv_max = 1150.0
"""
NARROW = BUILT_IN.narrowed({"frequency_mhz_max": 400.0, "voltage_mv_max": 1150.0})
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
numbers = st.one_of(
    st.floats(0, 3000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([50.0, 400.0, 400.1, 575.0, 575.1, 1000.0, 1150.0, 1150.1, 1300.0, 1300.1]),
)
near = st.one_of(numbers, st.floats(50, 575), st.floats(1000, 1300))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[PaperBench]:
    """In the place of the device: every capture, of a command or of a sweep, is one of it in memory."""
    paper = PaperBench()

    def on_paper(url: str, plan: CapturePlan, circumstances: Circumstances, *_: object, **__: object) -> None:
        device = open_bitaxe_raw(DeviceUrl.parse(url), paper, circumstances.limits(url))
        with closing(device):
            capture_in_memory(device, plan)
        raise DeviceError("nothing is kept of it", "")

    monkeypatch.setattr("asicrc.capture.running.capture_to_file", on_paper)
    monkeypatch.setattr("asicrc.bench.sweep.capture_to_file", on_paper)
    yield paper


@contextmanager
def watched(bench: PaperBench, envelope: Envelope) -> Iterator[None]:
    bench.clocks_mhz.clear()
    bench.voltages_mv.clear()
    yield
    check_held(bench, envelope)


def where(tmp_path: Path, is_narrow: bool) -> tuple[list[str], Envelope]:
    """The option that names a station, and what holds then."""
    station = tmp_path / "station.toml"
    station.write_text(STATION if is_narrow else '[station]\nname = "s"\n')
    return ["--station", str(station)], NARROW if is_narrow else BUILT_IN


def is_allowed(mhz: float, mv: float, envelope: Envelope) -> bool:
    limits = envelope.voltage_mv
    assert limits is not None
    return (
        envelope.frequency_mhz.low <= mhz <= envelope.frequency_mhz.high and limits.low <= mv <= limits.high
    )


@pytest.mark.long
@QUICK
@given(near, near, st.booleans())
@example(575.0, 1300.0, False)
@example(400.0, 1150.0, True)
def test_the_command_line(bench: PaperBench, tmp_path: Path, mhz: float, mv: float, is_narrow: bool) -> None:
    station, envelope = where(tmp_path, is_narrow)
    asked = [f"--frequency-mhz={mhz!r}", f"--voltage-mv={mv!r}", "--duration=1s"]
    with watched(bench, envelope):
        code = _run(["capture", "-d", URL, "-o", str(tmp_path / "a.asicrc"), *station, *asked])
    # 3: it was captured, and nothing was kept; 5: refused before anything was written
    assert code == (3 if is_allowed(mhz, mv, envelope) else 5)
    assert bool(bench.clocks_mhz) is bool(bench.voltages_mv) is (code == 3)


@pytest.mark.long
@QUICK
@given(st.lists(near, min_size=1, max_size=3), st.lists(near, min_size=1, max_size=2), st.booleans())
@example([50.0, 575.0], [1000.0, 1300.0], False)
def test_a_plan(
    bench: PaperBench, tmp_path: Path, clocks: list[float], voltages: list[float], is_narrow: bool
) -> None:
    station, envelope = where(tmp_path, is_narrow)
    plan = tmp_path / "p.toml"
    plan.write_text(
        f'name = "p"\n[grid]\nfrequency_mhz = {toml(clocks)}\nvoltage_mv = {toml(voltages)}\n'
        "[dwell]\nduration_s = 1\n"
    )
    with watched(bench, envelope):
        code = _run(["sweep", str(plan), "-d", URL, "-o", str(tmp_path / "a.asicrc"), *station])
    if not all(is_allowed(mhz, mv, envelope) for mhz in clocks for mv in voltages):
        assert code in (2, 4, 5), "one point beyond a limit, and none is taken"
        assert not bench.clocks_mhz and not bench.voltages_mv
    elif len({*clocks}) == len(clocks) and len({*voltages}) == len(voltages):
        assert code == 3 and bench.clocks_mhz and bench.voltages_mv


def toml(values: list[float]) -> str:
    return f"[{', '.join('nan' if math.isnan(value) else repr(value) for value in values)}]"
