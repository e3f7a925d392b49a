"""`publish`, `collect` and `rigs`: a capture seen from elsewhere, and gathered there."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asicrc.cli.live_options import Mqtt, Prometheus, RigName
from asicrc.cli.options import Json, refuse_idle, seconds
from asicrc.cli.output import note, print_json, say
from asicrc.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from asicrc.telemetry.mqtt.publisher import Published

USUAL_PREFIX, USUAL_INTERVAL = "homeassistant", "5s"


def register(app: typer.Typer) -> None:
    app.command("publish")(publish)
    app.command("collect")(collect)
    app.command("rigs")(rigs)


def publish(
    file: Annotated[Path, typer.Argument(help="A capture, being written or sealed.")],
    mqtt: Mqtt = None,
    prometheus: Prometheus = None,
    rig: RigName = None,
    discovery: Annotated[
        bool, typer.Option(help="Tell Home Assistant which sensors there are (retained).")
    ] = True,
    discovery_prefix: Annotated[str, typer.Option(help="Home Assistant's prefix.")] = USUAL_PREFIX,
    events: Annotated[
        bool, typer.Option(help="Send all rows of the file, for `asicrc collect`; else how it stands only.")
    ] = True,
    interval: Annotated[str, typer.Option(help="Time between two states.")] = USUAL_INTERVAL,
    give_up: Annotated[
        str | None,
        typer.Option(help="End with exit code 3 after so long without the broker. Default: try for good."),
    ] = None,
    beside_capture: Annotated[bool, typer.Option("--beside-capture", hidden=True)] = False,
    as_json: Json = False,
) -> int:
    """Publish a capture from its file to MQTT or Prometheus, while it is written or after.

    The file is only read. To MQTT it ends when the capture is sealed and everything is out: where `asicrc
    collect` listens, once it says that all is on its disk. Ctrl-C ends it earlier, and metrics alone end with
    Ctrl-C only; it does nothing to the capture.
    """
    from asicrc.telemetry.beside import wait_for_writing

    if mqtt is None and prometheus is None:
        raise UsageError("nowhere to publish to", "--mqtt mqtt://HOST or --prometheus 127.0.0.1:9100")
    if mqtt is None:
        of_broker = {
            "--rig": rig is not None,
            "--no-discovery": not discovery,
            "--discovery-prefix": discovery_prefix != USUAL_PREFIX,
            "--no-events": not events,
            "--interval": interval != USUAL_INTERVAL,
            "--give-up": give_up is not None,
        }
        refuse_idle(of_broker, "there is a broker (--mqtt)")
    refuse_idle(
        {"--discovery-prefix": not discovery and discovery_prefix != USUAL_PREFIX},
        "Home Assistant is told, without --no-discovery",
    )
    wait_s = seconds(interval)
    give_up_s = None if give_up is None else seconds(give_up)
    gone = threading.Event()
    if beside_capture:  # the capture's own process holds the other end of our input
        os.nice(10)
        threading.Thread(target=_watch_input, args=(gone,), daemon=True).start()
        if not wait_for_writing(file, gone):
            return ExitCode.OK
    server = None
    if prometheus is not None:
        from asicrc.telemetry.prometheus import MetricsServer

        try:
            server = MetricsServer(file, prometheus, note)
            server.start()
            note(f"metrics at {server.url}")
        except UsageError as error:
            if not beside_capture:
                raise
            note(f"metrics: {error.message}")  # what goes to the broker is none the worse
    try:
        if mqtt is None:
            gone.wait()  # of a capture that we do not run beside only Ctrl-C is the end
            return ExitCode.OK
        published = _publish(
            file, mqtt, rig, (discovery, discovery_prefix, events, wait_s), give_up_s, gone, beside_capture
        )
    finally:
        if server is not None:
            server.close()
    if as_json:
        print_json(
            {
                "path": str(file),
                "rows_sent": published.rows_sent,
                "batches_sent": published.batches_sent,
                "sealed": published.sealed,
                "collected": published.collected,
                "trouble": published.trouble,
            }
        )
    elif beside_capture:
        note(f"mqtt: {_outcome(file, published)}")
    else:
        say(_outcome(file, published))
    return ExitCode.NO_ANSWER if published.trouble else ExitCode.OK


def collect(
    mqtt: Annotated[str, typer.Argument(help="The broker: mqtt://HOST:PORT/PREFIX, mqtts:// for TLS.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the captures, one below it a rig.")
    ],
    until_sealed: Annotated[
        int | None,
        typer.Option(min=1, help="End when so many captures are complete. Default: Ctrl-C ends it."),
    ] = None,
    give_up: Annotated[
        str | None,
        typer.Option(help="End with exit code 3 after so long without the broker. Default: try for good."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Gather the captures of all rigs that publish to a broker, each into a file like its own.

    What is on the disk is acknowledged row by row; a rig sends again whatever is not. A file is sealed when
    its source is, with the same digest. Stopped and started again it goes on where it was.
    """
    import asyncio

    from asicrc.telemetry.collect.collector import Collector
    from asicrc.telemetry.mqtt.address import broker_address
    from asicrc.telemetry.mqtt.connection import check_library

    check_library()
    address = broker_address(mqtt, os.environ)
    give_up_s = None if give_up is None else seconds(give_up)
    output.mkdir(parents=True, exist_ok=True)
    collector = Collector(address, output, note, until_sealed)
    interrupted = False
    try:
        asyncio.run(collector.run(give_up_s))
    except KeyboardInterrupt:
        interrupted = True
    found = collector.collected()
    if as_json:
        print_json(found.as_json())
    else:
        for name, rows in found.rows.items():
            say(f"{name}: {rows} rows")
        for path in found.sealed:
            say(f"sealed  {path}")
        if found.dropped or found.refused:
            say(f"{found.dropped} messages had no room, {found.refused} were passed over")
    return ExitCode.INTERRUPTED if interrupted else ExitCode.OK


def rigs(
    directory: Annotated[Path, typer.Argument(help="Folder of `asicrc collect`.")],
    as_json: Json = False,
) -> int:
    """Relate the clocks of the rigs in a folder: offset and drift of each pair, with bounds.

    From the questions that `collect` asked while it ran, which bound them without any assumption, and from
    the clock anchors in the captures, which need both machines' time of day to be right.
    """
    from asicrc.telemetry.collect.rig_relations import relations_in

    found = relations_in(directory)
    if as_json:
        print_json(found.as_json())
    else:
        for line in found.lines():
            say(line)
    return ExitCode.OK


def _publish(
    file: Path,
    mqtt: str,
    rig: str | None,
    wishes: tuple[bool, str, bool, float],
    give_up_s: float | None,
    gone: threading.Event,
    beside: bool,
) -> Published:
    import asyncio

    from asicrc.capture.reader import load
    from asicrc.telemetry.mqtt.address import broker_address
    from asicrc.telemetry.mqtt.connection import check_library
    from asicrc.telemetry.mqtt.publisher import Publisher, Wishes
    from asicrc.telemetry.mqtt.topics import checked_prefix, checked_rig, usual_rig

    check_library()
    address = broker_address(mqtt, os.environ)
    name = usual_rig(str(load(file).meta.get("device_url", "imported"))) if rig is None else checked_rig(rig)
    discovery, prefix, events, interval_s = wishes
    publisher = Publisher(
        file,
        address,
        name,
        Wishes(discovery, checked_prefix(prefix), events, interval_s, give_up_s),
        (lambda text: note(f"mqtt: {text}")) if beside else note,
    )

    async def run() -> Published:
        loop = asyncio.get_running_loop()
        if beside:

            def tell() -> None:
                gone.wait()
                if not loop.is_closed():
                    loop.call_soon_threadsafe(publisher.stop)

            threading.Thread(target=tell, daemon=True).start()
        return await publisher.run()

    return asyncio.run(run())


def _watch_input(gone: threading.Event) -> None:
    sys.stdin.buffer.read()
    gone.set()


def _outcome(file: Path, published: Published) -> str:
    if published.trouble is not None:
        return f"{file}: not collected: {published.trouble}"
    if published.collected:
        return f"{file}: collected, sealed with the same digest"
    if published.collected is None and published.sealed:
        return f"{file}: all of it sent ({published.rows_sent} rows); nobody collected it"
    return f"{file}: {published.rows_sent} rows sent, not all: `asicrc publish` sends the rest"
