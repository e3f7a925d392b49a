"""From a finding in a capture to the two verdicts on a claim; and captures that a claim takes of a device."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asicrc.capture.plan import CapturePlan, Outcome
from asicrc.capture.running import capture_to_file
from asicrc.claims.outcome import ClaimOutcome, InstrumentCheck, Reproduced
from asicrc.claims.procedure import Context, Cost
from asicrc.errors import DeviceError, ExitCode, NoAnswer, Refused, UsageError
from asicrc.evidence import EvidenceVerdict, Finding, Source, two_verdicts
from asicrc.evidence.two_verdicts import source_of

UNTESTABLE = EvidenceVerdict.NOT_TESTABLE_HERE
SHARE_S = 2.5
"""Between shares of an LV06 at difficulty 256, the slowest miner here: what hours are planned by where a
device does not say its rate."""
SETTLING_S = 60.0
_TAKEN: dict[tuple[str, str], Path] = {}


class NotOnThisDevice(NoAnswer):
    """What no time with this device would answer: it lacks what the claim takes. Nothing was written."""


def outcome_of(
    claim: str,
    finding: Finding,
    meta: Mapping[str, Any],
    *,
    value: EvidenceVerdict = UNTESTABLE,
    explained: str = "",
    planted: bool | None = None,
    needs: str,
    effect_unit: str,
    note: str = "",
    reproduced: Sequence[Reproduced] = (),
) -> ClaimOutcome:
    """`meta` is the capture's own description, which says whether it is of a device, a twin, or published.

    `explained` and `planted` are as in `two_verdicts`. Of a twin neither verdict is given.
    """
    source = source_of(meta)
    verdicts = two_verdicts(finding, source, value=value, explained=explained, planted=planted, needs=needs)
    reason = "" if verdicts.reason == finding.note else f"{verdicts.reason[:1].upper()}{verdicts.reason[1:]}."
    said = f"{finding.question} {_in_words(finding)}. {reason}".strip()
    return ClaimOutcome(
        claim=claim,
        source=source.value,
        value_verdict=verdicts.value,
        interpretation_verdict=verdicts.interpretation,
        note=f"{said} {note}".strip(),
        reproduced=() if source is Source.TWIN else reproduced,
        nulls=finding.nulls,
        smallest_effect=finding.smallest_effect,
        effect_unit=effect_unit,
        needs=needs if verdicts.interpretation in (UNTESTABLE, EvidenceVerdict.NOT_RESOLVED) else "",
        instrument=None if verdicts.instrument is None else InstrumentCheck(verdicts.instrument),
        p_corrected=finding.p_corrected,
    )


def not_here(claim: str, meta: Mapping[str, Any], why: str, needs: str) -> ClaimOutcome:
    """A capture that cannot be asked this."""
    return ClaimOutcome(claim, source_of(meta).value, UNTESTABLE, UNTESTABLE, note=why, needs=needs)


def over_settings(question: str, findings: Mapping[str, Finding]) -> Finding:
    """One finding of those at several settings, whose level is shared already.

    Supported where it is at any of them, refuted where it is at each; the effect is the largest of those that
    have the verdict.
    """
    verdicts = {finding.verdict for finding in findings.values()}
    verdict = EvidenceVerdict.NOT_RESOLVED
    if EvidenceVerdict.SUPPORTED in verdicts:
        verdict = EvidenceVerdict.SUPPORTED
    elif verdicts in ({EvidenceVerdict.REFUTED}, {UNTESTABLE}):
        (verdict,) = verdicts
    same = {name: one for name, one in findings.items() if one.verdict is verdict}
    asked = {name: one for name, one in (same or findings).items() if one.verdict is not UNTESTABLE}
    name, shown = max((asked or findings).items(), key=lambda item: abs(item[1].effect.estimate))
    if len(findings) == 1:
        return replace(shown, question=question)
    return replace(
        shown, question=question, verdict=verdict, note=f"{name}, of {len(findings)} settings: {shown.note}"
    )


def captured(
    context: Context, what: str, plan: Callable[[], CapturePlan], meta: Mapping[str, Any] | None = None
) -> Path:
    """Take it from the device into a file of its own in the working directory, which stays there.

    Of the same device one capture of each `what` is taken in a process: claims that ask the same share it.
    Raises DeviceError, Refused, NoAnswer for a capture that did not get to its end, and KeyboardInterrupt.
    """
    url = url_of(context)
    taken = _TAKEN.get((url, what))
    if taken is not None and taken.exists():
        return taken
    path = new_capture(context, what)
    context.say(f"capturing into {path}")
    seed = int(context.seed.generate_state(1)[0])
    ended(capture_to_file(url, replace(plan(), output=path, seed=seed), None, context.say, meta))
    _TAKEN[url, what] = path
    return path


def ended(outcome: Outcome) -> None:
    """Raises what the end of a capture says."""
    hint = f"what was captured is in {outcome.path}"
    match outcome.exit_code:
        case ExitCode.OK:
            return
        case ExitCode.INTERRUPTED:
            raise KeyboardInterrupt
        case ExitCode.DEVICE:
            raise DeviceError(outcome.reason, hint)
        case ExitCode.REFUSED:
            raise Refused(outcome.reason, hint)
        case _:
            raise NoAnswer(f"the capture ended before its time: {outcome.reason}", hint)


def new_capture(context: Context, what: str) -> Path:
    """./<UTC>-<what>-<device>.asicrc"""
    scheme, _, target = url_of(context).partition("?")[0].partition(":")
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{scheme}-{Path(target).name}").strip("-")[:80]
    return Path(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{what}-{name}.asicrc")


def url_of(context: Context) -> str:
    if context.device_url is None:
        raise UsageError("no device was given", "--device URL")
    return context.device_url


def cost_of(
    context: Context,
    source: str,
    *,
    runs: int,
    run_s: float,
    events: int,
    settings: int = 1,
    read_s: float = 10.0,
) -> Cost:
    """`runs` twins of `run_s` each, `events` at each setting of a device, a capture that takes `read_s`."""
    if source == "twin":
        return Cost(seconds=min(runs, context.runs) * run_s)
    if source != "device":
        return Cost(seconds=read_s)
    settling_s = SETTLING_S if settings > 1 else 0.0
    device_s = settings * (events * share_s(context) + settling_s)
    return device_cost(context, device_s, events * settings, read_s=read_s)


def device_cost(context: Context, device_s: float, events: int, *, read_s: float) -> Cost:
    """Of so many seconds of the device's own time; a twin's are no hours of anybody."""
    if (context.device_url or "").startswith("twin:"):
        return Cost(seconds=2 * read_s, events=events)
    return Cost(seconds=read_s, device_hours=device_s / 3600, events=events)


def share_s(context: Context) -> float:
    """Between shares of the device; of an LV06 where its rate is not known."""
    return 1 / context.events_per_s if context.events_per_s else SHARE_S


def _in_words(finding: Finding) -> str:
    effect = finding.effect
    if finding.verdict is UNTESTABLE or effect.estimate != effect.estimate:
        return finding.note
    return f"{effect.estimate:.4g} [{effect.low:.4g}, {effect.high:.4g}] of {effect.n}: {finding.note}"
