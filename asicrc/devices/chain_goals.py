"""What a chain is to be set to for what is asked, and the steps of its bring-up: refused before a write."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from asicrc.bench.limits import DEFAULT_FREQUENCY_MHZ, Envelope
from asicrc.devices.chain_retuning import ChainGoal
from asicrc.devices.chip_settings import fast_baud
from asicrc.devices.scale import Scale
from firmware_protocols.bm13xx import (
    RAMP_STEP_MHZ,
    ChipModel,
    Step,
    floor_ticket_difficulty,
    full_coverage_hcn,
    initialisation,
    solve_pll,
)
from firmware_protocols.device import SettingRefused
from firmware_protocols.errors import ProtocolError

EVENTS_PER_S_ASKED = 200.0
"""Where no difficulty is given, the ticket mask is chosen so that about this many nonces come."""
HIGHEST_DIFFICULTY = 2.0**32


def usual_difficulty(hashes_per_s: float, zero_bits: int) -> float:
    """Where none is asked for; `zero_bits` are those of a share of difficulty 1."""
    return float(floor_ticket_difficulty(max(1.0, hashes_per_s / 2.0**zero_bits / EVENTS_PER_S_ASKED)))


class ChainGoals:
    """Of `chips` equal chips within an envelope."""

    def __init__(self, model: ChipModel, chips: int, scale: Scale, envelope: Envelope) -> None:
        self._model = model
        self._chips = chips
        self._scale = scale
        self._envelope = envelope

    def goal(self, requested: Mapping[str, float], settable: Collection[str]) -> ChainGoal:
        """Raises SettingRefused for what cannot be set, is outside the limits, or no chip takes."""
        unknown = set(requested) - set(settable)
        if unknown:
            names = ", ".join(sorted(unknown))
            raise SettingRefused(f"a bare {self._model.name} on a serial line cannot set {names}")
        limits = self._envelope.frequency_mhz
        frequency_mhz = limits.check(
            "frequency_mhz", requested.get("frequency_mhz", limits.clamp(DEFAULT_FREQUENCY_MHZ))
        )
        try:
            mhz = limits.check("the nearest clock of the chip", solve_pll(self._model, frequency_mhz).mhz)
            hcn = self._hcn(mhz, requested.get("hash_counting_number"))
            difficulty = requested.get("difficulty", self._default_difficulty(mhz))
            if not difficulty <= HIGHEST_DIFFICULTY:
                raise SettingRefused(
                    f"difficulty {difficulty:g} is beyond a ticket mask: it takes 1 to 2**32"
                )
            goal = ChainGoal(frequency_mhz, mhz, difficulty, floor_ticket_difficulty(difficulty), hcn)
            self.bring_up(goal, start_mhz=frequency_mhz)
            return goal
        except ProtocolError as error:
            raise SettingRefused(str(error)) from None

    def bring_up(self, goal: ChainGoal, start_mhz: float | None) -> list[Step]:
        """The clock goes to `goal` in steps from `start_mhz`, or the lowest where it is None. Raises
        LocalProtocolError for what cannot be."""
        limits = self._envelope.frequency_mhz
        steps = initialisation(
            self._model,
            chips=self._chips,
            frequency_mhz=goal.frequency_mhz,
            ticket_difficulty=goal.ticket_difficulty,
            hcn=goal.hcn,
            fast_baud=fast_baud(self._model),
            start_frequency_mhz=limits.clamp(start_mhz or limits.low),
            ramp_step_mhz=min(self._envelope.step_mhz, RAMP_STEP_MHZ),
            ramp_wait_s=self._envelope.step_interval_s,
        )
        return list(steps)

    def _hcn(self, mhz: float, requested: float | None) -> int | None:
        """By default one sweep of a chip's share of the nonce space, in host time as on the real board."""
        if not self._model.hcn_halts:
            return None
        if requested is not None:
            if not float(requested).is_integer():
                raise SettingRefused(f"hash_counting_number = {requested:g} is no whole number")
            return int(requested)
        full = full_coverage_hcn(self._model, mhz * 1e6, self._chips)
        return max(1, round(full / self._scale.time_scale))

    def _default_difficulty(self, mhz: float) -> float:
        hashes_per_s = self._chips * self._scale.hashing_units * mhz * 1e6 / self._scale.time_scale
        return usual_difficulty(hashes_per_s, self._scale.zero_bits)
