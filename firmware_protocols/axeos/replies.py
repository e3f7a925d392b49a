"""The other replies of an AxeOS device: what its chip can be set to, statistics, best shares, "done"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_protocols.axeos.profiles import Action, Generation, Profile
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.http_messages import Done, HttpReply, Refused, plain_message, refusal
from firmware_protocols.json_values import (
    Fields,
    JsonValue,
    as_integer,
    as_list,
    as_number,
    as_object,
    as_text,
    read_json,
    read_object,
    write_json,
)

MAX_PLAIN = 1024
PLAIN_TYPE = "text/plain"
_WORDS = {
    Action.RESTART: "System will restart shortly.",
    Action.PAUSE: "Mining paused",
    Action.RESUME: "Mining resumed",
    Action.IDENTIFY: 'The device says "Hi!" for 30 seconds.',
    Action.DISMISS_BLOCK: "Block found notification dismissed",
}


@dataclass(frozen=True, slots=True)
class AsicOptions:
    """GET /api/system/asic. The options are those of the web page: advice, not limits."""

    asic_model: str | None = None
    device_model: str | None = None
    asic_count: int | None = None
    hash_domains: int | None = None
    default_frequency_mhz: float | None = None
    frequency_options_mhz: tuple[float, ...] = ()
    default_voltage_mv: float | None = None
    voltage_options_mv: tuple[float, ...] = ()
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Statistics:
    """GET /api/system/statistics: one row a sample, one value a label; times in ms since the start."""

    now_ms: float
    labels: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class BestShare:
    """One of GET /api/system/scoreboard; `nonce` and `version_bits` are integers of the header."""

    difficulty: float
    job_id: str
    extranonce2: str
    ntime: int
    nonce: int
    version_bits: int


def read_asic(reply: HttpReply) -> AsicOptions | Refused:
    """Raises RemoteProtocolError for a body that is none."""
    refused = refusal(reply)
    if refused is not None:
        return refused
    fields = Fields(read_object(reply.body, "/api/system/asic"), "/api/system/asic")
    return AsicOptions(
        asic_model=fields.text("ASICModel"),
        device_model=fields.text("deviceModel"),
        asic_count=fields.integer("asicCount"),
        hash_domains=fields.integer("hashDomains"),
        default_frequency_mhz=fields.number("defaultFrequency"),
        frequency_options_mhz=_numbers(fields, "frequencyOptions"),
        default_voltage_mv=fields.number("defaultVoltage"),
        voltage_options_mv=_numbers(fields, "voltageOptions"),
        extra=fields.rest,
    )


def write_asic(options: AsicOptions) -> HttpReply:
    members = {
        "ASICModel": options.asic_model,
        "deviceModel": options.device_model,
        "asicCount": options.asic_count,
        "hashDomains": options.hash_domains,
        "defaultFrequency": options.default_frequency_mhz,
        "frequencyOptions": list(options.frequency_options_mhz),
        "defaultVoltage": options.default_voltage_mv,
        "voltageOptions": list(options.voltage_options_mv),
    }
    told = {key: value for key, value in members.items() if value is not None}
    return HttpReply(200, write_json(told | dict(options.extra)))


def read_statistics(reply: HttpReply) -> Statistics | Refused:
    """Raises RemoteProtocolError for a body that is none, or a row that is not as wide as the labels."""
    refused = refusal(reply)
    if refused is not None:
        return refused
    where = "/api/system/statistics"
    members = read_object(reply.body, where)
    listed = as_list(members.get("labels"), f"{where}: labels")
    labels = tuple(as_text(label, f"{where}: labels[{i}]") for i, label in enumerate(listed))
    rows = []
    for i, row in enumerate(as_list(members.get("statistics"), f"{where}: statistics")):
        at = f"{where}: statistics[{i}]"
        values = as_list(row, at)
        if len(values) != len(labels):
            raise RemoteProtocolError(f"{at}: {len(values)} values for {len(labels)} labels")
        rows.append(tuple(as_number(value, f"{at}[{k}]") for k, value in enumerate(values)))
    now_ms = as_number(members.get("currentTimestamp"), f"{where}: currentTimestamp")
    return Statistics(now_ms, labels, tuple(rows))


def write_statistics(statistics: Statistics) -> HttpReply:
    members = {
        "currentTimestamp": statistics.now_ms,
        "labels": list(statistics.labels),
        "statistics": [list(row) for row in statistics.rows],
    }
    return HttpReply(200, write_json(members))


def read_scoreboard(reply: HttpReply) -> tuple[BestShare, ...] | Refused:
    """Best first. Raises RemoteProtocolError for a body that is none."""
    refused = refusal(reply)
    if refused is not None:
        return refused
    where = "/api/system/scoreboard"
    shares = as_list(read_json(reply.body, where), where)
    return tuple(_share(share, f"{where}[{i}]") for i, share in enumerate(shares))


def write_scoreboard(shares: tuple[BestShare, ...]) -> HttpReply:
    listed = [
        {
            "difficulty": share.difficulty,
            "job_id": share.job_id,
            "extranonce2": share.extranonce2,
            "ntime": share.ntime,
            "nonce": f"{share.nonce:08X}",
            "version_bits": f"{share.version_bits:08X}",
        }
        for share in shares
    ]
    return HttpReply(200, write_json(listed))


def read_settings_reply(reply: HttpReply) -> Done | Refused:
    """Of a PATCH. A 200 has no body, or an object where the host name changed; what was set it does not say.

    Raises RemoteProtocolError for a 200 with another body, such as the web page of something else.
    """
    refused = refusal(reply)
    if refused is not None:
        return refused
    if reply.body:
        read_object(reply.body, "PATCH /api/system", limit=MAX_PLAIN)
    return Done()


def read_done(reply: HttpReply) -> Done | Refused:
    """Of anything else that changes the device: an object with a message, or, up to v2.8, plain text.

    Raises RemoteProtocolError for a 200 that is longer than any such message.
    """
    refused = refusal(reply)
    if refused is not None:
        return refused
    if len(reply.body) > MAX_PLAIN:
        raise RemoteProtocolError(
            f"{len(reply.body)} bytes where a short message belongs; is this an AxeOS device?"
        )
    return Done(plain_message(reply.body) or None)


def write_settings_reply() -> HttpReply:
    return HttpReply(200)


def write_acted(action: Action, profile: Profile) -> HttpReply:
    if profile.generation is Generation.OLD:
        return HttpReply(200, _WORDS[action].encode(), PLAIN_TYPE)
    return write_message(_WORDS[action])


def write_message(message: str) -> HttpReply:
    """200 with a message, as for HEAD's pools: "Pool updated successfully", "Pool cleared successfully"."""
    return HttpReply(200, write_json({"message": message}))


def write_refusal(status: int, message: str) -> HttpReply:
    """As the firmware refuses, in plain text: 400 `Wrong API input`, `Invalid JSON`, 401 `Unauthorized`."""
    return HttpReply(status, message.encode("utf-8", "replace"), PLAIN_TYPE)


def _numbers(fields: Fields, key: str) -> tuple[float, ...]:
    values = fields.members(key) or []
    return tuple(as_number(value, f"{fields.at(key)}[{i}]") for i, value in enumerate(values))


def _share(value: JsonValue, where: str) -> BestShare:
    members = as_object(value, where)
    return BestShare(
        difficulty=as_number(members.get("difficulty"), f"{where}: difficulty"),
        job_id=as_text(members.get("job_id"), f"{where}: job_id"),
        extranonce2=as_text(members.get("extranonce2"), f"{where}: extranonce2"),
        ntime=as_integer(members.get("ntime"), f"{where}: ntime"),
        nonce=_word(members.get("nonce"), f"{where}: nonce"),
        version_bits=_word(members.get("version_bits"), f"{where}: version_bits"),
    )


def _word(value: JsonValue, where: str) -> int:
    text = as_text(value, where)
    if not 0 < len(text) <= 8 or any(digit not in "0123456789abcdefABCDEF" for digit in text):
        raise RemoteProtocolError(f"{where}: not a word of 32 bits in hexadecimal")
    return int(text, 16)
