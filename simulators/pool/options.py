"""What an emulated pool is asked to be, as `name=value` pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from firmware_protocols.bitcoin import DIFFICULTY_1_TARGET
from simulators.bm13xx.option_values import OptionError, Parser, flag, integer, pair, path, real
from simulators.pool.faults import POOL_FAULT_NAMES, PoolFaults, parse_pool_faults

__all__ = ["OptionError", "PoolOptions", "parse_pool_options", "pool_options_text"]


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolOptions:
    """Everything that was asked of a pool."""

    port: int = _option(0, "on 127.0.0.1; 0 is any that is free")
    seed: int = _option(1, "of its blocks and its latencies")
    difficulty: float = _option(1.0, "of its shares")
    difficulty_one: int = _option(DIFFICULTY_1_TARGET, "target that difficulty 1 means, for emulated miners")
    extranonce2_size: int = _option(4, "bytes that it leaves")
    version_mask: int = _option(0x1FFFE000, "version bits that miners may roll, hexadecimal; 0: none")
    job_s: float = _option(30.0, "seconds between two jobs of the same block")
    block_s: float = _option(600.0, "seconds between two blocks, whose jobs are clean")
    ask: bool = _option(False, "1: a new job with each accepted share instead, to the miner that sent it")
    latency_ms: float = _option(0.0, "there and back; half of it each way")
    jitter_ms: float = _option(0.0, "mean of an exponential delay of each message on top of it")
    stall: tuple[float, float] = _option(
        (0.0, 0.0), "SHARE/SECONDS: that share of its jobs is late by so much"
    )
    truth: Path | None = field(
        default=None, metadata={"meaning": "file for the accepted shares, with their headers: CSV"}
    )
    report: bool = _option(True, "0: say nothing at the end")
    faults: PoolFaults = field(
        default_factory=PoolFaults,
        metadata={"meaning": f"what goes wrong, name:value, with commas: {', '.join(POOL_FAULT_NAMES)}"},
    )


def parse_pool_options(options: Iterable[tuple[str, str]]) -> PoolOptions:
    """From `name, value` pairs. Raises OptionError."""
    values: dict[str, Any] = {}
    for given, text in options:
        name = given.replace("-", "_")
        if name not in _PARSERS:
            raise OptionError(f"an emulated pool knows no option {given!r}; known are {', '.join(_PARSERS)}")
        if name in values:
            raise OptionError(f"option {given!r} is given twice")
        values[name] = _PARSERS[name](given, text)
    return PoolOptions(**values)


def pool_options_text() -> str:
    """One line for each option: name, default, meaning."""
    defaults = PoolOptions()
    lines = []
    for name, option in PoolOptions.__dataclass_fields__.items():
        value = getattr(defaults, name)
        lines.append(f"  {name:<16} {_shown(name, value):<18} {option.metadata['meaning']}")
    return "\n".join(lines) + "\n"


def _shown(name: str, value: Any) -> str:
    if value is None or isinstance(value, PoolFaults):
        return "-"
    if name == "difficulty_one":
        return "0xffff << 208"
    if name == "version_mask":
        return f"{value:08x}"
    return "/".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"


def _mask(name: str, text: str) -> int:
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if not 0 <= value <= 0xFFFFFFFF:
        raise OptionError(f"{name} is a mask of 8 hexadecimal digits, not {text!r}")
    return value


def _target(name: str, text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 80 else 0
    if not 0 < value < 1 << 256:
        raise OptionError(f"{name} is a target in decimal digits, not {text!r}")
    return value


_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "port": integer(0, 65_535),
        "seed": integer(0, 2**63 - 1),
        "difficulty": real(1e-12, 1e12),
        "difficulty_one": _target,
        "extranonce2_size": integer(0, 16),
        "version_mask": _mask,
        "job_s": real(0.001, 1e9),
        "block_s": real(0.001, 1e9),
        "ask": flag,
        "latency_ms": real(0.0, 60_000.0),
        "jitter_ms": real(0.0, 60_000.0),
        "stall": pair(real(0.0, 1.0), real(0.0, 3600.0), "SHARE/SECONDS"),
        "truth": path,
        "report": flag,
        "faults": lambda _, text: parse_pool_faults(text),
    }
)
