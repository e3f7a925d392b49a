"""Where the rest of the project finds the emulators: `sim:` URLs and `simulate` commands."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO
from urllib.parse import parse_qsl

from simulators.bitaxe.options import board_options_text, parse_board_options
from simulators.bm13xx.scale import OptionError, options_from_arguments, options_text, parse_scale
from simulators.bm13xx.silicon import SILICON
from simulators.miners.options import MINERS, miner_options_text, parse_options
from simulators.pool.options import parse_pool_options, pool_options_text

Options = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Emulator:
    """What can be emulated: the module that runs it, and what that module has to be told."""

    module: str
    fixed: tuple[tuple[str, str], ...]
    """Options that make it this device."""
    check: Callable[[Options], object]
    """Raises OptionError for options that it does not take."""
    help_text: Callable[[], str]


_POOL = "pool"
EMULATORS = {
    **{
        name: Emulator("simulators.bm13xx", (("chip", name),), parse_scale, partial(options_text, name))
        for name in SILICON
    },
    **{
        name: Emulator(
            "simulators.bitaxe", (("board", board),), parse_board_options, partial(board_options_text, board)
        )
        for name, board in (("bitaxe", "ultra"), ("bitaxe-gamma", "gamma"))
    },
    **{
        name: Emulator(
            "simulators.miners", (("miner", name),), parse_options, partial(miner_options_text, name)
        )
        for name in MINERS
    },
    _POOL: Emulator("simulators.pool", (), parse_pool_options, pool_options_text),
}
"""By the name in `sim:NAME` and `simulate NAME`. The pool is no device: miners are pointed at it."""

_OF_HOST = frozenset({"midstates"})
"""Options that tell how a chip is given work, not what it is."""
_USAGE = 2
_START_S = 60.0
"""For the first line: a machine that has not compiled the hash kernel before takes 5 to 12 s to do so."""
_STOP_S = 20.0
"""Until one that does not end by itself is killed: a busy machine keeps it from saying its last words."""


@contextmanager
def open_sim(url: str) -> Iterator[str]:
    """Start the emulator that a `sim:NAME?option=value&...` URL names; yield the URL of its line.

    Leaving the context ends the process; so does the death of this one. Raises ValueError for an unknown name
    or option, RuntimeError when the emulator does not start.
    """
    module, arguments, of_host = _command(url)
    with _running(module, arguments) as (_, line):
        yield "&".join((str(line["url"]), *of_host))


def emulate(name: str, args: Sequence[str]) -> int:
    """Run an emulated device in the foreground for a person, until Ctrl-C; return the exit code.

    `args` are options (`name=value` or `--name value`); `--help` lists them. 2 is one that is not understood.
    """
    emulator = EMULATORS[name]
    if {"--help", "-h"} & set(args):
        sys.stdout.write(
            f"Options, written name=value or --name value, with defaults:\n{emulator.help_text()}"
        )
        return 0
    try:
        options = [*emulator.fixed, *options_from_arguments(args)]
        emulator.check(options)
    except OptionError as error:
        sys.stderr.write(f"{error}\n")
        return _USAGE
    try:
        with _running(emulator.module, _arguments(options)) as (process, line):
            sys.stdout.write(f"{line['url']}\n{_what_to_do(line)}\nCtrl-C ends it.\n")
            sys.stdout.flush()
            return process.wait()
    except KeyboardInterrupt:
        return 0


emulate_bm1362 = partial(emulate, "bm1362")
emulate_bm1366 = partial(emulate, "bm1366")
emulate_bm1368 = partial(emulate, "bm1368")
emulate_bm1370 = partial(emulate, "bm1370")
emulate_bm1387 = partial(emulate, "bm1387")
emulate_bm1397 = partial(emulate, "bm1397")
emulate_bitaxe = partial(emulate, "bitaxe")
emulate_bitaxe_gamma = partial(emulate, "bitaxe-gamma")
emulate_lv06 = partial(emulate, "lv06")
emulate_s9 = partial(emulate, "s9")
emulate_lbbox = partial(emulate, "lbbox")
emulate_pool = partial(emulate, _POOL)


def _what_to_do(line: dict[str, object]) -> str:
    if "chips" not in line:
        return (
            f"This is an emulated pool. In another terminal:\n  asicrc proxy --upstream {line['url']},user=x"
        )
    return (
        f"This is an emulated {line['device']}, chips: {line['chips']}. In another terminal:\n"
        f"  asicrc capture --device '{line['url']}' --duration 10s"
    )


def _command(url: str) -> tuple[str, list[str], list[str]]:
    """Module, arguments, and what goes to the host of a URL; checked before anything starts."""
    scheme, _, rest = url.partition(":")
    name, _, query = rest.partition("?")
    if scheme != "sim" or name not in EMULATORS:
        known = ", ".join(f"sim:{name}" for name in EMULATORS if name != _POOL)
        raise ValueError(f"no device is emulated as {url!r}; there are {known}")
    emulator = EMULATORS[name]
    try:
        given = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise ValueError(f"options of {url!r} are written name=value&name=value: {error}") from None
    of_host = [f"{key}={value}" for key, value in given if key in _OF_HOST]
    options = [*emulator.fixed, *((key, value) for key, value in given if key not in _OF_HOST)]
    emulator.check(options)
    if not any(key == "report" for key, _ in options):
        options.append(("report", "0"))  # its host has a result of its own to show
    return emulator.module, _arguments(options), of_host


def _arguments(options: Options) -> list[str]:
    return [f"{key}={value}" for key, value in options]


@contextmanager
def _running(
    module: str, arguments: list[str]
) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, object]]]:
    """The process and the line of JSON that it announced itself with."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,  # Ctrl-C is for the host: the device is restored over this line
    )
    try:
        yield process, _announcement(process)
    finally:
        _end(process)


def _announcement(process: subprocess.Popen[bytes]) -> dict[str, object]:
    stdout = _pipe(process.stdout)
    readable, _, _ = select.select([stdout], [], [], _START_S)
    if not readable:
        raise RuntimeError(f"the emulator (process {process.pid}) said nothing for {_START_S:.0f} s")
    line = stdout.readline()
    if not line:
        raise RuntimeError(
            f"the emulator ended at its start with exit code {process.wait()}; see its message above"
        )
    return dict(json.loads(line))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Close its stdin, which ends it; kill it if it does not listen."""
    _pipe(process.stdin).close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        _pipe(process.stdout).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise RuntimeError("the emulator was started without pipes")
    return stream
