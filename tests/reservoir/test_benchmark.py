"""One capture scored beside its baselines, captures weighed together, and the errors on the way."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from synthetic_runs import fading_mean, handshake_run, stream_recording, stream_run

from asicrc.errors import BadFile, NoAnswer, UsageError
from asicrc.evidence import EvidenceVerdict
from asicrc.reservoir.attribution import Channel, Group
from asicrc.reservoir.benchmark import (
    CaptureScores,
    Protocol,
    Question,
    Split,
    Subject,
    Target,
    capture_scores,
    combine,
    run_baselines,
    score,
)
from asicrc.reservoir.benchmark.capacities import memory_curve, total
from asicrc.reservoir.benchmark.preparation import FARTHEST, Preparation
from asicrc.reservoir.benchmark.recorded import benchmark_meta, driven_run, recorded_benchmark
from asicrc.reservoir.benchmark.running import score_seed
from asicrc.reservoir.benchmark.scoring import filled, score_constant
from asicrc.reservoir.driven_run import DrivenRun
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.states import FeatureSet, StateTable
from asicrc.reservoir.tasks import make_task
from firmware_protocols.device import Reading

SPLIT = Split(30, 150, 150)
LEAN = Question(features=FeatureSet(("counts", "nodes"), nodes=2), input_baselines=False, max_delay=12)
SUBJECT = Subject("axeos://miner", "stream", "work", heats=False, simulated=False)


def target_of(seed: int, split: Split = SPLIT) -> tuple[np.ndarray, Target]:
    task = make_task("narma10", split.steps, seed)
    return task.u, Target(task.y, np.ones(len(task), bool), split)


def scored(seed: int, rate: str, question: Question = LEAN, split: Split = SPLIT) -> CaptureScores:
    u, target = target_of(seed, split)
    rates = {
        "memory": lambda x: 150 * (1 + 4 * (fading_mean(x, 5.0) - 0.25)),
        "present": lambda x: 150 * (x + 0.1),
        "deaf": lambda x: np.full(len(x), 150.0),
    }
    run = stream_run(u, rates[rate], seed=seed + 100)
    return capture_scores(run, target, question, np.random.SeedSequence(seed))


@pytest.mark.long
def test_a_device_that_remembers_is_found_and_named() -> None:
    split = Split(30, 600, 600)  # short series show less of a memory of 5 steps
    captures = [scored(seed, "memory", split=split) for seed in range(10)]
    result = combine("narma10", split, captures, subject=SUBJECT)
    evidence = result.evidence
    assert evidence is not None
    assert evidence.memory[Group.TIMING].verdict is EvidenceVerdict.SUPPORTED
    assert evidence.memory[Group.TIMING].effect.estimate == pytest.approx(0.56, abs=0.1)
    assert evidence.history.verdict is EvidenceVerdict.SUPPORTED
    assert evidence.attribution.channel is Channel.TIMING
    assert evidence.interpretation == "supported"


@pytest.mark.parametrize("rate", ["present", "deaf"])
def test_a_device_without_memory_is_refuted(rate: str) -> None:
    result = combine("narma10", SPLIT, [scored(seed, rate) for seed in range(10)], subject=SUBJECT)
    evidence = result.evidence
    assert evidence is not None
    assert evidence.task.verdict is EvidenceVerdict.REFUTED
    assert evidence.memory[Group.TIMING].verdict is EvidenceVerdict.REFUTED
    assert (evidence.attribution.channel, evidence.interpretation) == (None, "refuted")


def test_the_json_has_the_agreed_keys() -> None:
    result = combine("narma10", SPLIT, [scored(seed, "deaf") for seed in range(2)], subject=SUBJECT)
    said = json.loads(json.dumps(result.as_json(), allow_nan=False))
    assert list(said) == [
        "task",
        "n_train",
        "n_test",
        "washout",
        "seeds",
        "scores",
        "channel",
        "value_verdict",
        "interpretation_verdict",
        "smallest_effect",
    ]
    assert (said["n_train"], said["n_test"], said["washout"], said["seeds"]) == (150, 150, 30, 2)
    assert all(list(entry) == ["name", "nrmse", "low", "high"] for entry in said["scores"])
    assert said["interpretation_verdict"] == "not resolved"


def test_every_baseline_is_there_on_the_same_split() -> None:
    question = Question(features=FeatureSet(("counts",)), esn_units=(20,), max_delay=10)
    found = scored(1, "present", question)
    assert list(found.scores) == [
        "device",
        "constant",
        "u_t",
        "linear_10",
        "linear_20",
        "quadratic_20",
        "quadratic_30",
        "random_features",
        "esn_20",
        "host_path",
        "poisson_twin",
        "controller_only",
        "history_shuffled",
    ]
    assert found.scores["linear_10"].nrmse < found.scores["u_t"].nrmse < found.scores["constant"].nrmse
    assert found.scores["host_path"].nrmse > 0.97
    assert found.scores["controller_only"].nrmse == found.scores["constant"].nrmse
    assert all(s.prediction.shape == (150,) for s in found.scores.values())


def test_digital_memory_goes_to_the_input_too() -> None:
    question = Question(
        features=FeatureSet(("counts", "filters"), taus_s=(3.0,), lags=2),
        input_baselines=False,
        max_delay=12,
    )
    captures = [scored(seed, "present", question) for seed in range(10)]
    same = [c.scores["u_t_same_taps"].nrmse for c in captures]
    assert np.mean(same) < np.mean([c.scores["u_t"].nrmse for c in captures])
    result = combine("narma10", SPLIT, captures, subject=SUBJECT)
    assert result.evidence is not None
    assert result.evidence.memory[Group.TIMING].verdict is EvidenceVerdict.REFUTED
    # the states themselves do remember, by the lags that the analysis gave them
    assert total(captures[0].curves["device"]) > 1.5
    assert result.evidence.interpretation == "refuted"


def test_a_handshake_is_scored_with_its_own_twin() -> None:
    question = Question(features=FeatureSet(("counts", "intervals")), input_baselines=False, max_delay=12)
    u, target = target_of(0)
    one = capture_scores(
        handshake_run(u, lambda x: 2 * (x + 0.1)), target, question, np.random.SeedSequence(0)
    )
    assert one.kept == ("first_log_s",)  # a step has one share: no intervals, no counts
    assert one.scores["device"].nrmse == pytest.approx(one.scores["poisson_twin"].nrmse, abs=0.06)


def test_a_handshake_without_features_of_time_is_degenerate() -> None:
    u, target = target_of(0)
    with pytest.raises(NoAnswer, match="degenerate"):
        capture_scores(
            handshake_run(u, lambda x: 2 * (x + 0.1)),
            target,
            LEAN,
            np.random.SeedSequence(0),
        )


@pytest.mark.long
def test_heat_is_found_and_named_thermal() -> None:
    """The temperature follows the drive slowly; the timing does not."""
    encoder = encoder_for("frequency", low=400.0, high=500.0)
    captures = []
    for seed in range(10):
        u, target = target_of(seed)
        recording, used = stream_recording(u, lambda x: 150 * (x + 2.0), encoder, seed=seed)
        heat = 40 + 20 * fading_mean(u, 6.0) + 0.05 * np.random.default_rng(seed).standard_normal(len(u))
        recording.said += [
            Reading(t * 10**9 + 1, "temperature_c", float(h)) for t, h in enumerate(heat, start=1)
        ]
        captures.append(
            capture_scores(DrivenRun.of(recording, used), target, LEAN, np.random.SeedSequence(seed))
        )
    subject = Subject("axeos://miner", "stream", "frequency_mhz", heats=True, simulated=False)
    evidence = combine("narma10", SPLIT, captures, subject=subject).evidence
    assert evidence is not None
    assert evidence.memory[Group.TEMPERATURE].verdict is EvidenceVerdict.SUPPORTED
    assert evidence.attribution.channel is Channel.THERMAL
    assert evidence.interpretation == "refuted"  # neither hidden nor counted as computing


def test_rows_without_a_drive_are_left_out() -> None:
    u, target = target_of(1)
    usable = np.ones(len(u), bool)
    usable[40:50] = usable[200:203] = False
    partly = Target(target.y, usable, SPLIT)
    assert len(partly.train_rows()) == 140 and len(partly.test_rows()) == 147
    found = score("u", StateTable.of(("u",), u[:, None]), partly)
    assert found.prediction.shape == (147,)
    with pytest.raises(NoAnswer, match="not known in"):
        Target(target.y, np.arange(len(u)) % 3 > 0, SPLIT)


def test_lengths_that_do_not_match_are_errors() -> None:
    u, target = target_of(1)
    run = stream_run(u[:-1], lambda x: 50 * (x + 0.1))
    with pytest.raises(UsageError, match="330 steps for a run of 329"):
        capture_scores(run, target, LEAN, np.random.SeedSequence(1))
    with pytest.raises(UsageError, match="100 steps are too few"):
        Target(target.y[:100], np.ones(100, bool), SPLIT)
    for wrong in ({"n_train": 3}, {"n_test": 0}, {"washout": -1}):
        with pytest.raises(UsageError, match="split"):
            Split(**wrong)


def test_missing_values_are_filled_and_marked() -> None:
    table = StateTable.of(("a", "b", "c"), np.array([[1.0, np.nan, 5], [3, np.nan, 6], [np.nan, 2, 7]]))
    np.testing.assert_array_equal(filled(table), [[1, 2, 5, 0, 1], [3, 2, 6, 0, 1], [2, 2, 7, 1, 0]])
    u = np.random.default_rng(1).random(200)
    assert memory_curve(StateTable.of(("a",), np.ones((200, 1))), u, 5).tolist() == [0.0] * 6


def test_features_are_prepared_as_scikit_learn_does() -> None:
    rng = np.random.default_rng(3)
    train, test = rng.standard_normal((2, 90, 6)) * [1, 1e-9, 1e6, 3, 1, 1] + [0, 5, -1e3, 0, 0, 0]
    train[:, 3] = 0.1  # constant
    train[::7, 4] = test[::5, 0] = test[::3, 4] = np.nan
    train[:, 5] = np.nan
    test[0] = 1e9
    reference = make_pipeline(
        SimpleImputer(strategy="mean", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        FunctionTransformer(np.clip, kw_args={"a_min": -FARTHEST, "a_max": FARTHEST}),
    ).fit(train)
    prepared = Preparation.of(train)
    for rows in (train, test):
        np.testing.assert_array_equal(prepared(rows), reference.transform(rows))


def test_an_input_that_is_not_white_has_no_capacity_and_frozen_sensors_are_named() -> None:
    task = make_task("mackey_glass", SPLIT.steps, 0)
    low, high = float(task.u.min()), float(task.u.max())
    encoder = encoder_for("work", u_low=low, u_high=high)
    recording, used = stream_recording(task.u, lambda x: 100 * (x + 0.1), encoder)
    for t in range(len(task)):
        said = {"temperature_c": 50.0 + t % 7, "vr_temperature_c": 44.0, "fan_rpm": 0.0}
        recording.said += [Reading(t * 10**9 + 1, name, value) for name, value in said.items()]
    target = Target(task.y, np.ones(len(task), bool), SPLIT)
    found = capture_scores(DrivenRun.of(recording, used), target, LEAN, np.random.SeedSequence(1))
    frozen, not_white = found.notes
    assert "2 of 3 sensors were left out" in frozen and frozen.endswith(": fan_rpm, vr_temperature_c")
    assert found.curves == {} and "not white" in not_white
    evidence = combine("mackey_glass", SPLIT, [found] * 10, subject=SUBJECT).evidence
    assert evidence is not None and evidence.memory == {}


def test_the_baselines_alone() -> None:
    protocol = Protocol(split=Split(100, 900, 800), seeds=2, question=Question(esn_units=(50,)))
    result = run_baselines(protocol)
    said = {name: score.estimate for name, score in result.scores.items()}
    assert said["constant"] == pytest.approx(1.0, abs=0.03)
    assert 0.84 < said["u_t"] < 0.91 and 0.55 < said["linear_10"] < 0.64
    assert said["quadratic_20"] < said["linear_20"] < said["linear_10"]
    assert said["esn_50"] < 0.5
    assert result.as_json()["channel"] is None
    assert result.as_json()["value_verdict"] == "not testable here"
    first = result.captures[0]
    assert first.pictures is not None and set(first.curves) == {"linear_20", "esn_50"}
    assert total(first.curves["linear_20"]) == pytest.approx(19.0, abs=0.01)


@pytest.mark.soak
def test_the_baselines_at_the_default_split() -> None:
    """Ten seeds, each with the readout and the search that a device has: what is known of delay lines."""
    result = run_baselines(Protocol(question=Question(esn_units=())))
    said = {name: score.estimate for name, score in result.scores.items()}
    print({name: round(score, 3) for name, score in said.items()})
    assert said["constant"] == pytest.approx(1.0, abs=0.01)
    ranges = {"u_t": (0.87, 0.89), "linear_10": (0.58, 0.61), "linear_20": (0.38, 0.42)}
    ranges |= {"quadratic_20": (0.14, 0.21), "quadratic_30": (0.07, 0.14)}
    assert all(low <= said[name] <= high for name, (low, high) in ranges.items())


def test_one_seed_has_the_interval_of_its_test_steps() -> None:
    protocol = Protocol(split=Split(50, 300, 300), seeds=1, question=Question(esn_units=(20,)))
    result = run_baselines(protocol)
    u_t = result.scores["u_t"]
    assert u_t.low < u_t.estimate < u_t.high and "bootstrap" in u_t.method
    scores, _ = score_seed(protocol, 0)
    assert scores.scores["u_t"].nrmse == pytest.approx(u_t.estimate)


def test_the_constant_is_the_mean_of_the_training_steps() -> None:
    _, target = target_of(2)
    found = score_constant(target)
    assert np.unique(found.prediction).tolist() == [target.y[SPLIT.train].mean()]


def test_a_capture_says_what_it_was_made_for() -> None:
    encoder = encoder_for("difficulty", low=2.0, high=8.0)
    protocol = Protocol(split=SPLIT)
    meta = json.loads(json.dumps(benchmark_meta(protocol, encoder, 3)))
    meta["plan"] = {"mode": "stream", "handshake_timeout_s": None}
    said = recorded_benchmark(meta, "a.asicrc")
    assert (said.task_name, said.seed, said.split, said.mode) == ("narma10", 3, SPLIT, "stream")
    task = said.task()
    recording, _ = stream_recording(task.u, lambda x: 50 * (x + 0.1), encoder)
    assert len(driven_run(recording, said, task, name="a")) == SPLIT.steps
    other, _ = stream_recording(make_task("narma10", SPLIT.steps, 4).u, lambda x: 50 * (x + 0.1), encoder)
    with pytest.raises(NoAnswer, match="another input"):
        driven_run(other, said, task, name="a")
    with pytest.raises(NoAnswer, match="not captured for a benchmark"):
        recorded_benchmark({}, "a")
    with pytest.raises(BadFile, match="does not say"):
        recorded_benchmark({"benchmark": {"task": "narma10"}}, "a")
    for options in ({"burn_in": 1e12}, {"burn_in": {}}, {"burn_in": [[[1e9]]]}, [1, 2], {"burn_in": None}):
        with pytest.raises(BadFile, match="does not say"):
            recorded_benchmark({"benchmark": meta["benchmark"] | {"task_options": options}}, "a")
    with pytest.raises(BadFile, match="makes none"):
        replace(said, task_options={"burn_in": "long"}).task()


def test_few_test_steps_have_a_score_without_an_interval() -> None:
    protocol = Protocol(split=Split(10, 120, 30), seeds=1, question=Question(esn_units=(10,)))
    said = run_baselines(protocol).as_json()["scores"]
    assert all(entry["nrmse"] > 0 and entry["low"] is entry["high"] is None for entry in said)


def test_a_twin_gives_a_verdict_on_the_instrument() -> None:
    twin = Subject("twin:lv06", "stream", "work", heats=False, simulated=True)
    captures = [scored(seed, "deaf") for seed in range(10)]
    evidence = combine("narma10", SPLIT, captures, subject=twin).evidence
    assert evidence is not None
    assert (evidence.interpretation, evidence.value) == ("validated", EvidenceVerdict.NOT_TESTABLE_HERE)
    few = combine("narma10", SPLIT, captures[:9], subject=twin).evidence
    assert few is not None and few.interpretation == "not resolved"
