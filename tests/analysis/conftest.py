"""The published captures, as a fixture."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

Rows = list[dict[str, str]]


@pytest.fixture
def published() -> Callable[[str], Rows]:
    """Rows of a published CSV file beside the checkout, comment lines left out; skips where it is missing."""

    def rows(name: str) -> Rows:
        path = Path(__file__).resolve().parents[3] / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"{path} is not there: published captures are not part of the project")
        with path.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(line for line in lines if not line.startswith("#")))

    return rows
