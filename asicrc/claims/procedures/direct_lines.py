"""H14: is what varies of the silicon? S26: does the handshake time single shares?

Two captures of the same work are compared, as `asicrc compare A B` does; one alone tells nothing of H14. A
device is given the same work twice.
"""

from __future__ import annotations

from asicrc.analysis.jitter_floor import floor_of_capture
from asicrc.analysis.same_work import compare_captures
from asicrc.capture.plan import CapturePlan
from asicrc.capture.reader import Capture, load
from asicrc.claims.device_capture import SHORTEST_S
from asicrc.claims.measured import NotOnThisDevice, captured, not_here, outcome_of, share_s, url_of
from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.asked_of import AskedOf
from asicrc.claims.twins.asking import TwinQuestion, effect_in
from asicrc.claims.twins.line import (
    EVENTS,
    FLOOR_S,
    PLANTED_S,
    SHARES,
    find_difference,
    find_handshake,
    handshake_finding,
    take_handshake,
    take_same_work,
)
from asicrc.devices import Circumstances, open_device
from asicrc.errors import NoAnswer
from firmware_protocols.device import NO_TIME

SAME_WORK_NEEDS = (
    f"two captures of the same work on a direct line, {EVENTS:,} nonces each: asicrc capture "
    "--replay-work A, then asicrc compare A B; on two boards, for delays that a core always has"
)
ROOM = 1.1
"""Of the expected time: proofs come by chance."""
SAME_WORK_UNIT = "us of the host's clock, or a share"
HANDSHAKE_NEEDS = f"a capture in handshake mode, {SHARES:,} shares"


def of_device(context: Context) -> ClaimOutcome:
    """H14: 1,000 proofs, and the same work once more. Both files stay in the working directory.

    What a core does alike in both runs cancels; what differs is of the chip at that time, or of its line.
    Raises NotOnThisDevice for a device that is not on a direct line.
    """
    with open_device(url_of(context), Circumstances.usual()) as device:
        if device.identity.family != "bm13xx":
            raise NotOnThisDevice("its chips are not on a direct line, and a firmware gives them other work")
    duration_s = max(SHORTEST_S, min(ROOM * EVENTS * share_s(context), context.budget_s / 2))
    first = captured(context, "same-work", lambda: CapturePlan(duration_s=duration_s))
    again = captured(context, "same-work-again", lambda: CapturePlan(replay_work=first))
    with load(first) as capture:
        meta = capture.meta
    try:
        found = compare_captures(first, again)
    except NoAnswer as error:
        return not_here("H14", meta, error.message, SAME_WORK_NEEDS)
    return outcome_of(
        "H14",
        find_difference(found),
        meta,
        needs=SAME_WORK_NEEDS,
        effect_unit=SAME_WORK_UNIT,
        note="One device twice: a delay that a core always has cancels.",
    )


def of_handshake(capture: Capture) -> ClaimOutcome:
    """Of a capture that was taken job by job."""
    meta = capture.meta
    plan = meta.get("plan")
    if not isinstance(plan, dict) or plan.get("mode") != "handshake":
        return not_here("S26", meta, "it was not taken job by job: --mode handshake", HANDSHAKE_NEEDS)
    events = capture.events()
    jobs = [job for job in capture.jobs() if job.sent_ns != NO_TIME]
    try:
        floor_s = floor_of_capture(capture, events["t_ns"][events["t_ns"] != NO_TIME]).high
    except NoAnswer:
        floor_s = float("nan")
    if len(events) < 2 or len(jobs) < 2:
        return not_here("S26", meta, f"{len(events)} shares of {len(jobs)} jobs", HANDSHAKE_NEEDS)
    found = handshake_finding(events, jobs, floor_s)
    return outcome_of("S26", found, meta, needs=HANDSHAKE_NEEDS, effect_unit="us")


PROCEDURES: tuple[Procedure, ...] = (
    AskedOf(
        TwinQuestion(
            claim="H14",
            take=take_same_work,
            find=find_difference,
            there=effect_in(),
            planted=f"delays of {PLANTED_S * 1e6:g} us that each core has of its own, {EVENTS:,} events at a "
            f"floor of {FLOOR_S * 1e6:g} us",
            runs=8,
            seconds=0.9,
            effect_unit=SAME_WORK_UNIT,
            needs=SAME_WORK_NEEDS,
        ),
        of_device=of_device,
        events=2 * EVENTS,
    ).procedure(),
    AskedOf(
        TwinQuestion(
            claim="S26",
            take=take_handshake,
            find=find_handshake,
            there=effect_in(ideal=True),
            planted="a way from nonce to stamp without any delay, in place of an ordinary one",
            runs=10,
            seconds=0.5,
            effect_unit="us",
            needs=HANDSHAKE_NEEDS,
        ),
        of_handshake,
    ).procedure(),
)
