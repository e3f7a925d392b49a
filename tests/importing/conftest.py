"""Published captures lie beside the checkout, where they are at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture
def published() -> Callable[[str], Path]:
    """Path of a published file; skips where there is none."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.is_file():
            pytest.skip(f"{name} is not in ../shared/data beside the checkout")
        return path

    return find
