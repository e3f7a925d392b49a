"""The same results on one process, on two, and on a Dask cluster."""

from __future__ import annotations

import numpy as np
import pytest

from asicrc.errors import UsageError
from asicrc.reservoir.benchmark import Protocol, Question, Split, Workers, run_baselines
from asicrc.reservoir.scale import config_seed, run_all

PROTOCOL = Protocol(split=Split(50, 300, 300), seeds=3, question=Question(esn_units=(20,)))


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
