"""The papers' own quantities in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator

from asicrc.analysis.papers.hierarchical_numbers import (
    CLAIMED_RATIO,
    CLAIMED_STATES,
    energy_ratio_digits,
    ratio_of_states,
)
from asicrc.analysis.papers.report import PapersReport
from asicrc.cli.arrival_text import shown


def papers_lines(report: PapersReport) -> Iterator[str]:
    """One quantity after the other: as printed, its defect, and what stands in its place."""
    k = report.k_sync
    if k is not None:
        exponents = ", ".join(f"{value:.3g} ({unit})" for unit, value in k.exponents.items())
        yield f"K_sync        printed exponent {exponents}: it has the unit of time"
        yield f"              mended {k.mended:.4g} of a modulation at {k.modulation_hz:g} Hz is left"
    entropy = report.entropy
    if entropy is not None:
        values = ", ".join(f"{value:.4g} ({unit})" for unit, value in entropy.by_unit.items())
        yield f"entropy       printed {values}: {'' if entropy.invariant else 'not '}the same in all units"
        yield (
            f"              the program's {entropy.program_bits:.3g} bits, without the longest interval "
            f"{entropy.program_bits_without_longest:.3g}"
        )
    window = report.window
    if window is not None:
        yield (
            f"CV of {window.window:<8}mean {window.mean:.3g}, spread {window.spread:.3g}; chance alone "
            f"{window.chance_mean:.3g}, {window.chance_spread:.3g}, 95 % from {window.chance_low:.3g} to "
            f"{window.chance_high:.3g}"
        )
    hamming = report.hamming
    if hamming is not None:
        zeros, effect = hamming.forced_zeros, hamming.finding.effect
        yield (
            f"Hamming       {hamming.mean_bits:.2f} bits; {zeros} forced zeros leave {(256 - zeros) / 2:g}; "
            f'printed "scrambling" {hamming.printed:.4f}'
        )
        yield f"              share of the free bits {shown(effect)}, n = {effect.n}"
    scrambling = report.scrambling
    if scrambling is not None:
        first, second = scrambling.mixed_rounds
        yield (
            f'"OTOC"        {shown(scrambling.finding.effect)}; mixed from round {first} of the first hash '
            f"and {second} of the second on, whatever computes it"
        )
    encoding = report.phase_amplitude
    if encoding is not None:
        yield (
            f"phase-ampl.   error {shown(encoding.encoding_error)}, of {encoding.features} delayed copies "
            f"{shown(encoding.delay_error)}: better is {encoding.finding.verdict}"
        )
    if report.sweep is not None:
        found = report.sweep.transition
        yield (
            f"transition    {found.verdict}: gain in BIC of Ginzburg-Landau {found.bic_gain:.1f}, "
            f"best {found.best.name}, {report.sweep.points} points"
        )
    for row in report.energy:
        agrees = "agrees" if row.agrees else "does not agree"
        ratio = f"2^n / log2 n = {row.ratio:.0f}, printed {row.printed:g}"
        yield f"energy        {row.bits} bits: {ratio} ({agrees})"
    yield (
        f"              {CLAIMED_STATES} states: {ratio_of_states(CLAIMED_STATES):.0f}, not "
        f"{CLAIMED_RATIO:g}; so many bits: {energy_ratio_digits(CLAIMED_STATES) + 1:.0f} digits"
    )
    for part, why in report.unanswered.items():
        yield f"not answered  {part}: {why}"
