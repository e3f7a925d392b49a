"""AxeOS (ESP-Miner): the HTTP interface of Bitaxe and LV06-class boards, both ends, in four generations.

Nothing here opens a connection. A host encodes a request, sends it, and reads the reply:

    encode_request(GetInfo(), ESP_OLD)                  read_info(reply) -> AxeosInfo | Refused
    encode_request(ChangeSettings(settings), profile)   read_settings_reply(reply) -> Done | Refused
    unmet(settings, later_info)                         {} when it came true

QUIRKS.md beside this file tells what the firmware does differently from what is written about it.
"""

from firmware_protocols.axeos.info import AxeosInfo, ChipHashRate, RejectedReason
from firmware_protocols.axeos.info_codec import info_from, read_info, redacted, write_info
from firmware_protocols.axeos.pools import MASK, SLOTS, AxeosPool, split_url
from firmware_protocols.axeos.profiles import (
    ESP_FAN,
    ESP_HEAD,
    ESP_LIVE,
    ESP_OLD,
    PROFILES,
    Action,
    Generation,
    Profile,
    detect_profile,
)
from firmware_protocols.axeos.replies import (
    AsicOptions,
    BestShare,
    Statistics,
    read_asic,
    read_done,
    read_scoreboard,
    read_settings_reply,
    read_statistics,
    write_acted,
    write_asic,
    write_message,
    write_refusal,
    write_scoreboard,
    write_settings_reply,
    write_statistics,
)
from firmware_protocols.axeos.requests import (
    MAX_BODY,
    Act,
    ChangeSettings,
    DeletePool,
    GetAsic,
    GetInfo,
    GetScoreboard,
    GetStatistics,
    PutPool,
    ReceivedRequest,
    Request,
    decode_request,
    encode_request,
)
from firmware_protocols.axeos.settings import AxeosSettings, unmet
from firmware_protocols.axeos.settings_codec import Update, read_settings, settings_body
from firmware_protocols.http_messages import Done, HttpReply, HttpRequest, Refused

__all__ = [
    "ESP_FAN",
    "ESP_HEAD",
    "ESP_LIVE",
    "ESP_OLD",
    "MASK",
    "MAX_BODY",
    "PROFILES",
    "SLOTS",
    "Act",
    "Action",
    "AsicOptions",
    "AxeosInfo",
    "AxeosPool",
    "AxeosSettings",
    "BestShare",
    "ChangeSettings",
    "ChipHashRate",
    "DeletePool",
    "Done",
    "Generation",
    "GetAsic",
    "GetInfo",
    "GetScoreboard",
    "GetStatistics",
    "HttpReply",
    "HttpRequest",
    "Profile",
    "PutPool",
    "ReceivedRequest",
    "Refused",
    "RejectedReason",
    "Request",
    "Statistics",
    "Update",
    "decode_request",
    "detect_profile",
    "encode_request",
    "info_from",
    "read_asic",
    "read_done",
    "read_info",
    "read_scoreboard",
    "read_settings",
    "read_settings_reply",
    "read_statistics",
    "redacted",
    "settings_body",
    "split_url",
    "unmet",
    "write_acted",
    "write_asic",
    "write_info",
    "write_message",
    "write_refusal",
    "write_scoreboard",
    "write_settings_reply",
    "write_statistics",
]
