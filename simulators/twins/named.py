"""The three named twins.

`ideal` is a Poisson process and nothing else; of a BM1366 it is the scan order and nothing else. `ordinary`
has the physics of its board, is one device out of a population, and has every confound at a size that such a
miner can have; nothing is planted in it. `planted` is an ordinary one with effects of stated sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from firmware_protocols.device import DeviceIdentity
from simulators.models import DevicePhysics, Effects, Variation
from simulators.models.physics import AMBIENT_C
from simulators.twins.boards import Board, board_of
from simulators.twins.confounds import NEEDS, Confounds
from simulators.twins.device import TwinDevice
from simulators.twins.pool_mining import PoolMining
from simulators.twins.sizes import ORDINARY, PLANTED, PLANTED_IN_CHIP

CHIP = "bm1366"
SCALE_NAMES = ("zero_bits", "cores", "subcores", "time_scale")
"""How large a BM1366 is and how stretched its time; the defaults are those of the emulated one."""
_Sizes = Mapping[str, float] | None


def ideal(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: _Sizes = None,
    confounds: _Sizes = None,
    ambient_c: float = AMBIENT_C,
    unit: int = 0,
    population: int = 0,
    chip: _Sizes = None,
) -> TwinDevice:
    """Effects and confounds are those that are asked for, alone. A device of paper: `unit` changes nothing.

    `chip` are the sizes of a BM1366 (`SCALE_NAMES`). Raises ValueError for a machine, an effect, a
    confound or a size of a chip that there is not, and for a value that cannot be.
    """
    asked = _Asked("ideal", machine, seed, effects or {}, confounds or {}, chip or {}, unit, population)
    board = _board(asked)
    return _twin(asked, board, DevicePhysics(board.machine, None, ambient_c, enabled=False))


def ordinary(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: _Sizes = None,
    confounds: _Sizes = None,
    ambient_c: float = AMBIENT_C,
    unit: int = 0,
    population: int = 0,
    chip: _Sizes = None,
) -> TwinDevice:
    """Device number `unit` of a population. `confounds` replace those of `ORDINARY` one by one (0 is off).

    Effects that are asked for are planted all the same; the identity says so. Raises as `ideal`.
    """
    asked = _Asked("ordinary", machine, seed, effects or {}, confounds or {}, chip or {}, unit, population)
    return _of_population(asked, ambient_c)


def planted(
    machine: str = "lv06",
    *,
    seed: int = 0,
    effects: _Sizes = None,
    confounds: _Sizes = None,
    ambient_c: float = AMBIENT_C,
    unit: int = 0,
    population: int = 0,
    chip: _Sizes = None,
) -> TwinDevice:
    """As `ordinary`, with the effects of `PLANTED` (in a chip `PLANTED_IN_CHIP`) unless others are asked."""
    effects = effects or (PLANTED_IN_CHIP if machine == CHIP else PLANTED)
    asked = _Asked("planted", machine, seed, effects, confounds or {}, chip or {}, unit, population)
    return _of_population(asked, ambient_c)


class _Asked(NamedTuple):
    kind: str
    machine: str
    seed: int
    effects: Mapping[str, float]
    confounds: Mapping[str, float]
    chip: Mapping[str, float]
    unit: int
    population: int


def _of_population(asked: _Asked, ambient_c: float) -> TwinDevice:
    board = _board(asked)
    variation = Variation.of(board.machine, asked.population, asked.unit)
    sizes = {**ORDINARY[asked.machine], **asked.confounds}
    for needed, by in NEEDS.items():
        if asked.confounds.get(needed) == 0 and by not in asked.confounds:
            sizes.pop(by, None)  # what is switched off takes with it what belongs to it
    physics = DevicePhysics(board.machine, variation, ambient_c)
    return _twin(asked._replace(confounds=sizes), board, physics)


def _board(asked: _Asked) -> Board:
    if asked.machine == CHIP:
        from simulators.twins.chip_board import chip_board  # brings the compiler of the hash kernels with it

        unknown = sorted(set(asked.chip) - set(SCALE_NAMES))
        if unknown:
            raise ValueError(f"a chip has no size {', '.join(unknown)}; it has {', '.join(SCALE_NAMES)}")
        return chip_board(asked.chip)
    board = board_of(asked.machine)
    if asked.chip:
        raise ValueError(f"{', '.join(asked.chip)}: a size of a twin of a {CHIP} alone")
    return board


def _twin(asked: _Asked, board: Board, physics: DevicePhysics) -> TwinDevice:
    if asked.seed < 0:
        raise ValueError(f"seed={asked.seed}: seeds are 0 or greater")
    effects = Effects.from_mapping(asked.effects)
    confounds = Confounds.of(asked.confounds)
    details: dict[str, Any] = {
        "kind": asked.kind,
        "process": "exact" if asked.machine == CHIP else "statistical",
        "seed": asked.seed,
        "population": asked.population,
        "unit": asked.unit,
        "ambient_c": physics.ambient_c,
        "planted": not effects.nothing,
        **{f"effect_{name}": float(size) for name, size in asked.effects.items()},
        **{f"confound_{name}": size for name, size in confounds.switched_on().items()},
    }
    url = f"twin:{asked.machine}?kind={asked.kind}&seed={asked.seed}"
    if asked.machine == CHIP:
        return _chip_twin(asked.seed, board, physics, effects, confounds, url, details)
    identity = DeviceIdentity(
        url=url,
        family="twin",
        model=board.model,
        chips=board.machine.chips,
        simulated=True,
        details=details,
    )
    return TwinDevice(
        board,
        identity,
        physics,
        confounds,
        asked.seed,
        lambda settings: PoolMining(board, physics, settings, effects, confounds),
    )


def _chip_twin(
    seed: int,
    board: Board,
    physics: DevicePhysics,
    effects: Effects,
    confounds: Confounds,
    url: str,
    details: dict[str, Any],
) -> TwinDevice:
    from simulators.twins.chip_board import ChipBoard
    from simulators.twins.chip_mining import MODEL, ChipMining, check_exact

    if not isinstance(board, ChipBoard):
        raise ValueError(f"a {board.model} is no chip on a line")
    check_exact(effects, confounds)
    identity = DeviceIdentity(
        url=url,
        family="bm13xx",
        model=MODEL.name,
        chips=1,
        chip_ids=(MODEL.chip_id << 16,),
        simulated=True,
        details=board.details() | details,
    )
    scale = board.scale
    return TwinDevice(
        board,
        identity,
        physics,
        confounds,
        seed,
        lambda settings: ChipMining(scale, physics, settings, effects, confounds),
    )
