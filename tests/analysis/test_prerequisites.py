"""The prerequisites of a reservoir on devices of which it is known what they remember."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from asicrc.cli.main import _run
from asicrc.devices.twins import make_twin
from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.evidence import EvidenceVerdict, Instrument, Source
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.prerequisites import (
    PrerequisitePlan,
    Prerequisites,
    load_plan,
    prerequisites_of,
    shipped_plans,
    take_in_memory,
)
from asicrc.reservoir.prerequisites.answers import windows_of_intervals
from asicrc.reservoir.states import StepEvents

SUPPORTED, REFUTED = EvidenceVerdict.SUPPORTED, EvidenceVerdict.REFUTED


def small(**sizes: Any) -> PrerequisitePlan:
    """About 27 shares a step."""
    plan = load_plan("twin-work")
    return replace(plan, encoder=replace(plan.encoder, step_s=0.5), settings={"difficulty": 2.0}, **sizes)


@lru_cache(maxsize=8)
def asked(gain: float, tau: float, **sizes: int) -> Prerequisites:
    effects = {"memory_gain": gain, "memory_tau": tau} if gain else {}
    return take_in_memory(make_twin("ideal", "lv06", seed=5, effects=effects), small(**sizes))


def without_memory() -> Prerequisites:
    return asked(0.0, 2.0, repeats=4, changed_repeats=4)


def test_a_miner_without_memory_has_the_echo_state_and_nothing_else() -> None:
    found = without_memory()
    assert found.echo.verdict is SUPPORTED
    assert abs(found.echo.effect.estimate) < 0.05
    assert "without memory has this property too" in found.notes[0]
    assert found.separates is not SUPPORTED
    assert found.separation is not None and found.separation.kernel.rank == 0
    assert found.lags_seen == 0
    assert found.consistency is not None and found.consistency.significant == 0
    assert found.fading is not None and found.fading.finding.verdict is not SUPPORTED
    assert found.verdicts.interpretation is EvidenceVerdict.NOT_TESTABLE_HERE


@pytest.mark.long
def test_a_fading_memory_separates_repeats_and_fades() -> None:
    found = asked(4.0, 2.0)
    assert found.echo.verdict is SUPPORTED
    assert found.separates is SUPPORTED
    assert found.separation is not None and found.separation.kernel.rank >= 1
    assert found.fading is not None and found.fading.fades is True
    assert found.lags_seen is not None and 2 <= found.lags_seen <= 6
    response = found.fading.response
    assert response[0] > response[1] > response[2] > response[5]
    assert 0.25 < response[1] / response[0] < 0.5  # of a square: exp(-2/2) is 0.37
    assert found.consistency is not None and found.consistency.significant >= 1
    assert found.echo_share is not None and found.echo_share.holds is True


@pytest.mark.long
def test_a_long_memory_of_the_history_is_in_the_states_and_not_in_the_cv() -> None:
    """The published criterion does not see it: a CV has no rate in it."""
    found = asked(4.0, 80.0, preamble=80, histories=3, repeats=4, changed_repeats=2)
    assert found.echo.verdict is SUPPORTED
    assert found.echo_share is not None and found.echo_share.holds is False
    assert found.echo_share.share_of_step[0] > found.echo_share.share_of_step[-1]


class MadeUp:
    """A driven run whose intervals are of a law of their own behind each history."""

    def __init__(self, plan: PrerequisitePlan, shape_of_history: dict[int, float], a_step: int = 12) -> None:
        rng = np.random.default_rng(3)
        shape = np.ones(plan.steps)
        for block in plan.blocks():
            steps = slice(block.first, block.first + plan.common)
            shape[steps] = shape_of_history.get(block.history, 1.0)
        # gamma intervals of shape k have a CV of 1 / sqrt(k)
        waits = [rng.gamma(k, 1.0 / k, a_step) / a_step for k in shape]
        t_s = np.concatenate([step + np.minimum(np.cumsum(w), 0.9999) for step, w in enumerate(waits)])
        starts = np.arange(plan.steps + 1) * 1_000_000_000
        self.steps = StepEvents.of_times(np.round(t_s * 1e9).astype(np.int64), starts)

    def __len__(self) -> int:
        return len(self.steps)


def made_up(shapes: dict[int, float], a_step: int = 12) -> Prerequisites:
    plan = small()
    return prerequisites_of(cast(DrivenRun, MadeUp(plan, shapes, a_step)), plan, Source.DEVICE)


def test_a_cv_that_depends_on_the_history_is_seen() -> None:
    same = made_up({})
    assert same.echo.verdict is SUPPORTED
    assert same.verdicts.interpretation is SUPPORTED
    other = made_up({2: 4.0})
    assert other.echo.verdict is REFUTED
    assert abs(other.echo.effect.estimate) == pytest.approx(0.47, abs=0.08)
    assert other.verdicts.interpretation is REFUTED


def test_too_few_intervals_are_said_to_be() -> None:
    found = made_up({}, a_step=1)
    assert found.echo.verdict is EvidenceVerdict.NOT_TESTABLE_HERE
    assert "it takes 87" in found.echo.note
    assert np.isnan(found.echo.effect.estimate)


def test_windows_keep_to_their_steps_and_segments() -> None:
    steps = StepEvents.of_times(np.arange(1, 101) * 10, [0, 500, 1000], segment=np.repeat([0, 1], [75, 25]))
    assert len(windows_of_intervals(steps, 0, 1)) == 4  # 50 events have 49 intervals
    assert windows_of_intervals(steps, 0, 1) == pytest.approx([0.0] * 4)
    assert len(windows_of_intervals(steps, 1, 2)) == 3  # one of the four crosses the segments


def test_the_drive_is_what_the_plan_says() -> None:
    plan = small()
    u = plan.inputs()
    assert len(u) == plan.steps == 32 * 132
    blocks = plan.blocks()
    assert sum(block.changed for block in blocks) == 12
    plays = {block.changed: u[block.first : block.first + plan.common] for block in blocks}
    differs = np.flatnonzero(plays[False] != plays[True])
    assert differs.tolist() == plan.changed_steps.tolist()
    assert np.all(np.abs(plays[True] - plays[False])[differs] >= 0.25)
    for block in blocks:
        assert np.array_equal(u[block.first : block.first + plan.common], plays[block.changed])
        before = u[block.first - plan.preamble : block.first]
        assert np.all(before // (0.5 / plan.histories) == block.history)
    assert np.array_equal(plan.inputs(), u)
    assert not np.array_equal(replace(plan, seed=2).inputs(), u)
    again = PrerequisitePlan.from_json(json.loads(json.dumps(plan.as_json())))
    assert again == plan


@pytest.mark.parametrize(
    "sizes",
    [
        {"histories": 2},
        {"repeats": 2},
        {"common": 100},
        {"lags": 3},
        {"lags": 60},
        {"preamble": 0},
        {"changed_repeats": 21},
        {"repeats": 1000, "common": 100_000},
        {"seed": -1},
        {"histories": 4.0},
    ],
)
def test_plans_that_cannot_answer(sizes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        small(**sizes)


def test_plans_that_come_along_can_be_taken() -> None:
    assert shipped_plans() == ["lv06-frequency", "lv06-work", "s9-work", "twin-work"]
    for name in shipped_plans():
        plan = load_plan(name)
        assert plan.steps * plan.encoder.step_s < 8 * 3600


def test_plans_from_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('histories = 3\n[encoder]\nname = "frequency"\nlow = 450\nhigh = 500\n')
    plan = load_plan(str(path))
    assert (plan.name, plan.histories, plan.encoder.channel) == ("mine", 3, "frequency_mhz")
    for text, said in (
        ("histories = 2", "histories: 3 or more"),
        ("histories = 'many'", "whole numbers"),
        ("humidity = 2", "no key humidity"),
        ("[encoder]\nname = 'crystal ball'", "crystal ball"),
        ("[encoder]\nstep = 2", "step"),
        ("[settings]\ndifficulty = 'low'", "low"),
        ("= 2", "no TOML"),
    ):
        path.write_text(text)
        with pytest.raises(BadFile) as raised:
            load_plan(str(path))
        assert said in raised.value.message
    with pytest.raises(UsageError, match="there is no plan"):
        load_plan("none")


def test_a_device_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "short.toml"
    plan.write_text(
        "repeats = 3\nchanged_repeats = 2\npreamble = 4\n"
        '[encoder]\nname = "work"\nstep_s = 0.1\n[settings]\ndifficulty = 1\n'
    )
    output = tmp_path / "a.asicrc"
    url = "twin:lv06?kind=ideal&memory_gain=4&memory_tau=3&seed=2"
    command = ["prerequisites", "--plan", str(plan), "--device", url]
    assert _run([*command, "--dry-run", "--json"]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert expected["steps"] == 14 * 124
    assert expected["shares_per_step"] == pytest.approx(10, rel=0.2)
    assert expected["enough"] is True
    assert _run([*command, "-o", str(output), "--json"]) == 0
    taken = json.loads(capsys.readouterr().out)
    assert taken["echo_state"]["verdict"] in ("supported", "not resolved")
    assert taken["plan"]["repeats"] == 3
    assert _run(["prerequisites", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == taken
    assert _run(["prerequisites", str(output)]) == 0
    assert "echo state" in capsys.readouterr().out


def test_words_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        ([], "a capture, a device, or a twin"),
        (["--twin", "ideal", "--device", "twin:lv06"], "a capture, a device, or a twin"),
        (["--device", "twin:lv06"], "driven by a plan"),
        (["--twin", "haunted"], "haunted"),
        (["--twin", "ideal", "--machine", "toaster"], "toaster"),
    ):
        assert _run(["prerequisites", *arguments, "--json"]) == 2
        error = json.loads(capsys.readouterr().out)["error"]
        assert said in error["message"] + error["hint"]
    assert _run(["prerequisites", "--list", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["plans"]) == set(shipped_plans())
    with pytest.raises(NoAnswer, match="the capture has 10 steps"):
        starts = np.arange(11) * 1_000_000_000
        short = type(
            "Short", (), {"steps": StepEvents.of_times(starts[:10] + 1, starts), "__len__": lambda _: 10}
        )
        prerequisites_of(cast(DrivenRun, short()), small(), Source.DEVICE)


def test_twins_judge_the_instrument_only_where_their_truth_is_stated() -> None:
    assert without_memory().verdicts.instrument in (None, Instrument.VALIDATED)
    assert "not of silicon" in without_memory().verdicts.reason
