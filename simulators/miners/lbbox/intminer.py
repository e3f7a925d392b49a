"""The TCP API of the box's miner, one of the cgminer family: reports, and nothing that changes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from simulators.miners.cgminer_api import Entry
from simulators.miners.cgminer_pools import suffixed
from simulators.miners.cgminer_reply import Record, Reply

if TYPE_CHECKING:
    from simulators.miners.lbbox.firmware import LbBox

DESCRIPTION = "cgminer 4.9.0"
CHIPS = 12
"""Assumed."""
_LOST_SENSOR = -150.0
ALLOWED = frozenset({"version", "summary", "devs", "devdetails", "stats", "pools", "check", "config"})


def reports(box: LbBox) -> dict[str, Entry]:
    made = {
        "version": lambda _: Reply.success(
            22, "CGMiner versions", VERSION=[{"BFGMiner": "5.4.0", "API": "3.3", "Miner": "intminer"}]
        ),
        "summary": lambda _: Reply.success(11, "Summary", SUMMARY=[_summary(box)]),
        "devs": lambda _: Reply.success(9, "1 PGA(s)", DEVS=[_device(box)]),
        "devdetails": lambda _: Reply.success(69, "Device Details", DEVDETAILS=[_details()]),
        "stats": lambda _: Reply.success(70, "CGMiner stats", STATS=[_stats(box)]),
        "pools": lambda _: Reply.success(7, f"{len(box.box_pools)} Pool(s)", POOLS=_pools(box)),
        "config": lambda _: Reply.success(33, "CGMiner config", CONFIG=[{"PGA Count": 1, "OS": "Linux"}]),
    }
    actions = ("addpool", "switchpool", "enablepool", "disablepool", "removepool", "restart", "quit")
    refused = {name: Entry(lambda _: Reply.error(45, "Access denied")) for name in actions}
    return {name: Entry(run, reports=True) for name, run in made.items()} | refused


def _summary(box: LbBox) -> Record:
    counts = box.counts
    minutes = max(box.uptime_s, 1.0) / 60
    return {
        "Elapsed": int(box.uptime_s),
        "MHS av": round(box.rate.mean(box.uptime_s) / 1e6, 3),
        "MHS 20s": round(box.rate.mean(20) / 1e6, 3),
        "Found Blocks": 0,
        "Getworks": counts.jobs,
        "Accepted": counts.accepted,
        "Rejected": counts.rejected,
        "Hardware Errors": 0,
        "Utility": round(counts.accepted / minutes, 3),
        "Discarded": 0,
        "Stale": 0,
        "Difficulty Accepted": counts.difficulty_accepted,
        "Difficulty Rejected": counts.difficulty_rejected,
        "Difficulty Stale": 0.0,
        "Best Share": round(counts.best),
        "Device Hardware%": 0.0,
        "Pool Rejected%": 0.0,
        "Pool Stale%": 0.0,
        "Last getwork": int(time.time()),
    }


def _device(box: LbBox) -> Record:
    counts, chip_c = box.counts, box.model.temperature_c
    return {
        "PGA": 0,
        "Name": "INCS",
        "ID": 0,
        "Enabled": "Y",
        "Status": "Alive" if box.mhz else "Sick",
        "Temperature": round(chip_c - 7, 2),
        "Device Elapsed": int(box.uptime_s),
        "MHS av": round(box.rate.mean(box.uptime_s) / 1e6, 3),
        "MHS 20s": round(box.rate.mean(20) / 1e6, 3),
        "Accepted": counts.accepted,
        "Rejected": counts.rejected,
        "Hardware Errors": 0,
        "hwerr-ration": 0.0,
        "Nonced": counts.tickets,
        "clock": box.mhz,
        "voltage": box.plan.millivolts / 1000,
        "fan0": box.rpm,
        "fan1": box.rpm,
        "tstemp-0": round(chip_c, 2),
        "tstemp-1": _LOST_SENSOR,
        "tstemp-2": round(chip_c - 7, 2),
        "overheat": int(box.overheated),
        "rebootcnt": 0,
        "Last Share Difficulty": box.job.difficulty if box.job is not None and counts.accepted else 0.0,
        "Last Share Time": int(counts.last_accepted_s),
    }


def _details() -> Record:
    return {"DEVDETAILS": 0, "Name": "INCS", "ID": 0, "Driver": "gsbox", "Model": "", "chips-nr": CHIPS}


def _stats(box: LbBox) -> Record:
    return {
        "STATS": 0,
        "ID": "INCS0",
        "Elapsed": int(box.uptime_s),
        "estimate_hash_rate": round(box.plan.mhz / box.plans[0].mhz * 175_000, 2),
        "clock": box.mhz,
        "voltage": box.plan.millivolts / 1000,
        "fan0": box.rpm,
        "fan1": box.rpm,
    }


def _pools(box: LbBox) -> list[Record]:
    records = []
    for number, pool in enumerate(box.box_pools):
        active = number == box.link.index
        session = box.link.session
        reached = pool.pool.address not in box.link.unreachable
        records.append(
            {
                "POOL": number,
                "URL": pool.url,
                "Status": "Alive" if reached else "Dead",
                "Priority": number,
                "Accepted": box.counts.accepted if active else 0,
                "Rejected": box.counts.rejected if active else 0,
                "User": pool.user,
                "Diff": suffixed(session.difficulty if session is not None and active else 0.0),
                "Stratum Active": active and box.link.connected,
                "Stratum URL": pool.pool.host if active and box.link.connected else "",
                "Last Share Time": int(box.counts.last_accepted_s) if active else 0,
            }
        )
    return records
