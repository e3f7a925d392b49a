"""A capture that ended before its time, told as an error where only a whole one is of use."""

from __future__ import annotations

from asicrc.capture.not_put_back import restore_command
from asicrc.capture.plan import Outcome
from asicrc.errors import AsicrcError


class Unfinished(AsicrcError):
    """What was lost, or who stopped it, is in the reason; the exit code is that of its end. A device that was
    not put back comes first in the hint."""

    code = "unfinished"

    def __init__(self, outcome: Outcome, url: str, then: str) -> None:
        command = restore_command(outcome.path, url)
        if outcome.restored is False and command is not None:
            then = f"put the device back first, `{command}`; then {then}"
        super().__init__(f"the capture in {outcome.path} ended before the input did: {outcome.reason}", then)
        self.exit_code = outcome.exit_code
