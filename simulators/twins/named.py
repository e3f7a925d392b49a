"""The three named twins.

`ideal` is a Poisson process and nothing else. `ordinary` has the physics of its board and every confound at
the size that such a miner has; nothing is planted in it. `planted` is an ordinary one with stated effects of
stated sizes.
"""

from __future__ import annotations

from collections.abc import Mapping

from firmware_protocols.device import DeviceIdentity, DeviceProtocol
from simulators.twins.boards import BOARDS, Board
from simulators.twins.confounds import Confounds
from simulators.twins.device import TwinDevice

_NOMINAL_GHS_PER_MHZ = {"lv06": 0.894, "s9": 189 * 114 / 1e3, "lbbox": 175.0}


def ideal(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: Mapping[str, float] | None = None,
    confounds: Mapping[str, float] | None = None,
    ambient_c: float = 25.0,
) -> DeviceProtocol:
    """Raises ValueError for an unknown machine, effect or confound, and for a size that cannot be."""
    board = board_of(machine)
    return TwinDevice(
        board,
        DeviceIdentity(
            url=f"twin:{machine}",
            family="twin",
            model=board.model,
            chips=1,
            simulated=True,
            details={"kind": "ideal", "seed": seed, "process": "statistical"},
        ),
        seed=seed,
        confounds=Confounds.of(confounds or {}),
        rate_ghs=lambda settings: _NOMINAL_GHS_PER_MHZ[machine] * settings.get("frequency_mhz", 1.0),
    )


def board_of(machine: str) -> Board:
    if machine not in BOARDS:
        raise ValueError(f"no twin is made of {machine!r}; there are {', '.join(BOARDS)}")
    return BOARDS[machine]
