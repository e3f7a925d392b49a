"""Many claims in one run, with procedures that do as they are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_procedures import SUPPORTED, UNTESTABLE, drawn, fake, on_twin, supported, untestable

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.planning import Sources
from asicrc.claims.procedure import Context, Cost, Procedure
from asicrc.claims.result import ClaimResult, ClaimsRun, State
from asicrc.claims.run import planned, run_claims
from asicrc.cli.claims_text import run_lines
from asicrc.errors import ExitCode, NoAnswer
from asicrc.evidence import Estimate
from firmware_protocols.device import DeviceLost

TWIN, DEVICE = Sources(twin="planted"), Sources(device_url="sim:none")


def run(
    ids: str,
    *procedures: Procedure,
    sources: Sources | None = None,
    budget_s: float = 100.0,
    jobs: int = 1,
    seed: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> ClaimsRun:
    return run_claims(
        ids.split(),
        sources or Sources(),
        procedures=procedures,
        budget_s=budget_s,
        jobs=jobs,
        seed=seed,
        say=say,
    )


def raising(error: BaseException) -> Callable[[Context], ClaimOutcome]:
    def answer(_: Context) -> ClaimOutcome:
        raise error

    return answer


def by_id(found: ClaimsRun) -> dict[str, ClaimResult]:
    return {result.claim.id: result for result in found.results}


def test_answers_stand_in_the_order_of_the_registry_whatever_is_quickest() -> None:
    said: list[str] = []
    costs = {"H05": 3.0, "H12": 2.0, "S03": 1.0}
    procedures = [fake(name, cost=Cost(seconds=took)) for name, took in costs.items()]
    found = run("H05 H12 S03", *procedures, say=said.append)
    assert [result.claim.id for result in found.results] == ["H05", "H12", "S03"]
    assert [line.split()[1] for line in said] == ["S03", "H12", "H05"]
    assert said[0].startswith("[1/3] S03 supported")
    assert found.exit_code == ExitCode.OK


def test_an_estimate_is_shown_with_its_interval_and_n() -> None:
    share = Reproduced("recall", 1.0, Estimate(0.9, 0.8, 0.96, 1028, method="made up"), "of 1")
    found = run("S11", fake("S11", answer=lambda _: replace(supported("S11"), reproduced=[share])))
    text = "\n".join("".join(piece for piece, _ in line) for line in run_lines(found.as_json()))
    assert "recall: 0.9 [0.8, 0.96] of 1, n = 1,028, printed 1" in text


def test_what_does_not_fit_is_not_run_and_says_its_hours() -> None:
    asked: list[float] = []

    def answer(context: Context) -> ClaimOutcome:
        asked.append(context.budget_s)
        return supported("H05")

    long = fake("H12", cost=Cost(seconds=7200.0))
    found = by_id(run("H05 H12", fake("H05", answer=answer, cost=Cost(seconds=10)), long, budget_s=60.0))
    assert found["H05"].state is State.ANSWERED
    assert asked == [60.0], "the time that nothing else needs is the procedure's"
    assert found["H12"].state is State.NOT_RUN
    assert "2 h" in found["H12"].reason
    assert found["H12"].outcome.value_verdict is UNTESTABLE


def test_jobs_share_what_is_computed_but_not_a_device() -> None:
    half = Cost(seconds=1800.0, device_hours=0.0)
    whole = Cost(seconds=0.0, device_hours=1.0)
    procedures = [fake("H05", cost=half), fake("H12", cost=half), fake("H04", "device", cost=whole)]
    plans = planned(["H05", "H12", "H04"], DEVICE, procedures=procedures, budget_s=1800.0, jobs=2)
    assert [plan.claim.id for plan in plans if not plan.does_not_fit] == ["H05", "H12"]
    plans = planned(["H05", "H12", "H04"], DEVICE, procedures=procedures, budget_s=5400.0, jobs=2)
    assert not any(plan.does_not_fit for plan in plans)


def test_what_claims_share_is_paid_for_once() -> None:
    hour = Cost(device_hours=1.0)
    sharing = [replace(fake(name, "device", cost=hour), shares="capture") for name in ("H01", "H03")]
    other = fake("H04", "device", cost=hour)
    plans = planned(["H01", "H03", "H04"], DEVICE, procedures=[*sharing, other], budget_s=3600.0)
    assert [plan.claim.id for plan in plans if not plan.does_not_fit] == ["H01", "H03"]


def test_where_driving_a_device_does_not_fit_the_rest_is_still_asked() -> None:
    driven = fake("S01", "device", cost=Cost(device_hours=9.0))
    (plan,) = planned(["S01"], DEVICE, procedures=[driven, fake("S01")], budget_s=3600.0)
    assert not plan.does_not_fit
    assert [step.source for step in plan.steps] == ["computation"]


def test_a_claim_without_a_procedure_for_these_sources_says_what_it_takes() -> None:
    found = by_id(run("S29 S05 H17", fake("S05", "data"), fake("H17", "twin")))
    assert {result.state for result in found.values()} == {State.NO_SOURCE}
    assert "https://github.com/" in found["S05"].outcome.needs
    assert "20 devices" in found["H17"].outcome.needs
    assert "estimate of others" in found["S29"].outcome.needs


def test_nothing_answered_is_exit_code_1() -> None:
    assert run("S29").exit_code == ExitCode.NO_ANSWER


def test_a_crash_loses_no_other_answer() -> None:
    found = run(
        "H05 H12 S03", fake("H05"), fake("H12", answer=raising(ZeroDivisionError("by 0"))), fake("S03")
    )
    results = by_id(found)
    assert found.exit_code == ExitCode.NO_ANSWER
    assert results["H05"].outcome.value_verdict is results["S03"].outcome.value_verdict is SUPPORTED
    assert results["H12"].state is State.FAILED
    assert results["H12"].reason == "ZeroDivisionError: by 0"
    assert "raising" in results["H12"].trace or "answer" in results["H12"].trace
    assert [result.claim.id for result in found.failed] == ["H12"]


def test_what_a_user_can_mend_says_so() -> None:
    failing = fake("H05", answer=raising(NoAnswer("no engine", "install it")))
    result = by_id(run("H05", failing))["H05"]
    assert (result.state, result.reason, result.trace) == (State.FAILED, "no engine (try: install it)", "")


def test_a_cost_that_cannot_be_told_fails_that_claim_only() -> None:
    def cost(_source: str, _context: Context) -> Cost:
        raise KeyError("rate")

    broken = Procedure("H05", frozenset({"computation"}), lambda _: supported("H05"), cost)
    found = run("H05 H12", broken, fake("H12"))
    assert by_id(found)["H05"].state is State.FAILED
    assert "KeyError" in by_id(found)["H05"].reason
    assert by_id(found)["H12"].state is State.ANSWERED
    assert found.exit_code == ExitCode.NO_ANSWER


def test_an_interrupt_keeps_what_was_answered() -> None:
    stopping = fake("H12", answer=raising(KeyboardInterrupt()), cost=Cost(seconds=2.0))
    found = run("H05 H12 S03", fake("H05"), stopping, fake("S03", cost=Cost(seconds=3.0)))
    results = by_id(found)
    assert found.interrupted
    assert found.exit_code == ExitCode.INTERRUPTED
    assert results["H05"].state is State.ANSWERED
    assert results["H12"].state is results["S03"].state is State.NOT_RUN
    assert "interrupted" in results["S03"].reason


def test_a_capture_that_was_stopped_on_the_way_ends_the_run() -> None:
    class Stopped(NoAnswer):
        exit_code = ExitCode.INTERRUPTED

    stopped = fake("H08", "device", answer=raising(Stopped("interrupted by SIGTERM")))
    found = run("H05 H08 S04", stopped, fake("S04", "device", cost=Cost(9.0)), fake("H05"), sources=DEVICE)
    assert found.exit_code == ExitCode.INTERRUPTED
    assert by_id(found)["H05"].state is State.ANSWERED
    assert by_id(found)["S04"].state is State.NOT_RUN


def test_a_lost_device_ends_what_it_was_to_answer() -> None:
    lost = fake("H04", "device", answer=raising(DeviceLost("unplugged")), cost=Cost(seconds=1.0))
    found = run(
        "H04 H07 H05", lost, fake("H07", "device", cost=Cost(seconds=2.0)), fake("H05"), sources=DEVICE
    )
    results = by_id(found)
    assert found.exit_code == ExitCode.DEVICE
    assert results["H04"].state is State.FAILED
    assert results["H07"].state is State.NOT_RUN
    assert results["H05"].state is State.ANSWERED


def test_random_numbers_depend_on_the_seed_and_the_claim_alone() -> None:
    def numbers(found: ClaimsRun) -> dict[str, object]:
        return {name: result.outcome.reproduced[0].value for name, result in by_id(found).items()}

    h05, h12 = fake("H05", answer=drawn("H05")), fake("H12", answer=drawn("H12"))
    both, alone = numbers(run("H05 H12", h05, h12)), numbers(run("H12", h12))
    assert both["H12"] == alone["H12"] != both["H05"]
    assert numbers(run("H05 H12", h12, h05, jobs=2)) == both
    assert numbers(run("H12", h12, seed=2)) != alone


def test_the_first_source_with_a_verdict_counts() -> None:
    def of(name: str, note: str) -> Procedure:
        return fake(name, answer=lambda _: supported(name, note=note))

    nothing = fake("H04", "data", answer=lambda _: untestable("H04", "published data", "a file"))
    found = by_id(run("H04", of("H04", "computed"), nothing, sources=Sources(data=Path())))
    assert found["H04"].outcome.note == "computed"


def test_a_twin_adds_its_word_on_the_instrument_to_a_verdict() -> None:
    data = fake("H04", "data", answer=lambda _: supported("H04", "published data"))
    found = run("H04", data, fake("H04", "twin"), sources=Sources(data=Path(), twin="planted"))
    outcome = by_id(found)["H04"].outcome
    assert (outcome.value_verdict, outcome.source) == (SUPPORTED, "published data")
    assert outcome.instrument is not None
    assert found.planted == ["a beat"]


def test_a_twin_says_nothing_of_silicon() -> None:
    alone = by_id(run("H04", fake("H04", "twin"), sources=TWIN))["H04"].outcome
    assert alone.value_verdict is alone.interpretation_verdict is UNTESTABLE
    assert "a device" in alone.needs
    telling = fake("H04", "twin", answer=lambda _: supported("H04", "twin"))
    result = by_id(run("H04", telling, sources=TWIN))["H04"]
    assert result.state is State.FAILED
    assert "twin's word" in result.reason


def test_procedures_get_the_one_source_that_they_answer_from() -> None:
    seen: list[Context] = []

    def answer(context: Context) -> ClaimOutcome:
        seen.append(context)
        return supported("H05")

    def answer_on_twin(context: Context) -> ClaimOutcome:
        seen.append(context)
        return on_twin("H05")

    both = Sources(data=Path("x"), twin="ideal")
    run("H05", fake("H05", answer=answer), fake("H05", "twin", answer_on_twin), sources=both)
    assert [(context.data, context.twin) for context in seen] == [(None, None), (None, "ideal")]


def test_those_that_share_a_measurement_are_asked_in_one_process() -> None:
    def answer(name: str) -> Callable[[Context], ClaimOutcome]:
        return lambda _: supported(name, note=str(os.getpid()))

    names = ["H05", "H12", "S03", "S09"]
    sharing = [replace(fake(name, answer=answer(name)), shares="one table") for name in names]
    found = run(" ".join(names), *sharing, fake("H19", answer=answer("H19")), jobs=2)
    assert len({result.outcome.note for result in found.results}) == 1


def test_a_worker_that_is_killed_fails_what_is_left() -> None:
    def answer(_: Context) -> ClaimOutcome:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still here")

    dying = fake("H12", answer=answer, cost=Cost(seconds=9.0))
    found = run("H05 H12", fake("H05", answer=drawn("H05")), dying, jobs=2)
    assert by_id(found)["H12"].state is State.FAILED
    assert "worker process was killed" in by_id(found)["H12"].reason
    assert found.exit_code == ExitCode.NO_ANSWER


def test_sigterm_lets_the_claim_at_hand_end_and_begins_no_other() -> None:
    said: list[str] = []

    def answer(_: Context) -> ClaimOutcome:
        os.kill(os.getpid(), signal.SIGTERM)
        return supported("H12")

    before = signal.getsignal(signal.SIGTERM)
    stopping = fake("H12", answer=answer, cost=Cost(seconds=2.0))
    known = (fake("H05"), stopping, fake("S03", cost=Cost(seconds=3.0)))
    found = run("H05 H12 S03", *known, say=said.append)
    results = by_id(found)
    assert found.exit_code == ExitCode.INTERRUPTED
    assert results["H05"].state is results["H12"].state is State.ANSWERED
    assert results["S03"].state is State.NOT_RUN
    assert said[-1] == "interrupted: 2 of 3 claims are answered"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_second_sigterm_stops_at_once() -> None:
    def answer(_: Context) -> ClaimOutcome:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("still here")

    found = run("H05 H12", fake("H05"), fake("H12", answer=answer, cost=Cost(seconds=2.0)))
    assert found.exit_code == ExitCode.INTERRUPTED
    assert by_id(found)["H05"].state is State.ANSWERED
    assert by_id(found)["H12"].state is State.NOT_RUN


@pytest.mark.long
def test_sigterm_lets_workers_end_what_is_at_hand(tmp_path: Path) -> None:
    heard = tmp_path / "heard"

    def say(line: str) -> None:
        if line.startswith("asked to stop"):
            heard.touch()

    def until_heard() -> None:
        ends = time.monotonic() + 60.0
        while not heard.exists():
            assert time.monotonic() < ends, "nobody heard the signal"
            time.sleep(0.01)

    def stopping(_: Context) -> ClaimOutcome:
        os.kill(os.getppid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)  # a service manager stops every process
        until_heard()
        return supported("H12")

    def beside(_: Context) -> ClaimOutcome:
        until_heard()  # one worker may start long after the other: nothing later is begun before the signal
        return supported("H19")

    later = [fake(name, answer=drawn(name), cost=Cost(seconds=9.0)) for name in ("S03", "S09", "S13", "S16")]
    found = run(
        "H12 H19 S03 S09 S13 S16",
        fake("H12", answer=stopping, cost=Cost(seconds=2.0)),
        fake("H19", answer=beside, cost=Cost(seconds=3.0)),
        *later,
        jobs=2,
        say=say,
    )
    assert found.exit_code == ExitCode.INTERRUPTED
    results = by_id(found)
    assert results["H12"].state is results["H19"].state is State.ANSWERED
    assert {results[one.claim].state for one in later} == {State.NOT_RUN}


@pytest.mark.long
def test_ctrl_c_ends_a_parallel_run_with_its_answers(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        textwrap.dedent(
            """
            import json, sys, time
            from asicrc.claims.planning import Sources
            from asicrc.claims.procedure import Cost
            from asicrc.claims.run import run_claims
            from fake_procedures import fake, drawn

            def slow(_):
                time.sleep(600)

            procedures = [fake("H05", answer=drawn("H05"))]
            procedures += [fake(name, answer=slow, cost=Cost(seconds=9.0)) for name in ("H12", "S03", "S09")]
            say = lambda line: print(line, file=sys.stderr, flush=True)
            found = run_claims(
                ["H05", "H12", "S03", "S09"], Sources(), procedures=procedures, budget_s=1e4, jobs=2, say=say
            )
            print(json.dumps({"code": found.exit_code, "states": [one.state for one in found.results]}))
            """
        )
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # also where the tests ignore it
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("[1/4] H05")
    time.sleep(1.0)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, _ = process.communicate(timeout=60)
    assert '"code": 130' in out
    assert '["answered", "not run", "not run", "not run"]' in out
