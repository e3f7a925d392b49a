"""Requests to an AxeOS miner, each confirmed: a 200 says nothing there, only what is read back counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from asicrc.devices.network.waiting import Waiting
from asicrc.transports.http_exchange import HttpExchange
from firmware_protocols.axeos import (
    Act,
    Action,
    AsicOptions,
    AxeosInfo,
    AxeosSettings,
    ChangeSettings,
    DeletePool,
    GetAsic,
    GetInfo,
    Profile,
    Refused,
    Request,
    encode_request,
    read_asic,
    read_done,
    read_info,
    read_settings_reply,
    unmet,
)
from firmware_protocols.device import Clock, DeviceLost, SettingRefused
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.http_messages import HttpReply

RESTART_WITHIN_S = 120.0
UPTIME_SLACK_S = 1.0
"""It is told in whole seconds."""

T = TypeVar("T")


class AxeosClient:
    """`profile` is what the miner's firmware does. Raises DeviceLost where it does not answer in time, and
    RemoteProtocolError for answers that are none."""

    def __init__(self, exchange: HttpExchange, profile: Profile, waiting: Waiting, clock: Clock) -> None:
        self.log: list[str] = []
        self.profile = profile
        self.name = exchange.name
        self._exchange = exchange
        self._waiting = waiting
        self._clock = clock
        self._is_back: Callable[[], bool] | None = None
        """Of a restart whose end was not waited for yet."""

    def info(self, *, patient: bool = True) -> AxeosInfo:
        """Not `patient` is who waits for it anyway, or for its being gone."""
        info = self._asked(GetInfo(), read_info, patient=patient)
        if isinstance(info, Refused):
            raise DeviceLost(f"{self.name} refuses to say how it is: {info.status} {info.message}")
        return info

    def options(self) -> AsicOptions | None:
        """None for firmware that has no such answer."""
        options = self._asked(GetAsic(), read_asic)
        return None if isinstance(options, Refused) else options

    def check(self, settings: AxeosSettings) -> None:
        """Raises SettingRefused for what this firmware would not take, without asking it."""
        try:
            encode_request(ChangeSettings(settings), self.profile)
        except LocalProtocolError as error:
            raise SettingRefused(f"{error}; nothing was written") from None

    def change(self, settings: AxeosSettings) -> AxeosInfo:
        """Write and read back. Raises SettingRefused unless all of it is so then."""
        self.check(settings)
        reply = read_settings_reply(
            self._exchange.ask(encode_request(ChangeSettings(settings), self.profile))
        )
        if isinstance(reply, Refused):
            names = ", ".join(settings.asked())
            raise SettingRefused(f"the miner refuses {names}: {reply.status} {reply.message}")
        return self.confirm(settings)

    def confirm(self, settings: AxeosSettings) -> AxeosInfo:
        """Raises SettingRefused unless the miner says that all of it is so."""
        info = self.info()
        differing = unmet(settings, info)
        if differing:
            said = "; ".join(_in_words(name, *values) for name, values in differing.items())
            raise SettingRefused(f"the miner answered that it was done, but did not do it: {said}")
        return info

    def empty(self, slot: int) -> None:
        """One place of its pool list, if it is taken. Raises SettingRefused unless it is empty then."""
        if not self._lists(slot):
            return
        reply = read_done(self._exchange.ask(encode_request(DeletePool(slot), self.profile)))
        if isinstance(reply, Refused):
            raise SettingRefused(f"place {slot} of its pool list is not emptied: {reply.message}")
        if self._lists(slot):
            raise SettingRefused(f"place {slot} of its pool list is still taken, although it says otherwise")

    def restart(self) -> None:
        """Return when it is back. Raises SettingRefused, and DeviceLost where it does not come back."""
        before_s, asked_ns = self.info().uptime_s, self._clock.now_ns()
        was_gone, was_answered = False, True
        try:
            reply = read_done(self._exchange.ask(encode_request(Act(Action.RESTART), self.profile)))
            if isinstance(reply, Refused):
                raise SettingRefused(f"the miner does not restart: {reply.status} {reply.message}")
        except DeviceLost as error:
            was_answered = False
            self.log.append(f"the request to restart had no answer ({error}); it may have been down already")

        def is_back() -> bool:
            nonlocal was_gone
            try:
                uptime_s = self.info(patient=False).uptime_s
            except (DeviceLost, RemoteProtocolError):
                was_gone = True
                return False
            if uptime_s is None or before_s is None:
                return was_gone
            elapsed_s = (self._clock.now_ns() - asked_ns) / 1e9
            # One that was out of reach for a while may never have had the request.
            return (was_gone and was_answered) or uptime_s + UPTIME_SLACK_S < before_s + elapsed_s

        self._is_back = is_back
        self._await_restart(is_back)

    def await_answer(self) -> None:
        """Return when it can be talked to, after a restart in the middle of which somebody asked to end too.

        Raises DeviceLost where it does not come.
        """
        is_back, self._is_back = self._is_back, None
        if is_back is None:
            self._waiting.await_answer(lambda: self.info(patient=False))
        elif not self._waiting.until(is_back, RESTART_WITHIN_S):
            self.info()  # it may have missed that it was to restart

    def _asked(self, request: Request, read: Callable[[HttpReply], T], *, patient: bool = True) -> T:
        """A question, once more where its answer is damaged."""
        data = encode_request(request, self.profile)
        try:
            return read(self._exchange.ask(data, patient=patient))
        except RemoteProtocolError:
            return read(self._exchange.ask(data, patient=patient))

    def _lists(self, slot: int) -> bool:
        return any(pool.slot == slot for pool in self.info().pools or ())

    def _await_restart(self, is_back: Callable[[], bool]) -> None:
        if not self._waiting.until(is_back, RESTART_WITHIN_S):
            raise DeviceLost(
                f"{self.name} did not come back from a restart within {RESTART_WITHIN_S:g} s: look at its "
                "display; a power cycle starts it with the settings that are stored"
            )
        self._is_back = None

    def close(self) -> None:
        self._exchange.close()


def _in_words(name: str, asked: object, is_now: object) -> str:
    """Pools are told by their name alone: they carry users."""
    if "pool" in name:
        return f"{name} is another one than asked for"
    if is_now is None:
        return f"{name}: {asked} was asked for, and it does not tell what it is"
    return f"{name}: {asked} was asked for, it is {is_now}"
