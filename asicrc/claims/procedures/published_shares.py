"""What the published shares of an S9 say of claims about arrivals: H01, H03, H04, S20."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from asicrc.analysis.arrival_evidence import NEEDS, ArrivalEvidence, arrival_evidence
from asicrc.analysis.dependence.capture_leakage import leakage_of_capture
from asicrc.analysis.dependence.leakage import MARGINS, SHARES, Leakage
from asicrc.analysis.event_source import EventSource, read_event_source
from asicrc.analysis.papers.printed_entropy import printed_entropies
from asicrc.analysis.spectra.heartbeat import CLAIMED_HZ, heartbeat_at
from asicrc.claims.outcome import ClaimOutcome, Reproduced
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import FROM_DATA, holds, per_cent
from asicrc.claims.procedures.published_files import procedure_of_file, published
from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict, Finding
from asicrc.evidence.discrimination import CHANCE
from asicrc.importing import import_file

S9_SHARES = "s9_shares.csv"
STEADY, PLANTED = "cpu_pow_steady_seed00_events.csv", "cpu_pow_heartbeat_2p4_seed00_events.csv"
S9_FORMAT = "stratum-shares"
S9_DIFFICULTY = 256.0
"""Of the published shares; the file states none."""
TOLERANCE_HZ = 0.05
LEAK_EVENTS = 10_000
"""In each class: the plan of claim S20."""


def intervals(context: Context, path: Path) -> ClaimOutcome:
    """H01: the CV at the one setting that the shares are of, and what the dispatch explains of it."""
    _, found = _evidence(path)
    law = _finding(found, "cv")
    verdict = found.verdicts["H01"]
    reproduced = [Reproduced("CV of the intervals, less that of the dead-time null", None, law.effect)]
    if found.dispatch is not None:
        beyond = found.dispatch.cv_beyond
        reproduced.append(Reproduced("CV of the latencies beyond what the dispatch gives", None, beyond))
    return ClaimOutcome(
        "H01",
        FROM_DATA,
        law.verdict,
        verdict.interpretation,
        f"{law.note}. At the one setting of these shares the departure is {verdict.reason}; the claim is "
        "about a voltage that is lowered.",
        reproduced,
        law.nulls,
        smallest_effect=law.smallest_effect,
        effect_unit="shift of the CV",
        needs=NEEDS["H01"],
    )


def entropy(context: Context, path: Path) -> ClaimOutcome:
    """H03: the printed entropy in four units of time, and the one without a unit."""
    source, found = _evidence(path)
    finding = _finding(found, "entropy")
    verdict = found.verdicts["H03"]
    printed = printed_entropies(source.latency_s if len(source.latency_s) else source.stream.intervals_s)
    changes = "is the same in all units of time" if printed.invariant else "changes with the unit of time"
    return ClaimOutcome(
        "H03",
        FROM_DATA,
        holds(printed.invariant),
        verdict.interpretation,
        f"The printed sum {changes}. Without a unit the entropy is {finding.effect.estimate:+.3f} nats off "
        f"an exponential's at the one setting of these shares: {verdict.reason}.",
        [
            *(
                Reproduced(f"entropy as printed, latencies in {unit}", None, value)
                for unit, value in printed.by_unit.items()
            ),
            Reproduced("entropy less an exponential's, in bins of the mean", None, finding.effect, "nats"),
        ],
        finding.nulls,
        smallest_effect=finding.smallest_effect,
        effect_unit="nats",
        needs=NEEDS["H03"],
    )


def heartbeat(context: Context, path: Path) -> ClaimOutcome:
    """H04: 2.35 to 2.45 Hz in the shares; the published controls show what the instrument sees."""
    with imported(path) as file:
        source = read_event_source(file)
    found = heartbeat_at(source.stream, CLAIMED_HZ, tolerance_hz=TOLERANCE_HZ, hosts=source.hosts)
    finding = found.finding
    reproduced = [Reproduced("depth at 2.35 to 2.45 Hz, S9", "a heartbeat", finding.effect)]
    controls = []
    for name, file_name in (("with 2.4 Hz put in", PLANTED), ("without", STEADY)):
        control = published(context, file_name)
        if control is not None:
            beat = heartbeat_at(read_event_source(control).stream, CLAIMED_HZ).finding
            reproduced.append(Reproduced(f"depth, published control {name}", None, beat.effect))
            controls.append(f"in the published control {name}: {beat.verdict.value}")
    return ClaimOutcome(
        "H04",
        FROM_DATA,
        finding.verdict,
        finding.verdict,
        f"{finding.effect.n:,} shares leave room for a depth of {finding.effect.high:.2f} at most. "
        f"{'A heartbeat ' + ', '.join(controls) + '. ' if controls else ''}The paper's own power readings "
        "were not published.",
        reproduced,
        finding.nulls,
        smallest_effect=finding.smallest_effect,
        effect_unit="depth",
        needs="" if finding.verdict is EvidenceVerdict.REFUTED else NEEDS["H04"],
    )


def leak(context: Context, path: Path) -> ClaimOutcome:
    """S20: depth of the hash against interval and latency, within regions of the nonce."""
    with imported(path) as file:
        found = leakage_of_capture(file)
        source = read_event_source(file)
    timing, strongest = found.strongest
    shown = "more than chance" if found.verdict is EvidenceVerdict.SUPPORTED else "no more than chance"
    rate_hz = source.stream.n / max(source.stream.duration_s, 1.0)
    hours = LEAK_EVENTS / min(SHARES) / rate_hz / 3600
    return ClaimOutcome(
        "S20",
        FROM_DATA,
        found.verdict,
        found.verdict,
        f"{timing.n:,} shares show {shown}, and would have shown an AUC of {strongest.detectable:.3f}; the "
        f"claim is judged by {CHANCE + MARGINS.claimed:.2f}.",
        [
            *_leaks(found),
            Reproduced(
                "information of the strongest, bias taken off", "above 0", timing.information.mi, "nats"
            ),
        ],
        [strongest.test, *(one.information.test for one in found.leaks)],
        smallest_effect=strongest.detectable - CHANCE,
        effect_unit="AUC from 0.5",
        needs=(
            f"{LEAK_EVENTS:,} shares of each class from a device: {hours:.1f} h at these {rate_hz:.1f} a "
            "second"
        ),
    )


def _leaks(found: Leakage) -> list[Reproduced]:
    return [
        Reproduced(f"AUC of the {one.timing} for the deepest {per_cent(share)}", None, told.auc)
        for one in found.leaks
        for share, told in one.by_share.items()
    ]


@contextmanager
def imported(path: Path) -> Iterator[Path]:
    """A capture of the published shares, every proof hashed again, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "s9.asicrc"
        import_file(path, file, difficulty=S9_DIFFICULTY, source_format=S9_FORMAT)
        yield file


def _evidence(path: Path) -> tuple[EventSource, ArrivalEvidence]:
    stat = path.stat()
    return _evidence_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)
def _evidence_of(path: Path, _modified_ns: int, _size: int) -> tuple[EventSource, ArrivalEvidence]:
    """Two claims rest on the same battery of tests."""
    with imported(path) as file:
        source = read_event_source(file)
    return source, arrival_evidence(source)


def _finding(found: ArrivalEvidence, key: str) -> Finding:
    finding = found.finding(key)
    if finding is None or finding.verdict is EvidenceVerdict.NOT_TESTABLE_HERE:
        raise NoAnswer("the shares cannot be asked: " + ("" if finding is None else finding.note))
    return finding


PROCEDURES: tuple[Procedure, ...] = (
    procedure_of_file("H01", S9_SHARES, intervals, 3.0),
    procedure_of_file("H03", S9_SHARES, entropy, 3.0),
    procedure_of_file("H04", S9_SHARES, heartbeat, 1.0),
    procedure_of_file("S20", S9_SHARES, leak, 1.0),
)
