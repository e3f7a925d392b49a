"""The settings of a Goldshell box: its power plans, and what else is written back with them.

A PUT replaces the whole object, so a setting is read, changed and written whole, with what is not understood.
Names and meanings from a SC-BOX, a SC Lite and a SC5 Pro II (QUIRKS.md); no LB-Box has been read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.json_values import (
    Fields,
    JsonObject,
    JsonValue,
    as_number,
    as_object,
)

SLEEP_LEVEL = 3
"""Of the plan that stops the boards: `0 MHz 0 V`. Other levels differ between models: read the plans."""

_POINT = re.compile(
    r"(\d{1,5}(?:\.\d{1,4})?) ?MHz (\d{1,6}(?:\.\d{1,4})?) ?V((?: \d{1,5} ?RPM)*)(?: PV (\d{1,6}))?"
)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What the text of a plan says."""

    frequency_mhz: float
    voltage_v: float
    """Plans say V; numbers above 100 are taken for mV, as those boxes' boards report."""
    fans: tuple[int, ...]
    """Said to be RPM. On the boxes that were watched they are a bias, or ignored."""
    pv: int | None
    """What it is has not been published."""


@dataclass(frozen=True, slots=True)
class PowerPlan:
    """One of the plans that the device offers."""

    level: int
    info: str

    @property
    def operating_point(self) -> OperatingPoint | None:
        """None for text in a form that is not known."""
        match = _POINT.fullmatch(self.info.strip())
        if match is None:
            return None
        told = float(match[2])
        fans = tuple(int(number) for number in re.findall(r"\d+", match[3]))
        return OperatingPoint(
            frequency_mhz=float(match[1]),
            voltage_v=told / 1000 if told > 100 else told,
            fans=fans,
            pv=None if match[4] is None else int(match[4]),
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """GET and PUT /mcb/setting."""

    plans: tuple[PowerPlan, ...]
    select: int
    """Place of the plan in `plans`. Without effect while `manual` is on."""
    name: str | None = field(default=None, repr=False)
    """The device's address on the network."""
    manual: bool | None = None
    manual_plan: str | None = None
    temp_control: bool | None = None
    led_control: bool | None = None
    temp_target_c: float | None = None
    temp_targets_c: tuple[float, ...] | None = None
    """The range of the target."""
    version: str | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)

    @property
    def plan(self) -> PowerPlan | None:
        """The plan in use; None while a manual one is, and where `select` names none."""
        return self.plans[self.select] if not self.manual and 0 <= self.select < len(self.plans) else None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed; None is not. A plan by its level."""

    plan_level: int | None = None
    temp_target_c: float | None = None
    led_control: bool | None = None


def changed(setting: Setting, change: Change) -> Setting:
    """The setting to write. Raises LocalProtocolError for a plan or target that the device does not have."""
    if change.plan_level is not None:
        places = [place for place, plan in enumerate(setting.plans) if plan.level == change.plan_level]
        if not places:
            levels = ", ".join(str(plan.level) for plan in setting.plans)
            raise LocalProtocolError(f"the device has no plan of level {change.plan_level}; it has {levels}")
        setting = replace(setting, select=places[0], manual=None if setting.manual is None else False)
    if change.temp_target_c is not None:
        targets = setting.temp_targets_c or ()
        if len(targets) != 2 or not targets[0] <= change.temp_target_c <= targets[1]:
            raise LocalProtocolError(f"a target of {change.temp_target_c} degC is not within {list(targets)}")
        setting = replace(setting, temp_target_c=change.temp_target_c)
    if change.led_control is not None:
        setting = replace(setting, led_control=change.led_control)
    return setting


COMPARED = ("select", "manual", "manual_plan", "temp_control", "led_control", "temp_target_c")


def unmet(asked: Setting, told: Setting) -> dict[str, tuple[Any, Any]]:
    """What was written and is not so: name -> (asked, is). What was not written (None) is not compared."""
    pairs = {name: (getattr(asked, name), getattr(told, name)) for name in COMPARED}
    return {name: pair for name, pair in pairs.items() if pair[0] is not None and pair[0] != pair[1]}


def setting_from(members: JsonObject, where: str) -> Setting:
    """Raises RemoteProtocolError."""
    fields = Fields(members, where)
    listed = fields.members("powerplans")
    select = fields.integer("select")
    if listed is None or select is None:
        raise RemoteProtocolError(f"{where}: without powerplans or select; is this a Goldshell box?")
    targets = fields.members("temp_targets")
    return Setting(
        plans=tuple(_plan(plan, f"{where}: powerplans[{i}]") for i, plan in enumerate(listed)),
        select=select,
        name=fields.text("name"),
        manual=fields.flag("manual"),
        manual_plan=fields.text("manualPowerplan"),
        temp_control=fields.flag("tempcontrol"),
        led_control=fields.flag("ledcontrol"),
        temp_target_c=fields.number("temp_target"),
        temp_targets_c=None
        if targets is None
        else tuple(as_number(t, f"{where}: temp_targets") for t in targets),
        version=fields.text("version"),
        extra=fields.rest,
    )


def setting_members(setting: Setting) -> JsonObject:
    """The whole object, as it is written and as the device tells it."""
    targets = setting.temp_targets_c
    members: dict[str, Any] = {
        "select": setting.select,
        "tempcontrol": setting.temp_control,
        "ledcontrol": setting.led_control,
        "manualPowerplan": setting.manual_plan,
        "name": setting.name,
        "powerplans": [{"info": plan.info, "level": plan.level} for plan in setting.plans],
        "temp_targets": None if targets is None else list(targets),
        "manual": setting.manual,
        "version": setting.version,
        "temp_target": setting.temp_target_c,
    }
    return {key: value for key, value in members.items() if value is not None} | dict(setting.extra)


def _plan(value: JsonValue, where: str) -> PowerPlan:
    fields = Fields(as_object(value, where), where)
    level, info = fields.integer("level"), fields.text("info")
    if level is None:
        raise RemoteProtocolError(f"{where}: a plan without a level")
    return PowerPlan(level, info or "")
