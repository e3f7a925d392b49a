"""The web API of Goldshell's boxes: a token that never changes, settings that are written back whole, pools.

Paths and members from UpstreamData/pyasic: pyasic/web/goldshell.py and from what was published of an SC-BOX
with firmware 2.2.5. Not known of an LB-Box: anything.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

from simulators.miners.http_port import Answer, Request
from simulators.miners.lbbox.box import BoxPool

if TYPE_CHECKING:
    from simulators.miners.lbbox.firmware import LbBox

USER, PASSWORD = "admin", "123456789"
ENCRYPTED = "bbad7537f4c8b6ea31eea0b3d760e257"
"""The same password as newer firmware wants it: pyasic's constant."""
FIRMWARE = "2.2.3"
_FLAKY_EVERY = 7


class Goldshell:
    def __init__(self, box: LbBox) -> None:
        self._box = box
        self._authorised = 0
        self._unknown: dict[str, Any] = {}
        """Members of the setting that mean nothing here, and are kept."""
        parts = ({"alg": "RS256", "typ": "JWT"}, {"user": USER}, {"seed": box.options.seed})
        self.token = ".".join(_segment(part) for part in parts)

    def respond(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET", "/user/logout":
                return Answer.json({"code": 0})
            case "GET", "/user/login":
                return self._login(request.query)
            case "GET", "/mcb/status":
                return Answer.json(self._status())
            case "GET", "/" | "/index.html":
                return Answer(200, b"<html><title>cloud-box</title></html>", "text/html")
            case "OPTIONS", _:
                return Answer()
        if not self._let_in(request):
            return Answer.text("Check Token Error", 401)
        return self._authorised_reply(request)

    def _authorised_reply(self, request: Request) -> Answer:
        box = self._box
        match request.method, request.path:
            case "GET", "/mcb/setting":
                return Answer.json(self._setting())
            case "PUT", "/mcb/setting":
                return self._put_setting(request.json())
            case "GET", "/mcb/pools":
                return Answer.json(self._pools())
            case "PUT", "/mcb/pools" | "/mcb/newpool" | "/mcb/delpool":
                return self._change_pools(request.path, request.json())
            case "GET", "/mcb/cgminer" if request.query.get("cgminercmd") == "devs":
                return Answer.json({"status": 2, "data": [self._board()]})
            case "PUT", "/mcb/restart":
                box.restart("restart over the API")
                return Answer.json({"code": 0})
        return Answer.text("404 page not found", 404)

    def _login(self, query: dict[str, str]) -> Answer:
        """Firmware that wants the password encrypted answers a plain one with what is no JSON."""
        encrypted = query.get("cipher") == "true"
        if self._box.options.login == "cipher" and not encrypted:
            return Answer.text("password error")
        right = ENCRYPTED if encrypted else PASSWORD
        if query.get("username") != USER or query.get("password") != right:
            return Answer.json({"code": 1, "msg": "password error"})
        return Answer.json({"JWT Token": self.token})

    def _let_in(self, request: Request) -> bool:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return False
        self._authorised += 1
        return not (self._box.options.flaky_tokens and self._authorised % _FLAKY_EVERY == 0)

    def _status(self) -> dict[str, Any]:
        return {
            "model": "Goldshell-LBBox",
            "hardware": "40.40.LA",
            "mcbversion": "MCB_V5_4",
            "firmware": FIRMWARE,
        }

    def _setting(self) -> dict[str, Any]:
        box = self._box
        return {
            "select": box.select,
            "tempcontrol": True,
            "ledcontrol": True,
            "manualPowerplan": box.plans[0].info,
            "name": "02:00:00:4C:42:43",
            "powerplans": [{"level": plan.level, "info": plan.info} for plan in box.plans],
            "manual": False,
            "temp_targets": [60.0, 75.0],
            "version": "v2.1",
            "temp_target": box.temp_target_c,
        } | self._unknown

    def _put_setting(self, value: Any) -> Answer:
        """The whole object; what is not in it stays, and a plan that there is not is passed over."""
        if not isinstance(value, dict):
            return Answer.text("invalid character in the body", 500)
        select, target_c = value.get("select"), value.get("temp_target")
        if isinstance(select, int) and not isinstance(select, bool) and 0 <= select < len(self._box.plans):
            self._box.choose_plan(select)
        ignored = self._box.options.faults.ignore_settings
        if isinstance(target_c, int | float) and not math.isnan(target_c) and not ignored:
            self._box.temp_target_c = float(min(max(target_c, 60.0), 75.0))
        kept = {
            name: value[name] for name in ("tempcontrol", "ledcontrol") if isinstance(value.get(name), bool)
        }
        if not ignored:
            self._unknown |= kept
        return Answer.json({"code": 0})

    def _pools(self) -> list[dict[str, Any]]:
        box = self._box
        return [
            {
                "url": pool.url,
                "active": number == box.link.index and box.link.connected,
                "dragid": number,
                "user": pool.user,
                "pool-priority": number,
                "pass": pool.password,
                "legal": True,
            }
            for number, pool in enumerate(box.box_pools)
        ]

    def _change_pools(self, path: str, value: Any) -> Answer:
        pools = list(self._box.box_pools)
        if path == "/mcb/pools":
            listed = [_pool(item) for item in value] if isinstance(value, list) else [None]
            if not all(listed):
                return Answer.text("invalid pools", 500)
            pools = [pool for pool in listed if pool is not None]
        else:
            pool = _pool(value)
            if pool is None:
                return Answer.text("invalid pool", 500)
            if path == "/mcb/newpool":
                pools.append(pool)
            else:
                place = value.get("dragid")
                pools = [
                    entry
                    for number, entry in enumerate(pools)
                    if not (entry == pool and place in (number, None))
                ]
        self._box.change_pools(pools)
        return Answer.json(self._pools())

    def _board(self) -> dict[str, Any]:
        box = self._box
        return {
            "id": 0,
            "hashrate": round(box.rate.smoothed / 1e6, 2),
            "av_hashrate": round(box.rate.mean(box.uptime_s) / 1e6, 2),
            "accepted": box.counts.accepted,
            "rejected": box.counts.rejected,
            "hwerrors": 0,
            "hwerr_ration": 0.0,
            "nonces": box.counts.tickets,
            "time": int(box.uptime_s),
            "temp": f"{box.model.temperature_c - 7:.1f} °C",
            "fanspeed": f"{box.rpm} rpm / {box.rpm} rpm",
            "powerplan": box.plan.level,
            "minerstatus": 0,
        }


def _pool(value: Any) -> BoxPool | None:
    if not isinstance(value, dict):
        return None
    url, user, password = value.get("url"), value.get("user"), value.get("pass", "")
    if not (isinstance(url, str) and isinstance(user, str) and isinstance(password, str) and url and user):
        return None
    return BoxPool(url, user, password)


def _segment(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
