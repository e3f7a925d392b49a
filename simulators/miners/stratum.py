"""One connection to a pool, from the miner's end: lines in, lines out, jobs. Its own account of the protocol.

Junk from the pool is passed over, as the firmwares do: nothing here raises for what a pool sends.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from simulators.miners.dialects import ESP_CHIP_MASK, Dialect
from simulators.miners.foreign_text import whole_number
from simulators.miners.jobs import PoolJob, words_swapped

MAX_LINE = 65_536
MAX_SHARES_WAITING = 4_096


class Owner(Protocol):
    """What a connection tells the firmware."""

    def job_came(self, job: PoolJob) -> None: ...

    def share_answered(self, accepted: bool, reason: str, took_ms: float) -> None: ...

    def pool_ready(self) -> None:
        """The pool has let the worker in."""

    def told_to_reconnect(self, host: str | None, port: int | None) -> None: ...

    def died(self, reason: str) -> None:
        """The firmware has come upon something that it does not survive."""

    def log(self, text: str) -> None: ...


class Asked(NamedTuple):
    name: str
    at_ns: int


@dataclass(slots=True)
class Session:
    """`send` writes to the pool. Call `start` when the connection stands."""

    dialect: Dialect
    owner: Owner
    send: Callable[[bytes], None]
    worker: str
    password: str
    next_number: Callable[[], int]
    """Of the next job."""
    suggests: float | None = None
    """Instead of the dialect's; 0 suggests nothing."""
    subscribes_extranonce: bool = True
    extranonce1: bytes | None = None
    extranonce2_size: int = 0
    difficulty: float = 0.0
    granted_mask: int | None = None
    authorized: bool = False
    _next_id: int = 0
    _steps: deque[tuple[str, ...]] = field(default_factory=deque)
    _open: set[str] = field(default_factory=set)
    _asked: dict[Any, deque[Asked]] = field(default_factory=lambda: defaultdict(deque))
    _held: bytes = b""
    _recent: deque[str] = field(default_factory=deque)

    def start(self, now_ns: int) -> None:
        self.difficulty = self.dialect.first_difficulty
        self._next_id = self.dialect.first_id
        self._steps = deque(self.dialect.steps)
        self._next_step(now_ns)

    def receive(self, data: bytes, now_ns: int) -> None:
        *lines, rest = (self._held + data).split(b"\n")
        self._held = rest if len(rest) <= MAX_LINE else b""
        for line in lines:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                self._take(message, now_ns)
            elif line.strip():
                self.owner.log("Failed to parse Stratum message, ignoring")

    @property
    def chip_mask(self) -> int:
        """Version bits that the chips roll under the newest word of the pool."""
        if self.dialect.rolling == "never":
            return 0
        if self.dialect.rolling == "always":
            granted = self.granted_mask if self.dialect.chips_follow_mask else None
            return ESP_CHIP_MASK if granted is None else granted & ESP_CHIP_MASK
        return (self.granted_mask or 0) & self.dialect.rolling_mask

    @property
    def sends_version(self) -> bool:
        """Whether a share has its sixth parameter."""
        return self.dialect.rolling == "always" or bool(
            self.dialect.rolling == "if granted" and self.granted_mask
        )

    def submit(self, job: PoolJob, extranonce2: bytes, nonce: int, version: int, now_ns: int) -> None:
        word = "{:x}" if self.dialect.loose_hex else "{:08x}"
        params = [self.worker, job.job_id, extranonce2.hex(), word.format(job.ntime), word.format(nonce)]
        if self.sends_version:
            params.append(word.format(version ^ job.version))
        self._ask("share", "mining.submit", params, now_ns, self.dialect.share_id)

    def _next_step(self, now_ns: int) -> None:
        while self._steps and not self._open:
            for name in self._steps.popleft():
                request = self._request(name)
                if request is not None:
                    self._open.add(name)
                    self._ask(name, *request, now_ns)

    def _request(self, name: str) -> tuple[str, list[Any]] | None:
        dialect = self.dialect
        match name:
            case "subscribe":
                return "mining.subscribe", [dialect.agent]
            case "configure":
                asked: dict[str, Any] = {"version-rolling.mask": f"{dialect.rolling_mask:08x}"}
                if dialect.least_bits is not None:
                    asked["version-rolling.min-bit-count"] = dialect.least_bits
                return "mining.configure", [["version-rolling"], asked]
            case "authorize":
                return "mining.authorize", [self.worker, self.password]
            case "suggest":
                value = dialect.suggests if self.suggests is None else self.suggests
                return ("mining.suggest_difficulty", [_plain(value)]) if value > 0 else None
        return ("mining.extranonce.subscribe", []) if self.subscribes_extranonce else None

    def _ask(
        self, name: str, method: str, params: list[Any], now_ns: int, share_id: int | None = None
    ) -> None:
        number = self._next_id if share_id is None else share_id
        self._next_id += share_id is None
        waiting = self._asked[number]
        waiting.append(Asked(name, now_ns))
        if len(waiting) > MAX_SHARES_WAITING:
            waiting.popleft()
        if len(self._asked) > MAX_SHARES_WAITING:
            del self._asked[next(iter(self._asked))]
        self._say({"id": number, "method": method, "params": params})

    def _say(self, message: dict[str, Any]) -> None:
        if self.dialect.params_first and "params" in message:
            message = {"params": message["params"]} | message
        separators = (",", ":") if self.dialect.compact else None
        self.send(json.dumps(message, separators=separators).encode() + b"\n")

    def _take(self, message: dict[str, Any], now_ns: int) -> None:
        method = message.get("method")
        if not isinstance(method, str):
            self._reply(message, now_ns)
            return
        params = message.get("params")
        params = params if isinstance(params, list) else []
        try:
            self._obey(method, params, message.get("id"), now_ns)
        except _UNREADABLE as error:
            self.owner.log(f"Failed to parse Stratum message, ignoring: {method}: {error}")

    def _obey(self, method: str, params: list[Any], number: Any, now_ns: int) -> None:
        if method == "mining.notify":
            self._notify(params, now_ns)
        elif method == "mining.set_difficulty":
            self._set_difficulty(params[0])
        elif method not in self.dialect.methods:
            self.owner.log(f"unhandled method in stratum message: {method[:80]}")
        elif method == "mining.set_version_mask":
            self.granted_mask = int(params[0], 16)
        elif method == "mining.set_extranonce":
            self._set_extranonce(params[0], params[1])
        elif method == "mining.ping":
            pong = {"id": number, "method": "pong", "params": []}
            self._say(pong if self.dialect.pongs else {"id": number, "result": "pong", "error": None})
        elif method == "client.get_version":
            self._say({"id": number, "result": self.dialect.agent, "error": None})
        elif method == "client.show_message":
            self.owner.log(f"Pool: {params[0]!s:.200}")
        else:
            host, port = (*params, None, None)[:2]
            self.owner.told_to_reconnect(str(host) if host else None, int(port) if port else None)

    def _set_difficulty(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            value = 0  # cJSON's value of what is no number
        self.difficulty = int(value) if self.dialect.whole_difficulty else float(value)
        self.owner.log(f"Set pool difficulty: {self.difficulty:.2f}")

    def _set_extranonce(self, extranonce1: str, size: int) -> None:
        self.extranonce1 = bytes.fromhex(extranonce1)
        self.extranonce2_size = min(max(int(size), 0), 32)

    def _notify(self, params: list[Any], now_ns: int) -> None:
        if self.extranonce1 is None:
            if self.dialect.dies_without_extranonce:
                self.owner.died("a job before the extranonce")
            return
        if len(params) < 8:
            raise ValueError(f"{len(params)} parameters")
        job_id, prev_hash, *rest = params
        claimtrie = words_swapped(_hash(rest.pop(0))) if self.dialect.claimtrie else None
        coinbase1, coinbase2, branches, version, nbits, ntime, *_ = rest
        clean = params[-1] is True
        if len(branches) > self.dialect.most_branches:
            if self.dialect.dies_of_branches:
                self.owner.died("Too many Merkle branches.")
                return
            raise ValueError(f"{len(branches)} branches")
        job = PoolJob(
            number=self.next_number(),
            job_id=job_id + "",
            prev_hash=words_swapped(_hash(prev_hash)),
            coinbase1=bytes.fromhex(coinbase1),
            coinbase2=bytes.fromhex(coinbase2),
            branches=tuple(_hash(branch) for branch in branches),
            version=_word(version),
            nbits=_word(nbits),
            ntime=_word(ntime),
            clean=clean,
            claimtrie=claimtrie,
            extranonce1=self.extranonce1,
            extranonce2_size=self.extranonce2_size,
            difficulty=self.difficulty,
            version_mask=self.chip_mask,
            received_ns=now_ns,
        )
        if self._is_repeated(job):
            self.owner.log(f"Ignoring duplicate notify for job {job.job_id[:40]}")
            return
        self.owner.job_came(job)

    def _is_repeated(self, job: PoolJob) -> bool:
        if not self.dialect.remembered_ids:
            return False
        if job.clean:
            self._recent.clear()
        repeated = job.job_id in self._recent
        if not repeated:
            self._recent.append(job.job_id)
            if len(self._recent) > self.dialect.remembered_ids:
                self._recent.popleft()
        return repeated

    def _reply(self, message: dict[str, Any], now_ns: int) -> None:
        number = message.get("id")
        if isinstance(number, str) and not self.dialect.number_ids:
            number = whole_number(number)
        if isinstance(number, bool) or not isinstance(number, int) or not self._asked.get(number):
            return
        asked = self._asked[number].popleft()
        if not self._asked[number]:
            del self._asked[number]
        result, error = message.get("result"), message.get("error")
        failed = error is not None or (self.dialect.needs_error_key and "error" not in message)
        reason = "" if error is None else _reason(error)
        if asked.name == "share":
            accepted = result is True and not failed
            reason = reason or _reason(message.get("reject-reason")) or "unknown"
            self.owner.share_answered(accepted, reason, (now_ns - asked.at_ns) / 1e6)
            return
        if not failed:
            self._settle(asked.name, result)
        self._open.discard(asked.name)
        if asked.name == "authorize" and not self.authorized:
            self._steps.clear()
        self._next_step(now_ns)

    def _settle(self, name: str, result: Any) -> None:
        try:
            if name == "subscribe":
                self._set_extranonce(result[1], result[2])
            elif name == "configure" and result.get("version-rolling") is True:
                self.granted_mask = int(result["version-rolling.mask"], 16)
            elif name == "authorize" and result is True:
                self.authorized = True
                self.owner.pool_ready()
        except _UNREADABLE as problem:
            self.owner.log(f"{name}: a result that cannot be read: {problem}")


_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What comes of values of other kinds and sizes than a message has."""


def _hash(text: str) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != 32:
        raise ValueError(f"a hash of {len(value)} bytes")
    return value


def _word(text: str) -> int:
    return int(text, 16) & 0xFFFFFFFF


def _plain(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def _reason(error: Any) -> str:
    """In any of the forms that pools have: a list, an object, a text."""
    if isinstance(error, list) and len(error) > 1:
        return str(error[1])[:100]
    if isinstance(error, dict):
        return str(error.get("message", ""))[:100]
    return str(error)[:100] if error else ""
