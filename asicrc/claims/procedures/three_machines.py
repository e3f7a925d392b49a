"""S24: the same questions to the published data of each machine, and what each of them hashes."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.analysis.event_source import read_event_source
from asicrc.analysis.intervals import coefficient_of_variation
from asicrc.capture.reader import load
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import DATA, FROM_DATA, answered, computed_in, per_cent
from asicrc.claims.procedures.published_files import published, without_files
from asicrc.claims.procedures.published_shares import S9_DIFFICULTY, S9_FORMAT, S9_SHARES
from asicrc.errors import BadFile, NoAnswer
from asicrc.evidence import Estimate, EvidenceVerdict
from asicrc.evidence.binomial import clopper_pearson
from asicrc.importing import import_file
from firmware_protocols.bitcoin import sha256d, target_from_compact
from firmware_protocols.device import Verdict
from firmware_protocols.lbry import LbryHeader

LV06_PROOFS, LV06_SYNC = "lv06_proofs_v10.csv", "lv06_sync_20251224.json"
LV06_FORMAT = "header-proofs"
FEWEST = 20
LARGEST_JSON_BYTES = 64 << 20
LBRY_GENESIS = LbryHeader(
    version=1,
    prev_hash=bytes(32),
    merkle_root=bytes.fromhex("b8211c82c3d15bcd78bba57005b86fed515149a53a425eb592c07af99fe559cc")[::-1],
    claimtrie=b"\1" + bytes(31),
    ntime=1446058291,
    nbits=0x1F00FFFF,
    nonce=1287,
)
"""A block that an LB-Box could have found (lbryio/lbrycrd:src/chainparams.cpp)."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`hashing` is the share of published proofs that are SHA-256d below their target."""

    name: str
    hashing: Estimate
    cv: Estimate
    latency_cv: Estimate | None


def universal(context: Context) -> ClaimOutcome:
    """Proofs of S9 and LV06 hashed again, their CV side by side, and a block of LBRY hashed both ways."""
    s9, lv06 = published(context, S9_SHARES), published(context, LV06_PROOFS)
    if s9 is None or lv06 is None:
        missing = [name for name, path in ((S9_SHARES, s9), (LV06_PROOFS, lv06)) if path is None]
        return without_files("S24", *missing)
    return answered("S24", FROM_DATA, lambda: _universal(context, s9, lv06))


def _universal(context: Context, s9: Path, lv06: Path) -> ClaimOutcome:
    machines = [_machine("S9", s9, S9_FORMAT, S9_DIFFICULTY), _machine("LV06", lv06, LV06_FORMAT, None)]
    target = target_from_compact(LBRY_GENESIS.nbits)
    lbry_meets = LBRY_GENESIS.hash_value() <= target
    sha256d_meets = int.from_bytes(sha256d(LBRY_GENESIS.pack()), "little") <= target
    reproduced = []
    for machine in machines:
        name = f"published proofs of the {machine.name}"
        reproduced.append(Reproduced(f"{name} that are SHA-256d below their target", None, machine.hashing))
        reproduced.append(Reproduced(f"CV of the intervals, {machine.name}", None, machine.cv))
        if machine.latency_cv is not None:
            reproduced.append(Reproduced(f"CV of job to share, {machine.name}", None, machine.latency_cv))
    sync = published(context, LV06_SYNC)
    if sync is not None:
        reproduced.append(Reproduced("CV of the response times, LV06 one at a time", None, _sync_cv(sync)))
    reproduced += [
        Reproduced("a block of LBRY meets its target by LBRY's hash", None, _yes(lbry_meets)),
        Reproduced("the same block by SHA-256d", None, _yes(sha256d_meets)),
    ]
    hashed = " and ".join(per_cent(machine.hashing.estimate) for machine in machines)
    alike = all(machine.hashing.estimate == 1 for machine in machines)
    verdict = EvidenceVerdict.NOT_RESOLVED
    if alike and lbry_meets and not sha256d_meets:
        verdict = EvidenceVerdict.REFUTED
    return ClaimOutcome(
        "S24",
        FROM_DATA,
        EvidenceVerdict.NOT_TESTABLE_HERE,
        verdict,
        f"S9 and LV06 hash SHA-256d: {hashed} of their published proofs hold. An LB-Box hashes LBRY "
        "(SHA-512 and RIPEMD-160 besides), so that nothing said of SHA-256d rounds carries over; no data "
        "of one are published.",
        reproduced,
        smallest_effect=max((machine.cv.high - machine.cv.low) / 2 for machine in machines),
        effect_unit="CV",
        needs="captures of an LB-Box; no number was printed for it",
    )


def _machine(name: str, path: Path, source_format: str, difficulty: float | None) -> Machine:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "proofs.asicrc"
        import_file(path, file, difficulty=difficulty, source_format=source_format)
        with load(file) as capture:
            verdicts = capture.events()["verdict"]
        source = read_event_source(file)
    valid = int(np.count_nonzero(verdicts == Verdict.VALID))
    latencies_s = source.latency_s
    return Machine(
        name,
        clopper_pearson(valid, len(verdicts)),
        _cv(source.stream.intervals_s),
        _cv(latencies_s) if len(latencies_s) >= FEWEST else None,
    )


def _cv(steps_s: Any) -> Estimate:
    if len(steps_s) < FEWEST:
        raise NoAnswer(f"{len(steps_s)} intervals have no CV to speak of", f"{FEWEST} or more")
    return coefficient_of_variation(steps_s, np.random.default_rng(0), 499)


def _sync_cv(path: Path) -> Estimate:
    try:
        if path.stat().st_size > LARGEST_JSON_BYTES:
            raise ValueError(f"over {LARGEST_JSON_BYTES >> 20} MiB")
        times_s = np.array(json.loads(path.read_text(encoding="utf-8"))["raw_response_times"], float)
        if times_s.ndim != 1 or not np.isfinite(times_s).all() or not (times_s > 0).all():
            raise ValueError("raw_response_times are no times above 0")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadFile(f"{path} is no table of response times: {error}", "fetch it anew") from None
    return _cv(times_s)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


PROCEDURES: tuple[Procedure, ...] = (Procedure("S24", frozenset({DATA}), universal, computed_in(1.0)),)
