"""Recordings of twins with and without a fingerprint, small enough to be taken in a test."""

from __future__ import annotations

from functools import lru_cache

from asicrc.analysis.fingerprint import Recording, recordings_of
from asicrc.analysis.fingerprint.twin_population import CHIP_SIZES
from asicrc.capture.memory import capture_in_memory
from asicrc.capture.plan import CapturePlan
from simulators.models import MACHINES, Variation
from simulators.twins.named import ordinary

POPULATION = 7
LENGTH_S = 20.0


@lru_cache(maxsize=64)
def chip(
    unit: int, seed: int, fingerprint_s: float = 0.001, voltage_mv: float | None = None, cores: int = 8
) -> Recording:
    """About 390 proofs of one BM1366 of 8 cores in one job, of the work that `seed` gives."""
    twin = ordinary(
        "bm1366",
        seed=1000 * unit + seed,
        unit=unit,
        population=POPULATION,
        effects={"fingerprint_s": fingerprint_s} if fingerprint_s else {},
        chip={**CHIP_SIZES, "cores": cores},
    )
    requested = {} if voltage_mv is None else {"voltage_mv": voltage_mv}
    plan = CapturePlan(duration_s=LENGTH_S, seed=seed, job_interval_s=LENGTH_S + 1, requested=requested)
    (recording,) = recordings_of(capture_in_memory(twin, plan), f"unit {unit}, seed {seed}")
    return recording


@lru_cache(maxsize=16)
def miner(unit: int, seed: int, fingerprint_s: float = 0.004, machine: str = "lv06") -> Recording:
    """About 8,000 shares of an LV06, of a hundred a second."""
    twin = ordinary(
        machine,
        seed=1000 * unit + seed,
        unit=unit,
        population=POPULATION,
        effects={"fingerprint_s": fingerprint_s} if fingerprint_s else {},
    )
    plan = CapturePlan(duration_s=80.0, seed=seed, requested={"difficulty": 1.0})
    (recording,) = recordings_of(capture_in_memory(twin, plan), f"miner {unit}, seed {seed}")
    return recording


def variation(unit: int, machine: str = "bitaxe-ultra") -> Variation:
    """What the device really is; the chip of `chip` is that of a Bitaxe Ultra."""
    return Variation.of(MACHINES[machine], POPULATION, unit)
