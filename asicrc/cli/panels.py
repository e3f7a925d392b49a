"""How `asicrc --help` lists the commands: by what a person is about to do, in the order of an evening."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

PANELS: dict[str, tuple[str, ...]] = {
    "Device": ("devices", "check", "station", "restore", "proxy", "simulate"),
    "Capture": ("demo", "capture", "sweep", "resume", "watch", "show", "list", "verify", "import", "export"),
    "Analysis": (
        "analyze",
        "compare",
        "heartbeat",
        "leakage",
        "benchmark",
        "prerequisites",
        "puf",
        "tpf",
        "vbm",
        "papers",
    ),
    "Claims": ("claims", "report"),
    "Tools": ("guide", "plan-rate", "plan-size", "serve", "publish", "collect", "rigs"),
}
OTHERS = "Tools"


class InPanels(TyperGroup):
    """Commands in the order of `PANELS`; one that is named nowhere comes last."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        known = [name for names in PANELS.values() for name in names]
        return sorted(self.commands, key=lambda name: known.index(name) if name in known else len(known))


def put_into_panels(app: typer.Typer) -> None:
    """Give every registered command the heading that it stands under."""
    panel_of = {name: panel for panel, names in PANELS.items() for name in names}
    for command in app.registered_commands:
        command.rich_help_panel = panel_of.get(command.name or "", OTHERS)
    for group in app.registered_groups:
        group.rich_help_panel = panel_of.get(str(group.name), OTHERS)
        group.no_args_is_help = True
