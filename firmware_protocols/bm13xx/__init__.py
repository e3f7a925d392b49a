"""The BM13xx family on its serial line: frames, registers, clocks, jobs, nonces and the order of the scan.

Nothing here reads, writes or waits. QUIRKS.md beside this file tells what the chips do differently from what
is written about them, and what is still open.
"""

from firmware_protocols.bm13xx.baud import (
    RESET_BAUD,
    baud_from_register,
    baud_register_value,
    frame_time_ns,
)
from firmware_protocols.bm13xx.bm1387_registers import Bm1387Register, I2cControl, MiscControl, TfPin
from firmware_protocols.bm13xx.crc import crc5, crc16
from firmware_protocols.bm13xx.decoder import ChipDecoder, HostDecoder
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
from firmware_protocols.bm13xx.initialise import addresses, initialisation, nonce_offset
from firmware_protocols.bm13xx.jobs import (
    header_of,
    is_open_core,
    job_header_candidates,
    job_header_of,
    midstate_job,
    next_job_header,
    open_core_job,
    rolled_version,
)
from firmware_protocols.bm13xx.line import Answers, LineObserver
from firmware_protocols.bm13xx.midstate_order import MidstateOrder
from firmware_protocols.bm13xx.models import (
    CLKI_HZ,
    MODELS,
    BaudField,
    ChipModel,
    Framing,
    InitValues,
    PllLimits,
    RegisterMap,
    midstate_variant,
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
from firmware_protocols.bm13xx.nonce_order import NonceOrder, scan_order
from firmware_protocols.bm13xx.parsing import ChecksumError, decode_command, decode_response
from firmware_protocols.bm13xx.pll import (
    RAMP_STEP_MHZ,
    PllSetting,
    frequency_ramp,
    pll_from_register,
    solve_pll,
)
from firmware_protocols.bm13xx.received import Damaged, Received
from firmware_protocols.bm13xx.registers import (
    ChipId,
    CoreMailbox,
    Register,
    Temperature,
    VersionMask,
    VoltageReading,
    version_mask_register,
)
from firmware_protocols.bm13xx.scan_order import VERSIONS, ScanOrder, full_coverage_hcn
from firmware_protocols.bm13xx.steps import ExpectChips, PulseReset, Send, SetHostBaud, Step, Wait
from firmware_protocols.bm13xx.ticket_mask import (
    difficulty_from_ticket_mask,
    floor_ticket_difficulty,
    ticket_mask_register,
)

__all__ = [
    "CLKI_HZ",
    "MODELS",
    "RAMP_STEP_MHZ",
    "RESET_BAUD",
    "VERSIONS",
    "Answers",
    "BaudField",
    "Bm1387Register",
    "ChainInactive",
    "ChecksumError",
    "ChipDecoder",
    "ChipId",
    "ChipModel",
    "Command",
    "CoreMailbox",
    "Damaged",
    "ExpectChips",
    "Framing",
    "FullJob",
    "HostDecoder",
    "I2cControl",
    "InitValues",
    "LineObserver",
    "MidstateJob",
    "MidstateOrder",
    "MiscControl",
    "NonceFields",
    "NonceOrder",
    "NonceResponse",
    "PllLimits",
    "PllSetting",
    "PulseReset",
    "ReadRegister",
    "Received",
    "Register",
    "RegisterMap",
    "RegisterResponse",
    "Response",
    "ScanOrder",
    "Send",
    "SetAddress",
    "SetHostBaud",
    "Step",
    "Temperature",
    "TfPin",
    "VersionMask",
    "VoltageReading",
    "Wait",
    "WriteRegister",
    "addresses",
    "baud_from_register",
    "baud_register_value",
    "crc5",
    "crc16",
    "decode_command",
    "decode_response",
    "difficulty_from_ticket_mask",
    "encode",
    "excess_bits",
    "floor_ticket_difficulty",
    "frame_time_ns",
    "frequency_ramp",
    "full_coverage_hcn",
    "header_of",
    "initialisation",
    "is_open_core",
    "job_header_candidates",
    "job_header_of",
    "midstate_job",
    "midstate_variant",
    "model_by_chip_id",
    "model_by_name",
    "next_job_header",
    "nonce_fields",
    "nonce_from_fields",
    "nonce_offset",
    "open_core_job",
    "pll_from_register",
    "rolled_version",
    "scan_order",
    "solve_pll",
    "subcore_of",
    "ticket_mask_register",
    "version_mask_register",
]
