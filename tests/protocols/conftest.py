"""The published captures and vectors that the codec is held against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bm13xx_vectors(published: Callable[[str], Path]) -> Path:
    return published("bm13xx.json")


@pytest.fixture(scope="session")
def s19kpro_wire(published: Callable[[str], Path]) -> Path:
    return published("s19kpro_bm1366_wire.txt")


@pytest.fixture(scope="session")
def bitaxe_timed(published: Callable[[str], Path]) -> Path:
    return published("bitaxe_bm1366_timed_addr00.csv")
