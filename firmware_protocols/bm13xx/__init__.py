"""The BM13xx family on its serial line: frames, registers, clocks, jobs, nonces and the order of the scan.

Nothing here reads, writes or waits. QUIRKS.md beside this file tells what the chips do differently from what
is written about them, and what is still open.
"""

from firmware_protocols.bm13xx.crc import crc5, crc16
from firmware_protocols.bm13xx.decoder import ChipDecoder, Damaged, HostDecoder, Received
from firmware_protocols.bm13xx.encoding import encode
from firmware_protocols.bm13xx.frames import (
    ChainInactive,
    Command,
    FullJob,
    MidstateJob,
    NonceResponse,
    ReadRegister,
    RegisterResponse,
    Response,
    SetAddress,
    WriteRegister,
)
from firmware_protocols.bm13xx.jobs import (
    header_of,
    job_header_candidates,
    job_header_of,
    next_job_header,
    rolled_version,
)
from firmware_protocols.bm13xx.models import (
    CLKI_HZ,
    MODELS,
    ChipModel,
    InitValues,
    PllLimits,
    model_by_chip_id,
    model_by_name,
)
from firmware_protocols.bm13xx.nonce import (
    NonceFields,
    excess_bits,
    nonce_fields,
    nonce_from_fields,
    subcore_of,
)
from firmware_protocols.bm13xx.parsing import ChecksumError, decode_command, decode_response
from firmware_protocols.bm13xx.scan_order import ScanOrder, full_coverage_hcn

__all__ = [
    "CLKI_HZ",
    "MODELS",
    "ChainInactive",
    "ChecksumError",
    "ChipDecoder",
    "ChipModel",
    "Command",
    "Damaged",
    "FullJob",
    "HostDecoder",
    "InitValues",
    "MidstateJob",
    "NonceFields",
    "NonceResponse",
    "PllLimits",
    "ReadRegister",
    "Received",
    "RegisterResponse",
    "Response",
    "ScanOrder",
    "SetAddress",
    "WriteRegister",
    "crc5",
    "crc16",
    "decode_command",
    "decode_response",
    "encode",
    "excess_bits",
    "full_coverage_hcn",
    "header_of",
    "job_header_candidates",
    "job_header_of",
    "model_by_chip_id",
    "model_by_name",
    "next_job_header",
    "nonce_fields",
    "nonce_from_fields",
    "rolled_version",
    "subcore_of",
]
