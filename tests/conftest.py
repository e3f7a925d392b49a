"""Published captures and vectors lie beside the checkout, where they are at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Several test processes share two cores: how long an example takes says nothing about the code.
settings.register_profile(
    "calm", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calm")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def published() -> Callable[[str], Path]:
    """Path of a published file by its name; skips the test, saying so, where there is none."""

    def find(name: str) -> Path:
        for folder in ("data", "vectors"):
            if (SHARED / folder / name).is_file():
                return SHARED / folder / name
        pytest.skip(f"{name} is not in ../shared beside the checkout")

    return find
