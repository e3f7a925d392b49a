"""The web interface of Goldshell's boxes (LB-Box), both ends.

Nothing here opens a connection. One request at a time: with several, a box refuses right tokens now and then.

    encode_request(Login("admin", password))   read_login(reply)   -> Token | Refused
    encode_request(GetSetting(), token)        read_setting(reply) -> Setting | Refused
    changed(setting, Change(plan_level=1))     to be written whole with PutSetting, and compared with `unmet`

Telemetry of the boards is told on TCP 4028 too: firmware_protocols.cgminer_api. QUIRKS.md beside this file
tells which of it was seen on which box.
"""

from firmware_protocols.goldshell.password_cipher import encrypted_password
from firmware_protocols.goldshell.replies import (
    BoxBoard,
    BoxPool,
    BoxStatus,
    Token,
    read_boards,
    read_done,
    read_login,
    read_pools,
    read_setting,
    read_status,
    redacted,
    write_boards,
    write_done,
    write_login,
    write_login_refused,
    write_pools,
    write_setting,
    write_status,
    write_unauthorized,
)
from firmware_protocols.goldshell.requests import (
    DeletePool,
    GetBoards,
    GetPools,
    GetSetting,
    GetStatus,
    Login,
    Logout,
    NewPool,
    PutSetting,
    ReceivedRequest,
    Request,
    Restart,
    decode_request,
    encode_request,
)
from firmware_protocols.goldshell.setting import (
    SLEEP_LEVEL,
    Change,
    OperatingPoint,
    PowerPlan,
    Setting,
    changed,
    setting_from,
    setting_members,
    unmet,
)
from firmware_protocols.http_messages import Done, HttpReply, HttpRequest, Refused

__all__ = [
    "SLEEP_LEVEL",
    "BoxBoard",
    "BoxPool",
    "BoxStatus",
    "Change",
    "DeletePool",
    "Done",
    "GetBoards",
    "GetPools",
    "GetSetting",
    "GetStatus",
    "HttpReply",
    "HttpRequest",
    "Login",
    "Logout",
    "NewPool",
    "OperatingPoint",
    "PowerPlan",
    "PutSetting",
    "ReceivedRequest",
    "Refused",
    "Request",
    "Restart",
    "Setting",
    "Token",
    "changed",
    "decode_request",
    "encode_request",
    "encrypted_password",
    "read_boards",
    "read_done",
    "read_login",
    "read_pools",
    "read_setting",
    "read_status",
    "redacted",
    "setting_from",
    "setting_members",
    "unmet",
    "write_boards",
    "write_done",
    "write_login",
    "write_login_refused",
    "write_pools",
    "write_setting",
    "write_status",
    "write_unauthorized",
]
