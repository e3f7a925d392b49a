"""What bmminer 2.0.0 of an S9 says, with its defects. LuxOS says the same under the same names.

The members are those of public replies of an S9: three boards in places 6 to 8 of sixteen, numbers now and
then as text, and a comma missing between the two records of `stats`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.miners.cgminer_api import Entry
from simulators.miners.cgminer_pools import pool_records, suffixed
from simulators.miners.cgminer_reply import Record, Reply
from simulators.miners.s9.boards import CHIPS, CORES

if TYPE_CHECKING:
    from simulators.miners.s9.firmware import S9

DESCRIPTION = "bmminer 1.0.0"
_HEADER = {
    "BMMiner": "2.0.0",
    "Miner": "16.8.1.3",
    "CompileTime": "Fri Nov 17 17:37:49 CST 2017",
    "Type": "Antminer S9",
}
_PLACES = range(1, 17)
_FAN_PLACES = (3, 6)


def reports(miner: S9) -> dict[str, Entry]:
    made = {
        "version": lambda _: Reply.success(22, "BMMiner versions", VERSION=[{**_HEADER, "API": "3.1"}]),
        "summary": lambda _: Reply.success(11, "Summary", SUMMARY=[summary(miner)]),
        "pools": lambda _: _pools(miner),
        "devs": lambda _: Reply.success(9, "1 ASC(s)", DEVS=[_device(miner)]),
        "stats": lambda _: Reply.success(70, "BMMiner stats", STATS=stats(miner)),
        "estats": lambda _: Reply.success(70, "BMMiner stats", STATS=stats(miner)),
        "config": lambda _: Reply.success(33, "BMMiner config", CONFIG=[_config(miner)]),
        "coin": lambda _: Reply.success(78, "BMMiner coin", COIN=[_coin(miner)]),
        "lcd": lambda _: Reply.success(125, "LCD", LCD=[_lcd(miner)]),
    }
    return {name: Entry(run, reports=True) for name, run in made.items()}


def actions(miner: S9) -> dict[str, Entry]:
    """What needs the privileged group, beside the pools."""

    def save(parameter: str) -> Reply:
        name = parameter or "/config/bmminer.conf"
        if not miner.options.faults.ignore_settings:
            miner.table.save()
        return Reply.success(44, f"Configuration saved to file '{name}'")

    def zero(parameter: str) -> Reply:
        what, _, summarised = parameter.partition(",")
        if what.lower() not in ("all", "bestshare") or summarised.lower() not in ("true", "false"):
            return Reply.error(95, f"Invalid zero parameter '{parameter}'")
        miner.counts.best = 0.0
        if what.lower() == "all":
            miner.counts.accepted = miner.counts.rejected = 0
            miner.counts.difficulty_accepted = miner.counts.difficulty_rejected = 0.0
        suffix = "with" if summarised.lower() == "true" else "without"
        return Reply.success(96, f"Zeroed {what} stats {suffix} summary")

    def restart(_: str) -> Reply:
        miner.restart("restart over the API")
        return Reply.success(0, "RESTART")

    return {"save": Entry(save), "zero": Entry(zero), "restart": Entry(restart), "quit": Entry(restart)}


def damage(name: str, text: str) -> str:
    """The commas that this firmware forgets, or writes too many of."""
    if name in ("stats", "estats"):
        return text.replace("},{", "}{")
    return text.replace('"LCD":[{', '"LCD":[,{') if name == "lcd" else text


def stats(miner: S9) -> list[Record]:
    boards = miner.boards
    share = {board.place: board.hashes_per_s / max(boards.hashes_per_s, 1.0) for board in boards.all}
    by_place = {board.place: board for board in boards.all}
    ghs = miner.rate.smoothed / 1e9
    data: dict[str, Any] = {
        "STATS": 0,
        "ID": "BC50",
        "Elapsed": int(miner.uptime_s),
        "Calls": 0,
        "Wait": 0.0,
        "Max": 0.0,
        "Min": 99999999.0,
        "GHS 5s": f"{ghs:.2f}",
        "GHS av": round(miner.rate.mean(miner.uptime_s) / 1e9, 2),
        "miner_count": len(boards.all),
        "frequency": f"{boards.all[0].target_mhz:g}",
        "fan_num": len(_FAN_PLACES),
    }
    data |= {f"fan{place}": boards.rpm if place in _FAN_PLACES else 0 for place in range(1, 9)}
    data["temp_num"] = len(boards.all)
    for name, below_c in (("temp", 15), ("temp2_", 0), ("temp3_", 18)):
        for place in _PLACES:
            board = by_place.get(place)
            data[f"{name}{place}"] = max(0, round(board.model.temperature_c - below_c)) if board else 0
    for place in _PLACES:
        data[f"freq_avg{place}"] = by_place[place].frequency_mhz if place in by_place else 0.0
    ideal_ghs = {board.place: board.target_mhz * CHIPS * CORES / 1000 for board in boards.all}
    data |= {
        "total_rateideal": round(sum(ideal_ghs.values()), 2),
        "total_freqavg": round(sum(board.frequency_mhz for board in boards.all) / len(boards.all), 2),
        "total_acn": CHIPS * len(boards.all),
        "total_rate": round(ghs, 2),
    }
    for place in _PLACES:
        data[f"chain_rateideal{place}"] = round(ideal_ghs.get(place, 0.0), 2)
    data["temp_max"] = round(boards.hottest_c)
    data["Device Hardware%"] = 0.0
    data["no_matching_work"] = 0
    for place in _PLACES:
        here = place in by_place
        data[f"chain_acn{place}"] = CHIPS if here else 0
        data[f"chain_acs{place}"] = _letters(CHIPS) if here else ""
        data[f"chain_hw{place}"] = 0
        data[f"chain_rate{place}"] = f"{ghs * share[place]:.2f}" if here else ""
        if here:
            data |= {f"chain_xtime{place}": "{}", f"chain_offside_{place}": "0"}
            data[f"chain_opencore_{place}"] = "1"
    return [dict(_HEADER), data]


def summary(miner: S9) -> Record:
    counts = miner.counts
    elapsed_s = max(miner.uptime_s, 1.0)
    answered = counts.difficulty_accepted + counts.difficulty_rejected
    rejected = 100 * counts.difficulty_rejected / answered if answered else 0.0
    return {
        "Elapsed": int(miner.uptime_s),
        "GHS 5s": f"{miner.rate.smoothed / 1e9:.2f}",
        "GHS av": round(miner.rate.mean(miner.uptime_s) / 1e9, 2),
        "Found Blocks": 0,
        "Getworks": counts.jobs,
        "Accepted": counts.accepted,
        "Rejected": counts.rejected,
        "Hardware Errors": 0,
        "Utility": round(counts.accepted / elapsed_s * 60, 2),
        "Discarded": 0,
        "Stale": 0,
        "Get Failures": 0,
        "Local Work": counts.tickets,
        "Remote Failures": 0,
        "Network Blocks": 1,
        "Total MH": round(miner.hasher.count.hashes * miner.scale.hash_rate_scale / 1e6, 4),
        "Work Utility": round(counts.difficulty_accepted / elapsed_s * 60, 2),
        "Difficulty Accepted": counts.difficulty_accepted,
        "Difficulty Rejected": counts.difficulty_rejected,
        "Difficulty Stale": 0.0,
        "Best Share": round(counts.best),
        "Device Hardware%": 0.0,
        "Device Rejected%": round(rejected, 4),
        "Pool Rejected%": round(rejected, 4),
        "Pool Stale%": 0.0,
        "Last getwork": int(counts.last_accepted_s),
    }


def _pools(miner: S9) -> Reply:
    records = pool_records(miner.table, miner)
    return Reply.success(7, f"{len(records)} Pool(s)", POOLS=records)


def _device(miner: S9) -> Record:
    counts = miner.counts
    return {
        "ASC": 0,
        "Name": "BC5",
        "ID": 0,
        "Enabled": "Y",
        "Status": "Alive" if miner.link.connected else "Dead",
        "Temperature": round(miner.boards.hottest_c - 15, 2),
        "MHS av": round(miner.rate.mean(miner.uptime_s) / 1e6, 2),
        "MHS 5s": round(miner.rate.smoothed / 1e6, 2),
        "Accepted": counts.accepted,
        "Rejected": counts.rejected,
        "Hardware Errors": 0,
        "Utility": 0.0,
        "Last Share Pool": miner.link.index,
        "Last Share Time": int(counts.last_accepted_s),
        "Total MH": 0.0,
        "Diff1 Work": 0,
        "Difficulty Accepted": counts.difficulty_accepted,
        "Difficulty Rejected": counts.difficulty_rejected,
        "Last Share Difficulty": 0.0,
        "Last Valid Work": int(counts.last_accepted_s),
        "Device Hardware%": 0.0,
        "Device Rejected%": 0.0,
        "Device Elapsed": int(miner.uptime_s),
    }


def _config(miner: S9) -> Record:
    return {
        "ASC Count": 1,
        "PGA Count": 0,
        "Pool Count": len(miner.table.entries),
        "Strategy": "Failover",
        "Log Interval": 5,
        "Device Code": "BMM ",
        "OS": "Linux",
        "Hotplug": "None",
    }


def _coin(miner: S9) -> Record:
    known = miner.job is not None
    return {
        "Hash Method": "sha256",
        "Current Block Time": 0.0,
        "Current Block Hash": miner.job.prev_hash[::-1].hex() if miner.job is not None else "",
        "LP": known,
        "Network Difficulty": 0.0,
    }


def _lcd(miner: S9) -> Record:
    active = miner.active()
    return {
        "Elapsed": int(miner.uptime_s),
        "GHS av": round(miner.rate.mean(miner.uptime_s) / 1e9, 2),
        "GHS5s": f"{miner.rate.smoothed / 1e9:.2f}",
        "Temperature": round(miner.boards.hottest_c - 15, 2),
        "Last Share Difficulty": suffixed(miner.counts.best),
        "Last Share Time": int(miner.counts.last_accepted_s),
        "Best Share": round(miner.counts.best),
        "Found Blocks": 0,
        "Current Pool": active.url if active else "none",
        "User": active.user if active else "",
    }


def _letters(chips: int) -> str:
    """A letter for each chip, in groups of eight behind a space."""
    groups = ["o" * min(8, chips - start) for start in range(0, chips, 8)]
    return " " + " ".join(groups)
