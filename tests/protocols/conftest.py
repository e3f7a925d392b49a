"""Published captures and vectors lie beside the checkout, where they are at all."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"


def _file(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not in ../shared beside the checkout")
    return path


@pytest.fixture(scope="session")
def bm13xx_vectors() -> Path:
    return _file("vectors/bm13xx.json")


@pytest.fixture(scope="session")
def s19kpro_wire() -> Path:
    return _file("data/s19kpro_bm1366_wire.txt")


@pytest.fixture(scope="session")
def bitaxe_timed() -> Path:
    return _file("data/bitaxe_bm1366_timed_addr00.csv")
