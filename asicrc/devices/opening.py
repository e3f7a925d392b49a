"""From a device URL to an open device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from asicrc.bench.station import Station, find_station, load_station, station_snapshot
from asicrc.devices.bitaxe_opening import board_of, open_bitaxe_raw
from asicrc.devices.bundle import read_bundle
from asicrc.devices.chain_opening import USUAL_CHIP, chip_line, model_of, open_chain
from asicrc.devices.chip_line import ChipLine
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.lines import CHIP, CONTROL, Lines, RecordedDeviceLines, SerialLines, WitnessedLines
from asicrc.devices.network.network_url import NETWORK_SCHEMES
from asicrc.devices.recorded_requests import BoardRequests, ChipFrames
from asicrc.devices.replay import open_replay
from asicrc.devices.served_miners import open_served_miners
from asicrc.devices.url import URL_FORMS, DeviceUrl
from asicrc.errors import BadFile, DeviceError, UsageError
from asicrc.transports.recording import WireRecord
from firmware_protocols.bm13xx import model_by_name
from firmware_protocols.device import DeviceProtocol

ENTRY_POINTS = "asicrc.devices"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a device is opened with, beside its URL.

    `station` narrows the limits (`find_station`); what it asks beyond the built-in ones counts only with
    `allow_beyond`. Everything that passes on the device's lines is kept in `record`, if there is one. A
    device that takes its time `say`s to a person what for, and gives up once `stop_asked`.
    """

    station: Station | None
    allow_beyond: bool = False
    record: WireRecord | None = None
    say: Callable[[str], None] = lambda _: None
    stop_asked: Callable[[], bool] = lambda: False

    @classmethod
    def usual(cls) -> Circumstances:
        """With the station file that is found, if any. Raises BadFile for one that cannot be read."""
        path = find_station()
        return cls(None if path is None else load_station(path))

    def limits(self, url: str) -> LimitsInForce:
        """Those for the device behind a URL."""
        return LimitsInForce(self.station, self.allow_beyond, url)

    def remarks(self, url: str) -> list[str]:
        """What a user may not expect of the limits for a device."""
        return self.limits(url).remarks()

    def station_record(self, url: str) -> dict[str, Any] | None:
        """What the capture keeps of the station file; None without one."""
        if self.station is None:
            return None
        return station_snapshot(self.station, self.station.device_for(url))


@contextmanager
def open_device(text: str, circumstances: Circumstances | None = None) -> Iterator[DeviceProtocol]:
    """Open the device behind a URL and close it again; nothing is written to it here but read requests.

    Without `circumstances` they are the usual ones, so that no caller passes a station's limits by leaving
    them out. Raises UsageError for a URL that means nothing, DeviceError for a device that is not there or is
    another one than was said.
    """
    with _opened(DeviceUrl.parse(text), text, circumstances or Circumstances.usual()) as device:
        yield device


@contextmanager
def listening_line(text: str) -> Iterator[ChipLine]:
    """A serial line with nothing sent on it, for looking at what comes."""
    url = DeviceUrl.parse(text)
    if url.scheme != "serial":
        raise UsageError(f"{text!r} is no serial line to listen on", "passive checks take serial: URLs")
    line, _ = chip_line(url, SerialLines(), LimitsInForce.built_in())
    try:
        yield line
    finally:
        line.transport.close()


@contextmanager
def _opened(url: DeviceUrl, named: str, circumstances: Circumstances) -> Iterator[DeviceProtocol]:
    """`named` is the URL that the user wrote, by which the station file knows the device."""
    if url.scheme in ("serial", "bitaxe-raw"):
        lines: Lines = SerialLines()
        if circumstances.record is not None:
            lines = WitnessedLines(lines, circumstances.record)
        device = _direct(url, lines, LimitsInForce(circumstances.station, circumstances.allow_beyond, named))
    elif url.scheme in NETWORK_SCHEMES:
        from asicrc.devices.network.opening import open_network_miner  # brings an HTTP client with it

        limits = LimitsInForce(circumstances.station, circumstances.allow_beyond, named)
        device = open_network_miner(url, limits, circumstances.say, circumstances.stop_asked)
    elif url.scheme == "stratum":
        _check_no_limits_are_lost(circumstances.limits(named))
        device = open_served_miners(url, circumstances.say)
    elif url.scheme == "replay":
        device = open_replay(url)
    elif url.scheme == "bundle":
        device = _of_bundle(url)
    else:
        with _provided(url, named, circumstances) as device:
            yield device
        return
    try:
        yield device
    finally:
        device.close()


def _direct(
    url: DeviceUrl, lines: Lines, limits: LimitsInForce, *, takes_work: bool = True
) -> DeviceProtocol:
    if url.scheme == "bitaxe-raw":
        return open_bitaxe_raw(url, lines, limits, takes_work=takes_work)
    return open_chain(url, lines, limits, takes_work=takes_work)


def _of_bundle(url: DeviceUrl) -> DeviceProtocol:
    """The driver on recorded lines: it looks, sets and restores, but the work of then is not given again, so
    that nonces of then belong to no job. Other settings than those of then end it."""
    url.reject_unknown({"session"})
    bundle = read_bundle(Path(url.target))
    session = url.options.get("session", "check")
    chunks = bundle.session(session)
    if not chunks:
        known = ", ".join(sorted({chunk.session for chunk in bundle.chunks})) or "none"
        raise UsageError(f"{bundle.path} holds no session {session!r}", f"it holds: {known}")
    if bundle.url.scheme not in ("serial", "bitaxe-raw"):
        raise BadFile(f"{bundle.path} is of a {bundle.url.scheme}: device, which has no lines of its own", "")
    if bundle.url.scheme == "serial":
        chip = model_of(bundle.url, USUAL_CHIP)
    else:
        chip = model_by_name(board_of(bundle.url).chip)
    lines = RecordedDeviceLines(chunks, {CHIP: ChipFrames(chip), CONTROL: BoardRequests()})
    return _direct(bundle.url, lines, LimitsInForce.built_in(), takes_work=False)


@contextmanager
def _provided(url: DeviceUrl, named: str, circumstances: Circumstances) -> Iterator[DeviceProtocol]:
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
                _check_is_no_pool(named, endpoint)
                yield stack.enter_context(_opened(DeviceUrl.parse(endpoint), named, circumstances))
            else:
                _check_no_limits_are_lost(circumstances.limits(named))
                yield endpoint
        return
    forms = ", ".join(form for form, _ in URL_FORMS)
    raise UsageError(f"nothing here opens {url.scheme}: URLs", f"the forms are: {forms}")


def _check_is_no_pool(named: str, endpoint: str) -> None:
    if endpoint.startswith("stratum+tcp:"):
        raise UsageError(
            f"{named} is an emulated pool, and no device: miners and `asicrc proxy` connect to it",
            "`asicrc simulate pool`, then `asicrc proxy --upstream` with the address that it says",
        )


def _check_no_limits_are_lost(limits: LimitsInForce) -> None:
    """What another package drives has limits of its own, and miners that were pointed here by hand take none:
    a station file reaches neither."""
    asked = limits.asked
    if asked:
        raise UsageError(
            f"{', '.join(asked)} for {limits.named} in {limits.where} would have no effect: nothing here "
            "could hold it to them",
            "take them out; a limit that nothing holds to protects nothing",
        )
