"""The pools of a miner of the cgminer family, and the commands that change them.

ckolivas/cgminer: api.c and cgminer.c (remove_pool): a pool that is removed leaves its number to the last one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from simulators.miners.cgminer_reply import Record, Reply
from simulators.miners.command_port import split_parameters
from simulators.miners.firmware import Firmware
from simulators.miners.foreign_text import address_of, whole_number
from simulators.miners.pool_link import Pool

MAX_POOLS = 100


@dataclass(slots=True)
class Entry:
    """Priority 0 is the first that is tried."""

    url: str
    user: str
    password: str
    priority: int
    enabled: bool = True

    @property
    def address(self) -> tuple[str, int]:
        return address_of(self.url)


@dataclass(slots=True)
class PoolTable:
    """`changed` is called when the order in which pools are tried is another."""

    entries: list[Entry]
    changed: Callable[[], None]
    saved: list[Entry] = field(default_factory=list)
    """What a restart brings back."""

    def __post_init__(self) -> None:
        self.save()

    def save(self) -> None:
        self.saved = [replace(entry) for entry in self.entries]

    def restore(self) -> None:
        self.entries = [replace(entry) for entry in self.saved]

    def in_order(self) -> list[Entry]:
        """Those that are tried, the preferred one first."""
        return sorted((entry for entry in self.entries if entry.enabled), key=lambda entry: entry.priority)

    def pools(self) -> list[Pool]:
        return [Pool(*entry.address, entry.user, entry.password) for entry in self.in_order()]

    def add(self, parameter: str) -> Reply:
        if not parameter:
            return Reply.error(52, "Missing addpool details")
        parts = split_parameters(parameter)
        if len(parts) < 3 or not all(parts[:3]):
            return Reply.error(53, f"Invalid addpool details '{parameter}'")
        if len(self.entries) >= MAX_POOLS:
            return Reply.error(54, f"Reached maximum number of pools ({MAX_POOLS})")
        url, user, password = parts[:3]
        self.entries.append(Entry(url, user, password, len(self.entries)))
        self.changed()
        number = len(self.entries) - 1
        return Reply.success(55, f"Added pool {number}: '{url}'")

    def switch(self, parameter: str) -> Reply:
        entry = self._named(parameter)
        if isinstance(entry, Reply):
            return entry
        entry.enabled = True
        self._prefer([entry])
        self.changed()
        return Reply.success(27, f"Switching to pool {self.entries.index(entry)}:'{entry.url}'")

    def enable(self, parameter: str) -> Reply:
        entry = self._named(parameter)
        if isinstance(entry, Reply):
            return entry
        name = f"{self.entries.index(entry)}:'{entry.url}'"
        if entry.enabled:
            return Reply("I", 49, f"Pool {name} already enabled")
        entry.enabled = True
        self.changed()
        return Reply.success(47, f"Enabling pool {name}")

    def disable(self, parameter: str) -> Reply:
        entry = self._named(parameter)
        if isinstance(entry, Reply):
            return entry
        name = f"{self.entries.index(entry)}:'{entry.url}'"
        if not entry.enabled:
            return Reply("I", 50, f"Pool {name} already disabled")
        if self.in_order() == [entry]:
            return Reply.error(51, f"Cannot disable last active pool {name}")
        entry.enabled = False
        self.changed()
        return Reply.success(48, f"Disabling pool {name}")

    def remove(self, parameter: str, active: Entry | None) -> Reply:
        entry = self._named(parameter)
        if isinstance(entry, Reply):
            return entry
        number = self.entries.index(entry)
        if len(self.entries) == 1:
            return Reply.error(66, f"Cannot remove last pool {number}:'{entry.url}'")
        if entry is active:
            return Reply.error(67, f"Cannot remove active pool {number}:'{entry.url}'")
        last = self.entries.pop()
        if last is not entry:
            self.entries[number] = last
        for other in self.entries:
            other.priority -= other.priority > entry.priority
        self.changed()
        return Reply.success(68, f"Removed pool {number}:'{entry.url}'")

    def order(self, parameter: str) -> Reply:
        chosen: list[Entry] = []
        for text in parameter.split(","):
            entry = self._named(text)
            if isinstance(entry, Reply):
                return entry
            if entry in chosen:
                return Reply.error(74, f"Duplicate pool specified {text}")
            chosen.append(entry)
        self._prefer(chosen)
        self.changed()
        return Reply.success(73, "Changed pool priorities")

    def _prefer(self, chosen: list[Entry]) -> None:
        rest = sorted((e for e in self.entries if e not in chosen), key=lambda entry: entry.priority)
        for priority, entry in enumerate([*chosen, *rest]):
            entry.priority = priority

    def _named(self, text: str) -> Entry | Reply:
        if not text:
            return Reply.error(25, "Missing pool id parameter")
        number = whole_number(text)  # as atoi, but for what is no number at all
        if number is None or number >= len(self.entries):
            shown = -1 if number is None else number
            return Reply.error(26, f"Invalid pool id {shown} - range is 0 - {len(self.entries) - 1}")
        return self.entries[number]


def pool_records(table: PoolTable, firmware: Firmware) -> list[Record]:
    """As `pools` lists them. Counts are those of the pool that is mined for; others have had no share."""
    active = active_entry(table, firmware)
    records = []
    for number, entry in enumerate(table.entries):
        is_active = entry is active
        counts, session = firmware.counts, firmware.link.session
        reached = entry.address not in firmware.link.unreachable
        status = "Disabled" if not entry.enabled else "Alive" if reached else "Dead"
        difficulty = session.difficulty if session is not None and is_active else 0.0
        records.append(
            {
                "POOL": number,
                "URL": entry.url,
                "Status": status,
                "Priority": entry.priority,
                "Quota": 1,
                "Long Poll": "N",
                "Getworks": counts.jobs if is_active else 0,
                "Accepted": counts.accepted if is_active else 0,
                "Rejected": counts.rejected if is_active else 0,
                "Discarded": 0,
                "Stale": 0,
                "Get Failures": 0,
                "Remote Failures": 0,
                "User": entry.user,
                "Last Share Time": _interval(counts.last_accepted_s) if is_active else "0",
                "Diff": suffixed(difficulty),
                "Diff1 Shares": 0,
                "Proxy Type": "",
                "Proxy": "",
                "Difficulty Accepted": counts.difficulty_accepted if is_active else 0.0,
                "Difficulty Rejected": counts.difficulty_rejected if is_active else 0.0,
                "Difficulty Stale": 0.0,
                "Last Share Difficulty": difficulty if counts.accepted and is_active else 0.0,
                "Has Stratum": True,
                "Stratum Active": is_active and firmware.link.connected,
                "Stratum URL": entry.address[0] if is_active and firmware.link.connected else "",
                "Has GBT": False,
                "Best Share": round(counts.best) if is_active else 0,
                "Pool Rejected%": _percent(counts.difficulty_rejected, counts.difficulty_accepted),
                "Pool Stale%": 0.0,
            }
        )
    return records


def active_entry(table: PoolTable, firmware: Firmware) -> Entry | None:
    """The pool that is mined for, or that is being tried."""
    order = table.in_order()
    return order[firmware.link.index] if firmware.link.index < len(order) else None


def suffixed(difficulty: float) -> str:
    """cgminer's suffix_string: 256, 1.02K, 65.5K."""
    for suffix, scale in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if difficulty >= scale:
            return f"{difficulty / scale:.3g}{suffix}"
    return f"{difficulty:.4g}"


def _percent(part: float, rest: float) -> float:
    return round(100 * part / (part + rest), 4) if part else 0.0


def _interval(at_s: float) -> str:
    """Since then, as bmminer writes it: 0:00:12."""
    if not at_s:
        return "0"
    seconds = int(time.time() - at_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
