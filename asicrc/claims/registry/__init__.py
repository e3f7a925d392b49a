"""The 49 claims as data: what is printed, and what would support or refute it, fixed before data are seen."""

from __future__ import annotations

IDS: tuple[str, ...] = (
    *(f"H{number:02d}" for number in range(1, 21)),
    *(f"S{number:02d}" for number in range(1, 30)),
)
"""H: the first paper (arXiv 2601.01916). S: the second (arXiv 2601.12032)."""
