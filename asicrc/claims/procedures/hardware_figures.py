"""What the machines can do, from chips, cores and clocks: S25 and S27."""

from __future__ import annotations

import math

from scipy import stats

from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.printed_sweep import DWELL_S, TABLE_6
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import COMPUTATION, COMPUTED, computed_in, holds
from asicrc.evidence import TestResult
from firmware_protocols.bm13xx import model_by_name

HASHES_A_DIFFICULTY = 2.0**32
S9_CHIPS = 189
"""Three boards of 63 BM1387 (braiins/braiins:open/bosminer/bosminer-am1-s9)."""
PRINTED_THS, PRINTED_MHZ = 14.0, 525.0
LV06_GHS, LV06_W, LV06_PRINTED_MHS_A_W = 500.0, 13.0, 2.93
BM1366_PRINTED_CORES = 138
HARDWARE_MARGIN = 0.05
CLAIMED_SAMPLES = 10_000
DEVIATIONS = 4.0


def hardware_table(_: Context) -> ClaimOutcome:
    """S25: hash rate is chips times cores times clock, one hash a core and clock."""
    bm1387, bm1366 = model_by_name("BM1387"), model_by_name("BM1366")
    ths = s9_hash_rate(PRINTED_MHZ) / 1e12
    mhz = PRINTED_THS * 1e12 / s9_hash_rate(1.0)
    mhs_a_w = 1e3 * LV06_GHS / LV06_W
    rows = [
        ("S9 at 525 MHz", PRINTED_THS, ths, "TH/s"),
        ("clock at which an S9 has 14 TH/s", PRINTED_MHZ, mhz, "MHz"),
        ("LV06, 500 GH/s at 13 W", LV06_PRINTED_MHS_A_W, mhs_a_w, "MH/s per W"),
        ("cores of a BM1366", float(BM1366_PRINTED_CORES), float(bm1366.cores), ""),
    ]
    off = [name for name, printed, found, _ in rows if abs(found / printed - 1) > HARDWARE_MARGIN]
    verdict = holds(not off)
    return ClaimOutcome(
        "S25",
        COMPUTED,
        verdict,
        verdict,
        f"{S9_CHIPS} chips of {bm1387.cores} cores at {PRINTED_MHZ:g} MHz make {ths:.1f} TH/s; 14 take "
        f"{mhz:.0f} MHz. An LV06 makes {mhs_a_w / 1e3:.0f} GH/s per W, and a BM1366 has {bm1366.cores} "
        f"cores with {bm1366.small_cores} units. An LB-Box hashes LBRY, which no BM1366 does (S24).",
        [
            *(Reproduced(name, printed, found, unit) for name, printed, found, unit in rows),
            Reproduced("small cores of a BM1366", None, float(bm1366.small_cores)),
        ],
        needs="" if off else "a measurement of each machine",
    )


def samples(_: Context) -> ClaimOutcome:
    """S27: shares that a window of 300 s brings at the settings of Table 6, and what their CV is worth."""
    expected = {
        point.name: DWELL_S * s9_hash_rate(point.frequency_mhz) / (point.difficulty * HASHES_A_DIFFICULTY)
        for point in TABLE_6
    }
    most = max(expected.values())
    reach = any(count + DEVIATIONS * math.sqrt(count) >= CLAIMED_SAMPLES for count in expected.values())
    verdict = holds(reach)
    highest_difficulty = DWELL_S * s9_hash_rate(PRINTED_MHZ) / (CLAIMED_SAMPLES * HASHES_A_DIFFICULTY)
    counts = ", ".join(f"{count:.0f}" for count in expected.values())
    return ClaimOutcome(
        "S27",
        COMPUTED,
        verdict,
        verdict,
        f"At the settings of Table 6 300 s bring {counts} shares. For {CLAIMED_SAMPLES:,} an S9 at "
        f"{PRINTED_MHZ:g} MHz would have to be asked a difficulty of {highest_difficulty:.0f} or less.",
        [
            *(
                Reproduced(f"shares in 300 s at {setting}", "10,000 and more", count)
                for setting, count in expected.items()
            ),
            *(
                Reproduced(f"standard error of a CV at {setting}", None, 1 / math.sqrt(count))
                for setting, count in expected.items()
            ),
            Reproduced("highest difficulty for 10,000 in 300 s", None, highest_difficulty),
        ],
        [
            TestResult(
                f"{CLAIMED_SAMPLES:,} shares or more at the quickest setting",
                most,
                float(stats.poisson.sf(CLAIMED_SAMPLES - 1, most)),
                round(most),
                "shares of a Poisson process at the rate of chips, cores and clock",
            )
        ],
        smallest_effect=DEVIATIONS * math.sqrt(most),
        effect_unit="shares",
    )


def s9_hash_rate(mhz: float) -> float:
    """Hashes per second of an S9: one per core and clock."""
    return S9_CHIPS * model_by_name("BM1387").cores * mhz * 1e6


_SOURCE = frozenset({COMPUTATION})
PROCEDURES: tuple[Procedure, ...] = (
    Procedure("S25", _SOURCE, hardware_table, computed_in(0.1)),
    Procedure("S27", _SOURCE, samples, computed_in(0.1)),
)
