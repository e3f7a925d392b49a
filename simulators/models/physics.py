"""The physics of one device: what its settings do to its heat, its power, and its hashes.

It is the model behind the emulated boards and behind the twin; it has no clock. Heat is made by chips that
leak more the warmer they are, so the power inside a step is not constant: a step is cut into pieces of at
most a quarter of the fastest time constant, and over each the power runs straight from its value before to
the one that is predicted for its end (exponential Runge-Kutta of second order, Cox and Matthews 2002).
"""

from __future__ import annotations

from typing import NamedTuple

from numpy.random import Generator

from simulators.models import power, voltage
from simulators.models.crystal import CrystalLaw, crystal_ppm
from simulators.models.heat import FosterNetwork
from simulators.models.machines import Machine
from simulators.models.population import Variation
from simulators.models.power import CAP_C

AMBIENT_C = 25.0

LOOSE_SINK = 6.0
"""A heat sink that has come off lets so many times less heat go (assumed)."""
LOOSE_MASS = 36.0
"""And of its mass so small a part is still warmed (assumed): the board that the chip stands on."""

_SETTINGS = ("frequency_mhz", "voltage_mv", "fan_percent", "ambient_c", "heat_sink")
_PIECES = 4.0
"""To a time constant."""
_LATER = 0.1
"""A piece may be as long as this share of the time since the step began, when the fast stages are at rest."""
_ENOUGH = 60.0
"""Slowest time constants after which nothing changes any more."""


class State(NamedTuple):
    """Everything about a device that changes."""

    settings: tuple[float, ...]
    rises_k: tuple[float, ...]
    energy_j: float
    hung: bool
    browned_out: bool


class DevicePhysics:
    """`BoardModel` of a machine. Without `enabled` it is one of paper: at the temperature of the room, with
    the power that it would draw at its reference temperature, and without a wrong hash.

    `speed` is how many seconds of its own it goes through in one of the device's.
    """

    def __init__(
        self,
        machine: Machine,
        variation: Variation | None = None,
        ambient_c: float = AMBIENT_C,
        enabled: bool = True,
        *,
        speed: float = 1.0,
    ) -> None:
        self.machine = machine
        self.variation = Variation.nominal(machine) if variation is None else variation
        self.enabled = enabled
        varied = self.variation
        self._speed = speed
        self._power = machine.power._replace(
            dynamic_w=machine.power.dynamic_w * varied.switching,
            leakage_w=machine.power.leakage_w * float(varied.chip_leakage.mean()),
        )
        self._crystal: CrystalLaw = varied.crystal
        self._errors = voltage.ErrorTable(varied.core_speed.ravel(), machine.speed.jitter)
        self._control = float(varied.chip_speed.min()) * (1.0 + machine.speed.control_slack)
        """Highest clock of the slowest chip's control logic, over that of a mean core."""
        self.frequency_mhz = 0.0
        self.voltage_mv = 0.0
        self.fan_percent = 0.0
        self.ambient_c = ambient_c
        self.heat_sink = 1.0
        self.energy_j = 0.0
        """Drawn since the start or the last `reset`, of the whole machine."""
        self.hung = False
        """Whether the clock was too much for the voltage; it lasts until `restart`."""
        self.browned_out = False
        """Whether the voltage fell so low that the registers are lost; it lasts until `restart`."""
        self._heat = FosterNetwork(
            [value * varied.thermal for value in (*machine.heat.chip_k_per_w, machine.heat.sink_k_per_w)],
            [*machine.heat.chip_s, 1.0],
        )
        self._settings_changed()
        self._set_sink()

    # what the device is asked to be

    def set(self, name: str, value: float) -> None:
        """`frequency_mhz` (0: no chip hashes), `voltage_mv`, `fan_percent` of full speed as it turns,
        `ambient_c`, or `heat_sink` (1 on, 0 loose). Raises ValueError for any other name."""
        if name not in _SETTINGS:
            raise ValueError(f"a board has no setting {name!r}; it knows {', '.join(_SETTINGS)}")
        if getattr(self, name) == value:
            return
        if name == "ambient_c":  # the chip keeps its temperature: it is the sink that meets other air
            self._heat.rises_k[-1] += self.ambient_c - value
        setattr(self, name, value)
        if name in ("fan_percent", "heat_sink"):
            self._set_sink()
        self._settings_changed()

    def restart(self) -> None:
        """Start the chips anew; they hang again at once where the voltage is still too low."""
        self.hung = self.browned_out = False
        self._settings_changed()

    def step(self, dt_s: float) -> None:
        """Let `dt_s` seconds go by under the present settings."""
        left_s = dt_s * self._speed
        if not self.enabled:
            self.energy_j += self.power_w * left_s
            return
        self._highest_mhz = -1.0
        if left_s <= self._piece_s:
            self._piece(left_s)
        elif left_s > self._enough_s:
            self._pass(self._enough_s)
            self.energy_j += self.power_w * (left_s - self._enough_s)
        else:
            self._pass(left_s)
        if self._clock_mhz > 0.0:
            self._look_at_the_clock()

    # what it does

    @property
    def temperature_c(self) -> float:
        return self.ambient_c + self._heat.rise_k if self.enabled else self.ambient_c

    @temperature_c.setter
    def temperature_c(self, value: float) -> None:
        """Put the chip at a temperature; the stages share the rise as they would in the steady state."""
        share = (value - self.ambient_c) / self._heat.total_k_per_w
        self._heat.reset(share)
        self._highest_mhz = -1.0

    @property
    def core_w(self) -> float:
        """What the chips draw of `power_w`."""
        at_c = self.temperature_c if self.enabled else self._power.reference_c
        return self._dynamic_w + self._leakage_w * power.warmth(self._power, at_c)

    @property
    def power_w(self) -> float:
        return self.core_w + self._power.other_w

    @property
    def final_c(self) -> float:
        """Where the temperature would end under the present settings: CAP_C where leakage runs away."""
        if not self.enabled:
            return self.ambient_c
        total = self._heat.total_k_per_w
        return power.steady_c(self._power, self._dynamic_w, self._leakage_w, self.ambient_c, total)

    @property
    def runs_away(self) -> bool:
        """Whether there is no steady state below CAP_C under the present settings."""
        return self.final_c >= CAP_C

    @property
    def lost_share(self) -> float:
        """Of the nonces that are due, those that are not found because their hash came out wrong."""
        if not self.enabled or self._clock_mhz <= 0.0:
            return 0.0
        return self._errors.share(self._highest() / self._clock_mhz)

    @property
    def invalid_share(self) -> float:
        """Of the nonces that are sent, those that prove nothing."""
        return self.lost_share

    @property
    def rate(self) -> float:
        """Share of the nonces that are found; 0 while the device hangs."""
        return 0.0 if self.stopped else 1.0 - self.lost_share

    @property
    def hash_rate_ghs(self) -> float:
        """Of hashes that come out right."""
        return self.machine.rate_ghs(self.frequency_mhz) * self.rate

    @property
    def crystal_ppm(self) -> float:
        return crystal_ppm(self._crystal, self.ambient_c, self.temperature_c) if self.enabled else 0.0

    @property
    def stopped(self) -> bool:
        """Whether the chips wait for a `restart`."""
        return self.hung or self.browned_out

    @property
    def least_mv(self) -> float:
        """Voltage below which the chips hang at their present clock, as warm as they are."""
        law = self.machine.speed
        if not self.enabled:
            return law.brown_out_mv
        return voltage.least_mv(law, self.frequency_mhz / self._control, self.temperature_c)

    @property
    def faults(self) -> tuple[str, ...]:
        found = {
            "heat sink loose": not self.heat_sink,
            "hung": self.hung,
            "browned out": self.browned_out,
            f"at the cap of {CAP_C:g} degC": self.temperature_c >= CAP_C,
        }
        return tuple(name for name, is_so in found.items() if is_so)

    # its state

    def state(self) -> State:
        settings = tuple(float(getattr(self, name)) for name in _SETTINGS)
        return State(settings, tuple(self._heat.rises_k), self.energy_j, self.hung, self.browned_out)

    def restore(self, state: State) -> None:
        """Be as it was."""
        for name, value in zip(_SETTINGS, state.settings, strict=True):
            setattr(self, name, value)
        self._heat.rises_k = list(state.rises_k)
        self.energy_j, self.hung, self.browned_out = state.energy_j, state.hung, state.browned_out
        self._set_sink()
        self._settings_changed()

    def reset(self, rng: Generator | None = None) -> None:
        """Cold, started and without energy drawn, under the settings that it has.

        With `rng`, as one finds a device on the bench: anywhere between the room and its steady state.
        """
        self.energy_j = 0.0
        self.restart()
        warmth = 0.0 if rng is None else float(rng.random())
        self.temperature_c = self.ambient_c + warmth * (self.final_c - self.ambient_c)

    # inside

    def _settings_changed(self) -> None:
        self._highest_mhz = -1.0
        self._clock_mhz = 0.0 if self.stopped else self.frequency_mhz
        self._dynamic_w = power.dynamic_w(self._power, self.voltage_mv, self._clock_mhz)
        self._leakage_w = power.leakage_at_reference_w(self._power, self.voltage_mv)

    def _set_sink(self) -> None:
        path = self.machine.heat
        resistance = path.sink_at(self.fan_percent) * self.variation.thermal
        capacity = path.sink_j_per_k
        if not self.heat_sink:
            resistance *= LOOSE_SINK
            capacity /= LOOSE_MASS
        self._heat.set_stage(-1, resistance, resistance * capacity)
        self._piece_s = min(self._heat.time_constants_s) / _PIECES
        slowest_s = max(self._heat.time_constants_s)
        self._longest_piece_s = max(self._piece_s, slowest_s / _PIECES)
        self._enough_s = _ENOUGH * slowest_s

    def _pass(self, time_s: float) -> None:
        gone_s = 0.0
        while gone_s < time_s:
            piece_s = min(max(self._piece_s, _LATER * gone_s), self._longest_piece_s, time_s - gone_s)
            self._piece(piece_s)
            gone_s += piece_s

    def _piece(self, dt_s: float) -> None:
        heat, law, air_c = self._heat, self._power, self.ambient_c
        factors = heat.factors(dt_s)
        first_w = self._dynamic_w + self._leakage_w * power.warmth(law, air_c + sum(heat.rises_k))
        rises_k = [
            rise * kept + first_w * steady
            for rise, (kept, steady, _) in zip(heat.rises_k, factors, strict=True)
        ]
        last_w = self._dynamic_w + self._leakage_w * power.warmth(law, air_c + sum(rises_k))
        more_w = last_w - first_w
        heat.rises_k = [rise + more_w * ramped for rise, (_, _, ramped) in zip(rises_k, factors, strict=True)]
        self.energy_j += dt_s * (first_w + more_w / 2 + law.other_w)
        rise_k = sum(heat.rises_k)
        if air_c + rise_k > CAP_C:
            held = (CAP_C - air_c) / rise_k
            heat.rises_k = [rise * held for rise in heat.rises_k]

    def _look_at_the_clock(self) -> None:
        """Hang, or lose the registers, where the voltage has become too low."""
        if self.voltage_mv < self.machine.speed.brown_out_mv:
            self.browned_out = True
        else:
            self.hung = self._highest() * self._control < self._clock_mhz
        if self.stopped:
            self._settings_changed()

    def _highest(self) -> float:
        """f_max of a mean core, at the present voltage and temperature."""
        if self._highest_mhz < 0.0:
            at_c = self.ambient_c + sum(self._heat.rises_k)
            self._highest_mhz = voltage.highest_mhz(self.machine.speed, self.voltage_mv, at_c)
        return self._highest_mhz
