"""Opening chips on a plain serial line: `serial:PORT?chip=MODEL`."""

from __future__ import annotations

from typing import Any

from asicrc.devices.chain_device import ChainDevice
from asicrc.devices.chip_line import MOST_ANSWERS, ChipLine
from asicrc.devices.chip_settings import RESET_BAUD, fast_baud
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.lines import CHIP, Lines
from asicrc.devices.scale import SCALE_OPTIONS, Scale
from asicrc.devices.url import DeviceUrl
from asicrc.devices.watch import Watch
from asicrc.errors import DeviceError, UsageError
from firmware_protocols.bm13xx import (
    MODELS,
    ChipModel,
    ReadRegister,
    RegisterResponse,
    midstate_variant,
    model_by_chip_id,
    model_by_name,
)
from firmware_protocols.device import DeviceIdentity
from firmware_protocols.errors import ProtocolError

PROBE_ROUNDS = 3
USUAL_CHIP = "BM1366"
DRIVEN_CHIPS = tuple(model.name for model in MODELS.values() if model.init is not None)


def open_chain(
    url: DeviceUrl, lines: Lines, limits: LimitsInForce, *, takes_work: bool = True
) -> ChainDevice:
    """Raises UsageError for options that mean nothing, DeviceError for chips that are not there or others."""
    line, scale = chip_line(url, lines, limits)
    try:
        bauds = tuple(dict.fromkeys((line.transport.baud, RESET_BAUD, fast_baud(line.model))))
        answers = find_chips(line, bauds)
        if not answers:
            raise nobody_answers(line, bauds)
        check_model(line, answers)
        envelope = limits.envelope(None, line.model.name)
        watch = Watch(line.transport.path, [line.transport.descriptor])
        identity = chain_identity(url, line, scale, answers)
        return ChainDevice(
            line, identity, scale, envelope, watch=watch, takes_work=takes_work, log=limits.remarks()
        )
    except BaseException:
        line.transport.close()
        raise


def chip_line(url: DeviceUrl, lines: Lines, limits: LimitsInForce) -> tuple[ChipLine, Scale]:
    """The line of a serial: URL, open, with nothing sent on it."""
    url.reject_unknown({"chip", "baud", "midstates"} | SCALE_OPTIONS)
    model = model_of(url, USUAL_CHIP)
    envelope = limits.envelope(None, model.name)
    scale = Scale.from_url(url, model)
    baud = int(url.number("baud", RESET_BAUD, 1200, 4_000_000) or RESET_BAUD)
    transport = lines.open(CHIP, url.target, baud)
    return ChipLine(transport, model, scale.zero_bits, envelope.frequency_mhz), scale


def model_of(url: DeviceUrl, usual: str) -> ChipModel:
    """The chip that a URL names, with as many midstates a job as it says. Raises UsageError."""
    try:
        model = model_by_name(url.options.get("chip", usual))
    except ProtocolError as error:
        raise UsageError(str(error), f"driven: {', '.join(DRIVEN_CHIPS)}") from None
    if model.name not in DRIVEN_CHIPS:
        raise UsageError(f"there is no driver for the {model.name} yet", f"driven: {', '.join(DRIVEN_CHIPS)}")
    count = url.number("midstates", None, 1, 4)
    if count is None:
        return model
    if model.job_format != "midstate":
        raise UsageError(f"a {model.name} takes whole headers: midstates= means nothing to it")
    try:
        return midstate_variant(model, int(count))
    except ProtocolError as error:
        raise UsageError(str(error)) from None


def find_chips(line: ChipLine, bauds: tuple[int, ...]) -> list[RegisterResponse]:
    """Ask for the chip ids at each rate, a few times over: a board may still be waking up.

    Empty when none answers. Raises DeviceError for a line that does not stop answering.
    """
    frame = ReadRegister(line.model.registers.chip_id)
    for _ in range(PROBE_ROUNDS):
        for baud in bauds:
            line.set_baud(baud)
            answers = line.ask(frame)
            if answers and not line.was_clear and len(answers) <= MOST_ANSWERS:
                answers = line.ask_again(frame)  # one that was spoilt would be missing in the count of chips
            if len(answers) > MOST_ANSWERS:
                raise DeviceError(
                    f"{line.transport.path} brings more answers than there can be chips on a line "
                    f"({MOST_ANSWERS}), without end",
                    "look at what is connected there: `asicrc check --passive`",
                )
            if answers:
                line.observer.baud = baud
                return answers
    return []


def nobody_answers(line: ChipLine, bauds: tuple[int, ...]) -> DeviceError:
    """What to say when `find_chips` found none."""
    path = line.transport.path
    tried = " and ".join(f"{baud}" for baud in bauds)
    counters = line.observer.wire_counters()
    heard = counters["skipped_bytes"] + counters["damaged_frames"]
    if heard:
        return DeviceError(
            f"{path} answers at {tried} baud with {heard} bytes that are no frames of a {line.model.name}",
            "it may be another chip (?chip=) or baud rate (?baud=), or this is not the chip's line",
        )
    return DeviceError(
        f"no chip answers on {path} at {tried} baud",
        "check power, that the chip is out of reset, TX/RX crossing, the voltage level, ?chip= and ?baud=",
    )


def check_model(line: ChipLine, answers: list[RegisterResponse]) -> None:
    """Raises DeviceError unless all of the answers are of the line's model."""
    for answer in answers:
        found = answer.value >> 16
        if found != line.model.chip_id:
            other = model_by_chip_id(found)
            name = other.name if other else f"chip id {found:04x}"
            raise DeviceError(
                f"{line.transport.path} answers as {name}, not as {line.model.name}",
                f"open it with chip={name.lower()}"
                if other
                else f"known models are needed: {', '.join(DRIVEN_CHIPS)}",
            )


def chain_identity(
    url: DeviceUrl,
    line: ChipLine,
    scale: Scale,
    answers: list[RegisterResponse],
    *,
    chips: int | None = None,
    details: dict[str, Any] | None = None,
) -> DeviceIdentity:
    """`chips` where they cannot answer yet."""
    latency = line.transport.latency_timer
    return DeviceIdentity(
        url=url.text,
        family="bm13xx",
        model=line.model.name,
        chips=chips or len(answers),
        chip_ids=tuple(answer.value for answer in answers),
        simulated=scale.simulated,
        details={
            "baud_at_open": line.transport.baud,
            "latency_timer_found_ms": latency.found_ms,
            "latency_timer_ms": latency.now_ms,
            "zero_bits": scale.zero_bits,
            "cores": scale.cores,
            "subcores": scale.subcores,
            "hashing_units": scale.hashing_units,
            "time_scale": scale.time_scale,
            **(details or {}),
        },
    )
