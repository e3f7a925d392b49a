"""Estimates, findings and the nulls that they were held against, as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from asicrc.evidence import Estimate, Finding, TestResult
from asicrc.report.html.number_text import NOTHING, estimate_text, number, p_value
from asicrc.report.html.page import Column, Table

ESTIMATE_COLUMNS = (
    Column("Quantity"),
    Column("Estimate", "number"),
    Column("95 % interval", "number"),
    Column("Unit"),
    Column("n", "number"),
    Column("Interval by", "words"),
)
FINDING_COLUMNS = (
    Column("Question", "words"),
    Column("Effect", "number"),
    Column("95 % interval", "number"),
    Column("n", "number"),
    Column("p", "number"),
    Column("Seen from", "number"),
    Column("Verdict", "verdict"),
    Column("Note", "words"),
)
NULL_COLUMNS = (
    Column("Test"),
    Column("Null", "words"),
    Column("Statistic", "number"),
    Column("p", "number"),
    Column("n", "number"),
    Column("Data sets behind p", "number"),
)


def estimate_table(caption: str, rows: Iterable[tuple[str, Estimate | None, str]]) -> Table | None:
    """Name, estimate and unit; those that are None are left out. None without any."""
    shown = []
    for name, estimate, unit in rows:
        if estimate is not None:
            value, interval = estimate_text(estimate)
            shown.append((name, value, interval, unit, number(estimate.n), estimate.method))
    return Table.of(caption, ESTIMATE_COLUMNS, shown) if shown else None


def finding_table(caption: str, findings: Mapping[str, Finding]) -> Table:
    """`p` is the corrected one; `seen from` is the smallest effect that these data would have shown."""
    rows = []
    for finding in findings.values():
        value, interval = estimate_text(finding.effect)
        rows.append(
            (
                finding.question,
                value,
                interval,
                number(finding.effect.n),
                p_value(finding.p_corrected),
                number(finding.smallest_effect, 3),
                finding.verdict.value,
                finding.note,
            )
        )
    return Table.of(caption, FINDING_COLUMNS, rows)


def null_table(caption: str, nulls: Sequence[TestResult]) -> Table | None:
    """Each test once, with the null in words. None without any."""
    rows = [
        (
            test.name,
            test.null,
            number(test.statistic),
            p_value(test.p_value),
            number(test.n),
            number(test.replicates) if test.replicates else NOTHING,
        )
        for test in nulls
    ]
    return Table.of(caption, NULL_COLUMNS, list(dict.fromkeys(rows))) if rows else None
