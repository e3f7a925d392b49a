"""A figure for each law: `python -m simulators.models.figures OUTDIR` writes them as PNG files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from simulators.models.crystal import crystal_ppm
from simulators.models.effects import Effects
from simulators.models.heat import FosterNetwork
from simulators.models.machines import MACHINES, Machine
from simulators.models.physics import DevicePhysics
from simulators.models.population import Variation
from simulators.models.power import CAP_C, core_w, dynamic_w, leakage_at_reference_w, warmth
from simulators.models.trajectory import trajectory
from simulators.models.voltage import highest_mhz

THREE = ("s9", "lv06", "lbbox")
_AIR_C = 25.0
_USAGE = "usage: python -m simulators.models.figures OUTDIR"


def write_figures(folder: Path) -> list[Path]:
    """Draw every figure into `folder`, which is made if need be; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in FIGURES.items():
        figure = Figure(figsize=(10.0, 4.2), layout="constrained")
        draw(figure)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=110)
        written.append(path)
    return written


def draw_heat(figure: Figure) -> None:
    """How each machine warms under its nominal core power, and what a fan does."""
    left, right = _two(figure)
    for name in THREE:
        machine = MACHINES[name]
        network = _network(machine, machine.nominal_fan_percent)
        watts = machine.power.dynamic_w + machine.power.leakage_w
        t_s = np.geomspace(0.01, 1000.0, 300)
        rises = [network.step(watts, dt_s) for dt_s in np.diff(t_s, prepend=0.0)]
        left.semilogx(t_s, rises, label=f"{name}, {watts:g} W")
        for time_s in network.time_constants_s:
            left.axvline(time_s, color=left.lines[-1].get_color(), lw=0.6, ls=":")
    _label(left, "time, s (dotted: time constants)", "rise above the air, K", "Step response, fan as nominal")
    left.legend()
    fan = np.linspace(0, 100, 101)
    for name in THREE:
        path, kept = MACHINES[name].heat, MACHINES[name]
        totals = np.array([path.total_at(percent) for percent in fan])
        right.plot(fan, totals / path.total_at(kept.nominal_fan_percent), label=name)
    _label(right, "fan, %", "resistance over the nominal one", "What the fan does")
    right.legend()


def draw_power(figure: Figure) -> None:
    """Power against voltage, of switching and of leakage, and against temperature."""
    left, right = _two(figure)
    machine = MACHINES["lv06"]
    law = machine.power
    millivolts = np.linspace(1000, 1300, 61)
    for celsius, style in ((25.0, ":"), (58.0, "-"), (85.0, "--")):
        total = [core_w(law, mv, machine.nominal_mhz, celsius) + law.other_w for mv in millivolts]
        left.plot(millivolts, total, "k", ls=style, label=f"board, {celsius:g} degC")
    left.plot(millivolts, [dynamic_w(law, mv, machine.nominal_mhz) for mv in millivolts], label="switching")
    left.plot(millivolts, [leakage_at_reference_w(law, mv) for mv in millivolts], label="leakage, 58 degC")
    left.set_ylim(0, 22)
    _label(left, "core voltage, mV", "W", "lv06 at 550 MHz")
    left.legend()
    celsius_range = np.linspace(0, 120, 121)
    for name in THREE:
        law = MACHINES[name].power
        shares = [law.leakage_w * warmth(law, c) / (law.dynamic_w + law.leakage_w) for c in celsius_range]
        right.plot(celsius_range, shares, label=name)
    _label(right, "chip, degC", "leakage over nominal core power", "Leakage grows with temperature")
    right.legend()


def draw_runaway(figure: Figure) -> None:
    """Heat made against heat given off: they meet in the steady state, or not at all."""
    axes = _two(figure)
    for ax, name in zip(axes, ("lv06", "s9"), strict=True):
        machine = MACHINES[name]
        celsius = np.linspace(_AIR_C, 170, 300)
        made = [core_w(machine.power, machine.nominal_mv, machine.nominal_mhz, c) for c in celsius]
        ax.plot(celsius, made, "k", lw=2, label="made")
        for fan in (0.0, 25.0, 55.0, 100.0):
            given = (celsius - _AIR_C) / machine.heat.total_at(fan)
            device = _at_nominal(machine)
            device.set("fan_percent", fan)
            end = f"{device.final_c:.0f} degC" if not device.runs_away else "runs away"
            ax.plot(celsius, given, label=f"given off, fan {fan:g} %: {end}")
        ax.axvline(CAP_C, color="r", lw=0.8, ls=":")
        ax.set_ylim(0, 3 * machine.nominal_w)
        _label(ax, "chip, degC (dotted: the cap)", "W", f"{name} at its nominal point, room 25 degC")
        ax.legend(fontsize=8)


def draw_speed(figure: Figure) -> None:
    """The highest clock against voltage, cold and hot, and what heat does to it."""
    left, right = _two(figure)
    machine = MACHINES["lv06"]
    law = machine.speed
    millivolts = np.linspace(750, 1350, 200)
    for celsius in (0.0, 58.0, 100.0):
        left.plot(millivolts, [highest_mhz(law, mv, celsius) for mv in millivolts], label=f"{celsius:g} degC")
    left.plot(machine.nominal_mv, machine.nominal_mhz, "ko", label="nominal")
    left.plot(law.edge_mv, law.edge_mhz, "kx", label="edge of the law")
    if machine.limits.voltage_mv and machine.limits.frequency_mhz:
        left.axvspan(*machine.limits.voltage_mv, color="0.9")
        left.axhline(machine.limits.frequency_mhz[1], color="0.5", lw=0.8, ls=":")
    _label(
        left,
        "core voltage, mV (grey: what may be set)",
        "f_max, MHz",
        "lv06: the clock at which half the hashes are wrong",
    )
    left.legend()
    for name in THREE:
        law = MACHINES[name].speed
        over = np.linspace(0.04, 0.6, 100)
        slopes = []
        for share in over:
            mv = law.threshold_mv * (1 + share)
            warmer = highest_mhz(law, mv, law.reference_c + 1) / highest_mhz(law, mv, law.reference_c)
            slopes.append(100 * (warmer - 1))
        right.plot(1 + over, slopes, label=name)
        right.plot(MACHINES[name].nominal_mv / law.threshold_mv, 0, "k|", ms=14)
    right.axhline(0, color="0.5", lw=0.8)
    right.set_ylim(-0.5, 1.5)
    _label(
        right, "voltage over threshold (bars: nominal)", "f_max, % for a kelvin", "Heat slows, or speeds up"
    )
    right.legend()


def draw_errors(figure: Figure) -> None:
    """Wrong hashes toward the edge of stability, down to where the chip hangs."""
    axes = _two(figure)
    clocks = {"lv06": (400.0, 485.0, 550.0, 575.0), "s9": (450.0, 525.0, 600.0, 643.0)}
    spans = {"lv06": np.linspace(920, 1200, 561), "s9": np.linspace(7300, 8900, 641)}
    for ax, (name, span) in zip(axes, spans.items(), strict=True):
        machine = MACHINES[name]
        for mhz in clocks[name]:
            device = DevicePhysics(machine)
            device.set("frequency_mhz", mhz)
            device.temperature_c = machine.nominal_c
            lost = []
            for mv in span:
                device.set("voltage_mv", float(mv))
                lost.append(device.lost_share if mv >= device.least_mv else np.nan)
            line = ax.semilogy(span, lost, label=f"{mhz:g} MHz")
            ax.axvline(device.least_mv, color=line[0].get_color(), lw=0.8, ls=":")
        ax.set_ylim(1e-6, 1.0)
        if machine.limits.voltage_mv:
            ax.axvspan(max(machine.limits.voltage_mv[0], span[0]), span[-1], color="0.93")
        _label(ax, "mV (dotted: hangs; grey: may be set)", "share of hashes that are wrong", f"{name}, warm")
        ax.legend()


def draw_crystal(figure: Figure) -> None:
    """How the crystals of some devices of a population run with the chip's temperature."""
    ax = figure.subplots(1, 1)
    celsius = np.linspace(0, 100, 101)
    for number in range(8):
        law = Variation.of(MACHINES["lv06"], 1, number).crystal
        ax.plot(celsius, [crystal_ppm(law, _AIR_C, c) for c in celsius], label=f"device {number}")
    _label(
        ax,
        "chip, degC, in a room of 25",
        "ppm",
        "Crystals of population 1: offset, slope, cubic of an AT-cut",
    )
    ax.legend(ncols=2)


def draw_population(figure: Figure) -> None:
    """Devices of one kind: fast ones leak more, and each has an edge of its own."""
    left, right = _two(figure)
    machine = MACHINES["lv06"]
    varied = [Variation.of(machine, 1, number) for number in range(400)]
    left.plot([d.chip_speed[0] for d in varied], [d.chip_leakage[0] for d in varied], ".", ms=4)
    _label(left, "highest clock over the mean", "leakage over the mean", "400 lv06 of population 1")
    edges = []
    for variation in varied[:200]:
        device = DevicePhysics(machine, variation)
        device.set("frequency_mhz", machine.nominal_mhz)
        device.temperature_c = machine.nominal_c
        edges.append(device.least_mv)
    right.hist(edges, bins=25)
    _label(
        right, "mV at which it hangs at 550 MHz", "devices of 200", "The edge of stability, device by device"
    )


def draw_effects(figure: Figure) -> None:
    """Memory, heartbeat, leak and fingerprint, as planted."""
    ((memory, beat), (leak, finger)) = figure.subplots(2, 2)
    figure.set_size_inches(10.0, 7.0)
    for tau in (1.0, 3.0, 10.0):
        effects = Effects(memory_gain=0.2, memory_tau=tau, memory_centre=0.0)
        value, factors = 0.0, []
        for k in range(30):
            value = effects.remember(value, 1.0 if k == 5 else 0.0, 0.04)
            factors.append(effects.rate_factor(value))
        memory.step(range(30), factors, where="post", label=f"tau {tau:g} steps")
    _label(memory, "step", "rate", "Memory, gain 0.2: an input of 1 at step 5 alone")
    memory.legend()
    t_s = np.linspace(0, 2, 500)
    beat.plot(t_s, Effects(heartbeat_depth=0.25).heartbeat(t_s))
    _label(beat, "s", "rate", "Heartbeat of 2.4 Hz, depth 0.25")
    rng = np.random.default_rng(0)
    depth = rng.uniform(size=40_000)
    for auc in (0.52, 0.6, 0.8):
        waits = rng.exponential(size=depth.size) * Effects(leak_auc=auc).interval_factor(depth)
        cuts = np.quantile(waits, np.linspace(0, 1, 200))
        hits = [np.mean(waits[depth < 0.25] > cut) for cut in cuts]
        false = [np.mean(waits[depth >= 0.25] > cut) for cut in cuts]
        leak.plot(false, hits, label=f"AUC {auc:g}")
    leak.plot([0, 1], [0, 1], "k:", lw=0.8)
    _label(leak, "false alarms", "hits", "Leak: the best quarter of proofs, told by their interval")
    leak.legend()
    machine = MACHINES["lv06"]
    for number in range(3):
        late = Effects(fingerprint_s=50e-6).fingerprint(Variation.of(machine, 1, number))
        finger.plot(1e6 * late[0], lw=0.8, label=f"device {number}")
    _label(finger, "core", "us", "Fingerprint of 50 us: delay of each core")
    finger.legend(loc="lower left")


def draw_thermal_memory(figure: Figure) -> None:
    """A voltage driven by an input, and the temperature that remembers it."""
    left, right = _two(figure)
    device = _at_nominal(MACHINES["lv06"])
    device.step(1000.0)
    drive = np.repeat(np.random.default_rng(4).uniform(1100, 1300, 40), 25)
    course = trajectory(device, 0.04, drive.size, {"voltage_mv": drive})
    left.plot(course.t_s, drive, lw=0.8)
    _label(left, "s", "core voltage, mV", "Drive, a value a second in steps of 40 ms")
    right.plot(course.t_s, course.temperature_c, label="chip, degC")
    other = right.twinx()
    other.plot(course.t_s, course.power_w, "C1", lw=0.8)
    other.set_ylabel("W (orange)")
    _label(right, "s", "chip, degC", "Power follows at once, temperature remembers")


FIGURES: Mapping[str, Callable[[Figure], None]] = {
    "heat": draw_heat,
    "power": draw_power,
    "runaway": draw_runaway,
    "speed": draw_speed,
    "errors": draw_errors,
    "crystal": draw_crystal,
    "population": draw_population,
    "effects": draw_effects,
    "thermal_memory": draw_thermal_memory,
}


def _network(machine: Machine, fan_percent: float) -> FosterNetwork:
    sink = machine.heat.sink_at(fan_percent)
    return FosterNetwork(
        [*machine.heat.chip_k_per_w, sink], [*machine.heat.chip_s, sink * machine.heat.sink_j_per_k]
    )


def _at_nominal(machine: Machine) -> DevicePhysics:
    device = DevicePhysics(machine, ambient_c=_AIR_C)
    device.set("frequency_mhz", machine.nominal_mhz)
    device.set("voltage_mv", machine.nominal_mv)
    device.set("fan_percent", machine.nominal_fan_percent)
    return device


def _two(figure: Figure) -> tuple[Axes, Axes]:
    left, right = figure.subplots(1, 2)
    return left, right


def _label(axes: Axes, x: str, y: str, title: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.set_title(title, fontsize=10)


def main(arguments: list[str]) -> int:
    """Return the exit code: 2 where the folder is not given."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write(_USAGE + "\n")
        return 2
    for path in write_figures(Path(arguments[0])):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
