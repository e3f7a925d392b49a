"""The form in which Goldshell's page sends a password: AES-128-CBC under a key that is in the page itself.

It hides nothing from anyone who listens; newer firmware just takes no other form. Key, zero start vector and
zero padding as in the stock page (crProductGuy/goldshell-box-tools-productguy: docs/firmware-api.md,
Maveth/goldshell-config); the cipher is FIPS-197.
"""

from __future__ import annotations

from firmware_protocols.errors import LocalProtocolError

KEY = b"!" * 16
BLOCK = 16
MAX_PASSWORD = 256


def encrypted_password(password: str) -> str:
    """The password as the login takes it with `cipher=true`, in hexadecimal.

    Raises LocalProtocolError for an empty one, one that is too long, and one with a NUL.
    """
    data = password.encode("utf-8", "surrogatepass")
    if not 0 < len(data) <= MAX_PASSWORD or "\0" in password:
        raise LocalProtocolError(f"a password has 1 to {MAX_PASSWORD} bytes and no NUL")
    return encrypt_cbc(KEY, data + bytes(-len(data) % BLOCK)).hex()


def encrypt_cbc(key: bytes, data: bytes) -> bytes:
    """AES-128-CBC from a start vector of zeros; `data` is whole blocks of 16 bytes."""
    round_keys = _round_keys(key)
    out, chain = bytearray(), bytes(BLOCK)
    for start in range(0, len(data), BLOCK):
        mixed = bytes(a ^ b for a, b in zip(data[start : start + BLOCK], chain, strict=True))
        chain = _encrypt_block(mixed, round_keys)
        out += chain
    return bytes(out)


def _doubled(value: int) -> int:
    """Times x in GF(2**8)."""
    return (value << 1) ^ (0x11B if value & 0x80 else 0)


def _substitutions() -> bytes:
    """The S-box: inverse in GF(2**8), then an affine map (FIPS-197, 5.1.1)."""
    powers, value = [], 1
    for _ in range(255):
        powers.append(value)
        value ^= _doubled(value)  # times x + 1, which generates the field
    logs = {power: exponent for exponent, power in enumerate(powers)}
    box = bytearray(256)
    for byte in range(256):
        inverse = powers[-logs[byte] % 255] if byte else 0
        turned = 0
        for shift in range(5):
            turned ^= (inverse << shift | inverse >> (8 - shift)) & 0xFF
        box[byte] = turned ^ 0x63
    return bytes(box)


_S_BOX = _substitutions()
_SHIFTED_ROWS = [(column * 4 + row + row * 4) % 16 for column in range(4) for row in range(4)]


def _round_keys(key: bytes) -> list[bytes]:
    words = [key[i : i + 4] for i in range(0, 16, 4)]
    constant = 1
    for i in range(4, 44):
        word = words[-1]
        if i % 4 == 0:
            word = bytes(_S_BOX[byte] for byte in word[1:] + word[:1])
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _doubled(constant)
        words.append(bytes(a ^ b for a, b in zip(words[-4], word, strict=True)))
    return [b"".join(words[i : i + 4]) for i in range(0, 44, 4)]


def _encrypt_block(block: bytes, round_keys: list[bytes]) -> bytes:
    state = _xor(block, round_keys[0])
    for number in range(1, 11):
        state = bytes(_S_BOX[state[i]] for i in _SHIFTED_ROWS)
        if number < 10:
            state = b"".join(_mixed(state[i : i + 4]) for i in range(0, 16, 4))
        state = _xor(state, round_keys[number])
    return state


def _mixed(column: bytes) -> bytes:
    every = column[0] ^ column[1] ^ column[2] ^ column[3]
    return bytes(column[i] ^ every ^ _doubled(column[i] ^ column[(i + 1) % 4]) for i in range(4))


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))
