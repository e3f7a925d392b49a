"""Some fifty chips of one model, enrolled and tried, some also in other rooms: claims H17 and S22."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asicrc.analysis.fingerprint import FingerprintStudy, study_population
from asicrc.analysis.fingerprint.groups import WITHOUT_PPM
from asicrc.analysis.fingerprint.study import REFERENCE
from asicrc.analysis.fingerprint.twin_population import TwinPopulation, take_population
from asicrc.evidence import EvidenceVerdict, Finding, Source

DEVICES, CAPTURES, EVENTS, TRIED = 56, 2, 300, 4
"""So many without an error bring the bound of the equal-error rate to 10 %."""
PLANTED_S = 0.002


def take_population_of(kind: str, seed: np.random.SeedSequence) -> FingerprintStudy:
    """Chips that differ in crystal, firmware, line and heat, and where it is planted in their cores too."""
    population = TwinPopulation(
        devices=DEVICES,
        kind=kind,
        fingerprint_s=PLANTED_S,
        captures=CAPTURES,
        events=EVENTS,
        tried=TRIED,
        seed=int(seed.generate_state(1)[0]),
    )
    sessions, replay = take_population(population)
    return study_population(sessions, source=Source.TWIN, planted=kind == "planted", replay=replay)


def find_fingerprint(study: FingerprintStudy) -> Finding:
    """H17: by differences between cores, without the crystal."""
    with_ppm = study.rates["with_ppm"].eer if "with_ppm" in study.rates else None
    shown = "" if with_ppm is None else f"; with the crystal's ppm {with_ppm.estimate:.2g}"
    return replace(study.finding, note=f"{study.finding.note}{shown}")


def find_authentication(study: FingerprintStudy) -> Finding:
    """S22: the same, and recordings that are presented again are not taken for fresh ones."""
    found = study.finding
    accepted = [
        f"{one.condition} {one.accepted[WITHOUT_PPM].estimate:.0%}"
        for one in study.reliability
        if one.condition != REFERENCE and WITHOUT_PPM in one.accepted
    ]
    taken = study.replay.presented_again.estimate if study.replay is not None else float("nan")
    verdict = found.verdict
    if verdict is EvidenceVerdict.SUPPORTED and (np.isnan(taken) or taken > 0):
        verdict = EvidenceVerdict.NOT_RESOLVED
    return replace(
        found,
        verdict=verdict,
        note=f"{found.note}; old answers taken for fresh: {taken:.0%}; own recordings accepted in "
        f"other conditions: {', '.join(accepted) or 'none tried'}",
    )
