"""A device on a clock of its own, in a few lines: everything that it is asked to do is kept in `calls`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from firmware_protocols.device import (
    Batch,
    Capability,
    DeviceIdentity,
    DeviceLost,
    JitterFloor,
    Job,
    NonceBatch,
    Reading,
    Setting,
    SettingRefused,
    Verdict,
    WorkForm,
    empty_events,
)

USUAL = {"frequency_mhz": 400.0, "voltage_mv": 1200.0, "difficulty": 256.0}
LIMITS = {"frequency_mhz": (50.0, 575.0), "voltage_mv": (1000.0, 1300.0), "difficulty": (1e-6, 1e15)}
READING_NS = 1_000_000_000


class VirtualClock:
    def __init__(self) -> None:
        self.t_ns = 0

    def now_ns(self) -> int:
        return self.t_ns

    def realtime_ns(self) -> int:
        return 1_767_225_600_000_000_000 + self.t_ns


class VirtualDevice:
    """Brings `rate_hz` events a second, at even times, and a temperature each second: `temperature` of the
    seconds since the last `begin_point` and the settings.

    `lost_ns` is when it is lost.
    """

    def __init__(
        self,
        rate_hz: float = 10.0,
        temperature: Callable[[float, dict[str, float]], float] = lambda _, __: 50.0,
        *,
        lost_ns: int | None = None,
        tells_temperature: bool = True,
    ) -> None:
        self.identity = DeviceIdentity("virtual:", "twin", "VIRTUAL", 1, simulated=True)
        self.clock = VirtualClock()
        self.settings = dict(USUAL)
        self.calls: list[tuple[str, Any]] = []
        self.jobs: list[Job] = []
        self.lost_ns = lost_ns
        self._rate_ns = round(1e9 / rate_hz)
        self._temperature = temperature
        self._tells = tells_temperature
        self._begun_ns = 0
        self._next_event_ns = self._rate_ns
        self._next_reading_ns = READING_NS
        self._seq = 0
        self._job = 0

    job_interval_s = 30.0
    work_form = WorkForm(coinbase=True)

    @property
    def capabilities(self) -> dict[str, Capability]:
        return dict.fromkeys((*USUAL, "work"), Capability.LIVE)

    @property
    def stamps(self) -> dict[str, str]:
        return {"t_ns": "virtual"}

    @property
    def limits(self) -> dict[str, Any]:
        return {"limits": {}, "beyond_built_in": {}}

    def check(self, requested: dict[str, float]) -> None:
        self.calls.append(("check", dict(requested)))
        for name, value in requested.items():
            if name not in LIMITS:
                raise SettingRefused(f"a virtual device has no {name}")
            low, high = LIMITS[name]
            if not low <= value <= high:
                raise SettingRefused(f"{name} = {value:g} is outside {low:g} to {high:g}")

    def originals(self) -> list[Setting]:
        self.calls.append(("originals", None))
        return [Setting(self.clock.t_ns, name, None, value, "original") for name, value in USUAL.items()]

    def adopt_originals(self, settings: list[Setting]) -> None:
        self.calls.append(("adopt", settings))

    def configure(self, requested: dict[str, float]) -> list[Setting]:
        self.calls.append(("configure", dict(requested)))
        self.settings |= requested
        return [Setting(self.clock.t_ns, name, value, value) for name, value in requested.items()]

    def begin_point(self, key: tuple[int, ...]) -> None:
        self.calls.append(("begin_point", key))
        self._begun_ns = self.clock.t_ns
        self._next_event_ns = self._begun_ns + self._rate_ns
        self._next_reading_ns = self._begun_ns + READING_NS

    def jitter_floor(self) -> JitterFloor | None:
        return None

    def send(self, job: Job) -> list[Job]:
        self.calls.append(("send", job.number))
        self._job = job.number
        self.jobs.append(replace(job, sent_ns=self.clock.t_ns))
        return self.jobs[-1:]

    def read(self, until_ns: int) -> Batch:
        """In handshake (clean jobs) it returns at each event."""
        batch, events = Batch(), []
        one_by_one = bool(self.jobs) and self.jobs[-1].clean
        while True:
            next_ns = min(self._next_event_ns, self._next_reading_ns)
            if self.lost_ns is not None and next_ns >= self.lost_ns:
                raise DeviceLost("the cable was pulled")
            if next_ns > until_ns:
                self.clock.t_ns = max(self.clock.t_ns, until_ns)
                break
            self.clock.t_ns = max(self.clock.t_ns, next_ns)
            if next_ns == self._next_reading_ns:
                self._next_reading_ns += READING_NS
                if self._tells:
                    since_s = (next_ns - self._begun_ns) / 1e9
                    celsius = self._temperature(since_s, self.settings)
                    batch.readings.append(Reading(next_ns, "temperature_c", celsius))
            if next_ns == self._next_event_ns:
                self._next_event_ns += self._rate_ns
                events.append(next_ns)
                if one_by_one:
                    break
        batch.nonces = self._events(events)
        return batch

    def _events(self, t_ns: list[int]) -> NonceBatch:
        events = empty_events(len(t_ns))
        events["t_ns"] = t_ns
        events["seq"] = self._seq + np.arange(len(t_ns))
        events["job"], events["synthetic"], events["verdict"] = self._job, True, Verdict.VALID
        events["difficulty"] = self.settings["difficulty"]
        self._seq += len(t_ns)
        return events

    def judged(self, events: NonceBatch) -> None:
        """Nobody waits for an answer."""

    def restore(self) -> list[Setting]:
        self.calls.append(("restore", None))
        self.settings = dict(USUAL)
        return [Setting(self.clock.t_ns, name, value, value, "restored") for name, value in USUAL.items()]

    def make_safe(self) -> list[Setting]:
        self.calls.append(("make_safe", None))
        return [Setting(self.clock.t_ns, "frequency_mhz", 50.0, 50.0, "made_safe")]

    def wire_counters(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        """Nothing is held."""

    def asked(self, what: str) -> list[Any]:
        return [value for name, value in self.calls if name == what]
