"""The line's speed: where a chip has its divider, and the time that bytes take.

baud = 25 MHz / (8 (d + 1)), d in FAST_UART or, on the BM1387 and BM1397, in MISC_CONTROL (`ChipModel.baud`).
Layouts: 256foundation/mujina:mujina-miner/src/asic/bm13xx/REFERENCE.md; xertSuns1/braiins:bm1387.rs;
skot/BM1397. What FAST_UART's bits 31..16 do is not known; they are written as the known firmware writes them.
"""

from __future__ import annotations

from firmware_protocols.bm13xx.models import CLKI_HZ, ChipModel
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError

RESET_BAUD = 115740
"""What a chip speaks after reset: 25 MHz / (8 * 27)."""
_BITS_PER_BYTE = 10  # 8N1: start, eight data bits, stop
_TOLERANCE = 0.05  # ESP-Miner runs its host at 1 Mbaud against a chip at 1,041,667


def baud_register_value(model: ChipModel, baud: float) -> int:
    """Value of `model.baud.register` whose rate is nearest to `baud`.

    Raises LocalProtocolError if that is more than 5 % off.
    """
    if not baud > 0:
        raise LocalProtocolError(f"a baud rate is above 0, not {baud}")
    divider = min(max(round(CLKI_HZ / (8 * baud)), 1), model.baud.most + 1)
    reached = CLKI_HZ / (8 * divider)
    if abs(reached - baud) > _TOLERANCE * baud:
        raise LocalProtocolError(f"a {model.name} cannot speak {baud:g} baud; the nearest is {reached:.0f}")
    return model.baud.base | (divider - 1) << model.baud.shift


def baud_from_register(model: ChipModel, value: int) -> float:
    """Baud rate of a value of `model.baud.register`. Raises RemoteProtocolError for more than 32 bits."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise RemoteProtocolError(f"a register has 32 bits, not {value:#x}")
    return CLKI_HZ / (8 * ((value >> model.baud.shift & model.baud.mask) + 1))


def frame_time_ns(n_bytes: int, baud: float) -> int:
    """Time on the line of `n_bytes` back to back, ns. Raises LocalProtocolError without a baud rate."""
    if not baud > 0 or n_bytes < 0:
        raise LocalProtocolError(f"{n_bytes} bytes at {baud} baud take no time that can be told")
    return round(n_bytes * _BITS_PER_BYTE * 1e9 / baud)
