"""S07: has a device most memory where the CV of its intervals is inside the range, and not at an end of it?

A device is driven at three clocks, ten captures of 2,000 steps at each. No single file holds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asicrc.capture.reader import Capture
from asicrc.claims.measured import NotOnThisDevice, outcome_of, share_s, url_of
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures import reservoirs
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.operating_points import (
    CLOCKS_MHZ,
    EDGE,
    PLANTED_CVS,
    AtClock,
    capacity_of,
    cv_of_run,
    find_peak,
    take_clocks,
)
from asicrc.claims.twins.units import usual_setting
from asicrc.devices import Circumstances, open_device
from asicrc.reservoir.benchmark import Protocol, Question
from asicrc.reservoir.benchmark.capturing import Driving
from asicrc.reservoir.benchmark.recorded import driven_run, load_recorded
from asicrc.reservoir.benchmark.running import score_file
from asicrc.reservoir.encoders import encoder_for
from firmware_protocols.device import Capability

CLOCK_SHARES = (0.8, 0.9, 1.0)
"""Of the usual clock: none is above it."""
NEEDS = f"{reservoirs.NEEDS} at each of {len(CLOCK_SHARES)} clocks"
UNIT = "capacity"
_QUESTION = Question(input_baselines=False, telemetry=False)


def of_device(context: Context) -> ClaimOutcome:
    """Ten captures at each clock, kept in the working directory; a step has three shares at any clock.

    Raises NotOnThisDevice where the clock cannot be set while it works.
    """
    url = url_of(context)
    with open_device(url, Circumstances.usual()) as device:
        if device.capabilities.get("frequency_mhz") is not Capability.LIVE:
            raise NotOnThisDevice("the clock of this device cannot be set while it works")
        usual_mhz = usual_setting(device, "frequency_mhz")
    points, paths = [], []
    for share in CLOCK_SHARES:
        mhz = float(round(share * usual_mhz))
        encoder = encoder_for("work", step_s=reservoirs.EVENTS_A_STEP * share_s(context) / share)
        paths = reservoirs.driven_captures(
            context,
            f"benchmark-{mhz:g}MHz",
            Protocol(split=reservoirs.STEPS),
            Driving(encoder, requested={"frequency_mhz": mhz}),
        )
        points.append(_at_clock(f"{mhz:g} MHz", paths))
    return outcome_of(
        "S07",
        find_peak(points),
        Capture(paths[0]).meta,
        needs=NEEDS,
        effect_unit=UNIT,
        reproduced=[
            Reproduced(f"mean {what} at {point.name}", None, sum(each) / len(each))
            for point in points
            for what, each in (("CV", point.cvs), ("capacity", point.capacities))
        ],
    )


def _at_clock(name: str, paths: Sequence[Path]) -> AtClock:
    capacities, cvs = [], []
    for path in paths:
        scored = score_file(path, _QUESTION, None, None, False, False, False)
        capacities.append(capacity_of(scored.scores))
        capture, said = load_recorded(path)
        cvs.append(cv_of_run(driven_run(capture, said, said.task(), name=path.name)))
    return AtClock(name, tuple(capacities), tuple(cvs))


PROCEDURES: tuple[Procedure, ...] = (
    reservoirs.driven(
        AskedOf(
            TwinQuestion(
                claim="S07",
                take=take_clocks,
                find=find_peak,
                there=effect_in(),
                planted=f"a memory (gain 6, 4.5 steps) at {CLOCKS_MHZ[EDGE]:g} MHz alone, of three clocks, "
                "and intervals of other CVs within the steps of an ordinary twin: "
                f"{', '.join(f'{cv:g}' for cv in PLANTED_CVS if cv is not None)} before the memory, and as "
                "they are",
                runs=7,
                seconds=13.0,
                effect_unit=UNIT,
                needs=NEEDS,
            ),
            None,
            of_device,
        ),
        settings=len(CLOCK_SHARES),
    ),
)
