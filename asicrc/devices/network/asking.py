"""What a plan has to know of a miner, asked without changing anything."""

from __future__ import annotations

from dataclasses import dataclass

from asicrc.bench.station import Station
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.opening import Circumstances, open_device
from asicrc.errors import NoAnswer, UsageError


@dataclass(frozen=True, slots=True)
class AskedRate:
    """`source` says which of its two hash rates this is."""

    hash_rate_ghs: float
    source: str
    algorithm: str
    usual_difficulty: float
    lowest_difficulty: float | None


def hash_rate_of(url: str, station: Station | None) -> AskedRate:
    """Raises UsageError for what is no miner on the network, NoAnswer for one that tells no hash rate."""
    with open_device(url, Circumstances(station)) as device:
        if not isinstance(device, NetworkMinerDevice):
            raise UsageError(
                f"{url} is no miner on the network that tells its hash rate", "give it with --hashrate-ghs"
            )
        seen, habits = device.control.observe(), device.control.habits
    expected, reported = seen.expected_hash_rate_ghs, seen.hash_rate_ghs
    rate = expected or reported
    if not rate:
        raise NoAnswer(f"{url} tells no hash rate now", "give it with --hashrate-ghs")
    return AskedRate(
        rate,
        "its clock and its cores" if expected else "what it reports now",
        habits.algorithm.name,
        habits.usual_difficulty,
        habits.lowest_difficulty,
    )
