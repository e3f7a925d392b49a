"""The figures of a run of claims with their captions, and the texts for those who do not see them."""

from __future__ import annotations

import math
from collections import Counter

from asicrc.evidence import Estimate
from asicrc.report.claims_figure import instrument_panel, ratio_panel, tally_panel
from asicrc.report.html.claims_told import ToldEstimate, ToldNumber, ToldRun
from asicrc.report.html.inline_figure import inline_figure
from asicrc.report.html.number_text import in_one
from asicrc.report.html.page import Picture

VALUE, MEANING = "the number", "what it means"
VERDICTS = ("supported", "refuted", "not resolved", "not testable here")
MOST_RATIOS = 3
"""Of one claim that are drawn; all of them stand in its table."""


def pictures_of_claims(run: ToldRun) -> list[Picture]:
    counts = verdict_counts(run)
    told = "; ".join(
        f"{what}: " + ", ".join(f"{held.get(verdict, 0)} {verdict}" for verdict in VERDICTS)
        for what, held in counts.items()
    )
    pictures = [
        Picture(
            inline_figure(tally_panel(counts), "f-tally"),
            "What the claims came to",
            "Does the published procedure give the published number, and does the number mean what is "
            "claimed? Two questions, two answers.",
            f"Two bars of claims by verdict; {told}.",
            wide=True,
        )
    ]
    checks = [
        (claim.id, _estimate(claim.instrument.power), _estimate(claim.instrument.false_alarms))
        for claim in run.claims
        if claim.instrument is not None
        and (claim.instrument.power is not None or claim.instrument.false_alarms is not None)
    ]
    if checks:
        listed = "; ".join(
            f"{name}: power {in_one(power)}, false alarms {in_one(alarms)}" for name, power, alarms in checks
        )
        pictures.append(
            Picture(
                inline_figure(instrument_panel(checks), "f-instruments"),
                "What the instruments find, and what they make up",
                "Shares of twins on which an effect was called found: power where it was planted, false "
                "alarms where it was not, with exact 95 % intervals. Few twins make them wide: the dashed "
                "lines are what the calibrations promise, by many more.",
                f"Points with intervals. {listed}.",
                wide=True,
            )
        )
    ratios = _ratios(run)
    if ratios:
        listed = "; ".join(f"{name} {in_one(ratio)}" for name, _, ratio in ratios)
        pictures.append(
            Picture(
                inline_figure(ratio_panel(ratios), "f-ratios"),
                "Numbers against the published ones",
                "What came out over what was published, with its interval where it has one; at most "
                f"{MOST_RATIOS} numbers of a claim. The mark is the verdict on the number.",
                f"Points of ratios on a logarithmic axis about 1: {listed}.",
                wide=True,
            )
        )
    return pictures


def verdict_counts(run: ToldRun) -> dict[str, Counter[str]]:
    return {
        VALUE: Counter(claim.value_verdict for claim in run.claims),
        MEANING: Counter(claim.interpretation_verdict for claim in run.claims),
    }


def _ratios(run: ToldRun) -> list[tuple[str, str, Estimate]]:
    drawn = []
    for claim in run.claims:
        of_claim = [
            (f"{claim.id}  {held.name}", claim.value_verdict, ratio)
            for held in claim.reproduced
            if (ratio := _ratio(held)) is not None
        ]
        drawn += of_claim[:MOST_RATIOS]
    return drawn


def _ratio(held: ToldNumber) -> Estimate | None:
    if isinstance(held.published, str) or not held.published or held.published < 0:
        return None
    if isinstance(held.value, ToldEstimate):
        ratio = held.value.as_estimate().scaled(1 / held.published)
    elif isinstance(held.value, float | int):
        value = held.value / held.published
        ratio = Estimate(value, math.nan, math.nan, 0, method="computed")
    else:
        return None
    return ratio if math.isfinite(ratio.estimate) and ratio.estimate > 0 else None


def _estimate(told: ToldEstimate | None) -> Estimate | None:
    return None if told is None else told.as_estimate()
