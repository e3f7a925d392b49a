"""The same results on one process, on two, and on a Dask cluster."""

from __future__ import annotations

import numpy as np
import pytest

from asicrc.errors import UsageError
from asicrc.reservoir.benchmark import Protocol, Question, Split, Workers, run_baselines
from asicrc.reservoir.benchmark.capturing import Driving
from asicrc.reservoir.benchmark.sweeping import sweep
from asicrc.reservoir.encoders import encoder_for
from asicrc.reservoir.scale import config_seed, run_all
from asicrc.reservoir.states import FeatureSet

PROTOCOL = Protocol(split=Split(50, 300, 300), seeds=3, question=Question(esn_units=(20,)))


SWEEP = Protocol(split=Split(10, 80, 60), seeds=2)
DRIVINGS = {
    "work": Driving(encoder_for("work", step_s=0.25), requested={"difficulty": 2.0}),
    "difficulty": Driving(encoder_for("difficulty", low=1.0, high=4.0, step_s=0.25)),
}
QUESTIONS = {
    "counts": Question(features=FeatureSet(("counts",)), input_baselines=False, telemetry=False, max_delay=8),
    "nodes": Question(features=FeatureSet(("nodes",)), input_baselines=False, telemetry=False, max_delay=8),
}


def draw(number: int, root: int) -> float:
    return float(np.random.default_rng(config_seed(root, {"number": number})).random())


def test_a_seed_belongs_to_its_configuration() -> None:
    one, two = config_seed(1, {"a": 1, "b": [2.5, "x"]}), config_seed(1, {"b": [2.5, "x"], "a": 1})
    assert one.generate_state(4).tolist() == two.generate_state(4).tolist()
    others = [config_seed(2, {"a": 1, "b": [2.5, "x"]}), config_seed(1, {"a": 1, "b": [2.5, "y"]})]
    assert all(other.generate_state(4).tolist() != one.generate_state(4).tolist() for other in others)


@pytest.mark.parametrize(("backend", "n_jobs"), [("sequential", 1), ("threading", 3)])
def test_results_come_in_order_and_do_not_depend_on_the_workers(backend: str, n_jobs: int) -> None:
    told: list[float] = []
    found = run_all(draw, [(n, 7) for n in range(20)], n_jobs=n_jobs, backend=backend, each=told.append)
    assert found == told == [draw(n, 7) for n in range(20)]


def test_a_backend_that_there_is_not_is_an_error() -> None:
    with pytest.raises(UsageError, match="no backend"):
        run_all(draw, [(1, 1)], backend="spark")


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # of forks, in a process with threads
def test_two_processes_score_as_one_does() -> None:
    one = run_baselines(PROTOCOL, Workers(1))
    two = run_baselines(PROTOCOL, Workers(2))
    assert one.as_json() == two.as_json()


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # what a cluster says as it starts and ends
def test_a_cluster_of_two_workers_scores_as_one_process_does() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
    ):
        there = run_baselines(PROTOCOL, Workers(-1, "dask", cluster.scheduler_address))
        with distributed.Client(cluster):
            active = run_baselines(PROTOCOL, Workers(-1, "dask"))
    assert there.as_json() == active.as_json() == run_baselines(PROTOCOL).as_json()
    with pytest.raises(UsageError, match="no Dask cluster at 'nix'"):
        run_baselines(PROTOCOL, Workers(1, "dask", "nix"))


@pytest.mark.long
def test_a_sweep_takes_every_combination_and_is_the_same_on_two_processes() -> None:
    devices = ["twin:lv06?kind=ideal&seed=1", "twin:lv06?kind=ideal&seed=2"]
    rows = sweep(SWEEP, devices, DRIVINGS, QUESTIONS)
    keys = [(row.device, row.driving, row.seed, row.question) for row in rows]
    assert keys == [(d, e, s, q) for d in devices for e in DRIVINGS for s in (0, 1) for q in QUESTIONS]
    assert len({row.nrmse["device"] for row in rows}) == len(rows)
    again = sweep(SWEEP, devices, DRIVINGS, QUESTIONS, workers=Workers(2, "threading"))
    assert [row.as_json() for row in again] == [row.as_json() for row in rows]
    by_work, by_difficulty = (
        np.mean([row.nrmse["device"] for row in rows if row.driving == name]) for name in DRIVINGS
    )
    assert by_difficulty < by_work


def test_no_sweep_runs_on_a_device_that_is_one() -> None:
    with pytest.raises(UsageError, match="real device"):
        sweep(SWEEP, ["stratum://127.0.0.1:0"], DRIVINGS, QUESTIONS)
