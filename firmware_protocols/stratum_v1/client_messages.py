"""What a miner sends to its pool.

`id` is None until a connection gives one out. Workers' names and passwords stay out of `repr`: a name is
often somebody's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.stratum_v1.hex_fields import hex_u32
from firmware_protocols.stratum_v1.json_lines import JsonValue
from firmware_protocols.stratum_v1.replies import Id


@dataclass(frozen=True, slots=True)
class Configure:
    """mining.configure (BIP 310): extensions that the miner knows, and their parameters by full name."""

    extensions: tuple[str, ...]
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    id: Id = None

    @property
    def version_mask(self) -> int:
        """Version bits that the miner can roll; all of them unless it says. Raises RemoteProtocolError."""
        mask = self.parameters.get("version-rolling.mask")
        return 0xFFFFFFFF if mask is None else hex_u32(mask, "version-rolling.mask")

    @property
    def min_bit_count(self) -> int:
        """The bits that it needs, 0 unless it says. Raises RemoteProtocolError.

        BIP 310 shows a number, and calls it eight hexadecimal digits: both are taken.
        """
        count = self.parameters.get("version-rolling.min-bit-count", 0)
        if isinstance(count, str):
            count = hex_u32(count, "version-rolling.min-bit-count")
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 32:
            raise RemoteProtocolError("version-rolling.min-bit-count is not a number from 0 to 32")
        return count


@dataclass(frozen=True, slots=True)
class Subscribe:
    """mining.subscribe. `session` is the id of a subscription to take up again."""

    user_agent: str | None = None
    session: str | None = None
    host: str | None = None
    port: int | None = None
    id: Id = None


@dataclass(frozen=True, slots=True)
class Authorize:
    """mining.authorize."""

    worker: str = field(repr=False)
    password: str = field(default="", repr=False)
    id: Id = None


@dataclass(frozen=True, slots=True)
class Submit:
    """mining.submit: a share.

    `extranonce2` is hexadecimal as sent, in small letters: only the job tells how many bytes it should have.
    `nonce` is the header's integer; `version_bits`, where there is a sixth parameter, the rolled bits alone.
    """

    worker: str = field(repr=False)
    job_id: str
    extranonce2: str
    ntime: int
    nonce: int
    version_bits: int | None = None
    id: Id = None


@dataclass(frozen=True, slots=True)
class SuggestDifficulty:
    """mining.suggest_difficulty: a wish."""

    difficulty: float
    id: Id = None


@dataclass(frozen=True, slots=True)
class SuggestTarget:
    """mining.suggest_target: a wish, as the integer that hashes should not exceed."""

    target: int
    id: Id = None


@dataclass(frozen=True, slots=True)
class ExtranonceSubscribe:
    """mining.extranonce.subscribe: the miner takes mining.set_extranonce."""

    id: Id = None


@dataclass(frozen=True, slots=True)
class GetTransactions:
    """mining.get_transactions of a job."""

    job_id: str
    id: Id = None


@dataclass(frozen=True, slots=True)
class MultiVersion:
    """mining.multi_version, said to come from Bitmain firmware: how many versions it wants."""

    number: int
    id: Id = None


@dataclass(frozen=True, slots=True)
class Pong:
    """Method `pong`: how ESP-Miner answers mining.ping, with its id. Nobody answers that."""

    id: Id = None


ClientRequest: TypeAlias = (
    Configure
    | Subscribe
    | Authorize
    | Submit
    | SuggestDifficulty
    | SuggestTarget
    | ExtranonceSubscribe
    | GetTransactions
    | MultiVersion
)
"""Every one of these is answered."""
