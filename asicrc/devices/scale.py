"""How far an emulated chip is scaled down from real silicon. A real chip has scale 1 in everything."""

from __future__ import annotations

import os
from dataclasses import dataclass

from asicrc.devices.url import DeviceUrl
from asicrc.errors import UsageError
from firmware_protocols.bm13xx import ChipModel

SCALE_OPTIONS = {"simulated", "zero_bits", "cores", "subcores", "chips", "time_scale", "seed", "waits"}
"""`chips` and `seed` describe the emulator; the driver counts the chips that answer."""


PSEUDO_TERMINALS = ("/dev/pts/", "/dev/ttys")


@dataclass(frozen=True, slots=True)
class Scale:
    """`time_scale` is host seconds per device second, `waits` shortens the pauses that silicon needs."""

    simulated: bool
    zero_bits: int
    cores: int
    subcores: int
    hashing_units: int
    time_scale: float
    waits: float

    @classmethod
    def from_url(cls, url: DeviceUrl, model: ChipModel) -> Scale:
        """Raises UsageError where a real chip is given an emulator's scale."""
        simulated = url.options.get("simulated") == "1"
        targets = map(os.path.realpath, url.target.split(","))
        real = [path for path in targets if not path.startswith(PSEUDO_TERMINALS)]
        if simulated and real:
            raise UsageError(
                f"{url.text!r} says simulated=1, but {real[0]} is no pseudo-terminal",
                "an emulated chip has shorter waits, which real silicon must not get",
            )
        given = sorted(set(url.options) & (SCALE_OPTIONS - {"simulated"}))
        if given and not simulated:
            raise UsageError(
                f"{', '.join(given)} in {url.text!r}: real silicon has no scale",
                "these options belong to emulated chips (simulated=1)",
            )

        def whole(key: str, default: int, maximum: int) -> int:
            value = url.number(key, default, 1, maximum) or default
            if value != int(value):
                raise UsageError(f"{key}={value:g} in {url.text!r} is no whole number")
            return int(value)

        cores, subcores = whole("cores", model.cores, 256), whole("subcores", model.subcores, 16)
        # Versions are tested side by side; the midstates of a BM1387 one after the other.
        at_once = subcores if model.job_format == "full" else round(model.small_cores / model.cores)
        return cls(
            simulated=simulated,
            zero_bits=whole("zero_bits", 32, 64),
            cores=cores,
            subcores=subcores,
            hashing_units=cores * at_once if simulated else model.small_cores,
            time_scale=float(url.number("time_scale", 1.0, 0.01, 1e6) or 1.0),
            waits=float(url.number("waits", 1.0, 0.0, 1.0) or 0.0),
        )
