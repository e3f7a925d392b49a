"""Stratum V1, both ends: lines to messages, jobs to headers, shares to answers. No I/O, no clock.

`ServerConnection` is a pool's end, `ClientConnection` a miner's. QUIRKS.md beside this file tells what miners
and pools do differently from what is written.
"""

from firmware_protocols.stratum_v1.algorithm import SHA256D, Algorithm
from firmware_protocols.stratum_v1.client import Answer, ClientConnection, ServerEvent
from firmware_protocols.stratum_v1.client_messages import (
    Authorize,
    ClientRequest,
    Configure,
    ExtranonceSubscribe,
    GetTransactions,
    MultiVersion,
    Pong,
    Submit,
    Subscribe,
    SuggestDifficulty,
    SuggestTarget,
)
from firmware_protocols.stratum_v1.connection import MAX_PENDING
from firmware_protocols.stratum_v1.encoding import Message, encode, subscription
from firmware_protocols.stratum_v1.from_client import ClientMessage, decode_from_client
from firmware_protocols.stratum_v1.from_server import (
    ConfigureResult,
    ServerMessage,
    SubscribeResult,
    decode_from_server,
)
from firmware_protocols.stratum_v1.hex_fields import swapped_words
from firmware_protocols.stratum_v1.jobs import (
    EVENT_EXTRANONCE2_SIZE,
    JobBook,
    ServerJobs,
    StratumJob,
    counted_extranonce2,
    notify_from_job,
    rolled,
)
from firmware_protocols.stratum_v1.json_lines import MAX_SENT_BYTES, JsonValue
from firmware_protocols.stratum_v1.proxying import ExtranonceSplit
from firmware_protocols.stratum_v1.replies import (
    Damaged,
    ErrorCode,
    Id,
    Malformed,
    Received,
    Reply,
    StratumError,
    UnknownMethod,
)
from firmware_protocols.stratum_v1.server import ServerConnection
from firmware_protocols.stratum_v1.server_messages import (
    MAX_BRANCHES,
    GetVersion,
    Notify,
    Ping,
    Reconnect,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
)
from firmware_protocols.stratum_v1.share_judge import Judgement, ShareJudge
from firmware_protocols.stratum_v1.version_rolling import BIP320_MASK, Negotiated, negotiate

__all__ = [
    "BIP320_MASK",
    "EVENT_EXTRANONCE2_SIZE",
    "MAX_BRANCHES",
    "MAX_PENDING",
    "MAX_SENT_BYTES",
    "SHA256D",
    "Algorithm",
    "Answer",
    "Authorize",
    "ClientConnection",
    "ClientMessage",
    "ClientRequest",
    "Configure",
    "ConfigureResult",
    "Damaged",
    "ErrorCode",
    "ExtranonceSplit",
    "ExtranonceSubscribe",
    "GetTransactions",
    "GetVersion",
    "Id",
    "JobBook",
    "JsonValue",
    "Judgement",
    "Malformed",
    "Message",
    "MultiVersion",
    "Negotiated",
    "Notify",
    "Ping",
    "Pong",
    "Received",
    "Reconnect",
    "Reply",
    "ServerConnection",
    "ServerEvent",
    "ServerJobs",
    "ServerMessage",
    "SetDifficulty",
    "SetExtranonce",
    "SetVersionMask",
    "ShareJudge",
    "ShowMessage",
    "StratumError",
    "StratumJob",
    "Submit",
    "Subscribe",
    "SubscribeResult",
    "SuggestDifficulty",
    "SuggestTarget",
    "UnknownMethod",
    "counted_extranonce2",
    "decode_from_client",
    "decode_from_server",
    "encode",
    "negotiate",
    "notify_from_job",
    "rolled",
    "subscription",
    "swapped_words",
]
