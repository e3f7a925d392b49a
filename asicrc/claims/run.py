"""Many claims in one run: within a budget, on several cores, with what was answered kept whatever happens."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, takewhile

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from asicrc.claims.answering import Answer, Failure, answer_claim, has_verdict
from asicrc.claims.claim import Claim
from asicrc.claims.family import corrected_for_number
from asicrc.claims.planning import ClaimPlan, Sources, plan_claims, seed_of, wall_s, within
from asicrc.claims.procedure import USUAL_RUNS, Context, Procedure
from asicrc.claims.registry import CLAIMS, IDS
from asicrc.claims.result import ClaimResult, ClaimsRun, State, unanswered
from asicrc.claims.stopping import StopAsked, stop_on_sigterm
from asicrc.clock import MACHINE_CLOCK
from asicrc.errors import ExitCode


def run_claims(
    ids: Iterable[str],
    sources: Sources,
    *,
    procedures: Iterable[Procedure],
    budget_s: float,
    jobs: int = 1,
    seed: int = 1,
    runs: int = USUAL_RUNS,
    say: Callable[[str], None] = lambda _: None,
    claims: Mapping[str, Claim] = CLAIMS,
) -> ClaimsRun:
    """Ask what fits into the budget, the quickest first. Raises nothing that one procedure does wrong.

    `runs` is by how many twins an instrument is judged at most. A claim's random numbers depend on `seed` and
    its id alone. An interrupt ends the run with what was answered so far; SIGTERM lets the claims at hand
    come to their end first. `exit_code` of the run is that of the device that was lost, 130 after either,
    and 1 where a claim failed or none could be answered.
    """
    began_ns = MACHINE_CLOCK.now_ns()
    plans = planned(
        ids, sources, procedures=procedures, budget_s=budget_s, jobs=jobs, runs=runs, claims=claims
    )
    asked = sorted(
        (plan for plan in plans if plan.is_answerable and not plan.does_not_fit),
        key=lambda plan: wall_s([plan], jobs),
    )
    here = Context(seed=seed_of(seed, IDS[0], IDS), budget_s=budget_s, runs=runs)
    answers: dict[str, Answer] = {}
    interrupted = False
    try:
        with stop_on_sigterm(say) as stop:
            for claim_id, answer in _answers(asked, sources, here, seed, jobs, say, stop):
                answers[claim_id] = answer
                say(f"[{len(answers)}/{len(asked)}] {_progress(claim_id, answer)}")
            interrupted = stop.is_set
    except KeyboardInterrupt:
        interrupted = True
    if interrupted:
        say(f"interrupted: {len(answers)} of {len(asked)} claims are answered")
    results = [_result(plan, answers.get(plan.claim.id), sources, jobs, interrupted) for plan in plans]
    results = corrected_for_number(results, sources)
    took_s = (MACHINE_CLOCK.now_ns() - began_ns) / 1e9
    run = ClaimsRun(sources, results, seed, budget_s, took_s, interrupted)
    return replace(run, exit_code=_exit_code(run, answers.values()))


def planned(
    ids: Iterable[str],
    sources: Sources,
    *,
    procedures: Iterable[Procedure],
    budget_s: float,
    jobs: int = 1,
    runs: int = USUAL_RUNS,
    claims: Mapping[str, Claim] = CLAIMS,
) -> list[ClaimPlan]:
    """What a run would do, without doing it."""
    usual = Context(seed=seed_of(0, IDS[0], IDS), budget_s=budget_s, jobs=jobs, runs=runs)
    return within(plan_claims([claims[name] for name in ids], sources, procedures, usual), budget_s, jobs)


def _answers(
    plans: Sequence[ClaimPlan],
    sources: Sources,
    usual: Context,
    seed: int,
    jobs: int,
    say: Callable[[str], None],
    stop: StopAsked,
) -> Iterator[tuple[str, Answer]]:
    """As they come. What drives a device runs here, one after the other; the rest on `jobs` processes.

    Once it is asked to stop nothing more is begun.
    """
    total_s = wall_s(plans, jobs)

    def context(plan: ClaimPlan, jobs: int) -> Context:
        spare_s = usual.budget_s - total_s + wall_s([plan], jobs)
        return replace(usual, seed=seed_of(seed, plan.claim.id, IDS), budget_s=max(spare_s, 0.0), jobs=jobs)

    of_machine = [plan for plan in plans if not plan.takes_device]
    workers = min(jobs, len(of_machine))
    if workers <= 1:
        for plan in of_machine:
            if stop.is_set:
                return
            alone = replace(context(plan, jobs), say=say)
            yield plan.claim.id, answer_claim(plan, sources, alone)
    else:
        yield from _parallel(of_machine, sources, [context(plan, 1) for plan in of_machine], workers, stop)
    lost = False
    for plan in (plan for plan in plans if plan.takes_device):
        if lost or stop.is_set:
            return
        answer = answer_claim(plan, sources, replace(context(plan, jobs), say=say))
        yield plan.claim.id, answer
        lost = answer.failure is not None and answer.failure.is_of_the_device


def _parallel(
    plans: Sequence[ClaimPlan],
    sources: Sources,
    contexts: Sequence[Context],
    workers: int,
    stop: StopAsked,
) -> Iterator[tuple[str, Answer]]:
    groups: dict[str, list[tuple[ClaimPlan, Context]]] = {}
    for plan, context in zip(plans, contexts, strict=True):
        groups.setdefault(plan.shares or plan.claim.id, []).append((plan, context))
    # No task waits in a queue, which could not be taken back: the next is drawn when one is done.
    parallel = joblib.Parallel(
        n_jobs=workers, return_as="generator_unordered", pre_dispatch=workers, batch_size=1
    )
    left = {plan.claim.id for plan in plans}
    # A worker that has grown by 300 MB is replaced between two tasks; nothing is lost by it.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    try:
        waiting = takewhile(lambda _: not stop.is_set, groups.values())
        tasks = (joblib.delayed(_in_worker)(group, sources) for group in waiting)
        for claim_id, answer in chain.from_iterable(parallel(tasks)):
            left.discard(claim_id)
            yield claim_id, answer
    except TerminatedWorkerError:
        failure = Failure("a worker process was killed: out of memory? Try --jobs 1, or this claim alone")
        for claim_id in sorted(left):
            yield claim_id, Answer(None, failure, 0.0)


def _in_worker(group: Sequence[tuple[ClaimPlan, Context]], sources: Sources) -> list[tuple[str, Answer]]:
    """With one thread for linear algebra. Ctrl-C reaches every process of a terminal, and a service manager
    stops them all: one answers it."""
    from threadpoolctl import threadpool_limits

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with threadpool_limits(limits=1):
        return [(plan.claim.id, answer_claim(plan, sources, context)) for plan, context in group]


def _result(
    plan: ClaimPlan, answer: Answer | None, sources: Sources, jobs: int, interrupted: bool
) -> ClaimResult:
    claim = plan.claim
    needs = plan.needs(sources)
    if plan.trouble:
        return ClaimResult(claim, unanswered(claim, needs), State.FAILED, plan.trouble)
    if not plan.is_answerable:
        return ClaimResult(claim, unanswered(claim, needs), State.NO_SOURCE)
    if plan.does_not_fit:
        hours = wall_s([plan], jobs) / 3600
        reason = f"it does not fit into the budget: it takes {hours:.2g} h beside what comes before it"
        return ClaimResult(claim, unanswered(claim, f"{hours:.2g} h; {needs}"), State.NOT_RUN, reason)
    if answer is None:
        reason = "interrupted before its turn" if interrupted else "the device was lost before its turn"
        return ClaimResult(claim, unanswered(claim, needs), State.NOT_RUN, reason)
    failure = answer.failure or Failure("")
    if answer.outcome is None:
        outcome = unanswered(claim, needs)
        return ClaimResult(claim, outcome, State.FAILED, failure.reason, failure.trace, answer.took_s)
    outcome = answer.outcome
    if not has_verdict(outcome) and not outcome.needs:
        outcome = replace(outcome, needs=needs)
    state = State.FAILED if answer.failure else State.ANSWERED
    return ClaimResult(claim, outcome, state, failure.reason, failure.trace, answer.took_s)


def _exit_code(run: ClaimsRun, answers: Iterable[Answer]) -> int:
    if run.interrupted:
        return ExitCode.INTERRUPTED
    failures = [answer.failure for answer in answers if answer.failure is not None]
    if of_device := [failure.exit_code for failure in failures if failure.is_of_the_device]:
        return of_device[0]
    if run.failed:
        return ExitCode.NO_ANSWER
    answered = any(has_verdict(one.outcome) or one.outcome.instrument is not None for one in run.results)
    return ExitCode.OK if answered else ExitCode.NO_ANSWER


def _progress(claim_id: str, answer: Answer) -> str:
    took = f"{answer.took_s:.1f} s"
    if answer.failure is not None:
        return f"{claim_id} failed after {took}: {answer.failure.reason}"
    outcome = answer.outcome
    if outcome is None:
        return f"{claim_id} without an answer after {took}"
    if not has_verdict(outcome) and outcome.instrument is not None:
        return f"{claim_id} instrument {outcome.instrument.verdict} ({took})"
    return f"{claim_id} {outcome.interpretation_verdict} ({took})"
