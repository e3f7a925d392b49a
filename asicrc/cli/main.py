"""`asicrc`: the command line."""

from __future__ import annotations

import os
import sys

import click
import typer

from asicrc.cli import capture_commands, device_commands, file_commands
from asicrc.cli.output import as_asicrc_error, note, report_error
from asicrc.errors import AsicrcError, ExitCode, UsageError
from firmware_protocols.device import DeviceLost, SettingRefused

app = typer.Typer(
    name="asicrc",
    help="Capture, verify and analyse the nonce timing of mining ASICs. "
    "Try `asicrc demo`, or `asicrc capture --device sim:bm1366 --duration 10s`.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (device_commands, capture_commands, file_commands):
    module.register(app)


def main() -> None:
    """Entry point: every failure that a person can mend becomes one message and an exit code."""
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    try:
        result = app(args=arguments, standalone_mode=False)
        sys.stdout.flush()
        return int(result or ExitCode.OK)
    except AsicrcError as error:
        return report_error(error, as_json)
    except (DeviceLost, SettingRefused) as error:
        return report_error(as_asicrc_error(error), as_json)
    except click.ClickException as error:
        hint = f"asicrc {arguments[0]} --help" if arguments else "asicrc --help"
        return report_error(UsageError(error.format_message(), hint), as_json)
    except click.exceptions.Exit as error:
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        note("interrupted")
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has left: nothing more can be said, and it is no failure of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK


if __name__ == "__main__":
    main()
