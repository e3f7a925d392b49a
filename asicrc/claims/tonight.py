"""What one device can resolve in the time there is, before anything is begun. Writes nothing to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from asicrc.bench.plan import MachineTable
from asicrc.bench.plan_rates import hash_rates
from asicrc.claims.claim import PLANNED_POWER, Claim, Takes
from asicrc.devices import Circumstances, open_device
from firmware_protocols.device import Capability, DeviceProtocol

SETTLING_S = 60.0
"""Until a board stands at a new setting: what the shipped plans allow at most before they go on anyway."""


@dataclass(frozen=True, slots=True)
class DeviceOutlook:
    """`events_per_s` is at the settings in force and the usual difficulty; None where nothing tells it."""

    url: str
    model: str
    simulated: bool
    direct: bool
    settable: frozenset[str]
    events_per_s: float | None
    rate_source: str

    def as_json(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "model": self.model,
            "simulated": self.simulated,
            "direct": self.direct,
            "settable": sorted(self.settable),
            "events_per_s": self.events_per_s,
            "rate_source": self.rate_source,
        }


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one claim takes on this device. `hours` is None where the rate is not known, or nothing helps.

    `hindrance` says why this device cannot resolve it in any time, or not in the time there is.
    """

    claim: Claim
    events: int
    hours: float | None
    hindrance: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.claim.id,
            "kind": self.claim.kind,
            "title": self.claim.title,
            "resolvable": not self.hindrance,
            "events": self.events,
            "hours": self.hours,
            "hindrance": self.hindrance or None,
        }


def device_outlook(url: str, circumstances: Circumstances | None = None) -> DeviceOutlook:
    """Ask the device, as `asicrc check` does. Raises DeviceError, DeviceLost, UsageError."""
    with open_device(url, circumstances) as device:
        rates = hash_rates(MachineTable(), device)
        shares = rates.shares(_frequency(device), 1.0)
        return DeviceOutlook(
            url=url,
            model=device.identity.model,
            simulated=device.identity.simulated,
            direct=device.identity.family == "bm13xx",
            settable=frozenset(
                name for name, how in device.capabilities.items() if how is not Capability.NONE
            ),
            events_per_s=None if shares is None else shares.shares_per_s,
            rate_source=rates.source,
        )


def prospects(claims: Iterable[Claim], device: DeviceOutlook, budget_s: float) -> list[Prospect]:
    """Of those claims that a device decides, each by itself."""
    return [_prospect(claim, device, budget_s) for claim in claims if claim.takes is not None]


def _prospect(claim: Claim, device: DeviceOutlook, budget_s: float) -> Prospect:
    takes = claim.takes
    if takes is None:
        raise ValueError(f"no device decides {claim.id}")
    events = takes.events_per_device()
    hours = None
    if device.events_per_s is not None or not events:
        working_s = events / device.events_per_s if device.events_per_s else 0.0
        settling_s = SETTLING_S * (takes.settings - 1)
        hours = (working_s + settling_s + 60 * takes.minutes * takes.settings) / 3600
    missing = [name for name in takes.settable if name not in device.settable]
    if takes.direct and not device.direct:
        hindrance = "its chips have to be on a direct line"
    elif missing:
        hindrance = f"{', '.join(missing)} cannot be set on it"
    elif takes.devices > 1:
        hindrance = f"it takes {takes.devices} devices of one model, and this is one of them"
    elif takes.beside:
        hindrance = f"it takes {takes.beside}"
    elif hours is None:
        hindrance = f"its rate of events is not known ({device.rate_source})"
    elif 3600 * hours > budget_s:
        hindrance = f"more than the {budget_s / 3600:.3g} h there are{_would_show(takes, device, budget_s)}"
    else:
        hindrance = ""
    return Prospect(claim, events, hours, hindrance)


def _would_show(takes: Takes, device: DeviceOutlook, budget_s: float) -> str:
    """The effect that the events of the time there is would show, where a formula gives it."""
    from asicrc.evidence.planned_sizes import QUANTITIES

    if not takes.quantity or device.events_per_s is None:
        return ""
    left_s = budget_s - SETTLING_S * (takes.settings - 1)
    n = int(max(left_s, 0.0) * device.events_per_s / takes.settings / takes.groups)
    question = QUANTITIES[takes.quantity]
    shown = question.smallest_effect(n, power=PLANNED_POWER)
    return "" if math.isnan(shown) else f", which would show {shown:.2g} ({question.unit})"


def _frequency(device: DeviceProtocol) -> dict[str, float]:
    found = {setting.name: setting.read_back for setting in device.originals()}
    mhz = found.get("frequency_mhz")
    return {} if mhz is None else {"frequency_mhz": mhz}
