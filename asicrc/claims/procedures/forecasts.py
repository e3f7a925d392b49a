"""H16: does a driven device forecast the series of Mackey and Glass better than delay lines of its input?

A device is driven as `asicrc benchmark mackey_glass` drives it, 84 steps ahead, ten captures of 2,000 steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.capture.reader import Capture
from asicrc.claims.measured import not_here, outcome_of, share_s
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures import reservoirs
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.forecasts import (
    DRIVING,
    HORIZON,
    PROTOCOL,
    TASK,
    Gains,
    find_forecast,
    scores_of,
    take_forecast,
)
from asicrc.errors import NoAnswer
from asicrc.reservoir.benchmark import Target
from asicrc.reservoir.benchmark.recorded import driven_run, load_recorded, recorded_benchmark

NEEDS = f"{reservoirs.NEEDS}, driven with the series of Mackey and Glass for {HORIZON} steps ahead"
UNIT = "NRMSE"


def of_capture(capture: Capture) -> ClaimOutcome:
    """One capture of a benchmark with this task; others cannot be asked, and one is seldom enough."""
    try:
        said = recorded_benchmark(capture.meta, capture.path.name)
        if said.task_name != TASK or said.task_options.get("horizon") != HORIZON:
            why = f"it was driven with {said.task_name}, or for another horizon"
            return not_here("H16", capture.meta, why, NEEDS)
        return _outcome(capture.meta, [capture.path])
    except NoAnswer as error:
        return not_here("H16", capture.meta, error.message, NEEDS)


def of_device(context: Context) -> ClaimOutcome:
    """Ten captures, kept in the working directory."""
    encoder = replace(DRIVING.encoder, step_s=reservoirs.EVENTS_A_STEP * share_s(context))
    paths = reservoirs.driven_captures(
        context,
        "mackey-glass",
        replace(PROTOCOL, split=reservoirs.STEPS),
        replace(DRIVING, encoder=encoder, requested={}),
    )
    return _outcome(Capture(paths[0]).meta, paths)


def _outcome(meta: Mapping[str, Any], paths: Sequence[Path]) -> ClaimOutcome:
    device, linear, quadratic = np.array([_scores(path) for path in paths]).T
    gains = Gains(tuple(linear - device), tuple(quadratic - device))
    lines = {
        "of the device": device,
        "of a linear delay line": linear,
        "of a quadratic delay line": quadratic,
    }
    return outcome_of(
        "H16",
        find_forecast(gains),
        meta,
        needs=NEEDS,
        effect_unit=UNIT,
        note=f"Over {len(paths)} captures.",
        reproduced=[
            Reproduced(f"mean NRMSE {name}", None, float(each.mean())) for name, each in lines.items()
        ],
    )


def _scores(path: Path) -> tuple[float, float, float]:
    capture, said = load_recorded(path)
    task = said.task()
    run = driven_run(capture, said, task, name=path.name)
    return scores_of(run, Target(task.y, np.isfinite(run.drive.u), said.split))


PROCEDURES: tuple[Procedure, ...] = (
    reservoirs.driven(
        AskedOf(
            TwinQuestion(
                claim="H16",
                take=take_forecast,
                find=find_forecast,
                there=effect_in(),
                planted=f"counts that follow the series {HORIZON} steps ahead, put into the shares of an "
                "ordinary twin: no twin can forecast better than a delay line of the same input",
                runs=7,
                seconds=5.0,
                effect_unit=UNIT,
                needs=NEEDS,
            ),
            of_capture,
            of_device,
            read_s=20.0,
        )
    ),
)
