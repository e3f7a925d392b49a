"""The hash clock: PLL0 and how to get from one frequency to another.

f = 25 MHz * fbdiv / (refdiv * postdiv1 * postdiv2). Search order of
bitaxeorg/ESP-Miner:components/asic/pll.c: smallest error, then lowest VCO, then smallest product of the
post-dividers; postdiv1 > postdiv2. Factory firmware also takes postdiv1 = postdiv2 (56.25 MHz = 40A20255), so
reading accepts that. For the BM1387 the search gives all 114 settings of the factory's table
(ckolivas/cgminer:driver-btm-soc.h), which keeps refdiv 2 and postdiv2 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware_protocols.bm13xx.models import CLKI_HZ, ChipModel
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

CLKI_MHZ = CLKI_HZ / 1e6
RAMP_STEP_MHZ = 6.25
"""Step of ESP-Miner and of the factory firmware, one every 100 ms."""
_MAX_ERROR = 0.01
"""Relative. From the ramp's start upward there are dividers far closer than this, but for some clocks of the
BM1387 below 152 MHz."""


@dataclass(frozen=True, slots=True)
class PllSetting:
    """Dividers of PLL0, the frequency they give, and the register value that says so."""

    fbdiv: int
    refdiv: int
    postdiv1: int
    postdiv2: int
    mhz: float
    vco_mhz: float
    register: int


def solve_pll(model: ChipModel, mhz: float) -> PllSetting:
    """The setting nearest to `mhz`. Raises LocalProtocolError if none comes within 1 %.

    Whether a chip bears the frequency is not judged here.
    """
    if not (mhz > 0 and math.isfinite(mhz)):
        raise LocalProtocolError(f"a hash clock is above 0 MHz, not {mhz}")
    best = _nearest(model, mhz)
    if best is None or abs(best.mhz - mhz) > _MAX_ERROR * mhz:
        raise LocalProtocolError(f"no dividers of the {model.name} come within 1 % of {mhz:g} MHz")
    return best


def pll_from_register(model: ChipModel, value: int) -> PllSetting:
    """The setting that a PLL0 value stands for. Raises RemoteProtocolError for one that no chip would run at.

    The dividers have to be of the kind that the model takes; limits of fbdiv and VCO are those of the search
    for good settings and are not applied. Bits that a chip sets by itself when it is read (the lock, bit 31,
    on the BM1387 and BM1397) may be there or not.
    """
    if not 0 <= value <= 0xFFFFFFFF:
        raise RemoteProtocolError(f"PLL0 has 32 bits, not {value:#x}")
    less = 1 if model.pll.minus_one else 0
    fbdiv, refdiv = value >> 16 & 0xFF, value >> 8 & 0xFF
    postdiv1, postdiv2 = (value >> 4 & 0xF) + less, (value & 0xF) + less
    most = model.pll.postdiv_max
    refdiv_fits = 1 <= refdiv <= model.pll.read_refdiv_max
    if not (fbdiv and refdiv_fits and 1 <= postdiv1 <= most and 1 <= postdiv2 <= most):
        raise RemoteProtocolError(f"{value:08x} is no PLL setting of a {model.name}")
    setting = _setting(model, fbdiv, refdiv, postdiv1, postdiv2)
    if (setting.register ^ value) & ~model.pll.read_flags:
        raise RemoteProtocolError(
            f"{value:08x} is no PLL setting of a {model.name}: with these dividers it would be "
            f"{setting.register:08x}"
        )
    return setting


def frequency_ramp(
    model: ChipModel, from_mhz: float, to_mhz: float, step_mhz: float = RAMP_STEP_MHZ
) -> list[float]:
    """Frequencies to set one after the other, upward or downward: without `from_mhz`, and with `to_mhz`.

    With nowhere to go it is `to_mhz` alone: the clock's present state may only be supposed. On the way the
    nearest clock there is stands for one that the dividers do not come within 1 % of. Raises
    LocalProtocolError for a step that is not above 0, and for an end that the model cannot be set to.
    """
    if not step_mhz > 0:
        raise LocalProtocolError(f"the step of a ramp is above 0 MHz, not {step_mhz}")
    for end in (from_mhz, to_mhz):
        solve_pll(model, end)
    steps = math.ceil(abs(to_mhz - from_mhz) / step_mhz - 1e-9)
    signed = math.copysign(step_mhz, to_mhz - from_mhz)
    return [_reachable(model, from_mhz + signed * n) for n in range(1, steps)] + [to_mhz]


def _reachable(model: ChipModel, mhz: float) -> float:
    best = _nearest(model, mhz)
    return mhz if best is None or abs(best.mhz - mhz) <= _MAX_ERROR * mhz else best.mhz


def _nearest(model: ChipModel, mhz: float) -> PllSetting | None:
    return min(_near(model, mhz), key=lambda setting: _preference(model, setting, mhz), default=None)


def _near(model: ChipModel, mhz: float) -> list[PllSetting]:
    """For each pair of post-dividers and each refdiv the setting nearest to `mhz`, if the limits allow it."""
    limits, settings = model.pll, []
    for refdiv in limits.refdivs:
        for postdiv1, postdiv2 in _postdivs(model):
            fbdiv = round(mhz * refdiv * postdiv1 * postdiv2 / CLKI_MHZ)
            fbdiv = min(max(fbdiv, limits.fbdiv_min), limits.fbdiv_max)
            setting = _setting(model, fbdiv, refdiv, postdiv1, postdiv2)
            if limits.vco_min_mhz <= setting.vco_mhz <= limits.vco_max_mhz:
                settings.append(setting)
    return settings


def _postdivs(model: ChipModel) -> list[tuple[int, int]]:
    named = model.pll.postdivs
    if named is not None:
        return [(postdiv1, 1) for postdiv1 in named]
    return [(a, b) for a in range(1, model.pll.postdiv_max + 1) for b in range(1, max(a, 2))]


def _preference(model: ChipModel, setting: PllSetting, mhz: float) -> tuple[float, ...]:
    """The smaller, the better."""
    error_mhz = abs(setting.mhz - mhz)
    if model.pll.postdivs is not None:
        return error_mhz, model.pll.postdivs.index(setting.postdiv1)
    # Of what is left equal, the larger first post-divider: 300 MHz is 40900250 (6 * 1), not 3 * 2.
    return error_mhz, setting.vco_mhz, setting.postdiv1 * setting.postdiv2, -setting.postdiv1


def _setting(model: ChipModel, fbdiv: int, refdiv: int, postdiv1: int, postdiv2: int) -> PllSetting:
    limits = model.pll
    vco_mhz = CLKI_MHZ * fbdiv / refdiv
    flag = limits.flag_high if vco_mhz >= limits.vco_high_mhz else limits.flag_low
    less = 1 if limits.minus_one else 0
    register = flag << 24 | fbdiv << 16 | refdiv << 8 | (postdiv1 - less) << 4 | (postdiv2 - less)
    return PllSetting(fbdiv, refdiv, postdiv1, postdiv2, vco_mhz / (postdiv1 * postdiv2), vco_mhz, register)
