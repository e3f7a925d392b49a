"""What LuxOS adds: sessions, and the clock and voltage of each board while it runs.

Replies as in Luxor's public manual (docs.luxor.tech, firmware/api: logon, session, sessions, logoff,
frequencyset, voltageget, healthchipget, asc, curtail). Not published and so assumed: the reply of voltageset,
of power, fans and temps, the codes of refusals, the voltages that are let through. frequencyget is left out.
"""

from __future__ import annotations

import string
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.miners.cgminer_api import Entry
from simulators.miners.cgminer_reply import Record, Reply
from simulators.miners.foreign_text import whole_number
from simulators.miners.s9.bmminer import stats
from simulators.miners.s9.boards import CHIPS, CORES, RAMP_STEP_MHZ, HashBoard, on_grid

if TYPE_CHECKING:
    from simulators.miners.s9.firmware import S9

VERSION = "2024.2.19.131822-ef17c0c4"
DESCRIPTION = f"LUXminer {VERSION}"
SESSION_S = 60.0
"""Of silence after which a session ends."""
LEAST_MHZ, MOST_MHZ = 100.0, 900.0
LEAST_V, MOST_V = 8.0, 9.5
_HEADER = {
    "API": "3.7",
    "CompileTime": "Mon Feb 19 13:19:55 UTC 2024",
    "LUXminer": VERSION,
    "Miner": "2024.2.19.131822",
    "Type": "Antminer S9",
}
_SPOOFED = {
    "BMMiner": "1.0.0",
    "CompileTime": "Mon Feb 19 13:19:55 UTC 2024",
    "Miner": "uart_trans.1.3",
    "Type": "Antminer S9",
}
"""What `stats` begins with: it passes itself off as the maker's."""
_LETTERS = string.ascii_letters + string.digits


class LuxOs:
    def __init__(self, miner: S9) -> None:
        self._miner = miner
        self._session = ""
        self._used_s = 0.0
        self._asleep = False

    def entries(self) -> dict[str, Entry]:
        reports: dict[str, Callable[[str], Reply]] = {
            "version": lambda _: Reply.success(22, "LUXminer versions", VERSION=[dict(_HEADER)]),
            "stats": lambda _: self._stats(),
            "devs": lambda _: Reply.success(9, f"{len(self._boards)} ASC(s)", DEVS=self._devices()),
            "edevs": lambda _: Reply.success(9, f"{len(self._boards)} ASC(s)", DEVS=self._devices()),
            "session": lambda _: self._told(319, "Session information"),
            "config": lambda _: Reply.success(33, "LUXminer config", CONFIG=[self._config()]),
            "power": lambda _: Reply.success(
                322, "Power", POWER=[{"Watts": round(self._miner.boards.power_w), "PSU": False}]
            ),
            "fans": lambda _: Reply.success(202, "Fans", FANS=self._fans()),
            "temps": lambda _: Reply.success(201, "Temps", TEMPS=self._temps()),
        }
        others: dict[str, Callable[[str], Reply]] = {
            "asc": self._asc,
            "logon": lambda _: self._logon(),
            "logoff": self._in_session(lambda rest: self._logoff()),
            "kill": lambda _: self._logoff(),
            "frequencyset": self._in_session(self._set_frequency),
            "voltageset": self._in_session(self._set_voltage),
            "voltageget": self._get_voltage,
            "healthchipget": self._chip_health,
            "curtail": self._in_session(self._curtail),
            "resetminer": self._in_session(lambda rest: self._reset()),
            "rebootdevice": self._in_session(lambda rest: self._reset()),
        }
        made = {name: Entry(run, reports=True) for name, run in reports.items()}
        return made | {name: Entry(run) for name, run in others.items()}

    @property
    def _boards(self) -> tuple[HashBoard, ...]:
        return self._miner.boards.all

    @property
    def session(self) -> str:
        """Empty while there is none."""
        if self._session and time.monotonic() - self._used_s > SESSION_S:
            self._session = ""
        return self._session

    def _logon(self) -> Reply:
        if self.session:
            return Reply.error(317, "Another session is active")
        self._session = "".join(self._miner.rng.choices(_LETTERS, k=8))
        self._used_s = time.monotonic()
        return self._told(316, "Session created")

    def _logoff(self) -> Reply:
        self._session = ""
        return Reply.success(318, "Session terminated")

    def _told(self, code: int, message: str) -> Reply:
        return Reply.success(code, message, SESSION=[{"SessionID": self.session}])

    def _in_session(self, run: Callable[[list[str]], Reply]) -> Callable[[str], Reply]:
        """The first parameter is the session's id."""

        def checked(parameter: str) -> Reply:
            given, *rest = parameter.split(",")
            if not self.session or given != self.session:
                return Reply.error(402, "Invalid session id")
            self._used_s = time.monotonic()
            return run(rest)

        return checked

    def _board(self, text: str) -> HashBoard | None:
        number = whole_number(text)
        return self._boards[number] if number is not None and number < len(self._boards) else None

    def _set_frequency(self, rest: list[str]) -> Reply:
        board = self._board(rest[0]) if rest else None
        asked_mhz = _number(rest[1]) if len(rest) > 1 else None
        if board is None or asked_mhz is None or not LEAST_MHZ <= asked_mhz <= MOST_MHZ:
            return Reply.error(303, "Invalid board or frequency")
        if self._asleep:
            return Reply.error(304, "Not while the miner is curtailed")
        if len(rest) > 2:
            return Reply.error(303, "The emulated boards have one clock for all their chips")
        mhz = on_grid(asked_mhz)
        if not self._miner.options.faults.ignore_settings:
            board.target_mhz = mhz
        record = {"Board": board.number, "Frequency": mhz, "FrequencyStep": RAMP_STEP_MHZ}
        return Reply.success(302, "Set Frequency", RAMP=[record | {"TargetChip": "all"}])

    def _set_voltage(self, rest: list[str]) -> Reply:
        board = self._board(rest[0]) if rest else None
        volts = _number(rest[1]) if len(rest) > 1 else None
        if board is None or volts is None or not LEAST_V <= volts <= MOST_V:
            return Reply.error(306, "Invalid board or voltage")
        if not self._miner.options.faults.ignore_settings:
            board.voltage_mv = volts * 1000
        return Reply.success(305, "Set Voltage", VOLTAGE=[{"Board": board.number, "Voltage": volts}])

    def _get_voltage(self, parameter: str) -> Reply:
        where, _, on_board = parameter.partition(",")
        board = self._board(where)
        if board is None:
            return Reply.error(306, "Invalid board")
        volts = round(board.voltage_mv / 1000 if board.on else 0.0, 2)
        record = {"Board": board.number, "IsOnBoard": on_board.lower() == "true", "Voltage": volts}
        return Reply.success(307, "Get Voltage", VOLTAGE=[record])

    def _chip_health(self, parameter: str) -> Reply:
        where, _, one = parameter.partition(",")
        board, chip = self._board(where), whole_number(one)
        if board is None or (one and (chip is None or chip >= CHIPS)):
            return Reply.error(313, "Invalid board or chip")
        chips = range(CHIPS) if chip is None else [chip]
        return Reply.success(314, "Health Chip Get", CHIPS=[_chip(board, chip) for chip in chips])

    def _curtail(self, rest: list[str]) -> Reply:
        if rest[:1] not in (["sleep"], ["wakeup"]):
            return Reply.error(336, "Invalid curtailment action")
        if not self._miner.options.faults.ignore_settings:
            self._asleep = rest[0] == "sleep"
            self._miner.boards.set_power(not self._asleep)
        action = "sleep mode" if rest[0] == "sleep" else "wake up"
        return Reply.success(335, "Curtailment command sent", CURTAIL=[{"Action": action}])

    def _reset(self) -> Reply:
        self._miner.restart("reset over the API")
        return Reply.success(320, "Resetting miner")

    def _stats(self) -> Reply:
        _, data = stats(self._miner)
        return Reply.success(70, "LUXminer stats", STATS=[dict(_SPOOFED), data])

    def _devices(self) -> list[Record]:
        return [self._device(board) for board in self._boards]

    def _asc(self, parameter: str) -> Reply:
        board = self._board(parameter)
        if board is None:
            return Reply.error(107, f"Invalid ASC id {parameter} - range is 0 - {len(self._boards) - 1}")
        return Reply.success(106, f"ASC{board.number}", ASC=[self._device(board)])

    def _device(self, board: HashBoard) -> Record:
        miner = self._miner
        share = board.hashes_per_s / max(miner.boards.hashes_per_s, 1.0)
        mhs = miner.rate.smoothed / 1e6 * share
        mean_mhs = miner.rate.mean(miner.uptime_s) / 1e6 * share
        return {
            "ASC": board.number,
            "Accepted": miner.counts.accepted // len(self._boards),
            "Board": "S9Generic",
            "Connector": f"J{board.place}",
            "Device Elapsed": int(miner.uptime_s),
            "Device Hardware%": 0,
            "Device Rejected%": 0,
            "Difficulty Accepted": miner.counts.difficulty_accepted / len(self._boards),
            "Difficulty Rejected": 0,
            "Enabled": "Y",
            "Hardware Errors": 0,
            "ID": board.number,
            "IsRamping": board.ramping,
            "IsUserShutdown": False,
            "Last Share Difficulty": miner.job.difficulty if miner.job is not None else 0,
            "Last Share Pool": miner.link.index,
            "Last Share Time": int(miner.counts.last_accepted_s),
            "MHS 5s": mhs,
            "MHS 1m": mean_mhs,
            "MHS 5m": mean_mhs,
            "MHS 15m": mean_mhs,
            "MHS av": mean_mhs,
            "Name": "",
            "Nominal MHS": board.target_mhz * CHIPS * CORES,
            "Profile": "default",
            "Rejected": 0,
            "Status": "Alive" if board.on else "Dead",
            "Temperature": round(board.model.temperature_c - 15, 1),
            "Utility": 0,
        }

    def _config(self) -> Record:
        return {
            "ASC Count": len(self._boards),
            "Pool Count": len(self._miner.table.entries),
            "CurtailMode": "Sleep" if self._asleep else "None",
            "MACAddr": "02:00:00:00:53:39",
            "Model": "Antminer S9",
            "Profile": "default",
            "OS": "Linux",
        }

    def _fans(self) -> list[Record]:
        boards = self._miner.boards
        return [{"FAN": i, "ID": i, "RPM": boards.rpm, "Speed": round(boards.fan_percent)} for i in range(2)]

    def _temps(self) -> list[Record]:
        return [
            {
                "TEMP": board.number,
                "ID": board.number,
                "Board": round(board.model.temperature_c - 15, 1),
                "Chip": round(board.model.temperature_c, 1),
            }
            for board in self._boards
        ]


def _chip(board: HashBoard, number: int) -> Record:
    expected = max(1, round(board.frequency_mhz / 10))
    return {
        "Board": board.number,
        "Chip": number,
        "Frequency": board.frequency_mhz,
        "HashCount": expected,
        "HashExpected": expected,
        "HashMin": expected // 5,
        "Healthy": "Y",
        "IsChecking": False,
        "Score": 100,
        "When": int(time.time() * 1e3),
    }


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) < 1e9 else None
