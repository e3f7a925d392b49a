"""Wrong verdicts, counted on twins: false alarms without memory, power with it, heat by its name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asicrc.errors import UsageError
from asicrc.evidence import EvidenceVerdict
from asicrc.evidence.binomial import clopper_pearson
from asicrc.reservoir import calibration
from asicrc.reservoir.attribution import Channel, Group
from asicrc.reservoir.benchmark import Protocol, Question, Split, Subject, Target, capture_scores, combine
from asicrc.reservoir.benchmark.capturing import Driving, run_in_memory
from asicrc.reservoir.calibration import (
    WITH_MEMORY,
    WITHOUT_MEMORY,
    Verdict,
    result_line,
    summarise,
    verdict_of,
)
from asicrc.reservoir.encoders import encoder_for
from simulators.twins.named import ordinary

RUNS = 20
MORE_RUNS = 50


def test_every_encoder_is_calibrated_on_both_kinds_of_twin() -> None:
    labels = {of.label for of in WITHOUT_MEMORY}
    encoders = ("work", "difficulty", "frequency", "voltage", "duty")
    assert labels == {f"{kind}, {encoder}" for kind in ("ideal", "ordinary") for encoder in encoders}
    assert [of.planted for of in WITH_MEMORY] == [True]


@pytest.mark.long
def test_a_run_is_a_function_of_its_number() -> None:
    of = replace(WITHOUT_MEMORY[0], split=Split(5, 60, 60))
    first, again, other = verdict_of(of, 3), verdict_of(of, 3), verdict_of(of, 4)
    assert first == again != other
    assert first.computes in ("refuted", "not resolved")


def test_verdicts_are_counted_with_exact_intervals() -> None:
    of = WITHOUT_MEMORY[0]
    verdicts = [Verdict(of.label, "refuted", None, 0.0)] * 499 + [
        Verdict(of.label, "supported", "timing", 1.0)
    ]
    found = summarise(of, verdicts)
    assert found.supported == clopper_pearson(1, 500)
    assert found.passed and found.channels == {"none": 499, "timing": 1}
    assert "passed" in result_line(found)
    assert not summarise(of, verdicts[-30:]).passed  # 1 of 30 is no 5 %
    planted = WITH_MEMORY[0]
    found_all = [Verdict(planted.label, "supported", "timing", 0.5)] * 480
    assert summarise(planted, found_all + verdicts[:20]).passed
    assert not summarise(planted, found_all[:100] + verdicts[:20]).passed


@pytest.mark.long
def test_the_command_says_what_did_not_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tuple(replace(of, split=Split(5, 60, 60)) for of in WITHOUT_MEMORY[:1])
    monkeypatch.setattr(calibration, "WITHOUT_MEMORY", short)
    monkeypatch.setattr(calibration, "WITH_MEMORY", ())
    assert calibration.main(["--runs", "1", "--jobs", "1"]) == 1  # one run has no narrow interval
    assert "ideal, work" in capsys.readouterr().out


def test_a_twin_that_there_is_not_is_named() -> None:
    with pytest.raises(UsageError, match="no twin is called 'imagined'"):
        replace(WITHOUT_MEMORY[0], name="imagined").device(1)


HOW_MANY = pytest.mark.parametrize(
    "runs", [pytest.param(RUNS, marks=pytest.mark.long), pytest.param(MORE_RUNS, marks=pytest.mark.soak)]
)
"""`make calibrate` has 500, which bounds each class by itself."""


@HOW_MANY
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", ["ideal", "ordinary"])
def test_no_memory_is_claimed_where_there_is_none(kind: str, runs: int) -> None:
    classes = [of for of in WITHOUT_MEMORY if of.name == kind]
    results = calibration.calibrate(runs, classes, say=print)
    supported = [round(result.supported.estimate * runs) for result in results]
    assert max(supported) <= 2, supported
    assert clopper_pearson(sum(supported), runs * len(classes)).high <= 0.05


@HOW_MANY
@pytest.mark.timeout(1500)
def test_a_planted_memory_is_found(runs: int) -> None:
    (result,) = calibration.calibrate(runs, WITH_MEMORY, say=print)
    assert result.supported.estimate >= 0.90
    assert result.channels.get("timing", 0) == round(result.supported.estimate * runs)
    assert result.capacity == pytest.approx(0.5, abs=0.05)


@pytest.mark.long
@pytest.mark.parametrize(("name", "low", "high"), [("frequency", 400.0, 575.0), ("voltage", 1100.0, 1300.0)])
def test_heat_is_found_and_named_thermal(name: str, low: float, high: float) -> None:
    """Of an ordinary twin: its temperature remembers the drive, its timing does not."""
    encoder = encoder_for(name, low=low, high=high, step_s=5.0)
    protocol = Protocol(split=Split(40, 200, 200), question=Question(input_baselines=False))
    scores = []
    for seed in protocol.all_seeds:
        device = ordinary("lv06", seed=seed)
        run, task = run_in_memory(device, protocol, Driving(encoder, requested={"difficulty": 16.0}), seed)
        target = Target(task.y, np.isfinite(run.drive.u), protocol.split)
        scores.append(capture_scores(run, target, protocol.question, np.random.SeedSequence(seed)))
    subject = Subject(device.identity.url, "stream", encoder.channel, encoder.heats, simulated=True)
    evidence = combine("narma10", protocol.split, scores, subject=subject).evidence
    assert evidence is not None
    assert evidence.memory[Group.TEMPERATURE].verdict is EvidenceVerdict.SUPPORTED
    assert evidence.memory[Group.TIMING].verdict is EvidenceVerdict.REFUTED
    assert evidence.attribution.channel is Channel.THERMAL
    assert evidence.attribution.computes is EvidenceVerdict.REFUTED  # neither hidden nor counted as computing
    assert evidence.interpretation == "validated"


def test_a_run_whose_input_was_not_white_has_a_verdict_and_no_capacity() -> None:
    of = WITHOUT_MEMORY[0]
    found = summarise(of, [Verdict(of.label, "refuted", None, 0.2), Verdict(of.label, "refuted", None, None)])
    assert (found.capacity, found.supported.n) == (0.2, 2)
