"""The 49 claims as data: what is printed, and what would support or refute it, fixed before data are seen."""

from __future__ import annotations

from asicrc.claims.registry.experiments import TABLE_VII, chosen_ids
from asicrc.claims.registry.loading import load_claims, load_published_files

IDS: tuple[str, ...] = (
    *(f"H{number:02d}" for number in range(1, 21)),
    *(f"S{number:02d}" for number in range(1, 30)),
)
"""H: the first paper (arXiv 2601.01916). S: the second (arXiv 2601.12032)."""

CLAIMS = load_claims(IDS)
"""By id, in the order of `IDS`."""

PUBLISHED_FILES = load_published_files()
"""By the name that a folder of data has them under."""

__all__ = ["CLAIMS", "IDS", "PUBLISHED_FILES", "TABLE_VII", "chosen_ids"]
