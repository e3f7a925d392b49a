"""Options of what is seen from elsewhere while it runs."""

from __future__ import annotations

from typing import Annotated

import typer

Mqtt = Annotated[
    str | None,
    typer.Option(
        "--mqtt",
        help="Publish to this broker: mqtt://HOST:PORT/PREFIX, mqtts:// for TLS. The login comes from "
        "ASICRC_MQTT_USERNAME and ASICRC_MQTT_PASSWORD or ASICRC_MQTT_PASSWORD_FILE.",
    ),
]
Prometheus = Annotated[
    str | None,
    typer.Option("--prometheus", help="Serve metrics at this address, for example 127.0.0.1:9100."),
]
RigName = Annotated[
    str | None, typer.Option("--rig", help="Name of the rig in the topics. Default: of machine and device.")
]
