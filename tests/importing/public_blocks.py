"""Blocks 1 and 170 of the Bitcoin chain, taken apart as a Stratum server would have handed them out."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_protocols.bitcoin import Header, merkle_root_from_branch


def swapped(data: bytes) -> bytes:
    """Bytes reversed inside each 4-byte word, written out here to check the importer's own."""
    out = bytearray(data)
    for i in range(0, len(out), 4):
        out[i : i + 4] = bytes(reversed(out[i : i + 4]))
    return bytes(out)


@dataclass(frozen=True)
class PublicBlock:
    prev_hash_shown: str
    ntime: int
    nonce: int
    coinbase1: str
    extranonce1: str
    extranonce2: str
    coinbase2: str
    branch_shown: tuple[str, ...] = ()

    nbits = 0x1D00FFFF
    version = 1

    @property
    def prev_hash(self) -> bytes:
        return bytes.fromhex(self.prev_hash_shown)[::-1]

    @property
    def branch(self) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(one)[::-1] for one in self.branch_shown)

    @property
    def header(self) -> Header:
        coinbase = bytes.fromhex(self.coinbase1 + self.extranonce1 + self.extranonce2 + self.coinbase2)
        root = merkle_root_from_branch(coinbase, self.branch)
        return Header(self.version, self.prev_hash, root, self.ntime, self.nbits, self.nonce)

    def share(self, timestamp: str, job: str) -> dict[str, str]:
        """A row of a share table, by column."""
        branch = "[" + ", ".join(f'"{one.hex()}"' for one in self.branch) + "]"
        return {
            "timestamp": timestamp,
            "job_id": job,
            "jitter_ms": "12.5",
            "version": f"{self.version:08x}",
            "prevhash": swapped(self.prev_hash).hex(),
            "coinb1": self.coinbase1,
            "coinb2": self.coinbase2,
            "extranonce1": self.extranonce1,
            "extranonce2": self.extranonce2,
            "merkle_branch": branch,
            "ntime": f"{self.ntime:08x}",
            "nbits": f"{self.nbits:08x}",
            "nonce": f"{self.nonce:08x}",
        }


_INPUT = "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff0704ffff001d"

BLOCK_1 = PublicBlock(
    prev_hash_shown="000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
    ntime=1231469665,
    nonce=2573394689,
    coinbase1=_INPUT,
    extranonce1="01",
    extranonce2="04",
    coinbase2="ffffffff0100f2052a0100000043410496b538e853519c726a2c91e61ec11600ae1390813a627c66fb8be7947be63c52"
    "da7589379515d4e0a604f8141781e62294721166bf621e73a82cbf2342c858eeac00000000",
)

BLOCK_170 = PublicBlock(
    prev_hash_shown="000000002a22cfee1f2c846adbd12b3e183d4f97683f85dad08a79780a84bd55",
    ntime=1231731025,
    nonce=1889418792,
    coinbase1=_INPUT,
    extranonce1="01",
    extranonce2="02",
    coinbase2="ffffffff0100f2052a01000000434104d46c4968bde02899d2aa0963367c7a6ce34eec332b32e42e5f3407e052d64ac6"
    "25da6f0718e7b302140434bd725706957c092db53805b821a85b23a7ac61725bac00000000",
    branch_shown=("f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16",),
)


def as_csv(rows: list[dict[str, str]], *, end: str = "\n", comment: str = "") -> str:
    """Rows with the columns of the first one; a value with a comma or a quote is quoted."""

    def field(value: str) -> str:
        return '"' + value.replace('"', '""') + '"' if "," in value or '"' in value else value

    lines = [",".join(rows[0])] + [",".join(map(field, row.values())) for row in rows]
    return "".join(line + end for line in ([comment] if comment else []) + lines)
