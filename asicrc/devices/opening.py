"""From a device URL to an open device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import entry_points

from asicrc.devices.bm1366 import Bm1366Device
from asicrc.devices.chip_line import MOST_ANSWERS, ChipLine
from asicrc.devices.chip_settings import fast_baud
from asicrc.devices.replay import open_replay
from asicrc.devices.scale import SCALE_OPTIONS, Scale
from asicrc.devices.url import URL_FORMS, DeviceUrl
from asicrc.errors import DeviceError, UsageError
from asicrc.transports.serial_port import SerialTransport
from firmware_protocols.bm13xx import (
    ChipModel,
    ReadRegister,
    Register,
    RegisterResponse,
    model_by_chip_id,
    model_by_name,
)
from firmware_protocols.device import DeviceIdentity, DeviceProtocol
from firmware_protocols.errors import ProtocolError

ENTRY_POINTS = "asicrc.devices"
RESET_BAUD = 115_200
"""What adapters call the chip's 115,740 after reset; 0.5 % apart, which 8N1 does not notice."""
PROBE_ROUNDS = 3
DRIVEN_CHIPS = ("BM1366",)


@contextmanager
def open_device(text: str) -> Iterator[DeviceProtocol]:
    """Open the device behind a URL and close it again; nothing is written to it here but a read request.

    Raises UsageError for a URL that means nothing, DeviceError for a device that is not there or is
    another one than was said.
    """
    url = DeviceUrl.parse(text)
    if url.scheme == "serial":
        device: DeviceProtocol = _open_serial(url)
    elif url.scheme == "replay":
        device = open_replay(url)
    else:
        with _provided(url) as device:
            yield device
        return
    try:
        yield device
    finally:
        device.close()


@contextmanager
def _provided(url: DeviceUrl) -> Iterator[DeviceProtocol]:
    """A device that another package provides: as an object, or as the URL of an emulator it started."""
    for entry_point in entry_points(group=ENTRY_POINTS, name=url.scheme):
        with ExitStack() as stack:
            try:
                endpoint = stack.enter_context(entry_point.load()(url.text))
            except ValueError as error:
                raise UsageError(str(error), "`asicrc devices` lists what can be opened") from None
            except RuntimeError as error:
                raise DeviceError(f"{url.text} does not start: {error}", "its own message is above") from None
            if isinstance(endpoint, str):
                yield stack.enter_context(open_device(endpoint))
            else:
                yield endpoint
        return
    forms = ", ".join(form for form, _ in URL_FORMS)
    raise UsageError(f"nothing here opens {url.scheme}: URLs", f"the forms are: {forms}")


@contextmanager
def listening_line(text: str) -> Iterator[ChipLine]:
    """A serial line with nothing sent on it, for looking at what comes."""
    url = DeviceUrl.parse(text)
    if url.scheme != "serial":
        raise UsageError(f"{text!r} is no serial line to listen on", "passive checks take serial: URLs")
    line, _ = _serial_line(url)
    try:
        yield line
    finally:
        line.transport.close()


def _open_serial(url: DeviceUrl) -> Bm1366Device:
    line, scale = _serial_line(url)
    try:
        bauds = (line.transport.baud,) if "baud" in url.options else (RESET_BAUD, fast_baud(line.model))
        answers = _find_chips(line, bauds)
        _check_model(line, line.model, answers)
        return Bm1366Device(line, _identity(url, line, scale, answers), scale)
    except BaseException:
        line.transport.close()
        raise


def _serial_line(url: DeviceUrl) -> tuple[ChipLine, Scale]:
    url.reject_unknown({"chip", "baud"} | SCALE_OPTIONS)
    try:
        model = model_by_name(url.options.get("chip", DRIVEN_CHIPS[0]))
    except ProtocolError as error:
        raise UsageError(str(error)) from None
    if model.name not in DRIVEN_CHIPS:
        raise UsageError(f"there is no driver for the {model.name} yet", f"driven: {', '.join(DRIVEN_CHIPS)}")
    scale = Scale.from_url(url, model)
    baud = int(url.number("baud", RESET_BAUD, 1200, 4_000_000) or RESET_BAUD)
    return ChipLine(SerialTransport(url.target, baud), model, scale.zero_bits), scale


def _find_chips(line: ChipLine, bauds: tuple[int, ...]) -> list[RegisterResponse]:
    """Ask for the chip ids at each rate, a few times over: a board may still be waking up."""
    for _ in range(PROBE_ROUNDS):
        for baud in bauds:
            line.set_baud(baud)
            answers = line.ask(ReadRegister(Register.CHIP_ID))
            if len(answers) > MOST_ANSWERS:
                raise DeviceError(
                    f"{line.transport.path} brings more answers than there can be chips on a line "
                    f"({MOST_ANSWERS}), without end",
                    "look at what is connected there: `asicrc check --passive`",
                )
            if answers:
                line.observer.baud = baud
                return answers
    path = line.transport.path
    tried = " and ".join(f"{baud}" for baud in bauds)
    counters = line.observer.wire_counters()
    heard = counters["skipped_bytes"] + counters["damaged_frames"]
    if heard:
        raise DeviceError(
            f"{path} answers at {tried} baud with {heard} bytes that are no frames of a {line.model.name}",
            "the baud rate is probably another one (?baud=), or this is not the chip's line",
        )
    raise DeviceError(
        f"no chip answers on {path} at {tried} baud",
        "check power, that the chip is out of reset, TX/RX crossing, the voltage level, and ?baud=",
    )


def _check_model(line: ChipLine, model: ChipModel, answers: list[RegisterResponse]) -> None:
    for answer in answers:
        found = answer.value >> 16
        if found != model.chip_id:
            other = model_by_chip_id(found)
            name = other.name if other else f"chip id {found:04x}"
            raise DeviceError(
                f"{line.transport.path} answers as {name}, not as {model.name}",
                f"open it with chip={name.lower()}"
                if other
                else f"known models are needed: {', '.join(DRIVEN_CHIPS)}",
            )


def _identity(
    url: DeviceUrl, line: ChipLine, scale: Scale, answers: list[RegisterResponse]
) -> DeviceIdentity:
    return DeviceIdentity(
        url=url.text,
        family="bm13xx",
        model=line.model.name,
        chips=len(answers),
        chip_ids=tuple(answer.value for answer in answers),
        simulated=scale.simulated,
        details={
            "baud_at_open": line.transport.baud,
            "latency_timer_ms": line.transport.latency_timer_ms(),
            "zero_bits": scale.zero_bits,
            "cores": scale.cores,
            "subcores": scale.subcores,
            "hashing_units": scale.hashing_units,
            "time_scale": scale.time_scale,
        },
    )
