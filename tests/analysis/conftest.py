"""The published captures as rows."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

Rows = list[dict[str, str]]


@pytest.fixture
def published_rows(published: Callable[[str], Path]) -> Callable[[str], Rows]:
    """Rows of a published CSV file, comment lines left out."""

    def rows(name: str) -> Rows:
        with published(name).open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(line for line in lines if not line.startswith("#")))

    return rows
