"""Requests to the web interface of a Goldshell box, logged in; one at a time, each change read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.credentials import HINT, Credentials
from asicrc.errors import UsageError
from asicrc.transports.http_exchange import HttpExchange
from firmware_protocols.cgminer_api import Device
from firmware_protocols.device import DeviceLost, SettingRefused
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.goldshell import (
    BoxBoard,
    BoxPool,
    BoxStatus,
    Change,
    DeletePool,
    GetBoards,
    GetPools,
    GetSetting,
    GetStatus,
    HttpReply,
    Login,
    Logout,
    NewPool,
    PutSetting,
    Refused,
    Request,
    Setting,
    Token,
    changed,
    encode_request,
    read_boards,
    read_done,
    read_login,
    read_pools,
    read_setting,
    read_status,
    unmet,
)

FACTORY_USER, FACTORY_PASSWORD = "admin", "123456789"
"""Of every box that leaves the factory, as its manual says; used where no other is given."""
UNAUTHORIZED = 401

T = TypeVar("T")


class GoldshellClient:
    """Raises DeviceLost where the box does not answer in time, and RemoteProtocolError for answers that are
    none. The first request that needs a login makes one: UsageError where the box does not let us in, and
    DeviceLost where it did before.

    `commands` is its command port: some boxes tell of their boards there alone.
    """

    def __init__(self, exchange: HttpExchange, credentials: Credentials, commands: CgminerClient) -> None:
        self._commands = commands
        self.name = exchange.name
        self._exchange = exchange
        self._credentials = credentials
        self._token: Token | None = None
        """The newest; None before the box has let us in."""
        self._boards_on_command_port: bool | None = None
        """None before anything was told of them."""

    def status(self) -> BoxStatus:
        status = read_status(self._exchange.ask(encode_request(GetStatus())))
        if isinstance(status, Refused) and status.status == UNAUTHORIZED:
            status = read_status(self._ask(GetStatus()))
        if isinstance(status, Refused):
            raise DeviceLost(f"{self.name} does not say what it is: {status.status} {status.message}")
        return status

    def setting(self) -> Setting:
        setting = self._asked(GetSetting(), read_setting)
        if isinstance(setting, Refused):
            raise DeviceLost(f"{self.name} does not tell its setting: {setting.status} {setting.message}")
        return setting

    def boards(self) -> tuple[BoxBoard, ...] | tuple[Device, ...]:
        if not self._boards_on_command_port:
            boards = self._asked(GetBoards(), read_boards)
            if not isinstance(boards, Refused):
                self._boards_on_command_port = False
                return boards
            if self._boards_on_command_port is not None:  # it told of them before
                raise DeviceLost(f"{self.name} does not tell of its boards: {boards.status} {boards.message}")
        devices = self._commands.devices()
        self._boards_on_command_port = True
        return devices

    def pools(self) -> tuple[BoxPool, ...]:
        pools = self._asked(GetPools(), read_pools)
        if isinstance(pools, Refused):
            raise DeviceLost(f"{self.name} does not tell its pools: {pools.status} {pools.message}")
        return pools

    def change(self, change: Change) -> Setting:
        """Raises SettingRefused unless the box then says that it is so."""
        try:
            asked = changed(self.setting(), change)
        except LocalProtocolError as error:
            raise SettingRefused(f"{error}; nothing was written") from None
        return self.write(asked)

    def write(self, asked: Setting) -> Setting:
        """As `change`, with the whole setting."""
        reply = self._ask(PutSetting(asked))
        try:
            done = read_done(reply)
        except RemoteProtocolError:
            done = None  # what is read back tells
        if isinstance(done, Refused):
            raise SettingRefused(f"the box refuses the setting: {done.status} {done.message}")
        told = self.setting()
        differing = unmet(asked, told)
        if differing:
            said = "; ".join(f"{name}: {a} was asked for, it is {b}" for name, (a, b) in differing.items())
            raise SettingRefused(f"the box answered that it was done, but did not do it: {said}")
        return told

    def add_pool(self, url: str, user: str, password: str) -> None:
        """Behind the others. Raises SettingRefused unless it is then in the list."""

        def is_listed() -> bool:
            return any(pool.url == url and pool.user == user for pool in self.pools())

        try:
            self._do_once(NewPool(url, user, password), "another pool", is_listed)
        except LocalProtocolError as error:
            raise SettingRefused(str(error)) from None
        if not is_listed():
            raise SettingRefused(
                "the box answered that it took the pool, but does not list it: its list may be full"
            )

    def delete_pool(self, pool: BoxPool) -> None:
        """Raises SettingRefused unless it is gone then."""

        def is_gone() -> bool:
            return not any(other.url == pool.url and other.user == pool.user for other in self.pools())

        request = DeletePool(pool.url, pool.user or "", pool.password or "", pool.drag_id or 0)
        self._do_once(request, "that a pool is deleted", is_gone)
        if not is_gone():
            raise SettingRefused("the box answered that it deleted a pool, but still lists it")

    def close(self) -> None:
        self._exchange.close()

    def _do_once(self, request: Request, what: str, is_done: Callable[[], bool]) -> None:
        """A change of the pools, which made twice comes to something else: where its answer is lost the list
        tells whether it was made."""
        try:
            self._check_reply(self._ask(request), what)
            return
        except DeviceLost:
            if is_done():
                return
        self._check_reply(self._ask(request), what)

    def _check_reply(self, reply: HttpReply, what: str) -> None:
        """Of a change of the pools, whose answer is the list or a word."""
        try:
            answer = read_pools(reply)
        except RemoteProtocolError:
            done = read_done(reply)
            answer = done if isinstance(done, Refused) else ()
        if isinstance(answer, Refused):
            raise SettingRefused(f"the box refuses {what}: {answer.status} {answer.message}")

    def _asked(self, request: Request, read: Callable[[HttpReply], T]) -> T:
        """A question, once more where its answer is damaged."""
        try:
            return read(self._ask(request))
        except RemoteProtocolError:
            return read(self._ask(request))

    def _ask(self, request: Request) -> HttpReply:
        """With a token; a refused one is tried again before it is believed, and then renewed."""
        token = self._token or self._login()
        for again in (True, False):
            reply = self._exchange.ask(encode_request(request, token.value))
            if reply.status != UNAUTHORIZED:
                return reply
            if not again:
                token = self._login()
        return self._exchange.ask(encode_request(request, token.value))

    def _login(self) -> Token:
        user = self._credentials.user or FACTORY_USER
        password = self._credentials.password or FACTORY_PASSWORD
        self._exchange.ask(encode_request(Logout()))
        said = ""
        for encrypted in (False, True):
            try:
                found = read_login(self._exchange.ask(encode_request(Login(user, password, encrypted))))
            except RemoteProtocolError:
                continue  # newer firmware answers the plain form with a page
            if isinstance(found, Token):
                self._token = found
                return found
            said = found.message
        given = "the given" if self._credentials.password else "its factory's"
        said = f": {said}" if said else ""
        if self._token is not None:
            raise DeviceLost(f"{self.name} does not take {given} password any more{said}")
        raise UsageError(f"{self.name} does not take {given} password{said}", HINT)
