"""What a person sees while a capture runs: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from asicrc.capture.time_left import PlanStanding
from asicrc.capture.verification import Counters

if TYPE_CHECKING:
    from rich.live import Live

PLAIN_INTERVAL_NS = 1_000_000_000


class Progress:
    """`mode` is `live` (rich, on a terminal), `plain` (a line a second on stderr) or `none`.

    Where nobody can read it any more it goes on as `none`.
    """

    def __init__(self, mode: str) -> None:
        self.standing: PlanStanding | None = None
        """Where a plan stands; comes first on the line."""
        self._mode = mode
        self._start_ns: int | None = None
        self._shown_ns = 0
        self._live: Live | None = None
        if mode == "live":
            from rich.console import Console  # only where there is a terminal to draw on
            from rich.live import Live

            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()

    def show(self, now_ns: int, acknowledged: int, counters: Counters, lag_ns: int | None) -> None:
        """Called after every commit; `acknowledged` rows are durable. Events are those of them
        that were checked, as in `show` and `verify`."""
        if self._start_ns is None:
            self._start_ns = now_ns
        elapsed_s = (now_ns - self._start_ns) / 1e9
        rate = acknowledged / elapsed_s if elapsed_s > 0 else 0.0
        synthetic = f", {counters.synthetic} synthetic" if counters.synthetic else ""
        line = (
            f"{elapsed_s:7.1f} s  stored {acknowledged} rows: {counters.events} events checked "
            f"({counters.valid} valid, {counters.duplicate} duplicate){synthetic}  {rate:.1f}/s"
        )
        if lag_ns is not None:
            line += f"  lag {lag_ns / 1e9:.2f} s"
        if self.standing is not None:
            line = f"{self.standing.words(now_ns)}  |{line}"
        try:
            self._write(line, now_ns)
        except OSError:  # the terminal, or whoever read this, is gone: no reason to end a capture
            self._mode, self._live = "none", None

    def tell(self, text: str) -> None:
        """A line that stays, above the live one."""
        try:
            if self._live is not None:
                from rich.text import Text

                self._live.console.print(Text(text))
            elif self._mode == "plain":
                sys.stderr.write(text + "\n")
                sys.stderr.flush()
        except OSError:  # as in `show`
            self._mode, self._live = "none", None

    def close(self) -> None:
        if self._live is not None:
            with suppress(OSError):  # as above
                self._live.stop()

    def _write(self, line: str, now_ns: int) -> None:
        if self._live is not None:
            from rich.text import Text

            self._live.update(Text(line.strip(), no_wrap=True, overflow="ellipsis"), refresh=True)
        elif self._mode == "plain" and now_ns - self._shown_ns >= PLAIN_INTERVAL_NS:
            self._shown_ns = now_ns
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
