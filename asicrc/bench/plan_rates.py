"""How many shares a second are to be expected at the settings of a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asicrc.bench.limits import DEFAULT_FREQUENCY_MHZ
from asicrc.bench.plan import MachineTable
from asicrc.work.rate_plan import RatePlan, rate_plan
from firmware_protocols.bm13xx import model_by_name
from firmware_protocols.device import DeviceIdentity, DeviceProtocol
from firmware_protocols.errors import ProtocolError

USUAL_DIFFICULTY = {"sha256d": 256.0, "lbry": 4096.0}
CHIPS_OF_TWINS = {
    "LV06": "BM1366",
    "Bitaxe Ultra": "BM1366",
    "Bitaxe Gamma": "BM1370",
    "Antminer S9": "BM1387",
}
"""Chips of the miners that there are twins of, by the model that a twin gives."""
_REAL_ZERO_BITS = 32


@dataclass(frozen=True, slots=True)
class HashRates:
    """Hash rate by the clock, or one that does not depend on it. `source` says where it is from.

    `zero_bits` are those of a share of difficulty 1: an emulated chip's are easier. `is_chain`: chips on a
    line, for which the driver chooses a difficulty where none is asked for.
    """

    ghs_per_mhz: float | None
    ghs: float | None
    source: str
    algorithm: str = "sha256d"
    usual_difficulty: float | None = None
    lowest_difficulty: float | None = None
    usual_mhz: float | None = None
    zero_bits: int = _REAL_ZERO_BITS
    is_chain: bool = False

    def shares(self, requested: Mapping[str, float], seconds: float) -> RatePlan | None:
        """For a window of that length; None where the hash rate is not known at these settings."""
        mhz = requested.get("frequency_mhz", self.usual_mhz)
        ghs = self.ghs
        if self.ghs_per_mhz is not None and mhz is not None:
            ghs = self.ghs_per_mhz * mhz
        if ghs is None:
            return None
        difficulty = requested.get("difficulty", self._usual_difficulty(ghs))
        if not 0 < difficulty < 1e15:
            return None
        easier = 2.0 ** (_REAL_ZERO_BITS - self.zero_bits)
        return rate_plan(
            ghs * easier,
            difficulty,
            seconds * 1e3,
            algorithm=self.algorithm,
            lowest_difficulty=self.lowest_difficulty,
            source=self.source,
        )

    def _usual_difficulty(self, ghs: float) -> float:
        if self.is_chain:
            from asicrc.devices.chain_goals import usual_difficulty

            return usual_difficulty(ghs * 1e9, self.zero_bits)
        return self.usual_difficulty or USUAL_DIFFICULTY[self.algorithm]


UNKNOWN_RATES = HashRates(None, None, "not known: give machine.hash_rate_ghs_per_mhz in the plan")


def hash_rates(machine: MachineTable, device: DeviceProtocol | None) -> HashRates:
    """What the plan states comes first, then what the device says. Nothing is written to the device."""
    algorithm = "sha256d" if device is None else device.work_form.algorithm
    if machine.hash_rate_ghs_per_mhz is not None or machine.hash_rate_ghs is not None:
        return HashRates(machine.hash_rate_ghs_per_mhz, machine.hash_rate_ghs, "the plan", algorithm)
    if device is None:
        return _of_chips(machine.chip, 1) if machine.board in ("lv06", "axeos") else UNKNOWN_RATES
    identity = device.identity
    if identity.family == "bm13xx":
        return _of_a_chain(identity)
    if identity.family == "twin":
        found_at = {setting.name: setting.read_back for setting in device.originals()}
        rates = _of_chips(CHIPS_OF_TWINS.get(identity.model), identity.chips)
        return replace(rates, usual_mhz=found_at.get("frequency_mhz"))
    return _of_a_miner(device)


def _of_chips(chip: str | None, chips: int) -> HashRates:
    try:
        model = model_by_name(chip or "")
    except ProtocolError:
        return UNKNOWN_RATES
    return HashRates(
        model.small_cores * chips / 1e3, None, f"{chips} x {chip}, {model.small_cores} cores each"
    )


def _of_a_chain(identity: DeviceIdentity) -> HashRates:
    details = identity.details
    rates = _of_chips(identity.model, identity.chips)
    if units := details.get("hashing_units"):
        scale = float(details.get("time_scale") or 1.0)
        per_mhz = float(units) * identity.chips / 1e3 / scale
        zero_bits = int(details.get("zero_bits") or _REAL_ZERO_BITS)
        rates = HashRates(per_mhz, None, "the number of its cores", zero_bits=zero_bits)
    return replace(rates, usual_mhz=DEFAULT_FREQUENCY_MHZ, is_chain=True)


def _of_a_miner(device: DeviceProtocol) -> HashRates:
    """By what it says of itself now; with a clock, in proportion to it."""
    from asicrc.devices.network.network_device import NetworkMinerDevice

    if not isinstance(device, NetworkMinerDevice):
        return UNKNOWN_RATES
    seen, habits = device.control.observe(), device.control.habits
    mhz, expected = seen.setpoints.get("frequency_mhz"), seen.expected_hash_rate_ghs
    ghs = expected or seen.hash_rate_ghs
    return HashRates(
        expected / mhz if expected and mhz else None,
        ghs or None,
        "the miner, by its clock and its cores" if expected else "the miner, as it is now",
        algorithm=habits.algorithm.name,
        usual_difficulty=habits.usual_difficulty,
        lowest_difficulty=habits.lowest_difficulty,
        usual_mhz=mhz,
    )
