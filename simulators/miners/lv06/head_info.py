"""What AxeOS at HEAD tells of itself, as bitaxeorg/ESP-Miner:main/http_server/system_api_json.c does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.miners.lv06.board import CORES, SUPPLY_MV
from simulators.miners.lv06.esp_firmware import FREE_HEAP
from simulators.miners.lv06.head_settings import EMPTY_POOL

if TYPE_CHECKING:
    from simulators.miners.lv06.esp_head import EspHead

STATISTICS = (
    "hashrate",
    "hashrate_1m",
    "hashrate_10m",
    "hashrate_1h",
    "errorPercentage",
    "asicTemp",
    "asicTemp2",
    "vrTemp",
    "asicVoltage",
    "voltage",
    "power",
    "current",
    "fanSpeed",
    "fanRpm",
    "fan2Rpm",
    "wifiRssi",
    "freeHeap",
    "responseTime",
    "timestamp",
)
_RSSI_DBM = -58
_DOMAINS = 4
_MASK = "*****"
_MIRRORED = (
    "URL",
    "Port",
    "User",
    "SuggestedDifficulty",
    "ExtranonceSubscribe",
    "TLS",
    "Cert",
    "DecodeCoinbase",
    "Protocol",
    "V2AuthorityPubkey",
    "V2ChannelType",
)


def full_info(device: EspHead) -> dict[str, Any]:
    return _telemetry(device) | _identity(device) | _pools(device) | _preferences(device) | _lists(device)


def asic_options() -> dict[str, Any]:
    """bitaxeorg/ESP-Miner:main/device_config.h: of the BM1366 on an Ultra."""
    return {
        "ASICModel": "BM1366",
        "deviceModel": "Ultra",
        "swarmColor": "purple",
        "asicCount": 1,
        "hashDomains": _DOMAINS,
        "defaultFrequency": 485,
        "frequencyOptions": [400, 425, 450, 475, 485, 500, 525, 550, 575],
        "defaultVoltage": 1200,
        "voltageOptions": [1100, 1150, 1200, 1250, 1300],
    }


def statistics_row(device: EspHead) -> dict[str, float]:
    told = _telemetry(device)
    return {
        "hashrate": told["hashRate"],
        "hashrate_1m": told["hashRate_1m"],
        "hashrate_10m": told["hashRate_10m"],
        "hashrate_1h": told["hashRate_1h"],
        "errorPercentage": told["errorPercentage"],
        "asicTemp": told["temp"],
        "asicTemp2": told["temp2"],
        "vrTemp": told["vrTemp"],
        "asicVoltage": told["coreVoltageActual"],
        "voltage": told["voltage"],
        "power": told["power"],
        "current": told["current"],
        "fanSpeed": told["fanspeed"],
        "fanRpm": told["fanrpm"],
        "fan2Rpm": told["fan2rpm"],
        "wifiRssi": _RSSI_DBM,
        "freeHeap": FREE_HEAP,
        "responseTime": told["responseTime"],
        "timestamp": round(device.uptime_s * 1e3),
    }


def _telemetry(device: EspHead) -> dict[str, Any]:
    board, counts, rate = device.board, device.counts, device.rate
    power_w = board.power_w
    hashing = board.powered
    session = device.link.session
    return {
        "power": round(power_w, 2),
        "voltage": SUPPLY_MV,
        "current": round(power_w / SUPPLY_MV * 1e6, 2),
        "temp": round(board.chip_c, 3),
        "temp2": -1,
        "vrTemp": round(board.regulator_c),
        "coreVoltageActual": round(board.core_mv),
        "actualFrequency": round(board.frequency_mhz, 4) if hashing else 50.0,
        "expectedHashrate": device.nvs["frequency"] * CORES / 1000 if hashing else 0.0,
        "fanspeed": round(board.fan_percent, 1),
        "fanrpm": board.rpm,
        "fan2rpm": 0,
        "hashRate": rate.smoothed / 1e9 if hashing else 0.0,
        "hashRate_1m": rate.mean(60) / 1e9,
        "hashRate_10m": rate.mean(600) / 1e9,
        "hashRate_1h": rate.mean(3600) / 1e9,
        "errorPercentage": 0.0,
        "sharesAccepted": counts.accepted,
        "sharesRejected": counts.rejected,
        "bestDiff": round(max(device.best_ever, counts.best)),
        "bestSessionDiff": round(counts.best),
        "poolDifficulty": session.difficulty if session is not None else 0,
        "responseTime": round(counts.response_ms, 1),
        "responseShareBatch": 1,
        "processTime": round(counts.process_ms, 1),
        "workReceived": counts.jobs,
        "blockFound": 0,
        "showNewBlock": False,
        "freeHeap": FREE_HEAP,
        "freeHeapInternal": 118_372,
        "freeHeapSpiram": 7_900_000,
        "minFreeHeap": 180_000,
        "maxAllocHeap": 69_632,
        "uptimeSeconds": int(device.uptime_s),
        "totalUptimeSeconds": int(device.total_uptime_s),
        "cpuUsage": 6.5,
        "miningPaused": device.paused,
        "overheat_mode": int(device.nvs["overheat_mode"]),
        "wifiStatus": "Connected!",
        "networkStatus": "Connected!",
        "wifiRSSI": _RSSI_DBM,
    }


def _identity(device: EspHead) -> dict[str, Any]:
    return {
        "version": "v2.15.0",
        "axeOSVersion": "v2.15.0",
        "idfVersion": "v5.5.1",
        "boardVersion": "201",
        "maxPower": 25,
        "nominalVoltage": 5,
        "smallCoreCount": CORES,
        "ASICModel": "BM1366",
        "minerModel": "LV06",
        "isPSRAMAvailable": 1,
        "resetReason": device.reset_reason,
        "runningPartition": "factory",
        "macAddr": "02:00:00:4C:56:06",
        "hostname": device.nvs["hostname"],
        "ssid": device.nvs["ssid"],
        "ipv4": "127.0.0.1",
        "ipv6": "",
        "apEnabled": 0,
        "networkMode": "wifi",
    }


def _pools(device: EspHead) -> dict[str, Any]:
    nvs = device.nvs
    listed = [
        {"id": slot} | pool | {"stratumPassword": _MASK}
        for slot, pool in enumerate(nvs["pools"])
        if pool is not None
    ]
    members = {
        "poolConnectionInfo": "IPv4" if device.link.connected else "Not Connected",
        "isUsingFallbackStratum": int(device.uses_fallback),
        "primaryPoolIndex": nvs["primaryPoolIndex"],
        "secondaryPoolIndex": nvs["secondaryPoolIndex"],
        "useFallbackStratum": int(nvs["useFallbackStratum"]),
        "pools": listed,
    }
    primary = _mirrored(device.pool_in(nvs["primaryPoolIndex"]), "")
    return members | primary | _mirrored(device.pool_in(nvs["secondaryPoolIndex"]), "fallback")


def _mirrored(pool: dict[str, Any] | None, prefix: str) -> dict[str, Any]:
    """The flat members of before v2.15; without passwords."""
    head = f"{prefix}Stratum" if prefix else "stratum"
    values = pool or EMPTY_POOL
    return {head + name: values[f"stratum{name}"] for name in _MIRRORED}


def _preferences(device: EspHead) -> dict[str, Any]:
    nvs = device.nvs
    return {
        "overclockEnabled": int(nvs["overclockEnabled"]),
        "display": nvs["display"],
        "rotation": nvs["rotation"],
        "invertscreen": int(nvs["invertscreen"]),
        "displayTimeout": nvs["displayTimeout"],
        "autofanspeed": int(nvs["autofanspeed"]),
        "manualFanSpeed": nvs["manualFanSpeed"],
        "minFanSpeed": nvs["minFanSpeed"],
        "temptarget": nvs["temptarget"],
        "coreVoltage": nvs["coreVoltage"],
        "frequency": nvs["frequency"],
        "statsFrequency": nvs["statsFrequency"],
        "statsLimit": 720,
    }


def _lists(device: EspHead) -> dict[str, Any]:
    total_ghs = device.rate.smoothed / 1e9
    chip = {"total": total_ghs, "errorCount": 0, "domains": [total_ghs / _DOMAINS] * _DOMAINS}
    reasons = device.counts.reasons.most_common()
    return {
        "hashrateMonitor": {"asics": [chip]},
        "partitions": [],
        "sharesRejectedReasons": [{"message": words, "count": count} for words, count in reasons],
    }
