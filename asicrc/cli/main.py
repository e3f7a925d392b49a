"""`asicrc`: the command line."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, cast

import typer

from asicrc.cli import (
    benchmark_commands,
    capture_commands,
    claims_commands,
    compare_commands,
    device_commands,
    evidence_commands,
    file_commands,
    guide_commands,
    leakage_commands,
    live_commands,
    planning_commands,
    prerequisites_commands,
    proxy_commands,
    puf_commands,
    report_commands,
    serve_commands,
    station_commands,
    sweep_commands,
    tpf_commands,
    watch_commands,
)
from asicrc.cli.output import as_asicrc_error, note, report_error
from asicrc.cli.panels import InPanels, put_into_panels
from asicrc.errors import AsicrcError, BadFile, ExitCode, NoAnswer, StorageError, UsageError
from firmware_protocols.errors import ProtocolError

if TYPE_CHECKING:
    from firmware_protocols.device import DeviceLost, SafetyStop, SettingRefused

app = typer.Typer(
    name="asicrc",
    cls=InPanels,
    help="Capture, verify and analyse the nonce timing of mining ASICs, each number beside its null. "
    "Try `asicrc demo`, `asicrc claims list` and `asicrc guide`; none of them needs a device.",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    device_commands,
    planning_commands,
    proxy_commands,
    capture_commands,
    sweep_commands,
    watch_commands,
    serve_commands,
    live_commands,
    file_commands,
    station_commands,
    compare_commands,
    leakage_commands,
    evidence_commands,
    tpf_commands,
    puf_commands,
    benchmark_commands,
    prerequisites_commands,
    claims_commands,
    report_commands,
    guide_commands,
):
    module.register(app)
put_into_panels(app)


STDOUT, STDERR = 1, 2
CommandLineError = cast(type[Exception], typer.BadParameter.__mro__[1])
"""Every mistake in the words of a command line. Typer carries a click of its own and does not export it."""


def main() -> None:
    """Entry point: every failure that a person can mend becomes one message and an exit code."""
    _open_what_was_closed()
    if isinstance(sys.stdout, io.TextIOWrapper):  # not every terminal has every letter: as on stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_run(sys.argv[1:] or ["--help"]))


def _open_what_was_closed() -> None:
    """Input, output and errors that whoever started us had closed: the next file would take their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(number, True)
    os.close(number)
    if sys.stdout is None:
        sys.stdout = os.fdopen(STDOUT, "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(STDERR, "w")


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        if result == ExitCode.INTERRUPTED and not isinstance(result, ExitCode):  # Typer's word for Ctrl-C
            note("interrupted")
        return int(result or ExitCode.OK)
    except AsicrcError as error:
        return _report(error, as_json)
    except ProtocolError as error:
        hint = "a recording with such bytes was damaged, or made to be"
        return _report(BadFile(f"bytes on the line break the protocol: {error}", hint), as_json)
    except CommandLineError as error:
        said = error.format_message() if hasattr(error, "format_message") else str(error)
        return _report(UsageError(said, f"{_command_of(arguments)} --help"), as_json)
    except MemoryError:
        return _report(NoAnswer("this takes more memory than there is", "ask for less at once"), as_json)
    except (KeyboardInterrupt, typer.Abort):
        note("interrupted")
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # Whoever read our output has left: nothing more can be said, and it is no failure of ours.
        # (Typer turns the broken pipe into an exit; nothing else here exits.)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except OSError as error:
        if error.filename is not None:
            hint = "check the path, what stands there already, and who may write there"
            return _report(StorageError(f"{error.filename} cannot be used: {error.strerror}", hint), as_json)
        # Files are opened where their errors are explained; what is left is the output itself.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        return _report(
            StorageError(f"the output cannot be written: {error.strerror or error}", "is the disk full?"),
            False,
        )
    except _errors_of_the_seam() as error:
        return _report(as_asicrc_error(error), as_json)


def _errors_of_the_seam() -> tuple[type[DeviceLost], type[SafetyStop], type[SettingRefused]]:
    """Imported where there was an error: `asicrc --help` does not wait for numpy."""
    from firmware_protocols.device import DeviceLost, SafetyStop, SettingRefused

    return DeviceLost, SafetyStop, SettingRefused


def _report(error: AsicrcError, as_json: bool) -> ExitCode:
    """The exit code stands also where nobody reads the object that tells the error."""
    try:
        report_error(error, as_json)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        report_error(error, False)
    return error.exit_code


def _command_of(arguments: list[str]) -> str:
    """As far as the words name commands: `asicrc claims run`."""
    command: Any = typer.main.get_command(app)
    names = ["asicrc"]
    for word in arguments:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        names.append(word)
    return " ".join(names)


if __name__ == "__main__":
    main()
