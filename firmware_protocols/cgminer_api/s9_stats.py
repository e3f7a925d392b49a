"""`stats` of an Antminer S9 (bmminer): its chains, found by their chips and not by their place.

A reply has two records, the first of the software, the second of the machine, with sixteen places for chains
of which an S9 uses 6, 7 and 8. The layout is from public replies (Hive OS, Luxor's manual): QUIRKS.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from firmware_protocols.cgminer_api.record_fields import LooseFields
from firmware_protocols.cgminer_api.reply import CommandRefused, Reply, Status
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject, JsonValue

PLACES = range(1, 17)
_CHIPS = re.compile(r"chain_acn(\d{1,3})", re.ASCII)
_PLACED = re.compile(
    r"(?:chain_(?:acn|acs|hw|rate|rateideal|xtime|power|opencore_|offside_)|freq_avg|temp|temp[23]_|fan)(\d{1,3})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class S9Chain:
    """One hash board. `place` is its number at the miner, 6 to 8 on an S9.

    A temperature of 0 is no reading: boards without that sensor say so.
    """

    place: int
    chips: int
    status: str | None = None
    """A letter a chip in groups of eight: o, or x for one that does not answer, or -."""
    frequency_mhz: float | None = None
    """The average of its chips, which differ on images that tune themselves."""
    rate_ghs: float | None = None
    rate_ideal_ghs: float | None = None
    hardware_errors: int | None = None
    board_temp_c: float | None = None
    chip_temp_c: float | None = None
    third_temp_c: float | None = None
    power_w: float | None = None
    """Hive OS alone, calculated."""
    open_cores: int | None = None
    off_side: int | None = None
    slow_chips: str | None = None
    """`chain_xtime`, such as `{X5=1,X22=1}`; what it counts is not published."""

    @property
    def chips_alive(self) -> int | None:
        return None if self.status is None else self.status.count("o")


@dataclass(frozen=True, slots=True)
class S9Stats:
    """Nothing here says a voltage, or the frequency of a single chip: this interface has neither."""

    chains: tuple[S9Chain, ...]
    frequency_mhz: float | None = None
    """As configured. None where images that tune themselves write nothing."""
    average_frequency_mhz: float | None = None
    elapsed_s: int | None = None
    rate_5s_ghs: float | None = None
    rate_average_ghs: float | None = None
    rate_ghs: float | None = None
    rate_ideal_ghs: float | None = None
    total_chips: int | None = None
    chain_count: int | None = None
    max_temp_c: float | None = None
    fan_count: int | None = None
    fans_rpm: Mapping[int, float] = field(default_factory=dict)
    """By place; 0 where there is none, and where one stands still: `fan_count` tells them apart."""
    hardware_percent: float | None = None
    no_matching_work: int | None = None
    miner_type: str | None = None
    firmware: str | None = None
    compile_time: str | None = None
    software: str | None = None
    software_version: str | None = None
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


def read_stats(reply: Reply) -> S9Stats | CommandRefused:
    """Raises RemoteProtocolError for `stats` of something else."""
    if (refused := reply.refusal) is not None:
        return refused
    merged: JsonObject = {}
    for record in reply.records("STATS"):
        merged |= {key: value for key, value in record.items() if key not in merged}
    places = sorted(int(match[1]) for key in merged if (match := _CHIPS.fullmatch(key)))
    if not places:
        raise RemoteProtocolError("stats: no chain_acn: this is not the stats of an Antminer")
    fields = LooseFields(merged, "stats")
    chains = tuple(chain for place in places if (chain := _chain(fields, place)) is not None)
    fans = {place: rpm for place in PLACES if (rpm := fields.number(f"fan{place}")) is not None}
    software = next((name for name in ("LUXminer", "BMMiner", "CGMiner") if name in merged), None)
    members: dict[str, Any] = {
        "frequency_mhz": fields.number("frequency"),
        "average_frequency_mhz": fields.number("total_freqavg"),
        "elapsed_s": fields.integer("Elapsed"),
        "rate_5s_ghs": fields.number("GHS 5s"),
        "rate_average_ghs": fields.number("GHS av"),
        "rate_ghs": fields.number("total_rate"),
        "rate_ideal_ghs": fields.number("total_rateideal"),
        "total_chips": fields.integer("total_acn"),
        "chain_count": fields.integer("miner_count"),
        "max_temp_c": _temperature(fields.number("temp_max")),
        "fan_count": fields.integer("fan_num"),
        "hardware_percent": fields.number("Device Hardware%"),
        "no_matching_work": fields.integer("no_matching_work"),
        "miner_type": fields.text("Type"),
        "firmware": fields.text("Miner"),
        "compile_time": fields.text("CompileTime"),
        "software": software,
        "software_version": fields.text(software) if software else None,
    }
    rest = {key: value for key, value in fields.rest.items() if not _PLACED.fullmatch(key)}
    return S9Stats(chains, fans_rpm=fans, extra=rest, **members)


def write_stats(stats: S9Stats, status: Status) -> Reply:
    """As bmminer lays it out: sixteen places, rates of chains as text, empty for those that are not there."""
    head: dict[str, Any] = {
        stats.software or "BMMiner": stats.software_version,
        "Miner": stats.firmware,
        "CompileTime": stats.compile_time,
        "Type": stats.miner_type,
    }
    data: dict[str, Any] = {
        "STATS": 0,
        "ID": "BC50",
        "Elapsed": stats.elapsed_s,
        "GHS 5s": None if stats.rate_5s_ghs is None else str(stats.rate_5s_ghs),
        "GHS av": stats.rate_average_ghs,
        "miner_count": stats.chain_count,
        "frequency": None if stats.frequency_mhz is None else f"{stats.frequency_mhz:g}",
        "fan_num": stats.fan_count,
        **{f"fan{place}": rpm for place, rpm in stats.fans_rpm.items()},
        "total_rateideal": stats.rate_ideal_ghs,
        "total_freqavg": stats.average_frequency_mhz,
        "total_acn": stats.total_chips,
        "total_rate": stats.rate_ghs,
        "temp_max": stats.max_temp_c,
        "Device Hardware%": stats.hardware_percent,
        "no_matching_work": stats.no_matching_work,
    }
    by_place = {chain.place: chain for chain in stats.chains}
    for place in PLACES:
        data |= _chain_members(place, by_place.get(place, S9Chain(place, 0)))
    records = [{key: value for key, value in part.items() if value is not None} for part in (head, data)]
    records[1] |= dict(stats.extra)
    return Reply(status, {"STATS": records})


def _chain(fields: LooseFields, place: int) -> S9Chain | None:
    chips = fields.integer(f"chain_acn{place}")
    if not chips:
        return None
    if chips < 0:
        raise RemoteProtocolError(f"stats: chain_acn{place}: fewer than no chips")
    return S9Chain(
        place=place,
        chips=chips,
        status=fields.text(f"chain_acs{place}"),
        frequency_mhz=fields.number(f"freq_avg{place}"),
        rate_ghs=fields.number(f"chain_rate{place}"),
        rate_ideal_ghs=fields.number(f"chain_rateideal{place}"),
        hardware_errors=fields.integer(f"chain_hw{place}"),
        board_temp_c=_temperature(fields.number(f"temp{place}")),
        chip_temp_c=_temperature(fields.number(f"temp2_{place}")),
        third_temp_c=_temperature(fields.number(f"temp3_{place}")),
        power_w=fields.number(f"chain_power{place}"),
        open_cores=fields.integer(f"chain_opencore_{place}"),
        off_side=fields.integer(f"chain_offside_{place}"),
        slow_chips=fields.text(f"chain_xtime{place}"),
    )


def _chain_members(place: int, chain: S9Chain) -> dict[str, Any]:
    present = chain.chips > 0
    members: dict[str, Any] = {
        f"chain_acn{place}": chain.chips,
        f"chain_acs{place}": chain.status or "",
        f"freq_avg{place}": chain.frequency_mhz if present else 0.0,
        f"chain_rate{place}": "" if chain.rate_ghs is None else str(chain.rate_ghs),
        f"chain_rateideal{place}": chain.rate_ideal_ghs if present else 0.0,
        f"chain_hw{place}": chain.hardware_errors if present else 0,
        f"temp{place}": chain.board_temp_c or 0,
        f"temp2_{place}": chain.chip_temp_c or 0,
        f"temp3_{place}": chain.third_temp_c or 0,
        f"chain_power{place}": chain.power_w,
        f"chain_opencore_{place}": None if chain.open_cores is None else str(chain.open_cores),
        f"chain_offside_{place}": None if chain.off_side is None else str(chain.off_side),
        f"chain_xtime{place}": chain.slow_chips,
    }
    return members


def _temperature(reading: float | None) -> float | None:
    return None if reading == 0 else reading
