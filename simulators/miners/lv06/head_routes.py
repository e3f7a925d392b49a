"""The routes of AxeOS at HEAD, and what it answers on them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from simulators.miners.http_port import Answer, Request
from simulators.miners.lv06.esp_firmware import parsed_object
from simulators.miners.lv06.head_info import STATISTICS, asic_options
from simulators.miners.lv06.head_settings import POOL_SLOTS, SettingRefused, checked_pool

if TYPE_CHECKING:
    from simulators.miners.lv06.esp_head import EspHead

MAX_BODY = 10_240
_POOL = re.compile(r"/api/system/pools/(-?\d{1,4})", re.ASCII)


def respond(device: EspHead, request: Request) -> Answer:
    if len(request.body) >= MAX_BODY:
        return Answer.text("content too long", 500)
    place = _POOL.fullmatch(request.path)
    match request.method, request.path:
        case "GET", "/api/system/info":
            host = f"{device.nvs['hostname']}.local"
            return Answer.json(device.info() | {"fullHostname": host, "mdnsHostname": device.nvs["hostname"]})
        case "GET", "/api/system/asic":
            return Answer.json(asic_options())
        case "GET", "/api/system/statistics":
            return Answer.json(_statistics(device, request.query.get("columns", "")))
        case "GET", "/api/system/scoreboard":
            return Answer.json(device.scores)
        case "GET", "/api/system/logs":
            return Answer.text("".join(f"{line}\n" for line in device.lines))
        case "GET", "/api/system/wifi/scan":
            return Answer.json({"networks": []})
        case "PATCH", "/api/system":
            return _change(device, request.body)
        case "POST", "/api/system/restart":
            device.restart("Software reset via esp_restart")
            return _said("System will restart shortly.")
        case "POST", "/api/system/pause":
            device.pause(True)
            return _said("Mining paused")
        case "POST", "/api/system/resume":
            device.pause(False)
            return _said("Mining resumed")
        case "POST", "/api/system/identify":
            return _said('The device says "Hi!" for 30 seconds.')
        case "POST", "/api/system/blockFound/dismiss":
            dismissed = {"blockFound": 0, "showNewBlock": False}
            return Answer.json(dismissed | {"message": "Block found notification dismissed"})
        case "PUT", _ if place:
            return _put_pool(device, int(place[1]), request.body)
        case "DELETE", _ if place:
            return _delete_pool(device, int(place[1]))
        case "OPTIONS", _:
            return Answer()
        case "GET", "/" | "/index.html":
            return Answer(200, b"<html><title>AxeOS</title></html>", "text/html")
    return Answer(404, json.dumps({"error": "unknown route"}).encode())


def _change(device: EspHead, body: bytes) -> Answer:
    members = parsed_object(body)
    if members is None:
        return Answer.text("Invalid JSON", 400)
    before = device.nvs["hostname"]
    try:
        device.change(members)
    except SettingRefused:
        return Answer.text("Wrong API input", 400)
    if device.nvs["hostname"] != before:
        words = "Hostname updated. Redirecting to new address..."
        redirect = {"url": f"http://{device.nvs['hostname']}.local", "delay": 2000, "message": words}
        return Answer.json({"status": "success", "redirect": redirect})
    return Answer()


def _put_pool(device: EspHead, slot: int, body: bytes) -> Answer:
    if not 0 <= slot < POOL_SLOTS:
        return Answer.text("Invalid pool index", 400)
    members = parsed_object(body)
    if members is None:
        return Answer.text("Invalid JSON", 400)
    try:
        device.put_pool(slot, checked_pool(members))
    except SettingRefused:
        return Answer.text("Invalid pool configuration payload", 400)
    return _said("Pool updated successfully")


def _delete_pool(device: EspHead, slot: int) -> Answer:
    if not 0 <= slot < POOL_SLOTS:
        return Answer.text("Invalid pool index", 400)
    if slot in (device.nvs["primaryPoolIndex"], device.nvs["secondaryPoolIndex"]):
        words = "Cannot delete a pool that is currently selected as primary or fallback"
        return Answer.text(words, 400)
    device.put_pool(slot, None)
    return _said("Pool cleared successfully")


def _statistics(device: EspHead, columns: str) -> dict[str, Any]:
    asked = [name for name in columns.split(",") if name in STATISTICS[:-1]]
    labels = [name for name in STATISTICS[:-1] if not asked or name in asked] + [STATISTICS[-1]]
    rows = [[row[name] for name in labels] for row in device.statistics]
    return {"currentTimestamp": round(device.uptime_s * 1e3), "labels": labels, "statistics": rows}


def _said(message: str) -> Answer:
    return Answer.json({"message": message})
