"""Commands of the cgminer family: who may give them, several at once, and the bytes of the reply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.miners.cgminer_reply import INVALID_COMMAND, PROBLEMS, Reply, as_json, as_text
from simulators.miners.command_port import Command

NUL = b"\0"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command: what it does with its parameter."""

    run: Callable[[str], Reply]
    reports: bool = False
    """Whether it can be joined with others by a plus."""


class CgminerApi:
    """`groups` are the commands that a host may give; None are all."""

    def __init__(
        self,
        description: str,
        entries: Mapping[str, Entry],
        *,
        groups: frozenset[str] | None = None,
        joins: bool = True,
        damage: Callable[[str, str], str] = lambda name, text: text,
        cut_at: int | None = None,
    ) -> None:
        self._description = description
        self._entries = {
            "check": Entry(self._check),
            "privileged": Entry(lambda _: Reply.success(46, "Privileged access OK")),
            **entries,
        }
        self._groups = groups
        self._joins = joins
        self._damage = damage
        self._cut_at = cut_at

    def answer(self, command: Command) -> bytes:
        if command.problem is not None:
            return self._sealed(as_json(PROBLEMS[command.problem].members(self._description)))
        if "+" in command.name and self._joins and command.in_json:
            return self._sealed(self._joined(command.name))
        if command.in_json and command.name in ("restart", "quit") and self._may(command.name):
            self._run(command.name, "")
            return self._sealed('{"STATUS":"RESTART"}' if command.name == "restart" else '{"STATUS":"BYE"}')
        reply = self._run(command.name, command.parameter)
        if command.in_json:
            text = self._damage(command.name, as_json(reply.members(self._description)))
        else:
            text = as_text(reply, self._description)
        return self._sealed(text)

    def _joined(self, name: str) -> str:
        """Each report under its name, in a list of one; others are left out of it."""
        parts = [part for part in dict.fromkeys(name.split("+")) if part]
        found = {
            part: [self._run(part, "").members(self._description)]
            for part in parts
            if part not in self._entries or self._entries[part].reports
        }
        return as_json({**found, "id": 1})

    def _run(self, name: str, parameter: str) -> Reply:
        if name not in self._entries:
            return INVALID_COMMAND
        if not self._may(name):
            return Reply.error(45, f"Access denied to '{name}' command")
        return self._entries[name].run(parameter)

    def _may(self, name: str) -> bool:
        return name in self._entries and (self._groups is None or name in self._groups)

    def _check(self, parameter: str) -> Reply:
        if not parameter:
            return Reply.error(71, "Missing check cmd")
        known = parameter in self._entries
        record = {"Exists": "Y" if known else "N", "Access": "Y" if self._may(parameter) else "N"}
        return Reply.success(72, "Check command", CHECK=[record])

    def _sealed(self, text: str) -> bytes:
        return text.encode()[: self._cut_at] + NUL
