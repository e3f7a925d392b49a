"""Plans: read with words for what is wrong, and the same list of points whenever they are read."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.bench.plan import SweepPlan
from asicrc.bench.plan_file import load_plan, plan_from_toml, shipped_plans
from asicrc.bench.plan_order import in_order, interleaved
from asicrc.bench.stored_sweep import stored_sweep, sweep_record
from asicrc.capture.points import Dwell, PointKind
from asicrc.capture.settling import Settle, Steady
from asicrc.errors import BadFile, UsageError

TEXT = """
name = "both"
order = "random"
repeats = 2
seed = 3

[settings]
difficulty = 256

[grid]
voltage_mv = { from = 1000, to = 1300, step = 100 }
frequency_mhz = [400, 500]

[[points]]
voltage_mv = 1250
frequency_mhz = 450

[baseline]
every = 5
settings = { voltage_mv = 1200, frequency_mhz = 485 }

[settle]
window_s = 20
longest_s = 300

[settle.steady.temperature_c]
slope_per_min = 1
spread = 2

[dwell]
events = 100
longest_s = 300
"""


def plan(text: str = TEXT) -> SweepPlan:
    return plan_from_toml(text, Path("p.toml"))


def test_a_plan_is_grid_points_repeats_and_baselines() -> None:
    points = plan().points()
    assert len(points) == 2 * (8 + 1) + 5
    assert points[0].kind is points[6].kind is points[-1].kind is PointKind.BASELINE
    assert [p.repeat for p in points if p.kind is PointKind.BASELINE] == list(range(5))
    taken = [p for p in points if p.kind is PointKind.POINT]
    assert {p.key for p in taken} == {(n, r) for n in range(9) for r in (0, 1)}
    assert len({p.key for p in points}) == len(points)
    for point in points:
        assert list(point.requested) == ["difficulty", "voltage_mv", "frequency_mhz"]
        assert point.dwell == Dwell(300, 100)
        assert point.settle == Settle(0, 20, 300, (Steady("temperature_c", 1, 2),))
    [own] = [p for p in taken if p.requested["voltage_mv"] == 1250 and p.repeat == 0]
    assert (own.number, own.requested["frequency_mhz"]) == (8, 450)


def test_a_random_order_is_by_the_seed_and_another_in_each_repeat() -> None:
    def order(text: str) -> list[tuple[int, int]]:
        return [p.key for p in plan(text).points()]

    assert order(TEXT) == order(TEXT)
    assert order(TEXT) != order(TEXT.replace("seed = 3", "seed = 4"))
    taken = [p.number for p in plan().points() if p.kind is PointKind.POINT]
    assert sorted(taken[:9]) == sorted(taken[9:]) == list(range(9))
    assert taken[:9] != taken[9:]


def test_the_order_of_a_seed_is_the_one_that_it_was() -> None:
    """A capture is compared with others by its plan: a change here would change every plan there is."""
    axes = {"voltage_mv": [1.0, 2.0, 3.0], "frequency_mhz": [10.0, 20.0]}
    rows = in_order(axes, "random", seed=1, repeat=0)
    assert [(row["voltage_mv"], row["frequency_mhz"]) for row in rows] == FIXED


FIXED = [(2.0, 10.0), (1.0, 20.0), (1.0, 10.0), (3.0, 10.0), (3.0, 20.0), (2.0, 20.0)]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 3))
def test_a_serpentine_changes_one_setting_by_one_step(lengths: list[int], repeat: int) -> None:
    axes = {f"axis {i}": [float(v) for v in range(n)] for i, n in enumerate(lengths)}
    rows = in_order(axes, "serpentine", 1, repeat)
    assert sorted(tuple(r.values()) for r in rows) == sorted(itertools.product(*axes.values()))
    for before, after in itertools.pairwise(rows):
        changed = [name for name in axes if before[name] != after[name]]
        assert len(changed) == 1
        assert abs(before[changed[0]] - after[changed[0]]) == 1
    again = in_order(axes, "serpentine", 1, repeat + 1)
    assert again == rows[::-1]


@given(st.integers(0, 30), st.integers(1, 12))
def test_baselines_stand_before_between_and_behind(points: int, every: int) -> None:
    taken = interleaved(list(range(points)), every, lambda count: -1 - count)
    assert [t for t in taken if t >= 0] == list(range(points))
    runs = "".join("b" if t < 0 else "p" for t in taken).split("b")
    assert runs[0] == runs[-1] == ""
    assert all(len(run) == every for run in runs[1:-2])
    assert [t for t in taken if t < 0] == [-1 - i for i in range(-(-points // every) + 1)]


def test_a_point_that_stands_twice_is_a_repeat_with_work_of_its_own() -> None:
    text = 'name = "x"\n[grid]\nfrequency_mhz = [400, 400, 500]\n[dwell]\nduration_s = 1\n'
    assert [p.key for p in plan(text).points()] == [(0, 0), (0, 1), (2, 0)]


def test_steps_go_down_too_and_end_at_the_last_that_fits() -> None:
    text = 'name = "x"\n[grid]\nvoltage_mv = { from = 990, to = 850, step = 30 }\n[dwell]\nduration_s = 1\n'
    assert [p.requested["voltage_mv"] for p in plan(text).points()] == [990, 960, 930, 900, 870]


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ('"random"', '"rand"', "p.toml, line 3: order = 'rand' should be 'grid'", "--schema"),
        ("repeats", "repeets", "p.toml, line 4: there is no key repeets", "did you mean repeats?"),
        ("[400, 500]", '[400, "a"]', "line 12, grid: value 2 = 'a' should be a valid number", "--schema"),
        ("step = 100", "step = 0", "line 11, grid, voltage_mv: a step of 0 goes nowhere", ""),
        ("step = 100", "stepp = 100", "line 11, grid, voltage_mv: step is missing", ""),
        ("every = 5", "every = 0", "baseline: every = 0 should be greater than 0", ""),
        ("frequency_mhz = 450", "", "point 9 and point 1 do not set the same: frequency_mhz", ""),
        (", frequency_mhz = 485", "", "the baseline and point 1 do not set the same: frequency_mhz", ""),
        ("frequency_mhz = [", "clock = [", "grid: no device has a setting clock; there are", ""),
        ("difficulty = 256", "voltage_mv = 1", "voltage_mv stands in settings and in grid", ""),
        ("spread = 2", "sprad = 2", "settle, steady, temperature_c: spread is missing", ""),
        ("longest_s = 300\n\n", "longest_s = 3\n\n", "settle: longest_s = 3 is shorter than one window", ""),
        ("events = 100\n", "", "give duration_s, or events with longest_s", ""),
        ("events = 100\nlongest_s = 300", "events = 100", "would never end", ""),
        ("events = 100", "events = 100\nduration_s = 5", "give duration_s, or events with longest_s", ""),
        ("voltage_mv = 1250", "voltage_mv = true", "[[points]] 1: voltage_mv = True should be", ""),
        ("seed = 3", "seed = -1", "line 5: seed = -1 should be greater than or equal to 0", ""),
        ("repeats = 2", "repeats = 10000\n[grid2]", "there is no key grid2", "did you mean grid?"),
        ("seed = 3", 'seed = 3\napi_token = "x"', "api_token looks like a secret", "take it out"),
        ("[grid]", "[grid", "p.toml is no TOML", "--list"),
        ("step = 100", "step = 0.001", "more than 100000", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_key(old: str, new: str, said: str, hint: str) -> None:
    assert old in TEXT
    with pytest.raises(BadFile) as error:
        plan(TEXT.replace(old, new, 1))
    assert said in error.value.message
    assert hint in error.value.hint


def test_a_plan_needs_points_and_ends() -> None:
    with pytest.raises(BadFile, match="the plan has no point"):
        plan('name = "x"\n[dwell]\nduration_s = 1\n')
    with pytest.raises(BadFile, match="dwell is missing"):
        plan('name = "x"\n[grid]\nfrequency_mhz = [400]\n')
    with pytest.raises(UsageError, match="no plan nowhere"):
        load_plan("nowhere")


def test_a_plan_made_in_python(tmp_path: Path) -> None:
    path = tmp_path / "p.py"
    path.write_text(
        "from asicrc.bench.plan import DwellTable, SweepPlan\n"
        "PLAN = SweepPlan(name='by hand', grid={'frequency_mhz': [400.0 + 50 * i for i in range(3)]},\n"
        "                 dwell=DwellTable(duration_s=10))\n"
    )
    assert [p.requested["frequency_mhz"] for p in load_plan(path).points()] == [400, 450, 500]
    path.write_text("PLAN = 7\n")
    with pytest.raises(BadFile, match="leaves no SweepPlan in PLAN"):
        load_plan(path)
    path.write_text("1 / 0\n")
    with pytest.raises(BadFile, match="ZeroDivisionError"):
        load_plan(path)
    path.write_text("from asicrc.bench.plan import SweepPlan\nPLAN = SweepPlan(name='x', dwell={})\n")
    with pytest.raises(BadFile, match="duration_s"):
        load_plan(path)


def test_a_capture_keeps_the_plan_and_its_order() -> None:
    chosen = plan()
    meta = json.loads(json.dumps(sweep_record(chosen)))
    again, points = stored_sweep(meta, Path("a.asicrc"))
    assert again == chosen
    assert points == chosen.points()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda sweep: sweep["points"][1].update(requested={"frequency_mhz": "x"}),
            "requested.frequency_mhz",
        ),
        (lambda sweep: sweep["points"][1].update(requested={"rm -rf": 1.0}), "a setting that no device has"),
        (lambda sweep: sweep["points"][1].update(sweep["points"][2]), "a point that stands there twice"),
        (lambda sweep: sweep["points"].clear(), "points"),
        (lambda sweep: sweep["plan"].pop("dwell"), "plan.dwell"),
        (lambda sweep: sweep.update(more=1), "more"),
    ],
)
def test_a_forged_plan_is_a_bad_file(change: object, said: str) -> None:
    meta = json.loads(json.dumps(sweep_record(plan())))
    change(meta["sweep"])  # type: ignore[operator]
    with pytest.raises(BadFile) as error:
        stored_sweep(meta, Path("a.asicrc"))
    assert said in error.value.message


def test_the_schema_describes_what_is_taken() -> None:
    schema = SweepPlan.model_json_schema(by_alias=True)
    assert {"name", "grid", "points", "baseline", "settle", "dwell", "order", "seed"} <= set(
        schema["properties"]
    )
    assert schema["additionalProperties"] is False
    assert {"from", "to", "step"} == set(schema["$defs"]["Steps"]["properties"])


@pytest.mark.parametrize("name", shipped_plans())
def test_a_shipped_plan_can_be_read(name: str) -> None:
    shipped = load_plan(name)
    assert shipped.points()
    assert shipped.machine.chip in ("BM1387", "BM1366")
