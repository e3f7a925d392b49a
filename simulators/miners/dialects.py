"""How the firmwares speak Stratum: what they ask for and in which order, what they understand, and what not.

ESP-Miner's from bitaxeorg/ESP-Miner at v2.1.8 (components/stratum/stratum_api.c, main/tasks/stratum_task.c)
and at HEAD (main/tasks/stratum_v1_task.c); bmminer's from ckolivas/cgminer:util.c, whose descendant it is;
the LB-Box's from cpuminer-opt, the one miner of LBRY whose lines are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ESP_CHIP_MASK = 0x1FFFE000
"""The version bits that the chips under ESP-Miner roll, whether a pool has agreed or not."""


@dataclass(frozen=True, slots=True)
class Dialect:
    agent: str
    steps: tuple[tuple[str, ...], ...]
    """Requests by name; those of a step go out together, and the next step when all of them are answered."""
    first_id: int = 1
    params_first: bool = False
    """Whether `params` stands before `id` and `method`, as cgminer writes a line."""
    compact: bool = False
    """Without spaces."""
    rolling: Literal["never", "if granted", "always"] = "never"
    rolling_mask: int = ESP_CHIP_MASK
    """What is asked for in mining.configure."""
    least_bits: int | None = None
    chips_follow_mask: bool = True
    """Whether the chips roll what the pool has granted, and not always the same bits."""
    suggests: float = 0.0
    first_difficulty: float = 1.0
    whole_difficulty: bool = False
    """Difficulties are read as integers: 0.5 is 0."""
    needs_error_key: bool = False
    """A reply without `error` is taken for a failure."""
    number_ids: bool = False
    """Replies with a string for an id are passed over."""
    methods: frozenset[str] = frozenset()
    """What it understands beside mining.notify and mining.set_difficulty."""
    pongs: bool = False
    """mining.ping is answered with the method `pong`."""
    remembered_ids: int = 0
    """A job whose id is among so many last ones is passed over, unless it is clean."""
    most_branches: int = 32
    dies_of_branches: bool = False
    dies_without_extranonce: bool = False
    """A job before the reply to mining.subscribe restarts the device."""
    claimtrie: bool = False
    share_id: int | None = None
    """Of every share, instead of the next number."""
    loose_hex: bool = False
    """Words without their leading zeros in mining.submit."""


ESP_OLD = Dialect(
    agent="bitaxe/BM1366 (v2.1.8)",
    steps=(("subscribe", "configure", "suggest", "authorize"),),
    rolling="always",
    rolling_mask=0xFFFFFFFF,
    chips_follow_mask=False,
    suggests=1000,
    first_difficulty=8192,
    whole_difficulty=True,
    needs_error_key=True,
    number_ids=True,
    methods=frozenset({"mining.set_version_mask"}),
    dies_of_branches=True,
    dies_without_extranonce=True,
)
ESP_HEAD = Dialect(
    agent="bitaxe/BM1366/v2.15.0",
    steps=(("configure", "subscribe", "authorize"), ("suggest", "extranonce")),
    compact=True,
    rolling="always",
    rolling_mask=0xFFFFFFFF,
    suggests=1000,
    first_difficulty=0,
    number_ids=True,
    methods=frozenset(
        {
            "mining.set_version_mask",
            "mining.set_extranonce",
            "mining.ping",
            "client.reconnect",
            "client.get_version",
            "client.show_message",
        }
    ),
    pongs=True,
    remembered_ids=16,
    dies_without_extranonce=True,
)
_CGMINER_METHODS = frozenset({"mining.ping", "client.reconnect", "client.get_version", "client.show_message"})
BMMINER = Dialect(
    agent="bmminer/2.0.0/Antminer S9/13500",
    steps=(("subscribe",), ("authorize",)),
    first_id=0,
    params_first=True,
    methods=_CGMINER_METHODS,
)
LUXOS = Dialect(
    agent="LUXminer/2024.5.1",
    steps=(("configure",), ("subscribe",), ("authorize",)),
    rolling="if granted",
    least_bits=2,
    methods=_CGMINER_METHODS | {"mining.set_version_mask", "mining.set_extranonce"},
)
LBBOX = Dialect(
    agent="intminer/1.0.0",
    steps=(("subscribe",), ("authorize",), ("extranonce",)),
    methods=_CGMINER_METHODS | {"mining.set_extranonce"},
    claimtrie=True,
    share_id=4,
)
