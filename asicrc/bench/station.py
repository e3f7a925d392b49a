"""The station file: what stands on this bench, and what may be done to it here.

A station can only narrow the built-in envelopes (`asicrc.bench.limits`). The table
`widen_beyond_built_in` has an effect only where `--allow-beyond-envelope` is given too. The file has no
place for a password: its content goes into every capture.
"""

from __future__ import annotations

import hashlib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from asicrc.bench.envelope import LIMIT_KEYS
from asicrc.bench.station_errors import explained, reject_secrets
from asicrc.bench.station_match import Meant, check_names_a_device, meant_by, without_mac
from asicrc.bench.supervision.thresholds import THRESHOLD_KEYS
from asicrc.errors import BadFile, UsageError
from asicrc.transports.name_lookup import LookedUp

ENVIRONMENT = "ASICRC_STATION"
MOST_BYTES = 1 << 20

Board = Literal["bare", "bitaxe-ultra", "bitaxe-gamma", "lv06", "axeos", "s9", "lb-box"]
Chip = Literal["BM1362", "BM1366", "BM1368", "BM1370", "BM1387", "BM1397", "LBRY"]
Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
_CORE = "core voltage; on an S9 that of a hash board's supply"
_STEPS = "between two steps"


def _limit(key: str, description: str | None = None) -> Any:
    """A field for the limit of this key, with the range in which it makes sense."""
    low, high = LIMIT_KEYS[key].sane
    return Field(ge=low, le=high, description=description)


def _threshold(key: str, description: str | None = None) -> Any:
    """A field for the threshold of this key, with the range in which it makes sense."""
    low, high = THRESHOLD_KEYS[key].sane
    return Field(ge=low, le=high, description=description)


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_by_name=True
    )


class Limits(_Table):
    """Limits by key, each with the unit in its name; what is left out stays as it is built in."""

    frequency_mhz_min: Annotated[float | None, _limit("frequency_mhz_min")] = None
    frequency_mhz_max: Annotated[float | None, _limit("frequency_mhz_max")] = None
    frequency_step_mhz_max: Annotated[float | None, _limit("frequency_step_mhz_max")] = None
    frequency_step_interval_s_min: Annotated[
        float | None, _limit("frequency_step_interval_s_min", _STEPS)
    ] = None
    voltage_mv_min: Annotated[float | None, _limit("voltage_mv_min", _CORE)] = None
    voltage_mv_max: Annotated[float | None, _limit("voltage_mv_max", _CORE)] = None
    voltage_step_mv_max: Annotated[float | None, _limit("voltage_step_mv_max")] = None
    voltage_step_interval_s_min: Annotated[float | None, _limit("voltage_step_interval_s_min", _STEPS)] = None
    temperature_c_max: Annotated[
        float | None, _limit("temperature_c_max", "above it the device is stopped")
    ] = None
    power_w_max: Annotated[float | None, _limit("power_w_max", "of the whole board")] = None
    fan_percent_min: Annotated[float | None, _limit("fan_percent_min")] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        given = self.by_key()
        for quantity in ("frequency_mhz", "voltage_mv"):
            low, high = given.get(f"{quantity}_min"), given.get(f"{quantity}_max")
            if low is not None and high is not None and low > high:
                raise ValueError(f"{quantity}_min = {low:g} is above {quantity}_max = {high:g}")
        return self

    def by_key(self) -> dict[str, float]:
        """The limits that are given."""
        return self.model_dump(exclude_none=True)


class Supervision(_Table):
    """Thresholds of the supervision of a capture by key; what is left out stays as it is built in."""

    temperature_rise_c_per_s_max: Annotated[float | None, _threshold("temperature_rise_c_per_s_max")] = None
    power_rise_w_per_s_max: Annotated[float | None, _threshold("power_rise_w_per_s_max")] = None
    voltage_error_mv_max: Annotated[
        float | None, _threshold("voltage_error_mv_max", "between what the core measures and is set to")
    ] = None
    sensor_silent_s_max: Annotated[
        float | None, _threshold("sensor_silent_s_max", "without a temperature, then it is stopped")
    ] = None
    device_silent_s_max: Annotated[float | None, _threshold("device_silent_s_max")] = None
    hash_rate_share_min: Annotated[
        float | None, _threshold("hash_rate_share_min", "of the rate that should be")
    ] = None
    invalid_share_max: Annotated[float | None, _threshold("invalid_share_max", "of the proofs")] = None
    damaged_share_max: Annotated[float | None, _threshold("damaged_share_max", "of the frames")] = None

    def by_key(self) -> dict[str, float]:
        """The thresholds that are given."""
        return self.model_dump(exclude_none=True)


class Cooling(_Table):
    """What carries the heat away: a number in a capture means little without it."""

    kind: Literal["none", "passive", "fan", "immersion"]
    text: Text = ""


class StationDevice(_Table):
    """One device of the bench. Exactly one of `url`, `url_prefix` and `usb_serial` says which."""

    name: Name | None = None
    url: Annotated[Name | None, Field(description="device URL; options given here must be in it")] = None
    url_prefix: Annotated[Name | None, Field(description="what the device URL begins with")] = None
    usb_serial: Annotated[Name | None, Field(description="serial number of the USB adapter")] = None
    board: Board | None = None
    chip: Chip | None = None
    cooling: Cooling | None = None
    limits: Limits = Limits()
    supervision: Annotated[
        Supervision, Field(description="can only narrow what is built in, or the table for all devices")
    ] = Supervision()
    fan_tachometer: Annotated[
        bool, Field(description="false for a fan that cannot tell that it turns, which is then not watched")
    ] = True
    widen_beyond_built_in: Annotated[
        Limits, Field(description="needs --allow-beyond-envelope on the command line as well")
    ] = Limits()
    notes: Text = ""

    @model_validator(mode="after")
    def _one_way_to_find_it(self) -> Self:
        if sum(way is not None for way in (self.url, self.url_prefix, self.usb_serial)) != 1:
            raise ValueError("one of url, url_prefix and usb_serial has to say which device is meant")
        check_names_a_device(self.url or "")
        twice = self.limits.by_key().keys() & self.widen_beyond_built_in.by_key().keys()
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} stands under limits and widen_beyond_built_in")
        return self

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return self.name or self.url or self.url_prefix or f"USB serial {self.usb_serial}"


class StationInfo(_Table):
    name: Name
    location: Text = ""
    notes: Annotated[Text, Field(description="of the operator")] = ""


class Station(_Table):
    """A station file that was read. Made by `load_station`."""

    station: StationInfo
    supervision: Annotated[
        Supervision, Field(description="for every device; where it is narrower already, it stays so")
    ] = Supervision()
    devices: Annotated[list[StationDevice], Field(alias="device")] = []
    _path: Path = PrivateAttr(Path("station.toml"))
    _sha256: str = PrivateAttr("")
    _known: dict[str, LookedUp] = PrivateAttr(default_factory=dict)
    """Addresses of hosts, looked up once."""

    def model_post_init(self, context: Any) -> None:
        """Keep where it was read from: `context` is what `load_station` gives."""
        if context is not None:
            self._path, self._sha256 = context

    @model_validator(mode="after")
    def _no_device_twice(self) -> Self:
        seen: dict[tuple[str | None, ...], str] = {}
        for device in self.devices:
            way = (device.url, device.url_prefix, device.usb_serial)
            if way in seen:
                raise ValueError(f"{device.label!r} and {seen[way]!r} are the same device")
            seen[way] = device.label
        return self

    @property
    def path(self) -> Path:
        return self._path

    @property
    def sha256(self) -> str:
        """Of the file's bytes."""
        return self._sha256

    def device_for(self, url: str) -> StationDevice | None:
        """The entry for a device URL, None where there is none. Raises UsageError where two match, or where
        nobody knows, and DeviceError where the URL's own host is not known.

        An entry's `url` matches the same scheme and target (ports by the device file that they lead to,
        miners by host and port however they are written, names by their addresses), if every option of the
        entry stands in `url` with the same value, or is the one that `url` means without it; case does not
        count. `url_prefix` matches what `url` begins with, also with an address for its host's name;
        `usb_serial` a port of the adapter with that serial number. None goes before another.
        """
        meant = self._meant(url)
        if len(meant.devices) > 1:
            labels = " and by ".join(repr(device.label) for device in meant.devices)
            raise UsageError(
                f"{self._path}: {url} is meant by {labels}",
                "which limits hold has to be clear: make the entries narrower, or take one out",
            )
        if meant.devices:
            return meant.devices[0]
        if meant.doubts:
            raise UsageError(
                f"{self._path}: whether an entry means {url} is not known, as its host cannot be looked up: "
                f"{'; '.join(meant.doubts)}",
                "write the miner's IP address into that entry, or give the miner at hand an entry of its own",
            )
        return None

    def doubts(self, url: str) -> list[str]:
        """Entries of which nobody knows whether they mean the device behind a URL too."""
        return self._meant(url).doubts

    def _meant(self, url: str) -> Meant:
        return meant_by(self.devices, url, self._known)


def load_station(path: Path) -> Station:
    """Read a station file. Raises UsageError where there is none, BadFile that names line and key."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"there is no station file {path}", "`asicrc station init` writes one") from None
    except OSError as error:
        raise BadFile(
            f"{path} cannot be read: {error.strerror}", "is it a file, and yours to read?"
        ) from None
    if len(data) > MOST_BYTES:
        raise BadFile(f"{path} has more than {MOST_BYTES >> 20} MiB", "is it a station file?")
    try:
        text = data.decode()
        content = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise BadFile(f"{path} is no UTF-8 text: byte {error.start} is wrong", "TOML is UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} is no TOML: {error}", "`asicrc station init` writes one to go by") from None
    reject_secrets(content, path, text)
    try:
        return Station.model_validate(content, context=(path, hashlib.sha256(data).hexdigest()))
    except ValidationError as error:
        raise explained(error, path, text) from None


def find_station() -> Path | None:
    """$ASICRC_STATION, ./station.toml, ~/.config/asicrc/station.toml: the first that is there.

    Raises UsageError where the variable names a file that is not there: going on without the limits that
    somebody asked for would be worse than stopping.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        if not Path(named).exists():
            raise UsageError(f"${ENVIRONMENT} names {named}, which is not there", f"unset {ENVIRONMENT}")
        return Path(named)
    places = (Path("station.toml"), Path.home() / ".config" / "asicrc" / "station.toml")
    return next((place for place in places if place.exists()), None)


def station_snapshot(station: Station, device: StationDevice | None = None) -> dict[str, Any]:
    """For the capture: what the file says of the station and of one device, and the file's digest.

    JSON-able; without passwords, as `load_station` takes none, and without a serial number that is a MAC.
    """
    entry = None
    if device is not None:
        entry = device.model_dump(exclude_none=True, exclude_defaults=True)
        if device.usb_serial is not None:
            entry["usb_serial"] = without_mac(device.usb_serial)
    return {
        "file": station.path.name,
        "sha256": station.sha256,
        "station": station.station.model_dump(),
        "supervision": station.supervision.by_key(),
        "device": entry,
    }
