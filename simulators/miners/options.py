"""What an emulated miner is asked to be, as `name=value` pairs: which, how fast, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from simulators.bm13xx.option_values import OptionError, Parser, flag, integer, one_of, path, real
from simulators.bm13xx.scale import options_from_arguments
from simulators.miners.faults import FAULT_NAMES, MinerFaults, parse_faults
from simulators.miners.scaling import LBRY_FACTOR, REAL_ZERO_BITS, Proof, ShareScale

__all__ = ["MINERS", "MinerOptions", "OptionError", "miner_arguments", "miner_options_text", "parse_options"]

NO_POOL = "pool.invalid:3333"
"""Where a miner mines that was told nothing: nowhere."""


@dataclass(frozen=True, slots=True)
class MinerKind:
    """What depends on the miner. `defaults` are those of options, by profile first and then of all."""

    profiles: tuple[str, ...]
    proof: Proof
    defaults: Mapping[str, Any]
    of_profile: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    """Options that it does not have."""


_ONLY_LV06 = frozenset({"check_address", "queue_depth"})
_ONLY_S9 = frozenset({"api_allow", "asicboost"})
_ONLY_LBBOX = frozenset({"login", "command_port", "difficulty_factor", "flaky_tokens"})
MINERS: Mapping[str, MinerKind] = MappingProxyType(
    {
        "lv06": MinerKind(
            ("esp-old", "esp-head"),
            "sha256d",
            # 485 MHz x 894 cores / 300,000 = 1.4 MH/s: 5.5 shares a second at the floor
            {"zero_bits": 10, "hash_rate_scale": 3e5, "floor": 256, "frequency_mhz": 485.0}
            | {"voltage_mv": 1200.0, "batch_ms": 10.0, "pickup_ms": 0.0},
            # v2.1.8: BM1366_FULLSCAN_MS; HEAD: the interval that reference boards have
            {"esp-old": {"job_s": 2.14}, "esp-head": {"job_s": 2.0}},
            _ONLY_S9 | _ONLY_LBBOX,
        ),
        "s9": MinerKind(
            ("bmminer", "luxos"),
            "sha256d",
            # 643 MHz x 189 chips x 114 cores / 2**23 = 1.65 MH/s: at the rates of the real one, 12.6 at 256
            {"zero_bits": 9, "hash_rate_scale": 2.0**23, "floor": 64, "frequency_mhz": 643.0}
            | {"voltage_mv": 8900.0, "batch_ms": 0.0, "pickup_ms": 50.0, "job_s": 0.0, "same_id": False},
            {"bmminer": {"asicboost": False}, "luxos": {"asicboost": True}},
            _ONLY_LV06 | _ONLY_LBBOX | {"job_s"},
        ),
        "lbbox": MinerKind(
            ("goldshell",),
            "lbry",
            # 175 GH/s / 2**23 = 21 kH/s: at the rates of the real one, 2.5 at 4096, 41 at 256
            {"zero_bits": 1, "hash_rate_scale": 2.0**23, "floor": 256, "frequency_mhz": 0.0}
            | {"voltage_mv": 0.0, "batch_ms": 0.0, "pickup_ms": 50.0, "job_s": 0.0, "same_id": True},
            {},
            _ONLY_LV06 | _ONLY_S9 | {"frequency_mhz", "voltage_mv", "job_s", "ramp_ms"},
        ),
    }
)


def _option(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerOptions:
    """Everything that was asked of a miner."""

    miner: str
    profile: str = _option("", "which firmware")
    zero_bits: int = _option(10, "hashes of difficulty 1, as a power of 2 (real: 32, LBRY 24)")
    hash_rate_scale: float = _option(1.0, "hashes of the real miner for one of the emulator's")
    realistic: bool = _option(False, "1: shares as seldom as the real miner's; sets hash_rate_scale")
    floor: int = _option(256, "difficulty below which the chips report nothing, a power of 2")
    seed: int = _option(1, "of what is random in the miner")
    frequency_mhz: float = _option(485.0, "of the chips at the start")
    voltage_mv: float = _option(1200.0, "of the core (S9: of the boards) at the start")
    api_port: int = _option(0, "of the management API; 0 is any that is free")
    command_port: int = _option(0, "of the command API that the real one has on 4028")
    pool: str = _option(NO_POOL, "host:port that it mines for at the start, on 127.x.x.x")
    fallback: str = _option("", "host:port of a second pool")
    user: str = _option("owner.worker", "that it mines as at the start")
    password: str = _option("x", "at these pools")
    job_s: float = _option(2.0, "seconds between one extranonce2 of the chips and the next")
    queue_depth: int = _option(12, "jobs that esp-old has made in advance")
    pickup_ms: float = _option(0.0, "further delay until the chips work on a new job")
    batch_ms: float = _option(0.0, "shares leave at multiples of this (LV06: a tick of its scheduler)")
    jitter_ms: float = _option(0.0, "mean of an exponential delay of each share: a wireless network")
    ramp_ms: float = _option(100.0, "for each step of the clock: 6.25 MHz, under LuxOS 5")
    boot_s: float = _option(1.0, "seconds that a restart takes (real: tens)")
    retry_s: float = _option(1.0, "seconds between attempts to reach a pool (ESP: 5)")
    probe_s: float = _option(5.0, "seconds between looks for a pool that was given up (ESP: 30 to 60)")
    telemetry_s: float = _option(5.0, "time constant of the reported hash rate")
    ambient_c: float = _option(25.0, "temperature of the room")
    heat_speed: float = _option(1.0, "how many times faster than a real miner it warms and cools")
    check_address: bool = _option(False, "1: answer private networks only, as AxeOS does, so not 127.0.0.1")
    api_allow: str = _option("write", "of the command API: write, or stock for what a factory image lets")
    asicboost: bool = _option(False, "1: version rolling, and six parameters in a share")
    same_id: bool = _option(False, "1: every share with id 4, as cpuminer-opt sends them")
    loose_hex: bool = _option(False, "1: words of shares without their leading zeros")
    login: str = _option("plain", "of the web API: plain, or cipher for an encrypted password only")
    flaky_tokens: bool = _option(False, "1: every seventh request with a valid token gets 401")
    difficulty_factor: int = _option(LBRY_FACTOR, "what a pool's difficulty is divided by: 256 or 1")
    faults: MinerFaults = field(
        default_factory=MinerFaults,
        metadata={"meaning": f"what goes wrong, name:value with commas between: {', '.join(FAULT_NAMES)}"},
    )
    truth: Path | None = field(
        default=None, metadata={"meaning": "file for what was truly found, sent, lost and taken up: CSV"}
    )
    report: bool = _option(True, "0: say nothing at the end")

    @property
    def scale(self) -> ShareScale:
        proof = MINERS[self.miner].proof
        scale = self.hash_rate_scale
        if self.realistic:
            scale = 2.0 ** (REAL_ZERO_BITS[proof] - self.zero_bits)
        factor = self.difficulty_factor if proof == "lbry" else 1
        return ShareScale(proof, self.zero_bits, scale, self.floor, factor)

    def url_query(self) -> str:
        """What a host cannot ask the miner: its scale. `difficulty_one` is in decimal digits."""
        scale = self.scale
        return (
            f"simulated=1&zero_bits={scale.zero_bits}&hash_rate_scale={scale.hash_rate_scale:.10g}"
            f"&difficulty_one={scale.difficulty_one}"
        )


def miner_arguments(arguments: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of a command line, whose first word may be a miner's name alone. Raises OptionError."""
    words = list(arguments)
    if words and words[0] in MINERS:
        words[0] = f"miner={words[0]}"
    return list(options_from_arguments(words))


def parse_options(options: Iterable[tuple[str, str]]) -> MinerOptions:
    """From `name, value` pairs; names are the fields of `MinerOptions`.

    Raises OptionError for an unknown or repeated name, one that this miner does not have, or a value that it
    cannot take.
    """
    texts: dict[str, tuple[str, str]] = {}
    for given, text in options:
        name = given.replace("-", "_")
        if name in texts:
            raise OptionError(f"option {given!r} is given twice")
        texts[name] = (given, text)
    miner = one_of(tuple(MINERS))(*texts.pop("miner", ("miner", "")))
    kind = MINERS[miner]
    known = option_names(miner)
    for name, (given, _) in texts.items():
        if name not in known:
            raise OptionError(f"an emulated {miner} knows no option {given!r}; known are {', '.join(known)}")
    parsers = {**_PARSERS, "profile": one_of(kind.profiles)}
    values = {name: parsers[name](given, text) for name, (given, text) in texts.items()}
    values.setdefault("profile", kind.profiles[0])
    defaults = {**kind.defaults, **kind.of_profile.get(values["profile"], {})}
    if values.get("realistic") and "hash_rate_scale" in values:
        raise OptionError("realistic=1 sets hash_rate_scale: give one of them")
    if values.get("zero_bits", 0) > REAL_ZERO_BITS[kind.proof]:
        raise OptionError(f"zero_bits lies between 1 and {REAL_ZERO_BITS[kind.proof]} here")
    return MinerOptions(miner=miner, **{**defaults, **values})


def option_names(miner: str) -> tuple[str, ...]:
    """Names that `parse_options` takes for a miner, beside `miner`."""
    without = MINERS[miner].without
    return tuple(name for name in _FIELDS if name not in without)


def miner_options_text(miner: str) -> str:
    """One line for each option of an emulated miner: name, default, meaning."""
    defaults = parse_options([("miner", miner)])
    lines = []
    for name in option_names(miner):
        shown, meaning = _shown(getattr(defaults, name)), _FIELDS[name]
        if name == "profile":
            meaning = f"which firmware: {' or '.join(MINERS[miner].profiles)}"
        lines.append(f"  {name:<16} {shown:<18} {meaning}")
    scale = defaults.scale
    lines.append(
        f"Shares come {scale.speed_up:.3g} times as often as from the real one. Where an option depends on "
        "the profile, the default is that of the first."
    )
    return "\n".join(lines) + "\n"


_FIELDS = {
    name: option.metadata["meaning"]
    for name, option in MinerOptions.__dataclass_fields__.items()
    if name != "miner"
}


def _shown(value: Any) -> str:
    if value is None or isinstance(value, MinerFaults) or value == "":
        return "-"
    return value if isinstance(value, str) else f"{value:g}"


def _power_of_two(name: str, text: str) -> int:
    value = integer(1, 1 << 24)(name, text)
    if value & (value - 1):
        raise OptionError(f"{name} is a power of 2, not {value}")
    return value


def _address(name: str, text: str) -> str:
    host, colon, port = text.removeprefix("stratum+tcp://").rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise OptionError(f"{name} is written host:port, not {text!r}")
    return f"{host}:{port}"


def _words(name: str, text: str) -> str:
    if not text or len(text) > 128 or not text.isprintable():
        raise OptionError(f"{name} has 1 to 128 characters")
    return text


def _factor(name: str, text: str) -> int:
    return int(one_of(("256", "1"))(name, text))


_PARSERS: Mapping[str, Parser] = MappingProxyType(
    {
        "zero_bits": integer(1, 32),
        "hash_rate_scale": real(1.0, 1e12),
        "realistic": flag,
        "floor": _power_of_two,
        "seed": integer(0, 2**63 - 1),
        "frequency_mhz": real(1.0, 2000.0),
        "voltage_mv": real(1.0, 20_000.0),
        "api_port": integer(0, 65_535),
        "command_port": integer(0, 65_535),
        "pool": _address,
        "fallback": _address,
        "user": _words,
        "password": _words,
        "job_s": real(0.05, 60.0),
        "queue_depth": integer(1, 64),
        "pickup_ms": real(0.0, 60_000.0),
        "batch_ms": real(0.0, 10_000.0),
        "jitter_ms": real(0.0, 10_000.0),
        "ramp_ms": real(0.0, 10_000.0),
        "boot_s": real(0.0, 600.0),
        "retry_s": real(0.01, 600.0),
        "probe_s": real(0.01, 600.0),
        "telemetry_s": real(0.1, 3600.0),
        "ambient_c": real(-40.0, 80.0),
        "heat_speed": real(0.0, 1e6),
        "check_address": flag,
        "api_allow": one_of(("write", "stock")),
        "asicboost": flag,
        "same_id": flag,
        "loose_hex": flag,
        "login": one_of(("plain", "cipher")),
        "flaky_tokens": flag,
        "difficulty_factor": _factor,
        "faults": lambda _, text: parse_faults(text),
        "truth": path,
        "report": flag,
    }
)
